//! The meaning of an address: a group, an alias or a mailbox.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::entity::{Entity, EntityKind};
use super::history::{Directory, OrganizationHistory};
use crate::event::Address;
use crate::limits;
use crate::time::Timestamp;

/// The meaning of an address at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning<'d> {
    Group(&'d Entity),
    /// The mailbox of a user or a resource, under an address that is not its primary one.
    Alias(&'d Entity),
    /// A mailbox, under its primary address.
    Mailbox(&'d Entity),
}

impl<'d> Meaning<'d> {
    pub fn entity(self) -> &'d Entity {
        match self {
            Self::Group(entity) | Self::Alias(entity) | Self::Mailbox(entity) => entity,
        }
    }
}

/// Organization, group, and the number of changes up to the time in question.
type ExpansionKey = (String, String, usize);

/// A cache of the mailboxes behind groups, which many messages ask for.
#[derive(Debug, Default)]
pub(super) struct Expansions {
    known: Mutex<HashMap<ExpansionKey, Arc<HashSet<String>>>>,
}

impl Directory {
    /// The meaning of an address, in its normal form.
    pub fn meaning(&self, address: &str, at: Timestamp) -> Option<Meaning<'_>> {
        let entity = self.by_address(address, at)?;
        Some(match entity.kind {
            EntityKind::Group => Meaning::Group(entity),
            _ if normal(entity).as_deref() == Some(address) => Meaning::Mailbox(entity),
            _ => Meaning::Alias(entity),
        })
    }

    /// True if mail for `address` reaches the mailbox `mailbox`, both in their normal form: as its
    /// alias, or through a group that contains it, also through other groups.
    pub fn leads_to(&self, address: &str, mailbox: &str, at: Timestamp) -> bool {
        // Mail may be logged as delivered under any address of a mailbox.
        let owner = self.by_address(mailbox, at).map(|it| it.id.as_str());
        match self.meaning(address, at) {
            Some(Meaning::Group(group)) => {
                owner.is_some_and(|it| self.members(group, at).contains(it))
            }
            Some(meaning) => owner == Some(meaning.entity().id.as_str()),
            None => false,
        }
    }

    /// The IDs of the users and resources in a group, and in the groups within it.
    pub fn members(&self, group: &Entity, at: Timestamp) -> Arc<HashSet<String>> {
        let home = self.organizations.iter().find(|(_, it)| it.entity(&group.id, at).is_some());
        let Some((id, organization)) = home else { return Arc::default() };
        let effective = organization.effective(at);
        // Between two changes the members stay the same, so all times in between share one entry.
        let change_count = organization.changes.partition_point(|it| *it <= effective);
        let key = (id.clone(), group.id.clone(), change_count);
        // The map's invariants hold across a panic, so poisoning is harmless.
        let known = || self.expansions.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(members) = known().get(&key) {
            return Arc::clone(members);
        }
        // Computed without the lock. Two threads may do it twice, with the same result.
        let members = Arc::new(organization.flattened(group, at));
        let mut known = known();
        // The cache can be rebuilt at any time, so dropping all of it is harmless.
        if known.len() >= limits::DIRECTORY_EXPANSIONS_MAX {
            known.clear();
        }
        known.insert(key, Arc::clone(&members));
        members
    }
}

impl OrganizationHistory {
    /// The users and resources in a group. Groups may contain each other.
    fn flattened(&self, group: &Entity, at: Timestamp) -> HashSet<String> {
        let (mut mailboxes, mut seen) = (HashSet::new(), HashSet::from([group.id.as_str()]));
        let mut pending = vec![group];
        while let Some(group) = pending.pop() {
            for member in &group.members {
                match self.entity(&member.id, at) {
                    Some(inner) if inner.kind == EntityKind::Group => {
                        if seen.insert(&inner.id) {
                            pending.push(inner);
                        }
                    }
                    // A member that is not listed itself still counts.
                    _ => _ = mailboxes.insert(member.id.clone()),
                }
            }
        }
        mailboxes
    }
}

/// The entity's primary address in its normal form.
fn normal(entity: &Entity) -> Option<String> {
    let address = Address::parse(entity.address.as_deref()?.into())?;
    Some(address.as_str().to_owned())
}
