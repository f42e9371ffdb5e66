//! Records removed for good, or to be removed.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::answer::{Answer, JsonWriter};
use super::sanitise::sanitise;
use super::table::TableOptions;
use super::words::counted;
use crate::store::{RemovalReport, RemovalRule, Tombstone};
use crate::time::{Timestamp, Zone};

/// The result of a removal, or of a dry run.
#[derive(Clone, Copy, Debug)]
pub struct RemovalAnswer<'r> {
    /// The records that were found.
    pub report: &'r RemovalReport,
    /// Describes the records, in words that follow their number.
    pub what: &'r str,
    /// True for a dry run.
    pub is_dry_run: bool,
}

impl RemovalAnswer<'_> {
    /// True if there is anything to remove.
    pub fn is_any(&self) -> bool {
        self.report.records > 0 || self.report.rejected > 0
    }

    /// Describes the number of records, their time span, and their archive files.
    pub fn in_words(&self, zone: &Zone) -> String {
        let Self { report, what, .. } = self;
        let mut words = format!("{} {what}", counted(report.records, "record"));
        if let Some((first, last)) = report.span {
            let (first, last) = (first.in_zone(zone), last.in_zone(zone));
            let files = counted(report.files, "archive file");
            words.push_str(&format!(" ({first} to {last}, in {files})"));
        }
        if report.rejected > 0 {
            words.push_str(&format!(" and {}", counted(report.rejected, "rejected piece")));
        }
        words
    }
}

impl Answer for RemovalAnswer<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let words = self.in_words(&options.zone);
        let line = match &self.report.tombstone {
            // First, since a removal of nothing reads like a dry run of nothing.
            _ if !self.is_any() => format!("no records {}", self.what),
            None => format!("would remove {words}"),
            Some(tombstone) => format!("removed {words}: tombstone {}", tombstone.number),
        };
        writeln!(out, "{}", sanitise(&line))
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let report = self.report;
        out.value(&json!({
            "dryRun": self.is_dry_run,
            "records": report.records,
            "firstSeen": report.span.map(|(first, _)| first.in_zone(zone)),
            "lastSeen": report.span.map(|(_, last)| last.in_zone(zone)),
            "rejected": report.rejected,
            "archiveFiles": report.files,
            "tombstone": report.tombstone.as_ref().map(|it| tombstone_json(it, zone)),
        }))
    }
}

/// Returns the JSON of a tombstone.
pub(super) fn tombstone_json(tombstone: &Tombstone, zone: &Zone) -> Value {
    json!({
        "number": tombstone.number,
        "at": tombstone.at().in_zone(zone),
        "before": before(tombstone).map(|it| it.in_zone(zone)),
        // A tombstone has only a salted hash of the address, which is nothing to show.
        "byAddress": matches!(tombstone.rule, RemovalRule::Address { .. }),
        "reason": tombstone.reason,
        "records": tombstone.records,
        "rejected": tombstone.rejected,
        "archiveFiles": tombstone.files,
        "version": tombstone.version,
    })
}

/// Describes a tombstone in one line.
pub(super) fn tombstone_in_words(tombstone: &Tombstone, zone: &Zone) -> String {
    let what = match before(tombstone) {
        Some(before) => format!("from before {}", before.in_zone(zone)),
        None => "that named an address".to_owned(),
    };
    let mut words =
        format!("tombstone {}: {} {what}", tombstone.number, counted(tombstone.records, "record"));
    if tombstone.rejected > 0 {
        words.push_str(&format!(" and {} rejected pieces", tombstone.rejected));
    }
    words.push_str(&format!(
        " were removed at {} by mailtrace {}: {}",
        tombstone.at().in_zone(zone),
        tombstone.version,
        tombstone.reason
    ));
    words
}

fn before(tombstone: &Tombstone) -> Option<Timestamp> {
    match tombstone.rule {
        RemovalRule::Before { before_ms } => Timestamp::from_ms(before_ms),
        RemovalRule::Address { .. } => None,
    }
}
