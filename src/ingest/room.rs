//! Room in a queue, counted in bytes because the size of batches varies.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The room of a queue, for which its sender waits.
#[derive(Clone)]
pub(super) struct QueueRoom(Arc<Shared>);

struct Shared {
    used_bytes: Mutex<usize>,
    bytes_max: usize,
    freed: Condvar,
}

/// A part of the room, returned on drop.
pub(super) struct Taken {
    room: QueueRoom,
    bytes: usize,
}

impl QueueRoom {
    pub(super) fn new(bytes_max: usize) -> Self {
        let used_bytes = Mutex::new(0);
        Self(Arc::new(Shared { used_bytes, bytes_max, freed: Condvar::new() }))
    }

    /// Waits until there is room for `bytes`, or the whole room is free: a batch larger than the
    /// room passes alone.
    pub(super) fn take(&self, bytes: usize) -> Taken {
        // Poisoning is harmless: the number is whole whenever the lock is released.
        let used = self.0.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |used: &mut usize| *used > 0 && *used + bytes > self.0.bytes_max;
        let used = self.0.freed.wait_while(used, is_full);
        *used.unwrap_or_else(PoisonError::into_inner) += bytes;
        Taken { room: self.clone(), bytes }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let shared = &self.room.0;
        let mut used = shared.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(self.bytes);
        shared.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_too_large_waits_for_all_others() {
        let room = QueueRoom::new(10);
        let (first, second) = (room.take(4), room.take(6));
        std::thread::scope(|scope| {
            let (sender, large) = std::sync::mpsc::channel();
            let room = room.clone();
            scope.spawn(move || sender.send(room.take(100)));
            drop(first);
            assert!(large.try_recv().is_err());
            drop(second);
            assert_eq!(large.recv().unwrap().bytes, 100);
        });
        assert_eq!(room.take(10).bytes, 10);
    }
}
