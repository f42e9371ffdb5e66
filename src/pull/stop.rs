//! Being told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// A wish to stop that several parts of the program share.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Nobody wishes to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Wishes to stop.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether somebody wishes to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody wishes to stop.
    pub async fn requested(&self) {
        // It ends early only when all senders are gone, and we hold one.
        let mut wish = self.0.subscribe();
        let _closed = wish.wait_for(|it| *it).await;
    }

    /// Waits for `duration`, or less when somebody wishes to stop.
    pub async fn wait(&self, duration: Duration) {
        tokio::select! {
            () = self.requested() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }
}
