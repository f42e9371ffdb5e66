//! `mailtrace status`.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};

use super::output::counted;
use super::removal::{tombstone_in_words, tombstone_to_json};
use super::{Context, Format, Outcome};
use crate::access::{AccessHits, AccessRequest, People};
use crate::directory::{EntityKind, OrganizationHistory};
use crate::render::{
    Cell, Column, Table, csv_cell, human_duration, sanitise, write_json, write_pairs,
};
use crate::store::{CoveredRange, Look, PulledGroup, Sizes, Standing, Store};
use crate::time::Timestamp;
use crate::time::workmail_end::days_left;

/// Show what the store holds and covers, and where the gaps are
#[derive(Debug, Args)]
pub(super) struct StatusArgs {}

/// How the group of records without one is shown.
const UNNAMED_GROUP: &str = "(log group unknown)";

pub(super) fn run(_args: &StatusArgs, context: &Context) -> anyhow::Result<Outcome> {
    let store = Store::open(&context.store_path()?)?;
    answer(&store, context, &mut anstream::stdout().lock())?;
    Ok(Outcome::Done)
}

/// Writes the answer.
pub(super) fn answer(
    store: &Store,
    context: &Context,
    mut out: &mut dyn Write,
) -> anyhow::Result<()> {
    let sizes = store.sizes()?;
    let head = store.head()?;
    let audit = audit_facts(store)?;
    match context.global.format {
        Format::Table => write_table(store, sizes, head.as_deref(), audit, context, out)?,
        Format::Json | Format::Ndjson => {
            write_json(&to_json(store, sizes, head.as_deref(), audit, context), &mut out)?;
        }
        Format::Csv => write_csv(store, context, out)?,
    }
    out.flush()?;
    Ok(())
}

/// How many audit events there are, and when the first and the last of them happened.
type AuditFacts = (u64, Timestamp, Timestamp);

fn audit_facts(store: &Store) -> anyhow::Result<Option<AuditFacts>> {
    // Who they are about is not asked.
    let hits = AccessHits::find_with(store, &AccessRequest::default(), People::default())?;
    Ok(hits.span().map(|(first, last)| (hits.total(), first, last)))
}

fn write_table(
    store: &Store,
    sizes: Sizes,
    head: Option<&str>,
    audit: Option<AuditFacts>,
    context: &Context,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let options = context.table_options(false);
    let shown = |it: Timestamp| it.in_zone(&context.zone);
    let mut facts = vec![
        ("Store", store.path().display().to_string()),
        ("Events", store.checkpoint().mail_records().to_string()),
    ];
    if let Some((first, last)) = store.time_span() {
        facts.push(("First event", shown(first)));
        facts.push(("Last event", shown(last)));
    }
    if let Some((count, first, last)) = audit {
        facts.push(("Audit events", count.to_string()));
        facts.push(("First audit event", shown(first)));
        facts.push(("Last audit event", shown(last)));
    }
    facts.push(("Archive", bytes(sizes.archive_bytes)));
    facts.push(("Index", bytes(sizes.index_bytes)));
    if sizes.rejected_count > 0 {
        let rejected =
            format!("{}, {}", counted(sizes.rejected_count, "piece"), bytes(sizes.rejected_bytes));
        facts.push(("Rejected", rejected));
    }
    if let Some(head) = head {
        facts.push(("Head", head.to_owned()));
    }
    facts.push(("WorkMail", shutdown(context.now)));
    for (_, organization) in store.directory().iter().flat_map(|it| it.organizations()) {
        facts.push(("Directory", directory_in_words(organization, context)));
    }
    write_pairs(&facts, 0, options.width, out)?;
    let tombstones = &store.checkpoint().tombstones;
    if !tombstones.is_empty() {
        writeln!(out, "\nRemoved")?;
    }
    for tombstone in tombstones {
        writeln!(out, "  {}", sanitise(&tombstone_in_words(tombstone, &context.zone)))?;
    }
    let coverage = store.checkpoint().ledger.coverage.until(context.now);
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
                Cell::new(&shown(stretch.first)),
                Cell::new(&shown(stretch.last)),
                Cell::new(&stretch.gaps_in_words()),
                Cell::new(&gap.map_or_else(String::new, human_duration)),
            ]);
        }
    }
    table.write(options.width, out)?;
    if store.checkpoint().ledger.pulls.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nPulls")?;
    for (index, (arn, group)) in store.checkpoint().ledger.pulls.groups().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let standing = Standing::of(group, context.now);
        let optional = |it: Option<Timestamp>| it.map_or_else(|| "nothing".to_owned(), shown);
        let mut facts = vec![("Log group", group.facts.name.clone()), ("ARN", arn.to_owned())];
        facts.push(("Last look", optional(standing.last_look)));
        facts.push(("Complete to", optional(standing.complete_until)));
        facts.push(("No late events before", optional(standing.final_until)));
        let mut loss = loss(&standing, context.now);
        if !group.facts.is_known() {
            loss.push_str(" (30 days assumed: logs:DescribeLogGroups is not allowed)");
        }
        facts.push(("Next deletion", loss));
        write_pairs(&facts, 2, options.width, out)?;
    }
    Ok(())
}

/// How many stretches of a log group the table shows.
const ROWS_MAX: usize = 20;

/// From when to when.
type Span = (Timestamp, Timestamp);

/// A stretch of time that is covered but for some gaps.
#[derive(Debug, PartialEq, Eq)]
struct Stretch {
    first: Timestamp,
    last: Timestamp,
    /// Their lengths in milliseconds.
    gaps: Vec<i64>,
}

impl Stretch {
    fn gaps_in_words(&self) -> String {
        if self.gaps.is_empty() {
            return String::new();
        }
        let count = counted(self.gaps.len() as u64, "gap");
        format!("{count} of {} in all", human_duration(self.gaps.iter().sum()))
    }
}

/// The ranges, or where there are more than so many the stretches between the longest gaps.
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
            let gaps = gaps.get(start..end).expect("each but the last span has a gap").to_vec();
            stretches.push(Stretch { first: first.0, last: last.1, gaps });
        }
        start = end + 1;
    }
    stretches
}

fn directory_in_words(organization: &OrganizationHistory, context: &Context) -> String {
    let now = organization.latest(context.now);
    let count = |kind: EntityKind| {
        let entities = organization.entities(now).filter(|it| it.kind == kind);
        counted(entities.count() as u64, kind.as_str())
    };
    let counts = [EntityKind::User, EntityKind::Group, EntityKind::Resource].map(count);
    let taken = match organization.last_taken() {
        Some(taken) => format!("taken {}", taken.in_zone(&context.zone)),
        None => "never taken as a whole".to_owned(),
    };
    format!("{}: {}, {taken}", sanitise(&organization.alias), counts.join(", "))
}

fn directories_to_json(store: &Store, context: &Context) -> Vec<Value> {
    let directory = store.directory();
    let organizations = directory.iter().flat_map(|it| it.organizations());
    let shown = |it: Timestamp| it.in_zone(&context.zone);
    let to_json = |(id, it): (&str, &OrganizationHistory)| {
        let now = it.latest(context.now);
        let count = |kind| it.entities(now).filter(|it| it.kind == kind).count();
        json!({
            "organization": id,
            "alias": it.alias,
            "users": count(EntityKind::User),
            "groups": count(EntityKind::Group),
            "resources": count(EntityKind::Resource),
            "domains": it.domains(now).iter().map(|it| &it.name).collect::<Vec<_>>(),
            "takenAt": it.last_taken().map(shown),
        })
    };
    organizations.map(to_json).collect()
}

fn shutdown(now: Timestamp) -> String {
    match days_left(now) {
        0 => "has shut down".to_owned(),
        1 => "shuts down on 2027-03-31: 1 day left".to_owned(),
        days => format!("shuts down on 2027-03-31: {days} days left"),
    }
}

/// How long there is to take what has not been taken, in words.
fn loss(standing: &Standing, now: Timestamp) -> String {
    let Some(deleted_at) = standing.deleted_at else {
        return "none: CloudWatch keeps events for ever, or does not say for how long".to_owned();
    };
    let left = deleted_at.ms_since(now);
    if left <= 0 {
        return "now: the oldest events not yet taken are being deleted".to_owned();
    }
    format!("in {}: the oldest events not yet taken are deleted then", human_duration(left))
}

fn to_json(
    store: &Store,
    sizes: Sizes,
    head: Option<&str>,
    audit: Option<AuditFacts>,
    context: &Context,
) -> Value {
    let shown = |it: Timestamp| it.in_zone(&context.zone);
    let range = |it: &CoveredRange| json!({"first": shown(it.first()), "last": shown(it.last())});
    let coverage: Vec<Value> = store
        .checkpoint()
        .ledger
        .coverage
        .until(context.now)
        .groups()
        .map(|(log_group, ranges)| {
            let gaps: Vec<Value> = ranges
                .iter()
                .zip(ranges.iter().skip(1))
                .map(|(a, b)| json!({"after": shown(a.last()), "before": shown(b.first())}))
                .collect();
            json!({
                "logGroup": (!log_group.is_empty()).then_some(log_group),
                "ranges": ranges.iter().map(range).collect::<Vec<_>>(),
                "gaps": gaps,
            })
        })
        .collect();
    let span = store.time_span();
    json!({
        "store": store.path().display().to_string(),
        "records": store.checkpoint().records,
        "auditEvents": audit.map_or(0, |(count, ..)| count),
        "firstAuditEvent": audit.map(|(_, first, _)| shown(first)),
        "lastAuditEvent": audit.map(|(.., last)| shown(last)),
        "firstSeen": span.map(|(first, _)| shown(first)),
        "lastSeen": span.map(|(_, last)| shown(last)),
        "archiveBytes": sizes.archive_bytes,
        "indexBytes": sizes.index_bytes,
        "rejected": sizes.rejected_count,
        "rejectedBytes": sizes.rejected_bytes,
        "head": head,
        "tombstones": store.checkpoint().tombstones.iter().map(|it| tombstone_to_json(it, &context.zone)).collect::<Vec<_>>(),
        "coverage": coverage,
        "pulls": store.checkpoint().ledger.pulls.groups().map(|(arn, it)| pull_to_json(arn, it, context)).collect::<Vec<_>>(),
        "directories": directories_to_json(store, context),
        "workmailEnds": "2027-03-31",
        "daysLeft": days_left(context.now),
    })
}

fn pull_to_json(arn: &str, group: &PulledGroup, context: &Context) -> Value {
    let shown = |it: Timestamp| it.in_zone(&context.zone);
    let standing = Standing::of(group, context.now);
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
        "deletedInMs": standing.deleted_at.map(|it| it.ms_since(context.now)),
        "looks": group.looks().iter().map(look).collect::<Vec<_>>(),
    })
}

fn write_csv(store: &Store, context: &Context, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["logGroup", "first", "last"])?;
    let coverage = store.checkpoint().ledger.coverage.until(context.now);
    for (log_group, ranges) in coverage.groups() {
        for range in ranges {
            csv.write_record([
                csv_cell(log_group).as_str(),
                &range.first().in_zone(&context.zone),
                &range.last().in_zone(&context.zone),
            ])?;
        }
    }
    csv.flush()?;
    Ok(())
}

/// Bytes as people say them.
pub(super) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
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
