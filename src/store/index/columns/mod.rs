//! The columns of the index: each document's time, its location in the archive, its leg and its
//! message.
//!
//! They are one more file of each tantivy segment (a *segment plugin*): tantivy writes, merges,
//! commits and removes it together with its own. tantivy's terms for IDs and its columns for times
//! and places made the index almost twice as large and an import slower (`benches/RESULTS.md`).

mod chains;
mod packed;
mod places;

use std::any::Any;
use std::io::Write;
use std::sync::Arc;

use tantivy::directory::{OwnedBytes, TerminatingWrite};
use tantivy::error::DataCorruption;
use tantivy::index::{Segment, SegmentComponent, SegmentReader};
use tantivy::indexer::doc_id_mapping::DocIdMapping;
use tantivy::schema::Schema;
use tantivy::schema::document::ErasedDocument;
use tantivy::{
    DocId, PluginMergeContext, PluginWriter, PluginWriterContext, SegmentPlugin, TantivyError,
};

pub(crate) use chains::Chains;
pub(crate) use packed::TimeReader;
use packed::{PackedTimes, pack_times};
pub(crate) use places::Places;
use places::PlacesWriter;

use super::document::{Document, IdHash};

/// Documents whose times are packed together.
pub(crate) const CHUNK_DOCUMENTS: DocId = 128;
const _: () = assert!(CHUNK_DOCUMENTS as usize == packed::CHUNK);

const EXTENSION: &str = "columns";

/// The last eight bytes of the file, so that no other file is taken for one of these.
const MAGIC: u64 = u64::from_le_bytes(*b"mtcols\x00\x01");

/// The plugin that makes tantivy write columns.
pub(super) fn plugin() -> Arc<dyn SegmentPlugin> {
    Arc::new(ColumnsPlugin)
}

struct ColumnsPlugin;

impl SegmentPlugin for ColumnsPlugin {
    fn extensions(&self) -> &[&str] {
        &[EXTENSION]
    }

    fn create_writer(
        &self,
        _context: &PluginWriterContext<'_>,
    ) -> tantivy::Result<Box<dyn PluginWriter>> {
        Ok(Box::new(ColumnsWriter::default()))
    }

    fn merge(&self, context: PluginMergeContext<'_>) -> tantivy::Result<()> {
        // Removals build a new index. So documents of merged segments keep their order, and columns
        // can be concatenated without a map from old numbers to new ones.
        if context.readers.iter().any(SegmentReader::has_deletes) {
            return Err(TantivyError::InternalError("nothing is ever deleted".to_owned()));
        }
        let sources: Vec<Columns> =
            context.readers.iter().map(Columns::open).collect::<tantivy::Result<_>>()?;
        let mut places = PlacesWriter::default();
        sources.iter().for_each(|it| places.append(&it.places));
        let legs: Vec<_> = sources.iter().map(|it| &it.legs).collect();
        let messages: Vec<_> = sources.iter().map(|it| &it.messages).collect();
        let sections = Sections {
            document_count: sources.iter().map(|it| it.document_count).sum(),
            span: sources.iter().filter_map(Columns::time_span).reduce(joined),
            places: places.into_bytes(),
            times: pack_times(sources.iter().flat_map(|it| it.times.iter())),
            legs: chains::merge(&legs),
            messages: chains::merge(&messages),
        };
        sections.write(context.target_segment)
    }
}

/// The span of time that covers both of two spans.
fn joined(one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// Collects the columns of one segment.
#[derive(Default)]
struct ColumnsWriter {
    places: PlacesWriter,
    times: Vec<i64>,
    /// The leg of each document.
    legs: Vec<IdHash>,
    messages: Vec<(IdHash, DocId)>,
}

impl PluginWriter for ColumnsWriter {
    fn add_document(
        &mut self,
        document_id: DocId,
        document: &dyn ErasedDocument,
        _schema: &Schema,
    ) -> tantivy::Result<()> {
        let document = document.as_any().downcast_ref::<Document>().ok_or_else(|| {
            TantivyError::InternalError("a document that is none of ours".to_owned())
        })?;
        self.places.push(document.location);
        self.times.push(document.timestamp_ms);
        self.legs.push(document.leg);
        // Pairs, since only some kinds of event have a message ID; every document has a leg.
        self.messages.extend(document.message_id.map(|it| (it, document_id)));
        Ok(())
    }

    fn serialize(
        self: Box<Self>,
        segment: &Segment,
        mapping: Option<&DocIdMapping>,
    ) -> tantivy::Result<()> {
        // tantivy reorders documents only of a sorted index, which this one is not.
        if mapping.is_some() {
            return Err(TantivyError::InternalError("documents keep their order".to_owned()));
        }
        let count = self.times.len();
        let first_and_last = |it: &i64| (*it, *it);
        let sections = Sections {
            document_count: DocId::try_from(count).unwrap_or(DocId::MAX),
            span: self.times.iter().map(first_and_last).reduce(joined),
            places: self.places.into_bytes(),
            times: pack_times(self.times),
            legs: chains::build(self.legs.into_iter().zip(0..).collect(), count),
            messages: chains::build(self.messages, count),
        };
        sections.write(segment)
    }

    fn mem_usage(&self) -> usize {
        self.places.memory()
            + self.times.capacity() * size_of::<i64>()
            // `serialize` pairs each with its document, to be sorted, while the plain list still
            // exists.
            + self.legs.capacity() * size_of::<(IdHash, DocId, IdHash)>()
            + self.messages.capacity() * size_of::<(IdHash, DocId)>()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// The contents of the file: six sections, and a footer with the length of each.
struct Sections {
    document_count: DocId,
    /// The earliest and the latest time.
    span: Option<(i64, i64)>,
    places: Vec<u8>,
    times: Vec<u8>,
    legs: chains::Sections,
    messages: chains::Sections,
}

const SECTIONS: usize = 6;

/// Bytes of the footer: the sections' lengths, the number of documents, the span of time and the
/// magic number, 8 bytes each.
const FOOTER_BYTES: usize = 8 * (SECTIONS + 4);

impl Sections {
    fn write(&self, segment: &Segment) -> tantivy::Result<()> {
        let sections: [&[u8]; SECTIONS] = [
            &self.places,
            &self.times,
            &self.legs.table,
            &self.legs.back,
            &self.messages.table,
            &self.messages.back,
        ];
        let mut file = segment.open_write(SegmentComponent::Custom(EXTENSION.to_owned()))?;
        for section in sections {
            file.write_all(section)?;
        }
        // Lengths come last, since tantivy's files can only be written from front to back.
        for section in sections {
            file.write_all(&(section.len() as u64).to_le_bytes())?;
        }
        let (first_ms, last_ms) = self.span.unwrap_or((0, 0));
        file.write_all(&u64::from(self.document_count).to_le_bytes())?;
        file.write_all(&first_ms.to_le_bytes())?;
        file.write_all(&last_ms.to_le_bytes())?;
        file.write_all(&MAGIC.to_le_bytes())?;
        file.terminate()?;
        Ok(())
    }
}

/// The columns of one segment.
#[derive(Clone)]
pub(crate) struct Columns {
    document_count: DocId,
    first_ms: i64,
    last_ms: i64,
    times: PackedTimes,
    /// The location of each document.
    pub(crate) places: Places,
    /// The documents of each trace ID.
    pub(crate) legs: Chains,
    /// The documents of each message ID.
    pub(crate) messages: Chains,
}

impl Columns {
    /// Opens the columns of a segment.
    pub(crate) fn open(segment: &SegmentReader) -> tantivy::Result<Self> {
        let file = segment.open_read(SegmentComponent::Custom(EXTENSION.to_owned()))?;
        let bytes = file.read_bytes()?;
        Self::parse(&bytes)
            // Columns of another segment would attribute every event to the wrong place.
            .filter(|it| it.document_count == segment.max_doc())
            .ok_or_else(|| DataCorruption::comment_only("columns that are none").into())
    }

    fn parse(bytes: &OwnedBytes) -> Option<Self> {
        let footer: &[u8; FOOTER_BYTES] = bytes.last_chunk()?;
        let mut words = footer.as_chunks().0.iter().map(|it| u64::from_le_bytes(*it));
        let mut start = 0_usize;
        let mut sections = Vec::with_capacity(SECTIONS);
        for length in words.by_ref().take(SECTIONS) {
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            // tantivy verifies no checksum on opening, so the footer may say anything.
            sections.push((end <= bytes.len() - FOOTER_BYTES).then(|| bytes.slice(start..end))?);
            start = end;
        }
        let count = usize::try_from(words.next()?).ok()?;
        let document_count = DocId::try_from(count).ok()?;
        let first_ms = words.next()?.cast_signed();
        let last_ms = words.next()?.cast_signed();
        let mut sections = sections.into_iter();
        let places = Places::new(sections.next()?, document_count);
        let times = PackedTimes::new(sections.next()?, count);
        let legs = Chains::open(sections.next()?, sections.next()?, count)?;
        let messages = Chains::open(sections.next()?, sections.next()?, count)?;
        // Checked last because it is the last word; nothing before it trusts the lengths.
        (words.next()? == MAGIC).then_some(Self {
            document_count,
            first_ms,
            last_ms,
            times,
            places,
            legs,
            messages,
        })
    }

    /// The number of documents.
    pub(crate) fn document_count(&self) -> DocId {
        self.document_count
    }

    /// The earliest and the latest time, in milliseconds since 1970.
    pub(crate) fn time_span(&self) -> Option<(i64, i64)> {
        (self.document_count > 0).then_some((self.first_ms, self.last_ms))
    }

    /// The times of all documents, in order, in milliseconds since 1970.
    pub(crate) fn all_times(&self) -> impl Iterator<Item = i64> + use<> {
        self.times.iter()
    }

    /// The latest time that is not after `last_ms`, in milliseconds since 1970.
    pub(crate) fn latest_until(&self, last_ms: i64) -> Option<i64> {
        self.times.latest_until(last_ms)
    }

    /// For each chunk of [`CHUNK_DOCUMENTS`], in order, two times in milliseconds since 1970
    /// between which all its documents are, where the chunk's header is enough to know.
    pub(crate) fn time_bounds(&self) -> impl Iterator<Item = Option<(i64, i64)>> {
        self.times.all_bounds()
    }

    /// A reader of the documents' times.
    pub(crate) fn times(&self) -> TimeReader {
        self.times.reader()
    }
}
