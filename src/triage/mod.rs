//! Triage: what deserves attention. Losses, bounces, slow and misjudged mail, rules that take mail
//! away.
//!
//! Each finding is a filter on messages (or on legs, senders, rules), so that it counts exactly
//! what the command that it suggests shows.

mod finding;
mod mailboxes;
mod pass;
mod rules;
mod senders;

use std::collections::HashMap;

pub use finding::{Finding, FindingKind, Item};
pub use rules::RULE_TARGET;

use crate::query::{Pattern, Query};
use crate::stats::{CountKey, GroupPart, GroupRequest, Grouping, StatsError, percentiles};
use crate::store::Store;
use crate::time::{TimeRange, Timestamp, Zone};
use crate::trace::{
    EventTracer, JoinRules, Leading, MessageFilter, OutcomeWord, Overview, Verdict,
};
use pass::{Period, Topic, TriageQuestion};

/// The conditions of a triage.
#[derive(Clone, Debug)]
pub struct TriageRequest {
    /// The first instant of the period.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// The inputs of outcomes.
    pub rules: JoinRules,
    /// The time, in milliseconds, that mail may take before it is slow.
    pub slow_ms: i64,
    /// The most items to return for each finding.
    pub items: usize,
    /// The zone of days.
    pub zone: Zone,
    /// The query on messages and their recipients.
    pub rows: Query,
}

/// The findings of a period, the worst first.
#[derive(Clone, Debug)]
pub struct Triage {
    /// The period.
    pub range: TimeRange,
    /// The period of the same length before it, if the store has events from before that.
    pub before: Option<TimeRange>,
    /// The number of messages first seen in the period.
    pub messages: u64,
    /// The number of their recipients.
    pub recipients: u64,
    /// The latency for the recipients who got them.
    pub latency: Option<Latency>,
    /// The findings of every kind, those without items too.
    pub findings: Vec<Finding>,
}

/// The latencies of mail that was delivered or sent, in milliseconds: percentiles that occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The median.
    pub p50_ms: i64,
    /// The 90th percentile.
    pub p90_ms: i64,
    /// The 99th percentile.
    pub p99_ms: i64,
    /// The longest.
    pub max_ms: i64,
}

impl Triage {
    /// Returns a number by the name that conditions use: that of a finding, `messages` or
    /// `recipients`.
    pub fn metric(&self, name: &str) -> Option<u64> {
        match name {
            "messages" => Some(self.messages),
            "recipients" => Some(self.recipients),
            _ => self.findings.iter().find(|it| it.kind.as_str() == name).map(|it| it.count),
        }
    }
}

/// Finds what deserves attention. It takes as much memory as counting by sender and by recipient.
pub fn triage(store: &Store, request: &TriageRequest) -> Result<Triage, StatsError> {
    let before = period_before(store, request);
    let since = before.and_then(|it| it.since).unwrap_or(request.since);
    let both = TimeRange { since: Some(since), until: Some(request.until) };
    // Declared for both periods, so that texts are numbered once for all questions.
    let overview = Overview::new(store, &request.rules)?.within(both);
    let range = TimeRange { since: Some(request.since), until: Some(request.until) };
    let desk = Desk { store, overview: &overview, request, range, before };
    let (everything, mut findings) = desk.pass(&questions(request, both))?;
    findings.push(desk.rules_that_take_mail_away()?);
    // Kinds are declared in the order of urgency, and findings come as their questions were asked.
    findings.sort_by_key(|it| it.kind);
    Ok(Triage {
        range: desk.range,
        before: desk.before,
        messages: everything.messages,
        recipients: everything.recipients,
        latency: everything.latency(),
        findings,
    })
}

/// Returns the questions about the messages of both periods.
fn questions(request: &TriageRequest, both: TimeRange) -> Vec<TriageQuestion> {
    let slow = MessageFilter {
        slower_than_ms: Some(request.slow_ms),
        outcomes: outcomes(&["delivered", "sent"]),
        ..MessageFilter::default()
    };
    let spam = |verdict, is_junk| MessageFilter {
        is_junk: Some(is_junk),
        ..with_verdict(Verdict::Spam, verdict)
    };
    let dmarc = MessageFilter {
        outcomes: outcomes(&["delivered"]),
        ..with_verdict(Verdict::Dmarc, "FAIL")
    };
    let no_beginning = MessageFilter { lacks_beginning: true, ..MessageFilter::default() };
    let bounced = || with_outcome("bounced");
    let (recipient_domain, sender_domain) = (CountKey::RecipientDomain, CountKey::SenderDomain);
    let topics = [
        (Topic::Everything, MessageFilter::default()),
        (Topic::Slow, slow),
        (Topic::Groups(FindingKind::Lost, recipient_domain), with_outcome("lost")),
        (Topic::Groups(FindingKind::Unclear, recipient_domain), with_outcome("unclear")),
        (Topic::Groups(FindingKind::Bounced, CountKey::Cause), bounced()),
        (Topic::Groups(FindingKind::BouncedDomains, recipient_domain), bounced()),
        (Topic::Groups(FindingKind::SpamInInbox, sender_domain), spam("FAIL", false)),
        (Topic::Groups(FindingKind::CleanInJunk, sender_domain), spam("PASS", true)),
        (Topic::Groups(FindingKind::DmarcFailed, sender_domain), dmarc),
        (Topic::Groups(FindingKind::NoBeginning, CountKey::Day), no_beginning),
    ];
    let question = |(topic, filter)| {
        // One pass reads both periods: the time of a message shows which it belongs to.
        let filter = MessageFilter { first_seen: both, rows: request.rows.clone(), ..filter };
        TriageQuestion { topic, filter }
    };
    topics.into_iter().map(question).collect()
}

/// Returns the period of the same length before the requested one, if the store has events from
/// before that.
fn period_before(store: &Store, request: &TriageRequest) -> Option<TimeRange> {
    let before = TimeRange::before(request.since, request.until);
    // A store that begins within the period before would make everything look like an increase.
    let is_known = store.time_span().is_some_and(|(first, _)| Some(first) <= before.since);
    is_known.then_some(before)
}

fn outcomes(words: &[&str]) -> Vec<OutcomeWord> {
    words.iter().filter_map(|it| OutcomeWord::from_name(it)).collect()
}

fn with_outcome(word: &str) -> MessageFilter {
    MessageFilter { outcomes: outcomes(&[word]), ..MessageFilter::default() }
}

fn with_verdict(verdict: Verdict, value: &str) -> MessageFilter {
    let pattern = Pattern::parse(verdict.field(), value).map(|it| (verdict, it));
    MessageFilter { verdicts: pattern.into_iter().collect(), ..MessageFilter::default() }
}

/// The inputs of all findings.
struct Desk<'d, 's> {
    store: &'s Store,
    overview: &'d Overview<'s>,
    request: &'d TriageRequest,
    range: TimeRange,
    before: Option<TimeRange>,
}

/// The number of messages and their latencies.
#[derive(Default)]
struct Summary {
    messages: u64,
    recipients: u64,
    latencies_ms: Vec<i64>,
}

impl Summary {
    fn join(&mut self, other: Self) {
        self.messages += other.messages;
        self.recipients += other.recipients;
        self.latencies_ms.extend(other.latencies_ms);
    }

    fn latency(mut self) -> Option<Latency> {
        let [p50_ms, p90_ms, p99_ms, max_ms] = percentiles(&mut self.latencies_ms)?;
        Some(Latency { p50_ms, p90_ms, p99_ms, max_ms })
    }
}

impl Desk<'_, '_> {
    /// Makes a finding of a filter's messages, by the values of a key, with the numbers of the
    /// period before.
    fn grouped(
        &self,
        kind: FindingKind,
        request: &GroupRequest,
        grouping: &Grouping<'_>,
        [now, before]: [Vec<GroupPart>; Period::COUNT],
    ) -> Result<Finding, StatsError> {
        let now = grouping.joined(now)?.groups(self.store, request)?;
        let before = self.before.map(|_| grouping.joined(before)).transpose()?;
        let before: Option<HashMap<_, _>> = before.map(|it| it.counts().into_iter().collect());
        let count_before =
            |values: &Vec<Option<String>>| Some(before.as_ref()?.get(values).copied().unwrap_or(0));
        let items = now.rows.iter().map(|row| Item {
            count: row.count,
            before: count_before(&row.values),
            example: row.example.clone(),
            ..Item::new(row.values.first().cloned().flatten())
        });
        Ok(Finding {
            kind,
            count: now.total,
            before: before.as_ref().map(|it| it.values().sum()),
            items: items.collect(),
            item_count: now.group_count,
        })
    }

    /// Makes the finding of mail that was slow to be delivered or sent, the slowest first.
    fn slow(
        &self,
        leading: Leading,
        [now, before]: [u64; Period::COUNT],
    ) -> Result<Finding, StatsError> {
        let page = leading.into_page();
        let mut tracer = EventTracer::new(self.store, &self.request.rules);
        let mut items = Vec::new();
        for summary in &page.messages {
            let message = tracer.message_of(summary.event)?;
            let Some(message) = message else { continue };
            let example = message.any_id();
            let whom = message.deciding_recipients().into_iter().max_by_key(|it| it.latency_ms);
            // Only the messages shown are traced: the table has no IDs for examples.
            let item = Item::new(whom.map(|it| it.address.to_string()));
            items.push(Item { count: 1, example, latency_ms: summary.latency_ms, ..item });
        }
        Ok(Finding {
            kind: FindingKind::Slow,
            count: now,
            before: self.before.map(|_| before),
            items,
            item_count: usize::try_from(page.total).unwrap_or(usize::MAX),
        })
    }
}
