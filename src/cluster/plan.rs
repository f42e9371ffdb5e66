//! The plan of a publication: new records only, or everything.

use super::client::Cluster;
use super::cursor::{Again, PublishedUntil};
use super::error::ClusterError;
use super::meta::Meta;
use super::publish::PublishOptions;
use crate::store::{Location, Store};
use crate::time::Timestamp;

/// The contents of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The first place of an email event to send.
    pub(super) from: Location,
    /// The first place of another record to send.
    pub(super) others_from: Location,
    /// Set if everything is sent again, with the progress so far.
    pub(super) again: Option<Again>,
    /// The reason for sending everything, unless the caller asked for it.
    pub(super) why: Option<&'static str>,
    /// The greatest number that may have been used.
    pub(super) commit: u64,
    pub(super) since_ms: Option<i64>,
}

impl Plan {
    /// Compares the store's cursor with the cluster's meta document.
    pub(super) fn make(
        store: &Store,
        store_name: &str,
        cursor: Option<&PublishedUntil>,
        meta: Option<&Meta>,
        (options, people): (&PublishOptions<'_>, Option<&str>),
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
        // Every number that was ever reserved counts, even if nothing was acknowledged under it:
        // documents may have been written, and a smaller number would not replace them.
        let used = [
            cursor.map(|it| it.commit),
            cursor.and_then(|it| it.again).map(|it| it.first_commit),
            meta.map(|it| it.reserved),
            meta.map(|it| it.commit),
        ];
        let commit = used.into_iter().flatten().max().unwrap_or(0);
        let since_ms = options.since.map(Timestamp::as_ms);
        let kept_since_ms = cursor.and_then(|it| it.since_ms);
        let first = Location::default();
        let plan = |(from, others_from), again, why| {
            Ok(Self { from, others_from, again, why, commit, since_ms })
        };
        let all = |why| plan((first, first), Some(Again::from(commit + 1)), why);
        if options.is_again || other.is_some() {
            return all(None);
        }
        let out_of_step = |why: String| Err(ClusterError::OutOfStep { why });
        let (cursor, meta) = match (cursor, meta) {
            // Only a first publication starts without a sweep. Without a cursor nobody knows what
            // the cluster has from before, so the rest must be removed at the end.
            (None, None) => return plan((first, first), None, None),
            (None, Some(_)) => {
                return all(Some("the store does not record how far it was published"));
            }
            (Some(cursor), None) => {
                return out_of_step(format!(
                    "the cluster does not know what was published up to number {}: its indices were deleted, or restored from an older snapshot",
                    cursor.commit
                ));
            }
            (Some(cursor), Some(meta)) => (cursor, meta),
        };
        // The cluster may have records that this store has lost, and going on would leave them
        // there.
        if meta.commit > cursor.commit {
            return out_of_step(format!(
                "the cluster has this store up to number {}, and the store remembers {}: it was restored from an older copy, or a copy of it publishes too",
                meta.commit, cursor.commit
            ));
        }
        if meta.reserved < cursor.commit {
            return out_of_step(format!(
                "the cluster knows of number {}, and {} was published to it: it was restored from an older snapshot",
                meta.reserved, cursor.commit
            ));
        }
        if cursor.redaction != options.redaction() {
            return Err(ClusterError::other_redaction(cursor.redaction.clone()));
        }
        if since_ms.is_some() && since_ms != kept_since_ms {
            return out_of_step("--since differs from when this was first published".to_owned());
        }
        let since_ms = kept_since_ms;
        if cursor.removals != store.checkpoint().tombstones.len() {
            // Removed records must go from the cluster as well, and places have moved.
            return Ok(Self {
                since_ms,
                ..all(Some("records were removed from the store since the last publication"))?
            });
        }
        // Redacted audit events name people by what the store knows of them.
        let is_told_anew = cursor.people.as_deref() != people;
        if let Some(mut again) = cursor.again {
            if is_told_anew {
                // In its own progress too, which only ever advances: cut off once more, it would
                // go on behind events that still have the old names.
                again.acknowledged.set_others_next(first);
            }
            let why = Some("sending everything again was interrupted, and continues");
            return Ok(Self { since_ms, ..plan(again.acknowledged.next(), Some(again), why)? });
        }
        let (from, others_from) = cursor.acknowledged.next();
        if store.end() < from.max(others_from) {
            return out_of_step(
                "the store ends before the end of what was published from it".to_owned(),
            );
        }
        let others_from = if is_told_anew { first } else { others_from };
        Ok(Self { since_ms, ..plan((from, others_from), None, None)? })
    }
}
