//! The rules for which legs that share a message ID make one message.
//!
//! Some devices send everything under one ID, and some programs repeat IDs. Legs join only if one
//! message explains them all: a wrong join hides one person's bounce behind another's delivery.
//! Legs are described by the same traits whether they come from originals or from columns, so that
//! both give the same answer.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::leg::rank;
use crate::event::{Address, MessageId, Role, RoleKind, decoded_subject};
use crate::limits;
use crate::store::{DisjointSets, StoredEvent};

/// The traits that decide to which message a leg belongs. `I` identifies a message ID, and `A` an
/// address.
#[derive(Debug)]
pub(super) struct LegTraits<'l, I, A> {
    /// Its start, in milliseconds since 1970.
    pub(super) started_ms: i64,
    /// Its trace ID; empty if it has none.
    trace_id: Cow<'l, str>,
    /// Without a trace ID, the rank and the original of its single event: nothing else
    /// distinguishes two such legs in the same millisecond.
    untraced: Option<(u8, Box<str>)>,
    ids: HashSet<I>,
    is_outgoing: bool,
    /// The time and rank of the earliest event with a subject, and the subject in the form that
    /// compares.
    subject: Option<(i64, u8, String)>,
    /// The recipients that it names, without masked ones: those may be anybody.
    named: Vec<A>,
}

impl<'l, I: Eq + Hash, A> LegTraits<'l, I, A> {
    pub(super) fn new(trace_id: Cow<'l, str>) -> Self {
        Self {
            started_ms: i64::MAX,
            trace_id,
            untraced: None,
            ids: HashSet::new(),
            is_outgoing: false,
            subject: None,
            named: Vec::new(),
        }
    }

    pub(super) fn take<'e>(
        &mut self,
        stored: &'e StoredEvent,
        id: impl FnOnce(&'e MessageId<'static>) -> I,
        named: impl Fn(&'e Address<'static>) -> A,
    ) {
        let (event, ms) = (&stored.event, stored.record.timestamp.as_ms());
        let rank = rank(&event.name);
        self.started_ms = self.started_ms.min(ms);
        if self.trace_id.is_empty() {
            self.untraced = Some((rank, stored.record.message.as_ref().into()));
        }
        self.is_outgoing |= event.is_outgoing();
        self.ids.extend(event.message_id.as_ref().map(id));
        if Role::of(event).kind == RoleKind::Named {
            self.named.extend(event.recipients.iter().filter(|it| !it.is_masked()).map(named));
        }
        if let Some(subject) = event.subject.as_deref()
            && self.subject.as_ref().is_none_or(|it| (ms, rank) <= (it.0, it.1))
        {
            let subject = (ms, rank, decoded_subject(subject).trim().to_lowercase());
            // At the same time and rank the text decides, since events come here in any order.
            if self.subject.as_ref().is_none_or(|known| subject < *known) {
                self.subject = Some(subject);
            }
        }
    }

    /// Returns the traits that only count for an incoming leg.
    fn arrival(&self) -> Option<Arrival<'_, A>> {
        let subject = self.subject.as_ref().map(|(_, _, subject)| subject.as_str());
        (!self.is_outgoing).then_some(Arrival { subject, named: &self.named })
    }
}

/// The traits of an incoming leg.
struct Arrival<'l, A> {
    subject: Option<&'l str>,
    named: &'l [A],
}

pub(super) fn messages_of<I, A>(legs: &[LegTraits<'_, I, A>]) -> DisjointSets
where
    I: Eq + Hash,
    A: Eq + Hash,
{
    let count = u32::try_from(legs.len()).unwrap_or(u32::MAX);
    let mut order: Vec<(u32, &LegTraits<'_, I, A>)> = (0..count).zip(legs).collect();
    // Groups depend on the order of legs, so ties are broken by what does not depend on the source.
    order.sort_by_key(|(number, it)| (it.started_ms, &it.trace_id, &it.untraced, *number));
    let mut sets = DisjointSets::new(count);
    let mut by_id: HashMap<&I, Groups<'_, A>> = HashMap::new();
    for (number, leg) in order {
        // A leg with several IDs unites the groups of all of them.
        for id in &leg.ids {
            let first = by_id.entry(id).or_default().add(number, leg.started_ms, leg.arrival());
            sets.unite(number, first);
        }
    }
    sets
}

/// The groups of the legs that share a message ID, ordered by the start of their first legs.
struct Groups<'l, A> {
    groups: Vec<Group<'l, A>>,
    /// The groups before this index began too long ago for any later leg.
    first_open: usize,
    /// The groups by subject, `None` for those without one.
    by_subject: HashMap<Option<&'l str>, Vec<usize>>,
}

struct Group<'l, A> {
    /// The number of its first leg.
    first: u32,
    started_ms: i64,
    subject: Option<&'l str>,
    /// The start of the first incoming leg that names each recipient.
    named_ms: HashMap<&'l A, i64>,
}

impl<A> Default for Groups<'_, A> {
    fn default() -> Self {
        Self { groups: Vec::new(), first_open: 0, by_subject: HashMap::new() }
    }
}

impl<'l, A: Eq + Hash> Groups<'l, A> {
    /// Puts the next leg into the first group that it fits, and returns the number of the group's
    /// first leg.
    fn add(&mut self, leg: u32, started_ms: i64, arrival: Option<Arrival<'l, A>>) -> u32 {
        let is_open = |it: &Group<'_, A>| {
            started_ms.saturating_sub(it.started_ms) <= limits::SAME_MESSAGE_MS_MAX
        };
        // Legs come by their start, so a group that has closed stays closed.
        while self.groups.get(self.first_open).is_some_and(|it| !is_open(it)) {
            self.first_open += 1;
        }
        let position = match &arrival {
            // Subjects and recipients are compared for incoming legs only: an outgoing leg fits any
            // open group.
            None => (self.first_open < self.groups.len()).then_some(self.first_open),
            Some(arrival) => self.first_for(started_ms, arrival),
        };
        let position = position.unwrap_or_else(|| {
            self.groups.push(Group {
                first: leg,
                started_ms,
                subject: None,
                named_ms: HashMap::new(),
            });
            let position = self.groups.len() - 1;
            self.by_subject.entry(None).or_default().push(position);
            position
        });
        let Some(group) = self.groups.get_mut(position) else { return leg };
        if let Some(arrival) = arrival {
            for address in arrival.named {
                // The first start is kept: later copies must not stretch the hour.
                group.named_ms.entry(address).or_insert(started_ms);
            }
            if let (None, Some(subject)) = (group.subject, arrival.subject) {
                group.subject = Some(subject);
                // The first subject is the group's for good. Both lists stay sorted: `first_for`
                // searches them by position.
                let without = self.by_subject.entry(None).or_default();
                without.retain(|it| *it != position);
                let with = self.by_subject.entry(Some(subject)).or_default();
                with.insert(with.partition_point(|it| *it < position), position);
            }
        }
        group.first
    }

    /// Returns the first open group that an incoming leg fits.
    fn first_for(&mut self, started_ms: i64, arrival: &Arrival<'_, A>) -> Option<usize> {
        let fits = |position: &usize| {
            self.groups.get(*position).is_some_and(|group| {
                arrival.named.iter().all(|address| {
                    group.named_ms.get(address).is_none_or(|first_ms| {
                        started_ms.saturating_sub(*first_ms) <= limits::SAME_ARRIVAL_MS_MAX
                    })
                })
            })
        };
        let Some(subject) = arrival.subject else {
            return (self.first_open..self.groups.len()).find(fits);
        };
        // One ID may have thousands of groups: those with another subject are not even looked at.
        let first_of = |subject: Option<&str>| {
            let positions = self.by_subject.get(&subject)?;
            let open = positions.partition_point(|it| *it < self.first_open);
            positions.iter().skip(open).copied().find(fits)
        };
        let (with, without) = (first_of(Some(subject)), first_of(None));
        // The group that began first wins, whether it has the subject or none.
        with.into_iter().chain(without).min()
    }
}
