//! The end of a command that failed: one line on stderr.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::cli::args::question::RefusedQuery;
use crate::cli::output::chain;
use crate::cli::room;
use crate::render::sanitise;

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Writes the one line about an error: what failed, where, and what to do.
///
/// A query that cannot be read is shown above it, with the faulty place marked.
pub(crate) fn report_error(stderr: &mut dyn Write, error: &anyhow::Error) {
    if let Some(query) = error.downcast_ref::<RefusedQuery>() {
        let _unwritable = writeln!(stderr, "{}", query.report);
    }
    let mut line = chain(error.as_ref());
    if let Some(advice) = room::advice(error) {
        line.push_str(": ");
        line.push_str(&advice);
    }
    // If stderr itself fails, there is nowhere to report it.
    let _unwritable = writeln!(stderr, "{ERROR}error:{ERROR:#} {}", sanitise(&line));
}

/// True if the reader of our output closed it, which is no error.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|it| {
        let inner = it.downcast_ref::<io::Error>();
        // The CSV writer's error may come wrapped in an I/O error of another kind.
        let csv = it
            .downcast_ref::<csv::Error>()
            .or_else(|| inner.and_then(|it| it.get_ref()?.downcast_ref::<csv::Error>()));
        let io = match csv.map(csv::Error::kind) {
            Some(csv::ErrorKind::Io(io)) => Some(io),
            _ => inner,
        };
        io.is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
    })
}
