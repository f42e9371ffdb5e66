//! The sources of a store: files, objects and pulls.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::csv_cell;
use super::removal::{tombstone_in_words, tombstone_json};
use super::sanitise::sanitise;
use super::table::{Cell, Column, Table, TableOptions};
use crate::store::{Origin, OriginHistory, OriginKind, RepeatedOrigin, Tombstone};
use crate::time::{Timestamp, Zone};

/// One source, however often it was read.
#[derive(Clone, Copy, Debug)]
struct SourceRow<'a> {
    origin: &'a Origin,
    /// The time when it was first read.
    first_began: Timestamp,
    /// The number of times that it was read: more than once only if it added nothing.
    times: u64,
    /// The time of the first commit that has records of it.
    committed: Option<Timestamp>,
}

/// All sources, and the removals from the store.
#[derive(Clone, Debug)]
pub struct SourcesAnswer<'a> {
    rows: Vec<SourceRow<'a>>,
    /// The number of sources that added nothing and are no longer remembered.
    forgotten: u64,
    tombstones: &'a [Tombstone],
}

impl<'a> SourcesAnswer<'a> {
    /// Collects the sources that added records and those that did not, in order of reading.
    #[must_use]
    pub fn of(
        histories: &'a [OriginHistory],
        (repeated, forgotten): (&'a [RepeatedOrigin], u64),
        tombstones: &'a [Tombstone],
    ) -> Self {
        let added = histories.iter().map(|it| SourceRow {
            origin: &it.origin,
            first_began: it.origin.began(),
            // Read once: read again, it adds nothing and is among the repeated ones.
            times: 1,
            committed: it.first_committed,
        });
        let repeated = repeated.iter().map(|it| SourceRow {
            origin: &it.origin,
            first_began: Timestamp::from_ms(it.first_began_ms).unwrap_or(Timestamp::UNIX_EPOCH),
            times: it.times,
            committed: None,
        });
        let mut rows: Vec<_> = added.chain(repeated).collect();
        rows.sort_by_key(|it| it.origin.began_ms);
        Self { rows, forgotten, tombstones }
    }
}

/// A row for each source; for people with details that distinguish it beneath.
impl Answer for SourcesAnswer<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new([
            Column::whole("READ AT"),
            Column::whole("KIND"),
            Column::number("READ"),
            Column::number("NEW"),
            Column::number("DUPLICATES"),
            Column::number("REJECTED"),
            Column::whole("SOURCE"),
            Column::beneath(),
        ]);
        for row in &self.rows {
            let counts = row.origin.counts;
            table.push([
                Cell::new(&row.origin.began().in_zone(&options.zone)),
                Cell::new(row.origin.kind.as_str()),
                Cell::new(&counts.read.to_string()),
                Cell::new(&counts.added.to_string()),
                Cell::new(&counts.duplicates.to_string()),
                Cell::new(&counts.rejected.to_string()),
                Cell::new(&row.origin.name),
                Cell::new(&particulars(row, &options.zone)),
            ]);
        }
        table.write(options.width, out)?;
        let removed = self.tombstones.iter().map(|it| tombstone_in_words(it, &options.zone));
        removed.into_iter().try_for_each(|it| writeln!(out, "{}", sanitise(&it)))
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let tombstones = self.tombstones.iter().map(|it| tombstone_json(it, zone)).collect();
        let behind = [("forgotten", json!(self.forgotten)), ("tombstones", tombstones)];
        let rows = self.rows.iter().map(|it| SourceJson::new(it, zone));
        out.list(&[], "sources", rows, &behind)
    }

    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.rows.iter().map(|it| cells(&SourceJson::new(it, &options.zone)));
        write_csv(HEADER, rows, out)
    }
}

fn particulars(row: &SourceRow<'_>, zone: &Zone) -> String {
    let origin = row.origin;
    let mut parts = Vec::new();
    if let Some(end) = &origin.end {
        parts.extend(end.sha256.as_ref().map(|it| format!("SHA-256 {it}")));
        parts.extend(end.bytes.map(|it| format!("{it} bytes")));
        parts.extend(end.format.clone());
        parts.extend(end.compression.clone());
    }
    if origin.kind == OriginKind::Pull {
        parts.extend(origin.account.as_ref().map(|it| format!("account {it}")));
        parts.extend(origin.region.clone());
    }
    parts.push(format!("by mailtrace {}", origin.version));
    if row.times > 1 {
        parts.push(format!("{} times since {}", row.times, row.first_began.in_zone(zone)));
    }
    match &origin.end {
        // The end of a source is recorded last, so without one the reading was cut off.
        None => parts.push("interrupted".to_owned()),
        Some(end) => {
            parts.extend(end.problem.as_ref().map(|it| format!("incomplete: {it}")));
            parts.extend(end.damage.as_ref().map(|it| format!("damaged: {it}")));
        }
    }
    parts.join(", ")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceJson<'a> {
    kind: &'static str,
    name: &'a str,
    account: Option<&'a str>,
    region: Option<&'a str>,
    began: String,
    ended: Option<String>,
    committed: Option<String>,
    version: &'a str,
    format: Option<&'a str>,
    compression: Option<&'a str>,
    bytes: Option<u64>,
    sha256: Option<&'a str>,
    read: u64,
    added: u64,
    duplicates: u64,
    rejected: u64,
    times: u64,
    first_began: String,
    /// True if it was read to its end.
    complete: bool,
    error: Option<&'a str>,
    /// The damage to compressed data in it, if any: its records may differ from the originals.
    damage: Option<&'a str>,
}

impl<'a> SourceJson<'a> {
    fn new(row: &SourceRow<'a>, zone: &Zone) -> Self {
        let origin = row.origin;
        let end = origin.end.as_ref();
        Self {
            kind: origin.kind.as_str(),
            name: &origin.name,
            account: origin.account.as_deref(),
            region: origin.region.as_deref(),
            began: origin.began().in_zone(zone),
            ended: origin.ended().map(|it| it.in_zone(zone)),
            committed: row.committed.map(|it| it.in_zone(zone)),
            version: &origin.version,
            format: end.and_then(|it| it.format.as_deref()),
            compression: end.and_then(|it| it.compression.as_deref()),
            bytes: end.and_then(|it| it.bytes),
            sha256: origin.sha256(),
            read: origin.counts.read,
            added: origin.counts.added,
            duplicates: origin.counts.duplicates,
            rejected: origin.counts.rejected,
            times: row.times,
            first_began: row.first_began.in_zone(zone),
            complete: end.is_some_and(|it| it.problem.is_none()),
            error: end.and_then(|it| it.problem.as_deref()),
            damage: end.and_then(|it| it.damage.as_deref()),
        }
    }
}

const HEADER: [&str; 21] = [
    "kind",
    "name",
    "account",
    "region",
    "began",
    "ended",
    "committed",
    "version",
    "format",
    "compression",
    "bytes",
    "sha256",
    "read",
    "added",
    "duplicates",
    "rejected",
    "times",
    "firstBegan",
    "complete",
    "error",
    "damage",
];

fn cells(it: &SourceJson<'_>) -> [String; 21] {
    let text = |it: Option<&str>| it.unwrap_or("").to_owned();
    [
        it.kind.to_owned(),
        it.name.to_owned(),
        text(it.account),
        text(it.region),
        it.began.clone(),
        text(it.ended.as_deref()),
        text(it.committed.as_deref()),
        it.version.to_owned(),
        text(it.format),
        text(it.compression),
        it.bytes.map_or_else(String::new, |it| it.to_string()),
        text(it.sha256),
        it.read.to_string(),
        it.added.to_string(),
        it.duplicates.to_string(),
        it.rejected.to_string(),
        it.times.to_string(),
        it.first_began.clone(),
        it.complete.to_string(),
        text(it.error),
        text(it.damage),
    ]
    .map(|it| csv_cell(&it))
}
