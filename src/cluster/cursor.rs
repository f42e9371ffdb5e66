//! The progress of a store's publication to a cluster. The cursor is a file in the store.

use serde::{Deserialize, Serialize};

use super::document::digest;
use super::error::ClusterError;
use super::names::Names;
use crate::json;
use crate::store::{Location, Published, Store, StoreError, read_published};

/// The progress of a store's publication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublishedUntil {
    /// For people who read the file.
    pub(super) url: String,
    pub(super) organization: String,
    /// The number up to which everything is acknowledged.
    pub(super) commit: u64,
    #[serde(flatten)]
    pub(super) acknowledged: Acknowledged,
    /// The number of removals the store had had.
    pub(super) removals: usize,
    /// Older events were left out; in milliseconds since 1970.
    pub(super) since_ms: Option<i64>,
    /// The redaction, and a check of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redaction: Option<String>,
    /// A digest of the people's names by which audit events were redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) people: Option<String>,
    /// Set while everything is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<Again>,
}

/// The progress of sending everything again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Again {
    /// Documents with a smaller number are removed at the end.
    pub(super) first_commit: u64,
    #[serde(flatten)]
    pub(super) acknowledged: Acknowledged,
}

/// The places up to which the cluster has acknowledged what was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Acknowledged {
    /// The first place in the archive of an email event that is not acknowledged.
    next: u64,
    /// The same for other records: an earlier build published none of them.
    #[serde(default)]
    others_next: u64,
}

impl Acknowledged {
    /// The first email event and the first other record that are not acknowledged.
    pub(super) fn next(self) -> (Location, Location) {
        (Location::from_bits(self.next), Location::from_bits(self.others_next))
    }

    /// Notes that everything before a place is acknowledged.
    pub(super) fn advance(&mut self, place: Location) {
        self.next = self.next.max(place.to_bits());
        self.others_next = self.others_next.max(place.to_bits());
    }

    /// Makes other records be sent again from a place on.
    pub(super) fn set_others_next(&mut self, place: Location) {
        self.others_next = place.to_bits();
    }

    /// Notes that everything up to the end of a commit is acknowledged, and nothing after it.
    pub(super) fn end_at(&mut self, place: Location) {
        (self.next, self.others_next) = (place.to_bits(), place.to_bits());
    }
}

impl Again {
    /// A start with nothing sent.
    pub(super) fn from(first_commit: u64) -> Self {
        Self { first_commit, acknowledged: Acknowledged::default() }
    }
}

/// The file name of a cursor: one for each cluster, prefix and organization.
pub(super) fn cursor_name(cluster: &str, names: &Names, organization: &str) -> String {
    let parts = [cluster, names.prefix(), organization].map(str::as_bytes);
    format!("{}.json", digest(&parts))
}

impl PublishedUntil {
    /// Reads the cursor without the lock of a publisher.
    pub(super) fn peek(store: &Store, name: &str) -> Result<Option<Self>, ClusterError> {
        Ok(parsed(read_published(store, name)?))
    }

    pub(super) fn read(published: &Published, name: &str) -> Result<Option<Self>, ClusterError> {
        Ok(parsed(published.read(name)?))
    }

    pub(super) fn keep(&self, published: &Published, name: &str) -> Result<(), StoreError> {
        published.replace(name, &json::text(self))
    }
}

/// A cursor that cannot be read counts as none: then everything is sent again.
fn parsed(text: Option<String>) -> Option<PublishedUntil> {
    text.and_then(|it| serde_json::from_str(&it).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_in_a_store_keeps_its_members() {
        let text = r#"{"url":"u","organization":"o","commit":3,"next":8,"othersNext":5,"removals":1,"sinceMs":null,"again":{"firstCommit":4,"next":2,"othersNext":0}}"#;
        let cursor = parsed(Some(text.to_owned())).unwrap();
        let places = |it: Acknowledged| (it.next, it.others_next);
        assert_eq!(places(cursor.acknowledged), (8, 5));
        assert_eq!(cursor.again.map(|it| places(it.acknowledged)), Some((2, 0)));
        assert_eq!(json::text(&cursor), text);
        // As a build wrote it that published email events alone.
        let old = parsed(Some(text.replace(r#","othersNext":5"#, ""))).unwrap();
        assert_eq!(places(old.acknowledged), (8, 0));
    }
}
