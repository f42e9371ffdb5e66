//! The workers that decode batches, on all cores at once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::decode::{DecodedBatch, Worker};
use crate::source::Batch;
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
    idle: Vec<Worker>,
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

    /// Decodes batches, each with the time that it borrows.
    pub(super) fn decode(
        &self,
        batches: &[Batch],
        borrowed: Option<Timestamp>,
    ) -> Result<Vec<DecodedBatch>, StoreError> {
        batches
            .par_iter()
            .map(|batch| {
                let (mut worker, generation) = {
                    let mut latest = self.latest();
                    let idle = latest.idle.pop();
                    (idle.unwrap_or_else(|| Worker::new(&latest.preparers)), latest.generation)
                };
                let decoded = worker.decode(batch, borrowed, self.log_group);
                let mut latest = self.latest();
                if latest.generation == generation {
                    latest.idle.push(worker);
                }
                decoded
            })
            .collect()
    }
}
