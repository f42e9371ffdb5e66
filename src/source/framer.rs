//! Cuts the decompressed stream into units.
//!
//! Framing is check, then parse: this module only finds the ends of units, by brackets, quotes and
//! newlines. Bytes that cannot be a unit are rejected up to the next place where one may begin.

use std::io;
use std::sync::Arc;

use super::batch::{Batch, UnitKind};
use super::csv_rows::CsvHeader;
use super::document::{DocumentContext, DocumentStep, DocumentWalk};
use super::error::RejectReason;
use super::layers::Lookahead;
use super::scan::{self, ScanError};
use super::window::Window;
use super::{log_line, row, sniff};
use crate::json::is_blank;
use crate::limits;
use crate::text::first_line;

/// Frames one stream. Yields nothing more after its end.
pub(super) struct Framer {
    window: Window,
    mode: Mode,
    rejecting: Option<Rejecting>,
    /// True if a unit ended earlier on the current line.
    is_mid_line: bool,
    is_done: bool,
}

enum Mode {
    /// Before the first read.
    Start { is_wrapped_too_deep: bool },
    /// Between values and lines.
    Top,
    /// Inside a document, whose elements are the units.
    Document { document: DocumentWalk, has_reject: bool },
    /// After the header of a CSV.
    Csv(Arc<CsvHeader>),
}

/// A reject that is being handed out in parts, so that the window never has to hold all of it.
struct Rejecting {
    until: Until,
    reason: RejectReason,
    is_continuation: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    LineEnd,
    NextElement,
    End,
}

impl Framer {
    /// `is_wrapped_too_deep` means that the stream is still compressed.
    pub(super) fn new(stream: Lookahead, is_wrapped_too_deep: bool) -> Self {
        Self {
            window: Window::new(stream),
            mode: Mode::Start { is_wrapped_too_deep },
            rejecting: None,
            is_mid_line: false,
            is_done: false,
        }
    }

    /// Advances by one unit, or past something between units. False at the end of the stream.
    pub(super) fn step(&mut self, batch: &mut Batch) -> io::Result<bool> {
        self.frame(batch)?;
        Ok(!self.is_done)
    }

    fn frame(&mut self, batch: &mut Batch) -> io::Result<()> {
        if self.rejecting.is_some() {
            return self.reject_some(batch);
        }
        match &self.mode {
            Mode::Start { is_wrapped_too_deep } => {
                let is_wrapped_too_deep = *is_wrapped_too_deep;
                self.start(is_wrapped_too_deep);
                Ok(())
            }
            Mode::Document { .. } => self.frame_element(batch),
            Mode::Top | Mode::Csv(_) => {
                if !self.skip_blanks()? {
                    self.finish(batch);
                    return Ok(());
                }
                let first = *self.window.held().first().expect("`skip_blanks` stops at a byte");
                match (&self.mode, first) {
                    // A row cannot begin so: a cell must be quoted to hold JSON.
                    (_, b'{') => self.frame_object(batch),
                    (Mode::Csv(header), _) if !self.is_mid_line => {
                        let header = Arc::clone(header);
                        self.frame_row(batch, header)
                    }
                    (_, b'[') => self.frame_list(batch),
                    (_, b',') if self.is_mid_line => {
                        self.window.step_over(1, 0);
                        Ok(())
                    }
                    _ if self.is_mid_line => {
                        self.reject(Until::LineEnd, RejectReason::UnknownLine);
                        Ok(())
                    }
                    _ => self.frame_line(batch),
                }
            }
        }
    }

    fn start(&mut self, is_wrapped_too_deep: bool) {
        self.mode = Mode::Top;
        self.window.look(sniff::SAMPLE_BYTES);
        let sample = self.window.head(sniff::SAMPLE_BYTES);
        if sample.starts_with(sniff::UTF8_BOM) {
            self.window.step_over(sniff::UTF8_BOM.len(), 0);
        } else if is_wrapped_too_deep {
            self.reject(Until::End, RejectReason::TooManyLayers);
        } else if let Some(reason) = sniff::foreign(sample) {
            self.reject(Until::End, reason);
        } else if self.window.is_at_end() && sniff::is_export_test(self.window.held()) {
            self.window.advance(sniff::SAMPLE_BYTES);
        }
    }

    /// Ends the input, and rejects a broken stream unless a reject has already given its failure.
    fn finish(&mut self, batch: &mut Batch) {
        self.is_done = true;
        if let Some(reason) = self.window.take_failure() {
            let kind = UnitKind::Rejected { reason, is_continuation: false };
            batch.push(kind, &[], self.window.line(), self.window.byte_offset());
        }
    }

    /// Skips blanks. False at the end of the input.
    fn skip_blanks(&mut self) -> io::Result<bool> {
        loop {
            let held = self.window.held();
            let (mut count, mut lines) = (0, 0);
            for byte in held {
                match byte {
                    b'\n' => lines += 1,
                    b' ' | b'\t' | b'\r' => {}
                    _ => break,
                }
                count += 1;
            }
            let is_blank = count == held.len();
            self.is_mid_line &= lines == 0;
            self.window.step_over(count, lines);
            if !is_blank {
                // Concatenated files keep their byte order marks.
                self.window.look(sniff::UTF8_BOM.len());
                if !self.window.head(sniff::UTF8_BOM.len()).starts_with(sniff::UTF8_BOM) {
                    return Ok(true);
                }
                self.window.step_over(sniff::UTF8_BOM.len(), 0);
            } else if !self.window.fill()? {
                return Ok(false);
            }
        }
    }

    /// Emits the next `length` bytes as a unit.
    fn take(&mut self, batch: &mut Batch, kind: UnitKind, length: usize) {
        let (line, byte_offset) = (self.window.line(), self.window.byte_offset());
        batch.push(kind, self.window.head(length), line, byte_offset);
        self.window.advance(length);
        self.is_mid_line = true;
    }

    /// Emits a line of `length` bytes as a unit, without trailing blanks.
    fn take_line(&mut self, batch: &mut Batch, kind: UnitKind, length: usize) {
        let (line, byte_offset) = (self.window.line(), self.window.byte_offset());
        batch.push(kind, self.window.head(length).trim_ascii_end(), line, byte_offset);
        self.window.step_over(length, 0);
        self.is_mid_line = true;
    }

    fn reject(&mut self, until: Until, reason: RejectReason) {
        self.rejecting = Some(Rejecting { until, reason, is_continuation: false });
    }

    /// Returns why a scan found no end.
    fn reason(&mut self, stop: ScanError) -> RejectReason {
        match stop {
            ScanError::Broken => RejectReason::Broken,
            ScanError::TooDeep => RejectReason::TooDeep,
            ScanError::More
                if self.window.head(limits::RECORD_BYTES_MAX).len() == limits::RECORD_BYTES_MAX =>
            {
                RejectReason::TooLong
            }
            ScanError::More => self.window.take_failure().unwrap_or(RejectReason::Cut),
        }
    }

    /// True if a line of `length` bytes is the last of a broken stream: it may be cut, whole as it
    /// looks.
    fn is_last_of_broken(&self, length: usize) -> bool {
        self.window.has_failure() && length == self.window.held().len()
    }

    /// Takes a line that looks like whole JSON as it is, else scans for the end of the value.
    fn frame_object(&mut self, batch: &mut Batch) -> io::Result<()> {
        // Nearly all inputs have one record per line, and a newline is found faster than the end of
        // a value. The decoder parses the line anyway, and splits one that holds several values.
        if let Some(length) = self.window.line_length(limits::BATCH_BYTES)? {
            let line = self.window.head(length).trim_ascii_end();
            if line.last() == Some(&b'}') && !self.is_last_of_broken(length) {
                self.take_line(batch, UnitKind::Json, length);
                return Ok(());
            }
        }
        match self.window.scan(0, |bytes, _| scan::value(bytes))? {
            Ok(length) if self.is_row_after(length)? => {
                let length = self.window.line_length(limits::RECORD_BYTES_MAX)?.unwrap_or(length);
                self.take_line(batch, UnitKind::Text, length);
            }
            Ok(length) => self.take(batch, UnitKind::Json, length),
            // Too long, too deep or cut as one value, yet each of its records may be whole.
            Err(_) if DocumentWalk::is_at(self.window.head(limits::RECORD_BYTES_MAX)) => {
                self.enter_document(false);
            }
            Err(_) if log_line::is_python(self.window.held()) => {
                self.reject(Until::LineEnd, log_line::PYTHON);
            }
            Err(stop) => {
                let reason = self.reason(stop);
                self.reject(Until::LineEnd, reason);
            }
        }
        Ok(())
    }

    /// True if a value of `length` bytes is the first of a row of values.
    fn is_row_after(&mut self, length: usize) -> io::Result<bool> {
        self.window.look(length + 2);
        if !matches!(self.window.held().get(length..), Some([b'\t', next, ..]) if *next != b'{') {
            return Ok(false);
        }
        let line_length = self.window.line_length(limits::RECORD_BYTES_MAX)?;
        Ok(line_length.is_some_and(|line_length| {
            let line = std::str::from_utf8(self.window.head(line_length));
            line_length > length && line.is_ok_and(|it| row::decode_line(it).is_some())
        }))
    }

    fn enter_document(&mut self, is_bare_list: bool) {
        let document = DocumentWalk::new(is_bare_list, &DocumentContext::default());
        self.mode = Mode::Document { document, has_reject: false };
        self.window.step_over(1, 0);
    }

    fn frame_list(&mut self, batch: &mut Batch) -> io::Result<()> {
        self.window.look(sniff::SAMPLE_BYTES);
        let sample = self.window.head(sniff::SAMPLE_BYTES);
        let line = first_line(sample);
        // `[2026-11-23 10:00:00] {…}` begins like a list, but is a log line.
        if !self.is_mid_line && log_line::prefixed_brace(line).is_some() {
            return self.frame_line(batch);
        }
        match sample.iter().skip(1).find(|byte| !is_blank(**byte)) {
            Some(b'{' | b'[' | b']') => self.enter_document(true),
            // Either a row of values, which is one record, or a list of messages.
            Some(b'"' | b'-' | b'0'..=b'9') => {
                match self.window.scan(0, |bytes, _| scan::value(bytes))? {
                    Ok(length) => self.take(batch, UnitKind::Json, length),
                    Err(_) => self.enter_document(true),
                }
            }
            _ => self.reject(Until::LineEnd, RejectReason::UnknownLine),
        }
        Ok(())
    }

    fn frame_element(&mut self, batch: &mut Batch) -> io::Result<()> {
        let Mode::Document { document, has_reject } = &mut self.mode else { return Ok(()) };
        match self.window.scan(0, |bytes, _| document.step(bytes))? {
            Ok(DocumentStep::Envelope(length)) => self.window.advance(length),
            Ok(DocumentStep::Element(length)) => {
                let kind = UnitKind::Element(document.context());
                self.take(batch, kind, length);
            }
            Ok(DocumentStep::End(length)) => {
                // Only the end tells: the token for the next page may follow the events.
                let claim = document.claim();
                self.window.step_over(length, 0);
                self.mode = Mode::Top;
                self.is_mid_line = true;
                if let Some(claim) = claim {
                    self.take(batch, UnitKind::Claim(claim), 0);
                }
            }
            Err(_) if self.window.held().is_empty() => {
                let has_reject = *has_reject;
                self.mode = Mode::Top;
                // A reject already accounts for the cut, and `finish` reports a broken stream.
                if !has_reject && !self.window.has_failure() {
                    let kind =
                        UnitKind::Rejected { reason: RejectReason::Cut, is_continuation: false };
                    self.take(batch, kind, 0);
                }
            }
            Err(_) if DocumentWalk::is_at(self.window.head(limits::RECORD_BYTES_MAX)) => {
                self.enter_document(false);
            }
            Err(stop) => {
                *has_reject = true;
                let until = if document.is_in_list() {
                    Until::NextElement
                } else {
                    self.mode = Mode::Top;
                    Until::LineEnd
                };
                let reason = self.reason(stop);
                self.reject(until, reason);
            }
        }
        Ok(())
    }

    fn frame_row(&mut self, batch: &mut Batch, header: Arc<CsvHeader>) -> io::Result<()> {
        let delimiter = header.delimiter();
        let scan_row = |bytes: &[u8], is_at_end| scan::csv_row(bytes, delimiter, is_at_end);
        match self.window.scan(0, scan_row)? {
            // Concatenated files repeat the header.
            Ok(length) => match CsvHeader::parse(self.window.head(length)) {
                Some(next) if next.has_message() => self.begin_csv(next, length),
                _ if self.is_last_of_broken(length) => {
                    let reason = self.reason(ScanError::More);
                    self.reject(Until::End, reason);
                }
                _ => self.take(batch, UnitKind::CsvRow(header), length),
            },
            Err(stop) => {
                let reason = match self.reason(stop) {
                    RejectReason::Broken => {
                        RejectReason::BrokenCsv { reason: "text after a closing quote".to_owned() }
                    }
                    reason => reason,
                };
                self.reject(Until::LineEnd, reason);
            }
        }
        Ok(())
    }

    fn begin_csv(&mut self, header: CsvHeader, length: usize) {
        self.window.advance(length);
        self.mode = Mode::Csv(Arc::new(header));
    }

    fn frame_line(&mut self, batch: &mut Batch) -> io::Result<()> {
        let Some(length) = self.window.line_length(limits::RECORD_BYTES_MAX)? else {
            self.reject(Until::LineEnd, RejectReason::TooLong);
            return Ok(());
        };
        let line = self.window.head(length);
        // From the surest sign to the vaguest. A time at the start makes a log line whatever
        // follows; a CSV header comes last, since nearly any words could be one.
        if let Some((_, stamp_end)) = log_line::stamp(line) {
            let brace = log_line::brace(line, stamp_end);
            return self.frame_log_line(batch, length, brace);
        }
        if row::is_row(line) {
            self.take_line(batch, UnitKind::Text, length);
            return Ok(());
        }
        if let Some(brace) = log_line::prefixed_brace(line) {
            return self.frame_log_line(batch, length, Some(brace));
        }
        if row::is_quoted_object(line) {
            self.take_line(batch, UnitKind::Json, length);
            return Ok(());
        }
        let next = self.next_line(length).to_vec();
        if let Some(claim) = row::label(self.window.head(length), &next) {
            self.take_line(batch, UnitKind::Claim(claim), length);
            return Ok(());
        }
        let line = self.window.head(length);
        // The base64 of gzip's two magic bytes and its compression method.
        if line.starts_with(b"H4sI") {
            if self.is_last_of_broken(length) {
                let reason = self.reason(ScanError::More);
                self.reject(Until::End, reason);
            } else {
                self.take_line(batch, UnitKind::Payload, length);
            }
            return Ok(());
        }
        match CsvHeader::parse(line) {
            Some(header) if header.has_message() => self.begin_csv(header, length),
            Some(_) => self.reject(Until::End, RejectReason::NoMessageColumn),
            None if self.is_last_of_broken(length) => {
                let reason = self.reason(ScanError::More);
                self.reject(Until::End, reason);
            }
            None => {
                let reason = log_line::unknown(line);
                self.reject(Until::LineEnd, reason);
            }
        }
        Ok(())
    }

    /// Returns the start of the line after one of `length` bytes.
    fn next_line(&mut self, length: usize) -> &[u8] {
        /// Longer than all that callers look for.
        const BYTES: usize = 16;
        self.window.look(length + 1 + BYTES);
        let Some(next) = self.window.held().get(length + 1..) else { return &[] };
        next.get(..BYTES).unwrap_or(next)
    }

    /// Frames a line with a time, or with names before its message's `brace`, and the lines over
    /// which the message continues.
    fn frame_log_line(
        &mut self,
        batch: &mut Batch,
        length: usize,
        brace: Option<usize>,
    ) -> io::Result<()> {
        // `aws logs tail --format json` prints the message from the next line on.
        let is_on_next_line = brace.is_none()
            && matches!(self.next_line(length), [b'{', b'\n', ..] | [b'{', b'\r', b'\n', ..]);
        let brace = if is_on_next_line { Some(length + 1) } else { brace };
        let line = self.window.head(length);
        let is_last_of_broken = self.is_last_of_broken(length);
        let Some(brace) = brace.filter(|_| is_last_of_broken || !log_line::ends_with_brace(line))
        else {
            // The stream may have broken within the message.
            if is_last_of_broken {
                let reason = self.reason(ScanError::More);
                self.reject(Until::End, reason);
            } else {
                self.take_line(batch, UnitKind::Text, length);
            }
            return Ok(());
        };
        match self.window.scan(brace, |bytes, _| scan::value(bytes))? {
            Ok(value_length) => {
                let end = brace + value_length;
                self.window.look(end + 16);
                let colours = log_line::colours(self.window.held().split_at(end).1);
                // Anything else on the first line belongs to the message.
                if end + colours < length && !is_on_next_line {
                    self.take_line(batch, UnitKind::Text, length);
                } else {
                    self.take(batch, UnitKind::Text, end + colours);
                }
            }
            Err(_) if is_last_of_broken => {
                let reason = self.reason(ScanError::More);
                self.reject(Until::End, reason);
            }
            Err(_) => self.take_line(batch, UnitKind::Text, length),
        }
        Ok(())
    }

    fn reject_some(&mut self, batch: &mut Batch) -> io::Result<()> {
        const PART: usize = limits::REJECTED_PART_BYTES;
        let Some(rejecting) = self.rejecting.take() else { return Ok(()) };
        let (length, is_whole) = match rejecting.until {
            Until::LineEnd => {
                let length = self.window.line_length(PART)?;
                (length.unwrap_or(PART), length.is_some())
            }
            Until::NextElement => {
                // Two bytes more, since the byte after a bracket tells whether it begins an
                // element.
                let is_long = self.window.ensure(PART + 2)?;
                let head = self.window.head(PART + 2);
                match scan::next_element(head).filter(|index| *index <= PART) {
                    Some(index) => (index, true),
                    None => (head.len().min(PART), !is_long && head.len() <= PART),
                }
            }
            Until::End => {
                let is_long = self.window.ensure(PART + 1)?;
                (self.window.head(PART).len(), !is_long)
            }
        };
        let is_empty_rest = length == 0 && rejecting.is_continuation;
        if !is_empty_rest {
            let Rejecting { ref reason, is_continuation, .. } = rejecting;
            let kind = UnitKind::Rejected { reason: reason.clone(), is_continuation };
            self.take(batch, kind, length);
        }
        if !is_whole {
            self.rejecting = Some(Rejecting { is_continuation: true, ..rejecting });
        }
        Ok(())
    }
}
