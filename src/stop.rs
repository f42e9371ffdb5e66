//! Being told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "aws")]
use std::time::Duration;

#[cfg(any(feature = "aws", feature = "serve"))]
use tokio::sync::Notify;

/// A wish to stop that several parts of the program share: threads that look at it now and then,
/// and tasks that wait for it.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    is_requested: Arc<AtomicBool>,
    #[cfg(any(feature = "aws", feature = "serve"))]
    requested: Arc<Notify>,
}

impl Stop {
    /// Nobody wishes to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wishes to stop. Tells whether somebody did before.
    pub fn request(&self) -> bool {
        let was_requested = self.is_requested.swap(true, Ordering::SeqCst);
        #[cfg(any(feature = "aws", feature = "serve"))]
        self.requested.notify_waiters();
        was_requested
    }

    /// Whether somebody wishes to stop.
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::SeqCst)
    }

    /// The wish alone, for what looks at it and knows of nothing else.
    pub(crate) fn flag(&self) -> &Arc<AtomicBool> {
        &self.is_requested
    }

    /// Waits until somebody wishes to stop.
    #[cfg(any(feature = "aws", feature = "serve"))]
    pub async fn requested(&self) {
        // Begun before the wish is looked at, so that none falls between the two.
        let requested = self.requested.notified();
        if !self.is_requested() {
            requested.await;
        }
    }

    /// Waits for `duration`, or less when somebody wishes to stop.
    #[cfg(feature = "aws")]
    pub async fn wait(&self, duration: Duration) {
        tokio::select! {
            () = self.requested() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }
}
