//! What is appended to the archive together, cut into blocks.

use std::io;

use rayon::prelude::*;

use super::archive::compress_block;
use super::index::Document;
use super::prepare::{PreparedBlock, PreparedRecord};
use crate::limits;

/// What will be frames of the archive, in order, each with its documents.
#[derive(Default)]
pub(super) struct Blocks(Vec<Block>);

enum Block {
    /// Lines to be compressed, to which more may come.
    Lines(Vec<u8>, Vec<Document>),
    /// A frame.
    Frame(Vec<u8>, Vec<Document>),
}

impl Blocks {
    /// Puts blocks behind that are compressed already.
    pub(super) fn extend(&mut self, prepared: Vec<PreparedBlock>, documents: Vec<Document>) {
        let mut documents = documents.into_iter();
        self.0.extend(
            prepared
                .into_iter()
                .map(|it| Block::Frame(it.frame, documents.by_ref().take(it.count).collect())),
        );
    }

    /// Puts behind what is new of a batch.
    pub(super) fn fill(
        &mut self,
        lines: &[u8],
        records: &[PreparedRecord],
        documents: Vec<Document>,
    ) {
        let mut start = 0;
        for (record, document) in records.iter().zip(documents) {
            let line = lines.get(start..record.line_end).unwrap_or_default();
            start = record.line_end;
            if !record.is_stored {
                self.push(line, document);
            }
        }
    }

    /// Compresses what is not yet, on all cores; gives frames with their documents, in order.
    pub(super) fn into_frames(self) -> Vec<io::Result<(Vec<u8>, Vec<Document>)>> {
        self.0.into_par_iter().map(Block::into_frame).collect()
    }

    fn push(&mut self, line: &[u8], document: Document) {
        match self.0.last_mut() {
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
    /// The frame, and its documents.
    fn into_frame(self) -> io::Result<(Vec<u8>, Vec<Document>)> {
        Ok(match self {
            Self::Frame(frame, documents) => (frame, documents),
            Self::Lines(lines, documents) => (compress_block(&lines)?, documents),
        })
    }
}
