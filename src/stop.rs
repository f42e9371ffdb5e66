//! Requests to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "aws")]
use std::time::Duration;

#[cfg(any(feature = "aws", feature = "serve"))]
use tokio::sync::Notify;

/// A request to stop, shared by several parts of the program: threads that check it now and then,
/// and tasks that wait for it.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    is_requested: Arc<AtomicBool>,
    #[cfg(any(feature = "aws", feature = "serve"))]
    requested: Arc<Notify>,
}

impl Stop {
    /// Creates one that is not requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests a stop. True if one was already requested.
    pub fn request(&self) -> bool {
        // The flag before the wake-up, so that a task that wakes finds it set.
        let was_requested = self.is_requested.swap(true, Ordering::SeqCst);
        #[cfg(any(feature = "aws", feature = "serve"))]
        self.requested.notify_waiters();
        was_requested
    }

    /// True if a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::SeqCst)
    }

    /// Returns the flag alone, for code that only checks it.
    pub(crate) fn flag(&self) -> &Arc<AtomicBool> {
        &self.is_requested
    }

    /// Waits until a stop is requested.
    #[cfg(any(feature = "aws", feature = "serve"))]
    pub async fn requested(&self) {
        // Registered before the flag is checked, so that no request falls between the two.
        let requested = self.requested.notified();
        if !self.is_requested() {
            requested.await;
        }
    }

    /// Waits for `duration`, or until a stop is requested.
    #[cfg(feature = "aws")]
    pub async fn wait(&self, duration: Duration) {
        tokio::select! {
            () = self.requested() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }
}
