//! The person whose timeline it is, with all IDs and addresses.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::audit::AuditField;
use crate::directory::Directory;
use crate::event::Address;
use crate::limits;
use crate::store::{
    AuditColumn, AuditSegment, DocumentSet, IndexError, Store, StoreError, audit_term,
};
use crate::time::{TimeRange, Timestamp};

/// A person, as logs and as people name them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    pub id: String,
    /// The address that they had, or the name with which they signed in, if known.
    pub address: Option<String>,
}

/// One person, by every known ID and address.
#[derive(Clone, Debug, Default)]
pub struct Who {
    pub asked: String,
    /// The display name, if the directory has it.
    pub name: Option<String>,
    pub ids: Vec<String>,
    /// The addresses in their normal form, including former ones.
    pub addresses: Vec<String>,
    directory: Option<Arc<Directory>>,
}

impl Who {
    /// Finds the person whom an address or an ID meant at the end of a range.
    pub fn of_store(store: &Store, asked: &str, range: TimeRange) -> Result<Self, StoreError> {
        let at = range.until.unwrap_or(Timestamp::MAX);
        Self::by_directory(store, asked, at).with_logins(store)
    }

    /// Finds the person whom an address or an ID meant at a time, in the directory.
    pub(super) fn by_directory(store: &Store, asked: &str, at: Timestamp) -> Self {
        let asked = asked.trim();
        let directory = store.directory();
        let mut who = Self { asked: asked.to_owned(), directory, ..Self::default() };
        // An ID would pass for an address without a domain.
        let address = Address::parse(asked.into()).filter(|_| asked.contains('@'));
        match &address {
            Some(address) => who.add_address(address.as_str()),
            None if !asked.is_empty() => who.ids.push(asked.to_owned()),
            None => return who,
        }
        if let Some(directory) = who.directory.clone() {
            who.add_by_directory(&directory, address.as_ref(), at);
        }
        who
    }

    fn add_by_directory(
        &mut self,
        directory: &Directory,
        address: Option<&Address<'_>>,
        at: Timestamp,
    ) {
        if let Some(address) = address {
            // Whoever has the address at that time, otherwise all who ever had it.
            match directory.by_address(address.as_str(), at) {
                Some(entity) => self.add_id(&entity.id),
                None => directory.ids_of_address(address.as_str()).for_each(|it| self.add_id(it)),
            }
        }
        for id in self.ids.clone() {
            let Some(id) = directory.id_of(&id) else { continue };
            let entity = directory.person(id, at);
            let name = entity.and_then(|it| it.display_name.clone());
            self.name = self.name.take().or(name);
            for address in directory.addresses_of(id) {
                if let Some(address) = Address::parse(address.into()) {
                    self.add_address(address.as_str());
                }
            }
        }
    }

    /// True if an ID is one of theirs.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.ids.iter().any(|it| it.eq_ignore_ascii_case(id))
    }

    /// True if an address, in its normal form, was theirs at a time: addresses change hands.
    pub(super) fn had(&self, address: &str, at: Timestamp) -> bool {
        // If the directory has no holder for that time, the address counts as theirs.
        let is_of_another = || {
            let holder = self.directory.as_ref().and_then(|it| it.by_address(address, at));
            holder.is_some_and(|it| !self.has_id(&it.id))
        };
        self.addresses.iter().any(|it| it == address) && !is_of_another()
    }

    /// Adds what logins say, because they hold both the ID and the typed name. Without a directory
    /// they are the only link between the two.
    pub(super) fn with_logins(mut self, store: &Store) -> Result<Self, StoreError> {
        let Some(audit) = store.audit_index()? else { return Ok(self) };
        let asked_for = self.ids.iter().map(|it| (AuditField::UserId, it.clone()));
        let asked_for =
            asked_for.chain(self.addresses.iter().map(|it| (AuditField::User, it.clone())));
        let asked_for: Vec<(AuditField, String)> = asked_for.collect();
        for segment in audit.segments() {
            let mut found = DocumentSet::none(segment.max_doc());
            for (field, value) in &asked_for {
                let term = audit_term(*field, value);
                found.or(&segment.with_value(*field, &term).map_err(audit.failed())?);
            }
            if found.is_empty() {
                continue;
            }
            // A failed login may hold anybody's name, typed by somebody else.
            found.and(&segment.let_in().map_err(audit.failed())?);
            for (id, name) in pairs_of(segment, &found).map_err(audit.failed())? {
                self.add_id(&id);
                let address = Address::parse(name.as_str().into()).filter(|_| name.contains('@'));
                if let Some(address) = address {
                    self.add_address(address.as_str());
                }
            }
        }
        Ok(self)
    }

    fn add_id(&mut self, id: &str) {
        if !self.has_id(id) {
            self.ids.push(id.to_owned());
        }
    }

    fn add_address(&mut self, address: &str) {
        if !self.addresses.iter().any(|it| it == address) {
            self.addresses.push(address.to_owned());
        }
    }
}

/// The IDs and names that occur together in some events.
fn pairs_of(
    segment: &AuditSegment,
    documents: &DocumentSet,
) -> Result<Vec<(String, String)>, IndexError> {
    let (ids, names) = (segment.column(AuditColumn::UserId)?, segment.column(AuditColumn::User)?);
    let numbers = documents.iter().filter_map(|it| ids.number_of(it).zip(names.number_of(it)));
    // People sign in many times a day, so each pair is taken only once.
    let pairs: BTreeSet<(usize, usize)> = numbers.collect();
    let mut texts = Vec::new();
    for (id, name) in pairs.into_iter().take(limits::TIMELINE_LOGINS_MAX) {
        texts.extend(ids.text(id)?.zip(names.text(name)?));
    }
    Ok(texts)
}
