//! What the store gives back.

use crate::event::Event;
use crate::source::Record;

/// A record that the store holds, with the event that was read out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The original.
    pub record: Record<'static>,
    /// What it says.
    pub event: Event<'static>,
}
