//! `mailtrace synth`.

use clap::Args;

use super::{Context, Outcome};

/// Writes synthetic event logs.
#[derive(Debug, Args)]
pub(super) struct SynthArgs {}

pub(super) fn run(_args: &SynthArgs, _context: &Context) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
