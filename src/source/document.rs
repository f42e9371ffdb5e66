//! Walks a JSON document that holds records in a list, one element at a time.
//!
//! The reader walks documents that are too large or too broken to be one unit; the decoder walks
//! those that are one.

use std::borrow::Cow;
use std::sync::Arc;

use super::scan::{self, ScanError};
use super::{Claim, Format, shippers};
use crate::json::is_blank;
use crate::limits;

/// The properties that a document gives to all of its elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DocumentContext {
    pub(super) format: Option<Format>,
    pub(super) log_group: Option<String>,
    pub(super) log_stream: Option<String>,
    /// A subscription's test message, which holds no events.
    pub(super) is_control: bool,
}

/// The thing at the start of the bytes, with its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocumentStep {
    /// Blanks, or a member of the envelope.
    Envelope(usize),
    /// An element of the list.
    Element(usize),
    /// The document's last bracket.
    End(usize),
}

pub(super) struct DocumentWalk {
    is_in_list: bool,
    /// Open objects around the list.
    wrapper_count: usize,
    /// Elements so far.
    element_count: u64,
    statement: OwnWord,
    /// True if the document is itself the list.
    is_bare_list: bool,
    context: DocumentContext,
    shared: Option<Arc<DocumentContext>>,
}

/// A document's statements about its own completeness.
#[derive(Default)]
struct OwnWord {
    has_next_token: bool,
    /// True for the listing of one log stream, which pages by forward and backward tokens.
    is_one_stream: bool,
    status: Option<String>,
    matched_count: Option<u64>,
    is_sampled: bool,
}

impl DocumentWalk {
    /// Begins a walk after the opening bracket of an object or a bare list, within `outer`.
    pub(super) fn new(is_bare_list: bool, outer: &DocumentContext) -> Self {
        let context = DocumentContext { format: Some(Format::Json), ..outer.clone() };
        Self {
            is_in_list: is_bare_list,
            wrapper_count: 0,
            element_count: 0,
            statement: OwnWord::default(),
            is_bare_list,
            context,
            shared: None,
        }
    }

    /// Returns the document's claim of completeness, once it has been read.
    pub(super) fn claim(&self) -> Option<Claim> {
        let OwnWord { has_next_token, is_one_stream, status, matched_count, is_sampled } =
            &self.statement;
        let row_count = self.element_count;
        match self.context.format {
            // A bare list has no member that could hold a token, and may be a selection.
            _ if self.is_bare_list => None,
            Some(Format::Json) if *is_one_stream => Some(Claim::OneStream),
            Some(Format::Json) if *has_next_token => Some(Claim::MorePages),
            Some(Format::Json) => Some(Claim::LastPage),
            Some(Format::LiveTail) => is_sampled.then_some(Claim::Sampled),
            Some(Format::InsightsJson) => match (status, matched_count) {
                (Some(status), _) if !status.eq_ignore_ascii_case("Complete") => {
                    Some(Claim::Unfinished { status: status.clone() })
                }
                (_, Some(matched_count)) if *matched_count > row_count => {
                    Some(Claim::Limited { matched_count: *matched_count, row_count })
                }
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn is_in_list(&self) -> bool {
        self.is_in_list
    }

    /// Returns what the envelope has said so far.
    pub(super) fn context(&mut self) -> Arc<DocumentContext> {
        // Shared by all elements: a document may have millions of them.
        Arc::clone(self.shared.get_or_insert_with(|| Arc::new(self.context.clone())))
    }

    /// True if `bytes` begin with an object whose list of records has begun.
    pub(super) fn is_at(bytes: &[u8]) -> bool {
        let mut document = Self::new(false, &DocumentContext::default());
        let mut index = 1;
        if bytes.first() != Some(&b'{') {
            return false;
        }
        loop {
            let (_, rest) = bytes.split_at(index);
            match document.step(rest) {
                Ok(DocumentStep::Envelope(_)) if document.is_in_list => return true,
                Ok(DocumentStep::Envelope(length)) => index += length,
                _ => return false,
            }
        }
    }

    /// Takes one step.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<DocumentStep, ScanError> {
        let blanks = scan::separators(bytes);
        if blanks > 0 {
            return Ok(DocumentStep::Envelope(blanks));
        }
        let first = *bytes.first().ok_or(ScanError::More)?;
        match first {
            b']' if self.is_bare_list => Ok(DocumentStep::End(1)),
            b']' if self.is_in_list => {
                self.is_in_list = false;
                Ok(DocumentStep::Envelope(1))
            }
            _ if self.is_in_list => {
                let length = scan::value(bytes)?;
                self.element_count += 1;
                Ok(DocumentStep::Element(length))
            }
            b'}' if self.wrapper_count > 0 => {
                self.wrapper_count -= 1;
                Ok(DocumentStep::Envelope(1))
            }
            b'}' => Ok(DocumentStep::End(1)),
            b'"' => self.member(bytes).map(DocumentStep::Envelope),
            _ => Err(ScanError::Broken),
        }
    }

    /// Consumes a member of the envelope, or its key and the opening bracket of the list.
    fn member(&mut self, bytes: &[u8]) -> Result<usize, ScanError> {
        let key_end = scan::string_end(bytes, 0)?;
        let key = member_name(bytes.split_at(key_end).0);
        let colon = skip_blanks(bytes, key_end)?;
        if bytes.get(colon) != Some(&b':') {
            return Err(ScanError::Broken);
        }
        let start = skip_blanks(bytes, colon + 1)?;
        // Brackets decide, not names alone: OpenSearch calls both the wrapper and its list `hits`.
        if bytes.get(start) == Some(&b'[')
            && let Some(format) = list_format(&key)
        {
            if self.context.format != Some(format) {
                self.context.format = Some(format);
                self.shared = None;
            }
            self.is_in_list = true;
            return Ok(start + 1);
        }
        // Entered rather than scanned, because the list of records is within.
        if bytes.get(start) == Some(&b'{') && shippers::is_list_wrapper(&key) {
            self.wrapper_count += 1;
            return Ok(start + 1);
        }
        let (_, rest) = bytes.split_at(start);
        let length = scan::value(rest)?;
        self.note(&key, rest.split_at(length).0);
        Ok(start + length)
    }

    fn note(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"logGroup" | b"logGroupName" | b"logStream" | b"logStreamName" | b"messageType" => {}
            b"nextToken" | b"NextToken" | b"nextForwardToken" | b"nextBackwardToken"
            | b"status" | b"statistics" | b"sessionMetadata" => {
                return self.statement.note(key, value);
            }
            b"resource" => return self.note_resource(value),
            _ => return,
        }
        // Each record repeats it, and nothing this long is a name.
        if value.len() > limits::LOG_NAME_BYTES_MAX {
            return;
        }
        let Ok(text) = serde_json::from_slice::<String>(value) else { return };
        match key {
            b"logGroup" | b"logGroupName" => self.context.log_group = Some(text),
            b"logStream" | b"logStreamName" => self.context.log_stream = Some(text),
            _ => self.context.is_control = text == "CONTROL_MESSAGE",
        }
        self.shared = None;
    }

    /// Notes the origin that OpenTelemetry gives for all records that follow.
    fn note_resource(&mut self, value: &[u8]) {
        let (log_group, log_stream) =
            std::str::from_utf8(value).map_or((None, None), shippers::resource);
        self.context.log_group = log_group.or(self.context.log_group.take());
        self.context.log_stream = log_stream.or(self.context.log_stream.take());
        self.shared = None;
    }
}

impl OwnWord {
    fn note(&mut self, key: &[u8], value: &[u8]) {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Counts {
            records_matched: Option<f64>,
            sampled: Option<bool>,
        }
        let text = || serde_json::from_slice::<String>(value).ok().filter(|it| !it.is_empty());
        match key {
            b"nextToken" | b"NextToken" => self.has_next_token |= text().is_some(),
            b"nextForwardToken" | b"nextBackwardToken" => self.is_one_stream |= text().is_some(),
            b"status" => self.status = text(),
            _ => {
                let Ok(counts) = serde_json::from_slice::<Counts>(value) else { return };
                self.is_sampled |= counts.sampled == Some(true);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a cast of floats saturates, and a count is none below zero"
                )]
                let count = counts.records_matched.map(|it| it as u64);
                self.matched_count = count.or(self.matched_count);
            }
        }
    }
}

/// Returns the format that a list of records with this name belongs to.
pub(super) fn list_format(key: &[u8]) -> Option<Format> {
    match key {
        b"events" | b"Events" => Some(Format::Json),
        b"logEvents" | b"Records" | b"records" => Some(Format::Subscription),
        b"results" => Some(Format::InsightsJson),
        b"sessionResults" => Some(Format::LiveTail),
        b"hits" | b"resourceLogs" | b"scopeLogs" | b"logRecords" => Some(Format::Shipper),
        _ => None,
    }
}

/// Removes a name's quotes and escapes.
fn member_name(quoted: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', bare @ .., b'"'] = quoted else { return Cow::Borrowed(quoted) };
    if memchr::memchr(b'\\', bare).is_none() {
        return Cow::Borrowed(bare);
    }
    // A name with invalid escapes equals none of the names that are looked for.
    serde_json::from_slice::<String>(quoted)
        .map_or_else(|_| bare.into(), |it| it.into_bytes().into())
}

fn skip_blanks(bytes: &[u8], start: usize) -> Result<usize, ScanError> {
    let rest = bytes.get(start..).ok_or(ScanError::More)?;
    let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
    if blanks == rest.len() { Err(ScanError::More) } else { Ok(start + blanks) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> (Vec<String>, Result<(), ScanError>, DocumentContext) {
        let bytes = text.as_bytes();
        let mut document = DocumentWalk::new(bytes[0] == b'[', &DocumentContext::default());
        let (mut index, mut found) = (1, Vec::new());
        let end = loop {
            match document.step(&bytes[index..]) {
                Ok(DocumentStep::Envelope(length)) => index += length,
                Ok(DocumentStep::Element(length)) => {
                    found.push(text.get(index..index + length).unwrap().to_owned());
                    index += length;
                }
                Ok(DocumentStep::End(_)) => break Ok(()),
                Err(stop) => break Err(stop),
            }
        };
        let context = document.context().as_ref().clone();
        (found, end, context)
    }

    #[test]
    fn the_elements_of_each_list_are_found_and_the_envelope_is_noted() {
        let (found, end, context) = elements(
            r#"{ "logEvents": [ {"id":"1"} , {"id":"2"} ], "logGroup" : "g\u0041", "x":[{}], "logStream":"s"}"#,
        );
        assert_eq!(found, [r#"{"id":"1"}"#, r#"{"id":"2"}"#]);
        assert_eq!(end, Ok(()));
        assert_eq!(context.log_group.as_deref(), Some("gA"));
        assert_eq!(context.log_stream.as_deref(), Some("s"));
        assert_eq!(context.format, Some(Format::Subscription));

        let (found, end, context) = elements(r#"[{"a":1},[{"b":2}],{"#);
        assert_eq!(found, [r#"{"a":1}"#, r#"[{"b":2}]"#]);
        assert_eq!(end, Err(ScanError::More));
        assert_eq!(context.format, Some(Format::Json));
    }

    #[test]
    fn a_list_is_found_within_the_objects_around_it() {
        let (found, end, context) = elements(
            r#"{"took":1,"hits":{"total":{"value":2},"hits":[{"_source":{}},{"_source":{}}]},"x":1}"#,
        );
        assert_eq!((found.len(), end), (2, Ok(())));
        assert_eq!(context.format, Some(Format::Shipper));
        let attributes =
            r#"{"attributes":[{"key":"cloudwatch.log.group.name","value":{"stringValue":"g"}}]}"#;
        let (found, _, context) =
            elements(&format!(r#"{{"resource":{attributes},"scopeLogs":[{{"logRecords":[]}}]}}"#));
        assert_eq!((found.len(), context.log_group.as_deref()), (1, Some("g")));
    }

    #[test]
    fn a_document_says_what_it_lacks() {
        let claim = |text: &str| {
            let mut document = DocumentWalk::new(false, &DocumentContext::default());
            let mut index = 1;
            while let Ok(DocumentStep::Envelope(length) | DocumentStep::Element(length)) =
                document.step(&text.as_bytes()[index..])
            {
                index += length;
            }
            document.claim()
        };
        let limited = Claim::Limited { matched_count: 5, row_count: 1 };
        for (text, expect) in [
            (r#"{"events":[],"nextToken":"x"}"#, Some(Claim::MorePages)),
            (r#"{"NextToken":"x","events":[]}"#, Some(Claim::MorePages)),
            (r#"{"events":[],"nextToken":null}"#, Some(Claim::LastPage)),
            (r#"{"events":[],"nextForwardToken":"f/1"}"#, Some(Claim::OneStream)),
            (r#"{"results":[[]],"statistics":{"recordsMatched":5.0}}"#, Some(limited)),
            (r#"{"results":[[]],"statistics":{"recordsMatched":1.0},"status":"Complete"}"#, None),
            (
                r#"{"results":[],"status":"Running"}"#,
                Some(Claim::Unfinished { status: "Running".to_owned() }),
            ),
            (
                r#"{"sessionUpdate":{"sessionMetadata":{"sampled":true},"sessionResults":[]}}"#,
                Some(Claim::Sampled),
            ),
            (r#"{"logEvents":[]}"#, None),
        ] {
            assert_eq!(claim(text), expect, "{text}");
        }
    }

    #[test]
    fn only_an_object_with_a_list_of_records_is_a_document() {
        assert!(DocumentWalk::is_at(br#"{"nextToken":"x","events":[{"a"#));
        assert!(!DocumentWalk::is_at(br#"{"nextToken":"x","events":{}}"#));
        assert!(!DocumentWalk::is_at(br#"{"message":"x","events"#));
        assert!(!DocumentWalk::is_at(br#"[{"events":[]}]"#));
    }
}
