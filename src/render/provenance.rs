//! The sources of an answer's events.

use std::io::{self, Write};

use serde::Serialize;

use super::sanitise::sanitise;
use super::style::{FAINT, STRONG};
use super::table::{TableOptions, wrap};
use crate::json;
use crate::store::{Origin, OriginId, OriginKind, Provenance, Record, StoredEvent};
use crate::time::Zone;
use crate::trace::Message;

/// The source of each event of each message; `None` if it was not recorded.
pub type EventSources = [Vec<Option<Provenance>>];

/// The `source` of an event in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventSourceJson<'p> {
    kind: &'static str,
    name: &'p str,
    account: Option<&'p str>,
    region: Option<&'p str>,
    line: Option<u64>,
    byte_offset: Option<u64>,
    sha256: Option<&'p str>,
    bytes: Option<u64>,
    format: Option<&'p str>,
    compression: Option<&'p str>,
    /// The damage to compressed data in the source, if any: the event may differ from the original.
    damage: Option<&'p str>,
    ingestion_time: Option<String>,
    began: String,
    committed: Option<String>,
    version: &'p str,
    archive_file: &'p str,
    block_offset: u64,
    block_line: u64,
}

impl<'p> EventSourceJson<'p> {
    pub(super) fn new(provenance: &'p Provenance, record: &Record<'_>, zone: &Zone) -> Self {
        let origin = &provenance.origin;
        let end = origin.end.as_ref();
        Self {
            kind: origin.kind.as_str(),
            name: &origin.name,
            account: origin.account.as_deref(),
            region: origin.region.as_deref(),
            line: provenance.line,
            byte_offset: provenance.byte_offset,
            sha256: origin.sha256(),
            bytes: end.and_then(|it| it.bytes),
            format: end.and_then(|it| it.format.as_deref()),
            compression: end.and_then(|it| it.compression.as_deref()),
            damage: end.and_then(|it| it.damage.as_deref()),
            ingestion_time: record.ingestion_time.map(|it| it.in_zone(zone)),
            began: origin.began().in_zone(zone),
            committed: provenance.committed.map(|it| it.in_zone(zone)),
            version: &origin.version,
            archive_file: &provenance.archive_file,
            block_offset: provenance.block_offset,
            block_line: provenance.block_line,
        }
    }
}

/// Returns the JSON of an event's source.
pub fn event_source_json(
    provenance: &Provenance,
    record: &Record<'_>,
    zone: &Zone,
) -> serde_json::Value {
    json::value(&EventSourceJson::new(provenance, record, zone))
}

/// Writes the sources of a message's events below its table.
pub(super) fn write_event_sources(
    message: &Message,
    sources: &[Option<Provenance>],
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "\n  {STRONG}Sources{STRONG:#}")?;
    let mut seen: Vec<OriginId> = Vec::new();
    for provenance in sources.iter().flatten() {
        // Grouped by source: its name and hash are long, and most messages have only one.
        if seen.contains(&provenance.origin.id) {
            continue;
        }
        seen.push(provenance.origin.id);
        write_source(&provenance.origin, options, out)?;
        for (event, provenance) in message.events.iter().zip(sources) {
            let Some(provenance) = provenance else { continue };
            // The last one seen is the source just written.
            if seen.last() == Some(&provenance.origin.id) {
                write_event(event, Some(provenance), options, out)?;
            }
        }
    }
    if sources.iter().any(Option::is_none) {
        writeln!(out, "    not recorded: added by an earlier version")?;
        for (event, provenance) in message.events.iter().zip(sources) {
            if provenance.is_none() {
                write_event(event, None, options, out)?;
            }
        }
    }
    Ok(())
}

fn write_source(origin: &Origin, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
    let began = origin.began().in_zone(&options.zone);
    let what = match origin.kind {
        OriginKind::Pull => {
            let place = [
                origin.region.as_ref().map(|it| format!(" in {it}")),
                origin.account.as_ref().map(|it| format!(" of account {it}")),
            ];
            let place: String = place.into_iter().flatten().collect();
            format!("log group {}{place}, pulled at {began}", origin.name)
        }
        OriginKind::File | OriginKind::Stdin | OriginKind::Object => {
            let name =
                if origin.kind == OriginKind::Stdin { "standard input" } else { &origin.name };
            format!("{name}, imported at {began}")
        }
    };
    writeln!(out, "    {}", sanitise(&format!("{what} by mailtrace {}", origin.version)))?;
    if let Some(end) = &origin.end {
        let known = [
            end.sha256.as_ref().map(|it| format!("SHA-256 {it}")),
            end.bytes.map(|it| format!("{it} bytes")),
            end.format.clone(),
            end.compression.clone(),
            end.damage
                .as_ref()
                .map(|it| format!("damaged: {it}; what was read from it may be altered")),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        if !known.is_empty() {
            for line in wrap(&sanitise(&known.join(", ")), options.width.saturating_sub(6)) {
                writeln!(out, "      {FAINT}{line}{FAINT:#}")?;
            }
        }
    }
    Ok(())
}

fn write_event(
    event: &StoredEvent,
    provenance: Option<&Provenance>,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let record = &event.record;
    let mut parts = vec![record.timestamp.in_zone(&options.zone), event.event.name.to_string()];
    if let Some(provenance) = provenance {
        parts.extend(provenance.line.map(|it| format!("line {it}")));
        parts.extend(provenance.byte_offset.map(|it| format!("byte {it}")));
    }
    // Stream and event ID find the event again in CloudWatch; in a file its line does.
    let is_pulled = provenance.is_none_or(|it| it.origin.kind == OriginKind::Pull);
    if is_pulled {
        parts.extend(record.log_stream.as_ref().map(|it| format!("stream {it}")));
        parts.extend(record.event_id.as_ref().map(|it| format!("event {it}")));
        let ingested = record.ingestion_time.map(|it| it.in_zone(&options.zone));
        parts.extend(ingested.map(|it| format!("ingested {it}")));
    }
    writeln!(out, "      {}", sanitise(&parts.join("  ")))
}
