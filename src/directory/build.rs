//! Builds a [`Directory`] from statements.

use std::collections::{BTreeMap, HashSet};

use super::history::{Directory, OrganizationHistory, Snapshot, Version};
use super::statement::{Said, Statement};
use crate::event::Address;
use crate::time::Timestamp;

/// Collects statements in any order.
#[derive(Debug, Default)]
pub struct DirectoryBuilder {
    statements: Vec<(Timestamp, Statement)>,
}

impl DirectoryBuilder {
    /// Adds a record. Returns false, and ignores it, if it is not a statement.
    pub fn add(&mut self, timestamp: Timestamp, message: &str) -> bool {
        let statement = Statement::parse(message);
        let is_statement = statement.is_ok();
        self.statements.extend(statement.ok().map(|it| (timestamp, it)));
        is_statement
    }

    pub fn build(mut self) -> Directory {
        // Statements may share a timestamp, and an end must still come after what it ends.
        let rank = |it: &Statement| match it.said {
            Said::Begin { .. } => 0,
            Said::End { .. } => 2,
            _ => 1,
        };
        self.statements.sort_by(|(a_at, a), (b_at, b)| {
            (a_at, &a.snapshot, rank(a)).cmp(&(b_at, &b.snapshot, rank(b)))
        });
        let mut organizations: BTreeMap<String, OrganizationHistory> = BTreeMap::new();
        for (at, statement) in self.statements {
            let Statement { organization, snapshot, said, .. } = statement;
            organizations.entry(organization).or_default().take(at, &snapshot, said);
        }
        organizations.values_mut().for_each(OrganizationHistory::index);
        Directory::new(organizations)
    }
}

impl OrganizationHistory {
    fn take(&mut self, at: Timestamp, snapshot: &str, said: Said) {
        // A snapshot that was broken off goes on in later records, so it is found by its key.
        let place = self.snapshots.iter().position(|it| it.key == snapshot);
        let place = place.unwrap_or_else(|| {
            let begun = Timestamp::parse_log_form(snapshot).unwrap_or(at);
            let (key, looked_at) = (snapshot.to_owned(), HashSet::new());
            self.snapshots.push(Snapshot { key, begun, ended: None, count: 0, looked_at });
            self.snapshots.len() - 1
        });
        let Some(snapshot) = self.snapshots.get_mut(place) else { return };
        match said {
            Said::Begin { alias } => self.alias = alias,
            // The logs name nobody by an empty ID.
            Said::Entity(entity) if entity.id.is_empty() => {}
            Said::Entity(entity) => {
                snapshot.looked_at.insert(entity.id.clone());
                let versions = self.entities.entry(entity.id.clone()).or_default();
                versions.push(Version { at, entity: Some(*entity) });
            }
            Said::Domains { domains } => self.domains.push((at, domains)),
            Said::Seen { ids } => snapshot.looked_at.extend(ids),
            Said::Gone { ids } => {
                for id in ids {
                    self.entities.entry(id).or_default().push(Version { at, entity: None });
                }
            }
            Said::End { count } => (snapshot.ended, snapshot.count) = (Some(at), count),
        }
    }

    /// Indexes which entities ever had which address, and when anything changed.
    fn index(&mut self) {
        self.snapshots.sort_by_key(|it| it.begun);
        for (id, versions) in &self.entities {
            for version in versions {
                self.changes.push(version.at);
                for address in version.entity.iter().flat_map(|it| it.addresses()) {
                    let Some(address) = Address::parse(address.into()) else { continue };
                    let ids = self.by_address.entry(address.as_str().to_owned()).or_default();
                    if !ids.contains(id) {
                        ids.push(id.clone());
                    }
                }
            }
        }
        self.by_address.values_mut().for_each(|it| it.sort());
        self.changes.sort_unstable();
        self.changes.dedup();
    }
}
