//! What a query command asks: the store, or files for the length of one question.

use std::path::PathBuf;

use clap::Args;

use super::progress::ImportProgress;
use super::{Context, Outcome, import};
use crate::ingest::{ImportOptions, import_temporarily, temporary_directory};
use crate::store::{Store, StoreError};
use crate::temporary::TemporaryDirectory;

/// Where the events come from.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Ask these files or directories (- for standard input) instead of a store; nothing is kept
    #[arg(long, num_args = 1.., value_name = "PATH")]
    input: Vec<PathBuf>,
}

/// A store to ask, and how reading it went.
pub(super) struct Opened {
    pub(super) store: Store,
    /// Whether all input was understood.
    input_outcome: Outcome,
    /// The temporary store's directory, removed with this.
    _dir: Option<TemporaryDirectory>,
}

impl Opened {
    /// The exit status of a command that found something or not.
    pub(super) fn outcome(&self, has_found: bool) -> Outcome {
        if has_found { self.input_outcome } else { Outcome::NothingFound }
    }
}

impl InputArgs {
    /// Whether files are asked instead of a store.
    pub(super) fn is_given(&self) -> bool {
        !self.input.is_empty()
    }

    pub(super) fn open(&self, context: &Context) -> anyhow::Result<Opened> {
        if self.input.is_empty() {
            let path = context.store_path()?;
            let store = Store::open(&path).map_err(|error| match error {
                StoreError::NoStore { path } => anyhow::anyhow!(
                    "there is no store at {}: import into it first, name another with --store, or ask files with --input",
                    path.display()
                ),
                other => other.into(),
            })?;
            return Ok(Opened { store, input_outcome: Outcome::Done, _dir: None });
        }
        let dir = temporary_directory()?;
        context.leftovers.add(dir.path())?;
        let progress = ImportProgress::new(context);
        let (store, report) =
            import_temporarily(dir.path(), &self.input, &ImportOptions::default(), &mut |it| {
                progress.show(it);
            })?;
        drop(progress);
        import::warn_of_hidden(&self.input, context);
        let input_outcome = import::finish(&report, context)?;
        Ok(Opened { store, input_outcome, _dir: Some(dir) })
    }
}
