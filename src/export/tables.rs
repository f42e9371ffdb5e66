//! The timelines of a bundle: for spreadsheets, and in Timesketch's format.

use std::io::{self, Write};

use super::passage::PassingEvent;
use crate::event::EventName;
use crate::render::{csv_cell, event_cells, event_columns, sentence, write_csv_rows};
use crate::time::{Timestamp, Zone};

pub(super) fn write_timeline_header(out: &mut dyn Write) -> io::Result<()> {
    write_csv_rows([["number"].into_iter().chain(event_columns()).chain(["description"])], out)
}

/// Writes an event's row of the timeline: the number of its message in the report, the cells of
/// `search` in CSV, and a description in words.
pub(super) fn write_timeline_row(
    event: &PassingEvent,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let number = event.message.number.to_string();
    let cells = event_cells(&event.stored, zone);
    let description = csv_cell(&sentence(&event.stored.event));
    write_csv_rows([[number].into_iter().chain(cells).chain([description])], out)
}

/// The first columns of Timesketch's format, of which it demands three
/// (<https://timesketch.org/guides/user/import-from-json-csv/>).
pub(super) const TIMESKETCH_COLUMNS: [&str; 4] =
    ["message", "datetime", "timestamp_desc", "data_type"];

/// Writes the header of Timesketch's format; its own columns are followed by those of the timeline.
pub(super) fn write_timesketch_header(out: &mut dyn Write) -> io::Result<()> {
    let columns = TIMESKETCH_COLUMNS.into_iter().chain(event_columns().skip(1));
    write_csv_rows([columns.chain(["number", "messageOutcome"])], out)
}

/// Writes an event's row in Timesketch's format.
pub(super) fn write_timesketch_row(event: &PassingEvent, out: &mut dyn Write) -> io::Result<()> {
    let stored = &event.stored;
    let asked_for = [
        csv_cell(&sentence(&stored.event)),
        timesketch_time(stored.record.timestamp),
        what_time(&stored.event.name).to_owned(),
        "aws:workmail:email_event".to_owned(),
    ];
    let cells = asked_for.into_iter().chain(event_cells(stored, &Zone::UTC).into_iter().skip(1));
    let outcome = event.message.outcome.to_string();
    write_csv_rows([cells.chain([event.message.number.to_string(), outcome])], out)
}

/// Formats a time for Timesketch with a numeric offset, as in its own example, not `Z`.
pub(super) fn timesketch_time(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix('Z').map_or(text.clone(), |it| format!("{it}+00:00"))
}

/// Describes what the time of an event stands for.
fn what_time(name: &EventName<'_>) -> &'static str {
    match name {
        EventName::OrganizationEmailReceived => "Email received",
        EventName::MailboxEmailDelivered => "Email delivered",
        EventName::RuleApplied => "Email rule applied",
        EventName::JournalingInitiated => "Email journaled",
        EventName::IncomingEmailBounced => "Incoming email bounced",
        EventName::OutgoingEmailSubmitted => "Email submitted",
        EventName::OutgoingEmailSent => "Email sent",
        EventName::OutgoingEmailBounced => "Outgoing email bounced",
        EventName::DmarcPolicyApplied => "DMARC policy applied",
        EventName::Other(_) => "Email event",
    }
}
