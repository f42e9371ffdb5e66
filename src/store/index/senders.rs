//! Who sent each event: the addresses `from` and `sender`, by the numbers that an
//! [`super::EventTable`] gives to events.

use std::collections::HashMap;

use tantivy::schema::{Field, IndexRecordOption};

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
        let mut numbers = HashMap::new();
        let from = read_field(snapshot, Fields::FROM, &mut numbers)?;
        let sender = read_field(snapshot, Fields::SENDER, &mut numbers)?;
        let mut texts = vec![Vec::new(); numbers.len()];
        for (text, number) in numbers {
            if let Some(slot) = texts.get_mut(number as usize) {
                *slot = text;
            }
        }
        Ok(Self { from, sender, texts })
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
    numbers: &mut HashMap<Vec<u8>, u32>,
) -> tantivy::Result<Vec<u32>> {
    let mut of_events = Vec::new();
    for reader in snapshot.searcher().segment_readers() {
        let base = of_events.len();
        of_events.resize(base + reader.max_doc() as usize, NONE);
        let inverted = reader.inverted_index(field)?;
        let mut terms = inverted.terms().stream()?;
        while terms.advance() {
            let next = u32::try_from(numbers.len()).unwrap_or(NONE);
            let number = match numbers.get(terms.key()) {
                Some(known) => *known,
                None => *numbers.entry(terms.key().to_vec()).or_insert(next),
            };
            let mut postings = inverted
                .read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
            while !postings.docs().is_empty() {
                for document in postings.docs() {
                    if let Some(slot) = of_events.get_mut(base + *document as usize) {
                        *slot = number;
                    }
                }
                postings.advance();
            }
        }
    }
    Ok(of_events)
}
