//! From a framed batch to records that are ready for the store.

use std::borrow::Cow;

use super::spans::Spans;
use crate::event::EventError;
use crate::event::{Event, Parser};
use crate::source::{Batch, Claim, Decoded, Decoder, Format, Found, Output, Record, unwrapped};
use crate::store::{Place, PreparedBatch, Preparer, Preparers, StoreError};
use crate::time::Timestamp;

/// What one worker needs.
pub(super) struct Worker {
    decoder: Decoder,
    parser: Parser,
    preparer: Preparer,
}

/// What one batch turned out to hold.
#[derive(Default)]
pub(super) struct DecodedBatch {
    pub(super) prepared: PreparedBatch,
    pub(super) rejects: Vec<OwnedReject>,
    pub(super) format: Option<Format>,
    /// The first time that an event itself carries.
    pub(super) first_time: Option<Timestamp>,
    /// The last one.
    pub(super) last_time: Option<Timestamp>,
    /// Whether a message without a time came before the first event with one, and nothing better
    /// than the fallback was known.
    pub(super) lacks_time: bool,
    /// Records of a kind that was removed from the store.
    pub(super) withheld: u64,
    /// What the records cover, where they are of a shape that can promise it.
    pub(super) spans: Spans,
    /// What the input says of its own completeness, in order.
    pub(super) claims: Vec<Claim>,
}

/// A piece of rejected input.
pub(super) struct OwnedReject {
    pub(super) line: u64,
    pub(super) byte_offset: u64,
    pub(super) reason: String,
    pub(super) is_continuation: bool,
    pub(super) bytes: Vec<u8>,
}

impl Worker {
    pub(super) fn new(preparers: &Preparers) -> Self {
        Self { decoder: Decoder::new(), parser: Parser::new(), preparer: preparers.preparer() }
    }

    /// Decodes a batch. `borrowed_time` is the time of the last event before it, for messages
    /// that carry none; `log_group` names the group of records whose source does not.
    pub(super) fn decode(
        &mut self,
        batch: &Batch,
        borrowed_time: Option<Timestamp>,
        log_group: Option<&str>,
    ) -> Result<DecodedBatch, StoreError> {
        let Self { decoder, parser, preparer } = self;
        let mut decoded = DecodedBatch::default();
        // An archive line is about as long as the unit that it comes from.
        preparer.reserve(batch.byte_count() + batch.byte_count() / 8);
        decoder.decode(batch, &mut |output| match output {
            Output::Rejected(reject) => decoded.rejects.push(OwnedReject {
                line: reject.line,
                byte_offset: reject.byte_offset,
                reason: reject.reason.to_string(),
                is_continuation: reject.is_continuation,
                bytes: reject.bytes.to_vec(),
            }),
            Output::Claimed(claim) => decoded.claims.push(claim),
            Output::Found(found) => {
                let mut keeper = Keeper { preparer: &mut *preparer, log_group, borrowed_time };
                let error = match parser.parse(found.decoded.message()) {
                    Ok(event) => return keeper.keep(found, &event, &mut decoded),
                    Err(error) => error,
                };
                let Some(inner) = unwrapped(found.decoded.message()) else {
                    return decoded.reject(&found, &error);
                };
                match parser.parse(inner.message()) {
                    Ok(event) => {
                        // What was carried from another log speaks for no time in this one.
                        let (format, escaped_message) = (Format::Shipper, None);
                        let inner = found.decoded.with_inner(inner.clone());
                        let found = Found { format, decoded: inner, escaped_message, ..found };
                        keeper.keep(found, &event, &mut decoded);
                    }
                    Err(_) => decoded.reject(&found, &error),
                }
            }
        });
        decoded.prepared = preparer.finish()?;
        Ok(decoded)
    }
}

/// What makes records of what was found.
struct Keeper<'w> {
    preparer: &'w mut Preparer,
    log_group: Option<&'w str>,
    borrowed_time: Option<Timestamp>,
}

impl Keeper<'_> {
    fn keep(&mut self, found: Found<'_>, event: &Event<'_>, batch: &mut DecodedBatch) {
        let Found { format, line, byte_offset, decoded, escaped_message, .. } = found;
        batch.format.get_or_insert(format);
        let mut record = batch.date(decoded, event, self.borrowed_time);
        if record.log_group.is_none() {
            record.log_group = self.log_group.map(Cow::Borrowed);
        }
        if self.preparer.withholds(&record) {
            batch.withheld += 1;
            return;
        }
        if format.has_all_between() && !record.is_time_approximate {
            let log_group = record.log_group.as_deref().unwrap_or_default();
            batch.spans.add(log_group, record.timestamp);
        }
        let place = Place { line, byte_offset: Some(byte_offset) };
        self.preparer.add_at(place, &record, escaped_message, event);
    }
}

impl DecodedBatch {
    /// Makes a record of a message alone, or gives the record that there is. The time of a message
    /// alone is never that of the log record: the event's own is when the mail was received, and
    /// the neighbour's is the neighbour's.
    fn date<'m>(
        &mut self,
        decoded: Decoded<'m>,
        event: &Event<'_>,
        borrowed_time: Option<Timestamp>,
    ) -> Record<'m> {
        let (log_group, log_stream, message) = match decoded {
            Decoded::Record(record) => return record,
            Decoded::Raw(message) => (None, None, message),
            Decoded::Undated { log_group, log_stream, message } => (log_group, log_stream, message),
        };
        if let Some(time) = event.message_timestamp {
            self.first_time.get_or_insert(time);
            self.last_time = Some(time);
        }
        let known = self.last_time.or(borrowed_time);
        self.lacks_time |= known.is_none();
        Record {
            log_group,
            log_stream,
            event_id: None,
            timestamp: known.unwrap_or(Timestamp::UNIX_EPOCH),
            is_time_approximate: true,
            ingestion_time: None,
            message,
        }
    }

    /// Keeps a unit whose message is no event.
    fn reject(&mut self, found: &Found<'_>, error: &EventError) {
        let Found { format, line, byte_offset, .. } = *found;
        let is_cut = matches!(error, EventError::NotJson { .. })
            && matches!(format, Format::InsightsJson | Format::InsightsCsv);
        let hint = match is_cut {
            true => " (Logs Insights cuts long messages: take this one with filter-log-events)",
            false => "",
        };
        let reason = format!("{error}{hint}");
        let bytes = found.unit.to_vec();
        self.rejects.push(OwnedReject { line, byte_offset, reason, is_continuation: false, bytes });
    }
}
