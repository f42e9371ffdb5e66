//! Reads gzip members one after another.
//!
//! flate2's own reader drops the output of the call that meets the damage, and takes trailing
//! zeros, with which tapes and block devices pad, for a broken member.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::error::RejectReason;
use super::layers::Lookahead;

pub(super) struct GzipMembers {
    input: Lookahead,
    /// The member being read; `None` between members.
    member: Option<Decompress>,
    fault: Option<RejectReason>,
    is_at_end: bool,
}

const LAYER: &str = "gzip";
const WINDOW_BITS: u8 = 15;

impl GzipMembers {
    pub(super) fn new(input: Lookahead) -> Self {
        Self { input, member: None, fault: None, is_at_end: false }
    }

    /// Begins the next member. False if there is none.
    fn begin_member(&mut self) -> io::Result<bool> {
        loop {
            let held = self.input.fill_buf()?;
            // Zeros before the first member would not have been detected as gzip, so these are
            // padding.
            let zeros = held.iter().take_while(|byte| **byte == 0).count();
            if zeros == 0 {
                break;
            }
            self.input.consume(zeros);
        }
        match self.input.peek(2) {
            [] => Ok(false),
            [0x1f, 0x8b] => {
                self.member = Some(Decompress::new_gzip(WINDOW_BITS));
                Ok(true)
            }
            [0x1f] => Err(io::Error::other(RejectReason::Truncated { layer: LAYER })),
            _ => Err(corrupt("something else follows the last member")),
        }
    }
}

fn corrupt(reason: &str) -> io::Error {
    io::Error::other(RejectReason::Corrupt { layer: LAYER, reason: reason.to_owned() })
}

impl Read for GzipMembers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.is_at_end {
            return Ok(0);
        }
        if let Some(fault) = self.fault.take() {
            self.is_at_end = true;
            return Err(io::Error::other(fault));
        }
        loop {
            if self.member.is_none() && !self.begin_member()? {
                self.is_at_end = true;
                return Ok(0);
            }
            let Some(member) = &mut self.member else { return Ok(0) };
            let input = self.input.fill_buf()?;
            let is_input_at_end = input.is_empty();
            let (before_in, before_out) = (member.total_in(), member.total_out());
            let result = member.decompress(input, buffer, FlushDecompress::None);
            let consumed = usize::try_from(member.total_in() - before_in).unwrap_or(0);
            let produced = usize::try_from(member.total_out() - before_out).unwrap_or(0);
            self.input.consume(consumed);
            match result {
                Ok(Status::StreamEnd) => self.member = None,
                Ok(_) if produced > 0 || consumed > 0 => {}
                Ok(_) if is_input_at_end => {
                    return Err(io::Error::other(RejectReason::Truncated { layer: LAYER }));
                }
                Ok(_) => return Err(corrupt("no progress")),
                Err(error) => {
                    let reason = error.message().unwrap_or("damaged").to_owned();
                    let fault = RejectReason::Corrupt { layer: LAYER, reason };
                    if produced == 0 {
                        return Err(io::Error::other(fault));
                    }
                    // The bytes before the damage go out first; the next call reports it.
                    self.fault = Some(fault);
                }
            }
            if produced > 0 {
                return Ok(produced);
            }
        }
    }
}
