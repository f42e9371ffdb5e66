//! `mailtrace schema`.

use clap::Args;

use super::{Context, Outcome};

/// x
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {}

pub(super) fn run(_args: &SchemaArgs, _context: &Context) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built yet")
}
