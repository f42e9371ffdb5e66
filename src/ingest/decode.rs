//! Turns framed batches into records that are ready for the store.

use std::borrow::Cow;
use std::sync::Arc;

use super::RejectedPiece;
use super::spans::Spans;
use crate::audit::OtherRecord;
use crate::event::{EventError, Parser};
use crate::source::{
    Batch, Claim, Decoded, Decoder, DecodingBudget, Format, FoundUnit, Output, Record, unwrapped,
};
use crate::store::{MessageContent, Place, PreparedBatch, Preparer, Preparers, StoreError};
use crate::time::Timestamp;

/// Approximate bytes of memory that a prepared record takes beside its text.
const RECORD_OVERHEAD_BYTES: usize = 512;

pub(super) struct DecodeWorker {
    decoder: Decoder,
    parser: Parser,
    preparer: Preparer,
}

/// The content of one batch.
#[derive(Default)]
pub(super) struct DecodedBatch {
    pub(super) prepared: PreparedBatch,
    pub(super) rejects: Vec<RejectedPiece>,
    pub(super) format: Option<Format>,
    /// The first time that an event carries itself.
    pub(super) first_time: Option<Timestamp>,
    pub(super) last_time: Option<Timestamp>,
    /// True if a message without a time came before the first event with one, and no time to borrow
    /// was known.
    pub(super) lacks_time: bool,
    /// Records withheld because records like them were removed from the store.
    pub(super) withheld: u64,
    /// The coverage of the records, if their format can promise any.
    pub(super) spans: Spans,
    /// The input's claims about its own completeness, in order.
    pub(super) claims: Vec<Claim>,
    /// The damage in compressed data whose first records were already taken.
    pub(super) damage: Option<String>,
    /// Bytes to which payloads have expanded.
    pub(super) expanded_bytes: u64,
    /// Bytes of the raw input that had been read when the batch was full.
    pub(super) raw_bytes: u64,
}

impl DecodeWorker {
    pub(super) fn new(preparers: &Preparers) -> Self {
        Self { decoder: Decoder::new(), parser: Parser::new(), preparer: preparers.preparer() }
    }

    /// Decodes a batch as far as its budget allows. `borrowed_time` is the time of the last event
    /// before it, for messages without one; `log_group` is the group of records whose source does
    /// not name one.
    pub(super) fn decode(
        &mut self,
        batch: &Batch,
        borrowed_time: Option<Timestamp>,
        log_group: Option<&str>,
        budget: &Arc<DecodingBudget>,
    ) -> Result<DecodedBatch, StoreError> {
        let Self { decoder, parser, preparer } = self;
        let mut decoding = Decoding { parser, preparer, borrowed_time, log_group, budget };
        let mut decoded = DecodedBatch::default();
        // An archive line is about as long as its unit.
        decoding.preparer.reserve(batch.byte_count() + batch.byte_count() / 8);
        decoder.decode_within_budget(batch, budget, &mut |output| {
            // The decoder checks the budget between units, and one unit may have many outputs.
            if !budget.is_halted() {
                decoding.take(output, &mut decoded);
            }
        });
        decoded.prepared = preparer.finish()?;
        decoded.expanded_bytes = budget.expanded_bytes();
        decoded.raw_bytes = batch.raw_bytes();
        Ok(decoded)
    }

    /// Decodes a batch that expands a lot, and hands it on in pieces. `renewed` returns newer
    /// preparers, if there are any.
    pub(super) fn decode_pieces(
        &mut self,
        batch: &Batch,
        options: &PieceOptions<'_>,
        renewed: &mut dyn FnMut() -> Option<Preparers>,
        on_piece: &mut dyn FnMut(DecodedBatch),
    ) -> Result<(), StoreError> {
        let Self { decoder, parser, preparer } = self;
        let PieceOptions { borrowed_time, log_group, piece_bytes: piece_bytes_max, budget } =
            *options;
        let borrowed_time = Some(borrowed_time);
        let mut decoding = Decoding { parser, preparer, borrowed_time, log_group, budget };
        let raw_bytes = batch.raw_bytes();
        let mut piece = DecodedBatch { raw_bytes, ..DecodedBatch::default() };
        let mut piece_bytes = 0;
        let mut problem = None;
        decoder.decode_within_budget(batch, budget, &mut |output| {
            if budget.is_halted() {
                return;
            }
            piece_bytes += decoding.take(output, &mut piece);
            if piece_bytes < piece_bytes_max {
                return;
            }
            piece_bytes = 0;
            let last_time = piece.last_time;
            let next = DecodedBatch { last_time, raw_bytes, ..DecodedBatch::default() };
            let mut whole = std::mem::replace(&mut piece, next);
            match decoding.preparer.finish() {
                Ok(prepared) => whole.prepared = prepared,
                Err(error) => {
                    problem = Some(error);
                    return budget.halt();
                }
            }
            on_piece(whole);
            // What is prepared against an older commit takes longer to append.
            if let Some(preparers) = renewed() {
                *decoding.preparer = preparers.preparer();
            }
        });
        if let Some(error) = problem {
            return Err(error);
        }
        piece.prepared = preparer.finish()?;
        if !budget.is_halted() {
            on_piece(piece);
        }
        Ok(())
    }
}

/// Options for decoding a batch in pieces.
pub(super) struct PieceOptions<'o> {
    /// The time of the last event before it.
    pub(super) borrowed_time: Timestamp,
    /// The group of records whose source does not name one.
    pub(super) log_group: Option<&'o str>,
    pub(super) piece_bytes: usize,
    pub(super) budget: &'o Arc<DecodingBudget>,
}

/// Turns outputs into records and rejects.
struct Decoding<'w> {
    parser: &'w mut Parser,
    preparer: &'w mut Preparer,
    borrowed_time: Option<Timestamp>,
    log_group: Option<&'w str>,
    budget: &'w DecodingBudget,
}

impl Decoding<'_> {
    /// Takes one output. Returns the approximate bytes of memory that are kept of it.
    fn take(&mut self, output: Output<'_>, decoded: &mut DecodedBatch) -> usize {
        let bytes = match output {
            Output::Rejected(reject) => {
                if reject.reason.is_damage() {
                    decoded.damage.get_or_insert_with(|| reject.reason.to_string());
                }
                let reject = RejectedPiece {
                    line: reject.line,
                    byte_offset: reject.byte_offset,
                    reason: format!(
                        "{}{}",
                        reject.reason,
                        other_output_format(reject.bytes).unwrap_or("")
                    ),
                    is_continuation: reject.is_continuation,
                    bytes: reject.bytes.to_vec(),
                };
                decoded.keep(reject)
            }
            Output::Claimed(claim) => {
                decoded.claims.push(claim);
                size_of::<Claim>()
            }
            Output::Found(found) => self.found(found, decoded),
        };
        self.budget.keep(bytes);
        bytes
    }

    fn found(&mut self, found: FoundUnit<'_>, decoded: &mut DecodedBatch) -> usize {
        let mut keeper = Keeper {
            preparer: &mut *self.preparer,
            log_group: self.log_group,
            borrowed_time: self.borrowed_time,
        };
        let error = match self.parser.parse(found.decoded.message()) {
            Ok(event) => return keeper.keep(found, &MessageContent::Mail(&event), decoded),
            Err(error) => error,
        };
        // Mail first and without a copy: nearly every message parses as one.
        let message = found.decoded.message().to_owned();
        if let Some(other) = OtherRecord::parse(&message) {
            return keeper.keep(found, &MessageContent::Other(&other), decoded);
        }
        let Some(inner) = unwrapped(&message) else {
            return decoded.reject(&found, &error);
        };
        // A record carried over from another log proves nothing about this one, so its format is
        // one without coverage.
        let (format, escaped_message) = (Format::Shipper, None);
        match self.parser.parse(inner.message()) {
            Ok(event) => {
                let inner = found.decoded.with_inner(inner.clone());
                let found = FoundUnit { format, decoded: inner, escaped_message, ..found };
                keeper.keep(found, &MessageContent::Mail(&event), decoded)
            }
            Err(_) => match OtherRecord::parse(inner.message()) {
                Some(other) => {
                    let inner = found.decoded.with_inner(inner.clone());
                    let found = FoundUnit { format, decoded: inner, escaped_message, ..found };
                    keeper.keep(found, &MessageContent::Other(&other), decoded)
                }
                None => decoded.reject(&found, &error),
            },
        }
    }
}

/// Returns the time in a record's message, and true if it is the event's time rather than the
/// mail's.
fn own_time(content: &MessageContent<'_>) -> Option<(Timestamp, bool)> {
    match content {
        MessageContent::Mail(event) => event.message_timestamp.map(|it| (it, false)),
        MessageContent::Other(other) => other.at().map(|it| (it, true)),
    }
}

/// Makes records of found units.
struct Keeper<'w> {
    preparer: &'w mut Preparer,
    log_group: Option<&'w str>,
    borrowed_time: Option<Timestamp>,
}

impl Keeper<'_> {
    /// Keeps a record. Returns the approximate bytes of memory that it takes.
    fn keep(
        &mut self,
        found: FoundUnit<'_>,
        content: &MessageContent<'_>,
        batch: &mut DecodedBatch,
    ) -> usize {
        let FoundUnit { format, line, byte_offset, decoded, escaped_message, .. } = found;
        batch.format.get_or_insert(format);
        let mut record = batch.date(decoded, content, self.borrowed_time);
        if record.log_group.is_none() {
            record.log_group = self.log_group.map(Cow::Borrowed);
        }
        if self.preparer.withholds(&record) {
            batch.withheld += 1;
            return 0;
        }
        if format.has_all_between() && !record.is_time_approximate {
            let log_group = record.log_group.as_deref().unwrap_or("");
            batch.spans.add(log_group, record.timestamp);
        }
        let place = Place { line, byte_offset: Some(byte_offset) };
        let names = [&record.log_group, &record.log_stream, &record.event_id];
        let name_bytes: usize = names.into_iter().flatten().map(|it| it.len()).sum();
        self.preparer.take(Some(place), &record, escaped_message, content);
        record.message.len() + name_bytes + RECORD_OVERHEAD_BYTES
    }
}

impl DecodedBatch {
    /// Makes a record of a message alone, or returns the record that there is. The time of a
    /// message alone is never that of the log record: the event's own is when the mail was
    /// received, and a borrowed one is the neighbour's.
    fn date<'m>(
        &mut self,
        decoded: Decoded<'m>,
        content: &MessageContent<'_>,
        borrowed_time: Option<Timestamp>,
    ) -> Record<'m> {
        let (log_group, log_stream, message) = match decoded {
            Decoded::Record(record) => return record,
            Decoded::Raw(message) => (None, None, message),
            Decoded::Undated { log_group, log_stream, message } => (log_group, log_stream, message),
        };
        let mut is_exact = false;
        if let Some((time, is_of_event)) = own_time(content) {
            self.first_time.get_or_insert(time);
            self.last_time = Some(time);
            is_exact = is_of_event;
        }
        let known = self.last_time.or(borrowed_time);
        self.lacks_time |= known.is_none();
        Record {
            log_group,
            log_stream,
            event_id: None,
            // Only a placeholder: a batch that lacks a time is decoded again with one.
            timestamp: known.unwrap_or(Timestamp::UNIX_EPOCH),
            is_time_approximate: !is_exact,
            ingestion_time: None,
            message,
        }
    }

    /// Rejects a unit whose message is not an event.
    fn reject(&mut self, found: &FoundUnit<'_>, error: &EventError) -> usize {
        let FoundUnit { format, line, byte_offset, .. } = *found;
        let is_cut = matches!(error, EventError::NotJson { .. })
            && matches!(format, Format::InsightsJson | Format::InsightsCsv);
        let hint = match is_cut {
            true => {
                " (Logs Insights truncates long messages: fetch this one with filter-log-events)"
            }
            false => "",
        };
        let hint = other_output_format(found.unit).unwrap_or(hint);
        let reason = format!("{error}{hint}");
        let bytes = found.unit.to_vec();
        self.keep(RejectedPiece { line, byte_offset, reason, is_continuation: false, bytes })
    }

    /// Keeps rejected input. Returns the approximate bytes of memory that it takes.
    fn keep(&mut self, reject: RejectedPiece) -> usize {
        let bytes = reject.bytes.len() + reject.reason.len() + size_of::<RejectedPiece>();
        self.rejects.push(reject);
        // Two more allocations cost about 16 bytes each.
        bytes + 32
    }
}

/// Returns the remedy for a line of an audit log that was delivered in another format than JSON.
fn other_output_format(unit: &[u8]) -> Option<&'static str> {
    let has = |text: &[u8]| memchr::memmem::find(unit, text).is_some();
    if has(b":workmail:") && !unit.trim_ascii_start().starts_with(b"{") {
        Some(
            " (an audit log in the output format plain, w3c or raw: set the delivery destination's output format to json, and fetch the events again)",
        )
    } else {
        None
    }
}
