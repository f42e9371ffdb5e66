//! The answer for many IDs: a row for each recipient of each message with the requested ID, and one
//! for each ID that no event has.

use std::io::{self, Write};

use super::answer::{JsonWriter, ListHead, Part};
use super::csv::{csv_cell, message_columns, message_rows};
use super::json::write_message;
use super::style::{UNDECIDED, message_style};
use super::table::{Cell, Column, Table, TableOptions};
use super::trace_table::{RECIPIENT_COLUMNS, recipient_cells};
use crate::time::Zone;
use crate::trace::Message;

/// The outcome shown for an ID that no event has.
const NOT_FOUND: &str = "not found";

/// Bytes of a few rows of CSV.
const ROWS_BYTES: usize = 1 << 10;

/// The answers for some IDs, laid out already, either for people or for programs.
#[derive(Default)]
pub struct BatchPart {
    rows: Vec<Vec<Cell>>,
    csv: Vec<u8>,
    messages: Vec<Vec<u8>>,
}

impl BatchPart {
    /// Returns the head of the list.
    pub fn head() -> ListHead {
        let columns = ["id"].into_iter().chain(message_columns()).collect();
        ListHead { name: "messages", members: Vec::new(), columns }
    }

    /// Returns the number of table rows.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// True if there is nothing to print.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.csv.is_empty() && self.messages.is_empty()
    }

    /// Appends the answer for another ID.
    pub fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
        self.csv.append(&mut other.csv);
        self.messages.append(&mut other.messages);
    }

    /// Lays out an ID and its messages for people.
    #[must_use]
    pub fn rows(id: &str, messages: &[Message], zone: &Zone) -> Self {
        // Without an address and a direction, whose columns come between ID and outcome.
        let alone = |outcome: Cell| vec![Cell::new(id), Cell::new(""), Cell::new(""), outcome];
        let mut rows = Vec::new();
        if messages.is_empty() {
            rows.push(alone(Cell::styled(NOT_FOUND, UNDECIDED)));
        }
        for message in messages {
            for recipient in &message.recipients {
                let at = recipient.at.map_or_else(String::new, |it| it.in_zone(zone));
                let cells = recipient_cells(recipient, &at);
                rows.push([Cell::new(id)].into_iter().chain(cells).collect());
            }
            if message.recipients.is_empty() {
                let style = message_style(message.outcome);
                rows.push(alone(Cell::styled(message.outcome.as_str(), style)));
            }
        }
        Self { rows, ..Self::default() }
    }

    /// Lays out a message for programs, without the ID: each message is written once.
    pub fn message(message: &Message, zone: &Zone) -> io::Result<Self> {
        let mut json = Vec::new();
        write_message(message, zone, &mut json)?;
        Ok(Self { messages: vec![json], ..Self::default() })
    }

    /// Lays out an ID and its messages for spreadsheets.
    pub fn csv(id: &str, messages: &[Message], zone: &Zone) -> io::Result<Self> {
        // A writer is made for each ID, and the default buffer is larger than all of its rows.
        let mut csv = csv::WriterBuilder::new().buffer_capacity(ROWS_BYTES).from_writer(Vec::new());
        let id = csv_cell(id);
        for row in messages.iter().flat_map(|it| message_rows(it, zone)) {
            csv.write_record([&id].into_iter().chain(&row))?;
        }
        if messages.is_empty() {
            let says_so = |it| matches!(it, "messageOutcome" | "outcome");
            let row = message_columns().map(|it| if says_so(it) { NOT_FOUND } else { "" });
            csv.write_record([id.as_str()].into_iter().chain(row))?;
        }
        let csv = csv.into_inner().map_err(csv::IntoInnerError::into_error)?;
        Ok(Self { csv, ..Self::default() })
    }
}

impl Part for BatchPart {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new([Column::whole("ID")].into_iter().chain(RECIPIENT_COLUMNS));
        self.rows.iter().for_each(|it| table.push(it.iter().cloned()));
        table.write(options.width, out)
    }

    fn json(&self, _zone: &Zone, list: &mut JsonWriter<'_>) -> io::Result<()> {
        self.messages.iter().try_for_each(|it| list.push_text(it))
    }

    fn csv(&self, _zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.csv)
    }
}
