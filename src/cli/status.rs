//! `mailtrace status`.

use std::io::Write;

use clap::Args;

use crate::access::{AccessHits, AccessRequest, People};
use crate::cli::context::{CommandOutcome, Context};
use crate::render::StoreStatus;
use crate::store::Store;

/// Show what the store holds and covers, and where the gaps are
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {}

pub(crate) fn run(_args: &StatusArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let store = Store::open(&context.store_path()?)?;
    answer(&store, context, &mut context.stdout())?;
    Ok(CommandOutcome::Done)
}

/// Writes the answer.
pub(crate) fn answer(store: &Store, context: &Context, out: &mut dyn Write) -> anyhow::Result<()> {
    // The question names nobody, so people need not be read.
    let hits = AccessHits::find_with(store, &AccessRequest::default(), People::default())?;
    let audit = hits.span().map(|(first, last)| (hits.total(), first, last));
    let head = store.head()?;
    let (sizes, head, now) = (store.sizes()?, head.as_deref(), context.now);
    Ok(context.printer().print(&StoreStatus { store, sizes, head, audit, now }, out)?)
}
