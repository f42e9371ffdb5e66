//! A temporary store made from a cluster for one question.
//!
//! Questions about messages need all that the store's own code does: joining, judging, filters,
//! orders. So the events a question can be about are put into a temporary store, and that is
//! asked: the same code gives the same answer.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde_json::json;

use super::client::Cluster;
use super::error::ClusterError;
use super::fetch::{Fetch, of_organization, range_query};
use super::fetch_audit::AuditFetch;
use super::hit::{Source, instant};
use super::meta::Meta;
use super::names::{DocumentKind, Names};
use super::search::total;
use super::spool::{Spool, Spooled, unusable};
use super::view::{CALL, View};
use crate::audit::OtherRecord;
use crate::event::Parser;
use crate::limits;
use crate::store::{
    Appended, Coverage, Location, MessageContent, Preparer, Store, StoreWriter, Whole,
};
use crate::time::{TimeRange, Timestamp};
use crate::timeline::{AuditReach, Who, mail_query, moments_near};
use crate::trace::Reach;

/// One organization in a cluster, as of one instant.
pub struct Mirror<'c> {
    cluster: &'c Cluster,
    names: Names,
    view: View<'c>,
    /// Its audit events, if the question is about them.
    audit: Option<View<'c>>,
    organization: String,
    meta: Meta,
    whole: Whole,
}

/// File names in the temporary directory: the store, a store that knows people alone, and the
/// records that wait to go there.
const STORE: &str = "store";
const KNOWN: &str = "people";
const SPOOL: &str = "records";

impl<'c> Mirror<'c> {
    /// Opens an organization at a point in time.
    pub fn of(
        cluster: &'c Cluster,
        names: &Names,
        organization: &str,
    ) -> Result<Self, ClusterError> {
        let meta = cluster.published(names, organization)?;
        let view = opened(
            cluster,
            names,
            DocumentKind::Events,
            organization,
            meta.whole && meta.newest.is_some(),
        )?;
        let whole = Whole {
            has_removals: meta.removals > 0,
            other_records: meta.others.unwrap_or(0),
            source: format!("{organization} in {}", cluster.url()),
            published: meta.published.and_then(Timestamp::from_ms),
            ..Whole::default()
        };
        let (names, organization) = (names.clone(), organization.to_owned());
        Ok(Self { cluster, names, view, audit: None, organization, meta, whole })
    }

    /// Adds its audit events, for questions about these.
    pub fn with_audit_events(mut self) -> Result<Self, ClusterError> {
        if self.meta.others.is_none() {
            let (organization, url) = (self.organization, self.cluster.url().to_owned());
            return Err(ClusterError::NoOthers { organization, url });
        }
        let (names, has_any) = (&self.names, self.meta.whole && self.meta.access > 0);
        let view = opened(self.cluster, names, DocumentKind::Access, &self.organization, has_any)?;
        self.audit = Some(view);
        Ok(self)
    }

    /// A closure that releases the points in time, when the process is stopped midway.
    pub fn release(&self) -> impl FnMut() + Send + use<> {
        let mut views = [Some(&self.view), self.audit.as_ref()].map(|it| it.map(View::release));
        move || views.iter_mut().flatten().for_each(|it| it())
    }

    /// True if the publishing store has a directory, which decides what is a group there, and the
    /// cluster lacks it.
    pub fn lacks_directory(&self) -> bool {
        self.meta.has_directory && !self.meta.tells_directory()
    }

    /// Measures the whole, which must be done before filling. Returns the newest event that the
    /// clock allows: the "now" of all events.
    pub fn measure(&mut self, now: Timestamp) -> Result<Option<Timestamp>, ClusterError> {
        let last_allowed = now.saturating_add_ms(limits::FUTURE_MS);
        let (first, count) = self.edge("asc", TimeRange::default())?;
        let (last, _) = self.edge("desc", TimeRange::default())?;
        self.whole.span = first.zip(last);
        self.whole.mail_records = count;
        self.whole.newest = last;
        if last.is_some_and(|it| it > last_allowed) {
            let until = Some(last_allowed.saturating_add_ms(1));
            let (newest, _) = self.edge("desc", TimeRange { since: None, until })?;
            self.whole.newest = Some(newest.unwrap_or(last_allowed));
        }
        Ok(self.whole.newest)
    }

    /// The time of the first event of a range in an order, and the number of its events.
    fn edge(
        &mut self,
        order: &str,
        range: TimeRange,
    ) -> Result<(Option<Timestamp>, u64), ClusterError> {
        let body = json!({
            "size": 1,
            "track_total_hits": true,
            "query": of_organization(&self.organization, range_query(range)),
            "_source": ["at"],
            "sort": [{"at": order}],
        });
        let Some(found) = self.view.search(&body)? else { return Ok((None, 0)) };
        Ok((found.pointer("/hits/hits/0/_source/at").and_then(instant), total(&found)?))
    }

    /// Makes a store within `dir` from the events a question can be about. `progress` hears how
    /// many events have come.
    pub fn fill(
        self,
        dir: &Path,
        reach: &Reach,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Store, ClusterError> {
        self.fill_with(dir, Some(reach), &AuditReach::Directory, progress)
    }

    /// The same for questions about audit events, people or the directory, with or without mail.
    pub fn fill_with(
        mut self,
        dir: &Path,
        mail: Option<&Reach>,
        reach: &AuditReach<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Store, ClusterError> {
        let mut spool = self.spool(dir, progress)?;
        let organization = self.organization.as_str();
        if let Some(mail) = mail {
            Fetch::begin(&mut self.view, organization, &mut spool).run(mail)?;
        }
        if let Some(view) = self.audit.as_mut().filter(|_| !matches!(reach, AuditReach::Directory))
        {
            let mut fetch = AuditFetch { view, organization };
            fetch.names(&mut spool)?;
            // Names must be resolved to IDs before their events can be fetched, by the store's
            // own code.
            let path = dir.join(KNOWN);
            write_store(&path, &mut spool, &self.meta)?;
            let known = Store::open(&path)?;
            match reach {
                AuditReach::Directory => {}
                AuditReach::Request(request) => fetch.request(request, &known, &mut spool)?,
                AuditReach::Person { who, range } => {
                    let who = Who::of_store(&known, who, *range)?;
                    fetch.person(&who, *range, &mut spool)?;
                    if let Some(query) = mail_query(&who) {
                        let required = vec![query];
                        let reach = Reach { required, ..Reach::messages(*range) };
                        Fetch::begin(&mut self.view, organization, &mut spool).run(&reach)?;
                    }
                }
                AuditReach::Messages(messages) => {
                    let near: Vec<_> = messages.iter().flat_map(moments_near).collect();
                    fetch.near(&near, &known, &mut spool)?;
                }
            }
        }
        self.finish(dir, spool)
    }

    /// A spool with the directory's records.
    fn spool<'p>(
        &self,
        dir: &Path,
        progress: &'p mut dyn FnMut(u64),
    ) -> Result<Spool<'p>, ClusterError> {
        let mut spool = Spool::create(dir.join(SPOOL), progress)?;
        if self.meta.tells_directory() {
            for statement in self.cluster.statements(&self.names, &self.organization)? {
                spool.take_other(&statement)?;
            }
        }
        Ok(spool)
    }

    /// Makes a store from the fetched records.
    fn finish(self, dir: &Path, mut spool: Spool<'_>) -> Result<Store, ClusterError> {
        // The cluster need not keep the points in time while the store is built.
        drop((self.view, self.audit));
        let path = dir.join(STORE);
        let places = write_store(&path, &mut spool, &self.meta)?;
        std::fs::remove_file(spool.path()).map_err(|error| unusable(spool.path(), &error))?;
        let store = Store::open(&path)?.as_part_of(Whole { places, ..self.whole })?;
        store.ok_or_else(|| unreadable("it has a record twice".to_owned()))
    }
}

/// Opens all indices of a kind at a point in time; they must exist if there is anything in them.
fn opened<'c>(
    cluster: &'c Cluster,
    names: &Names,
    kind: DocumentKind,
    organization: &str,
    has_any: bool,
) -> Result<View<'c>, ClusterError> {
    let view = View::open(cluster, names, kind)?;
    if has_any && !view.is_there() {
        let (alias, organization) = (names.alias(kind), organization.to_owned());
        return Err(ClusterError::MissingIndex { alias, organization });
    }
    Ok(view)
}

/// Writes records into a new store, in order. Returns the original places of those that were
/// added: redacted records may have become equal.
fn write_store(
    path: &Path,
    spool: &mut Spool<'_>,
    meta: &Meta,
) -> Result<Vec<Location>, ClusterError> {
    let spool_path = spool.path().to_owned();
    let spooled = spool.sorted()?;
    let mut writer = StoreWriter::open_or_create(path)?;
    for (log_group, ranges) in meta.coverage.iter().flat_map(Coverage::groups) {
        ranges.iter().for_each(|it| writer.cover(log_group, *it));
    }
    let file = File::open(&spool_path).map_err(|error| unusable(&spool_path, &error))?;
    let mut preparer = writer.preparers().preparer();
    let mut parser = Parser::new();
    let (mut line, mut batch_bytes) = (Vec::new(), 0);
    let (mut places, mut batch) = (Vec::with_capacity(spooled.len()), Vec::new());
    for Spooled { place, offset, bytes, is_mail } in spooled {
        line.resize(usize::try_from(*bytes).expect("it was written from memory"), 0);
        let read = file.read_exact_at(&mut line, *offset);
        read.map_err(|error| unusable(&spool_path, &error))?;
        let source: Source =
            serde_json::from_slice(&line).map_err(|error| unreadable(error.to_string()))?;
        add(source, *is_mail, &mut parser, &mut preparer)?;
        batch.push(*place);
        batch_bytes += line.len();
        if batch_bytes >= limits::CLUSTER_MIRROR_BATCH_BYTES {
            let appended = writer.append(vec![preparer.finish()?])?;
            places.extend(added(&mut batch, &appended));
            batch_bytes = 0;
        }
    }
    let appended = writer.append(vec![preparer.finish()?])?;
    places.extend(added(&mut batch, &appended));
    writer.close()?;
    Ok(places)
}

/// Adds one record to a batch.
fn add(
    source: Source,
    is_mail: bool,
    parser: &mut Parser,
    preparer: &mut Preparer,
) -> Result<(), ClusterError> {
    let record = source.into_record();
    let record = record.ok_or_else(|| unreadable("a record without a time".to_owned()))?;
    if is_mail {
        let event = parser.parse(&record.message).map_err(|error| unreadable(error.to_string()))?;
        preparer.take(None, &record, None, &MessageContent::Mail(&event));
    } else {
        let other = OtherRecord::parse(&record.message);
        let other = other.ok_or_else(|| unreadable("a record of an unknown kind".to_owned()))?;
        preparer.take(None, &record, None, &MessageContent::Other(&other));
    }
    Ok(())
}

/// The places of a batch's records that were added.
fn added(batch: &mut Vec<Location>, appended: &[Appended]) -> Vec<Location> {
    let mut index = 0;
    batch.retain(|_| {
        let is_known = appended.iter().any(|it| it.duplicate_indices.binary_search(&index).is_ok());
        index += 1;
        !is_known
    });
    std::mem::take(batch)
}

fn unreadable(detail: String) -> ClusterError {
    ClusterError::Incomprehensible { call: CALL.to_owned(), detail }
}
