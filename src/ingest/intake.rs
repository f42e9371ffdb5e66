//! What every source does with what was decoded of it, be it a file, an object or a log group: count
//! it, and keep what was rejected as durably as the records beside it.

use crate::store::{
    Appended, OriginCounts, OriginEnd, OriginId, RejectedWriter, StoreError, StoreWriter,
};

/// A piece of rejected input.
pub(crate) struct RejectedPiece {
    pub(crate) line: u64,
    pub(crate) byte_offset: u64,
    pub(crate) reason: String,
    /// Whether it goes on where the piece before it ends, and counts as one with that.
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
    /// Begins to take in what an origin was begun for; what is rejected of it is kept under `name`.
    pub(crate) fn new(writer: &StoreWriter, origin: OriginId, name: &str) -> Self {
        let rejected = writer.rejected(name);
        Self { origin, rejected, counts: OriginCounts::default(), first_reject: None }
    }

    /// What the store knows it by.
    pub(crate) fn origin(&self) -> OriginId {
        self.origin
    }

    /// What became of it so far. read = added + duplicates + rejected.
    pub(crate) fn counts(&self) -> OriginCounts {
        self.counts
    }

    /// The line and the reason of the first piece that was rejected.
    pub(crate) fn first_reject(&self) -> Option<(u64, String)> {
        self.first_reject.clone()
    }

    /// Rejected pieces that were not kept, as all of them would have taken too much.
    pub(crate) fn left_out(&self) -> u64 {
        self.rejected.left_out()
    }

    /// Counts a batch that the store has taken, and keeps what was rejected of it. So many bytes of
    /// the source had been read by then.
    pub(crate) fn take(
        &mut self,
        writer: &mut StoreWriter,
        appended: &Appended,
        rejects: Vec<RejectedPiece>,
        raw_bytes: u64,
    ) -> Result<(), StoreError> {
        self.rejected.allow(raw_bytes);
        let mut rejected = 0;
        for RejectedPiece { line, byte_offset, reason, is_continuation, bytes } in rejects {
            self.rejected.add(line, byte_offset, &reason, is_continuation, &bytes)?;
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

    /// Makes what was rejected so far durable, for a commit in the middle of the source.
    pub(crate) fn keep(&mut self) -> Result<(), StoreError> {
        self.rejected.keep()
    }

    /// Makes all that was rejected durable.
    pub(crate) fn keep_all(&mut self) -> Result<(), StoreError> {
        self.rejected.finish().map(drop)
    }

    pub(crate) fn end(&self, writer: &mut StoreWriter, end: OriginEnd) {
        writer.end_origin(self.origin, end);
    }
}
