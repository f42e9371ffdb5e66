//! What deserves attention: losses, bounces, slow and misjudged mail, rules that take mail away.
//!
//! Each finding is a filter on messages (or on legs, senders, rules), so that what it counts is
//! what the command that it names shows.

mod finding;
mod mailboxes;
mod rules;
mod senders;

use std::collections::HashMap;

pub use finding::{Finding, FindingKind, Item};
pub use rules::RULE_TARGET;

use crate::query::{Pattern, Query};
use crate::stats::{CountKey, GroupRequest, Labels, StatsError, counts_of, group_of, percentiles};
use crate::store::{Store, StoreError};
use crate::time::{TimeRange, Timestamp, Zone};
use crate::trace::{
    EventTracer, Found, JoinRules, MessageFilter, Order, OutcomeWord, Overview, Selection, Verdict,
};

/// What is asked.
#[derive(Clone, Debug)]
pub struct TriageRequest {
    /// The first instant of the period.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// What outcomes depend on.
    pub rules: JoinRules,
    /// How long, in milliseconds, mail may take before it is slow.
    pub slow_ms: i64,
    /// How many items to give for each finding.
    pub items: usize,
    /// The zone of days.
    pub zone: Zone,
    /// Which messages, and which of their recipients.
    pub rows: Query,
}

/// What deserves attention in a period, the worst first.
#[derive(Clone, Debug)]
pub struct Triage {
    /// The period.
    pub range: TimeRange,
    /// The period of the same length before it, where the store has events from before that.
    pub before: Option<TimeRange>,
    /// How many messages were first seen in the period.
    pub messages: u64,
    /// How many recipients they have.
    pub recipients: u64,
    /// How long it took for those who got them.
    pub latency: Option<Latency>,
    /// What was found, also where there is nothing of the kind.
    pub findings: Vec<Finding>,
}

/// How long mail took until it was delivered or sent, in milliseconds: percentiles that occurred.
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
    /// A number by the name that conditions use: that of a finding, `messages` or `recipients`.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<u64> {
        match name {
            "messages" => Some(self.messages),
            "recipients" => Some(self.recipients),
            _ => self.findings.iter().find(|it| it.kind.as_str() == name).map(|it| it.count),
        }
    }
}

/// Looks for what deserves attention. It takes as much memory as grouping by sender and recipient
/// does, besides what the columns take.
///
/// # Errors
///
/// [`StatsError`].
pub fn triage(store: &Store, request: &TriageRequest) -> Result<Triage, StatsError> {
    let before = period_before(store, request);
    let since = before.and_then(|it| it.since).unwrap_or(request.since);
    let both = TimeRange { since: Some(since), until: Some(request.until) };
    let overview = Overview::new(store, &request.rules, true).within(both);
    let range = TimeRange { since: Some(request.since), until: Some(request.until) };
    let desk = Desk { store, overview: &overview, request, range, before };
    let everything = desk.summary(&MessageFilter::default(), desk.range)?;
    let mut findings = vec![
        desk.grouped(FindingKind::Lost, &with_outcome("lost"), CountKey::RecipientDomain)?,
        desk.grouped(FindingKind::Unclear, &with_outcome("unclear"), CountKey::RecipientDomain)?,
        desk.grouped(FindingKind::Bounced, &with_outcome("bounced"), CountKey::Cause)?,
        desk.grouped(
            FindingKind::BouncedDomains,
            &with_outcome("bounced"),
            CountKey::RecipientDomain,
        )?,
        desk.mailboxes_that_bounce()?,
        desk.slow()?,
    ];
    for (kind, verdict, is_junk) in
        [(FindingKind::SpamInInbox, "FAIL", false), (FindingKind::CleanInJunk, "PASS", true)]
    {
        let filter =
            MessageFilter { is_junk: Some(is_junk), ..with_verdict(Verdict::Spam, verdict) };
        findings.push(desk.grouped(kind, &filter, CountKey::SenderDomain)?);
    }
    let filter = MessageFilter {
        outcomes: outcomes(&["delivered"]),
        ..with_verdict(Verdict::Dmarc, "FAIL")
    };
    findings.push(desk.grouped(FindingKind::DmarcFailed, &filter, CountKey::SenderDomain)?);
    findings.push(desk.rules_that_take_mail_away()?);
    findings.push(desk.bursts()?);
    let filter = MessageFilter { lacks_beginning: true, ..MessageFilter::default() };
    findings.push(desk.grouped(FindingKind::NoBeginning, &filter, CountKey::Day)?);
    Ok(Triage {
        range: desk.range,
        before: desk.before,
        messages: everything.messages,
        recipients: everything.recipients,
        latency: everything.latency(),
        findings,
    })
}

/// The period of the same length before the one that is asked for, where the store has events from
/// before that.
fn period_before(store: &Store, request: &TriageRequest) -> Option<TimeRange> {
    let before = TimeRange::before(request.since, request.until);
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

/// What all findings are made from.
struct Desk<'d, 's> {
    store: &'s Store,
    overview: &'d Overview<'s>,
    request: &'d TriageRequest,
    range: TimeRange,
    before: Option<TimeRange>,
}

/// How many messages there are, and how long they took.
#[derive(Default)]
struct Summary {
    messages: u64,
    recipients: u64,
    latencies_ms: Vec<i64>,
}

impl Summary {
    fn latency(mut self) -> Option<Latency> {
        let [p50_ms, p90_ms, p99_ms, max_ms] = percentiles(&mut self.latencies_ms)?;
        Some(Latency { p50_ms, p90_ms, p99_ms, max_ms })
    }
}

impl Desk<'_, '_> {
    fn in_range(&self, filter: &MessageFilter, range: TimeRange) -> MessageFilter {
        MessageFilter { first_seen: range, rows: self.request.rows.clone(), ..filter.clone() }
    }

    /// Counts the messages and recipients that a filter finds in a period.
    fn summary(&self, filter: &MessageFilter, range: TimeRange) -> Result<Summary, StoreError> {
        let filter = self.in_range(filter, range);
        let parts =
            Selection::new(self.overview, &filter)?.visit(|part: &mut Summary, _, found| {
                part.messages += 1;
                part.recipients += found.recipient_count() as u64;
                part.latencies_ms.extend(found.arrival_latencies_ms());
                Ok(())
            })?;
        Ok(parts.into_iter().fold(Summary::default(), |whole, part| Summary {
            messages: whole.messages + part.messages,
            recipients: whole.recipients + part.recipients,
            latencies_ms: [whole.latencies_ms, part.latencies_ms].concat(),
        }))
    }

    /// A finding of what a filter finds, by the values of a key; with the numbers of the period
    /// before.
    fn grouped(
        &self,
        kind: FindingKind,
        filter: &MessageFilter,
        key: CountKey,
    ) -> Result<Finding, StatsError> {
        let request = |range: TimeRange| GroupRequest {
            filter: self.in_range(filter, range),
            rules: self.request.rules,
            keys: vec![key],
            zone: self.request.zone.clone(),
            limit: self.request.items,
        };
        let now = group_of(self.store, self.overview, &request(self.range))?;
        let before = self.before.map(|it| counts_of(self.store, self.overview, &request(it)));
        let before: Option<HashMap<_, _>> = before.transpose()?.map(|it| it.into_iter().collect());
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

    /// Mail that took long until it was delivered or sent, the slowest first.
    fn slow(&self) -> Result<Finding, StatsError> {
        let slow = MessageFilter {
            slower_than_ms: Some(self.request.slow_ms),
            outcomes: outcomes(&["delivered", "sent"]),
            ..MessageFilter::default()
        };
        let count = |range| Ok::<_, StoreError>(self.summary(&slow, range)?.recipients);
        let filter = self.in_range(&slow, self.range);
        let selection = Selection::new(self.overview, &filter)?;
        let (page, _) = selection.page(Order::Slowest, None, self.request.items)?;
        let mut tracer = EventTracer::new(self.store, &self.request.rules);
        let mut items = Vec::new();
        for summary in &page.messages {
            let message = tracer.message_of(summary.event)?;
            let Some(message) = message else { continue };
            let example = message.any_id();
            let whom = message.deciding_recipients().into_iter().max_by_key(|it| it.latency_ms);
            let item = Item::new(whom.map(|it| it.address.to_string()));
            items.push(Item { count: 1, example, latency_ms: summary.latency_ms, ..item });
        }
        Ok(Finding {
            kind: FindingKind::Slow,
            count: count(self.range)?,
            before: self.before.map(count).transpose()?,
            items,
            item_count: usize::try_from(page.total).unwrap_or(usize::MAX),
        })
    }

    /// All values of keys of what a filter finds with their counts, without examples.
    fn counts(
        &self,
        keys: &[CountKey],
        filter: &MessageFilter,
        range: TimeRange,
    ) -> Result<Vec<(Labels, u64)>, StatsError> {
        let request = GroupRequest {
            filter: self.in_range(filter, range),
            rules: self.request.rules,
            keys: keys.to_vec(),
            zone: self.request.zone.clone(),
            limit: 0,
        };
        counts_of(self.store, self.overview, &request)
    }
}

impl Found<'_> {
    /// How long it took for the recipients who got it.
    fn arrival_latencies_ms(&self) -> Vec<i64> {
        use crate::trace::Outcome::{Delivered, Sent};
        let outcomes = self.outcomes().into_iter();
        let arrived = outcomes.filter(|(outcome, _)| matches!(outcome, Delivered | Sent));
        arrived.filter_map(|(_, latency_ms)| latency_ms).collect()
    }
}
