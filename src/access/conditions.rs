//! Conditions on an audit event besides those on its own fields.

use std::collections::HashMap;

use super::People;
use crate::audit::{AuditField, AuditType};
use crate::limits;
use crate::store::words::folded;
use crate::store::{AuditColumn, AuditIndex, AuditSegment, DocumentSet, IndexError};
use crate::time::{TimeRange, Timestamp};

/// Conditions, all of which must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessConditions {
    /// Somebody who was signed in was refused something.
    pub denied: bool,
    /// Somebody tried to sign in and could not.
    pub failed: bool,
    /// The mailbox belongs to somebody else.
    pub not_owner: bool,
    /// The person was first seen with this IP address within the requested time, and was known to
    /// the store before.
    pub new_ip: bool,
    /// Part of failed sign-ins and the success after them: under one name, from one IP address,
    /// within [`limits::FAILED_THEN_OK_MS`].
    pub failed_then_ok: bool,
}

/// Keeps the documents in each segment's set for which all conditions hold.
pub(super) fn keep(
    conditions: &AccessConditions,
    index: &AuditIndex,
    people: &People,
    range: TimeRange,
    sets: &mut [DocumentSet],
) -> Result<(), IndexError> {
    for (segment, set) in index.segments().iter().zip(sets.iter_mut()) {
        if conditions.failed {
            set.and(&segment.with_value(AuditField::AuthSuccessful, "false")?);
        }
        if conditions.denied {
            let mut denied = segment.with_value(AuditField::AccessGranted, "false")?;
            denied.or(&segment.with_value(AuditField::ActionAllowed, "false")?);
            set.and(&denied);
        }
        if conditions.not_owner {
            keep_not_owner(segment, set)?;
        }
    }
    // These two compare events of all segments with one another, so they run once for the whole
    // index.
    if conditions.new_ip {
        keep_new_ip(index, people, range, sets)?;
    }
    if conditions.failed_then_ok {
        keep_failed_then_ok(index, sets)?;
    }
    Ok(())
}

fn keep_only(set: &mut DocumentSet, count: u32, holds: impl Fn(u32) -> bool) {
    let mut kept = DocumentSet::none(count);
    set.iter().filter(|it| holds(*it)).for_each(|it| kept.insert(it));
    *set = kept;
}

fn keep_not_owner(segment: &AuditSegment, set: &mut DocumentSet) -> Result<(), IndexError> {
    let users = segment.values(AuditColumn::UserId)?;
    let owners = segment.values(AuditColumn::OwnerId)?;
    keep_only(set, segment.max_doc(), |it| match (users.get(it), owners.get(it)) {
        // Without both IDs nobody can say whose mailbox it was.
        (Some(user), Some(owner)) => folded(user) != folded(owner),
        _ => false,
    });
    Ok(())
}

/// The person who acted, as far as the events of one person agree: the ID, or the name that was
/// typed.
pub(super) struct Persons {
    pub(super) ids: crate::store::ColumnValues,
    pub(super) names: crate::store::ColumnValues,
}

impl Persons {
    pub(super) fn of(segment: &AuditSegment) -> Result<Self, IndexError> {
        let (ids, names) =
            (segment.values(AuditColumn::UserId)?, segment.values(AuditColumn::User)?);
        Ok(Self { ids, names })
    }

    /// The address if it is known, otherwise the ID, otherwise the name that was typed.
    pub(super) fn of_document(&self, document: u32, at_ms: i64, people: &People) -> Option<String> {
        let at = Timestamp::from_ms(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        match self.ids.get(document) {
            Some(id) => Some(people.who(id, at).unwrap_or(id).to_owned()),
            None => self.names.get(document).map(|it| folded(it).into_owned()),
        }
    }
}

/// Numbers that stand for texts.
#[derive(Default)]
struct Numbers(HashMap<String, u32>);

impl Numbers {
    fn of(&mut self, text: &str) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(folded(text).into_owned()).or_insert(next)
    }
}

/// The numbers of a person and an IP address.
type Pair = (u32, u32);

fn keep_new_ip(
    index: &AuditIndex,
    people: &People,
    range: TimeRange,
    sets: &mut [DocumentSet],
) -> Result<(), IndexError> {
    let (mut persons, mut ips) = (Numbers::default(), Numbers::default());
    let mut pairs_of_segments = Vec::new();
    let mut first_of_pair: HashMap<Pair, i64> = HashMap::new();
    let mut first_of_person: HashMap<u32, i64> = HashMap::new();
    // The first pass sees all events, whatever the query finds: one outside of it may be the
    // person's first from that address.
    for segment in index.segments() {
        let who = Persons::of(segment)?;
        let sources = segment.values(AuditColumn::SourceIp)?;
        let ip_numbers: Vec<u32> =
            sources.texts.iter().map(|it| ips.of(&crate::store::ip_term(it))).collect();
        // A few pairs of ID and name make up most events, so each pair is resolved only once.
        let mut known: HashMap<(Option<usize>, Option<usize>), Option<u32>> = HashMap::new();
        let mut pairs: Vec<Option<Pair>> = vec![None; segment.max_doc() as usize];
        for document in segment.counting().iter() {
            let ms = segment.time_ms(document);
            let key = (who.ids.number_of(document), who.names.number_of(document));
            let person = *known.entry(key).or_insert_with(|| {
                let person = who.of_document(document, ms, people)?;
                Some(persons.of(&person))
            });
            let ip = sources.number_of(document).and_then(|it| ip_numbers.get(it)).copied();
            let (Some(person), Some(ip)) = (person, ip) else { continue };
            if let Some(slot) = pairs.get_mut(document as usize) {
                *slot = Some((person, ip));
            }
            let first = |known: &mut i64| *known = ms.min(*known);
            first_of_pair.entry((person, ip)).and_modify(first).or_insert(ms);
            first_of_person.entry(person).and_modify(first).or_insert(ms);
        }
        pairs_of_segments.push(pairs);
    }
    let is_new = |pair: &Pair| {
        let first_ms = *first_of_pair.get(pair).expect("each pair was put in with its first time");
        let was_seen = first_of_person.get(&pair.0).is_some_and(|it| *it < first_ms);
        was_seen && Timestamp::from_ms(first_ms).is_some_and(|it| range.contains(it))
    };
    for ((segment, set), pairs) in index.segments().iter().zip(sets).zip(pairs_of_segments) {
        keep_only(set, segment.max_doc(), |document| {
            pairs.get(document as usize).and_then(Option::as_ref).is_some_and(is_new)
        });
    }
    Ok(())
}

/// An attempt to sign in.
struct Try {
    ms: i64,
    is_success: bool,
    /// Its place: the segment, and the document in it.
    place: (usize, u32),
}

fn keep_failed_then_ok(index: &AuditIndex, sets: &mut [DocumentSet]) -> Result<(), IndexError> {
    let mut tries: HashMap<(String, String), Vec<Try>> = HashMap::new();
    for (number, segment) in index.segments().iter().enumerate() {
        let who = Persons::of(segment)?;
        let sources = segment.values(AuditColumn::SourceIp)?;
        let succeeded = segment.with_value(AuditField::AuthSuccessful, "true")?;
        let mut all = segment.with_value(AuditField::AuthSuccessful, "false")?;
        all.or(&succeeded);
        all.and(&segment.of_type(AuditType::Authentication)?);
        all.and(&segment.counting());
        for document in all.iter() {
            // Failures may lack the ID, so the typed name comes first.
            let person = who.names.get(document).or_else(|| who.ids.get(document));
            let Some(person) = person else { continue };
            let ip = sources.get(document).unwrap_or("");
            let key = (folded(person).into_owned(), crate::store::ip_term(ip).into_owned());
            let ms = segment.time_ms(document);
            let is_success = succeeded.contains(document);
            tries.entry(key).or_default().push(Try { ms, is_success, place: (number, document) });
        }
    }
    let mut kept: Vec<DocumentSet> =
        index.segments().iter().map(|it| DocumentSet::none(it.max_doc())).collect();
    let mut keep = |(segment, document): (usize, u32)| {
        if let Some(set) = kept.get_mut(segment) {
            set.insert(document);
        }
    };
    for mut tries in tries.into_values() {
        // At the same instant, the failure is taken to come before the success.
        tries.sort_unstable_by_key(|it| (it.ms, it.is_success, it.place));
        let mut failures: Vec<&Try> = Vec::new();
        for it in &tries {
            if !it.is_success {
                failures.push(it);
                continue;
            }
            let since_ms = it.ms.saturating_sub(limits::FAILED_THEN_OK_MS);
            failures.retain(|failure| failure.ms >= since_ms);
            if !failures.is_empty() {
                keep(it.place);
                // A failure belongs to the next success only, so that one does not count for
                // several.
                failures.drain(..).for_each(|failure| keep(failure.place));
            }
        }
    }
    sets.iter_mut().zip(&kept).for_each(|(set, kept)| set.and(kept));
    Ok(())
}
