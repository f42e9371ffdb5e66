//! A single file with a row or line for each event, for databases and SIEMs.

pub(super) mod ecs;
pub(super) mod ocsf;
mod parquet;
pub(super) mod rows;

use std::io::{self, Write};

use super::passage::{PassingEvent, Sink, pass};
use super::staging::HashedFile;
use super::{ExportError, ExportSelection, Passed, Redactor, Staging};
use crate::event::decoded_subject;
use crate::render::write_json;
use crate::store::Store;
use crate::trace::{JoinRules, Message};

/// The format of such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlatFormat {
    /// Apache Parquet, with typed columns.
    Parquet,
    /// Lines of JSON in the Elastic Common Schema.
    Ecs,
    /// Lines of JSON in the Open Cybersecurity Schema Framework, class Email Activity.
    Ocsf,
}

/// Writes the events of the selected messages to `out`, in order of time.
pub fn write_flat<W: Write + Send>(
    store: &Store,
    selection: &ExportSelection,
    rules: &JoinRules,
    redactor: Option<&Redactor>,
    format: FlatFormat,
    out: W,
) -> Result<Passed, ExportError> {
    let write: fn(&PassingEvent, &mut dyn Write) -> io::Result<()> = match format {
        FlatFormat::Parquet => {
            let mut sink = parquet::EventRows::new(out)?;
            let passed = pass(store, selection, rules, redactor, &mut sink)?;
            sink.finish()?;
            return Ok(passed);
        }
        FlatFormat::Ecs => |event, out| write_json(&ecs::document(event), out),
        FlatFormat::Ocsf => |event, out| write_json(&ocsf::document(event), out),
    };
    let mut sink = FlatLines { out, write };
    let passed = pass(store, selection, rules, redactor, &mut sink)?;
    sink.out.flush().map_err(|source| ExportError::Write { source })?;
    Ok(passed)
}

/// Does the same as [`write_flat`], to the target of `staging`.
///
/// # Errors
///
/// As [`write_flat`]; [`ExportError::TargetExists`] if something has appeared there meanwhile.
pub fn write_flat_file(
    store: &Store,
    selection: &ExportSelection,
    rules: &JoinRules,
    redactor: Option<&Redactor>,
    format: FlatFormat,
    staging: Staging,
) -> Result<Passed, ExportError> {
    in_file(staging, |file| write_flat(store, selection, rules, redactor, format, file))
}

/// Writes one file to the target of `staging`.
pub(super) fn in_file<T>(
    staging: Staging,
    write: impl FnOnce(&mut HashedFile) -> Result<T, ExportError>,
) -> Result<T, ExportError> {
    const NAME: &str = "events";
    let mut file = staging.create(NAME)?;
    // The writer below knows no path; the target's is the one that the user named.
    let passed = write(&mut file).map_err(|error| match error {
        ExportError::Write { source } => ExportError::io("write", staging.target())(source),
        other => other,
    })?;
    file.finish()?;
    staging.publish_file(NAME)?;
    Ok(passed)
}

/// Writes events as lines.
struct FlatLines<W> {
    out: W,
    write: fn(&PassingEvent, &mut dyn Write) -> io::Result<()>,
}

impl<W: Write> Sink for FlatLines<W> {
    fn message(&mut self, _number: u64, _message: &Message) -> Result<(), ExportError> {
        Ok(())
    }

    fn event(&mut self, event: &PassingEvent) -> Result<(), ExportError> {
        (self.write)(event, &mut self.out).map_err(|source| ExportError::Write { source })
    }
}

impl PassingEvent {
    /// Returns the decoded subject of the event, or else of its message.
    fn subject(&self) -> Option<String> {
        let own = self.stored.event.subject.as_deref().map(|it| decoded_subject(it).into_owned());
        own.or_else(|| self.message.subject.clone())
    }

    /// Returns on whose behalf it was sent, from the event or else from its message.
    fn from(&self) -> Option<&str> {
        let own = self.stored.event.from.as_ref().or(self.message.from.as_ref());
        own.map(|it| it.as_str())
    }

    /// Returns who really sent it, from the event or else from its message.
    fn sender(&self) -> Option<&str> {
        let own = self.stored.event.sender.as_ref().or(self.message.sender.as_ref());
        own.map(|it| it.as_str())
    }

    /// Returns a message ID without brackets: the event's own, or else the first of its message.
    fn message_id(&self) -> Option<&str> {
        let first = || self.message.message_ids.first()?.strip_prefix('<')?.strip_suffix('>');
        self.stored.event.message_id.as_ref().map(|it| it.as_str()).or_else(first)
    }

    /// Returns its recipients, each once, in order of first appearance.
    fn recipients(&self) -> Vec<&str> {
        let mut seen = std::collections::HashSet::new();
        let all = self.stored.event.all_recipients().map(|it| it.as_str());
        all.filter(|it| seen.insert(*it)).collect()
    }
}
