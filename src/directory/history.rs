//! The directory at any time.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::entity::{Domain, Entity};
use super::meaning::Expansions;
use crate::event::{Address, domain_of};
use crate::time::{TimeRange, Timestamp};

/// The known history of all organizations.
#[derive(Debug, Default)]
pub struct Directory {
    pub(super) organizations: BTreeMap<String, OrganizationHistory>,
    pub(super) expansions: Expansions,
}

/// The known history of one organization.
#[derive(Debug, Default)]
pub struct OrganizationHistory {
    /// The alias, as it was last seen.
    pub alias: String,
    /// The snapshots, in order of time.
    pub snapshots: Vec<Snapshot>,
    /// The versions of each entity by its ID, in order of time.
    pub(super) entities: BTreeMap<String, Vec<Version>>,
    pub(super) domains: Vec<(Timestamp, Vec<Domain>)>,
    /// The IDs of all entities that ever had an address, by its normal form.
    pub(super) by_address: HashMap<String, Vec<String>>,
    pub(super) changes: Vec<Timestamp>,
}

/// One reading of an organization.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) key: String,
    pub begun: Timestamp,
    /// The time at which it was complete; `None` if it was broken off.
    pub ended: Option<Timestamp>,
    /// The number of entities that it found.
    pub count: usize,
    pub(super) looked_at: HashSet<String>,
}

/// An entity from one change to the next.
#[derive(Debug)]
pub struct Version {
    pub at: Timestamp,
    /// The entity as it was then; `None` if it was gone.
    pub entity: Option<Entity>,
}

/// A snapshot that was broken off and may be continued.
#[derive(Debug)]
pub struct OpenSnapshot<'d> {
    pub begun: Timestamp,
    /// The IDs that have been read already.
    pub looked_at: &'d HashSet<String>,
}

/// An entity as it was at a time.
#[derive(Clone, Copy, Debug)]
pub struct EntityState<'d> {
    /// The ID of its organization.
    pub organization: &'d str,
    /// The entity as it was; if it was gone, as it had last been.
    pub entity: &'d Entity,
    /// The time at which this state was first seen.
    pub since: Timestamp,
    /// The time at which another state was seen, or that it was gone.
    pub until: Option<Timestamp>,
    /// Whether it was gone at that time.
    pub is_gone: bool,
}

impl Directory {
    pub(super) fn new(organizations: BTreeMap<String, OrganizationHistory>) -> Self {
        Self { organizations, expansions: Expansions::default() }
    }

    pub fn organizations(&self) -> impl Iterator<Item = (&str, &OrganizationHistory)> {
        self.organizations.iter().map(|(id, it)| (id.as_str(), it))
    }

    pub fn organization(&self, id: &str) -> Option<&OrganizationHistory> {
        self.organizations.get(id)
    }

    /// The owner of an ID: the version at that time, otherwise the earliest. For an owner who was
    /// gone by then, the last version.
    pub fn person(&self, id: &str, at: Timestamp) -> Option<&Entity> {
        self.organizations.values().find_map(|it| it.person(id, at))
    }

    /// As [`Directory::person`], with the time for which it held.
    pub fn known(&self, id: &str, at: Timestamp) -> Option<EntityState<'_>> {
        self.organizations.iter().find_map(|(organization, it)| it.known(organization, id, at))
    }

    /// All entities at a time, by kind and label.
    pub fn all(&self, at: Timestamp) -> Vec<EntityState<'_>> {
        let organizations = self.organizations.iter();
        let known = organizations.flat_map(|(name, organization)| {
            let entities = organization.entities(at);
            entities.filter_map(move |it| organization.known(name, &it.id, at))
        });
        let mut known: Vec<EntityState<'_>> = known.collect();
        known.sort_by(|a, b| {
            let key = |it: &EntityState<'_>| (it.entity.kind, it.entity.label().to_lowercase());
            key(a).cmp(&key(b))
        });
        known
    }

    /// The owner of an address, which may be an alias.
    pub fn by_address(&self, address: &str, at: Timestamp) -> Option<&Entity> {
        self.organizations.values().find_map(|it| it.by_address(address, at))
    }

    /// The domains of all organizations as of `at`, in the form that addresses have.
    pub fn domains(&self, at: Timestamp) -> Vec<String> {
        normal_names(self.organizations.values().flat_map(|it| it.domains(at)))
    }

    /// The domains that an organization had at any time of a range.
    pub fn domains_within(&self, range: TimeRange) -> Vec<String> {
        normal_names(self.organizations.values().flat_map(|it| it.domains_within(range)))
    }

    /// The entities that a text means, by ID or address. If nobody had the address at that time,
    /// all who ever had it.
    pub fn find(&self, text: &str, at: Timestamp) -> Vec<EntityState<'_>> {
        let text = text.trim();
        if let Some(known) = self.id_of(text).and_then(|it| self.known(it, at)) {
            return vec![known];
        }
        let Some(address) = Address::parse(text.into()) else { return Vec::new() };
        if let Some(entity) = self.by_address(address.as_str(), at) {
            return self.known(&entity.id, at).into_iter().collect();
        }
        self.ids_of_address(address.as_str()).filter_map(|it| self.known(it, at)).collect()
    }

    /// All addresses that anybody ever had, in their normal form.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let organizations = self.organizations.values();
        organizations.flat_map(|it| it.by_address.keys().map(String::as_str))
    }

    /// The IDs of all who ever had this address, in its normal form.
    pub fn ids_of_address(&self, address: &str) -> impl Iterator<Item = &str> {
        let ids = self.organizations.values().filter_map(move |it| it.by_address.get(address));
        ids.flatten().map(String::as_str)
    }

    /// The ID that a text means, in any case.
    pub fn id_of(&self, text: &str) -> Option<&str> {
        let is_it = |it: &&String| it.eq_ignore_ascii_case(text);
        let all = || self.organizations.values().map(|it| &it.entities);
        // The exact form goes first, because the map finds it without a walk through all IDs.
        let exact = all().find_map(|it| it.get_key_value(text)).map(|(id, _)| id);
        let id = exact.or_else(|| all().flat_map(|it| it.keys()).find(is_it));
        id.map(String::as_str)
    }

    /// All addresses that an ID ever had, as they were written.
    pub fn addresses_of(&self, id: &str) -> impl Iterator<Item = &str> {
        let versions = self.organizations.values().flat_map(move |it| it.versions(id));
        versions.filter_map(|it| it.entity.as_ref()).flat_map(|it| it.addresses())
    }

    /// The addresses of each ID, with the time at which it was first seen with them.
    pub fn names(&self) -> impl Iterator<Item = (&str, Timestamp, &str)> {
        let ids = self.organizations.values().flat_map(|it| it.entities.keys());
        ids.flat_map(|id| self.names_of(id).map(move |(at, it)| (id.as_str(), at, it)))
    }

    /// Does the same for one ID.
    pub fn names_of(&self, id: &str) -> impl Iterator<Item = (Timestamp, &str)> {
        let versions = self.organizations.values().flat_map(move |it| it.versions(id));
        versions.flat_map(|version| {
            let addresses = version.entity.iter().flat_map(|it| it.addresses());
            addresses.map(move |it| (version.at, it))
        })
    }

    /// The time that stands for "latest": now, or the time of the last statement if a clock ran
    /// ahead.
    pub fn latest(&self, now: Timestamp) -> Timestamp {
        self.organizations.values().map(|it| it.latest(now)).fold(now, Timestamp::max)
    }

    /// The time of the last complete snapshot of any organization.
    pub fn last_taken(&self) -> Option<Timestamp> {
        self.organizations.values().filter_map(OrganizationHistory::last_taken).max()
    }
}

impl OrganizationHistory {
    /// The time of the last complete snapshot.
    pub fn last_taken(&self) -> Option<Timestamp> {
        self.snapshots.iter().filter_map(|it| it.ended).max()
    }

    /// The last snapshot, if it was not completed.
    pub fn open_snapshot(&self) -> Option<OpenSnapshot<'_>> {
        let last = self.snapshots.last().filter(|it| it.ended.is_none())?;
        Some(OpenSnapshot { begun: last.begun, looked_at: &last.looked_at })
    }

    /// The time that decides an answer about `at`: before the first complete snapshot, everything
    /// is taken to have been as that snapshot found it.
    pub(super) fn effective(&self, at: Timestamp) -> Timestamp {
        let first = self.snapshots.iter().filter_map(|it| it.ended).min();
        at.max(first.unwrap_or(Timestamp::MAX))
    }

    /// An entity at a time; `None` if there was none.
    pub fn entity(&self, id: &str, at: Timestamp) -> Option<&Entity> {
        let at = self.effective(at);
        let versions = self.entities.get(id)?;
        let current = versions.iter().rev().find(|it| it.at <= at)?;
        current.entity.as_ref().filter(|it| !it.is_deleted())
    }

    fn person(&self, id: &str, at: Timestamp) -> Option<&Entity> {
        let at = self.effective(at);
        let versions = self.entities.get(id)?;
        let known = || versions.iter().filter(|it| it.entity.is_some());
        let version = known().rev().find(|it| it.at <= at).or_else(|| known().next())?;
        version.entity.as_ref()
    }

    fn known<'d>(
        &'d self,
        organization: &'d str,
        id: &str,
        at: Timestamp,
    ) -> Option<EntityState<'d>> {
        let at = self.effective(at);
        let versions = self.entities.get(id)?;
        let place = |is: &dyn Fn(&Version) -> bool| versions.iter().rposition(is);
        let held = |it: &Version| it.entity.is_some();
        // The last version at the time, otherwise the first ever: an ID in a log had an owner.
        let place =
            place(&|it| held(it) && it.at <= at).or_else(|| versions.iter().position(held))?;
        let (version, next) = (versions.get(place)?, versions.get(place + 1));
        Some(EntityState {
            organization,
            entity: version.entity.as_ref()?,
            since: version.at,
            until: next.map(|it| it.at),
            is_gone: next.is_some_and(|it| it.entity.is_none() && it.at <= at),
        })
    }

    pub(super) fn by_address(&self, address: &str, at: Timestamp) -> Option<&Entity> {
        let ids = self.by_address.get(address)?;
        let has = |it: &str| {
            let address_of = |it| Address::parse(std::borrow::Cow::Borrowed(it));
            address_of(it).is_some_and(|it| it.as_str() == address)
        };
        let held: Vec<&Entity> = ids
            .iter()
            .filter_map(|it| self.entity(it, at))
            .filter(|it| it.addresses().any(has))
            .collect();
        // An entity's own address takes precedence over an alias, because mail is delivered under
        // it.
        let own = held.iter().find(|it| it.address.as_deref().is_some_and(has));
        own.or(held.first()).copied()
    }

    /// All entities at a time, by ID.
    pub fn entities(&self, at: Timestamp) -> impl Iterator<Item = &Entity> {
        self.entities.keys().filter_map(move |it| self.entity(it, at))
    }

    /// The versions of an entity, in order of time.
    pub fn versions(&self, id: &str) -> &[Version] {
        self.entities.get(id).map_or(&[], Vec::as_slice)
    }

    pub fn domains(&self, at: Timestamp) -> &[Domain] {
        let at = self.effective(at);
        let known = self.domains.iter().rev().find(|(it, _)| *it <= at);
        known.or(self.domains.first()).map_or(&[], |(_, it)| it.as_slice())
    }

    /// The domains that it had at any time of a range.
    fn domains_within(&self, range: TimeRange) -> impl Iterator<Item = &Domain> {
        let known = self.domains.iter().enumerate().filter(move |(place, (told, _))| {
            let next = self.domains.get(place + 1).map(|(told, _)| *told);
            // Before the first statement, the domains are taken to have been the same.
            let has_begun = *place == 0 || range.until.is_none_or(|until| *told < until);
            has_begun && next.zip(range.since).is_none_or(|(next, since)| next > since)
        });
        known.flat_map(|(_, (_, domains))| domains)
    }

    /// The domains, as last stated.
    pub fn last_domains(&self) -> &[Domain] {
        self.domains.last().map_or(&[], |(_, it)| it.as_slice())
    }

    /// The time of the last statement.
    pub fn last_said(&self) -> Option<Timestamp> {
        let snapshots = self.snapshots.iter().map(|it| it.ended.unwrap_or(it.begun));
        let domains = self.domains.iter().map(|(at, _)| *at);
        self.changes.iter().copied().chain(snapshots).chain(domains).max()
    }

    /// As [`Directory::latest`], of this organization.
    pub fn latest(&self, now: Timestamp) -> Timestamp {
        self.last_said().map_or(now, |it| it.max(now))
    }

    /// The entities that are not gone, as they were last seen.
    pub fn current(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values().filter_map(|it| it.last()?.entity.as_ref())
    }
}

/// The names of domains in the form that addresses have.
fn normal_names<'d>(domains: impl Iterator<Item = &'d Domain>) -> Vec<String> {
    let normal = |it: &Domain| {
        let address = Address::parse(format!("x@{}", it.name).into())?;
        domain_of(address.as_str()).map(str::to_owned)
    };
    let mut names: Vec<String> = domains.filter_map(normal).collect();
    names.sort();
    names.dedup();
    names
}
