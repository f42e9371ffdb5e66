//! Whose ID it is.

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

/// What people are called, by their IDs.
///
/// Audit events name people by ID alone, but for those by which somebody signed in or made a
/// token: these have the name that was typed too, which usually is the address.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// For each ID, in lower case, the names and since when they were used, in order.
    names: BTreeMap<String, Vec<(i64, String)>>,
    /// Who had which address, where that was taken: it goes before what was typed.
    directory: Option<Arc<Directory>>,
}

impl People {
    /// What the directory tells, and the audit events themselves.
    pub fn of_store(store: &Store) -> Result<Self, StoreError> {
        let mut people = Self::of_logs(store)?;
        people.know(store.directory(), |_| true);
        Ok(people)
    }

    /// What the audit events themselves tell.
    pub fn of_logs(store: &Store) -> Result<Self, StoreError> {
        let mut people = Self::default();
        if let Some(index) = store.audit_index()? {
            people.read(index, None).map_err(index.failed())?;
        }
        Ok(people)
    }

    /// What the people of some events are called, and nobody else.
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

    /// Takes the names of a directory for the IDs that are asked for.
    fn know(&mut self, directory: Option<Arc<Directory>>, is_asked: impl Fn(&str) -> bool) {
        let Some(directory) = directory else { return };
        for (id, at, address) in directory.names().filter(|(id, _, _)| is_asked(id)) {
            self.add(id, at.as_ms(), address);
        }
        self.directory = Some(directory);
        self.settle();
    }

    /// Reads what the events by which somebody got in say, of some IDs or of all.
    fn read(
        &mut self,
        index: &AuditIndex,
        ids: Option<&HashSet<String>>,
    ) -> Result<(), IndexError> {
        let read = |segment: &AuditSegment| {
            let mut set = segment.of_type(AuditType::Authentication)?;
            set.or(&segment.of_type(AuditType::PersonalAccessToken)?);
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

    /// The same of one ID, in the form of [`audit_term`].
    fn read_one(&mut self, index: &AuditIndex, id: &str) -> Result<(), IndexError> {
        for segment in index.segments() {
            let mut set = segment.with_value(AuditField::UserId, id)?;
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
            names.dedup_by(|next, before| next.1 == before.1);
        }
    }

    /// Adds what somebody is called from a time on.
    pub fn add(&mut self, id: &str, since_ms: i64, name: &str) {
        let names = self.names.entry(folded(id).into_owned()).or_default();
        let name = folded(name);
        // The same name comes with every event.
        if let Some((known_ms, _)) = names.iter_mut().find(|(_, known)| *known == name) {
            *known_ms = since_ms.min(*known_ms);
        } else {
            names.push((since_ms, name.into_owned()));
        }
    }

    /// What an ID was called at a time: by the directory, else by the last name that was typed before
    /// it, else the first after it.
    pub fn who(&self, id: &str, at: Timestamp) -> Option<&str> {
        let known = self.directory.as_ref().and_then(|it| it.person(id, at));
        if let Some(address) = known.and_then(|it| it.address.as_deref()) {
            return Some(address);
        }
        let names = self.names.get(folded(id).as_ref())?;
        let before = names.iter().rev().find(|(since_ms, _)| *since_ms <= at.as_ms());
        before.or_else(|| names.first()).map(|(_, name)| name.as_str())
    }

    /// When an ID may have come to be called otherwise, in milliseconds since 1970, in order: between
    /// two of these, and before and behind them, [`People::who`] says one and the same.
    pub(super) fn changes(&self, id: &str) -> Vec<i64> {
        let organizations = self.directory.iter().flat_map(|it| it.organizations());
        let versions = organizations.flat_map(|(_, it)| it.versions(id)).map(|it| it.at.as_ms());
        let names = self.names.get(folded(id).as_ref()).into_iter().flatten();
        let mut changes: Vec<i64> = versions.chain(names.map(|(since_ms, _)| *since_ms)).collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// All names by ID, each with since when it was used, in milliseconds since 1970.
    pub fn names(&self) -> impl Iterator<Item = (&str, i64, &str)> {
        self.names.iter().flat_map(|(id, names)| {
            names.iter().map(|(since_ms, name)| (id.as_str(), *since_ms, name.as_str()))
        })
    }

    /// The IDs that were ever called such a name.
    pub fn ids_called(&self, is_such: impl Fn(&str) -> bool) -> HashSet<&str> {
        let called = self.names.iter().filter(|(_, names)| names.iter().any(|it| is_such(&it.1)));
        called.map(|(id, _)| id.as_str()).collect()
    }
}

/// A name by which somebody signed in, and when first.
struct Named {
    id: String,
    ms: i64,
    name: String,
}

/// The IDs and the names that stand together in some events of a segment.
fn names_in(segment: &AuditSegment, set: &DocumentSet) -> Result<Vec<Named>, IndexError> {
    let (people, names) =
        (segment.column(AuditColumn::UserId)?, segment.column(AuditColumn::User)?);
    // People sign in many times a day: their names are compared once for each pair.
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

/// As [`People::of_store`], for whoever asks for a few of many: what an ID is called is looked up
/// when it is first asked for.
pub struct PeopleOnDemand<'s> {
    store: &'s Store,
    read: RefCell<HashMap<String, People>>,
}

impl<'s> PeopleOnDemand<'s> {
    /// Those of a store; nothing is read yet.
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
