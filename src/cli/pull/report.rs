//! The printed report of `pull`: done or planned.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::aws::AwsError;
use crate::cli::pull::directory::TakenDirectories;
use crate::pull::{PullPlan, PullReport};
use crate::render::{
    Answer, JsonWriter, TableOptions, bytes_in_words, counted, csv_cell, human_duration, sanitise,
    write_csv, write_pairs,
};
use crate::store::CoveredRange;
use crate::time::{Timestamp, Zone};

/// All pulls from one group in one run.
#[derive(Default)]
pub(crate) struct Pulled {
    region: String,
    total: PullReport,
}

impl Pulled {
    pub(crate) fn new(region: &str) -> Self {
        Self { region: region.to_owned(), total: PullReport::default() }
    }

    /// Adds a pull.
    pub(crate) fn add(&mut self, report: PullReport) {
        let before = std::mem::take(&mut self.total);
        self.total = PullReport {
            read: before.read + report.read,
            added: before.added + report.added,
            late: before.late + report.late,
            duplicates: before.duplicates + report.duplicates,
            rejected: before.rejected + report.rejected,
            withheld: before.withheld + report.withheld,
            pages: before.pages + report.pages,
            bytes: before.bytes + report.bytes,
            throttled: before.throttled + report.throttled,
            elapsed_ms: before.elapsed_ms + report.elapsed_ms,
            first_reject: before.first_reject.or(report.first_reject),
            // Everything else is the last pull's: group, coverage and problem.
            ..report
        };
    }

    /// The problem of the last pull.
    pub(crate) fn problem(&self) -> Option<&AwsError> {
        self.total.problem.as_ref()
    }

    pub(crate) fn added(&self) -> u64 {
        self.total.added
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.total.rejected
    }

    /// The rejected records, in a line.
    pub(crate) fn rejection(&self) -> String {
        let PullReport { log_group, rejected, first_reject, .. } = &self.total;
        let reason = first_reject.as_deref().unwrap_or("");
        format!("{log_group}: {rejected} rejected, first reason: {reason}")
    }

    /// The pull, in a line.
    fn in_words(&self) -> String {
        let Self { total, region } = self;
        let PullReport { log_group, read, added, late, duplicates, rejected, .. } = total;
        let mut line = format!(
            "{} ({region}): {} read in {}: {added} new",
            sanitise(log_group),
            counted(read - rejected, "event"),
            counted(total.pages, "page"),
        );
        if *late > 0 {
            line.push_str(&format!(" ({late} arrived late)"));
        }
        line.push_str(&format!(", {duplicates} duplicates"));
        if *rejected > 0 {
            line.push_str(&format!(", {rejected} rejected (kept in the store's rejected/)"));
        }
        if total.withheld > 0 {
            line.push_str(&format!(", {} left out (removed before)", total.withheld));
        }
        if total.throttled > 0 {
            line.push_str(&format!(", {} requests throttled", total.throttled));
        }
        format!("{line} ({:.1} s)", total.elapsed_ms as f64 / 1_000.0)
    }
}

/// The answer of a pull, for log groups and directories.
pub(crate) struct PulledAnswer<'p> {
    pub(crate) pulled: &'p [&'p Pulled],
    pub(crate) directories: &'p TakenDirectories,
    pub(crate) now: Timestamp,
}

impl Answer for PulledAnswer<'_> {
    fn table(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        self.pulled.iter().try_for_each(|it| writeln!(out, "{}", it.in_words()))?;
        self.directories.lines().try_for_each(|it| writeln!(out, "{it}"))
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let mut answer = to_json(self.pulled, self.now, zone);
        if let (Value::Object(answer), Some(taken)) = (&mut answer, self.directories.to_json()) {
            answer.insert("directories".to_owned(), taken);
        }
        out.value(&answer)
    }

    /// Prints a row for each log group.
    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        const HEADER: [&str; 8] =
            ["logGroup", "read", "added", "late", "duplicates", "rejected", "pages", "throttled"];
        let rows = self.pulled.iter().map(|Pulled { total, .. }| {
            let counts = [total.read, total.added, total.late, total.duplicates];
            let counts = counts.into_iter().chain([total.rejected, total.pages, total.throttled]);
            [csv_cell(&total.log_group)].into_iter().chain(counts.map(|it| it.to_string()))
        });
        write_csv(HEADER, rows, out)
    }
}

fn range_json(range: &CoveredRange, zone: &Zone) -> Value {
    json!({"first": range.first().in_zone(zone), "last": range.last().in_zone(zone)})
}

fn coverage_json(report: &PullReport, now: Timestamp, zone: &Zone) -> Vec<Value> {
    report.pulled.ranges(now.as_ms()).iter().map(|it| range_json(it, zone)).collect()
}

fn to_json(pulled: &[&Pulled], now: Timestamp, zone: &Zone) -> Value {
    let sum = |count: fn(&PullReport) -> u64| pulled.iter().map(|it| count(&it.total)).sum::<u64>();
    let file = |Pulled { total, .. }: &Pulled| {
        json!({
            "path": total.log_group,
            "format": "cloudwatch",
            "compression": null,
            "read": total.read,
            "added": total.added,
            "duplicates": total.duplicates,
            "rejected": total.rejected,
            "firstRejected": total.first_reject.as_ref().map(|it| json!({"line": null, "reason": it})),
            "error": total.problem.as_ref().map(ToString::to_string),
        })
    };
    let source = |Pulled { total, region }: &Pulled| {
        json!({
            "logGroup": total.log_group,
            "arn": total.arn,
            "region": region,
            "retentionDays": total.pulled.facts.retention_days,
            "read": total.read,
            "added": total.added,
            "late": total.late,
            "duplicates": total.duplicates,
            "rejected": total.rejected,
            "withheld": total.withheld,
            "pages": total.pages,
            "throttled": total.throttled,
            "coverage": coverage_json(total, now, zone),
            "error": total.problem.as_ref().map(ToString::to_string),
        })
    };
    let only = match pulled {
        [only] => Some(only),
        _ => None,
    };
    json!({
        "read": sum(|it| it.read),
        "added": sum(|it| it.added),
        "duplicates": sum(|it| it.duplicates),
        "rejected": sum(|it| it.rejected),
        "withheld": sum(|it| it.withheld),
        "elapsedMs": sum(|it| it.elapsed_ms),
        "files": pulled.iter().map(|it| file(it)).collect::<Vec<_>>(),
        "logGroup": only.map(|it| &it.total.log_group),
        "pages": sum(|it| it.pages),
        "throttled": sum(|it| it.throttled),
        "late": sum(|it| it.late),
        "coverage": only.map(|it| coverage_json(&it.total, now, zone)),
        "sources": pulled.iter().map(|it| source(it)).collect::<Vec<_>>(),
    })
}

/// The plan of a pull.
pub(crate) struct PullPlans<'p>(pub(crate) &'p [PullPlan]);

impl Answer for PullPlans<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let zone = &options.zone;
        let shown = |it: &CoveredRange| {
            format!("{} to {}", it.first().in_zone(zone), it.last().in_zone(zone))
        };
        for (index, plan) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            let again_ms: i64 =
                plan.again.iter().map(|it| it.last_ms.saturating_sub(it.first_ms)).sum();
            let mut facts = vec![("Log group", plan.log_group.clone())];
            if plan.unseen.is_empty() {
                facts.push(("Never looked at", "nothing".to_owned()));
            }
            for range in &plan.unseen {
                facts.push(("Never looked at", shown(range)));
            }
            if !plan.again.is_empty() {
                let text = format!(
                    "{} in {}, for events that came late",
                    human_duration(again_ms),
                    if plan.again.len() == 1 {
                        "1 range".to_owned()
                    } else {
                        format!("{} ranges", plan.again.len())
                    }
                );
                facts.push(("Look again at", text));
            }
            let retention = plan.retention_days.map(|it| format!("{it} days"));
            facts.push(("Kept for", retention.unwrap_or_else(|| "no expiry known".to_owned())));
            let stored =
                plan.stored_bytes.map(|it| format!("{} as CloudWatch reports", bytes_in_words(it)));
            facts.push(("Stored", stored.unwrap_or_else(|| "not known".to_owned())));
            if let Some(count) = plan.bytes {
                facts.push(("To fetch", format!("about {}, estimated", bytes_in_words(count))));
            }
            let time = human_duration(
                i64::try_from(plan.seconds).unwrap_or(i64::MAX).saturating_mul(1_000),
            );
            facts.push(("Requests", format!("{} or more, {time} at 5 a second", plan.requests)));
            write_pairs(&facts, 0, options.width, out)?;
        }
        Ok(())
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let ranges = |ranges: &[CoveredRange]| -> Vec<Value> {
            ranges.iter().map(|it| range_json(it, zone)).collect()
        };
        let plan = |plan: &PullPlan| {
            json!({
                "logGroup": plan.log_group,
                "arn": plan.arn,
                "unseen": ranges(&plan.unseen),
                "again": ranges(&plan.again),
                "retentionDays": plan.retention_days,
                "storedBytes": plan.stored_bytes,
                "bytes": plan.bytes,
                "requests": plan.requests,
                "seconds": plan.seconds,
            })
        };
        out.value(&json!({"sources": self.0.iter().map(plan).collect::<Vec<_>>()}))
    }

    /// Prints a row for each range.
    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.0.iter().flat_map(|plan| {
            let unseen = plan.unseen.iter().map(|it| (it, "false"));
            let ranges = unseen.chain(plan.again.iter().map(|it| (it, "true")));
            ranges.map(|(range, again)| {
                let (first, last) = (range.first(), range.last());
                [
                    csv_cell(&plan.log_group),
                    first.in_zone(&options.zone),
                    last.in_zone(&options.zone),
                    again.to_owned(),
                ]
            })
        });
        write_csv(["logGroup", "first", "last", "again"], rows, out)
    }
}
