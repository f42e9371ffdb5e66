//! What is to be published: what is new, or everything.

use super::client::Cluster;
use super::cursor::{Again, Cursor};
use super::error::ClusterError;
use super::meta::Meta;
use super::publish::PublishOptions;
use crate::store::{Location, Store};
use crate::time::Timestamp;

/// What is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The first place that is.
    pub(super) from: Location,
    /// Everything is sent again; with how far that has got before.
    pub(super) again: Option<Again>,
    /// Why everything is sent, where nobody has asked for it.
    pub(super) why: Option<&'static str>,
    /// The greatest number that may have been used.
    pub(super) commit: u64,
    pub(super) since_ms: Option<i64>,
}

impl Plan {
    /// Compares what the store remembers with what the cluster says.
    pub(super) fn make(
        store: &Store,
        store_name: &str,
        cursor: Option<&Cursor>,
        meta: Option<&Meta>,
        options: &PublishOptions<'_>,
        cluster: &Cluster,
    ) -> Result<Self, ClusterError> {
        let other = meta.filter(|it| it.store != store_name);
        if let Some(other) = other.filter(|_| !options.takes_over) {
            return Err(ClusterError::OtherStore {
                organization: options.organization.clone(),
                url: cluster.url().to_owned(),
                store: other.store.clone(),
            });
        }
        let used = [
            cursor.map(|it| it.commit),
            cursor.and_then(|it| it.again).map(|it| it.first_commit),
            meta.map(|it| it.reserved),
            meta.map(|it| it.commit),
        ];
        let commit = used.into_iter().flatten().max().unwrap_or_default();
        let since_ms = options.since.map(Timestamp::as_ms);
        let kept_since_ms = cursor.and_then(|it| it.since_ms);
        let all = |why| {
            let again = Again::from(commit + 1, Location::default());
            let from = Location::default();
            Ok(Self { from, again: Some(again), why, commit, since_ms })
        };
        if options.is_again || other.is_some() {
            return all(None);
        }
        let out_of_step = |why: String| Err(ClusterError::OutOfStep { why });
        let (cursor, meta) = match (cursor, meta) {
            (None, None) => {
                return Ok(Self {
                    from: Location::default(),
                    again: None,
                    why: None,
                    commit,
                    since_ms,
                });
            }
            (None, Some(_)) => {
                return all(Some("the store does not say how far it was published"));
            }
            (Some(cursor), None) => {
                return out_of_step(format!(
                    "the cluster does not know what was published up to number {}: its indices were deleted, or put back from an older snapshot",
                    cursor.commit
                ));
            }
            (Some(cursor), Some(meta)) => (cursor, meta),
        };
        if meta.commit > cursor.commit {
            return out_of_step(format!(
                "the cluster has this store up to number {}, and the store remembers {}: it was put back from an older copy, or a copy of it publishes as well",
                meta.commit, cursor.commit
            ));
        }
        if meta.reserved < cursor.commit {
            return out_of_step(format!(
                "the cluster knows of number {}, and {} was published to it: it was put back from an older snapshot",
                meta.reserved, cursor.commit
            ));
        }
        if cursor.redaction != options.redaction() {
            return Err(ClusterError::other_redaction(cursor.redaction.clone()));
        }
        if since_ms.is_some() && since_ms != kept_since_ms {
            return out_of_step(
                "--since is not what it was when this was published first".to_owned(),
            );
        }
        let since_ms = kept_since_ms;
        if cursor.removals != store.checkpoint().tombstones.len() {
            // What is gone from the store is to go from the cluster, and places have moved.
            return Ok(Self {
                since_ms,
                ..all(Some("records were removed from the store since the last publication"))?
            });
        }
        if let Some(again) = cursor.again {
            let why = Some("sending everything again was cut off, and goes on");
            return Ok(Self { from: again.next(), again: Some(again), why, commit, since_ms });
        }
        let from = cursor.next();
        if store.end() < from {
            return out_of_step("the store ends before what was published of it".to_owned());
        }
        Ok(Self { from, again: None, why: None, commit, since_ms })
    }
}
