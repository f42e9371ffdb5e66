//! Reading the table.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tantivy::columnar::{BytesColumn, Column, DynamicColumn, HasAssociatedColumnType, StrColumn};
use tantivy::fastfield::AliveBitSet;
use tantivy::{DocId, Index, IndexReader, ReloadPolicy, SegmentReader};

use super::entry::RowBits;
use super::entry::{LegEntry, MessageEntry, RecipientEntry};
use super::schema::{LACKS_BEGINNING, NEEDS_ORIGINALS, TableFields};
use super::{TableCommit, TablePosition};
use crate::store::archive::Location;
use crate::store::derived_index::payload_of;
use crate::store::error::StoreError;
use crate::store::index::{IndexDirectory, quietly};
use crate::store::layout::Layout;
use crate::store::ledger::checkpoint::Checkpoint;

/// The table as of one commit of the store.
pub(crate) struct MessageTable {
    path: PathBuf,
    segments: Vec<TableSegment>,
    mailbox_domains: Option<Vec<String>>,
}

/// Consecutive documents that are handled together.
pub(crate) const BLOCK_DOCUMENTS: u32 = 16_384;

/// One segment of the table; its documents are messages.
pub(crate) struct TableSegment {
    document_count: DocId,
    alive: Option<AliveBitSet>,
    /// The earliest and the latest first event of each block, computed on first use.
    spans_of_blocks: OnceLock<Vec<(i64, i64)>>,
    places: Column<u64>,
    firsts: Column<i64>,
    spans: Column<u64>,
    flags: Column<u64>,
    legs: Column<u64>,
    rows: Column<u64>,
    bounces: Column<u64>,
    pub(crate) from: TextColumn,
    pub(crate) sender: TextColumn,
    pub(crate) verdicts: TextColumn,
    pub(crate) rules: TextColumn,
    pub(crate) addresses: TextColumn,
    pub(crate) folders: TextColumn,
    pub(crate) statuses: TextColumn,
    pub(crate) causes: TextColumn,
}

/// A column of texts; each text has a number, in sorted order within one segment.
pub(crate) struct TextColumn(StrColumn);

/// The outcome of a message for one recipient of one leg; texts are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryRow {
    pub(crate) address: u32,
    pub(crate) bits: RowBits,
    pub(crate) latency_ms: Option<i64>,
    pub(crate) folder: Option<u32>,
    pub(crate) status: Option<u32>,
    pub(crate) cause: Option<u32>,
    pub(crate) bounce: Option<Location>,
}

/// The table as of one commit, held but not yet opened: writers may go on meanwhile.
pub(in crate::store) struct HeldTable {
    path: PathBuf,
    directory: IndexDirectory,
    mailbox_domains: Option<Vec<String>>,
}

impl HeldTable {
    /// Holds the table, if there is one as of this commit.
    pub(in crate::store) fn find(layout: &Layout, checkpoint: &Checkpoint) -> Option<Self> {
        let dir = layout.messages_dir().ok().flatten()?;
        let position = TablePosition::of(checkpoint);
        // A writer makes the next commit the last one after the store's commit. That may happen
        // between the first look and the second, hence the third.
        let opens = [
            IndexDirectory::open_to_read,
            IndexDirectory::open_to_read_next,
            IndexDirectory::open_to_read,
        ];
        opens.into_iter().find_map(|open| {
            let directory = open(&dir).ok()?;
            let commit: TableCommit = payload_of(directory.meta()?)?;
            let is_current = commit.position.is_as_of(&position);
            let mailbox_domains = commit.mailbox_domains;
            is_current.then(|| Self { path: dir.path().to_owned(), directory, mailbox_domains })
        })
    }

    /// Opens the table; none where that fails.
    pub(in crate::store) fn open(&self) -> Option<MessageTable> {
        // tantivy panics on some damaged segments. A damaged table is as good as none, since a
        // temporary one can be made.
        quietly(|| self.read().ok()).ok().flatten()
    }

    fn read(&self) -> tantivy::Result<MessageTable> {
        let Self { path, directory, mailbox_domains } = self;
        let index = Index::open(directory.clone())?;
        let reader: IndexReader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let searcher = reader.searcher();
        let segments = searcher.segment_readers().iter().map(TableSegment::open);
        let segments = segments.collect::<tantivy::Result<_>>()?;
        Ok(MessageTable { path: path.clone(), segments, mailbox_domains: mailbox_domains.clone() })
    }
}

impl MessageTable {
    /// A table without entries, for a store without email events.
    pub(in crate::store) fn empty(path: &Path) -> Self {
        let (path, segments, mailbox_domains) = (path.to_owned(), Vec::new(), Some(Vec::new()));
        Self { path, segments, mailbox_domains }
    }

    /// The segments.
    pub(crate) fn segments(&self) -> &[TableSegment] {
        &self.segments
    }

    /// The domains of the addresses to whose mailboxes something was delivered; none where there
    /// were too many to keep, and only the entries have them.
    pub(crate) fn mailbox_domains(&self) -> Option<&[String]> {
        self.mailbox_domains.as_deref()
    }

    /// For `map_err`: an error of reading as the store's error.
    pub(crate) fn failed(&self) -> impl FnOnce(io::Error) -> StoreError {
        StoreError::io("read", &self.path)
    }
}

impl TableSegment {
    fn open(reader: &SegmentReader) -> tantivy::Result<Self> {
        let count = reader.max_doc();
        let texts = |name| {
            let column = reader.fast_fields().str(name)?;
            // tantivy writes no column for a field that no document of a segment has.
            let column = column.unwrap_or_else(|| StrColumn::wrap(BytesColumn::empty(count)));
            Ok::<_, tantivy::TantivyError>(TextColumn(column))
        };
        Ok(Self {
            document_count: count,
            alive: reader.alive_bitset().cloned(),
            spans_of_blocks: OnceLock::new(),
            places: number_column(reader, TableFields::PLACE)?,
            firsts: number_column(reader, TableFields::FIRST)?,
            spans: number_column(reader, TableFields::SPAN)?,
            flags: number_column(reader, TableFields::FLAGS)?,
            legs: number_column(reader, TableFields::LEG)?,
            rows: number_column(reader, TableFields::ROW)?,
            bounces: number_column(reader, TableFields::BOUNCE)?,
            from: texts(TableFields::FROM)?,
            sender: texts(TableFields::SENDER)?,
            verdicts: texts(TableFields::VERDICTS)?,
            rules: texts(TableFields::RULE)?,
            addresses: texts(TableFields::ADDRESS)?,
            folders: texts(TableFields::FOLDER)?,
            statuses: texts(TableFields::STATUS)?,
            causes: texts(TableFields::CAUSE)?,
        })
    }

    /// The number of documents, replaced ones included.
    pub(crate) fn document_count(&self) -> DocId {
        self.document_count
    }

    /// True if a document has not been replaced.
    pub(crate) fn is_alive(&self, document: DocId) -> bool {
        self.alive.as_ref().is_none_or(|it| it.is_alive(document))
    }

    /// The time of the message's first event, in milliseconds since 1970.
    pub(crate) fn first_ms(&self, document: DocId) -> i64 {
        self.firsts.first(document).unwrap_or(i64::MIN)
    }

    /// The earliest and the latest first event, in milliseconds since 1970.
    pub(crate) fn first_range(&self) -> (i64, i64) {
        (self.firsts.min_value(), self.firsts.max_value())
    }

    /// The numbers of the blocks of [`BLOCK_DOCUMENTS`] that may have messages whose first event is
    /// between two instants, both included, in milliseconds since 1970.
    pub(crate) fn blocks_between(&self, since_ms: i64, until_ms: i64) -> Vec<u32> {
        let count = self.document_count.div_ceil(BLOCK_DOCUMENTS);
        // A question about all times needs no spans, and they take a pass over a column.
        if (since_ms, until_ms) == (i64::MIN, i64::MAX) {
            return (0..count).collect();
        }
        let spans = self.spans_of_blocks.get_or_init(|| {
            let block = |number| {
                let first = number * BLOCK_DOCUMENTS;
                let documents = first..self.document_count.min(first + BLOCK_DOCUMENTS);
                let times = documents.map(|it| self.first_ms(it));
                times.fold((i64::MAX, i64::MIN), |(a, b), it| (a.min(it), b.max(it)))
            };
            (0..count).map(block).collect()
        });
        let overlaps = |it: &(u32, &(i64, i64))| since_ms <= it.1.1 && it.1.0 <= until_ms;
        (0..).zip(spans).filter(overlaps).map(|(number, _)| number).collect()
    }

    /// The time of the message's last event, in milliseconds since 1970.
    pub(crate) fn last_ms(&self, document: DocId) -> i64 {
        let span = number(&self.spans, document);
        self.first_ms(document).saturating_add_unsigned(span)
    }

    /// The location of the message's first event.
    pub(crate) fn place(&self, document: DocId) -> Location {
        Location::from_bits(number(&self.places, document))
    }

    /// True if the originals of the message must be read.
    pub(crate) fn needs_originals(&self, document: DocId) -> bool {
        self.has_flag(document, NEEDS_ORIGINALS)
    }

    /// True if one of its legs has no beginning.
    pub(crate) fn lacks_beginning(&self, document: DocId) -> bool {
        self.has_flag(document, LACKS_BEGINNING)
    }

    fn has_flag(&self, document: DocId, flag: u64) -> bool {
        number(&self.flags, document) & flag != 0
    }

    /// Replaces the contents of `legs` with the message's legs.
    pub(crate) fn legs(&self, document: DocId, legs: &mut Vec<LegEntry>) {
        // The caller's vector is reused, which spares an allocation for each message.
        legs.clear();
        let first_ms = self.first_ms(document);
        let numbers = self.legs.values_for_doc(document);
        legs.extend(numbers.map(|it| LegEntry::from_number(it, first_ms)));
        if legs.is_empty() {
            legs.push(LegEntry::only(first_ms));
        }
    }

    /// The numbers of the outcomes of its rows.
    pub(crate) fn outcomes(&self, document: DocId) -> impl Iterator<Item = u8> {
        let rows = self.rows.values_for_doc(document);
        rows.map(RowBits::outcome_of)
    }

    /// Calls `visit` with the numbers of all addresses to whose mailboxes something was delivered,
    /// some more than once.
    pub(crate) fn for_each_delivered(&self, mut visit: impl FnMut(u32)) {
        let (rows, addresses) = (&self.rows.values, &self.addresses.0.ords().values);
        let mut take = |row: u64, address: u64| {
            if RowBits::was_delivered(row) {
                visit(u32::try_from(address).unwrap_or(u32::MAX));
            }
        };
        // Without replaced documents both columns run in step, and no document need be looked up.
        if self.alive.is_none() && rows.num_vals() == addresses.num_vals() {
            return (0..rows.num_vals())
                .for_each(|it| take(rows.get_val(it), addresses.get_val(it)));
        }
        for document in (0..self.document_count).filter(|it| self.is_alive(*it)) {
            let addresses = self.addresses.0.term_ords(document);
            self.rows.values_for_doc(document).zip(addresses).for_each(|(row, it)| take(row, it));
        }
    }

    /// Replaces the contents of `rows` with the message's rows.
    pub(crate) fn rows(&self, document: DocId, rows: &mut Vec<EntryRow>) {
        rows.clear();
        let mut addresses = self.addresses.numbers(document);
        // Finding the start of these values takes as long as all the rest, and many messages have
        // none.
        let (mut folders, mut statuses, mut causes, mut bounces) = (None, None, None, None);
        for number in self.rows.values_for_doc(document) {
            let (bits, has) = RowBits::from_number(number);
            rows.push(EntryRow {
                address: addresses.next().unwrap_or(u32::MAX),
                bits,
                latency_ms: has.latency_ms.map(u64::cast_signed),
                folder: next_if(has.folder, &mut folders, || self.folders.numbers(document)),
                status: next_if(has.status, &mut statuses, || self.statuses.numbers(document)),
                cause: next_if(has.cause, &mut causes, || self.causes.numbers(document)),
                bounce: next_if(has.bounce, &mut bounces, || self.bounces.values_for_doc(document))
                    .map(Location::from_bits),
            });
        }
    }

    /// The whole entry of a message.
    pub(crate) fn entry(&self, document: DocId) -> io::Result<MessageEntry<'static>> {
        let (mut legs, mut rows) = (Vec::new(), Vec::new());
        self.legs(document, &mut legs);
        self.rows(document, &mut rows);
        let text =
            |column: &TextColumn, number: Option<u32>| number.map(|it| column.text(it)).transpose();
        Ok(MessageEntry {
            place: self.place(document),
            first_ms: self.first_ms(document),
            last_ms: self.last_ms(document),
            needs_originals: self.needs_originals(document),
            lacks_beginning: self.lacks_beginning(document),
            from: self.from.text_of(document)?,
            sender: self.sender.text_of(document)?,
            verdicts: self.verdicts.text_of(document)?,
            rules: self
                .rules
                .numbers(document)
                .map(|it| self.rules.text(it))
                .collect::<Result<_, _>>()?,
            legs,
            recipients: rows
                .into_iter()
                .map(|row| {
                    Ok(RecipientEntry {
                        address: self.addresses.text(row.address)?,
                        bits: row.bits,
                        latency_ms: row.latency_ms.and_then(|it| u64::try_from(it).ok()),
                        folder: text(&self.folders, row.folder)?,
                        status: text(&self.statuses, row.status)?,
                        cause: text(&self.causes, row.cause)?,
                        bounce: row.bounce,
                    })
                })
                .collect::<io::Result<_>>()?,
        })
    }
}

/// A document's value in a column. Every document has one: a damaged segment without it reads as 0,
/// and `verify --deep` reports it.
fn number(column: &Column<u64>, document: DocId) -> u64 {
    column.first(document).unwrap_or(0)
}

/// The next of some values, whose iterator is made when the first is asked for.
fn next_if<I: Iterator>(
    has: bool,
    values: &mut Option<I>,
    begin: impl FnOnce() -> I,
) -> Option<I::Item> {
    if has { values.get_or_insert_with(begin).next() } else { None }
}

/// A column of numbers; an empty one for a segment without a single value.
fn number_column<T: HasAssociatedColumnType + Default>(
    reader: &SegmentReader,
    name: &str,
) -> tantivy::Result<Column<T>>
where
    DynamicColumn: Into<Option<Column<T>>>,
{
    let column = reader.fast_fields().column_opt(name)?;
    Ok(column.unwrap_or_else(|| Column::build_empty_column(reader.max_doc())))
}

impl TextColumn {
    /// The numbers of a document's texts.
    pub(crate) fn numbers(&self, document: DocId) -> impl Iterator<Item = u32> {
        self.0.term_ords(document).map(|it| u32::try_from(it).unwrap_or(u32::MAX))
    }

    /// The number of a document's text, for columns with at most one.
    pub(crate) fn number(&self, document: DocId) -> Option<u32> {
        self.numbers(document).next()
    }

    /// The number of different texts.
    pub(crate) fn text_count(&self) -> usize {
        self.0.num_terms()
    }

    /// The number of a text, if a document, perhaps a replaced one, has it.
    pub(crate) fn number_of(&self, text: &str) -> io::Result<Option<u32>> {
        let number = self.0.dictionary().term_ord(text.as_bytes())?;
        Ok(number.and_then(|it| u32::try_from(it).ok()))
    }

    /// The text of a number; empty where there is none.
    fn text(&self, number: u32) -> io::Result<Cow<'static, str>> {
        let mut text = String::new();
        self.0.ord_to_str(number.into(), &mut text)?;
        Ok(Cow::Owned(text))
    }

    fn text_of(&self, document: DocId) -> io::Result<Option<Cow<'static, str>>> {
        self.number(document).map(|it| self.text(it)).transpose()
    }

    /// Calls `visit` with all texts, in the order of their numbers.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&str)) -> io::Result<()> {
        let mut texts = self.0.dictionary().stream()?;
        while texts.advance() {
            visit(&String::from_utf8_lossy(texts.key()));
        }
        Ok(())
    }

    /// Calls `visit` with the texts of some numbers, which must be sorted.
    pub(crate) fn for_each_of(
        &self,
        numbers: &[u32],
        mut visit: impl FnMut(&str),
    ) -> io::Result<()> {
        let take = |text: &[u8]| visit(&String::from_utf8_lossy(text));
        let numbers: Vec<u64> = numbers.iter().copied().map(u64::from).collect();
        // In order, so that each block of the dictionary is decompressed once.
        self.0.dictionary().sorted_ords_to_term_cb(&numbers, take).map(drop)
    }
}
