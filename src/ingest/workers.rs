//! Workers that decode batches on all cores.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::decode::{DecodeWorker, DecodedBatch, PieceOptions};
use super::reading::ReadBatch;
use crate::source::{Batch, DecodedRoom, DecodingBudget};
use crate::store::{Preparers, StoreError};
use crate::time::Timestamp;

/// Decodes batches against the latest commit that it was given.
pub(super) struct Workers<'i> {
    /// The group of records whose source does not name one.
    log_group: Option<&'i str>,
    latest: Mutex<Latest>,
}

struct Latest {
    preparers: Preparers,
    /// Workers at rest, kept from round to round for their memory.
    idle: Vec<DecodeWorker>,
    /// The number of times that preparers were renewed.
    generation: u64,
}

impl<'i> Workers<'i> {
    pub(super) fn new(preparers: Preparers, log_group: Option<&'i str>) -> Self {
        let latest = Latest { preparers, idle: Vec::new(), generation: 0 };
        Self { log_group, latest: Mutex::new(latest) }
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        // Its fields agree between any two statements that hold the lock, so a panic does no harm.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decodes against another commit from now on.
    pub(super) fn renew(&self, preparers: Preparers) {
        let mut latest = self.latest();
        latest.preparers = preparers;
        // Idle workers know only the old commit.
        latest.idle.clear();
        latest.generation += 1;
    }

    /// Decodes batches again, with a time to borrow.
    pub(super) fn decode(
        &self,
        batches: &[ReadBatch],
        borrowed: Option<Timestamp>,
    ) -> Result<Vec<DecodedBatch>, StoreError> {
        let decode = |batch: &ReadBatch| {
            let budget = Arc::new(DecodingBudget::new(batch.expansion_bytes_max(), None));
            self.decode_one(batch, borrowed, &budget)
        };
        batches.par_iter().map(decode).collect()
    }

    /// Decodes batches that share a room; `None` for those that did not fit in it.
    pub(super) fn decode_within(
        &self,
        batches: &[ReadBatch],
        room: &Arc<DecodedRoom>,
    ) -> Result<Vec<Option<DecodedBatch>>, StoreError> {
        let decode = |batch: &ReadBatch| {
            let room = Some(Arc::clone(room));
            let budget = Arc::new(DecodingBudget::new(batch.expansion_bytes_max(), room));
            let decoded = self.decode_one(batch, None, &budget)?;
            Ok((!budget.is_halted()).then_some(decoded))
        };
        batches.par_iter().map(decode).collect()
    }

    fn decode_one(
        &self,
        batch: &Batch,
        borrowed: Option<Timestamp>,
        budget: &Arc<DecodingBudget>,
    ) -> Result<DecodedBatch, StoreError> {
        // The lock is not held while decoding: workers only meet to come and go.
        let (mut worker, generation) = {
            let mut latest = self.latest();
            let idle = latest.idle.pop();
            (idle.unwrap_or_else(|| DecodeWorker::new(&latest.preparers)), latest.generation)
        };
        let decoded = worker.decode(batch, borrowed, self.log_group, budget);
        let mut latest = self.latest();
        // A worker of an older commit is dropped, because its preparer knows only that commit.
        if latest.generation == generation {
            latest.idle.push(worker);
        }
        decoded
    }

    /// Decodes one batch on this thread, and hands it on in pieces of bounded size that are never
    /// decoded again. Many commits may happen meanwhile.
    pub(super) fn decode_pieces(
        &self,
        batch: &Batch,
        borrowed: Timestamp,
        piece_bytes: usize,
        budget: &Arc<DecodingBudget>,
        on_piece: &mut dyn FnMut(DecodedBatch),
    ) -> Result<(), StoreError> {
        let newest = || {
            let latest = self.latest();
            // With messages, since a piece cannot be decoded again once one with an approximate
            // time comes.
            (latest.preparers.clone().with_messages(), latest.generation)
        };
        let (preparers, mut generation) = newest();
        let mut worker = DecodeWorker::new(&preparers);
        let mut renewed = || {
            let is_same = self.latest().generation == generation;
            (!is_same).then(|| {
                let (preparers, next) = newest();
                generation = next;
                preparers
            })
        };
        let log_group = self.log_group;
        let piece = PieceOptions { borrowed_time: borrowed, log_group, piece_bytes, budget };
        worker.decode_pieces(batch, &piece, &mut renewed, on_piece)
    }
}
