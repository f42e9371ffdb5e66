//! Messages found by a filter, one a row.

use std::io::{self, Write};

use super::address::Marked;
use super::headline::headline_by;
use super::step;
use super::style::{message_style, outcome_style};
use super::table::{Cell, Column, Table, TableOptions};
use crate::limits;
use crate::trace::{Direction, Message, MessageOutcome, Outcome, Recipient};

/// Writes messages as a table: when, what became of it, from whom to whom, and beneath the ID to
/// go on with, the subject, and what went wrong.
pub fn write_messages_table(
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

/// Writes messages with those of their rows that are what was asked for, a row each: when, what became
/// of it for the recipient, from whom and for whom.
pub fn write_matching_table(
    messages: &[(&Message, Message)],
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = new_table();
    for (message, matching) in messages {
        let rows = matching.deciding_recipients();
        let time = message.first_seen.in_zone(&options.zone);
        if rows.is_empty() {
            table.push(row_of(message, &time));
        }
        let more = rows.len().saturating_sub(limits::TABLE_RECIPIENTS_MAX);
        for (place, row) in rows.iter().take(limits::TABLE_RECIPIENTS_MAX).enumerate() {
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
    table.write(options.width, out)
}

fn new_table() -> Table {
    Table::new([
        Column::whole("FIRST SEEN"),
        Column::whole("OUTCOME"),
        Column::shortened("FROM → TO"),
        Column::beneath(),
    ])
}

/// A message as a whole.
fn row_of(message: &Message, time: &str) -> [Cell; 4] {
    [
        Cell::new(time),
        Cell::styled(message.outcome.as_str(), message_style(message.outcome)),
        Cell::marked(from_and_to(message)),
        Cell::marked(beneath(message)),
    ]
}

/// The ID to go on with, the subject, and what is known of the recipient.
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
    // A copy that bounced is worth a word though another arrived.
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
