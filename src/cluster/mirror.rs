//! A store made out of what a cluster has, for the length of one question.
//!
//! What is asked of messages needs all that the store's own code does: joining, judging, filters,
//! orders. So the events that a question can be about are put into a temporary store, and that is
//! asked: the same code gives the same answer.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::client::Cluster;
use super::error::ClusterError;
use super::fetch::{Fetch, Spooled, of_organization, range_query, unusable};
use super::hit::{Source, instant};
use super::meta::Meta;
use super::names::{Kind, Names};
use super::view::{CALL, View};
use crate::event::Parser;
use crate::limits;
use crate::store::{Appended, Location, Store, StoreWriter, Whole};
use crate::time::{TimeRange, Timestamp};
use crate::trace::Reach;

/// What a cluster has of one organization, as of one instant.
pub struct Mirror<'c> {
    view: View<'c>,
    organization: String,
    meta: Meta,
    whole: Whole,
}

/// The name of the temporary store in its directory, and of what waits to go there.
const STORE: &str = "store";
const SPOOL: &str = "events";

impl<'c> Mirror<'c> {
    /// Takes what a cluster has of an organization, as it is now.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NoOrganization`] where nothing of it was published, and the others.
    pub fn of(
        cluster: &'c Cluster,
        names: &Names,
        organization: &str,
    ) -> Result<Self, ClusterError> {
        let meta = cluster.published(names, organization)?;
        let view = View::open(cluster, names, Kind::Events)?;
        let whole = Whole { has_removals: meta.removals > 0, ..Whole::default() };
        Ok(Self { view, organization: organization.to_owned(), meta, whole })
    }

    /// What lets go of what is held in the cluster, for whoever is stopped in the middle.
    pub fn release(&self) -> impl FnMut() + Send + use<> {
        self.view.release()
    }

    /// Whether the store that publishes it has a directory, which decides what is a group there, and
    /// is not in the cluster.
    #[must_use]
    pub fn lacks_directory(&self) -> bool {
        self.meta.has_directory
    }

    /// Measures how much there is, which is to be done first. Gives the newest event that the clock
    /// allows: what "now" is to the events.
    ///
    /// # Errors
    ///
    /// [`ClusterError`].
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

    /// The time of the first event of a range in an order, and how many events it has.
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
        let found = self.view.search(&body)?.unwrap_or_default();
        let at = found.pointer("/hits/hits/0/_source/at").and_then(instant);
        let count = found.pointer("/hits/total/value").and_then(Value::as_u64);
        Ok((at, count.unwrap_or_default()))
    }

    /// Makes a store within `dir` out of what a question can be about. `progress` hears how many
    /// events have come.
    ///
    /// # Errors
    ///
    /// [`ClusterError::TooManyEvents`], and the others.
    pub fn fill(
        mut self,
        dir: &Path,
        reach: &Reach,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Store, ClusterError> {
        let spool = dir.join(SPOOL);
        let fetch = Fetch::begin(&mut self.view, &self.organization, &spool, progress)?;
        let spooled = fetch.run(reach)?;
        // Whoever publishes need not wait for what is done here.
        drop(self.view);
        let path = dir.join(STORE);
        let places = write_store(&path, &spool, &spooled, &self.meta)?;
        std::fs::remove_file(&spool).map_err(|error| unusable(&spool, &error))?;
        let store = Store::open(&path)?.as_part_of(Whole { places, ..self.whole });
        store.ok_or_else(|| unreadable("it has an event twice".to_owned()))
    }
}

/// Writes events into a new store, in their order. Gives where those lay that are there: of what is
/// redacted, two may have become the same.
fn write_store(
    path: &Path,
    spool: &Path,
    spooled: &[Spooled],
    meta: &Meta,
) -> Result<Vec<Location>, ClusterError> {
    let mut writer = StoreWriter::open_or_create(path)?;
    let coverage = meta.covered();
    for (log_group, ranges) in coverage.groups() {
        ranges.iter().for_each(|it| writer.cover(log_group, *it));
    }
    let file = File::open(spool).map_err(|error| unusable(spool, &error))?;
    let mut preparer = writer.preparers().preparer();
    let mut parser = Parser::new();
    let (mut line, mut batch_bytes) = (Vec::new(), 0);
    let (mut places, mut batch) = (Vec::with_capacity(spooled.len()), Vec::new());
    for Spooled { place, offset, bytes } in spooled {
        line.resize(usize::try_from(*bytes).unwrap_or_default(), 0);
        file.read_exact_at(&mut line, *offset).map_err(|error| unusable(spool, &error))?;
        let source: Source =
            serde_json::from_slice(&line).map_err(|error| unreadable(error.to_string()))?;
        let record = source.into_record();
        let record = record.ok_or_else(|| unreadable("an event without a time".to_owned()))?;
        let event = parser.parse(&record.message);
        preparer.add(&record, &event.map_err(|error| unreadable(error.to_string()))?);
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

/// Where those of a batch lay that were added.
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
