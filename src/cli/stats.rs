//! `mailtrace stats`.

use clap::Args;

use super::{Context, Outcome};

/// x
#[derive(Debug, Args)]
pub(super) struct StatsArgs {}

pub(super) fn run(_args: &StatsArgs, _context: &Context) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
