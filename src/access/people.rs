//! Finds out who an ID belongs to.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::audit::{AuditEvent, AuditField, AuditType};
use crate::directory::Directory;
use crate::limits;
use crate::store::words::folded;
use crate::store::{
    AuditColumn, AuditIndex, AuditSegment, DocumentSet, IndexError, Store, StoreError, audit_term,
};
use crate::time::Timestamp;

/// The names of people by their IDs.
///
/// Most audit events name people by ID alone. Only sign-ins and the creation of tokens also hold
/// the name that was typed, which usually is the address.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// The names of each ID, in lower case, with the time since which they were used, in order.
    names: BTreeMap<String, Vec<(i64, String)>>,
    /// The directory, where it was taken. Its addresses take precedence over typed names.
    directory: Option<Arc<Directory>>,
}

impl People {
    /// Learns names from the directory and from the audit events.
    pub fn of_store(store: &Store) -> Result<Self, StoreError> {
        let mut people = Self::of_logs(store)?;
        people.know(store.directory(), |_| true);
        Ok(people)
    }

    /// Learns names from the audit events alone.
    pub fn of_logs(store: &Store) -> Result<Self, StoreError> {
        let mut people = Self::default();
        if let Some(index) = store.audit_index()? {
            people.read(index, None).map_err(index.failed())?;
        }
        Ok(people)
    }

    /// Learns the names of the people in some events, and of nobody else.
    pub(super) fn of_events<'e>(
        store: &Store,
        events: impl Iterator<Item = &'e AuditEvent<'static>>,
    ) -> Result<Self, StoreError> {
        let ids =
            events.flat_map(|event| AuditField::PEOPLE.into_iter().filter_map(|it| event.get(it)));
        let ids: HashSet<String> = ids.map(|it| folded(it).into_owned()).collect();
        let mut people = Self::default();
        if let Some(index) = store.audit_index()? {
            people.read(index, Some(&ids)).map_err(index.failed())?;
        }
        people.know(store.directory(), |it| ids.contains(folded(it).as_ref()));
        Ok(people)
    }

    /// Adds the names of a directory for the IDs that are wanted.
    fn know(&mut self, directory: Option<Arc<Directory>>, is_asked: impl Fn(&str) -> bool) {
        let Some(directory) = directory else { return };
        for (id, at, address) in directory.names().filter(|(id, _, _)| is_asked(id)) {
            self.add(id, at.as_ms(), address);
        }
        self.directory = Some(directory);
        self.settle();
    }

    /// Adds the names from successful sign-ins and from tokens, of some IDs or of all.
    fn read(
        &mut self,
        index: &AuditIndex,
        ids: Option<&HashSet<String>>,
    ) -> Result<(), IndexError> {
        let read = |segment: &AuditSegment| {
            let mut set = segment.of_type(AuditType::Authentication)?;
            set.or(&segment.of_type(AuditType::PersonalAccessToken)?);
            // Somebody who could not sign in may have typed anybody's name.
            set.and(&segment.let_in()?);
            if let Some(ids) = ids {
                set.and(&segment.with_values(AuditField::UserId, &|it| ids.contains(it))?);
            }
            names_in(segment, &set)
        };
        let named: Result<Vec<Vec<Named>>, IndexError> =
            index.segments().par_iter().map(read).collect();
        for Named { id, ms, name } in named?.into_iter().flatten() {
            self.add(&id, ms, &name);
        }
        self.settle();
        Ok(())
    }

    /// Does the same for one ID, in the form of [`audit_term`].
    fn read_one(&mut self, index: &AuditIndex, id: &str) -> Result<(), IndexError> {
        for segment in index.segments() {
            let mut set = segment.with_value(AuditField::UserId, id)?;
            // Spares segments that never saw this ID the sets below.
            if set.is_empty() {
                continue;
            }
            let mut names_people = segment.of_type(AuditType::Authentication)?;
            names_people.or(&segment.of_type(AuditType::PersonalAccessToken)?);
            set.and(&names_people);
            set.and(&segment.let_in()?);
            names_in(segment, &set)?.iter().for_each(|it| self.add(&it.id, it.ms, &it.name));
        }
        self.settle();
        Ok(())
    }

    /// Puts the names of each ID in order.
    fn settle(&mut self) {
        for names in self.names.values_mut() {
            names.sort_unstable();
            // Only a change of name matters, so the later of two equal neighbours goes.
            names.dedup_by(|next, before| next.1 == before.1);
        }
    }

    /// Adds a name that somebody used from a time on.
    pub fn add(&mut self, id: &str, since_ms: i64, name: &str) {
        let names = self.names.entry(folded(id).into_owned()).or_default();
        let name = folded(name);
        // Every event repeats the name, so only its earliest use is kept.
        if let Some((known_ms, _)) = names.iter_mut().find(|(_, known)| *known == name) {
            *known_ms = since_ms.min(*known_ms);
        } else {
            names.push((since_ms, name.into_owned()));
        }
    }

    /// The name of an ID at a time: as the directory says, otherwise the last name that was typed
    /// before, otherwise the first one typed after.
    pub fn who(&self, id: &str, at: Timestamp) -> Option<&str> {
        let known = self.directory.as_ref().and_then(|it| it.person(id, at));
        if let Some(address) = known.and_then(|it| it.address.as_deref()) {
            return Some(address);
        }
        let names = self.names.get(folded(id).as_ref())?;
        let before = names.iter().rev().find(|(since_ms, _)| *since_ms <= at.as_ms());
        before.or_else(|| names.first()).map(|(_, name)| name.as_str())
    }

    /// The times at which the name of an ID may have changed, in milliseconds since 1970, in order.
    /// Between two of them, before the first and after the last, [`People::who`] gives one answer.
    pub(super) fn changes(&self, id: &str) -> Vec<i64> {
        let organizations = self.directory.iter().flat_map(|it| it.organizations());
        let versions = organizations.flat_map(|(_, it)| it.versions(id)).map(|it| it.at.as_ms());
        let names = self.names.get(folded(id).as_ref()).into_iter().flatten();
        let mut changes: Vec<i64> = versions.chain(names.map(|(since_ms, _)| *since_ms)).collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// All names by ID, each with the time since which it was used, in milliseconds since 1970.
    pub fn names(&self) -> impl Iterator<Item = (&str, i64, &str)> {
        self.names.iter().flat_map(|(id, names)| {
            names.iter().map(|(since_ms, name)| (id.as_str(), *since_ms, name.as_str()))
        })
    }

    /// The IDs that ever had such a name.
    pub fn ids_called(&self, is_such: impl Fn(&str) -> bool) -> HashSet<&str> {
        let called = self.names.iter().filter(|(_, names)| names.iter().any(|it| is_such(&it.1)));
        called.map(|(id, _)| id.as_str()).collect()
    }
}

/// A name by which somebody signed in, and the first time.
struct Named {
    id: String,
    ms: i64,
    name: String,
}

/// The IDs and names that occur together in some events of a segment.
fn names_in(segment: &AuditSegment, set: &DocumentSet) -> Result<Vec<Named>, IndexError> {
    let (people, names) =
        (segment.column(AuditColumn::UserId)?, segment.column(AuditColumn::User)?);
    // People sign in many times a day, so texts are read only once for each pair.
    let mut first: HashMap<(usize, usize), i64> = HashMap::new();
    for document in set.iter() {
        let numbers = people.number_of(document).zip(names.number_of(document));
        let Some(pair) = numbers else { continue };
        let ms = segment.time_ms(document);
        first.entry(pair).and_modify(|it| *it = ms.min(*it)).or_insert(ms);
    }
    let mut named = Vec::with_capacity(first.len());
    for ((id, name), ms) in first {
        let texts = people.text(id)?.zip(names.text(name)?);
        named.extend(texts.map(|(id, name)| Named { id, ms, name }));
    }
    Ok(named)
}

/// A variant of [`People::of_store`] for a few IDs of many: it looks up the name of an ID when that
/// is first needed.
pub struct PeopleOnDemand<'s> {
    store: &'s Store,
    read: RefCell<HashMap<String, People>>,
}

impl<'s> PeopleOnDemand<'s> {
    /// Starts without reading anything.
    pub fn new(store: &'s Store) -> Self {
        Self { store, read: RefCell::default() }
    }

    /// As [`People::who`].
    pub fn who(&self, id: &str, at: Timestamp) -> Result<Option<String>, StoreError> {
        let term = audit_term(AuditField::UserId, id);
        if let Some(known) = self.read.borrow().get(term.as_ref()) {
            return Ok(known.who(id, at).map(str::to_owned));
        }
        let mut people = People { directory: self.store.directory(), ..People::default() };
        if let Some(directory) = people.directory.clone() {
            let known = directory.id_of(id).unwrap_or(id);
            directory.names_of(known).for_each(|(at, it)| people.add(id, at.as_ms(), it));
        }
        if let Some(index) = self.store.audit_index()? {
            people.read_one(index, &term).map_err(index.failed())?;
        }
        let name = people.who(id, at).map(str::to_owned);
        let mut read = self.read.borrow_mut();
        // A full cache only stops growing: dropping it would repeat the work for the IDs in it.
        if read.len() < limits::TIMELINE_LOGINS_MAX {
            read.insert(term.into_owned(), people);
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_called_what_it_was_called_then() {
        let mut people = People::default();
        people.add("U-1", 20, "Ana@acme.example");
        people.add("u-1", 10, "ana@acme.example");
        people.add("u-1", 100, "ana.schmidt@acme.example");
        let at = |ms| people.who("U-1", Timestamp::from_ms(ms).unwrap());
        assert_eq!(at(5), Some("ana@acme.example"));
        assert_eq!(at(99), Some("ana@acme.example"));
        assert_eq!(at(100), Some("ana.schmidt@acme.example"));
        assert_eq!(people.who("u-2", Timestamp::UNIX_EPOCH), None);
        let ids = people.ids_called(|it| it.starts_with("ana.schmidt"));
        assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["u-1"]);
    }
}
