//! `mailtrace trace`.

use clap::Args;

use super::{Context, Outcome};

/// Answers what happened to a message.
#[derive(Debug, Args)]
pub(super) struct TraceArgs {}

pub(super) fn run(_args: &TraceArgs, _context: &Context) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
