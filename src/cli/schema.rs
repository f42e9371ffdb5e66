//! `mailtrace schema`.

use clap::Args;

use crate::cli::args::input::InputArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::schema::Shapes;

/// Show field names and types, no values (safe to share)
///
/// Each path with its JSON types and the number of events that have it, by event name; undocumented
/// names come first. The output contains no address, subject or ID.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    #[command(flatten)]
    input: InputArgs,
}

pub(crate) fn run(args: &SchemaArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let opened = args.input.open(context)?;
    let shapes = Shapes::of(&opened.store)?;
    context.print(&shapes)?;
    if shapes.is_truncated {
        output::warn("there are more paths than are counted: the list is incomplete");
    }
    Ok(opened.outcome(!shapes.counts.is_empty()))
}
