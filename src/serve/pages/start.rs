//! The start page: one input for anything, and what deserves attention.

use askama::Template;

use super::bars::{Bars, spark};
use super::coverage::CoverageBar;
use super::facets::narrowed_from;
use super::frame::{PageFrame, Tab};
use super::message::href_of;
use super::words::{When, counted, grouped};
use super::{PageReply, PageRequest};
use crate::limits;
use crate::render::{Marked, finding_in_words, findings_of_nothing, fit, human_duration};
use crate::serve::{ApiCommand, Parameters, QuestionError};
use crate::stats::{OutcomeSeries, outcome_series};
use crate::time::{TimeRange, Timestamp};
use crate::trace::{MessageFilter, Outcome};
use crate::triage::{Finding, FindingKind, Item, Triage, TriageRequest, triage};

#[derive(Template)]
#[template(path = "start.html", config = "src/serve/pages/askama.toml")]
struct StartPage {
    frame: PageFrame,
    is_empty: bool,
    since: When,
    until: When,
    has_before: bool,
    messages: String,
    recipients: String,
    latency: Option<String>,
    bars: Option<Bars>,
    cards: Vec<Card>,
    nothing: Vec<&'static str>,
    periods: Vec<(&'static str, String, bool)>,
    /// The query that narrows the messages, and the link without it.
    query: Option<(String, String)>,
    coverage: CoverageBar,
}

/// The card of one finding.
struct Card {
    class: &'static str,
    count: String,
    says: &'static str,
    before: Option<String>,
    /// The points of a line of counts over both periods.
    spark: String,
    items: Vec<CardItem>,
    more: Option<String>,
    href: String,
}

struct CardItem {
    number: String,
    label: String,
    is_new: bool,
    href: Option<String>,
}

/// Lays out the start page.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let store = request.store;
    let parameters = &request.parameters.without_empty();
    let asked =
        request.questions.triage(&request.question(ApiCommand::Triage, parameters), store)?;
    let asked = TriageRequest { items: limits::PAGE_TRIAGE_ITEMS, ..asked };
    let zone = &asked.zone;
    let frame = PageFrame::new(request, "Start", Tab::Start, zone);
    let frame = frame.with_command(request, ApiCommand::Triage, parameters)?;
    let found = triage(store, &asked)?;
    let (series, both) = series(request, &asked, found.before)?;
    let timeless = parameters.timeless();
    let period = timeless
        .of_messages()
        .with("since", &asked.since.in_zone(zone))
        .with("until", &asked.until.in_zone(zone));
    let cards = found.findings.iter().filter(|it| it.count > 0);
    let choice = parameters.text("since");
    let page = StartPage {
        frame,
        is_empty: store.mail_records() == 0,
        since: When::new(asked.since, zone),
        until: When::new(asked.until, zone),
        has_before: found.before.is_some(),
        messages: counted(found.messages, "message", "messages"),
        recipients: counted(found.recipients, "recipient", "recipients"),
        latency: found.latency.map(|it| {
            let took = human_duration;
            format!(
                "median {}, 90 % within {}, 99 % within {}, longest {}",
                took(it.p50_ms),
                took(it.p90_ms),
                took(it.p99_ms),
                took(it.max_ms)
            )
        }),
        bars: series.map(|it| Bars::of(&it, &period, "messages", zone)),
        cards: cards.map(|it| card(it, &found, both.as_ref(), &period)).collect(),
        nothing: findings_of_nothing(&found),
        periods: [("24 hours", ""), ("7 days", "7d"), ("30 days", "30d")]
            .map(|(word, value)| {
                let question = match value {
                    "" => timeless.clone(),
                    value => timeless.with("since", value),
                };
                (word, format!("./?{question}"), choice == value)
            })
            .to_vec(),
        query: parameters.get("q").map(|it| {
            let all = parameters.without("q");
            (fit(it, limits::PAGE_TEXT_COLUMNS), format!("./?{all}"))
        }),
        coverage: CoverageBar::of(store, request.now, zone),
    };
    PageReply::page(&page)
}

/// Returns the outcomes over the period, and over it together with the one before.
fn series(
    request: &PageRequest<'_>,
    asked: &TriageRequest,
    before: Option<TimeRange>,
) -> Result<(Option<OutcomeSeries>, Option<OutcomeSeries>), QuestionError> {
    let of = |since: Timestamp| {
        let first_seen = TimeRange { since: Some(since), until: Some(asked.until) };
        let filter =
            MessageFilter { first_seen, rows: asked.rows.clone(), ..MessageFilter::default() };
        outcome_series(request.store, &asked.rules, &filter, &asked.zone)
    };
    let since = before.and_then(|it| it.since);
    let both = since.map(&of).transpose()?.flatten();
    Ok((of(asked.since)?, both))
}

fn card(
    finding: &Finding,
    triage: &Triage,
    both: Option<&OutcomeSeries>,
    period: &Parameters,
) -> Card {
    let kind = finding.kind;
    let outcome = match kind {
        FindingKind::Lost => Some(Outcome::Lost),
        FindingKind::Unclear => Some(Outcome::Unclear),
        FindingKind::Bounced => Some(Outcome::Bounced),
        _ => None,
    };
    let counts = |outcome: Outcome| {
        let slots = both.into_iter().flat_map(|it| &it.slots);
        slots.map(|it| it.recipients_with(outcome)).collect::<Vec<_>>()
    };
    let more = finding.item_count.saturating_sub(finding.items.len());
    Card {
        class: match kind {
            FindingKind::Lost => "lost",
            FindingKind::Unclear | FindingKind::Slow | FindingKind::NoBeginning => "wait",
            FindingKind::Bounced | FindingKind::BouncedDomains | FindingKind::FailingMailboxes => {
                "bad"
            }
            _ => "plain",
        },
        count: grouped(finding.count),
        says: finding_in_words(kind, finding.count),
        before: finding
            .before
            .filter(|_| triage.before.is_some())
            .map(|it| before(finding.count, it)),
        spark: outcome.map_or_else(String::new, |it| spark(&counts(it))),
        items: finding.items.iter().map(|it| item(kind, it, period)).collect(),
        more: (more > 0).then(|| format!("{} more", grouped(more as u64))),
        href: format!("messages?{}", question(kind, period)),
    }
}

/// Compares a number with that of the period before.
fn before(count: u64, before: u64) -> String {
    match before {
        0 => "none in the period before".to_owned(),
        it if it == count => "the same in the period before".to_owned(),
        it => format!("{} in the period before", grouped(it)),
    }
}

/// Returns the question for the messages of a finding, equal to the command that the finding names.
fn question(kind: FindingKind, period: &Parameters) -> Parameters {
    let options: &[(&str, &str)] = match kind {
        FindingKind::Lost => &[("outcome", "lost")],
        FindingKind::Unclear => &[("outcome", "unclear")],
        FindingKind::Bounced | FindingKind::BouncedDomains | FindingKind::FailingMailboxes => {
            &[("outcome", "bounced")]
        }
        FindingKind::Slow => {
            &[("slower-than", "5m"), ("outcome", "delivered,sent"), ("sort", "slowest")]
        }
        FindingKind::SpamInInbox => &[("spam", "FAIL"), ("junk", "no")],
        FindingKind::CleanInJunk => &[("spam", "PASS"), ("junk", "yes")],
        FindingKind::DmarcFailed => &[("dmarc", "FAIL"), ("outcome", "delivered")],
        FindingKind::Rules => &[
            ("action", "*drop*"),
            ("action", "*bounce*"),
            ("action", "*forward*"),
            ("action", "*redirect*"),
        ],
        FindingKind::Bursts => &[],
        FindingKind::NoBeginning => &[("no-beginning", "true")],
    };
    options.iter().fold(period.clone(), |question, (name, value)| question.with(name, value))
}

fn item(kind: FindingKind, item: &Item, period: &Parameters) -> CardItem {
    let value = item.value.as_deref();
    let field = match kind {
        FindingKind::Lost | FindingKind::Unclear | FindingKind::BouncedDomains => {
            "recipient-domain"
        }
        FindingKind::Bounced => "cause",
        FindingKind::FailingMailboxes => "to",
        FindingKind::SpamInInbox | FindingKind::CleanInJunk | FindingKind::DmarcFailed => {
            "sender-domain"
        }
        FindingKind::Bursts => "from",
        FindingKind::Slow | FindingKind::Rules | FindingKind::NoBeginning => "",
    };
    let of_value = |it| narrowed_from(&question(kind, period), field, Some(it));
    // Some values are not values of a query's field; then the example is the best link.
    let listed = value.filter(|_| !field.is_empty()).and_then(of_value);
    let href = listed.or_else(|| item.example.as_deref().map(href_of));
    let label = match kind {
        FindingKind::FailingMailboxes | FindingKind::Slow | FindingKind::Bursts => {
            value.map(|it| Marked::address(it).to_string())
        }
        FindingKind::Bounced | FindingKind::Rules | FindingKind::NoBeginning => {
            value.map(str::to_owned)
        }
        _ => value.map(|it| Marked::domain(it).to_string()),
    };
    CardItem {
        number: item.latency_ms.map_or_else(|| grouped(item.count), human_duration),
        label: fit(label.as_deref().unwrap_or("(none)"), limits::PAGE_TEXT_COLUMNS),
        is_new: item.is_new,
        href,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_compared_with_the_one_before() {
        assert_eq!(before(3, 0), "none in the period before");
        assert_eq!(before(3, 3), "the same in the period before");
        assert_eq!(before(3, 1_200), "1,200 in the period before");
    }
}
