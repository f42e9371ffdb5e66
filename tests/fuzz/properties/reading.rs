//! Reads an input as an import does, and keeps what came out.

use std::io::{self, Cursor, Read};

use mailtrace::Record;
use mailtrace::internals::{
    Claim, Compression, Decoded, Decoder, Format, Output, REJECTED_PART_BYTES, RejectReason,
    SourceReader,
};

/// What came out of an input, in order.
#[derive(Debug, PartialEq)]
pub struct Reading {
    pub pieces: Vec<Piece>,
    /// The layers that were taken off.
    pub layers: Vec<Compression>,
    /// What the input says of its own completeness.
    pub claims: Vec<Claim>,
}

/// Something that was found or rejected, and where.
#[derive(Debug, PartialEq)]
pub struct Piece {
    pub line: u64,
    pub byte_offset: u64,
    pub bytes: Vec<u8>,
    pub content: Content,
}

#[derive(Debug, PartialEq)]
pub enum Content {
    Record(Format, Record<'static>),
    Raw(Format, String),
    Rejected(RejectReason),
}

impl Piece {
    /// Readers that are fast may take for text what is none.
    fn check_text(&self) {
        let message = self.message().unwrap_or_default();
        assert!(std::str::from_utf8(message.as_bytes()).is_ok(), "{:?}", message.as_bytes());
    }

    /// The message, if one was found.
    pub fn message(&self) -> Option<&str> {
        match &self.content {
            Content::Record(_, record) => Some(&record.message),
            Content::Raw(_, message) => Some(message),
            Content::Rejected(_) => None,
        }
    }

    pub fn start(&self) -> usize {
        usize::try_from(self.byte_offset).unwrap()
    }
}

impl Reading {
    pub fn messages(&self) -> Vec<&str> {
        self.pieces.iter().filter_map(Piece::message).collect()
    }

    pub fn rejects(&self) -> Vec<&Piece> {
        self.pieces.iter().filter(|it| it.message().is_none()).collect()
    }

    fn push(&mut self, output: Output<'_>) {
        let piece = match output {
            Output::Found(found) => {
                if let (Some(escaped), Decoded::Record(record)) =
                    (found.escaped_message, &found.decoded)
                {
                    let quoted = [b"\"", escaped.as_bytes(), b"\""].concat();
                    let message: String = serde_json::from_slice(&quoted).unwrap();
                    assert_eq!(message, record.message, "the escaped message is another");
                }
                Piece {
                    line: found.line,
                    byte_offset: found.byte_offset,
                    bytes: found.unit.to_vec(),
                    content: match found.decoded {
                        Decoded::Record(record) => {
                            Content::Record(found.format, record.into_owned())
                        }
                        Decoded::Raw(message) | Decoded::Undated { message, .. } => {
                            Content::Raw(found.format, message.into_owned())
                        }
                    },
                }
            }
            Output::Claimed(claim) => return self.claims.push(claim),
            Output::Rejected(reject) => {
                assert!(reject.bytes.len() <= REJECTED_PART_BYTES);
                assert!(!reject.reason.to_string().is_empty());
                Piece {
                    line: reject.line,
                    byte_offset: reject.byte_offset,
                    bytes: reject.bytes.to_vec(),
                    content: Content::Rejected(without_words(reject.reason)),
                }
            }
        };
        piece.check_text();
        self.pieces.push(piece);
    }
}

/// The same reason for the same damage: what a decompressor calls it depends on how much it was
/// given at once.
fn without_words(reason: RejectReason) -> RejectReason {
    match reason {
        RejectReason::Corrupt { layer, .. } => {
            RejectReason::Corrupt { layer, reason: "damaged".to_owned() }
        }
        reason => reason,
    }
}

/// Reads an input whole.
pub fn read(input: impl Into<Vec<u8>>) -> Reading {
    read_to_end(Box::new(Cursor::new(input.into())))
}

/// Reads an input that comes a few bytes at a time, as through a slow pipe.
pub fn read_slowly(input: impl Into<Vec<u8>>, step_bytes: usize) -> Reading {
    read_to_end(Box::new(SlowPipe { input: Cursor::new(input.into()), step_bytes }))
}

fn read_to_end(input: Box<dyn Read + Send>) -> Reading {
    let mut reader = SourceReader::from_reader(input, "input".to_owned()).unwrap();
    let reading = read_all(&mut reader);
    assert!(reader.sha256().is_some(), "all bytes were there to be hashed");
    reading
}

/// Reads what a reader has, to its end.
pub fn read_all(reader: &mut SourceReader) -> Reading {
    let layers = reader.compression().to_vec();
    let mut reading = Reading { pieces: Vec::new(), layers, claims: Vec::new() };
    let mut decoder = Decoder::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        assert!(!batch.is_empty());
        decoder.decode(&batch, &mut |output| reading.push(output));
    }
    assert!(reader.next_batch().unwrap().is_none(), "the end is final");
    reading
}

struct SlowPipe {
    input: Cursor<Vec<u8>>,
    step_bytes: usize,
}

impl Read for SlowPipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.step_bytes.min(buffer.len());
        self.input.read(&mut buffer[..count])
    }
}
