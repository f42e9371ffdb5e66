//! `mailtrace search`.

use clap::Args;

use super::{Context, Outcome};

/// Finds events by query, newest first.
#[derive(Debug, Args)]
pub(super) struct SearchArgs {}

pub(super) fn run(_args: &SearchArgs, _context: &Context) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
