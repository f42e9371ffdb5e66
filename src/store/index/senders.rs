//! Who sent each event: the addresses `from` and `sender`, by the numbers that an
//! [`super::EventTable`] gives to events.

use tantivy::schema::Field;

use super::postings::{Numbering, for_each_document};
use super::schema::Fields;
use super::snapshot::IndexSnapshot;

/// The two addresses of each event: 8 bytes an event, and each address once.
pub(crate) struct Senders {
    from: Vec<u32>,
    sender: Vec<u32>,
    texts: Vec<Vec<u8>>,
}

/// The number of no address.
const NONE: u32 = u32::MAX;

impl Senders {
    pub(super) fn read(snapshot: &IndexSnapshot) -> tantivy::Result<Self> {
        let mut numbering = Numbering::default();
        let from = read_field(snapshot, Fields::FROM, &mut numbering)?;
        let sender = read_field(snapshot, Fields::SENDER, &mut numbering)?;
        Ok(Self { from, sender, texts: numbering.into_terms() })
    }

    /// On whose behalf an event's message was sent.
    pub(crate) fn from(&self, event: u32) -> Option<u32> {
        self.from.get(event as usize).copied().filter(|it| *it != NONE)
    }

    /// Who really sent it, when the event says that it is somebody else.
    pub(crate) fn sender(&self, event: u32) -> Option<u32> {
        self.sender.get(event as usize).copied().filter(|it| *it != NONE)
    }

    /// The addresses by their numbers.
    pub(crate) fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }
}

/// The number of the address that each event has in a field.
fn read_field(
    snapshot: &IndexSnapshot,
    field: Field,
    numbering: &mut Numbering,
) -> tantivy::Result<Vec<u32>> {
    let mut of_events = Vec::new();
    for reader in snapshot.searcher().segment_readers() {
        let base = of_events.len();
        of_events.resize(base + reader.max_doc() as usize, NONE);
        let inverted = reader.inverted_index(field)?;
        let mut terms = inverted.terms().stream()?;
        while terms.advance() {
            let number = numbering.number_of(terms.key());
            for_each_document(&inverted, terms.value(), |document| {
                if let Some(slot) = of_events.get_mut(base + document as usize) {
                    *slot = number;
                }
            })?;
        }
    }
    Ok(of_events)
}
