//! Queries as text, and the lists that they name.

use std::path::Path;

use crate::cli::args::ids::Ids;
use crate::cli::context::Context;
use crate::limits;
use crate::query::{Language, Query};

/// Parses a query on events; an error is shown below the query itself.
pub(crate) fn parse_query(text: &str, context: &Context) -> anyhow::Result<Query> {
    parse(Language::of_events(context.now, &context.zone), text, context)
}

/// Parses a query on messages and their recipients.
pub(crate) fn parse_rows(text: &str, context: &Context) -> anyhow::Result<Query> {
    parse(Language::of_rows(context.now, &context.zone), text, context)
}

/// Parses a query on audit events.
pub(crate) fn parse_access(text: &str, context: &Context) -> anyhow::Result<Query> {
    parse(Language::of_access(context.now, &context.zone), text, context)
}

fn parse(language: Language<'_>, text: &str, context: &Context) -> anyhow::Result<Query> {
    let parsed = match context.reads_files {
        true => language.with_lists(&lines_of).parse(text),
        false => language.with_lists(&no_lines).parse(text),
    };
    Ok(parsed.map_err(|error| RefusedQuery { report: error.report(), summary: error.summary() })?)
}

/// The error for a query that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the query: {summary}")]
pub(crate) struct RefusedQuery {
    /// The error and its place, in one line.
    summary: String,
    /// The place marked below the query itself, and what to do.
    pub(crate) report: String,
}

/// Remote callers must not have files of this machine read.
fn no_lines(name: &str) -> Result<Option<Vec<String>>, String> {
    match name.contains(['/', '\\']) {
        true => Err("only the command line reads lists from files".to_owned()),
        false => Ok(None),
    }
}

/// The extensions of files with lists.
const LIST_EXTENSIONS: [&str; 4] = ["txt", "csv", "lst", "list"];

/// The lines of the file that `from:@NAME` names. A name without a file may be a domain, unless
/// it is written as a path.
fn lines_of(name: &str) -> Result<Option<Vec<String>>, String> {
    let path = Path::new(name);
    // No domain ends as files with lists do.
    let is_file = path.extension().is_some_and(|it| LIST_EXTENSIONS.iter().any(|of| it == *of));
    if !is_file && !name.contains(['/', '\\']) && !path.exists() {
        return Ok(None);
    }
    let read =
        Ids::open(Vec::new(), path, None).and_then(|mut it| it.next_ids(limits::BATCH_IDS_MAX));
    read.map(Some).map_err(|error| format!("{error:#}"))
}
