//! The result of verifying a store or a bundle, and its signature.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::answer::{Answer, JsonWriter};
use super::removal::{tombstone_in_words, tombstone_json};
use super::sanitise::sanitise;
use super::table::TableOptions;
use super::words::counted;
use crate::signing::{HeadStatement, Signed};
use crate::store::{Damage, FoundHead, VerifyReport};
use crate::time::Zone;

/// The result of verifying a store.
#[derive(Clone, Copy, Debug)]
pub struct Verification<'v> {
    /// The findings.
    pub report: &'v VerifyReport,
    /// The signature of the head that was looked for.
    pub signed: Option<&'v Signed>,
    /// True if every document was compared with its record.
    pub is_deep: bool,
}

impl Answer for Verification<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let (report, zone) = (self.report, &options.zone);
        let mut line = |text: &str| writeln!(out, "{}", sanitise(text));
        if let Some(signed) = self.signed {
            line(&signed_in_words(signed, true, zone))?;
        }
        report.problems.iter().try_for_each(|it| line(it))?;
        report.notes.iter().try_for_each(|it| line(&format!("note: {it}")))?;
        for tombstone in &report.tombstones {
            line(&format!("note: {}", tombstone_in_words(tombstone, zone)))?;
        }
        if let Some(found) = &report.found_head {
            line(&found_in_words(found, zone))?;
        }
        if !report.problems.is_empty() {
            return Ok(());
        }
        line(&format!(
            "OK: {} in {}, {}{}",
            counted(report.records, "record"),
            counted(report.archive_files, "archive file"),
            counted(report.commits, "commit"),
            if self.is_deep { ", each indexed exactly once and correctly" } else { "" },
        ))?;
        report.head.iter().try_for_each(|it| line(&format!("head: {it}")))
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let report = self.report;
        out.value(&json!({
            "sound": report.problems.is_empty(),
            "deep": self.is_deep,
            "archiveFiles": report.archive_files,
            "records": report.records,
            "documents": report.documents,
            "commits": report.commits,
            "head": report.head,
            "signature": self.signed.map(|it| signed_json(it, true)),
            "foundHead": report.found_head.as_ref().map(|it| found_json(it, zone)),
            "tombstones": report.tombstones.iter().map(|it| tombstone_json(it, zone)).collect::<Vec<_>>(),
            "problems": report.problems,
            "damage": report.damage.iter().map(|it| damage_json(it, zone)).collect::<Vec<_>>(),
            "notes": report.notes,
        }))
    }
}

fn found_in_words(found: &FoundHead, zone: &Zone) -> String {
    let numbers: Vec<String> = found.tombstones.iter().map(|it| it.number.to_string()).collect();
    let numbers = numbers.join(", ");
    let commits = counted(found.commits_since, "commit");
    // After a removal the archive no longer shows what the commit held.
    let (Some(records), Some(since)) = (found.records, found.records_since) else {
        let at = found.tombstones.first().map_or_else(String::new, |it| it.at().in_zone(zone));
        return format!(
            "the head {} is that of a commit in {}, which was removed at {at} (tombstone {numbers}): what the commit held can no longer be compared; {commits} since",
            found.head, found.archive_file
        );
    };
    let at = found.at.map_or_else(String::new, |it| format!(", made at {}", it.in_zone(zone)));
    let removed = match found.tombstones.len() {
        0 => String::new(),
        _ => format!("; of what was there, some was removed since (tombstone {numbers})"),
    };
    format!(
        "the head {} is that of a commit in {}{at}: {} then, {since} added since in {commits}{removed}",
        found.head,
        found.archive_file,
        counted(records, "record"),
    )
}

fn found_json(found: &FoundHead, zone: &Zone) -> Value {
    json!({
        "head": found.head,
        "archiveFile": found.archive_file,
        "at": found.at.map(|it| it.in_zone(zone)),
        "records": found.records,
        "recordsSince": found.records_since,
        "commitsSince": found.commits_since,
        "removed": found.is_removed,
        "tombstones": found.tombstones.iter().map(|it| it.number).collect::<Vec<_>>(),
    })
}

fn damage_json(damage: &Damage, zone: &Zone) -> Value {
    json!({
        "archiveFile": damage.archive_file,
        "firstBlock": damage.first_block,
        "firstLine": damage.first_line,
        "lastBlock": damage.last_block,
        "lastLine": damage.last_line,
        "records": damage.records,
        "firstSeen": damage.first.in_zone(zone),
        "lastSeen": damage.last.in_zone(zone),
    })
}

/// A signed head of a store.
#[derive(Clone, Copy, Debug)]
pub struct SignedHead<'s> {
    /// The signed statement.
    pub statement: &'s HeadStatement,
    /// The file with the statement.
    pub statement_file: &'s str,
    /// The file with the signature.
    pub signature_file: &'s str,
}

impl Answer for SignedHead<'_> {
    fn table(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}signature: {}", self.statement, sanitise(self.signature_file))
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        out.value(&json!({
            "head": self.statement.head,
            "records": self.statement.records,
            "commits": self.statement.commits,
            "statement": self.statement_file,
            "signature": self.signature_file,
        }))
    }
}

/// Describes the signature in one line.
pub fn signed_in_words(signed: &Signed, is_checked: bool, zone: &Zone) -> String {
    let Signed { key_id, comment } = signed;
    if is_checked {
        let at = signed.at().map_or_else(String::new, |it| format!(" at {}", it.in_zone(zone)));
        // Tabs separate the comment's fields, and would be shown as escapes.
        format!("signed with the key {key_id}{at} ({})", comment.replace('\t', " "))
    } else {
        format!(
            // Unverified, a key ID is only what somebody wrote into the file.
            "it says that the key {key_id} signed it, but this was not checked: give --public-key"
        )
    }
}

/// Returns the JSON of a signature.
pub fn signed_json(signed: &Signed, is_checked: bool) -> Value {
    json!({"keyId": signed.key_id, "comment": signed.comment, "checked": is_checked})
}
