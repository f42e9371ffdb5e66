//! Messages found by a filter, one a row.

use std::io::{self, Write};

use super::headline::headline;
use super::style::message_style;
use super::table::{Cell, Column, Table, TableOptions};
use crate::trace::{Message, MessageOutcome};

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
            Cell::new(&from_and_to(message)),
            Cell::new(&beneath(message)),
        ]);
    }
    table.write(options.width, out)
}

fn from_and_to(message: &Message) -> String {
    let from = message.from.as_ref().or(message.sender.as_ref()).map(|it| it.as_str());
    let recipients = message.deciding_recipients();
    let to = match (recipients.first(), recipients.len()) {
        (None, _) => String::new(),
        (Some(first), 1) => format!("→ {}", first.address),
        (Some(first), count) => format!("→ {} +{}", first.address, count - 1),
    };
    [from.unwrap_or_default(), &to].join(" ").trim().to_owned()
}

fn beneath(message: &Message) -> String {
    let is_fine = message.outcome == MessageOutcome::Delivered;
    let parts = [message.any_id(), message.subject.clone(), (!is_fine).then(|| headline(message))];
    parts.into_iter().flatten().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" · ")
}
