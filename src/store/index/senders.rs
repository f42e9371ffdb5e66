//! Who sent each event: the addresses `from` and `sender`, by the numbers that an
//! [`super::EventTable`] gives to events.

use super::postings::{NO_TERM, Numbering, terms_of_events};
use super::schema::Fields;
use super::snapshot::IndexSnapshot;

/// The two addresses of each event: 8 bytes an event, and each address once.
pub(crate) struct Senders {
    from: Vec<u32>,
    sender: Vec<u32>,
    texts: Vec<Vec<u8>>,
}

impl Senders {
    pub(super) fn read(snapshot: &IndexSnapshot) -> tantivy::Result<Self> {
        let mut numbering = Numbering::default();
        let from = terms_of_events(snapshot, Fields::FROM, &mut numbering, |_| true)?;
        let sender = terms_of_events(snapshot, Fields::SENDER, &mut numbering, |_| true)?;
        Ok(Self { from, sender, texts: numbering.into_terms() })
    }

    /// On whose behalf an event's message was sent.
    pub(crate) fn from(&self, event: u32) -> Option<u32> {
        self.from.get(event as usize).copied().filter(|it| *it != NO_TERM)
    }

    /// Who really sent it, when the event says that it is somebody else.
    pub(crate) fn sender(&self, event: u32) -> Option<u32> {
        self.sender.get(event as usize).copied().filter(|it| *it != NO_TERM)
    }

    /// The addresses by their numbers.
    pub(crate) fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }
}
