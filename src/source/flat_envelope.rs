//! Reads in one pass the envelope that nearly every record has: a flat object of texts and whole
//! numbers.
//!
//! Anything unusual, be it wrong or only rare, is left to [`EnvelopeReader`]. Both read a flat
//! envelope alike.
//!
//! [`EnvelopeReader`]: super::envelope::EnvelopeReader

use std::borrow::Cow;

use super::document::DocumentContext;
use super::envelope::EnvelopeShape;
use super::unescape::{EscapedText, unescape};
use super::{Format, Record};
use crate::time::{NUMBERS_OF_SECONDS, Timestamp};

pub(super) struct FlatEnvelope<'a> {
    log_group: Option<&'a str>,
    log_stream: Option<&'a str>,
    event_id: Option<&'a str>,
    timestamp: Timestamp,
    ingestion_time: Option<Timestamp>,
    message: &'a str,
    /// The message, still escaped.
    escaped_message: EscapedText<'a>,
}

impl<'a> FlatEnvelope<'a> {
    /// Reads an object, and its message into `buffer`. `None` if the object is not flat: it may
    /// still be a record.
    pub(super) fn read(bytes: &'a [u8], buffer: &'a mut Vec<u8>) -> Option<Self> {
        let (mut log_group, mut log_stream, mut event_id) = (None, None, None);
        let (mut timestamp, mut ingestion_time, mut message) = (None, None, None);
        let mut cursor = Cursor { rest: bytes };
        cursor.take(b'{')?;
        loop {
            cursor.skip_blanks();
            let key = cursor.quoted()?;
            cursor.skip_blanks();
            cursor.take(b':')?;
            cursor.skip_blanks();
            match key {
                b"logGroup" | b"logGroupName" => set(&mut log_group, cursor.text()?)?,
                b"logStream" | b"logStreamName" => set(&mut log_stream, cursor.text()?)?,
                b"eventId" | b"id" => set(&mut event_id, cursor.text()?)?,
                b"timestamp" => set(&mut timestamp, cursor.time()?)?,
                b"ingestionTime" => set(&mut ingestion_time, cursor.time()?)?,
                b"message" => set(&mut message, cursor.unescaped(buffer)?)?,
                _ => return None,
            }
            cursor.skip_blanks();
            if cursor.take(b',').is_none() {
                break;
            }
        }
        cursor.take(b'}')?;
        cursor.skip_blanks();
        let (escaped_message, message_length) = message?;
        if !cursor.rest.is_empty() {
            return None;
        }
        Some(Self {
            log_group,
            log_stream,
            event_id,
            timestamp: timestamp?,
            ingestion_time,
            // One check of the decoded text suffices: unescaping neither makes nor mends bad UTF-8.
            message: std::str::from_utf8(buffer.get(..message_length)?).ok()?,
            escaped_message,
        })
    }

    /// Returns the record. The envelope's own group and stream take precedence over those of
    /// `context`.
    pub(super) fn into_shape(self, context: &'a DocumentContext) -> EnvelopeShape<'a> {
        let record = Record {
            log_group: self.log_group.or(context.log_group.as_deref()).map(Cow::Borrowed),
            log_stream: self.log_stream.or(context.log_stream.as_deref()).map(Cow::Borrowed),
            event_id: self.event_id.map(Cow::Borrowed),
            timestamp: self.timestamp,
            is_time_approximate: false,
            ingestion_time: self.ingestion_time,
            message: Cow::Borrowed(self.message),
        };
        let format = context.format.unwrap_or(Format::Ndjson);
        EnvelopeShape::Record(format, record, Some(self.escaped_message))
    }
}

/// Sets a member that may come only once: for repeated ones, [`EnvelopeReader`] decides which
/// counts.
fn set<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        if *first != byte {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// Takes a text up to the next quote, which may be an escaped one.
    fn quoted(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let (text, rest) = self.rest.split_at_checked(memchr::memchr(b'"', self.rest)?)?;
        self.rest = rest;
        self.take(b'"')?;
        Some(text)
    }

    /// A text without escapes.
    fn text(&mut self) -> Option<&'a str> {
        let text = self.quoted()?;
        // Looks at all bytes, which is faster than stopping at the first bad one.
        let is_odd = text.iter().fold(false, |any, it| any | (*it < b' ') | (*it == b'\\'));
        if is_odd { None } else { std::str::from_utf8(text).ok() }
    }

    /// A whole number of milliseconds in the range of times.
    fn time(&mut self) -> Option<Timestamp> {
        /// No time needs more, and fewer cannot overflow.
        const DIGITS_MAX: usize = 15;
        let is_negative = self.take(b'-').is_some();
        let before = self.rest.len();
        let mut number: u64 = 0;
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest {
            // JSON allows no leading zero, and minus zero is left to the parsers.
            if (*digit == b'0' && number == 0) || before - rest.len() > DIGITS_MAX {
                return None;
            }
            number = number * 10 + u64::from(digit - b'0');
            self.rest = rest;
        }
        // A number this small means seconds, which `LoggedTime` handles.
        if self.rest.len() == before || NUMBERS_OF_SECONDS.contains(&number) {
            return None;
        }
        let ms = i64::try_from(number).ok()?;
        Timestamp::from_ms(if is_negative { -ms } else { ms })
    }

    /// Takes a text. Returns it still escaped, and its length in `buffer`.
    fn unescaped(&mut self, buffer: &mut Vec<u8>) -> Option<(EscapedText<'a>, usize)> {
        self.take(b'"')?;
        let (escaped, length) = unescape(self.rest, buffer)?;
        self.rest = self.rest.get(escaped.as_bytes().len()..)?;
        self.take(b'"')?;
        Some((escaped, length))
    }
}
