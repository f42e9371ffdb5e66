//! The answer of `trace`: messages found by their IDs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::{message_columns, message_rows};
use super::json::MessageJson;
use super::provenance::{EventSources, write_event_sources};
use super::table::TableOptions;
use super::timeline::{candidates_json, write_candidates_table};
use super::trace_table::{write_divider, write_trace_table};
use crate::time::Zone;
use crate::timeline::Candidate;
use crate::trace::Message;

/// An ID of a message, with audit events that may belong to it.
pub type MessageCandidates = (Option<String>, Vec<Candidate>);

/// The result of `trace`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceAnswer<'a> {
    /// The messages.
    pub messages: &'a [Message],
    /// The requested IDs without any event.
    pub not_found: &'a [String],
    /// The coverage in words, to distinguish "no such mail" from "not covered".
    pub coverage_note: Option<&'a str>,
    /// Known IDs that contain one of those not found.
    pub candidates: &'a [String],
    /// Audit events that may belong to the first messages; `None` if the store has no audit events.
    pub access: Option<&'a [MessageCandidates]>,
    /// The source of each event, if requested.
    pub sources: Option<&'a EventSources>,
}

impl Answer for TraceAnswer<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        for (index, message) in self.messages.iter().enumerate() {
            if index > 0 {
                write_divider(options, out)?;
            }
            write_trace_table(message, options, out)?;
            if let Some(sources) = self.sources.and_then(|it| it.get(index)) {
                write_event_sources(message, sources, options, out)?;
            }
        }
        for (id, candidates) in self.access.unwrap_or(&[]) {
            // With a single message it is clear whose candidates they are.
            let id = id.as_deref().filter(|_| self.messages.len() > 1);
            write_candidates_table(id, candidates, options, out)?;
        }
        Ok(())
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let access = self.access.unwrap_or(&[]).iter().map(|it| candidates_json(it, zone));
        let access: Vec<Value> = access.collect();
        let is_lines = out.is_lines();
        let messages = self.messages.iter().enumerate().map(|(index, message)| {
            let sources = self.sources.and_then(|it| it.get(index)).map(Vec::as_slice);
            // Lines have no place after the list, so candidates go into their messages there.
            let access = access.get(index).filter(|_| is_lines);
            MessageJson::new(message, Some(sources), zone).with_access(access)
        });
        let mut behind = vec![
            ("notFound", json!(self.not_found)),
            ("candidates", json!(self.candidates)),
            ("coverageNote", json!(self.coverage_note)),
        ];
        // A store without audit events does not have the member at all.
        if self.access.is_some() {
            let all = access.iter().filter_map(Value::as_array).flatten().cloned();
            behind.push(("access", all.collect()));
        }
        out.list(&[], "messages", messages, &behind)
    }

    /// A row for each recipient.
    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.messages.iter().flat_map(|it| message_rows(it, &options.zone));
        write_csv(message_columns(), rows, out)
    }
}
