//! Compares a cluster with the store, by day.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::client::Cluster;
use super::cursor::{PublishedUntil, cursor_name};
use super::document::{Author, ClusterDocument};
use super::error::ClusterError;
use super::made::{Made, Maker};
use super::names::{DocumentKind, Names};
use super::publish::PublishOptions;
use super::search::buckets;
use crate::limits;
use crate::store::{Location, Store};
use crate::time::Timestamp;

/// A number of documents, and the sum of their checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DocumentSum {
    /// The number of documents.
    pub count: u64,
    /// The sum of their checks, each of 24 bits.
    pub check: u64,
}

/// A day on which the cluster differs from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferingDay {
    /// `events`, `rows`, `access` (audit events) or `directory`.
    pub kind: &'static str,
    /// The beginning of the day, in UTC.
    pub day: Timestamp,
    pub store: DocumentSum,
    pub cluster: DocumentSum,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedCluster {
    /// The days compared, those of events and those of rows.
    pub days: u64,
    pub events: u64,
    pub rows: u64,
    /// Audit events in the store.
    pub access: u64,
    /// Records of the directory in the store.
    pub directory: u64,
    /// The days that differ.
    pub differing: Vec<DifferingDay>,
}

type Sums = BTreeMap<(DocumentKind, i64), DocumentSum>;

/// Compares counts and checks by day. The day is that of an event or a record, or of a message's
/// first event.
pub fn verify_publication(
    store: &Store,
    cluster: &Cluster,
    options: &PublishOptions<'_>,
) -> Result<VerifiedCluster, ClusterError> {
    let name = cursor_name(&cluster.identity()?, &options.names, &options.organization);
    let cursor = PublishedUntil::peek(store, &name)?.unwrap_or_default();
    let (from, others_from) = cursor.acknowledged.next();
    let count = store.records_from(from, others_from)?.map(|it| it.len() as u64).sum();
    // The two could only differ; that says nothing of what was published.
    if count > 0 || cursor.removals != store.checkpoint().tombstones.len() {
        return Err(ClusterError::NotPublished { count });
    }
    if cursor.redaction != options.redaction() {
        return Err(ClusterError::other_redaction(cursor.redaction));
    }
    let here = of_store(store, options, cursor.since_ms)?;
    let mut there = Sums::new();
    for kind in DocumentKind::ALL {
        cluster.refresh(&options.names, kind)?;
        cluster.add_days(options, kind, &mut there)?;
    }
    let of = |sums: &Sums, kind| {
        sums.range((kind, i64::MIN)..=(kind, i64::MAX)).map(|(_, it)| it.count).sum()
    };
    let mut verified = VerifiedCluster {
        days: here.len() as u64,
        events: of(&here, DocumentKind::Events),
        rows: of(&here, DocumentKind::Rows),
        access: of(&here, DocumentKind::Access),
        directory: of(&here, DocumentKind::Directory),
        differing: Vec::new(),
    };
    let days: std::collections::BTreeSet<_> = here.keys().chain(there.keys()).collect();
    for key @ (kind, day) in days {
        let sum = |sums: &Sums| sums.get(key).copied().unwrap_or_default();
        let (store, cluster) = (sum(&here), sum(&there));
        if store != cluster {
            let day = Timestamp::from_ms(day.saturating_mul(DAY_MS)).unwrap_or(options.now);
            verified.differing.push(DifferingDay { kind: kind.as_str(), day, store, cluster });
        }
    }
    Ok(verified)
}

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn of_store(
    store: &Store,
    options: &PublishOptions<'_>,
    since_ms: Option<i64>,
) -> Result<Sums, ClusterError> {
    // Checks do not depend on store and number, so neither is needed.
    let author =
        Author { organization: options.organization.clone(), store: String::new(), commit: 0 };
    let people = options.people(store)?;
    let maker = Maker {
        store,
        author: &author,
        names: &options.names,
        redactor: options.redactor,
        people: people.as_ref(),
        since: since_ms.and_then(Timestamp::from_ms),
    };
    let mut sums = Sums::new();
    let from = Location::default();
    for places in store.records_from(from, from)? {
        for slice in places.chunks(limits::CLUSTER_SLICE_EVENTS) {
            maker.for_each_made(slice, from, &mut |made| {
                match made {
                    Made::Record(kind, document) => add(&mut sums, kind, &document),
                    Made::Rows(rows, _) => {
                        rows.iter().for_each(|it| add(&mut sums, DocumentKind::Rows, it));
                    }
                }
                Ok(())
            })?;
        }
    }
    Ok(sums)
}

fn add(sums: &mut Sums, kind: DocumentKind, document: &ClusterDocument) {
    let sum = sums.entry((kind, document.day)).or_default();
    sum.count += 1;
    sum.check += u64::from(document.check);
}

impl Cluster {
    fn add_days(
        &self,
        options: &PublishOptions<'_>,
        kind: DocumentKind,
        sums: &mut Sums,
    ) -> Result<(), ClusterError> {
        let names: &Names = &options.names;
        let field = kind.time_field();
        let mut after: Option<Value> = None;
        loop {
            let day = json!({"date_histogram": {"field": field, "fixed_interval": "1d"}});
            let mut composite = json!({
                "size": limits::CLUSTER_DAYS_PAGE,
                "sources": [{"day": day}],
            });
            if let (Some(after), Value::Object(composite)) = (&after, &mut composite) {
                composite.insert("after".to_owned(), after.clone());
            }
            let query = json!({
                "size": 0,
                "track_total_hits": false,
                "query": {"term": {"organization": options.organization}},
                "aggs": {"days": {
                    "composite": composite,
                    "aggs": {"check": {"sum": {"field": "check"}}},
                }},
            });
            let Some(mut found) = self.search(names, kind, "_search", &query)? else {
                return Ok(());
            };
            let (days, next) = buckets(&mut found, "days")?;
            for day in days {
                let (key, count) = (day.pointer("/key/day"), day.get("doc_count"));
                let check = day.pointer("/check/value").and_then(Value::as_f64);
                let day = key.and_then(Value::as_i64).zip(count.and_then(Value::as_u64));
                let Some(((day_ms, count), check)) = day.zip(check) else {
                    let call = format!("POST /{}/_search", names.alias(kind));
                    return Err(ClusterError::SomethingElse { call, than: "sums by day" });
                };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a sum of whole numbers that a double holds exactly"
                )]
                let check = check as u64;
                sums.insert((kind, day_ms.div_euclid(DAY_MS)), DocumentSum { count, check });
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
