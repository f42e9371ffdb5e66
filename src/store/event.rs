//! The events that the store returns.

use crate::event::Event;
use crate::source::Record;

/// A stored record, and the event parsed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The original.
    pub record: Record<'static>,
    /// The parsed event.
    pub event: Event<'static>,
}
