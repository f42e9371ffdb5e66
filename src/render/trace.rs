//! What became of messages, found by their IDs.

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

/// An ID of a message, and what audit logs may say of it.
pub type MessageCandidates = (Option<String>, Vec<Candidate>);

/// What `trace` found out.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceAnswer<'a> {
    /// The messages.
    pub messages: &'a [Message],
    /// The IDs that nothing was found for, as they were asked for.
    pub not_found: &'a [String],
    /// What was looked at, to tell "no such mail" from "not looked at".
    pub coverage_note: Option<&'a str>,
    /// IDs of which those that were not found are a part.
    pub candidates: &'a [String],
    /// What audit logs may say of the first messages; nothing where the store has none.
    pub access: Option<&'a [MessageCandidates]>,
    /// Where each event came from, where that was asked for.
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
            let access = access.get(index).filter(|_| is_lines);
            MessageJson::new(message, Some(sources), zone).with_access(access)
        });
        let mut behind = vec![
            ("notFound", json!(self.not_found)),
            ("candidates", json!(self.candidates)),
            ("coverageNote", json!(self.coverage_note)),
        ];
        // Without audit events the answer is as it was before there were any.
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
