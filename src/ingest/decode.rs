//! From a framed batch to records that are ready for the store.

use std::borrow::Cow;

use crate::event::{Event, Parser};
use crate::source::{Batch, Decoded, Decoder, Format, Found, Output, Record};
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
            Output::Found(found) => {
                let message = match &found.decoded {
                    Decoded::Record(record) => &record.message,
                    Decoded::Raw(message) => message,
                };
                match parser.parse(message) {
                    Ok(event) => {
                        decoded.format.get_or_insert(found.format);
                        let mut record = match found.decoded {
                            Decoded::Record(record) => record,
                            Decoded::Raw(message) => decoded.date(message, &event, borrowed_time),
                        };
                        if record.log_group.is_none() {
                            record.log_group = log_group.map(Cow::Borrowed);
                        }
                        if preparer.withholds(&record) {
                            decoded.withheld += 1;
                            return;
                        }
                        let place =
                            Place { line: found.line, byte_offset: Some(found.byte_offset) };
                        preparer.add_at(place, &record, found.escaped_message, &event);
                    }
                    Err(error) => decoded.reject(&found, &error.to_string()),
                }
            }
        });
        decoded.prepared = preparer.finish()?;
        Ok(decoded)
    }
}

impl DecodedBatch {
    /// Makes a record of a message alone. Its time is never that of the log record: the event's
    /// own is when the mail was received, and the neighbour's is the neighbour's.
    fn date<'m>(
        &mut self,
        message: Cow<'m, str>,
        event: &Event<'_>,
        borrowed_time: Option<Timestamp>,
    ) -> Record<'m> {
        if let Some(time) = event.message_timestamp {
            self.first_time.get_or_insert(time);
            self.last_time = Some(time);
        }
        let known = self.last_time.or(borrowed_time);
        self.lacks_time |= known.is_none();
        Record {
            log_group: None,
            log_stream: None,
            event_id: None,
            timestamp: known.unwrap_or(Timestamp::UNIX_EPOCH),
            is_time_approximate: true,
            ingestion_time: None,
            message,
        }
    }

    /// Keeps a unit whose message is no event.
    fn reject(&mut self, found: &Found<'_>, reason: &str) {
        self.rejects.push(OwnedReject {
            line: found.line,
            byte_offset: found.byte_offset,
            reason: reason.to_owned(),
            is_continuation: false,
            bytes: found.unit.to_vec(),
        });
    }
}
