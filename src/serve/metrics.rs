//! Metrics for a monitoring system, in OpenMetrics.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::QuestionError;
use super::server::Server;
use crate::store::{Standing, Store};
use crate::time::workmail_end::days_left;
use crate::time::{DAY_MS, TimeRange, Timestamp};
use crate::trace::{JoinRules, MessageFilter, Order, Outcome, Totals, select_page};

/// The media type of OpenMetrics' text format.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// An hour in milliseconds.
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// The text of metrics under construction.
#[derive(Default)]
struct MetricLines(String);

impl MetricLines {
    /// Begins a family. `unit` must be the suffix of the name, as the format demands.
    fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let Self(text) = self;
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "# TYPE {name} {kind}");
        if !unit.is_empty() {
            let _infallible = writeln!(text, "# UNIT {name} {unit}");
        }
        let _infallible = writeln!(text, "# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        let pairs: Vec<String> =
            labels.iter().map(|(label, it)| format!("{label}=\"{}\"", escaped(it))).collect();
        let labels =
            if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
        let _infallible = writeln!(self.0, "{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, unit: &str, help: &str, value: impl Into<Option<String>>) {
        self.family(name, "gauge", unit, help);
        // A family without a sample is valid, and says that the value is unknown.
        if let Some(value) = value.into() {
            self.sample(name, &[], &value);
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", "", help);
        // OpenMetrics names a counter's family without `_total` and its sample with it.
        self.sample(&format!("{name}_total"), &[], &value.to_string());
    }
}

/// Escapes a label's value for the place between its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Formats milliseconds as seconds.
fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}

/// Returns the metrics of the store.
pub(super) fn of_store(
    store: &Store,
    now: Timestamp,
    grace_ms: i64,
) -> Result<String, QuestionError> {
    let mut lines = MetricLines::default();
    let checkpoint = store.checkpoint();
    let span = store.time_span();
    let records = store.mail_records().to_string();
    lines.gauge("mailtrace_events", "", "Events in the store.", records);
    let newest = span.map(|(_, last)| seconds(last.as_ms()));
    let help = "Time of the newest event.";
    lines.gauge("mailtrace_newest_event_timestamp_seconds", "seconds", help, newest);
    let coverage = checkpoint.ledger.coverage.until(now);
    let age = coverage.span().map(|it| seconds(now.ms_since(it.last())));
    let help = "Time since the end of what the store covers.";
    lines.gauge("mailtrace_coverage_age_seconds", "seconds", help, age);
    let gaps: usize = coverage.groups().map(|(_, it)| it.len().saturating_sub(1)).sum();
    let help = "Gaps between the times that the store covers.";
    lines.gauge("mailtrace_coverage_gaps", "", help, gaps.to_string());
    match store.mirrored() {
        Some((_, published)) => {
            let help = "Time of the organization's last publication to the cluster.";
            let published = published.map(|it| seconds(it.as_ms()));
            lines.gauge("mailtrace_published_timestamp_seconds", "seconds", help, published);
        }
        None => on_disk(store, &mut lines)?,
    }

    let rules = JoinRules::of_store(store, grace_ms, now);
    for (name, period_ms, period) in [
        ("mailtrace_hour_recipients", HOUR_MS, "hour"),
        ("mailtrace_day_recipients", DAY_MS, "day"),
    ] {
        let totals = totals(store, &rules, now, period_ms)?;
        let help = format!("Recipients of messages first seen in the last {period}, by outcome.");
        lines.family(name, "gauge", "", &help);
        for outcome in Outcome::ALL {
            let count = totals.recipients_with(outcome).to_string();
            lines.sample(name, &[("outcome", outcome.as_str())], &count);
        }
    }
    if !store.is_mirror() {
        pulls(store, now, &mut lines);
    }
    let help = "Whole days until WorkMail ends.";
    lines.gauge("mailtrace_workmail_days", "", help, days_left(now).to_string());
    Ok(lines.0)
}

fn on_disk(store: &Store, lines: &mut MetricLines) -> Result<(), QuestionError> {
    let sizes = store.sizes()?;
    let help = "Rejected pieces of input: they could not be understood.";
    lines.gauge("mailtrace_rejected", "", help, sizes.rejected_count.to_string());
    let help = "Bytes of the store on disk.";
    let bytes = sizes.archive_bytes + sizes.index_bytes + sizes.rejected_bytes;
    lines.gauge("mailtrace_store_bytes", "bytes", help, bytes.to_string());
    Ok(())
}

fn totals(
    store: &Store,
    rules: &JoinRules,
    now: Timestamp,
    period_ms: i64,
) -> Result<Totals, QuestionError> {
    let since = Some(now.saturating_add_ms(-period_ms));
    let first_seen = TimeRange { since, until: None };
    let filter = MessageFilter { first_seen, ..MessageFilter::default() };
    Ok(select_page(store, rules, &filter, Order::Newest, None, 0)?.1)
}

/// Adds how far the pulls of each log group have got.
fn pulls(store: &Store, now: Timestamp, lines: &mut MetricLines) {
    let groups: Vec<(String, Standing)> = store
        .checkpoint()
        .ledger
        .pulls
        .groups()
        .map(|(_, it)| (it.facts.name.clone(), Standing::of(it, now)))
        .collect();
    let mut family = |name: &str, help: &str, of: &dyn Fn(&Standing) -> Option<i64>| {
        lines.family(name, "gauge", "seconds", help);
        for (group, standing) in &groups {
            if let Some(ms) = of(standing) {
                lines.sample(name, &[("log_group", group)], &seconds(ms));
            }
        }
    };
    let help = "Time since the log group was last checked.";
    family("mailtrace_pull_age_seconds", help, &|it| Some(now.ms_since(it.last_look?)));
    let help = "Time since the point up to which all events are in the store.";
    family("mailtrace_pull_lag_seconds", help, &|it| Some(now.ms_since(it.complete_until?)));
    let help = "Time until CloudWatch deletes events that are not in the store.";
    family("mailtrace_pull_loss_seconds", help, &|it| Some(it.deleted_at?.ms_since(now)));
}

/// Returns the metrics of the server and the end marker, which must be the last line.
pub(super) fn of_server(server: &Server) -> String {
    let mut lines = MetricLines::default();
    let answers = &server.answers;
    let open = server.connections.count().to_string();
    lines.gauge("mailtrace_serve_connections", "", "Open connections.", open);
    let waiting = answers.waiting().to_string();
    let help = "Questions being answered or waiting.";
    lines.gauge("mailtrace_serve_questions", "", help, waiting);
    let help = "Answers computed.";
    lines.counter("mailtrace_serve_answers", help, answers.made.load(Ordering::Relaxed));
    let help = "Answers served from the cache.";
    lines.counter("mailtrace_serve_answers_kept", help, answers.hits.load(Ordering::Relaxed));
    let help = "Questions that timed out.";
    lines.counter("mailtrace_serve_timeouts", help, answers.timeouts.load(Ordering::Relaxed));
    let name = "mailtrace_serve_requests";
    lines.family(name, "counter", "", "Requests by status class.");
    for (class, count) in server.counts.classes() {
        let class = format!("{class}xx");
        lines.sample(&format!("{name}_total"), &[("status", &class)], &count.to_string());
    }
    lines.0.push_str("# EOF\n");
    lines.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_open_metrics() {
        let mut lines = MetricLines::default();
        lines.gauge("a_seconds", "seconds", "Help.", Some(seconds(1_050)));
        lines.gauge("b", "", "None.", None);
        lines.counter("c", "Count.", 3);
        lines.sample("d", &[("x", "a\"b\\\n"), ("y", "z")], "1");
        assert_eq!(
            lines.0,
            "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n# HELP a_seconds Help.\na_seconds 1.050\n\
             # TYPE b gauge\n# HELP b None.\n\
             # TYPE c counter\n# HELP c Count.\nc_total 3\n\
             d{x=\"a\\\"b\\\\\\n\",y=\"z\"} 1\n"
        );
    }
}
