//! Log lines with time and origin before the message: those of S3 exports, `aws logs tail`,
//! awslogs, saw and cw.

use std::borrow::Cow;

use super::when::read_time;
use super::{Decoded, Format, Record, RejectReason};
use crate::time::LoggedTime;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogLine<'a> {
    pub(super) format: Format,
    when: Option<LoggedTime>,
    ingestion_time: Option<LoggedTime>,
    log_group: Option<Cow<'a, str>>,
    log_stream: Option<Cow<'a, str>>,
    event_id: Option<Cow<'a, str>>,
    message: &'a str,
}

/// Bytes of a time to the second: `2026-11-23T21:34:00`.
const SECOND_PRECISION_BYTES: usize = 19;

/// Bytes of the longest form of a time, with nanoseconds and an offset.
const STAMP_BYTES_MAX: usize = 40;

/// Bytes before a message that may hold group, stream and times: names have at most 512 bytes each.
const PREFIX_BYTES_MAX: usize = 2 << 10;

/// Words before a message, beyond which they are not all names and times.
const PREFIX_WORDS_MAX: usize = 8;

/// Digits of an event ID at least; no time has as many.
const EVENT_ID_DIGITS_MIN: usize = 30;

/// Returns where the time at the start of a line begins and ends, after any colours.
pub(super) fn stamp(line: &[u8]) -> Option<(usize, usize)> {
    let start = skip_colours(line, 0);
    let rest = line.get(start..)?;
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = rest.len() >= shape.len()
        && rest.iter().zip(shape).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b' '),
            _ => byte == form,
        });
    if !fits {
        return None;
    }
    let (_, tail) = rest.split_at(SECOND_PRECISION_BYTES);
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | 0x1b | b'\r' | b'\n');
    let length = SECOND_PRECISION_BYTES + tail.iter().position(is_end).unwrap_or(tail.len());
    (length <= STAMP_BYTES_MAX).then_some((start, start + length))
}

/// Returns where the message's JSON begins in a line whose time ends at `stamp_end`.
pub(super) fn brace(line: &[u8], stamp_end: usize) -> Option<usize> {
    let start = message_start(line, stamp_end);
    let rest = line.get(start..)?;
    memchr::memchr_iter(b'{', rest)
        .map(|index| start + index)
        // A brace within a word may belong to the name of a stream.
        .find(|index| *index == start || is_blank_before(line, *index))
}

fn is_blank_before(line: &[u8], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|it| line.get(it));
    matches!(before, Some(b' ' | b'\t' | b'\n'))
}

/// Returns where the message's JSON begins in a line that does not begin with a time, if only names
/// and times precede it.
pub(super) fn prefixed_brace(line: &[u8]) -> Option<usize> {
    let head = line.get(..PREFIX_BYTES_MAX).unwrap_or(line);
    let is_start = |index: &usize| *index > 0 && is_blank_before(head, *index);
    let brace = memchr::memchr_iter(b'{', head).find(is_start)?;
    let prefix = std::str::from_utf8(line.get(..brace)?).ok()?;
    Prefix::parse(prefix)?.is_told().then_some(brace)
}

#[derive(Default)]
struct Prefix {
    times: Vec<LoggedTime>,
    log_group: Option<String>,
    /// Its words, joined by blanks.
    log_stream: Option<String>,
    stream_word_count: usize,
    event_id: Option<String>,
}

impl Prefix {
    /// Reads names and times; `None` if anything else is among them.
    fn parse(text: &str) -> Option<Self> {
        let text = without_colours(text);
        // cw separates its columns by dashes, awslogs by blanks.
        let words: Vec<&str> = match text.contains(" - ") {
            true => text
                .split(" - ")
                .map(|it| it.trim().trim_start_matches("- ").trim_end_matches(" -"))
                .collect(),
            false => text.split_whitespace().collect(),
        };
        if words.len() > PREFIX_WORDS_MAX {
            return None;
        }
        let mut prefix = Self::default();
        for word in words.into_iter().filter(|it| !matches!(*it, "" | "-")) {
            prefix.take(word)?;
        }
        Some(prefix)
    }

    fn take(&mut self, word: &str) -> Option<()> {
        let in_brackets = word.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let is_digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
        if is_digits(word) && word.len() >= EVENT_ID_DIGITS_MIN {
            self.event_id = Some(word.to_owned());
            return Some(());
        }
        if let Some(when) = time_of(in_brackets.unwrap_or(word)) {
            self.times.push(when);
            return Some(());
        }
        // CloudWatch allows neither `:` nor `*` in the names of groups and streams.
        if word.contains([':', '*', '"']) {
            return None;
        }
        if self.log_group.is_none() && word.starts_with('/') {
            self.log_group = Some(word.to_owned());
            return Some(());
        }
        self.stream_word_count += 1;
        match &mut self.log_stream {
            Some(name) => {
                name.push(' ');
                name.push_str(word);
            }
            None => self.log_stream = Some(word.to_owned()),
        }
        Some(())
    }

    /// True if there is more than a word that may be anything.
    fn is_told(&self) -> bool {
        !self.times.is_empty() || self.log_group.is_some() || self.stream_word_count == 2
    }

    /// Splits group from stream where neither looks like a group.
    fn named(mut self) -> Self {
        let name = self.log_stream.as_deref();
        // saw prints the stream in parentheses, blanks and all.
        if let Some(name) = name.and_then(|it| it.strip_prefix('(')?.strip_suffix(')')) {
            self.log_stream = Some(name.to_owned());
            return self;
        }
        if self.log_group.is_none()
            && self.stream_word_count == 2
            && let Some((group, stream)) =
                self.log_stream.as_deref().and_then(|it| it.split_once(' '))
        {
            (self.log_group, self.log_stream) = (Some(group.to_owned()), Some(stream.to_owned()));
        }
        self
    }
}

/// Reads a word as a time. A small number is none.
fn time_of(word: &str) -> Option<LoggedTime> {
    let may_be =
        word.len() >= "1795446131".len() && word.starts_with(|it: char| it.is_ascii_digit());
    may_be.then(|| read_time(word).ok())?
}

impl<'a> LogLine<'a> {
    /// Parses a line; `None` if it has none of these forms.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        match stamp(text.as_bytes()) {
            Some((start, end)) => Self::parse_stamped(text, start, end),
            None => Self::parse_prefixed(text),
        }
    }

    fn parse_stamped(text: &'a str, start: usize, end: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let token = text.get(start..end)?;
        let when = read_time(token).ok()?;
        let first = message_start(bytes, end);
        let brace = brace(bytes, end).filter(|it| *it > first);
        let between = brace.and_then(|brace| text.get(first..brace)).unwrap_or("");
        let is_second_time =
            between.split_whitespace().next().is_some_and(|it| time_of(it).is_some());
        // Else the text between time and brace is left as it is: the stream of `aws logs tail`, or
        // part of an export's message.
        let is_of_tool = is_second_time || between.contains("- ");
        let prefix = is_of_tool.then(|| Prefix::parse(between)).flatten();
        let mut line = Self {
            // An export writes UTC as `Z`; `aws logs tail` writes an offset or no zone.
            format: if token.ends_with('Z') { Format::S3Export } else { Format::Tail },
            when: Some(when),
            ingestion_time: None,
            log_group: None,
            log_stream: None,
            event_id: None,
            message: text.get(first..)?,
        };
        match (prefix, brace) {
            (Some(prefix), Some(brace)) => {
                let prefix = prefix.named();
                line.format = Format::LogLine;
                line.ingestion_time = prefix.times.into_iter().next();
                line.log_group = prefix.log_group.map(Cow::Owned);
                line.log_stream = prefix.log_stream.map(Cow::Owned);
                line.event_id = prefix.event_id.map(Cow::Owned);
                line.message = text.get(brace..)?;
            }
            (None, Some(brace)) if line.format == Format::Tail => {
                line.log_stream = strip_colours(between).map(Cow::Borrowed);
                line.message = text.get(brace..)?;
            }
            _ => {}
        }
        if line.format != Format::S3Export {
            line.message = without_last_colours(line.message);
        }
        Some(line)
    }

    fn parse_prefixed(text: &'a str) -> Option<Self> {
        let brace = prefixed_brace(text.as_bytes())?;
        let prefix = Prefix::parse(text.get(..brace)?)?.named();
        let mut times = prefix.times.into_iter();
        Some(Self {
            format: Format::LogLine,
            when: times.next(),
            ingestion_time: times.next(),
            log_group: prefix.log_group.map(Cow::Owned),
            log_stream: prefix.log_stream.map(Cow::Owned),
            event_id: prefix.event_id.map(Cow::Owned),
            message: without_last_colours(text.get(brace..)?),
        })
    }

    /// Returns the line's record or message. `export_stream` is the stream that the file's path
    /// names.
    pub(super) fn into_decoded(self, export_stream: Option<&'a str>) -> Decoded<'a> {
        // Only an export's lines leave their stream to the path.
        let of_export = export_stream.filter(|_| self.format == Format::S3Export);
        let log_stream = self.log_stream.or(of_export.map(Cow::Borrowed));
        let message = Cow::Borrowed(self.message);
        match self.when {
            Some(when) => Decoded::Record(Record {
                log_group: self.log_group,
                log_stream,
                event_id: self.event_id,
                timestamp: when.at,
                is_time_approximate: when.is_to_the_second,
                ingestion_time: self.ingestion_time.map(|it| it.at),
                message,
            }),
            None => Decoded::undated(self.log_group, log_stream, message),
        }
    }
}

/// The reason to reject a record as Python's `print` writes it.
pub(super) const PYTHON: RejectReason = RejectReason::Unsupported {
    name: "Python's own notation",
    advice: "write it with json.dumps, or ask with --output json",
};

/// True if a text begins like a record written by Python's `print`.
pub(super) fn is_python(text: &[u8]) -> bool {
    text.starts_with(b"{'")
}

/// Returns why a line is of no known format, as precisely as its beginning allows.
pub(super) fn unknown(line: &[u8]) -> RejectReason {
    /// The beginnings of the AWS CLI's YAML.
    const YAML: &[&[u8]] =
        &[b"events:", b"- eventId:", b"- ingestionTime:", b"searchedLogStreams:"];
    let begins = |it: &&[u8]| line.starts_with(it);
    let named = |name, advice| RejectReason::Unsupported { name, advice };
    match line.first() {
        Some(b'|') => named("a table", "ask again with --output json, or export CSV or JSON"),
        Some(b'+') if line.starts_with(b"+--") => {
            named("a table", "ask again with --output json, or export CSV or JSON")
        }
        Some(b'-') if line.starts_with(b"-----") => {
            named("a table", "ask again with --output json, or export CSV or JSON")
        }
        _ if YAML.iter().any(begins) => named("YAML", "ask again with --output json"),
        _ if line.starts_with(b"RESULTS\t") => {
            named("a query's --output text", "ask again with --output json")
        }
        _ => RejectReason::UnknownLine,
    }
}

/// Returns where the text after the time, its colours and one blank begins.
fn message_start(line: &[u8], stamp_end: usize) -> usize {
    let index = skip_colours(line, stamp_end);
    let index = if matches!(line.get(index), Some(b' ' | b'\t')) { index + 1 } else { index };
    skip_colours(line, index)
}

/// Removes all colours.
fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\x1b') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(escape) = rest.find('\x1b') {
        let (before, from) = rest.split_at(escape);
        plain.push_str(before);
        // A colour sequence, or a lone escape, is ASCII, so this splits at a character's boundary.
        rest = from.split_at(skip_colours(from.as_bytes(), 0).max(1)).1;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Skips colour sequences such as `ESC [ 1 ; 32 m`.
fn skip_colours(bytes: &[u8], start: usize) -> usize {
    let mut index = start;
    while let Some(length) = bytes.get(index..).and_then(colour_length) {
        index += length;
    }
    index
}

fn colour_length(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let is_parameter = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
    let length = parameters.iter().take_while(is_parameter).count();
    (parameters.get(length) == Some(&b'm')).then_some(2 + length + 1)
}

/// Removes colours and blanks around a stream's name.
fn strip_colours(name: &str) -> Option<&str> {
    let name = name.get(skip_colours(name.as_bytes(), 0)..)?;
    let name = without_last_colours(name.trim_end()).trim();
    (!name.is_empty()).then_some(name)
}

/// Removes colours at the end of a text.
fn without_last_colours(text: &str) -> &str {
    let mut text = text;
    while let Some(index) = text.rfind("\x1b[") {
        let is_last =
            text.as_bytes().get(index..).and_then(colour_length) == Some(text.len() - index);
        match text.get(..index) {
            Some(rest) if is_last => text = rest,
            _ => break,
        }
    }
    text
}

/// True if the message ends on this line.
pub(super) fn ends_with_brace(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    if line.last() == Some(&b'}') {
        return true;
    }
    line.last() == Some(&b'm')
        && std::str::from_utf8(line).is_ok_and(|text| without_last_colours(text).ends_with('}'))
}

/// Returns the length of the colours that `bytes` begins with.
pub(super) fn colours(bytes: &[u8]) -> usize {
    skip_colours(bytes, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, stream: Option<&str>, message: &str, is_time_approximate: bool) {
        let read = LogLine::parse(line).unwrap();
        assert_eq!(read.log_stream.as_deref(), stream, "{line}");
        assert_eq!(read.message, message, "{line}");
        let when = read.when.unwrap();
        assert_eq!(when.is_to_the_second, is_time_approximate, "{line}");
        assert!(when.at.to_string().starts_with("2026-11-23T21:34:00."), "{line}");
    }

    #[test]
    fn each_form_of_line_is_taken_apart() {
        check(r#"2026-11-23T21:34:00.000Z {"a": {"b":1}}"#, None, r#"{"a": {"b":1}}"#, false);
        check("2026-11-23T21:34:00.000Z START {x}", None, "START {x}", false);
        check(
            r#"2026-11-23T21:34:00.000000+00:00 a b/[$LATEST]c {"a":1}"#,
            Some("a b/[$LATEST]c"),
            r#"{"a":1}"#,
            false,
        );
        check(r#"2026-11-23T21:34:00 {"a":1}"#, None, r#"{"a":1}"#, true);
        check("2026-11-23T21:34:00 s {\n  \"a\":1\n}", Some("s"), "{\n  \"a\":1\n}", true);
        check(
            "2026-11-23T21:34:00.000000+00:00 s \n{\n  \"a\": {\"b\":1}\n}",
            Some("s"),
            "{\n  \"a\": {\"b\":1}\n}",
            false,
        );
        check(
            "\x1b[32m2026-11-23T21:34:00.000000+00:00\x1b[0m \x1b[36ms 1\x1b[0m {\"a\":1}\x1b[0m",
            Some("s 1"),
            "{\"a\":1}",
            false,
        );
    }

    #[test]
    fn other_tools_print_what_they_were_asked_for() {
        let check = |line: &str, expect: &str| {
            let read = LogLine::parse(line).unwrap_or_else(|| panic!("{line}"));
            let ms = |it: Option<LoggedTime>| it.map(|it| it.at.as_ms() % 1_000_000);
            let shown = format!(
                "{:?} {:?} {:?} {:?} {} {}",
                ms(read.when),
                ms(read.ingestion_time),
                read.log_group.as_deref(),
                read.log_stream.as_deref(),
                read.event_id.is_some(),
                read.message
            );
            assert_eq!(shown, expect, "{line}");
        };
        // awslogs
        check(
            "/aws/g s 2026-11-23T21:34:00.120Z {}",
            "Some(640120) None Some(\"/aws/g\") Some(\"s\") false {}",
        );
        check("/aws/g s   {}", "None None Some(\"/aws/g\") Some(\"s\") false {}");
        check("g s {}", "None None Some(\"g\") Some(\"s\") false {}");
        check("/aws/g {}", "None None Some(\"/aws/g\") None false {}");
        check(
            "\x1b[32m/aws/g\x1b[0m \x1b[36ms\x1b[0m \x1b[33m2026-11-23T21:34:00.120Z\x1b[0m \x1b[34m2026-11-23T21:34:01.000Z\x1b[0m {}",
            "Some(640120) Some(641000) Some(\"/aws/g\") Some(\"s\") false {}",
        );
        check(
            "2026-11-23T21:34:00.120Z 2026-11-23T21:34:01.000Z {}",
            "Some(640120) Some(641000) None None false {}",
        );
        // saw
        check(
            "[2026-11-23T22:34:00+01:00] (s 1) {}",
            "Some(640000) None None Some(\"s 1\") false {}",
        );
        check("[2026-11-23T21:34:00Z] (s) {}", "Some(640000) None None Some(\"s\") false {}");
        // cw
        let id = "39".repeat(28);
        check(
            &format!("2026-11-23T21:34:00 - /aws/g - s - {id} - {{}}"),
            "Some(640000) None Some(\"/aws/g\") Some(\"s\") true {}",
        );
        check("/aws/g - s - {}", "None None Some(\"/aws/g\") Some(\"s\") false {}");
        check("1795469640120 {}", "Some(640120) None None None false {}");
    }

    #[test]
    fn other_lines_have_no_time() {
        for line in [
            "",
            "2026-11-23",
            "hello",
            "hello {}",
            "a b c {}",
            "Nov 23 21:34:00 host app: {}",
            "2026-11-23T21:34",
            "{}",
            "\x1b[0m",
            "2026-99-23T",
        ] {
            assert!(LogLine::parse(line).is_none(), "{line}");
        }
        assert!(LogLine::parse("2026-99-99T21:34:00Z x").is_none());
    }
}
