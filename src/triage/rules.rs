//! Rules that take mail away: those that drop it or send it out of the organization.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::{Desk, Finding, FindingKind, Item};
use crate::event::{Address, Event, domain_of};
use crate::limits;
use crate::query::Query;
use crate::stats::StatsError;
use crate::store::words::folded;
use crate::store::{
    Attribute, AttributeSet, AttributeTerm, EventReader, Location, StoreError, truncate_term,
};
use crate::time::Timestamp;
use crate::trace::{EventTracer, MessageFilter};

/// The words before the address that a rule sends mail to, in the text of an item.
pub const RULE_TARGET: &str = " mail to ";

/// A rule, by its name in the form that compares, and one thing that it does.
type Deed = (Option<String>, Does);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Does {
    Drop,
    SendBack,
    Forward(String),
    Redirect(String),
}

/// The events of a deed.
#[derive(Clone, Copy, Default)]
struct Applied {
    count: u64,
    before: u64,
    is_older: bool,
    /// The time of the first in the period, in milliseconds since 1970, and its location.
    example: Option<(i64, Location)>,
}

/// Deeds, and events that need their message or original to show whether they count.
#[derive(Default)]
struct DeedsPart {
    deeds: BTreeMap<Deed, Applied>,
    open: Vec<OpenEvent>,
}

/// An event of a rule, with its deeds if they are known.
struct OpenEvent {
    ms: i64,
    location: Location,
    deeds: Option<Arc<[Deed]>>,
}

/// The deeds of an event.
struct DoneAt {
    ms: i64,
    location: Location,
    deeds: Arc<[Deed]>,
}

impl Applied {
    fn take(&mut self, ms: i64, location: Location, desk: &Desk<'_, '_>) {
        let Some(time) = Timestamp::from_ms(ms) else { return };
        if desk.range.contains(time) {
            self.count += 1;
            // The earliest, so that the example does not depend on the order of workers.
            self.example = self.example.into_iter().chain([(ms, location)]).min();
        } else if desk.range.since.is_some_and(|it| time < it) {
            self.is_older = true;
            self.before += u64::from(desk.before.is_some_and(|it| it.contains(time)));
        }
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.before += other.before;
        self.is_older |= other.is_older;
        self.example = self.example.into_iter().chain(other.example).min();
    }
}

impl Desk<'_, '_> {
    /// Finds rules that drop mail, and rules that forward or redirect it to an address whose domain
    /// has no mailbox in the store and is not the organization's. Those never applied before the
    /// period come first.
    pub(super) fn rules_that_take_mail_away(&self) -> Result<Finding, StatsError> {
        // Mail sent to a domain with mailboxes here has not left the organization.
        let mut inside = self.overview.listing().mailbox_domains()?;
        // The organization may have domains without a delivery yet.
        let at = self.range.until.unwrap_or(Timestamp::MAX);
        let directory = self.store.directory();
        inside.extend(directory.iter().flat_map(|it| it.domains(at)));
        let mut deeds = self.deeds(&inside)?;
        // A rule that was applied only before the period is no finding of it.
        deeds.retain(|_, it| it.count > 0);
        let mut deeds: Vec<(Deed, Applied)> = deeds.into_iter().collect();
        let order = |it: &(Deed, Applied)| (it.1.is_older, std::cmp::Reverse(it.1.count));
        deeds.sort_by_key(order);
        let item_count = deeds.len();
        deeds.truncate(self.request.items);
        let mut reader = self.store.events();
        let items = deeds.into_iter().map(|(deed, applied)| self.item(deed, applied, &mut reader));
        Ok(Finding {
            kind: FindingKind::Rules,
            count: item_count as u64,
            before: None,
            items: items.collect::<Result<_, StoreError>>()?,
            item_count,
        })
    }

    /// Returns what every rule did up to the end of the period.
    fn deeds(&self, inside: &HashSet<String>) -> Result<BTreeMap<Deed, Applied>, StoreError> {
        let is_of_all = self.request.rows == Query::All;
        let is_over = |ms: i64| {
            self.range.until.is_some_and(|it| Timestamp::from_ms(ms).is_none_or(|at| at >= it))
        };
        let period = self.range.in_ms();
        let before_ms = self.before.map_or(i64::MAX, |it| it.in_ms().start);
        // Without a period before, `i64::MAX` leaves the start of the period.
        let periods = before_ms.min(period.start)..period.end;
        let is_wanted = |said: &AttributeTerm<'_>| may_be_partial(said) || takes_mail_away(said);
        let take = |part: &mut DeedsPart, set: &AttributeSet<'_>| {
            let deeds = (!may_be_partial(&set.said)).then(|| deeds_of_term(&set.said, inside));
            match deeds {
                Some(deeds) if deeds.is_empty() => {}
                Some(deeds) if is_of_all => {
                    let mut applied = Applied::default();
                    let take = |ms, location| applied.take(ms, location, self);
                    // Before both periods it only matters whether there is any.
                    applied.is_older |= set.visit_between(&periods, take);
                    for deed in deeds {
                        part.deeds.entry(deed).or_default().join(applied);
                    }
                }
                deeds => {
                    // Shared by all events of the set, of which there may be many.
                    let deeds: Option<Arc<[Deed]>> = deeds.map(Arc::from);
                    let events = set.times().zip(set.locations()).filter(|(ms, _)| !is_over(*ms));
                    part.open.extend(events.map(|(ms, location)| OpenEvent {
                        ms,
                        location,
                        deeds: deeds.clone(),
                    }));
                }
            }
        };
        let mut deeds: BTreeMap<Deed, Applied> = BTreeMap::new();
        let mut open = Vec::new();
        for part in self.store.fold_attribute_sets(is_wanted, take)? {
            open.extend(part.open);
            part.deeds.into_iter().for_each(|(it, more)| deeds.entry(it).or_default().join(more));
        }
        // The newest are kept: events dropped here cannot show that a rule is old.
        open.sort_unstable_by_key(|it| std::cmp::Reverse((it.ms, it.location)));
        open.truncate(limits::TRIAGE_RULE_EVENTS_MAX);
        // In archive order, each block is decompressed once.
        open.sort_unstable_by_key(|it| it.location);
        let told: Vec<Vec<DoneAt>> = open
            .par_chunks(EVENTS_AT_ONCE)
            .map_init(
                || EventTracer::new(self.store, &self.request.rules),
                |tracer, events| self.told(tracer, events, inside),
            )
            .collect::<Result<_, StoreError>>()?;
        for DoneAt { ms, location, deeds: done } in told.into_iter().flatten() {
            for deed in done.iter() {
                deeds.entry(deed.clone()).or_default().take(ms, location, self);
            }
        }
        Ok(deeds)
    }

    /// Returns the deeds of those events whose messages are selected.
    fn told(
        &self,
        tracer: &mut EventTracer<'_>,
        events: &[OpenEvent],
        inside: &HashSet<String>,
    ) -> Result<Vec<DoneAt>, StoreError> {
        let rows = self.request.rows.clone();
        let filter = MessageFilter { rows, ..MessageFilter::default() };
        let is_of_all = self.request.rows == Query::All;
        let mut told = Vec::with_capacity(events.len());
        for OpenEvent { ms, location, deeds } in events {
            let message = if is_of_all { None } else { tracer.message_of(*location)? };
            if !is_of_all && !message.is_some_and(|it| filter.matches(&it)) {
                continue;
            }
            let deeds = match deeds {
                Some(deeds) => Arc::clone(deeds),
                None => deeds_of(&tracer.reader().read(*location)?.event, inside).into(),
            };
            told.push(DoneAt { ms: *ms, location: *location, deeds });
        }
        Ok(told)
    }

    fn item(
        &self,
        (name, does): Deed,
        applied: Applied,
        reader: &mut EventReader<'_>,
    ) -> Result<Item, StoreError> {
        let example = applied.example.map(|(_, it)| reader.read(it)).transpose()?;
        let event = example.as_ref().map(|it| &it.event);
        // As it is spelled in the log, and not cut.
        let written = event.and_then(|it| it.rule_name.as_deref()).map(str::trim);
        let name = written.or(name.as_deref()).filter(|it| !it.is_empty());
        let rule = name.unwrap_or("(unnamed)");
        let what = match does {
            Does::Drop => format!("\"{rule}\" drops mail"),
            Does::SendBack => format!("\"{rule}\" sends mail back"),
            Does::Forward(target) => format!("\"{rule}\" forwards{RULE_TARGET}{target}"),
            Does::Redirect(target) => format!("\"{rule}\" redirects{RULE_TARGET}{target}"),
        };
        let trace_id = event.map(|it| it.trace_id.to_string()).filter(|it| !it.is_empty());
        Ok(Item {
            count: applied.count,
            before: self.before.map(|_| applied.before),
            example: trace_id,
            is_new: !applied.is_older,
            ..Item::new(Some(what))
        })
    }
}

/// Events that one worker reads at once; they are near each other in the archive.
const EVENTS_AT_ONCE: usize = 4_096;

/// True if the index may not hold all that a rule did.
fn may_be_partial(said: &AttributeTerm<'_>) -> bool {
    let of_rules = [Attribute::Rule, Attribute::RuleType, Attribute::Action];
    said.role.is_partial && of_rules.iter().any(|it| said.values(*it).next().is_some())
}

fn takes_mail_away(said: &AttributeTerm<'_>) -> bool {
    // Parts of words: how the log spells actions is not documented.
    let words = ["drop", "bounce", "forward", "redirect"];
    said.values(Attribute::Action).any(|it| words.iter().any(|word| it.contains(word)))
}

fn deeds_of_term(said: &AttributeTerm<'_>, inside: &HashSet<String>) -> Vec<Deed> {
    let actions: Vec<_> = said.values(Attribute::Action).collect();
    let does = |word: &str| actions.iter().any(|it| it.contains(word));
    let name = said.value(Attribute::Rule);
    deeds(name.as_deref(), does, said.values(Attribute::Target), inside)
}

fn deeds_of(event: &Event<'_>, inside: &HashSet<String>) -> Vec<Deed> {
    let does = |word: &str| event.rule_actions.iter().any(|it| folded(&it.action).contains(word));
    let name = event.rule_name.as_deref().map(folded).filter(|it| !it.is_empty());
    let name = name.as_deref().map(truncate_term);
    deeds(name, does, event.target_recipient.iter().map(Address::as_str), inside)
}

/// Returns what a rule with such actions and targets does.
fn deeds<T: AsRef<str>>(
    name: Option<&str>,
    does: impl Fn(&str) -> bool,
    targets: impl Iterator<Item = T>,
    inside: &HashSet<String>,
) -> Vec<Deed> {
    let name = || name.map(str::to_owned);
    let mut done = Vec::new();
    if does("drop") {
        done.push((name(), Does::Drop));
    } else if does("bounce") {
        done.push((name(), Does::SendBack));
    }
    if does("forward") || does("redirect") {
        let outside = |it: &T| !domain_of(it.as_ref()).is_some_and(|it| inside.contains(it));
        for target in targets.filter(outside) {
            let target = target.as_ref().to_owned();
            let does = if does("forward") { Does::Forward(target) } else { Does::Redirect(target) };
            done.push((name(), does));
        }
    }
    done.sort_unstable();
    done.dedup();
    done
}
