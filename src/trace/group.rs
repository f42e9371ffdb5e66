//! Which legs that share a message ID make one message.
//!
//! Devices send everything under one ID, and programs repeat IDs. Legs join only where one message
//! explains them all: what is joined wrongly hides one person's bounce behind another's delivery.
//! What is read here is read from originals and from columns alike, so that both answer the same.

use std::collections::HashMap;
use std::hash::Hash;

use crate::limits;
use crate::store::DisjointSets;

/// What decides to which message a leg belongs.
#[derive(Clone, Debug)]
pub(super) struct LegTraits<'l, I, A> {
    /// When it started, in milliseconds since 1970.
    pub(super) started_ms: i64,
    /// Its trace ID; empty where it has none.
    pub(super) trace_id: &'l str,
    /// Its message IDs.
    pub(super) ids: Vec<I>,
    /// What only an incoming leg is asked for.
    pub(super) arrival: Option<Arrival<A>>,
}

/// What an incoming leg says of its message.
#[derive(Clone, Debug)]
pub(super) struct Arrival<A> {
    /// Its subject as it compares.
    pub(super) subject: Option<String>,
    /// The recipients that it names.
    pub(super) named: Vec<A>,
}

/// Unites the legs of each message.
pub(super) fn messages_of<I, A>(legs: &[LegTraits<'_, I, A>]) -> DisjointSets
where
    I: Clone + Eq + Hash,
    A: Clone + Eq + Hash,
{
    let count = u32::try_from(legs.len()).unwrap_or(u32::MAX);
    let mut order: Vec<(u32, &LegTraits<'_, I, A>)> = (0..count).zip(legs).collect();
    // The numbers of the legs last: those without a trace ID have nothing else to tell them apart.
    order.sort_by_key(|(number, it)| (it.started_ms, it.trace_id, *number));
    let mut sets = DisjointSets::new(count);
    let mut by_id: HashMap<&I, Groups<'_, A>> = HashMap::new();
    for (number, leg) in order {
        for id in &leg.ids {
            let first =
                by_id.entry(id).or_default().add(number, leg.started_ms, leg.arrival.as_ref());
            sets.unite(number, first);
        }
    }
    sets
}

/// The groups that the legs with one message ID make, by the start of their first legs.
struct Groups<'l, A> {
    groups: Vec<Group<'l, A>>,
    /// Those before it began too long ago for any later leg.
    first_open: usize,
    /// The groups with each subject, and those without one.
    by_subject: HashMap<Option<&'l str>, Vec<usize>>,
}

struct Group<'l, A> {
    /// The number of its first leg.
    first: u32,
    started_ms: i64,
    subject: Option<&'l str>,
    /// When the first incoming leg started that names each recipient.
    named_ms: HashMap<&'l A, i64>,
}

impl<A> Default for Groups<'_, A> {
    fn default() -> Self {
        Self { groups: Vec::new(), first_open: 0, by_subject: HashMap::new() }
    }
}

impl<'l, A: Eq + Hash> Groups<'l, A> {
    /// Puts the next leg into the first group that it fits; gives the number of the group's first
    /// leg.
    fn add(&mut self, leg: u32, started_ms: i64, arrival: Option<&'l Arrival<A>>) -> u32 {
        let is_open = |it: &Group<'_, A>| {
            started_ms.saturating_sub(it.started_ms) <= limits::SAME_MESSAGE_MS_MAX
        };
        while self.groups.get(self.first_open).is_some_and(|it| !is_open(it)) {
            self.first_open += 1;
        }
        let position = match arrival {
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
            for address in &arrival.named {
                group.named_ms.entry(address).or_insert(started_ms);
            }
            if let (None, Some(subject)) = (group.subject, &arrival.subject) {
                group.subject = Some(subject);
                let without = self.by_subject.entry(None).or_default();
                without.retain(|it| *it != position);
                let with = self.by_subject.entry(Some(subject)).or_default();
                with.insert(with.partition_point(|it| *it < position), position);
            }
        }
        group.first
    }

    /// The first open group that an incoming leg fits.
    fn first_for(&mut self, started_ms: i64, arrival: &Arrival<A>) -> Option<usize> {
        let fits = |position: &usize| {
            self.groups.get(*position).is_some_and(|group| {
                arrival.named.iter().all(|address| {
                    group.named_ms.get(address).is_none_or(|first_ms| {
                        started_ms.saturating_sub(*first_ms) <= limits::SAME_ARRIVAL_MS_MAX
                    })
                })
            })
        };
        let Some(subject) = &arrival.subject else {
            return (self.first_open..self.groups.len()).find(fits);
        };
        // Groups with another subject need not be looked at, of which one ID may have thousands.
        let first_of = |subject: Option<&str>| {
            let positions = self.by_subject.get(&subject)?;
            let open = positions.partition_point(|it| *it < self.first_open);
            positions.iter().skip(open).copied().find(fits)
        };
        let (with, without) = (first_of(Some(subject)), first_of(None));
        with.into_iter().chain(without).min()
    }
}
