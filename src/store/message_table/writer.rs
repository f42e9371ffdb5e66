//! Writing the table.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::{BitSet, DocId, Score, SegmentReader};

use super::mailbox_domains::MailboxDomains;
use super::schema::{EntryDocument, EntryDocuments, TableFields};
use super::{TABLE_FORMAT, TableCommit, TablePosition};
use crate::limits;
use crate::store::archive::Location;
use crate::store::derived_index::{DerivedWriter, payload_of};
use crate::store::dir::Dir;
use crate::store::error::StoreError;
use crate::store::index::{META, NEXT, explain, merge_policy};
use crate::store::layout::Layout;
use crate::store::ledger::checkpoint::Checkpoint;
use crate::store::names::MESSAGES;

/// Replaces entries of the table, and makes the changes visible together.
pub(crate) struct TableWriter {
    index: DerivedWriter<TableCommit>,
    documents: EntryDocuments,
}

/// Removes the table: it holds what was removed from the archive, or it was made from an index that
/// no longer exists.
pub(in crate::store) fn remove_table(layout: &Layout) -> Result<(), StoreError> {
    layout.root_dir()?.remove_dir(MESSAGES)
}

/// Makes the table's next commit its last one if the store's commit that it belongs to was made;
/// removes it otherwise.
fn settle(dir: &Dir, position: &TablePosition) -> Result<(), StoreError> {
    let next = match dir.read(NEXT, limits::STORE_FILE_BYTES_MAX) {
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    };
    // A crash may fall on either side of the store's commit; this finishes or drops what it left.
    let commit: Option<TableCommit> = payload_of(&next);
    if commit.is_some_and(|it| it.position.is_as_of(position)) {
        dir.replace(META, &next)?;
    }
    dir.remove(NEXT).map(drop)
}

impl TablePosition {
    pub(super) fn of(checkpoint: &Checkpoint) -> Self {
        Self {
            format: TABLE_FORMAT,
            index_format: checkpoint.index_format,
            records: checkpoint.mail_records(),
            file: checkpoint.archive.file,
            // An unknown end is one that no writer appends to.
            bytes: checkpoint.archive.bytes.unwrap_or(u64::MAX),
            head: checkpoint.archive.head.clone(),
            removals: checkpoint.tombstones.len(),
        }
    }

    /// True if a table of this commit can be brought up to another.
    fn is_before(&self, other: &Self) -> bool {
        // A removal changes locations in the archive, and another format means other columns: such
        // a table cannot be brought up to date, only built again.
        let key = |it: &Self| (it.format, it.index_format, it.removals);
        let end = |it: &Self| (it.file, it.bytes);
        key(self) == key(other)
            && self.records <= other.records
            && end(self) <= end(other)
            // The same end with another head is a different archive that was put in this one's
            // place.
            && (end(self) != end(other) || self == other)
    }

    /// True if a table of this commit has everything that one of another would: commits without
    /// records change nothing.
    pub(super) fn is_as_of(&self, other: &Self) -> bool {
        self.is_before(other) && self.records == other.records
    }
}

/// The end of the table's events in the archive: a file, and the bytes of it that are included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableEnd(u32, u64);

impl TableEnd {
    /// True if an event at that location came into the store later.
    pub(crate) fn is_before(self, place: Location) -> bool {
        (place.file, u64::from(place.offset)) >= (self.0, self.1)
    }
}

impl TableWriter {
    /// Opens the table for writing, as of this commit or an earlier one; an empty table where none
    /// can be brought up to it. The caller must be the writer of the store's index.
    pub(in crate::store) fn open(
        layout: &Layout,
        checkpoint: &Checkpoint,
    ) -> Result<Self, StoreError> {
        if let Some(dir) = layout.dir_if_there(MESSAGES)? {
            let position = TablePosition::of(checkpoint);
            settle(&dir, &position)?;
            // Errors are dropped: the table can be built from the archive at any time.
            let known = Self::open_or_create(layout).ok();
            if let Some(known) = known
                && known.index.committed().is_some_and(|it| it.position.is_before(&position))
            {
                return Ok(known);
            }
            remove_table(layout)?;
        }
        Self::open_or_create(layout)
    }

    fn open_or_create(layout: &Layout) -> Result<Self, StoreError> {
        let (schema, mut documents) =
            EntryDocuments::new(MailboxDomains::of_table(Some(Vec::new())));
        let memory = limits::TABLE_MEMORY_BYTES;
        let merges = merge_policy(limits::INDEX_MERGED_SEGMENTS_MIN);
        let index: DerivedWriter<TableCommit> =
            DerivedWriter::open_or_create(layout, MESSAGES, schema, memory, merges)?;
        if let Some(committed) = index.committed() {
            documents.mailbox_domains = MailboxDomains::of_table(committed.mailbox_domains.clone());
        }
        Ok(Self { index, documents })
    }

    /// True if the table is as of a commit of the store already.
    pub(in crate::store) fn is_as_of(&self, checkpoint: &Checkpoint) -> bool {
        let position = TablePosition::of(checkpoint);
        self.index.committed().is_some_and(|it| it.position.is_as_of(&position))
    }

    /// True if the table was never committed, and so has no entries.
    pub(crate) fn is_empty(&self) -> bool {
        self.index.committed().is_none()
    }

    /// The end of the table's events in the archive.
    pub(crate) fn end(&self) -> TableEnd {
        self.index
            .committed()
            .map_or(TableEnd(0, 0), |it| TableEnd(it.position.file, it.position.bytes))
    }

    /// Removes the entries of all messages whose first event is at one of these places.
    pub(crate) fn remove(&mut self, places: HashSet<u64>) -> Result<(), StoreError> {
        if places.is_empty() || self.is_empty() {
            return Ok(());
        }
        self.index.remove(PlacesQuery { places: Arc::new(places) })
    }

    /// The converter from entries to documents.
    pub(crate) fn documents(&self) -> EntryDocuments {
        self.documents.clone()
    }

    /// Adds the documents of entries.
    pub(crate) fn add(
        &mut self,
        documents: impl IntoIterator<Item = EntryDocument>,
    ) -> Result<(), StoreError> {
        documents.into_iter().try_for_each(|EntryDocument(document)| self.index.add(document))
    }

    /// Makes all changes durable beside the last commit: they take effect with a commit of the
    /// store, or when they are published.
    pub(in crate::store) fn prepare(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let mailbox_domains = self.documents.mailbox_domains.listed();
        self.index.prepare(TableCommit { position: TablePosition::of(checkpoint), mailbox_domains })
    }

    /// Makes the prepared commit the last one.
    pub(in crate::store) fn publish(&mut self) -> Result<(), StoreError> {
        self.index.publish()
    }

    /// Waits for running merges.
    pub(in crate::store) fn finish(self) -> Result<(), StoreError> {
        self.index.finish()
    }
}

/// A query for the entries of messages whose first event is at one of these places.
#[derive(Clone)]
struct PlacesQuery {
    places: Arc<HashSet<u64>>,
}

impl fmt::Debug for PlacesQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} places", self.places.len())
    }
}

impl Query for PlacesQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for PlacesQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let count = reader.max_doc();
        // The table has no terms, so a scan of the column finds the keys.
        let mut found = BitSet::with_max_value(count);
        if let Some(places) = reader.fast_fields().column_opt::<u64>(TableFields::PLACE)? {
            let range = places.min_value()..=places.max_value();
            // The places of one commit's messages are close together, and segments hold ranges of
            // them: most segments are skipped by their range alone.
            if self.places.iter().any(|it| range.contains(it)) {
                let values = &places.values;
                for document in 0..count {
                    if self.places.contains(&values.get_val(document)) {
                        found.insert(document);
                    }
                }
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(found), boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        explain(self, "PlacesQuery", reader, document)
    }
}
