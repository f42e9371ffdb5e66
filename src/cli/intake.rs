//! Messages about files that were read, and the exit status that follows.

use std::path::PathBuf;

use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::ingest::{FileReport, ImportReport};
use crate::source::hidden_directories;

/// Warns of directories whose entries were all skipped because their names begin with a dot.
pub(crate) fn warn_of_hidden(paths: &[PathBuf], context: &Context) {
    if context.global.quiet {
        return;
    }
    for path in hidden_directories(paths) {
        output::warn(&format!(
            "{}: everything in it has a name that begins with a dot, and is skipped: name such a path itself to read it",
            path.display()
        ));
    }
}

/// Says on stderr what went wrong, and decides the exit status.
pub(crate) fn finish(report: &ImportReport, context: &Context) -> anyhow::Result<CommandOutcome> {
    if context.global.verbose > 0 {
        report.files.iter().for_each(say);
    }
    let problems: Vec<_> = report.problems().collect();
    // The first problem becomes the error itself, which is printed last.
    for problem in problems.iter().skip(1) {
        output::warn(&format!("{}: {}", output::chain(*problem), problem.hint()));
    }
    if let Some(problem) = problems.first() {
        anyhow::bail!("{}: {}", output::chain(*problem), problem.hint());
    }
    let is_complete = report.files.iter().all(|it| it.incomplete.is_none());
    if !context.global.quiet {
        say_what_is_incomplete(report);
    }
    if report.rejected() == 0 && is_complete {
        return Ok(CommandOutcome::Done);
    }
    if !context.global.quiet {
        let with_rejects = report.files.iter().filter(|it| it.rejected > 0);
        for file in with_rejects.take(REJECTING_FILES_SHOWN) {
            let (line, reason) = file.first_reject.as_ref().map_or((0, ""), |it| (it.0, &it.1));
            output::warn(&format!(
                "{}: {} rejected, first on line {line}: {reason}",
                file.path, file.rejected
            ));
            if file.rejected_left_out > 0 {
                output::warn(&format!(
                    "{}: {} of the rejected pieces are not kept: the file expands to many times its size",
                    file.path, file.rejected_left_out
                ));
            }
        }
    }
    Ok(CommandOutcome::SomeRejected)
}

/// Says on stderr which files declare themselves incomplete.
fn say_what_is_incomplete(report: &ImportReport) {
    let incomplete = report.files.iter().filter_map(|it| Some((it, it.incomplete.as_deref()?)));
    for (file, reason) in incomplete.take(REJECTING_FILES_SHOWN) {
        output::warn(&format!("{}: incomplete by its own account: {reason}", file.path));
    }
}

/// Says on stderr what a file had.
fn say(file: &FileReport) {
    let format = file.format.map_or("unknown format", |it| it.as_str());
    let compression = if file.compression.is_empty() { "plain" } else { &file.compression };
    output::note(&format!(
        "{}: {format}, {compression}: {} read, {} new, {} duplicates, {} rejected",
        file.path, file.read, file.added, file.duplicates, file.rejected
    ));
}

/// The number of files with rejects that are named on stderr; the JSON and CSV reports name all.
const REJECTING_FILES_SHOWN: usize = 20;
