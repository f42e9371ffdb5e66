//! How far a store has been published to a cluster. It lies in the store.

use serde::{Deserialize, Serialize};

use super::document::digest;
use super::error::ClusterError;
use super::names::Names;
use crate::json;
use crate::store::{Location, Published, Store, StoreError, read_published};

/// How far a store has been published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublishedUntil {
    /// For whoever looks: where to, and as what.
    pub(super) url: String,
    pub(super) organization: String,
    /// The number up to which everything is acknowledged.
    pub(super) commit: u64,
    /// The first place in the archive of an email event that is not.
    next: u64,
    /// The same of other records: an earlier build published none of them.
    #[serde(default)]
    others_next: u64,
    /// How many removals the store had had.
    pub(super) removals: usize,
    /// Events before it were left out, in milliseconds since 1970.
    pub(super) since_ms: Option<i64>,
    /// What is redacted, and by which key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redaction: Option<String>,
    /// What stands for whose IDs audit events have, where these are redacted by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) people: Option<String>,
    /// Everything is being sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<Again>,
}

/// How far everything has been sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Again {
    /// What has a smaller number goes in the end.
    pub(super) first_commit: u64,
    next: u64,
    #[serde(default)]
    others_next: u64,
}

impl PublishedUntil {
    /// Where email events, and where other records begin that are not acknowledged.
    pub(super) fn next(&self) -> (Location, Location) {
        (Location::from_bits(self.next), Location::from_bits(self.others_next))
    }

    /// Everything before a place is acknowledged.
    pub(super) fn advance(&mut self, place: Location) {
        self.next = self.next.max(place.to_bits());
        self.others_next = self.others_next.max(place.to_bits());
    }

    /// Other records from a place on are to be sent again.
    pub(super) fn set_others_next(&mut self, place: Location) {
        self.others_next = place.to_bits();
    }

    /// Everything is acknowledged up to the end of a commit, and nothing behind it.
    pub(super) fn end_at(&mut self, place: Location) {
        (self.next, self.others_next) = (place.to_bits(), place.to_bits());
    }
}

impl Again {
    /// Nothing has been sent yet.
    pub(super) fn from(first_commit: u64) -> Self {
        Self { first_commit, next: 0, others_next: 0 }
    }

    /// As [`PublishedUntil::next`].
    pub(super) fn next(self) -> (Location, Location) {
        (Location::from_bits(self.next), Location::from_bits(self.others_next))
    }

    /// As [`PublishedUntil::advance`].
    pub(super) fn advance(&mut self, place: Location) {
        self.next = self.next.max(place.to_bits());
        self.others_next = self.others_next.max(place.to_bits());
    }
}

/// Under which name a cursor is kept: one for each cluster, prefix and organization.
pub(super) fn cursor_name(cluster: &str, names: &Names, organization: &str) -> String {
    let parts = [cluster, names.prefix(), organization].map(str::as_bytes);
    format!("{}.json", digest(&parts))
}

impl PublishedUntil {
    /// Reads it, for one who does not publish.
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

/// A cursor that cannot be read is none: then everything is sent again.
fn parsed(text: Option<String>) -> Option<PublishedUntil> {
    text.and_then(|it| serde_json::from_str(&it).ok())
}
