//! Writing the index of audit events.

use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::{BitSet, DocId, Score, SegmentReader};

use super::AuditPosition;
use super::bring_up::for_each_other;
use super::document::OtherDocument;
use super::schema::AuditFields;
use crate::limits;
use crate::store::archive::{ArchivePosition, Location};
use crate::store::derived_index::DerivedWriter;
use crate::store::error::StoreError;
use crate::store::index::{explain, merge_policy};
use crate::store::layout::Layout;
use crate::store::ledger::checkpoint::Checkpoint;
use crate::store::names::{AUDIT, AUDIT_BEING_BUILT};

/// Adds documents, and makes them durable together with the position that they reach.
pub(in crate::store) struct AuditWriter {
    index: DerivedWriter<AuditPosition>,
    has_directory: bool,
}

/// Removes the index of audit events.
pub(in crate::store) fn remove_audit_index(layout: &Layout) -> Result<(), StoreError> {
    layout.root_dir()?.remove_dir(AUDIT)
}

impl AuditWriter {
    /// Opens the index and brings it to the store's last commit: removes documents beyond it, and
    /// adds missing ones from the archive. None where the store has no such records.
    pub(in crate::store) fn open(
        layout: &Layout,
        checkpoint: &Checkpoint,
    ) -> Result<Option<Self>, StoreError> {
        let root = layout.root_dir()?;
        if checkpoint.others.is_none() {
            root.remove_dir(AUDIT)?;
            return Ok(None);
        }
        // An index that cannot be opened or used is built again: the archive has everything.
        if root.has(AUDIT)?
            && let Ok(mut known) = Self::open_or_create(layout, AUDIT)
            && known.index.committed().is_some_and(|it| it.is_usable(checkpoint))
        {
            known.bring_to(layout, checkpoint)?;
            return Ok(Some(known));
        }
        root.remove_dir(AUDIT)?;
        let mut anew = Self::open_or_create(layout, AUDIT)?;
        anew.bring_to(layout, checkpoint)?;
        Ok(Some(anew))
    }

    /// Creates the index, for a store's first such records.
    pub(in crate::store) fn create(layout: &Layout) -> Result<Self, StoreError> {
        layout.root_dir()?.remove_dir(AUDIT)?;
        Self::open_or_create(layout, AUDIT)
    }

    fn open_or_create(layout: &Layout, name: &str) -> Result<Self, StoreError> {
        let (schema, memory) = (AuditFields::schema(), limits::AUDIT_INDEX_MEMORY_BYTES);
        let merges = merge_policy(limits::AUDIT_MERGED_SEGMENTS_MIN);
        let index: DerivedWriter<AuditPosition> =
            DerivedWriter::open_or_create(layout, name, schema, memory, merges)?;
        let has_directory = index.committed().is_some_and(|it| !it.lacks_directory);
        Ok(Self { index, has_directory })
    }

    fn bring_to(&mut self, layout: &Layout, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let position = AuditPosition::of(&checkpoint.archive, checkpoint.tombstones.len());
        let end = (position.file, position.bytes);
        let is_any_beyond = self.is_any_beyond(end).map_err(|error| self.index.failed(error))?;
        // These are of a commit that the store never made. Their places will be given to other
        // records.
        if is_any_beyond {
            self.index.remove(BeyondQuery { end })?;
        }
        // Removals alone are committed too: the next commit of mail moves the archive's end past
        // these documents without a commit here, and would make them visible.
        let is_complete = self.index.committed().is_some_and(|it| it.is_complete(checkpoint));
        if is_complete && !is_any_beyond {
            return Ok(());
        }
        if !is_complete {
            let from = self.index.committed().map_or((0, 0), |it| (it.file, it.bytes));
            for_each_other(layout, &checkpoint.archive, from, |it| self.add([it]))?;
        }
        self.commit(&checkpoint.archive, checkpoint.tombstones.len())
    }

    /// True if a document is beyond the end of the archive.
    fn is_any_beyond(&self, end: (u32, u64)) -> tantivy::Result<bool> {
        // The greatest place of each segment is enough to know, so no document is read.
        let reader = self.index.index().reader_builder().try_into()?;
        let mut is_any = false;
        for segment in reader.searcher().segment_readers() {
            let places = segment.fast_fields().u64(AuditFields::PLACE_NAME)?;
            is_any |= segment.num_docs() > 0 && is_beyond(places.max_value(), end);
        }
        Ok(is_any)
    }

    /// Adds documents.
    pub(in crate::store) fn add(
        &mut self,
        documents: impl IntoIterator<Item = OtherDocument>,
    ) -> Result<(), StoreError> {
        for OtherDocument { mut document, location, is_of_directory, .. } in documents {
            self.has_directory |= is_of_directory;
            document.add_u64(AuditFields::PLACE, location.to_bits());
            self.index.add(document)?;
        }
        Ok(())
    }

    /// Makes everything added durable, up to a position in the archive.
    pub(in crate::store) fn commit(
        &mut self,
        archive: &ArchivePosition,
        removals: usize,
    ) -> Result<(), StoreError> {
        let lacks_directory = !self.has_directory;
        self.index.commit(AuditPosition { lacks_directory, ..AuditPosition::of(archive, removals) })
    }

    /// Waits for running merges.
    pub(in crate::store) fn finish(self) -> Result<(), StoreError> {
        self.index.finish()
    }
}

/// Builds the index again beside the old one, if there is anything to put in it.
pub(in crate::store) struct AuditBuilder<'l> {
    layout: &'l Layout,
    writer: Option<AuditWriter>,
    /// The number of documents added.
    pub(in crate::store) count: u64,
}

impl<'l> AuditBuilder<'l> {
    /// A builder without an index: the first document creates it.
    pub(in crate::store) fn new(layout: &'l Layout) -> Self {
        Self { layout, writer: None, count: 0 }
    }

    /// Adds documents.
    pub(in crate::store) fn add(
        &mut self,
        documents: Vec<OtherDocument>,
    ) -> Result<(), StoreError> {
        if documents.is_empty() {
            return Ok(());
        }
        self.count += documents.len() as u64;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(AuditWriter::open_or_create(self.layout, AUDIT_BEING_BUILT)?),
        };
        writer.add(documents)
    }

    /// Makes the new index durable, as of a commit of the store.
    pub(in crate::store) fn finish(self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let Some(mut writer) = self.writer else { return Ok(()) };
        writer.commit(&checkpoint.archive, checkpoint.tombstones.len())?;
        writer.finish()
    }
}

/// True if a location, given as bits, is at or after an end.
pub(super) fn is_beyond(bits: u64, end: (u32, u64)) -> bool {
    let place = Location::from_bits(bits);
    (place.file, u64::from(place.offset)) >= end
}

/// A query for the documents beyond the end of the archive.
#[derive(Clone, Debug)]
struct BeyondQuery {
    end: (u32, u64),
}

impl Query for BeyondQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for BeyondQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let count = reader.max_doc();
        let mut found = BitSet::with_max_value(count);
        let places = reader.fast_fields().u64(AuditFields::PLACE_NAME)?;
        for document in 0..count {
            if places.first(document).is_some_and(|it| is_beyond(it, self.end)) {
                found.insert(document);
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(found), boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        explain(self, "BeyondQuery", reader, document)
    }
}
