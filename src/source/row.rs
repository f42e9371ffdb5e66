//! Records as rows of values without names, as `--query 'events[].[timestamp,message]'` and
//! `--output text` print them.
//!
//! The values identify themselves: the one that holds an event is the message, numbers and dates
//! are times, and of two times the earlier is the event's, as no event is ingested before it
//! happened.

use std::borrow::Cow;

use super::scan;
use super::shippers::{Shipped, may_be_event, text};
use super::when::read_time;
use super::{Claim, Decoded};
use crate::time::LoggedTime;

/// Values in a row at most. A record has no more than six.
const VALUES_MAX: usize = 16;

/// Digits of a CloudWatch event ID at least; no time has as many.
const EVENT_ID_DIGITS_MIN: usize = 30;

/// Digits of a time at least.
const TIME_DIGITS_MIN: usize = 10;

/// The AWS CLI's label for each record of `--output text`.
const EVENTS_LABEL: &str = "EVENTS";

/// Its word for `null`.
const NULL: &str = "None";

/// Its label for the line with the token of the next page.
const NEXT_TOKEN_LABEL: &[u8] = b"NEXTTOKEN\t";

/// Its label for each log stream that was searched.
const STREAMS_LABEL: &[u8] = b"SEARCHEDLOGSTREAMS\t";

/// Bytes of a page token at least.
const TOKEN_BYTES_MIN: usize = 16;

#[derive(Default)]
struct RowInReading<'a> {
    message: Option<Cow<'a, str>>,
    times: Vec<LoggedTime>,
    log_group: Option<Cow<'a, str>>,
    log_stream: Option<Cow<'a, str>>,
    event_id: Option<Cow<'a, str>>,
    count: usize,
}

/// Reads a JSON list of one message and its metadata; `None` for anything else.
pub(super) fn decode_list(list: &str) -> Option<Decoded<'_>> {
    let bytes = list.as_bytes();
    let mut row = RowInReading::default();
    let mut index = 1;
    loop {
        index += scan::separators(bytes.get(index..)?);
        if bytes.get(index) == Some(&b']') {
            return row.decode();
        }
        let length = scan::value(bytes.get(index..)?).ok()?;
        let raw = list.get(index..index + length)?;
        index += length;
        match raw.as_bytes().first()? {
            b'"' => row.take(text(raw)?)?,
            _ => row.take(Cow::Borrowed(raw))?,
        }
    }
}

/// Reads a line of tab-separated values; `None` for anything else.
pub(super) fn decode_line(line: &str) -> Option<Decoded<'_>> {
    let line = line.trim_end_matches(['\r', '\n']);
    let values = line.strip_prefix(EVENTS_LABEL).and_then(|it| it.strip_prefix('\t'));
    let mut row = RowInReading::default();
    for value in values.unwrap_or(line).split('\t') {
        row.take(Cow::Borrowed(value))?;
    }
    row.decode()
}

/// True if a line is one JSON string that holds an object, as `jq` writes messages without `-r`.
pub(super) fn is_quoted_object(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.starts_with(b"\"{") && scan::string_end(line, 0) == Ok(line.len())
}

/// True if a line is a row of tab-separated values.
pub(super) fn is_row(line: &[u8]) -> bool {
    // Finding that a line lacks these costs less than decoding it.
    memchr::memchr(b'\t', line).is_some()
        && memchr::memchr(b'{', line).is_some()
        && std::str::from_utf8(line).is_ok_and(|it| decode_line(it).is_some())
}

/// Returns the claim in a line of `--output text` that holds no record, judged by the line and the
/// start of the next; `None` for other lines.
pub(super) fn label(line: &[u8], next: &[u8]) -> Option<Claim> {
    if line.starts_with(NEXT_TOKEN_LABEL) {
        return Some(Claim::MorePages);
    }
    if line.starts_with(STREAMS_LABEL) {
        return Some(Claim::LastPage);
    }
    // Tokens precede the records, without a label.
    let is_token = |it: &[u8]| {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_-+=|.:".contains(byte);
        it.len() >= TOKEN_BYTES_MIN && it.iter().all(is_part)
    };
    let words: Vec<&[u8]> = line.trim_ascii().split(|it| *it == b'\t').collect();
    if !words.iter().all(|it| is_token(it)) {
        return None;
    }
    match words.as_slice() {
        [back, forward] if back.starts_with(b"b/") && forward.starts_with(b"f/") => {
            Some(Claim::OneStream)
        }
        [_] if next.starts_with(b"EVENTS\t") => Some(Claim::MorePages),
        _ => None,
    }
}

impl<'a> RowInReading<'a> {
    /// Takes the next value; `None` if this cannot be a row.
    fn take(&mut self, value: Cow<'a, str>) -> Option<()> {
        self.count += 1;
        if self.count > VALUES_MAX {
            return None;
        }
        let trimmed = value.trim();
        let is_number = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if may_be_event(trimmed) {
            return self.message.replace(value).is_none().then_some(());
        }
        match trimmed {
            "" | NULL | "null" | "true" | "false" | "True" | "False" => {}
            // JSON that is not an event: the line must be something else.
            it if it.starts_with(['{', '[']) => return None,
            it if it.starts_with('/') => self.log_group = Some(value),
            it if is_number(it) && it.len() >= EVENT_ID_DIGITS_MIN => self.event_id = Some(value),
            it if is_number(it) && it.len() < TIME_DIGITS_MIN => {}
            it => match read_time(it) {
                Ok(when) => self.times.push(when),
                Err(_) => self.log_stream = self.log_stream.take().or(Some(value)),
            },
        }
        Some(())
    }

    /// Returns the record; `None` without a message, or for a message alone, which is not a row.
    fn decode(self) -> Option<Decoded<'a>> {
        let message = self.message.filter(|_| self.count > 1)?;
        let mut times = self.times;
        // A query names its columns in any order, so the order of the times says nothing.
        times.sort_by_key(|it| it.at);
        let mut times = times.into_iter();
        let shipped = Shipped {
            message: Some(message),
            when: times.next(),
            log_group: self.log_group,
            log_stream: self.log_stream,
            event_id: self.event_id,
            ingestion_time: times.next(),
        };
        Some(shipped.into_decoded(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"traceId":"t","event":{"eventName":"OUTGOING_EMAIL_SENT"}}"#;

    fn record(decoded: Option<Decoded<'_>>) -> String {
        match decoded {
            Some(Decoded::Record(it)) => {
                assert_eq!(it.message, EVENT);
                let ingestion_ms = it.ingestion_time.map(|it| it.as_ms());
                let ms = it.timestamp.as_ms();
                format!("{ms} {ingestion_ms:?} {:?} {:?}", it.log_stream, it.event_id.is_some())
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_order_of_the_values_does_not_matter() {
        let quoted = serde_json::to_string(EVENT).unwrap();
        let id = "39".repeat(28);
        let whole = "1795446131120 Some(1795446132020) Some(\"s\") true";
        for list in [
            format!("[1795446131120, {quoted}, \"s\", 1795446132020, \"{id}\"]"),
            format!("[\"{id}\", 1795446132020, \"s\", {EVENT}, 1795446131120]"),
        ] {
            assert_eq!(record(decode_list(&list)), whole, "{list}");
        }
        let line = format!("EVENTS\t{id}\t1795446132020\ts\t{EVENT}\t1795446131120");
        assert_eq!(record(decode_line(&line)), whole);
        assert_eq!(
            record(decode_line(&format!("2026-11-23T15:02:11.120Z\t{EVENT}"))),
            "1795446131120 None None false"
        );
    }

    #[test]
    fn what_stands_beside_the_records_of_text_is_known() {
        let check = |line: &str, next: &str, expect| {
            assert_eq!(label(line.as_bytes(), next.as_bytes()), expect, "{line}");
        };
        check("NEXTTOKEN\teyJuZXh0VG9rZW4iOiBudWxsfQ==", "", Some(Claim::MorePages));
        check("SEARCHEDLOGSTREAMS\tacme\tTrue", "", Some(Claim::LastPage));
        check("b/3961234567890123/s\tf/3961234567890123/s\r", "EVENTS\t", Some(Claim::OneStream));
        check("Bxkq6kVGFtq2y_MoigeqscPOdhXVbhiVtLoAmXb5jCqRo", "EVENTS\t1", Some(Claim::MorePages));
        check("Bxkq6kVGFtq2y_MoigeqscPOdhXVbhiVtLoAmXb5jCqRo", "hello", None);
        check("hello", "EVENTS\t", None);
    }

    #[test]
    fn a_list_of_messages_is_no_row() {
        let quoted = serde_json::to_string(EVENT).unwrap();
        for list in [
            format!("[{quoted}]"),
            format!("[{quoted},{quoted}]"),
            format!("[{EVENT},[]]"),
            "[1,2]".to_owned(),
            "[".to_owned(),
        ] {
            assert!(decode_list(&list).is_none(), "{list}");
        }
        assert!(decode_line(EVENT).is_none());
        assert!(decode_line(&format!("{EVENT}\t{EVENT}")).is_none());
    }
}
