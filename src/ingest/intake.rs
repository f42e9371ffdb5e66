//! Counts what was decoded of a source, be it a file, an object or a log group, and keeps its
//! rejects as durably as the records beside them.

use crate::store::{
    Appended, OriginCounts, OriginEnd, OriginId, RejectedWriter, StoreError, StoreWriter,
};

/// A piece of rejected input.
pub(crate) struct RejectedPiece {
    pub(crate) line: u64,
    pub(crate) byte_offset: u64,
    pub(crate) reason: String,
    /// True if it continues the piece before it, and counts as one with that.
    pub(crate) is_continuation: bool,
    pub(crate) bytes: Vec<u8>,
}

/// A source that is being taken into the store.
pub(crate) struct Intake {
    origin: OriginId,
    rejected: RejectedWriter,
    counts: OriginCounts,
    first_reject: Option<(u64, String)>,
}

impl Intake {
    /// Begins to take in an origin, whose rejects are kept under `name`.
    pub(crate) fn new(writer: &StoreWriter, origin: OriginId, name: &str) -> Self {
        let rejected = writer.rejected(name);
        Self { origin, rejected, counts: OriginCounts::default(), first_reject: None }
    }

    /// Returns the ID of the source in the store.
    pub(crate) fn origin(&self) -> OriginId {
        self.origin
    }

    /// Returns the counts so far. read = added + duplicates + rejected.
    pub(crate) fn counts(&self) -> OriginCounts {
        self.counts
    }

    /// Returns the line and reason of the first rejected piece.
    pub(crate) fn first_reject(&self) -> Option<(u64, String)> {
        self.first_reject.clone()
    }

    /// Returns the number of rejected pieces that were not kept because the rejects took too much
    /// space.
    pub(crate) fn left_out(&self) -> u64 {
        self.rejected.left_out()
    }

    /// Counts a batch that the store has appended, and keeps its rejects. `raw_bytes` of the source
    /// had been read by then.
    pub(crate) fn take(
        &mut self,
        writer: &mut StoreWriter,
        appended: &Appended,
        rejects: Vec<RejectedPiece>,
        raw_bytes: u64,
    ) -> Result<(), StoreError> {
        // Rejects may take a multiple of what was read: only a bomb has more.
        self.rejected.allow(raw_bytes);
        let mut rejected = 0;
        for RejectedPiece { line, byte_offset, reason, is_continuation, bytes } in rejects {
            self.rejected.add(line, byte_offset, &reason, is_continuation, &bytes)?;
            // Later parts of one rejected unit are not counted, so that the sums agree.
            if !is_continuation {
                rejected += 1;
                self.first_reject.get_or_insert((line, reason));
            }
        }
        let (added, duplicates) = (appended.added, appended.duplicates());
        let read = added + duplicates + rejected;
        let counts = OriginCounts { read, added, duplicates, rejected };
        writer.count_origin(self.origin, counts);
        self.counts.add(counts);
        Ok(())
    }

    /// Makes the rejects so far durable, for a commit in the middle of the source.
    pub(crate) fn keep(&mut self) -> Result<(), StoreError> {
        self.rejected.keep()
    }

    /// Makes all rejects durable.
    pub(crate) fn keep_all(&mut self) -> Result<(), StoreError> {
        self.rejected.finish().map(drop)
    }

    pub(crate) fn end(&self, writer: &mut StoreWriter, end: OriginEnd) {
        writer.end_origin(self.origin, end);
    }
}
