//! The page of counts, delivery times, and causes of bounces.

use askama::Template;

use super::bars::Bars;
use super::facets::narrowed_from;
use super::frame::{PageFrame, Tab};
use super::lines::Lines;
use super::nothing::Nothing;
use super::period::QuestionForm;
use super::words::{counted, grouped, share};
use super::{PageReply, PageRequest};
use crate::limits;
use crate::render::{absent_value, fit, human_duration};
use crate::serve::{ApiCommand, Parameters, QuestionError};
use crate::stats::{
    CountKey, Counts, LatencyRow, StatsRequest, count_by, latencies, outcome_series,
};
use crate::time::Interval;
use crate::trace::{MessageFilter, Outcome};

#[derive(Template)]
#[template(path = "statistics.html", config = "src/serve/pages/askama.toml")]
struct StatisticsPage {
    frame: PageFrame,
    form: QuestionForm,
    bars: Option<Bars>,
    lines: Lines,
    latencies: Vec<LatencyLine>,
    tables: Vec<CountTable>,
    nothing: Option<Nothing>,
}

/// The latency of mail with one outcome.
struct LatencyLine {
    outcome: &'static str,
    count: String,
    p50: String,
    p90: String,
    p99: String,
    max: String,
}

/// The most frequent values of one key.
struct CountTable {
    title: &'static str,
    unit: String,
    rows: Vec<CountLine>,
    more: Option<String>,
}

struct CountLine {
    label: String,
    count: String,
    share: String,
    href: Option<String>,
}

/// The keys that are counted, with their titles.
const TABLES: [(CountKey, &str); 7] = [
    (CountKey::Outcome, "Outcomes"),
    (CountKey::Cause, "Why it bounced"),
    (CountKey::Event, "Events"),
    (CountKey::SenderDomain, "Sender's domain"),
    (CountKey::RecipientDomain, "Recipient's domain"),
    (CountKey::Rule, "Rules"),
    (CountKey::Folder, "Folders"),
];

/// Lays out the page of numbers.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let store = request.store;
    let parameters = request.parameters.without_empty();
    let asked =
        request.questions.stats(&request.question(ApiCommand::Stats, &parameters), store)?;
    // Totals over the whole period; the interval below follows the histogram instead, so that lines
    // and bars match.
    let whole = StatsRequest { interval: None, ..asked };
    let zone = &whole.zone;
    let filter = MessageFilter {
        first_seen: whole.range,
        rows: whole.rows.clone(),
        ..MessageFilter::default()
    };
    let series = outcome_series(store, &whole.rules, &filter, zone)?;
    let interval = match series.as_ref().map(|it| it.interval) {
        Some("15m" | "hour") => Interval::Length(HOUR_MS),
        Some("week") => Interval::Week,
        _ => Interval::Day,
    };
    let by_time = StatsRequest { interval: Some(interval), ..whole.clone() };
    let took = latencies(store, &by_time, None)?;
    let delivered: Vec<&LatencyRow> =
        took.by_interval.iter().filter(|it| it.outcome == Outcome::Delivered).collect();
    let mut tables = Vec::new();
    let mut total = 0;
    for (key, title) in TABLES {
        let counts = count_by(store, key, &whole, limits::PAGE_COUNT_ROWS)?;
        total += counts.total;
        // A table that only says "none" is left out.
        if counts.rows.iter().any(|it| it.value.is_some()) {
            tables.push(table(title, &counts, &parameters));
        }
    }
    let mut frame = PageFrame::new(request, "Statistics", Tab::Statistics, zone).with_command(
        request,
        ApiCommand::Stats,
        &parameters,
    )?;
    for (key, gives) in
        [(CountKey::Outcome, "outcomes"), (CountKey::Cause, "causes"), (CountKey::Rule, "rules")]
    {
        let question = parameters.without("by").with("by", key.as_str());
        frame.add_command(gives, request, ApiCommand::Stats, &question)?;
    }
    let question = parameters.without("by").with("latency", "");
    frame.add_command("latency", request, ApiCommand::Stats, &question)?;
    let page = StatisticsPage {
        frame,
        form: QuestionForm::of(&parameters, "statistics"),
        bars: series.map(|it| Bars::of(&it, &parameters, "statistics", zone)),
        lines: Lines::of(&delivered, zone),
        latencies: took.whole.iter().map(latency).collect(),
        tables,
        nothing: (total == 0)
            .then(|| Nothing::of(request, "message", whole.range, &parameters, zone)),
    };
    PageReply::page(&page)
}

const HOUR_MS: i64 = 3_600_000;

fn latency(row: &LatencyRow) -> LatencyLine {
    LatencyLine {
        outcome: row.outcome.as_str(),
        count: grouped(row.count),
        p50: human_duration(row.p50_ms),
        p90: human_duration(row.p90_ms),
        p99: human_duration(row.p99_ms),
        max: human_duration(row.max_ms),
    }
}

fn table(title: &'static str, counts: &Counts, parameters: &Parameters) -> CountTable {
    let question = parameters.of_messages();
    let most = counts.rows.iter().map(|it| it.count).max().unwrap_or(1).max(1);
    let row = |it: &crate::stats::CountRow| {
        let label = it.value.as_deref().unwrap_or_else(|| absent_value(counts.key));
        CountLine {
            label: fit(label, limits::PAGE_TEXT_COLUMNS),
            count: grouped(it.count),
            share: share(it.count, most),
            href: it.value.as_deref().and_then(|value| href(counts.key, value, &question)),
        }
    };
    let more = counts.value_count.saturating_sub(counts.rows.len());
    CountTable {
        title,
        unit: counted(
            counts.total,
            counts.unit.as_str().trim_end_matches('s'),
            counts.unit.as_str(),
        ),
        rows: counts.rows.iter().map(row).collect(),
        more: (more > 0).then(|| counted(more as u64, "more value", "more values")),
    }
}

/// Returns the link to the messages that were counted.
fn href(key: CountKey, value: &str, question: &Parameters) -> Option<String> {
    match key {
        // The query here is one for messages, which the page of events may not understand.
        CountKey::Event if question.get("q").is_none() => {
            let question = question.with("q", &format!("event:{value}"));
            let is_word = value.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
            is_word.then(|| format!("search?{question}"))
        }
        key => narrowed_from(question, key.as_str(), Some(value)),
    }
}
