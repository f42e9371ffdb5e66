//! Messages found by a filter, one a row.

use std::io::{self, Write};

use super::address::Marked;
use super::headline::headline_by;
use super::step;
use super::style::message_style;
use super::table::{Cell, Column, Table, TableOptions};
use crate::trace::{Direction, Message, MessageOutcome};

/// Writes messages as a table: when, what became of it, from whom to whom, and beneath the ID to
/// go on with, the subject, and what went wrong.
///
/// # Errors
///
/// What the writer reports.
pub fn write_messages_table(
    messages: &[Message],
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new([
        Column::whole("FIRST SEEN"),
        Column::whole("OUTCOME"),
        Column::shortened("FROM → TO"),
        Column::beneath(),
    ]);
    for message in messages {
        table.push([
            Cell::new(&message.first_seen.in_zone(&options.zone)),
            Cell::styled(message.outcome.as_str(), message_style(message.outcome)),
            Cell::marked(from_and_to(message)),
            Cell::marked(beneath(message)),
        ]);
    }
    table.write(options.width, out)
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
