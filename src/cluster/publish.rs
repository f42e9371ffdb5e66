//! Publishing a store into a cluster, once and whole.
//!
//! New records are sent in slices. Before a slice is sent, its number is reserved in the cluster
//! by compare and swap; that number is the version of every document of the slice. So a slice
//! that is sent again replaces what a crash left of it, and nothing older replaces anything
//! newer. The cursor moves once every document of the slice is acknowledged, which is when it is
//! on the cluster's disks.

use std::collections::{BTreeSet, HashSet};

use super::bulk::{Bulk, BulkTally, Foreign};
use super::client::Cluster;
use super::cursor::{Again, PublishedUntil, cursor_name};
use super::document::{Author, ClusterDocument, digest};
use super::error::ClusterError;
use super::made::{Made, Maker};
use super::meta::{Known, Meta};
use super::names::{DocumentKind, Names};
use super::plan::Plan;
use crate::access::People;
use crate::export::Redactor;
use crate::limits;
use crate::stop::Stop;
use crate::store::{EventPlace, Location, Published, RecordPlace, Store, read_published};
use crate::time::Timestamp;

#[derive(Clone)]
pub struct PublishOptions<'r> {
    /// The names of the indices.
    pub names: Names,
    /// The organization, a field of each document.
    pub organization: String,
    /// Leaves out events that are older.
    pub since: Option<Timestamp>,
    /// Sends everything again, and removes the rest.
    pub is_again: bool,
    /// Publishes in the place of another store.
    pub takes_over: bool,
    /// Replaces addresses, subjects or both by pseudonyms.
    pub redactor: Option<&'r Redactor>,
    pub now: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishReport {
    /// The number up to which everything is published.
    pub commit: u64,
    /// Events that were sent, or would be with a dry run.
    pub events: u64,
    pub rows: u64,
    pub access: u64,
    /// Records of the directory that were sent, or would be.
    pub directory: u64,
    pub removed: u64,
    /// Documents that were already in the cluster.
    pub known: u64,
    /// Documents that the cluster refused for good. They are in `rejected/`.
    pub refused: u64,
    /// Events without rows, because too many events are connected with them.
    pub without_rows: u64,
    pub bytes: u64,
    /// Requests that had to be repeated.
    pub retried: u64,
    /// The reason for sending everything again, unless the caller asked for it.
    pub again_because: Option<&'static str>,
}

impl PublishOptions<'_> {
    /// The owners of the IDs in audit events, where these are redacted.
    pub(super) fn people(&self, store: &Store) -> Result<Option<People>, ClusterError> {
        let is_asked = self.redactor.is_some_and(Redactor::is_for_audit_events);
        Ok(if is_asked { Some(People::of_store(store)?) } else { None })
    }

    /// Describes the redaction, so that two different ones, or one and none, differ as texts.
    pub(super) fn redaction(&self) -> Option<String> {
        let redacted = self.redactor?.describe();
        let what = [
            redacted.addresses.then_some("addresses"),
            redacted.subjects.then_some("subjects"),
            redacted.domains_kept.then_some("domains kept"),
        ];
        let what: Vec<&str> = what.into_iter().flatten().collect();
        Some(format!("{}, key check {}", what.join(", "), redacted.key_check))
    }
}

impl PublishReport {
    fn add(&mut self, tally: &BulkTally) {
        self.removed += tally.removed;
        self.known += tally.known;
        self.refused += tally.refused.len() as u64;
        self.bytes += tally.bytes;
    }
}

/// The progress of a publication.
#[derive(Clone, Copy, Debug)]
pub struct PublishProgress {
    pub events: u64,
    pub bytes: u64,
}

/// Counts the documents a publication would send. Nothing is written, here or there.
pub fn plan_publication(
    store: &Store,
    cluster: &Cluster,
    options: &PublishOptions<'_>,
) -> Result<PublishReport, ClusterError> {
    let name = cursor_name(&cluster.identity()?, &options.names, &options.organization);
    let cursor = PublishedUntil::peek(store, &name)?;
    let store_name = read_published(store, Published::NAME)?.unwrap_or_default();
    let known = cluster.meta(&options.names, &options.organization)?;
    let (cursor, meta) = (cursor.as_ref(), known.meta.as_ref());
    let people = options.people(store)?;
    let digest = people.as_ref().map(digest_of);
    let options = (options, digest.as_deref());
    let plan = Plan::make(store, store_name.trim(), cursor, meta, options, cluster)?;
    let mut report = PublishReport { commit: plan.commit, ..PublishReport::default() };
    report.again_because = plan.why;
    for places in store.records_from(plan.from, plan.others_from)? {
        let of_mail = places.iter().filter(|it| it.is_mail).count();
        report.events += of_mail as u64;
        report.access += (places.len() - of_mail) as u64;
    }
    let of_directory = store.directory_records()?;
    let is_new = |it: &&EventPlace| it.location >= plan.others_from;
    report.directory = of_directory.iter().filter(is_new).count() as u64;
    report.access = report.access.saturating_sub(report.directory);
    if people.is_some() {
        report.directory = 0;
    }
    Ok(report)
}

/// A digest of all known names of people. It changes when more is known.
fn digest_of(people: &People) -> String {
    let mut text = Vec::new();
    for (id, since_ms, name) in people.names() {
        text.extend_from_slice(digest(&[id.as_bytes(), name.as_bytes()]).as_bytes());
        text.extend_from_slice(&since_ms.to_le_bytes());
    }
    digest(&[&text])
}

/// Publishes what is new in a store, or everything.
///
/// # Errors
///
/// [`ClusterError`]; what was acknowledged before counts, and the next publication goes on there.
pub fn publish(
    store: &Store,
    cluster: &Cluster,
    options: &PublishOptions<'_>,
    stop: &Stop,
    progress: &mut dyn FnMut(PublishProgress),
) -> Result<PublishReport, ClusterError> {
    let published = Published::open(store.path())?;
    let store_name = published.store_name()?;
    let name = cursor_name(&cluster.identity()?, &options.names, &options.organization);
    let cursor = PublishedUntil::read(&published, &name)?;
    cluster.install_templates(&options.names)?;
    let known = cluster.meta(&options.names, &options.organization)?;
    let people = options.people(store)?;
    let people_digest = people.as_ref().map(digest_of);
    let asked = (options, people_digest.as_deref());
    let plan =
        Plan::make(store, &store_name, cursor.as_ref(), known.meta.as_ref(), asked, cluster)?;
    let again_because = plan.why;
    let mut cursor = cursor.unwrap_or_default();
    // New names of people move it back, so that all audit events are sent again. While everything
    // is sent again, `cursor.again` holds the position instead.
    if plan.again.is_none() {
        cursor.acknowledged.set_others_next(plan.others_from);
    }
    cursor.people = people_digest;
    cluster.url().clone_into(&mut cursor.url);
    cursor.organization.clone_from(&options.organization);
    cursor.since_ms = plan.since_ms;
    cursor.redaction = options.redaction();
    let mut publication = Publication {
        store,
        cluster,
        options,
        published,
        name,
        author: Author {
            organization: options.organization.clone(),
            store: store_name,
            commit: plan.commit,
        },
        cursor,
        // Not secret, only unlike another run's: it identifies our own write of the meta document
        // when the answer to the compare and swap was lost.
        nonce: digest(&[
            format!("{:?} {}", std::time::Instant::now(), std::process::id()).as_bytes()
        ]),
        known,
        people,
        has_directory: store.directory().is_some(),
        access: store.other_records().saturating_sub(store.directory_records()?.len() as u64),
        prepared: BTreeSet::new(),
        foreign: Foreign::default(),
        report: PublishReport { again_because, ..PublishReport::default() },
    };
    publication.run(plan, stop, progress)?;
    let Publication { mut report, author, .. } = publication;
    report.commit = author.commit;
    report.retried = cluster.retried();
    Ok(report)
}

/// A publication under way.
struct Publication<'p> {
    store: &'p Store,
    cluster: &'p Cluster,
    options: &'p PublishOptions<'p>,
    published: Published,
    /// The cursor's file name.
    name: String,
    author: Author,
    cursor: PublishedUntil,
    nonce: String,
    known: Known,
    /// The owners of the IDs in audit events, where these are redacted.
    people: Option<People>,
    /// True if the store has a directory.
    has_directory: bool,
    /// The number of audit events in the store.
    access: u64,
    /// The indices that were checked against their templates.
    prepared: BTreeSet<String>,
    /// Documents written by others, in all slices.
    foreign: Foreign,
    report: PublishReport,
}

impl Publication<'_> {
    fn run(
        &mut self,
        mut plan: Plan,
        stop: &Stop,
        progress: &mut dyn FnMut(PublishProgress),
    ) -> Result<(), ClusterError> {
        // With `--again`, foreign documents are overwritten by another round under a greater
        // number. Whoever writes all the time would make that endless, hence the bound.
        for _ in 0..limits::CLUSTER_AGAIN_MAX {
            self.foreign = Foreign::default();
            self.send_all(&plan, stop, progress)?;
            if self.foreign.count == 0 {
                return self.finish();
            }
            // Our next number exceeds every foreign version.
            self.author.commit = self.author.commit.max(self.foreign.version);
            let first = self.author.commit + 1;
            plan.again = Some(Again::from(first));
            (plan.from, plan.others_from) = Default::default();
        }
        Err(ClusterError::NeverOurs { named: self.foreign.named.join(", ") })
    }

    fn send_all(
        &mut self,
        plan: &Plan,
        stop: &Stop,
        progress: &mut dyn FnMut(PublishProgress),
    ) -> Result<(), ClusterError> {
        // Rows go stale only where an earlier publication wrote some. A full run needs no sweep
        // for each slice, because `sweep_older` removes everything older at its end.
        let sweeps = plan.again.is_none() && self.has_rows()?;
        let mut again = plan.again;
        for places in self.store.records_from(plan.from, plan.others_from)? {
            for slice in places.chunks(limits::CLUSTER_SLICE_EVENTS) {
                if stop.is_requested() {
                    return Err(ClusterError::Stopped);
                }
                let Some(last) = slice.last() else { continue };
                // Before anything is sent: a crash may leave documents under a number, but never
                // under one that a later run takes for unused.
                self.reserve()?;
                let legs = self.send(slice, plan.from)?;
                if sweeps && !legs.is_empty() {
                    self.sweep_legs(&legs)?;
                }
                self.settle(plan.again.is_some())?;
                let next = Location::from_bits(last.location.to_bits() + 1);
                match &mut again {
                    Some(again) => again.acknowledged.advance(next),
                    None => self.cursor.acknowledged.advance(next),
                }
                self.cursor.again = again;
                // The plan takes all removals so far into account.
                self.cursor.removals = self.store.checkpoint().tombstones.len();
                self.cursor.commit = self.author.commit;
                // Only after the slice is acknowledged, item by item: the cursor may be behind
                // the cluster, which costs a repetition, but never ahead, which would lose
                // documents.
                self.cursor.keep(&self.published, &self.name)?;
                let (events, bytes) = (self.report.events, self.report.bytes);
                progress(PublishProgress { events, bytes });
            }
        }
        // Only once everything has been written again are the documents with smaller numbers
        // those that the store no longer has.
        if let Some(again) = plan.again {
            self.reserve()?;
            self.sweep_older(again.first_commit)?;
            self.settle(true)?;
        }
        Ok(())
    }

    /// Records that everything is published.
    fn finish(&mut self) -> Result<(), ClusterError> {
        let checkpoint = self.store.checkpoint();
        self.cursor.again = None;
        self.cursor.acknowledged.end_at(self.store.end());
        self.cursor.removals = checkpoint.tombstones.len();
        self.cursor.commit = self.author.commit;
        // The cursor is written before the meta document: a crash in between leaves a meta that
        // is behind the cursor, which the next run accepts. A meta ahead of it looks like a store
        // put back from an older copy.
        self.cursor.keep(&self.published, &self.name)?;
        for kind in DocumentKind::ALL {
            self.cluster.refresh(&self.options.names, kind)?;
        }
        let meta = Meta { commit: self.author.commit, ..self.meta() };
        // A follower that finds nothing new must not write the meta document each time: only the
        // time and the run would differ.
        let same = |known: &Meta| {
            Meta { published: meta.published, publisher: meta.publisher.clone(), ..known.clone() }
                == meta
        };
        if self.known.meta.as_ref().is_some_and(same) {
            return Ok(());
        }
        self.cluster.write_meta(&self.options.names, &mut self.known, meta)
    }

    fn meta(&self) -> Meta {
        let last = self.options.now.saturating_add_ms(limits::FUTURE_MS);
        let newest = self.store.time_span().map(|_| self.store.newest_until(last).unwrap_or(last));
        Meta {
            organization: self.options.organization.clone(),
            store: self.author.store.clone(),
            publisher: self.nonce.clone(),
            reserved: self.author.commit,
            // Not the reserved number: readers take `commit` as whole.
            commit: self.known.meta.as_ref().map_or(0, |it| it.commit),
            newest: newest.map(Timestamp::as_ms),
            published: Some(self.options.now.as_ms()),
            removals: self.store.checkpoint().tombstones.len() as u64,
            coverage: Some(self.store.checkpoint().ledger.coverage.clone()),
            redaction: self.options.redaction(),
            has_directory: self.has_directory,
            others: Some(self.store.other_records()),
            access: self.access,
            whole: self.cursor.since_ms.is_none(),
            lacks_directory: self.has_directory && self.people.is_some(),
        }
    }

    /// Reserves the next number for this store alone.
    fn reserve(&mut self) -> Result<(), ClusterError> {
        self.author.commit += 1;
        // The cluster's state is that of its last whole publication, so only `reserved` moves
        // here.
        let known = self.known.meta.clone().unwrap_or_default();
        let Meta { newest, published, coverage, removals, commit, others, access, .. } = known;
        let meta =
            Meta { newest, published, coverage, removals, commit, others, access, ..self.meta() };
        self.cluster.write_meta(&self.options.names, &mut self.known, meta)
    }

    /// Sends the records at some places, and the rows of the messages they changed. Returns the
    /// keys of these messages' legs.
    fn send(
        &mut self,
        slice: &[RecordPlace],
        from: Location,
    ) -> Result<HashSet<String>, ClusterError> {
        let mut bulk = Bulk::new(self.cluster, &self.author);
        let names = &self.options.names;
        let maker = Maker {
            store: self.store,
            author: &self.author,
            names,
            redactor: self.options.redactor,
            people: self.people.as_ref(),
            since: self.cursor.since_ms.and_then(Timestamp::from_ms),
        };
        let (mut legs, mut rows) = (HashSet::new(), 0);
        let counts = maker.for_each_made(slice, from, &mut |made| {
            let (kind, documents) = match made {
                Made::Record(kind, document) => (kind, vec![document]),
                Made::Rows(documents, of_legs) => {
                    legs.extend(of_legs);
                    (DocumentKind::Rows, documents)
                }
            };
            for document in documents {
                prepare(self.cluster, names, &mut self.prepared, kind, &document)?;
                rows += u64::from(kind == DocumentKind::Rows);
                bulk.write(document)?;
            }
            Ok(())
        })?;
        self.report.events += counts.events;
        self.report.access += counts.access;
        self.report.directory += counts.directory;
        self.report.without_rows += counts.without_rows;
        self.report.rows += rows;
        bulk.flush()?;
        self.take(&bulk.tally)?;
        Ok(legs)
    }

    /// Adds up a bulk's tally. Refused documents are kept on disk at once.
    fn take(&mut self, tally: &BulkTally) -> Result<(), ClusterError> {
        let source = format!("publish to {}", self.cluster.url());
        self.published.reject(&source, &tally.refused)?;
        let Foreign { count, named, version } = &tally.foreign;
        self.foreign.count += count;
        self.foreign.version = self.foreign.version.max(*version);
        let left = limits::CLUSTER_NAMED_MAX.saturating_sub(self.foreign.named.len());
        self.foreign.named.extend(named.iter().take(left).cloned());
        self.report.add(tally);
        Ok(())
    }

    /// Fails if others wrote documents, unless ours are about to replace them.
    fn settle(&self, is_again: bool) -> Result<(), ClusterError> {
        if is_again || self.foreign.count == 0 {
            return Ok(());
        }
        Err(ClusterError::Foreign {
            count: self.foreign.count,
            named: self.foreign.named.join(", "),
            version: self.foreign.version,
        })
    }

    fn has_rows(&self) -> Result<bool, ClusterError> {
        let names = &self.options.names;
        self.cluster.refresh(names, DocumentKind::Rows)?;
        Ok(self.cluster.count(names, DocumentKind::Rows, &self.options.organization)? > 0)
    }

    /// Removes rows of some legs that were not written under this number: of messages that were
    /// joined or split, or whose first event now belongs to another month.
    fn sweep_legs(&mut self, legs: &HashSet<String>) -> Result<(), ClusterError> {
        let names = &self.options.names;
        // A search does not see what is not refreshed yet, and would miss stale rows of the slice
        // before.
        self.cluster.refresh(names, DocumentKind::Rows)?;
        let legs: Vec<&String> = legs.iter().collect();
        for legs in legs.chunks(limits::CLUSTER_TERMS_MAX) {
            let mut bulk = Bulk::new(self.cluster, &self.author);
            let of_legs = serde_json::json!({"terms": {"legs": legs}});
            self.cluster.remove_older(
                names,
                DocumentKind::Rows,
                self.author.commit,
                Some(&of_legs),
                &mut bulk,
            )?;
            self.take(&bulk.tally)?;
        }
        Ok(())
    }

    /// Removes all documents with a smaller number.
    fn sweep_older(&mut self, first_commit: u64) -> Result<(), ClusterError> {
        for kind in DocumentKind::ALL {
            let names = &self.options.names;
            self.cluster.refresh(names, kind)?;
            let mut bulk = Bulk::new(self.cluster, &self.author);
            self.cluster.remove_older(names, kind, first_commit, None, &mut bulk)?;
            self.take(&bulk.tally)?;
        }
        Ok(())
    }
}

/// Makes and checks the index of a document, once in a publication.
fn prepare(
    cluster: &Cluster,
    names: &Names,
    prepared: &mut BTreeSet<String>,
    kind: DocumentKind,
    document: &ClusterDocument,
) -> Result<(), ClusterError> {
    if prepared.contains(&document.index) {
        return Ok(());
    }
    cluster.prepare_index(names, kind, &document.index)?;
    prepared.insert(document.index.clone());
    Ok(())
}
