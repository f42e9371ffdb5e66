//! Rules that take mail away: that drop it, or send it out of the organization.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

use super::{Desk, Finding, FindingKind, Item};
use crate::limits;
use crate::query::{self, Field, Matcher, Pattern, Query, ValueSet};
use crate::stats::StatsError;
use crate::store::words::folded;
use crate::store::{Location, StoreError, StoredEvent, truncate_term};
use crate::time::TimeRange;
use crate::trace::{EventTracer, MessageFilter};

/// What the actions' names contain, in any case.
const ACTIONS: [&str; 4] = ["*drop*", "*bounce*", "*forward*", "*redirect*"];

/// What stands before the address that a rule sends mail to, in what it does.
pub const RULE_TARGET: &str = " mail to ";

/// What is known of a rule that does one thing.
#[derive(Default)]
struct Applied {
    /// The rule's name as names compare.
    name: Option<String>,
    count: u64,
    before: u64,
    is_older: bool,
    example: Option<String>,
}

impl Applied {
    fn is_new(&self) -> bool {
        self.count > 0 && !self.is_older
    }
}

/// What finds the events of the rules that are new so far.
fn of_new(rules: &BTreeMap<String, Applied>) -> Query {
    let names = || rules.values().filter(|it| it.is_new()).map(|it| it.name.as_deref());
    let named = names().flatten().map(|it| truncate_term(it).to_owned());
    let named = Query::demand(Field::Rule, Matcher::OneOf(ValueSet::of_exact(named)));
    let unnamed = names().any(|it| it.is_none_or(str::is_empty));
    let unnamed = unnamed.then(|| Query::negated(Query::has(Field::Rule)));
    Query::or([named].into_iter().chain(unnamed).collect())
}

impl Desk<'_, '_> {
    /// Rules that drop mail, and those that forward or redirect it to an address whose domain has no
    /// mailbox in the store; those first that were never applied before the period.
    pub(super) fn rules_that_take_mail_away(&self) -> Result<Finding, StatsError> {
        let patterns = ACTIONS.iter().filter_map(|it| Pattern::parse(Field::Action, it).ok());
        let query = Query::or(patterns.map(|it| it.query().clone()).collect());
        let since = self.before.and_then(|it| it.since).or(self.range.since);
        let both = TimeRange { since, until: self.range.until };
        let inside = self.overview.mailbox_domains()?;
        let mut rules: BTreeMap<String, Applied> = BTreeMap::new();
        let read =
            self.for_each_newest(&query, both, limits::TRIAGE_RULE_EVENTS_MAX, |stored| {
                for what in what_it_does(stored, &inside) {
                    self.take(stored, rules.entry(what).or_default());
                }
                true
            })?;
        let mut waiting = rules.values().filter(|it| it.is_new()).count();
        let is_any_older = self.store.time_span().is_some_and(|(first, _)| Some(first) < since);
        if waiting > 0 && is_any_older {
            let older = Query::and(vec![query, of_new(&rules)]);
            let earlier = TimeRange { since: None, until: since };
            let left = limits::TRIAGE_RULE_EVENTS_MAX - read;
            self.for_each_newest(&older, earlier, left, |stored| {
                for what in what_it_does(stored, &inside) {
                    if let Some(rule) = rules.get_mut(&what).filter(|it| it.is_new()) {
                        rule.is_older = true;
                        waiting -= 1;
                    }
                }
                waiting > 0
            })?;
        }
        rules.retain(|_, it| it.count > 0);
        let mut items: Vec<Item> = rules
            .into_iter()
            .map(|(what, applied)| Item {
                count: applied.count,
                before: self.before.map(|_| applied.before),
                example: applied.example,
                is_new: !applied.is_older,
                ..Item::new(Some(what))
            })
            .collect();
        items.sort_by(|a, b| b.is_new.cmp(&a.is_new).then_with(|| b.count.cmp(&a.count)));
        let item_count = items.len();
        items.truncate(self.request.items);
        Ok(Finding {
            kind: FindingKind::Rules,
            count: item_count as u64,
            before: None,
            items,
            item_count,
        })
    }

    /// Reads the newest events that a query finds, the newest first but for those that are read at
    /// once, until `visit` has enough; gives how many were found.
    fn for_each_newest(
        &self,
        query: &Query,
        range: TimeRange,
        limit: usize,
        mut visit: impl FnMut(&StoredEvent) -> bool,
    ) -> Result<usize, StoreError> {
        let (_, mut locations) = query::locations(self.store, query, range, limit)?;
        for locations in locations.chunks_mut(EVENTS_AT_ONCE * rayon::current_num_threads()) {
            // Each block of the archive is decompressed once.
            locations.sort_unstable();
            let read: Vec<Vec<StoredEvent>> = locations
                .par_chunks(EVENTS_AT_ONCE)
                .map_init(
                    || EventTracer::new(self.store, &self.request.rules),
                    |tracer, locations| self.read_asked(tracer, locations),
                )
                .collect::<Result<_, StoreError>>()?;
            if !read.iter().flatten().all(&mut visit) {
                break;
            }
        }
        Ok(locations.len())
    }

    /// Reads those of some events whose messages are asked about.
    fn read_asked(
        &self,
        tracer: &mut EventTracer<'_>,
        locations: &[Location],
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let filter = self.in_range(&MessageFilter::default(), TimeRange::default());
        let is_of_all = self.request.rows == Query::All;
        let mut read = Vec::with_capacity(locations.len());
        for location in locations {
            let message = if is_of_all { None } else { tracer.message_of(*location)? };
            if is_of_all || message.is_some_and(|it| filter.matches(&it)) {
                read.push(tracer.reader().read(*location)?);
            }
        }
        Ok(read)
    }

    fn take(&self, stored: &StoredEvent, applied: &mut Applied) {
        let time = stored.record.timestamp;
        if applied.name.is_none() {
            applied.name = stored.event.rule_name.as_deref().map(|it| folded(it).into_owned());
        }
        applied.is_older |= self.range.since.is_some_and(|it| time < it);
        applied.before += u64::from(self.before.is_some_and(|it| it.contains(time)));
        if self.range.contains(time) {
            applied.count += 1;
            let trace_id = stored.event.trace_id.as_ref();
            let is_first = applied.example.as_deref().is_none_or(|it| trace_id < it);
            if is_first && !trace_id.is_empty() {
                applied.example = Some(trace_id.to_owned());
            }
        }
    }
}

/// Events that one worker reads at once; they lie near each other.
const EVENTS_AT_ONCE: usize = 4_096;

/// What the rule of an event does, in words that name it.
fn what_it_does(stored: &StoredEvent, inside: &HashSet<String>) -> Vec<String> {
    let event = &stored.event;
    let rule = event.rule_name.as_deref().map_or("(unnamed)", str::trim);
    let does =
        |word: &str| event.rule_actions.iter().any(|it| it.action.to_lowercase().contains(word));
    let mut what = Vec::new();
    if does("drop") || does("bounce") {
        let verb = if does("drop") { "drops" } else { "sends back" };
        what.push(format!("\"{rule}\" {verb} mail"));
    }
    if does("forward") || does("redirect") {
        let verb = if does("forward") { "forwards" } else { "redirects" };
        for target in &event.target_recipient {
            let domain = target.domain().unwrap_or_default();
            if !inside.contains(domain) {
                what.push(format!("\"{rule}\" {verb}{RULE_TARGET}{target}"));
            }
        }
    }
    what
}
