//! What `pull` prints: what it did, or what it would do.

use std::io::Write;

use serde_json::{Value, json};

use super::output::counted;
use super::pull_directory::TakenDirectories;
use super::status::bytes;
use super::{Context, Format};
use crate::aws::AwsError;
use crate::pull::{PullPlan, PullReport};
use crate::render::{csv_cell, human_duration, sanitise, write_json, write_pairs};
use crate::store::CoveredRange;

/// All pulls of one group by one run.
#[derive(Default)]
pub(super) struct Pulled {
    region: String,
    total: PullReport,
}

impl Pulled {
    pub(super) fn new(region: &str) -> Self {
        Self { region: region.to_owned(), total: PullReport::default() }
    }

    /// Adds one more pull.
    pub(super) fn add(&mut self, report: PullReport) {
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
            ..report
        };
    }

    /// What the last pull came to.
    pub(super) fn problem(&self) -> Option<&AwsError> {
        self.total.problem.as_ref()
    }

    pub(super) fn added(&self) -> u64 {
        self.total.added
    }

    pub(super) fn rejected(&self) -> u64 {
        self.total.rejected
    }

    /// What was rejected, in a line.
    pub(super) fn rejection(&self) -> String {
        let PullReport { log_group, rejected, first_reject, .. } = &self.total;
        let reason = first_reject.as_deref().unwrap_or("");
        format!("{log_group}: {rejected} rejected, the first because: {reason}")
    }
}

pub(super) fn write_pulled(
    pulled: &[&Pulled],
    directories: &TakenDirectories,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match context.global.format {
        Format::Table => {
            pulled.iter().try_for_each(|it| write_text(it, out))?;
            directories.lines().try_for_each(|it| writeln!(out, "{it}"))?;
        }
        Format::Json | Format::Ndjson => {
            let mut answer = to_json(pulled, context);
            if let (Value::Object(answer), Some(taken)) = (&mut answer, directories.to_json()) {
                answer.insert("directories".to_owned(), taken);
            }
            write_json(&answer, out)?;
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record([
                "logGroup",
                "read",
                "added",
                "late",
                "duplicates",
                "rejected",
                "pages",
                "throttled",
            ])?;
            for Pulled { total, .. } in pulled {
                let counts = [total.read, total.added, total.late, total.duplicates];
                let counts =
                    counts.into_iter().chain([total.rejected, total.pages, total.throttled]);
                csv.write_field(csv_cell(&total.log_group))?;
                csv.write_record(counts.map(|it| it.to_string()))?;
            }
            csv.flush()?;
        }
    }
    Ok(())
}

fn write_text(Pulled { total, region }: &Pulled, out: &mut dyn Write) -> std::io::Result<()> {
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
        line.push_str(&format!(", {} left out as removed before", total.withheld));
    }
    if total.throttled > 0 {
        line.push_str(&format!(", {} requests throttled", total.throttled));
    }
    writeln!(out, "{line} ({:.1} s)", total.elapsed_ms as f64 / 1_000.0)
}

fn range_to_json(range: &CoveredRange, context: &Context) -> Value {
    let shown = |it: crate::time::Timestamp| it.in_zone(&context.zone);
    json!({"first": shown(range.first()), "last": shown(range.last())})
}

fn coverage_to_json(report: &PullReport, context: &Context) -> Vec<Value> {
    report.pulled.ranges(context.now.as_ms()).iter().map(|it| range_to_json(it, context)).collect()
}

fn to_json(pulled: &[&Pulled], context: &Context) -> Value {
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
            "coverage": coverage_to_json(total, context),
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
        "coverage": only.map(|it| coverage_to_json(&it.total, context)),
        "sources": pulled.iter().map(|it| source(it)).collect::<Vec<_>>(),
    })
}

pub(super) fn write_plans(
    plans: &[PullPlan],
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let shown = |it: &CoveredRange| {
        format!("{} to {}", it.first().in_zone(&context.zone), it.last().in_zone(&context.zone))
    };
    match context.global.format {
        Format::Table => {
            for (index, plan) in plans.iter().enumerate() {
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
                    plan.stored_bytes.map(|it| format!("{} as CloudWatch reports", bytes(it)));
                facts.push(("Stored", stored.unwrap_or_else(|| "not known".to_owned())));
                if let Some(count) = plan.bytes {
                    facts.push(("To fetch", format!("about {}, estimated", bytes(count))));
                }
                let time = human_duration(
                    i64::try_from(plan.seconds).unwrap_or(i64::MAX).saturating_mul(1_000),
                );
                facts
                    .push(("Requests", format!("{} or more, {time} at 5 a second", plan.requests)));
                write_pairs(&facts, 0, context.table_options(false).width, out)?;
            }
        }
        Format::Json | Format::Ndjson => {
            let ranges = |ranges: &[CoveredRange]| {
                ranges.iter().map(|it| range_to_json(it, context)).collect::<Vec<_>>()
            };
            let plans: Vec<Value> = plans
                .iter()
                .map(|plan| {
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
                })
                .collect();
            write_json(&json!({"sources": plans}), out)?;
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["logGroup", "first", "last", "again"])?;
            for plan in plans {
                let unseen = plan.unseen.iter().map(|it| (it, "false"));
                for (range, again) in unseen.chain(plan.again.iter().map(|it| (it, "true"))) {
                    csv.write_record([
                        csv_cell(&plan.log_group).as_str(),
                        &range.first().in_zone(&context.zone),
                        &range.last().in_zone(&context.zone),
                        again,
                    ])?;
                }
            }
            csv.flush()?;
        }
    }
    Ok(())
}
