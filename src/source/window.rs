//! The part of the decompressed stream that framing looks at.

use std::io::{self, Read};

use super::error::{RawFault, RejectReason};
use super::layers::Lookahead;
use super::scan;
use crate::limits;

/// Usual size of the window. It grows beyond this only for a unit that needs it.
const WINDOW_BYTES: usize = 2 * limits::BATCH_BYTES;

/// Size of a fresh window: most payloads within a record are smaller.
const FIRST_BYTES: usize = 16 << 10;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

pub(super) struct Window {
    stream: Lookahead,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    is_at_end: bool,
    /// The reason why the stream ended early, until it has been reported.
    failure: Option<RejectReason>,
    /// The machine's failure, held back by [`Window::look`].
    fault: Option<io::Error>,
    /// Position of the window's start in the decompressed input.
    byte_offset: u64,
    /// Line of the window's start, from 1.
    line: u64,
    /// Position up to which no newline was found, so that no byte is searched twice.
    searched: u64,
}

impl Window {
    pub(super) fn new(stream: Lookahead) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            is_at_end: false,
            failure: None,
            fault: None,
            byte_offset: 0,
            line: 1,
            searched: 0,
        }
    }

    /// Returns what is held, without reading more.
    pub(super) fn held(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).expect("`start` and `end` never leave what was read")
    }

    /// Returns the first `count` bytes held, or all if fewer.
    pub(super) fn head(&self, count: usize) -> &[u8] {
        self.held().get(..count).unwrap_or_else(|| self.held())
    }

    pub(super) fn byte_offset(&self) -> u64 {
        self.byte_offset
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// True if nothing comes after what is held.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// True if the stream broke and this has not been reported yet.
    pub(super) fn has_failure(&self) -> bool {
        self.failure.is_some()
    }

    pub(super) fn take_failure(&mut self) -> Option<RejectReason> {
        self.failure.take()
    }

    /// Reads until `count` bytes are held. False if the stream ends before.
    pub(super) fn ensure(&mut self, count: usize) -> io::Result<bool> {
        while self.end - self.start < count {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads until `count` bytes are held or no more come. A failure of the machine is reported by
    /// the next read, so that what is held is framed first.
    pub(super) fn look(&mut self, count: usize) {
        if self.fault.is_none() {
            self.fault = self.ensure(count).err();
        }
    }

    /// Reads more. False at the end of the stream.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.is_at_end {
            return Ok(false);
        }
        self.make_room();
        let (_, room) = self.bytes.split_at_mut(self.end);
        let room_bytes = room.len().min(READ_BYTES);
        match self.stream.read(room.split_at_mut(room_bytes).0) {
            Ok(0) => self.is_at_end = true,
            Ok(count) => self.end += count,
            Err(error) => {
                // Broken content ends the stream, and only a fault of the machine is an error.
                let error = match error.downcast::<RejectReason>() {
                    Ok(reason) => {
                        self.failure = Some(reason);
                        self.is_at_end = true;
                        return Ok(false);
                    }
                    Err(error) => error,
                };
                return Err(error.downcast::<RawFault>().map_or_else(|it| it, |fault| fault.0));
            }
        }
        Ok(!self.is_at_end)
    }

    fn make_room(&mut self) {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.end < self.bytes.len() {
            return;
        }
        let size = self.bytes.len();
        let is_small = size < WINDOW_BYTES;
        if self.start > 0 && !is_small {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == size {
            let size =
                if is_small { (size * 4).clamp(FIRST_BYTES, WINDOW_BYTES) } else { size * 2 };
            self.bytes.resize(size, 0);
        }
    }

    /// Advances by `count` bytes and the lines in them.
    pub(super) fn advance(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        let lines = memchr::memchr_iter(b'\n', self.head(count)).count();
        self.step_over(count, u64::try_from(lines).unwrap_or(0));
    }

    /// Advances by `count` bytes that are known to hold `lines` newlines.
    pub(super) fn step_over(&mut self, count: usize, lines: u64) {
        let count = count.min(self.end - self.start);
        self.line += lines;
        self.start += count;
        self.byte_offset += u64::try_from(count).unwrap_or(0);
    }

    /// Returns the length of the current line without its newline; `None` if it exceeds
    /// `bytes_max`.
    pub(super) fn line_length(&mut self, bytes_max: usize) -> io::Result<Option<usize>> {
        loop {
            let searched = self.searched.saturating_sub(self.byte_offset);
            let from = usize::try_from(searched).unwrap_or(0).min(self.held().len());
            let (_, rest) = self.held().split_at(from);
            let found = memchr::memchr(b'\n', rest);
            let length = from + found.unwrap_or(rest.len());
            self.searched = self.byte_offset + u64::try_from(length).unwrap_or(0);
            if length > bytes_max {
                return Ok(None);
            }
            if found.is_some() || !self.fill()? {
                return Ok(Some(length));
            }
        }
    }

    /// Runs `scan` on what is held from `from` on, reading more until it has an answer. `More` is
    /// an answer only at the end of the stream or at [`limits::RECORD_BYTES_MAX`], beyond which
    /// `scan` sees nothing.
    pub(super) fn scan<T>(
        &mut self,
        from: usize,
        mut scan: impl FnMut(&[u8], bool) -> Result<T, scan::ScanError>,
    ) -> io::Result<Result<T, scan::ScanError>> {
        loop {
            let is_at_end = self.is_at_end;
            let head = self.head(limits::RECORD_BYTES_MAX);
            let head_length = head.len();
            let result = scan(head.get(from..).unwrap_or(&[]), is_at_end);
            let is_open = matches!(result, Err(scan::ScanError::More));
            if !is_open || is_at_end || head_length == limits::RECORD_BYTES_MAX {
                return Ok(result);
            }
            // `scan` starts over each time; doubling keeps its work within twice the length.
            self.ensure((head_length * 2).max(FIRST_BYTES))?;
        }
    }
}
