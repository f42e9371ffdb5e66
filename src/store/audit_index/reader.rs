//! Reading the index of audit events.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;
use tantivy::columnar::{Column, StrColumn};
use tantivy::directory::{Directory as _, META_LOCK};
use tantivy::fastfield::AliveBitSet;
use tantivy::schema::Field;
use tantivy::{DocId, Index, InvertedIndexReader, Segment, SegmentReader, TantivyError, Term};

use super::AuditPosition;
use super::schema::{AuditColumn, AuditFields, DIRECTORY_TERM};
use super::set::DocumentSet;
use super::writer::is_beyond;
use crate::audit::{AuditField, AuditType};
use crate::limits;
use crate::store::archive::Location;
use crate::store::dir::Dir;
use crate::store::error::{StoreError, in_words};
use crate::store::index::{EventPlace, IndexDirectory, for_each_document, quietly};
use crate::store::layout::Layout;
use crate::store::ledger::checkpoint::Checkpoint;
use crate::store::names::{AUDIT, AUDIT_BEING_BUILT};

/// The pause before another attempt while an index is being swapped.
const EXCHANGE_PAUSE: Duration = Duration::from_millis(5);

/// The records that are not email events, as of one commit of the store.
pub(crate) struct AuditIndex {
    path: PathBuf,
    segments: Vec<AuditSegment>,
}

/// One segment of the index.
pub(crate) struct AuditSegment {
    reader: SegmentReader,
    keys: Arc<InvertedIndexReader>,
    alive: Option<AliveBitSet>,
    times: Column<i64>,
    places: Column<u64>,
    /// The end of the archive, if the segment has documents beyond it.
    end: Option<(u32, u64)>,
}

impl AuditIndex {
    /// Opens the index as of a commit of the store; none where the commit counts no such records.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoAuditIndex`] when no index has everything that the commit counts.
    pub(in crate::store) fn open(
        layout: &Layout,
        checkpoint: &Checkpoint,
    ) -> Result<Option<Self>, StoreError> {
        if checkpoint.others.is_none() {
            return Ok(None);
        }
        let path = layout.root().join(AUDIT);
        let mut reason = String::new();
        for attempt in 0..limits::AUDIT_OPEN_ATTEMPTS_MAX {
            if attempt > 0 {
                std::thread::sleep(EXCHANGE_PAUSE);
            }
            // The main index is swapped first and this one after it. A crash between the two leaves
            // this one where it was built.
            let mut reasons = Vec::new();
            for name in [AUDIT, AUDIT_BEING_BUILT] {
                let Some(dir) = layout.dir_if_there(name)? else { continue };
                // tantivy panics on some damaged segments.
                match quietly(|| Self::read(&dir, checkpoint)) {
                    Ok(Ok(Some(opened))) => return Ok(Some(opened)),
                    Ok(Ok(None)) => reasons.push("it belongs to another commit".to_owned()),
                    Ok(Err(error)) => reasons.push(in_words(&error)),
                    Err(panic) => reasons.push(panic),
                }
            }
            reason = reasons.into_iter().next().unwrap_or_else(|| "it is missing".to_owned());
        }
        Err(StoreError::NoAuditIndex { path, reason })
    }

    /// True if the commit of the index says that it has nothing of a directory; no segment is
    /// opened.
    pub(in crate::store) fn lacks_directory(layout: &Layout, checkpoint: &Checkpoint) -> bool {
        let look = || {
            let dir = layout.dir_if_there(AUDIT).ok()??;
            let index = Index::open(IndexDirectory::open_to_read(&dir).ok()?).ok()?;
            position_of(&index).ok()?
        };
        // An unreadable index is reported when it is opened.
        let position = quietly(look).ok().flatten();
        position.is_some_and(|it| it.is_complete(checkpoint) && it.lacks_directory)
    }

    fn read(dir: &Dir, checkpoint: &Checkpoint) -> tantivy::Result<Option<Self>> {
        let index = Index::open(IndexDirectory::open_to_read(dir)?)?;
        if index.schema() != AuditFields::schema() {
            return Ok(None);
        }
        if !position_of(&index)?.is_some_and(|it| it.is_complete(checkpoint)) {
            return Ok(None);
        }
        // The index may be ahead: a writer commits it first, and a crash or a running commit leaves
        // it so.
        let archive = AuditPosition::of(&checkpoint.archive, 0);
        let end = (archive.file, archive.bytes);
        // tantivy's readers hold this lock while they open segments. Here it does nothing, since
        // all files are already mapped.
        let _lock = index.directory().acquire_lock(&META_LOCK)?;
        let open = |segment: &Segment| {
            let opened = quietly(|| AuditSegment::open(&SegmentReader::open(segment)?, end));
            opened.unwrap_or_else(|panic| Err(TantivyError::InternalError(panic)))
        };
        // In parallel, since there may be dozens of six files each.
        let segments = index.searchable_segments()?;
        let segments = segments.par_iter().map(open).collect::<tantivy::Result<_>>()?;
        Ok(Some(Self { path: dir.path().to_owned(), segments }))
    }

    /// The segments.
    pub(crate) fn segments(&self) -> &[AuditSegment] {
        &self.segments
    }

    /// For `map_err`: tantivy's error as the store's error.
    pub(crate) fn failed(&self) -> impl FnOnce(TantivyError) -> StoreError {
        StoreError::index(&self.path)
    }

    /// The locations of records whose identity may have this key, given the time in their message,
    /// where there is one.
    pub(in crate::store) fn find(&self, key: u64, own_ms: Option<i64>) -> Vec<Location> {
        let mut found = Vec::new();
        for segment in &self.segments {
            // Keys are hashes and are in no order, but times are: most segments are skipped by
            // their range.
            let range = segment.times.min_value()..=segment.times.max_value();
            if own_ms.is_none_or(|it| range.contains(&it)) {
                segment.find(key, &mut found);
            }
        }
        found
    }

    /// The number of records.
    pub(in crate::store) fn count(&self) -> u64 {
        self.segments.iter().map(|it| it.documents().count() as u64).sum()
    }

    /// The locations of all records, with their times in milliseconds since 1970.
    pub(in crate::store) fn places(&self) -> impl Iterator<Item = (Location, i64)> {
        self.segments.iter().flat_map(|segment| {
            segment.documents().map(|it| (segment.place(it), segment.time_ms(it)))
        })
    }

    /// The places of the directory's records, oldest first.
    pub(in crate::store) fn directory(&self) -> tantivy::Result<Vec<EventPlace>> {
        let mut places = Vec::new();
        for segment in &self.segments {
            let mut found = segment.of_directory()?;
            // Most segments have none, and finding out which of their many records count takes a
            // pass.
            if found.is_empty() {
                continue;
            }
            found.and(&segment.counting());
            for document in found.iter() {
                let (ms, location) = (segment.time_ms(document), segment.place(document));
                places.push(EventPlace { ms, location });
            }
        }
        places.sort_unstable();
        Ok(places)
    }
}

/// The position in the payload of an index; none where there is none in this format.
fn position_of(index: &Index) -> tantivy::Result<Option<AuditPosition>> {
    let payload = index.load_metas()?.payload;
    Ok(payload.and_then(|it| serde_json::from_str(&it).ok()))
}

impl AuditSegment {
    fn open(reader: &SegmentReader, end: (u32, u64)) -> tantivy::Result<Self> {
        let places = reader.fast_fields().u64(AuditFields::PLACE_NAME)?;
        Ok(Self {
            keys: reader.inverted_index(AuditFields::KEY)?,
            alive: reader.alive_bitset().cloned(),
            times: reader.fast_fields().i64(AuditFields::TIME_NAME)?,
            // Kept only where it matters, so that other segments need not compare each document.
            end: is_beyond(places.max_value(), end).then_some(end),
            places,
            reader: reader.clone(),
        })
    }

    fn find(&self, key: u64, found: &mut Vec<Location>) {
        let term = Term::from_field_u64(AuditFields::KEY, key);
        // An unreadable key counts as unknown, so the record is compared with nothing.
        let Ok(Some(info)) = self.keys.get_term_info(&term) else { return };
        let _unreadable = for_each_document(&self.keys, &info, |document| {
            if self.counts(document) {
                found.push(self.place(document));
            }
        });
    }

    /// The documents that count, as a set.
    pub(crate) fn counting(&self) -> DocumentSet {
        if self.alive.is_none() && self.end.is_none() {
            return DocumentSet::all(self.reader.max_doc());
        }
        let mut set = DocumentSet::none(self.reader.max_doc());
        self.documents().for_each(|it| set.insert(it));
        set
    }

    /// Keeps the documents of a set whose events happened from `since_ms` on and before `until_ms`,
    /// in milliseconds since 1970.
    pub(crate) fn within(&self, set: &mut DocumentSet, since_ms: i64, until_ms: i64) {
        let (first, last) = self.time_range();
        if since_ms <= first && last < until_ms {
            return;
        }
        let mut kept = DocumentSet::none(self.reader.max_doc());
        if since_ms <= last && first < until_ms {
            let is_within = |it: &u32| (since_ms..until_ms).contains(&self.time_ms(*it));
            set.iter().filter(is_within).for_each(|it| kept.insert(it));
        }
        *set = kept;
    }

    /// The documents that count.
    pub(crate) fn documents(&self) -> impl Iterator<Item = DocId> {
        (0..self.reader.max_doc()).filter(|it| self.counts(*it))
    }

    /// One more than the number of the last document.
    pub(crate) fn max_doc(&self) -> DocId {
        self.reader.max_doc()
    }

    /// True if a document counts: it was not removed, and its record is part of the commit.
    pub(crate) fn counts(&self, document: DocId) -> bool {
        self.alive.as_ref().is_none_or(|it| it.is_alive(document))
            && self.end.is_none_or(|end| {
                self.places.first(document).is_some_and(|place| !is_beyond(place, end))
            })
    }

    /// The time of a document's event, in milliseconds since 1970.
    pub(crate) fn time_ms(&self, document: DocId) -> i64 {
        self.times.first(document).unwrap_or(0)
    }

    /// The earliest and the latest time.
    pub(crate) fn time_range(&self) -> (i64, i64) {
        (self.times.min_value(), self.times.max_value())
    }

    /// The location of a document's record.
    pub(crate) fn place(&self, document: DocId) -> Location {
        Location::from_bits(self.places.first(document).unwrap_or(0))
    }

    /// The documents of a type.
    pub(crate) fn of_type(&self, kind: AuditType) -> tantivy::Result<DocumentSet> {
        self.with_term(AuditFields::TYPE, kind.as_str().as_bytes())
    }

    /// The documents of the directory.
    pub(crate) fn of_directory(&self) -> tantivy::Result<DocumentSet> {
        self.with_term(AuditFields::TYPE, DIRECTORY_TERM.as_bytes())
    }

    /// The documents with a matching result, in the form of [`super::audit_term`].
    pub(crate) fn with_result(
        &self,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> tantivy::Result<DocumentSet> {
        self.with_terms(AuditFields::ALLOWED, is_wanted)
    }

    /// The documents that have this value in a field, in the form of [`super::audit_term`].
    pub(crate) fn with_value(&self, field: AuditField, term: &str) -> tantivy::Result<DocumentSet> {
        self.with_term(AuditFields::of(field), term.as_bytes())
    }

    /// The documents that do not record a failed sign-in: somebody who could not sign in may have
    /// typed any name.
    pub(crate) fn let_in(&self) -> tantivy::Result<DocumentSet> {
        let mut found = self.with_value(AuditField::AuthSuccessful, "false")?;
        // Not simply the documents with "true": events of other types lack the field, and stay.
        found.negate();
        found.and(&self.counting());
        Ok(found)
    }

    /// The documents with a matching value in a field, in the form of [`super::audit_term`].
    pub(crate) fn with_values(
        &self,
        field: AuditField,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> tantivy::Result<DocumentSet> {
        self.with_terms(AuditFields::of(field), is_wanted)
    }

    fn with_term(&self, field: Field, term: &[u8]) -> tantivy::Result<DocumentSet> {
        let mut found = DocumentSet::none(self.reader.max_doc());
        let inverted = self.reader.inverted_index(field)?;
        if let Some(info) = inverted.get_term_info(&Term::from_field_bytes(field, term))? {
            for_each_document(&inverted, &info, |document| found.insert(document))?;
        }
        Ok(found)
    }

    fn with_terms(
        &self,
        field: Field,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> tantivy::Result<DocumentSet> {
        let mut found = DocumentSet::none(self.reader.max_doc());
        let inverted = self.reader.inverted_index(field)?;
        let mut terms = inverted.terms().stream()?;
        while terms.advance() {
            if std::str::from_utf8(terms.key()).is_ok_and(is_wanted) {
                for_each_document(&inverted, terms.value(), |document| found.insert(document))?;
            }
        }
        Ok(found)
    }

    /// A column's values as a number for each document, and the values by number.
    pub(crate) fn values(&self, column: AuditColumn) -> tantivy::Result<ColumnValues> {
        let column = self.reader.fast_fields().str(column.name())?;
        let mut texts = Vec::new();
        if let Some(column) = &column {
            let mut terms = column.dictionary().stream()?;
            while terms.advance() {
                texts.push(String::from_utf8_lossy(terms.key()).into_owned());
            }
        }
        Ok(ColumnValues { column, texts })
    }

    /// A column whose values are looked up one by one, for a few of many documents.
    pub(crate) fn column(&self, column: AuditColumn) -> tantivy::Result<ColumnOrdinals> {
        Ok(ColumnOrdinals(self.reader.fast_fields().str(column.name())?))
    }

    pub(super) fn reader(&self) -> &SegmentReader {
        &self.reader
    }
}

/// One column of a segment: numbers of values, and their texts on demand.
pub(crate) struct ColumnOrdinals(Option<StrColumn>);

impl ColumnOrdinals {
    /// The number of a document's value.
    pub(crate) fn number_of(&self, document: DocId) -> Option<usize> {
        usize::try_from(self.0.as_ref()?.term_ords(document).next()?).ok()
    }

    /// The value of a number.
    pub(crate) fn text(&self, number: usize) -> tantivy::Result<Option<String>> {
        let mut text = String::new();
        let is_there = match &self.0 {
            Some(column) => column.ord_to_str(number as u64, &mut text)?,
            None => false,
        };
        Ok(is_there.then_some(text))
    }
}

/// The values of one column of a segment.
pub(crate) struct ColumnValues {
    column: Option<StrColumn>,
    /// The values by their numbers.
    pub(crate) texts: Vec<String>,
}

impl ColumnValues {
    /// The number of a document's value.
    pub(crate) fn number_of(&self, document: DocId) -> Option<usize> {
        let number = self.column.as_ref()?.term_ords(document).next()?;
        usize::try_from(number).ok()
    }

    /// A document's value, with its number.
    pub(crate) fn numbered(&self, document: DocId) -> Option<(usize, &str)> {
        let number = self.number_of(document)?;
        Some((number, self.texts.get(number)?.as_str()))
    }

    /// A document's value.
    pub(crate) fn get(&self, document: DocId) -> Option<&str> {
        self.texts.get(self.number_of(document)?).map(String::as_str)
    }
}
