//! Messages, one per row.

use std::io::{self, Write};

use serde::Serialize;

use super::address::Marked;
use super::answer::{Answer, JsonWriter, Part, write_csv, write_csv_rows};
use super::csv::{message_columns, message_rows};
use super::headline::headline_by;
use super::json::MessageJson;
use super::sanitise::fit;
use super::step;
use super::style::{message_style, outcome_style};
use super::table::{Cell, Column, Table, TableOptions};
use crate::limits;
use crate::shell::quoted;
use crate::time::Zone;
use crate::trace::{Direction, Message, MessageFilter, MessageOutcome, Outcome, Recipient};

/// Messages that a filter found.
#[derive(Clone, Copy, Debug)]
pub struct FoundMessages<'m> {
    /// The messages.
    pub messages: &'m [Message],
    /// The question's filter.
    pub filter: &'m MessageFilter,
    /// True if JSON includes their events.
    pub has_events: bool,
}

impl FoundMessages<'_> {
    /// Returns for each row of a message whether it matches the filter.
    fn matched(&self, message: &Message) -> Vec<bool> {
        message.recipients.iter().map(|it| self.filter.matches_row(message, it)).collect()
    }

    /// Returns a message with only the rows that match the filter.
    fn with_matching_rows(&self, message: &Message) -> Message {
        let mut matched = self.matched(message).into_iter();
        let mut message = message.clone();
        message.recipients.retain(|_| matched.next() == Some(true));
        message
    }
}

impl Part for FoundMessages<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        if !self.filter.asks_of_rows() {
            return write_messages_table(self.messages, options, out);
        }
        let mut table = new_table();
        for message in self.messages {
            push_rows(message, &self.with_matching_rows(message), options, &mut table);
        }
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, list: &mut JsonWriter<'_>) -> io::Result<()> {
        let events = self.has_events.then_some(None);
        self.messages.iter().try_for_each(|message| {
            let json = MessageJson::new(message, events, zone);
            list.push(&json.with_matched(&self.matched(message)))
        })
    }

    fn csv(&self, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
        let rows =
            self.messages.iter().flat_map(|it| message_rows(&self.with_matching_rows(it), zone));
        write_csv_rows(rows, out)
    }
}

/// Writes messages as a table: time, outcome, addresses, and beneath them the ID to continue with,
/// the subject, and any problem.
fn write_messages_table(
    messages: &[Message],
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = new_table();
    for message in messages {
        table.push(row_of(message, &message.first_seen.in_zone(&options.zone)));
    }
    table.write(options.width, out)
}

/// Adds a row for each matching recipient of a message: time, outcome, addresses, and details
/// beneath.
fn push_rows(message: &Message, matching: &Message, options: &TableOptions, table: &mut Table) {
    let rows = matching.deciding_recipients();
    let time = message.first_seen.in_zone(&options.zone);
    // A message may match as a whole while none of its recipients does.
    if rows.is_empty() {
        table.push(row_of(message, &time));
    }
    let more = rows.len().saturating_sub(limits::TABLE_RECIPIENTS_MAX);
    for (place, row) in rows.iter().take(limits::TABLE_RECIPIENTS_MAX).enumerate() {
        // The last row counts the recipients left out.
        let is_last = place + 1 == limits::TABLE_RECIPIENTS_MAX;
        let others = if is_last { more } else { 0 };
        let sender = message.from.as_ref().or(message.sender.as_ref());
        table.push([
            Cell::new(&time),
            Cell::styled(row.outcome.as_str(), outcome_style(row.outcome)),
            Cell::marked(step::from_and_to(sender, Some(&row.address), others)),
            Cell::marked(beneath_row(message, row)),
        ]);
    }
}

/// Messages that are related to one, for one reason.
#[derive(Clone, Debug)]
pub struct Related {
    /// The reason.
    pub reason: &'static str,
    /// The value that they share.
    pub shared: String,
    /// The query that finds all of them.
    pub query: String,
    /// The number of all of them.
    pub total: u64,
    /// The newest of them.
    pub messages: Vec<Message>,
}

/// Messages that are related to one, by reason.
#[derive(Clone, Copy, Debug)]
pub struct RelatedMessages<'r>(pub &'r [Related]);

#[derive(Serialize)]
struct RelatedJson<'r> {
    reason: &'static str,
    shared: &'r str,
    query: &'r str,
    total: u64,
    messages: Vec<MessageJson<'r>>,
}

impl Answer for RelatedMessages<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        for Related { reason, shared, query, total, messages } in self.0 {
            let line = format!("{reason} {shared}: {total} more");
            writeln!(out, "{}", fit(&line, limits::TABLE_TEXT_COLUMNS_MAX))?;
            write_messages_table(messages, options, out)?;
            let command = format!("mailtrace messages {}", quoted(query));
            let command = fit(&command, limits::TABLE_TEXT_COLUMNS_MAX);
            writeln!(out, "  all of them: {command}\n")?;
        }
        Ok(())
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let message = |it| MessageJson::new(it, None, zone);
        // Lines are messages here, as in every other list; the reasons are for the document.
        if out.is_lines() {
            let mut messages = self.0.iter().flat_map(|it| &it.messages);
            return messages.try_for_each(|it| out.push(&message(it)));
        }
        let related = self.0.iter().map(|it| RelatedJson {
            reason: it.reason,
            shared: &it.shared,
            query: &it.query,
            total: it.total,
            messages: it.messages.iter().map(message).collect(),
        });
        out.list(&[], "related", related, &[])
    }

    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let messages = self.0.iter().flat_map(|it| &it.messages);
        let rows = messages.flat_map(|it| message_rows(it, &options.zone));
        write_csv(message_columns(), rows, out)
    }
}

fn new_table() -> Table {
    Table::new([
        Column::whole("FIRST SEEN"),
        Column::whole("OUTCOME"),
        Column::shortened("FROM → TO"),
        Column::beneath(),
    ])
}

/// Returns the row of a message as a whole.
fn row_of(message: &Message, time: &str) -> [Cell; 4] {
    [
        Cell::new(time),
        Cell::styled(message.outcome.as_str(), message_style(message.outcome)),
        Cell::marked(from_and_to(message)),
        Cell::marked(beneath(message)),
    ]
}

/// Returns the ID to continue with, the subject, and details of the recipient.
fn beneath_row(message: &Message, row: &Recipient) -> Marked {
    let cause = (row.outcome == Outcome::Bounced)
        .then(|| step::cause(row.status.as_deref(), row.reason.as_deref()));
    let folder = row.folder.as_ref().map(|it| format!("in {it}"));
    let rule = row.rule.as_ref().map(|it| format!("rule \"{it}\""));
    let parts = [message.any_id(), message.subject.clone(), cause, folder, rule];
    Marked::new(|_| {
        let parts = parts.iter().flatten().filter(|it| !it.is_empty());
        parts.cloned().collect::<Vec<_>>().join(" · ")
    })
}

fn from_and_to(message: &Message) -> Marked {
    let recipients = message.deciding_recipients();
    let first = recipients.first().map(|it| &it.address);
    let others = recipients.len().saturating_sub(1);
    step::from_and_to(message.from.as_ref().or(message.sender.as_ref()), first, others)
}

fn beneath(message: &Message) -> Marked {
    // A copy that bounced is worth mentioning although another one arrived.
    let has_bad_copy = message
        .recipients
        .iter()
        .any(|it| it.outcome.is_bad() && it.direction == Direction::Incoming);
    let is_fine = message.outcome == MessageOutcome::Delivered && !has_bad_copy;
    Marked::new(|namer| {
        let headline = (!is_fine).then(|| headline_by(namer, message));
        let parts = [message.any_id(), message.subject.clone(), headline];
        parts.into_iter().flatten().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" · ")
    })
}
