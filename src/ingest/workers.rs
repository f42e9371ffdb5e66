//! The workers that decode batches, on all cores at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::decode::{DecodeWorker, DecodedBatch, PieceOptions};
use super::reading::ReadBatch;
use crate::source::{Batch, DecodedRoom, DecodingBudget};
use crate::store::{Preparers, StoreError};
use crate::time::Timestamp;

/// Decodes batches against the latest commit that it was told of.
pub(super) struct Workers<'i> {
    /// The group of records whose source does not name one.
    log_group: Option<&'i str>,
    latest: Mutex<Latest>,
}

struct Latest {
    preparers: Preparers,
    /// Those that are not at work; kept from round to round, for their memory.
    idle: Vec<DecodeWorker>,
    /// How often there were new preparers.
    generation: u64,
}

impl<'i> Workers<'i> {
    pub(super) fn new(preparers: Preparers, log_group: Option<&'i str>) -> Self {
        let latest = Latest { preparers, idle: Vec::new(), generation: 0 };
        Self { log_group, latest: Mutex::new(latest) }
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        // It is whole between any two statements that hold it.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, decodes against another commit.
    pub(super) fn renew(&self, preparers: Preparers) {
        let mut latest = self.latest();
        latest.preparers = preparers;
        latest.idle.clear();
        latest.generation += 1;
    }

    /// Decodes batches that were decoded before, each with the time that it borrows.
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

    /// Decodes batches that share a room; `None` for those that did not come to their end in it.
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
        let (mut worker, generation) = {
            let mut latest = self.latest();
            let idle = latest.idle.pop();
            (idle.unwrap_or_else(|| DecodeWorker::new(&latest.preparers)), latest.generation)
        };
        let decoded = worker.decode(batch, borrowed, self.log_group, budget);
        let mut latest = self.latest();
        if latest.generation == generation {
            latest.idle.push(worker);
        }
        decoded
    }

    /// Decodes one batch on this thread, and hands it on in pieces of bounded size that need not
    /// be decoded again. There may be many commits meanwhile.
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
