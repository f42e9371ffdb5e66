//! The content, the coverage and the gaps of a store.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::csv_cell;
use super::removal::{tombstone_in_words, tombstone_json};
use super::sanitise::sanitise;
use super::table::{Cell, Column, Table, TableOptions, write_pairs};
use super::words::{bytes_in_words, counted};
use crate::directory::{EntityKind, OrganizationHistory};
use crate::store::{CoveredRange, Look, PulledGroup, Sizes, Standing, Store};
use crate::time::workmail_end::days_left;
use crate::time::{Timestamp, Zone, human_duration};

/// The name shown for the group of records without a log group.
const UNNAMED_GROUP: &str = "(log group unknown)";

/// A store, with facts about it as a whole.
#[derive(Clone, Copy)]
pub struct StoreStatus<'s> {
    /// The store.
    pub store: &'s Store,
    /// Its sizes on disk.
    pub sizes: Sizes,
    /// The head of its archive.
    pub head: Option<&'s str>,
    /// The number of audit events, and the times of the first and the last.
    pub audit: Option<(u64, Timestamp, Timestamp)>,
    /// The current time.
    pub now: Timestamp,
}

impl Answer for StoreStatus<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        write_pairs(&self.facts(&options.zone), 0, options.width, out)?;
        let tombstones = &self.store.checkpoint().tombstones;
        if !tombstones.is_empty() {
            writeln!(out, "\nRemoved")?;
        }
        for tombstone in tombstones {
            writeln!(out, "  {}", sanitise(&tombstone_in_words(tombstone, &options.zone)))?;
        }
        self.write_coverage(options, out)
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let (store, sizes) = (self.store, &self.sizes);
        let checkpoint = store.checkpoint();
        let shown = |it: Timestamp| it.in_zone(zone);
        let span = store.time_span();
        let tombstones = checkpoint.tombstones.iter().map(|it| tombstone_json(it, zone));
        let pulls = checkpoint.ledger.pulls.groups();
        out.value(&json!({
            "store": store.path().display().to_string(),
            "records": checkpoint.records,
            "auditEvents": self.audit.map_or(0, |(count, ..)| count),
            "firstAuditEvent": self.audit.map(|(_, first, _)| shown(first)),
            "lastAuditEvent": self.audit.map(|(.., last)| shown(last)),
            "firstSeen": span.map(|(first, _)| shown(first)),
            "lastSeen": span.map(|(_, last)| shown(last)),
            "archiveBytes": sizes.archive_bytes,
            "indexBytes": sizes.index_bytes,
            "rejected": sizes.rejected_count,
            "rejectedBytes": sizes.rejected_bytes,
            "head": self.head,
            "tombstones": tombstones.collect::<Vec<_>>(),
            "coverage": self.coverage_json(zone),
            "pulls": pulls.map(|(arn, it)| self.pull_json(arn, it, zone)).collect::<Vec<_>>(),
            "directories": self.directories_json(zone),
            "workmailEnds": "2027-03-31",
            "daysLeft": days_left(self.now),
        }))
    }

    /// Writes the coverage, the only list among these facts.
    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let coverage = self.store.checkpoint().ledger.coverage.until(self.now);
        let rows = coverage.groups().flat_map(|(log_group, ranges)| {
            ranges.iter().map(|range| {
                let (first, last) = (range.first(), range.last());
                [csv_cell(log_group), first.in_zone(&options.zone), last.in_zone(&options.zone)]
            })
        });
        write_csv(["logGroup", "first", "last"], rows, out)
    }
}

impl StoreStatus<'_> {
    fn facts(&self, zone: &Zone) -> Vec<(&'static str, String)> {
        let (store, sizes) = (self.store, &self.sizes);
        let shown = |it: Timestamp| it.in_zone(zone);
        let mut facts = vec![
            ("Store", store.path().display().to_string()),
            ("Events", store.checkpoint().mail_records().to_string()),
        ];
        if let Some((first, last)) = store.time_span() {
            facts.push(("First event", shown(first)));
            facts.push(("Last event", shown(last)));
        }
        if let Some((count, first, last)) = self.audit {
            facts.push(("Audit events", count.to_string()));
            facts.push(("First audit event", shown(first)));
            facts.push(("Last audit event", shown(last)));
        }
        facts.push(("Archive", bytes_in_words(sizes.archive_bytes)));
        facts.push(("Index", bytes_in_words(sizes.index_bytes)));
        if sizes.rejected_count > 0 {
            let count = counted(sizes.rejected_count, "piece");
            let bytes = bytes_in_words(sizes.rejected_bytes);
            facts.push(("Rejected", format!("{count}, {bytes}")));
        }
        facts.extend(self.head.map(|it| ("Head", it.to_owned())));
        facts.push(("WorkMail", shutdown(self.now)));
        for (_, organization) in store.directory().iter().flat_map(|it| it.organizations()) {
            facts.push(("Directory", directory_in_words(organization, self.now, zone)));
        }
        facts
    }

    fn write_coverage(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let coverage = self.store.checkpoint().ledger.coverage.until(self.now);
        if coverage.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nCoverage")?;
        let mut table = Table::new([
            Column::whole("Log group"),
            Column::whole("From"),
            Column::whole("To"),
            Column::whole("But for"),
            Column::whole("Then a gap of"),
        ])
        .indented(2);
        for (log_group, ranges) in coverage.groups() {
            let spans: Vec<Span> = ranges.iter().map(|it| (it.first(), it.last())).collect();
            let stretches = between_longest_gaps(&spans, ROWS_MAX);
            for (index, stretch) in stretches.iter().enumerate() {
                let gap = stretches.get(index + 1).map(|it| it.first.ms_since(stretch.last));
                table.push([
                    Cell::new(if log_group.is_empty() { UNNAMED_GROUP } else { log_group }),
                    Cell::from(stretch.first.in_zone(&options.zone)),
                    Cell::from(stretch.last.in_zone(&options.zone)),
                    Cell::from(stretch.gaps_in_words()),
                    Cell::from(gap.map_or_else(String::new, human_duration)),
                ]);
            }
        }
        table.write(options.width, out)?;
        self.write_pulls(options, out)
    }

    fn write_pulls(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let pulls = &self.store.checkpoint().ledger.pulls;
        if pulls.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nPulls")?;
        for (index, (arn, group)) in pulls.groups().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            let standing = Standing::of(group, self.now);
            let shown = |it: Option<Timestamp>| {
                it.map_or_else(|| "nothing".to_owned(), |it| it.in_zone(&options.zone))
            };
            let mut loss = loss(&standing, self.now);
            if !group.facts.is_known() {
                // An assumed retention must not read as a known one.
                loss.push_str(" (30 days assumed: logs:DescribeLogGroups is not allowed)");
            }
            let facts = [
                ("Log group", group.facts.name.clone()),
                ("ARN", arn.to_owned()),
                ("Last look", shown(standing.last_look)),
                ("Complete to", shown(standing.complete_until)),
                ("No late events before", shown(standing.final_until)),
                ("Next deletion", loss),
            ];
            write_pairs(&facts, 2, options.width, out)?;
        }
        Ok(())
    }

    fn coverage_json(&self, zone: &Zone) -> Vec<Value> {
        let shown = |it: Timestamp| it.in_zone(zone);
        let range =
            |it: &CoveredRange| json!({"first": shown(it.first()), "last": shown(it.last())});
        let coverage = self.store.checkpoint().ledger.coverage.until(self.now);
        let of_group = |(log_group, ranges): (&str, &[CoveredRange])| {
            let gaps = ranges.iter().zip(ranges.iter().skip(1));
            let gaps =
                gaps.map(|(a, b)| json!({"after": shown(a.last()), "before": shown(b.first())}));
            json!({
                "logGroup": (!log_group.is_empty()).then_some(log_group),
                "ranges": ranges.iter().map(range).collect::<Vec<_>>(),
                "gaps": gaps.collect::<Vec<_>>(),
            })
        };
        coverage.groups().map(of_group).collect()
    }

    fn pull_json(&self, arn: &str, group: &PulledGroup, zone: &Zone) -> Value {
        let shown = |it: Timestamp| it.in_zone(zone);
        let standing = Standing::of(group, self.now);
        let look = |it: &Look| {
            json!({
                "first": shown(it.range.first()),
                "last": shown(it.range.last()),
                "lookedAt": Timestamp::from_ms(it.at_ms).map(shown),
            })
        };
        json!({
            "logGroup": group.facts.name,
            "arn": arn,
            "retentionDays": group.facts.retention_days,
            "lastLook": standing.last_look.map(shown),
            "completeUntil": standing.complete_until.map(shown),
            "finalUntil": standing.final_until.map(shown),
            "oldestNotTaken": shown(standing.not_taken),
            "deletedAt": standing.deleted_at.map(shown),
            "deletedInMs": standing.deleted_at.map(|it| it.ms_since(self.now)),
            "looks": group.looks().iter().map(look).collect::<Vec<_>>(),
        })
    }

    fn directories_json(&self, zone: &Zone) -> Vec<Value> {
        let directory = self.store.directory();
        let organizations = directory.iter().flat_map(|it| it.organizations());
        let to_json = |(id, it): (&str, &OrganizationHistory)| {
            let now = it.latest(self.now);
            // As of the newest record, which a clock that ran ahead may have dated after `now`.
            let count = |kind| it.entities(now).filter(|it| it.kind == kind).count();
            json!({
                "organization": id,
                "alias": it.alias,
                "users": count(EntityKind::User),
                "groups": count(EntityKind::Group),
                "resources": count(EntityKind::Resource),
                "domains": it.domains(now).iter().map(|it| &it.name).collect::<Vec<_>>(),
                "takenAt": it.last_taken().map(|it| it.in_zone(zone)),
            })
        };
        organizations.map(to_json).collect()
    }
}

/// Maximum number of stretches of a log group in the table.
const ROWS_MAX: usize = 20;

/// The first and the last instant.
type Span = (Timestamp, Timestamp);

/// A stretch of time that is covered except for some gaps.
#[derive(Debug, PartialEq, Eq)]
struct Stretch {
    first: Timestamp,
    last: Timestamp,
    /// The lengths of the gaps in milliseconds.
    gaps: Vec<i64>,
}

impl Stretch {
    fn gaps_in_words(&self) -> String {
        if self.gaps.is_empty() {
            return String::new();
        }
        let count = counted(self.gaps.len() as u64, "gap");
        format!("{count}, {} in total", human_duration(self.gaps.iter().sum()))
    }
}

/// Returns the ranges, or if there are too many the stretches between the longest gaps.
fn between_longest_gaps(spans: &[Span], count_max: usize) -> Vec<Stretch> {
    let gap = |(before, after): (&Span, &Span)| after.0.ms_since(before.1);
    let gaps: Vec<i64> = spans.iter().zip(spans.iter().skip(1)).map(gap).collect();
    let mut by_length: Vec<usize> = (0..gaps.len()).collect();
    by_length.sort_by_key(|it| std::cmp::Reverse(gaps.get(*it)));
    by_length.truncate(count_max.saturating_sub(1));
    by_length.sort_unstable();
    let mut stretches = Vec::new();
    let mut start = 0;
    for end in by_length.into_iter().chain(spans.len().checked_sub(1)) {
        if let (Some(first), Some(last)) = (spans.get(start), spans.get(end)) {
            // Shorter gaps are kept with their stretch: nothing may read as covered that is not.
            let gaps = gaps.get(start..end).expect("each but the last span has a gap").to_vec();
            stretches.push(Stretch { first: first.0, last: last.1, gaps });
        }
        start = end + 1;
    }
    stretches
}

fn directory_in_words(organization: &OrganizationHistory, now: Timestamp, zone: &Zone) -> String {
    let now = organization.latest(now);
    let count = |kind: EntityKind| {
        let entities = organization.entities(now).filter(|it| it.kind == kind);
        counted(entities.count() as u64, kind.as_str())
    };
    let counts = [EntityKind::User, EntityKind::Group, EntityKind::Resource].map(count);
    let taken = match organization.last_taken() {
        Some(taken) => format!("taken {}", taken.in_zone(zone)),
        None => "never fetched completely".to_owned(),
    };
    format!("{}: {}, {taken}", sanitise(&organization.alias), counts.join(", "))
}

fn shutdown(now: Timestamp) -> String {
    match days_left(now) {
        0 => "has shut down".to_owned(),
        1 => "shuts down on 2027-03-31: 1 day left".to_owned(),
        days => format!("shuts down on 2027-03-31: {days} days left"),
    }
}

/// Describes the time left to pull what has not been pulled.
fn loss(standing: &Standing, now: Timestamp) -> String {
    let Some(deleted_at) = standing.deleted_at else {
        return "none known: no retention is set".to_owned();
    };
    let left = deleted_at.ms_since(now);
    if left <= 0 {
        return "now: the oldest events not yet pulled are being deleted".to_owned();
    }
    format!("in {}: the oldest events not yet pulled are deleted then", human_duration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gaps_are_shown_and_the_others_counted() {
        let at = |ms| Timestamp::from_ms(ms).unwrap();
        let check = |given: &[(i64, i64)], count_max, expected: &[(i64, i64, &[i64])]| {
            let spans: Vec<Span> = given.iter().map(|it| (at(it.0), at(it.1))).collect();
            let stretch = |it: &(i64, i64, &[i64])| Stretch {
                first: at(it.0),
                last: at(it.1),
                gaps: it.2.to_vec(),
            };
            let expected: Vec<Stretch> = expected.iter().map(stretch).collect();
            assert_eq!(between_longest_gaps(&spans, count_max), expected, "{count_max}");
        };
        let given = [(0, 1), (3, 4), (14, 15), (16, 17), (27, 28)];
        let all = given.map(|(first, last)| (first, last, &[][..]));
        check(&given, 5, &all);
        check(&given, 4, &[all[0], all[1], (14, 17, &[1]), all[4]]);
        check(&given, 3, &[(0, 4, &[2]), (14, 17, &[1]), all[4]]);
        check(&given, 1, &[(0, 28, &[2, 10, 1, 10])]);
        check(&given[..1], 3, &all[..1]);
        check(&[], 3, &[]);
    }
}
