//! Turns framed units into records.

use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::batch::{Batch, UnitKind};
use super::document::{DocumentContext, DocumentStep, DocumentWalk};
use super::envelope::{EnvelopeReader, EnvelopeShape};
use super::flat_envelope::FlatEnvelope;
use super::insights;
use super::log_line::{self, LogLine};
use super::row;
use super::scan::{self, ScanError};
use super::shippers;
use super::{
    Decoded, DecodingBudget, EscapedText, Format, FoundUnit, Output, Reject, RejectReason,
    SourceReader,
};
use crate::limits;

/// Turns the units of batches into records. Each worker has its own, which reuses its buffers.
pub struct Decoder {
    envelope: EnvelopeReader,
    message: Vec<u8>,
    /// The budget of the batch that is being decoded.
    budget: Arc<DecodingBudget>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

type Sink<'s> = dyn FnMut(Output<'_>) + 's;

/// A part of the input and its position.
#[derive(Clone, Copy)]
struct InputPart<'a> {
    bytes: &'a [u8],
    line: u64,
    byte_offset: u64,
    /// Documents and payloads around it.
    depth: usize,
    /// True within a payload, all of which has the payload's position.
    is_in_payload: bool,
}

impl<'a> InputPart<'a> {
    /// Returns the part from `start` up to `end`.
    fn slice(&self, start: usize, end: usize) -> Self {
        let (before, rest) = self.bytes.split_at(start);
        let (bytes, _) = rest.split_at(end - start);
        // Positions within a payload would be those of decoded bytes, which are nowhere in the
        // file.
        if self.is_in_payload {
            return Self { bytes, ..*self };
        }
        let lines = memchr::memchr_iter(b'\n', before).count();
        Self {
            bytes,
            line: self.line + u64::try_from(lines).unwrap_or(0),
            byte_offset: self.byte_offset + u64::try_from(start).unwrap_or(0),
            ..*self
        }
    }

    fn found(&self, format: Format, decoded: Decoded<'a>, sink: &mut Sink<'_>) {
        self.found_escaped(format, decoded, None, sink);
    }

    fn found_escaped(
        &self,
        format: Format,
        decoded: Decoded<'a>,
        escaped_message: Option<EscapedText<'a>>,
        sink: &mut Sink<'_>,
    ) {
        let Self { bytes: unit, line, byte_offset, .. } = *self;
        sink(Output::Found(FoundUnit {
            format,
            line,
            byte_offset,
            unit,
            decoded,
            escaped_message,
        }));
    }

    fn reject(&self, reason: &RejectReason, sink: &mut Sink<'_>) {
        self.reject_part(reason, false, sink);
    }

    /// Emits a reject in parts. Later parts keep the line of the first.
    fn reject_part(&self, reason: &RejectReason, is_continuation: bool, sink: &mut Sink<'_>) {
        let mut byte_offset = self.byte_offset;
        let mut is_continuation = is_continuation;
        let mut parts = self.bytes.chunks(limits::REJECTED_PART_BYTES);
        // `chunks` gives nothing for an empty part, which is a reject too.
        let first = parts.next().unwrap_or(&[]);
        for bytes in std::iter::once(first).chain(parts) {
            let reason = reason.clone();
            let line = self.line;
            sink(Output::Rejected(Reject { line, byte_offset, reason, bytes, is_continuation }));
            if !self.is_in_payload {
                byte_offset += u64::try_from(bytes.len()).unwrap_or(0);
            }
            is_continuation = true;
        }
    }
}

/// Base64 as AWS writes it, or without padding as people paste it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Decoder {
    /// Creates a decoder with empty buffers.
    pub fn new() -> Self {
        let budget = Arc::new(DecodingBudget::new(limits::EXPANSION_FREE_BYTES, None));
        Self { envelope: EnvelopeReader::new(), message: Vec::new(), budget }
    }

    /// Hands the batch's records and rejects to `sink`, in order. Each unit becomes records or
    /// rejects; only a document's envelope and a subscription's control messages leave nothing.
    ///
    /// The payloads of one batch are bounded together. To bound those of a whole input, use
    /// [`Decoder::decode_within_budget`].
    pub fn decode(&mut self, batch: &Batch, sink: &mut dyn FnMut(Output<'_>)) {
        let budget = Arc::new(DecodingBudget::new(batch.expansion_bytes_max(), None));
        self.decode_within_budget(batch, &budget, sink);
    }

    /// Decodes a batch within a budget. When that halts, the rest of the batch is left out.
    pub fn decode_within_budget(
        &mut self,
        batch: &Batch,
        budget: &Arc<DecodingBudget>,
        sink: &mut dyn FnMut(Output<'_>),
    ) {
        self.budget = Arc::clone(budget);
        self.decode_units(batch, None, sink);
        // Else each core would keep the memory of the largest unit it has ever seen.
        self.message.shrink_to(limits::BATCH_BYTES);
        self.envelope.shrink();
    }

    /// Decodes a batch, which may lie within the payload `outer`.
    fn decode_units(&mut self, batch: &Batch, outer: Option<InputPart<'_>>, sink: &mut Sink<'_>) {
        let no_context = DocumentContext::default();
        for (unit, bytes) in batch.units() {
            if self.budget.is_halted() {
                return;
            }
            let part = match outer {
                Some(outer) => InputPart { bytes, ..outer },
                None => {
                    self.budget.begin_unit(bytes.len());
                    let (line, byte_offset) = (unit.line, unit.byte_offset);
                    InputPart { bytes, line, byte_offset, depth: 0, is_in_payload: false }
                }
            };
            match &unit.kind {
                UnitKind::Json => self.values(part, &no_context, sink),
                UnitKind::Element(context) => self.values(part, context, sink),
                UnitKind::Text => text(part, batch.log_stream(), sink),
                UnitKind::Claim(claim) => sink(Output::Claimed(claim.clone())),
                UnitKind::CsvRow(header) => header.decode(bytes, |result| match result {
                    Ok(decoded) => part.found(header.format(), decoded, sink),
                    Err(reason) => part.reject(&reason, sink),
                }),
                UnitKind::Payload => match std::str::from_utf8(bytes) {
                    Ok(payload) => self.payload(part, payload, sink),
                    Err(_) => part.reject(&RejectReason::InvalidUtf8, sink),
                },
                UnitKind::Rejected { reason, is_continuation } => {
                    part.reject_part(reason, *is_continuation, sink);
                }
            }
        }
    }

    /// Decodes a JSON object or list, and anything after it.
    fn values(&mut self, part: InputPart<'_>, context: &DocumentContext, sink: &mut Sink<'_>) {
        let length = part.bytes.len();
        // A loop continues after a document: thousands fit on one line, and recursion would need
        // stack for each.
        let consumed = self.value(part, context, sink);
        if consumed < length {
            let rest = part.slice(consumed, length);
            self.pieces(rest, &RejectReason::UnknownLine, &DocumentContext::default(), sink);
        }
    }

    /// Decodes a JSON object or list. Returns the bytes consumed, which are fewer than there are
    /// when a document ends before them.
    fn value(
        &mut self,
        part: InputPart<'_>,
        context: &DocumentContext,
        sink: &mut Sink<'_>,
    ) -> usize {
        let length = part.bytes.len();
        if context.is_control {
            return length;
        }
        // Documents within documents recurse as payloads do, so their depth has the same bound.
        if part.depth > limits::COMPRESSION_LAYERS_MAX {
            part.reject(&RejectReason::TooManyLayers, sink);
            return length;
        }
        match part.bytes.first() {
            Some(b'{') => {}
            Some(b'[') => return self.list(part, context, sink),
            Some(b'"') => {
                self.quoted(part, sink);
                return length;
            }
            _ => {
                part.reject(&RejectReason::UnknownShape, sink);
                return length;
            }
        }
        // Nearly every record is flat, and then needs neither a copy nor an index of its structure.
        let shape = match FlatEnvelope::read(part.bytes, &mut self.message) {
            Some(flat) => flat.into_shape(context),
            None => self.envelope.read(part.bytes, context),
        };
        match shape {
            EnvelopeShape::Record(format, record, escaped) => {
                part.found_escaped(format, Decoded::Record(record), escaped, sink);
            }
            EnvelopeShape::Decoded(format, decoded) => part.found(format, decoded, sink),
            EnvelopeShape::Event => match std::str::from_utf8(part.bytes) {
                Ok(text) => part.found(Format::Raw, Decoded::Raw(text.into()), sink),
                Err(_) => part.reject(&RejectReason::InvalidUtf8, sink),
            },
            EnvelopeShape::Control => {}
            EnvelopeShape::Document => return self.document(part, false, context, sink),
            EnvelopeShape::Payload(payload) => self.payload(part, &payload, sink),
            EnvelopeShape::Rejected(reason) => part.reject(&reason, sink),
            EnvelopeShape::Refused(_) if log_line::is_python(part.bytes) => {
                part.reject(&log_line::PYTHON, sink);
            }
            EnvelopeShape::Refused(reason) => self.refused(part, &reason, context, sink),
        }
        length
    }

    /// Decodes a row of Logs Insights, a row of values, or a bare list of records.
    fn list(
        &mut self,
        part: InputPart<'_>,
        context: &DocumentContext,
        sink: &mut Sink<'_>,
    ) -> usize {
        let length = part.bytes.len();
        let Ok(text) = std::str::from_utf8(part.bytes) else {
            part.reject(&RejectReason::InvalidUtf8, sink);
            return length;
        };
        match insights::decode_json_row(text) {
            Ok(decoded) => part.found(Format::InsightsJson, decoded, sink),
            Err(RejectReason::UnknownShape) => match row::decode_list(text) {
                Some(decoded) => part.found(Format::Rows, decoded, sink),
                None => return self.document(part, true, context, sink),
            },
            Err(reason) => part.reject(&reason, sink),
        }
        length
    }

    /// Decodes a JSON string: a message that was quoted once more, or a payload.
    fn quoted(&mut self, part: InputPart<'_>, sink: &mut Sink<'_>) {
        let raw = std::str::from_utf8(part.bytes).map_err(|_| RejectReason::InvalidUtf8);
        match raw.and_then(|it| shippers::text(it).ok_or(RejectReason::UnknownShape)) {
            Ok(text) if shippers::may_be_event(&text) => {
                part.found(Format::Rows, Decoded::Raw(text), sink);
            }
            Ok(text) if text.starts_with("H4sI") => self.payload(part, &text, sink),
            Ok(_) => part.reject(&RejectReason::UnknownShape, sink),
            Err(reason) => part.reject(&reason, sink),
        }
    }

    /// Decodes the elements of the document at the start of the part, all with the document's whole
    /// envelope. Returns the document's length.
    fn document(
        &mut self,
        part: InputPart<'_>,
        is_bare_list: bool,
        outer: &DocumentContext,
        sink: &mut Sink<'_>,
    ) -> usize {
        let mut document = DocumentWalk::new(is_bare_list, outer);
        // Spans wait until the envelope is complete, as group and stream may follow the list. A
        // unit may have millions of them, so each is as small as it can be.
        let mut spans: Vec<(u32, u32, Option<ScanError>)> = Vec::new();
        let span = |start: usize, end: usize, stop| {
            // Cannot saturate: a unit has at most `RECORD_BYTES_MAX`.
            (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX), stop)
        };
        let length = part.bytes.len();
        let mut index = 1;
        let mut is_ended = false;
        while index < length && !is_ended {
            let (_, rest) = part.bytes.split_at(index);
            match document.step(rest) {
                Ok(DocumentStep::Envelope(count)) => index += count,
                Ok(DocumentStep::Element(count)) => {
                    spans.push(span(index, index + count, None));
                    index += count;
                }
                Ok(DocumentStep::End(count)) => {
                    index += count;
                    is_ended = true;
                }
                Err(stop) => {
                    let next = scan::next_element(rest).filter(|_| document.is_in_list());
                    let end = next.map_or(length, |next| index + next);
                    spans.push(span(index, end, Some(stop)));
                    index = end;
                }
            }
        }
        // A document that ends too early is rejected once.
        let is_told = spans.last().is_some_and(|(_, _, stop)| stop.is_some());
        if !is_ended && !is_told {
            spans.push(span(length, length, Some(ScanError::More)));
        }
        let context = document.context();
        if context.is_control {
            return length;
        }
        let mut here = InputPart { depth: part.depth + 1, ..part };
        let mut at = 0;
        for (start, end, stop) in spans {
            if self.budget.is_halted() {
                return length;
            }
            let (start, end) = (start as usize, end as usize);
            // Slicing from the element before counts each newline once, not once per element.
            here = InputPart { bytes: part.bytes.split_at(at).1, ..here };
            here = here.slice(start - at, here.bytes.len());
            at = start;
            let element = here.slice(0, end - start);
            match stop {
                Some(stop) => element.reject(&reason(stop), sink),
                None => self.values(element, &context, sink),
            }
        }
        if let Some(claim) = document.claim() {
            sink(Output::Claimed(claim));
        }
        index
    }

    /// Decodes a part that no parser reads as one value: several values on one line, or a broken
    /// one.
    fn refused(
        &mut self,
        part: InputPart<'_>,
        reason: &RejectReason,
        context: &DocumentContext,
        sink: &mut Sink<'_>,
    ) {
        match scan::value(part.bytes) {
            // Whole by its brackets, so only the parser knows what is wrong.
            Ok(length) if length == part.bytes.len() => part.reject(reason, sink),
            Err(ScanError::TooDeep) => part.reject(&RejectReason::TooDeep, sink),
            _ => self.pieces(part, reason, context, sink),
        }
    }

    /// Decodes values that follow one another, and rejects the broken ones.
    fn pieces(
        &mut self,
        part: InputPart<'_>,
        refusal: &RejectReason,
        context: &DocumentContext,
        sink: &mut Sink<'_>,
    ) {
        let no_context = DocumentContext::default();
        let (mut refusal, mut context) = (refusal, context);
        let mut rest = part;
        // Only a part that is broken as a whole gets the parser's own words as its reason.
        let mut is_first = true;
        loop {
            let blanks = scan::separators(rest.bytes);
            is_first &= blanks == 0;
            rest = rest.slice(blanks, rest.bytes.len());
            let length = rest.bytes.len();
            if length == 0 || self.budget.is_halted() {
                return;
            }
            let is_bracket = matches!(rest.bytes.first(), Some(b'{' | b'['));
            let consumed = match scan::value(rest.bytes) {
                Ok(count) if is_bracket => {
                    let consumed = self.value(rest.slice(0, count), context, sink);
                    is_first = consumed < count;
                    if is_first {
                        (refusal, context) = (&RejectReason::UnknownLine, &no_context);
                    }
                    consumed
                }
                Err(_) if DocumentWalk::is_at(rest.bytes) => {
                    (refusal, context) = (&RejectReason::UnknownLine, &no_context);
                    is_first = true;
                    self.document(rest, false, &no_context, sink)
                }
                stopped => {
                    let end = scan::next_element(rest.bytes).unwrap_or(length);
                    let is_whole = is_first && end == length;
                    let reason = match stopped {
                        Err(stop) if !is_whole || stop != ScanError::Broken => reason(stop),
                        _ => refusal.clone(),
                    };
                    rest.slice(0, end).reject(&reason, sink);
                    is_first = false;
                    end
                }
            };
            rest = rest.slice(consumed, length);
        }
    }

    /// Decodes a base64 payload.
    fn payload(&mut self, part: InputPart<'_>, payload: &str, sink: &mut Sink<'_>) {
        if part.depth >= limits::COMPRESSION_LAYERS_MAX {
            return part.reject(&RejectReason::TooManyLayers, sink);
        }
        let Ok(bytes) = BASE64.decode(payload.trim_ascii()) else {
            return part.reject(&RejectReason::BadBase64, sink);
        };
        let Ok(mut reader) = SourceReader::of_payload(bytes, &self.budget) else {
            return part.reject(&RejectReason::BadBase64, sink);
        };
        let inner = InputPart { depth: part.depth + 1, is_in_payload: true, ..part };
        let mut is_empty = true;
        // Reading from memory cannot fail: the only error is that the budget halted.
        while let Ok(Some(batch)) = reader.next_batch() {
            is_empty = false;
            self.decode_units(&batch, Some(inner), sink);
        }
        // Other JSON may have a member of this name, and no input may vanish.
        if is_empty && !self.budget.is_halted() {
            part.reject(&RejectReason::UnknownShape, sink);
        }
    }
}

fn reason(stop: ScanError) -> RejectReason {
    match stop {
        ScanError::More => RejectReason::Cut,
        ScanError::Broken => RejectReason::Broken,
        ScanError::TooDeep => RejectReason::TooDeep,
    }
}

/// Decodes a log line or a row of values.
fn text(part: InputPart<'_>, export_stream: Option<&str>, sink: &mut Sink<'_>) {
    let Ok(text) = std::str::from_utf8(part.bytes) else {
        return part.reject(&RejectReason::InvalidUtf8, sink);
    };
    // A time at the start makes a log line, even one with tabs, as in the framer.
    if row::is_row(part.bytes)
        && log_line::stamp(part.bytes).is_none()
        && let Some(decoded) = row::decode_line(text)
    {
        return part.found(Format::Rows, decoded, sink);
    }
    match LogLine::parse(text) {
        Some(line) => part.found(line.format, line.into_decoded(export_stream), sink),
        None => part.reject(&RejectReason::UnknownLine, sink),
    }
}
