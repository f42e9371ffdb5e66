//! What is known of many IDs: one row for each recipient of each message, with the ID that it was
//! asked for by, and one for each ID that no event has.

use std::io::{self, Write};

use super::csv::{csv_cell, message_header, message_rows};
use super::style::{UNDECIDED, message_style};
use super::table::{Cell, Column, Table, TableOptions};
use super::trace_table::{RECIPIENT_COLUMNS, recipient_cells};
use crate::time::Zone;
use crate::trace::Message;

/// What stands for the outcome of an ID that no event has.
pub const NOT_FOUND: &str = "not found";

/// Bytes of a few rows of CSV.
const ROWS_BYTES: usize = 1 << 10;

/// A row of a table for people.
pub struct BatchRow(Vec<Cell>);

/// The rows of an ID and its messages.
#[must_use]
pub fn batch_rows(id: &str, messages: &[Message], zone: &Zone) -> Vec<BatchRow> {
    let alone =
        |outcome: Cell| BatchRow(vec![Cell::new(id), Cell::new(""), Cell::new(""), outcome]);
    if messages.is_empty() {
        return vec![alone(Cell::styled(NOT_FOUND, UNDECIDED))];
    }
    let mut rows = Vec::new();
    for message in messages {
        for recipient in &message.recipients {
            let at = recipient.at.map_or_else(String::new, |it| it.in_zone(zone));
            let cells = recipient_cells(recipient, &at);
            rows.push(BatchRow([Cell::new(id)].into_iter().chain(cells).collect()));
        }
        if message.recipients.is_empty() {
            rows.push(alone(Cell::styled(
                message.outcome.as_str(),
                message_style(message.outcome),
            )));
        }
    }
    rows
}

/// Lays rows out together.
pub fn write_batch_table(
    rows: impl IntoIterator<Item = BatchRow>,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new([Column::whole("ID")].into_iter().chain(RECIPIENT_COLUMNS));
    rows.into_iter().for_each(|it| table.push(it.0));
    table.write(options.width, out)
}

/// Writes the header of [`write_batch_csv`]: that of `trace`, behind the ID.
pub fn write_batch_csv_header(out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["id"].into_iter().chain(message_header()))?;
    writer.flush()
}

/// Writes the rows of an ID and its messages.
pub fn write_batch_csv(
    id: &str,
    messages: &[Message],
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    // One is made for each ID: the usual buffer is more than all of its rows.
    let mut writer = csv::WriterBuilder::new().buffer_capacity(ROWS_BYTES).from_writer(out);
    let id = csv_cell(id);
    for row in messages.iter().flat_map(|it| message_rows(it, zone)) {
        writer.write_record([&id].into_iter().chain(&row))?;
    }
    if messages.is_empty() {
        let says_so = |it| matches!(it, "messageOutcome" | "outcome");
        let row = message_header().map(|it| if says_so(it) { NOT_FOUND } else { "" });
        writer.write_record([id.as_str()].into_iter().chain(row))?;
    }
    writer.flush()
}
