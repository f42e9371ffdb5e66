//! The records that are appended to the archive together, cut into blocks.

use std::io;

use rayon::prelude::*;

use super::archive::{Location, compress_block};
use super::audit_index::OtherDocument;
use super::identity::Identity;
use super::index::Document;
use crate::limits;
use crate::time::Timestamp;

/// A block of archive lines.
pub(super) struct PreparedBlock {
    pub(super) frame: Vec<u8>,
    /// The number of its records.
    pub(super) count: usize,
}

/// One record of a batch.
pub(super) struct PreparedRecord {
    /// Its position in the batch.
    pub(super) position: usize,
    /// The end of its archive line in the batch's lines.
    pub(super) line_end: usize,
    pub(super) identity: Identity,
    /// Its identity without its time; only where approximate times occur.
    pub(super) message_identity: Option<Identity>,
    /// True if the store has the record, as far as is known.
    pub(super) is_stored: bool,
    pub(super) timestamp: Timestamp,
    pub(super) is_time_approximate: bool,
}

/// The document of a record, for one of the two indexes.
pub(super) enum Prepared {
    /// The document of an email event.
    Mail(Document),
    /// The document of any other record.
    Other(Box<OtherDocument>),
}

/// Merges the documents of both kinds into the order of their records; `others` has the positions
/// of its own.
pub(super) fn in_order(
    mail: impl Iterator<Item = Document>,
    others: Vec<(usize, OtherDocument)>,
    count: usize,
) -> Vec<Prepared> {
    let mut mail = mail.map(Prepared::Mail);
    let mut others = others.into_iter().peekable();
    let document = |number| match others.next_if(|(it, _)| *it == number) {
        Some((_, document)) => Some(Prepared::Other(Box::new(document))),
        None => mail.next(),
    };
    (0..count).filter_map(document).collect()
}

/// Documents whose records have been archived, by index.
#[derive(Default)]
pub(super) struct Located {
    pub(super) mail: Vec<Document>,
    pub(super) others: Vec<OtherDocument>,
}

impl Located {
    /// Adds a document whose record is at that location.
    pub(super) fn push(&mut self, prepared: Prepared, at: Location) {
        match prepared {
            Prepared::Mail(document) => self.mail.push(document.at(at)),
            Prepared::Other(document) => self.others.push(document.at(at)),
        }
    }
}

/// The next frames of the archive, in order, each with its documents.
#[derive(Default)]
pub(super) struct Blocks(Vec<Block>);

enum Block {
    /// Uncompressed lines, to which more may be added.
    Lines(Vec<u8>, Vec<Prepared>),
    /// A compressed frame.
    Frame(Vec<u8>, Vec<Prepared>),
}

impl Blocks {
    /// Appends blocks that are compressed already.
    pub(super) fn extend(&mut self, prepared: Vec<PreparedBlock>, documents: Vec<Prepared>) {
        let mut documents = documents.into_iter();
        self.0.extend(
            prepared
                .into_iter()
                .map(|it| Block::Frame(it.frame, documents.by_ref().take(it.count).collect())),
        );
    }

    /// Appends the batch's new records.
    pub(super) fn fill(
        &mut self,
        lines: &[u8],
        records: &[PreparedRecord],
        documents: Vec<Prepared>,
    ) {
        let mut start = 0;
        for (record, document) in records.iter().zip(documents) {
            let line =
                lines.get(start..record.line_end).expect("a record ends where its line does");
            start = record.line_end;
            // Lines of duplicates are passed over here, and their documents with them.
            if !record.is_stored {
                self.push(line, document);
            }
        }
    }

    /// Compresses the remaining lines, on all cores, and returns all frames with their documents,
    /// in order.
    pub(super) fn into_frames(self) -> Vec<io::Result<(Vec<u8>, Vec<Prepared>)>> {
        self.0.into_par_iter().map(Block::into_frame).collect()
    }

    fn push(&mut self, line: &[u8], document: Prepared) {
        match self.0.last_mut() {
            // A block with one long line may exceed the size, for records are never split.
            Some(Block::Lines(lines, documents))
                if lines.len() + line.len() <= limits::BLOCK_BYTES
                    && documents.len() < limits::BLOCK_RECORDS_MAX =>
            {
                lines.extend_from_slice(line);
                documents.push(document);
            }
            _ => self.0.push(Block::Lines(line.to_vec(), vec![document])),
        }
    }
}

impl Block {
    /// Returns the frame and its documents.
    fn into_frame(self) -> io::Result<(Vec<u8>, Vec<Prepared>)> {
        Ok(match self {
            Self::Frame(frame, documents) => (frame, documents),
            Self::Lines(lines, documents) => (compress_block(&lines)?, documents),
        })
    }
}
