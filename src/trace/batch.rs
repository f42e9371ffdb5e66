//! Traces many IDs at once, on all cores. Each block of the archive is read about once, wherever in
//! the list the IDs of its messages are.

use rayon::prelude::*;

use super::gather::{Closure, some_place_of};
use super::{JoinRules, Message};
use crate::store::{IdHash, Location, Store, StoreError};

/// IDs that one worker takes at once: enough of them are in the same blocks, and there are enough
/// portions for all workers.
const IDS_AT_ONCE: usize = 256;

/// Traces each of `ids` (as [`super::trace_ids`] does) and returns, in their order, what `answer`
/// makes of each ID and its messages. An ID without events gets no messages.
///
/// Messages are dropped once they are answered, so the memory is that of the answers and of one
/// message for each worker.
///
/// # Example
/// ```
/// use mailtrace::{ImportOptions, import_temporarily, temporary_directory};
/// use mailtrace::{JoinRules, trace_batch};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let paths = ["samples/filter-log-events.ndjson".into()];
/// # let dir = temporary_directory()?;
/// # let (store, _) =
/// #     import_temporarily(dir.path(), &paths, &ImportOptions::default(), &mut |_| {})?;
/// let ids = ["<nobody@x>".to_owned(), "<20261123.1001@acme.example>".to_owned()];
/// let counts = trace_batch(&store, &ids, &JoinRules::default(), |_, found| found.len())?;
/// assert_eq!(counts, [0, 1]);
/// # Ok(())
/// # }
/// ```
pub fn trace_batch<T: Send>(
    store: &Store,
    ids: &[String],
    rules: &JoinRules,
    answer: impl Fn(&str, &[Message]) -> T + Sync,
) -> Result<Vec<T>, StoreError> {
    // Sorted by location, IDs whose events share a block are traced by one worker in a row.
    let mut places: Vec<(Option<Location>, &str, usize)> = ids
        .par_iter()
        .enumerate()
        .with_min_len(IDS_AT_ONCE)
        .map_init(
            || store.events(),
            |reader, (index, id)| (some_place_of(reader, id), id.as_str(), index),
        )
        .collect();
    places.par_sort_unstable();
    let parts: Vec<Vec<(usize, T)>> = places
        .par_chunks(IDS_AT_ONCE)
        .map_init(
            || store.events(),
            |reader, places| {
                // Neighbours are often IDs of one message, which is then gathered once.
                let mut last = Closure::default();
                let one = |(_, id, index): &(_, &str, usize)| {
                    Ok((*index, answer(id, last.messages_with(reader, id, rules)?)))
                };
                places.iter().map(one).collect::<Result<_, StoreError>>()
            },
        )
        .collect::<Result<_, StoreError>>()?;
    let mut answers: Vec<(usize, T)> = parts.into_iter().flatten().collect();
    // Workers answer in the order of the archive; the caller gets that of the list.
    answers.sort_unstable_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, it)| it).collect())
}

/// A mark that recognizes a message that was returned before. Among a million messages, the chance
/// that two share one is 1 in 100,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageMark(IdHash);

/// Returns the mark of a message: that of its first event, which belongs to no other message.
pub fn mark_of(message: &Message) -> MessageMark {
    let first = message.events.first().map(|it| &it.record);
    let text = first.map(|it| format!("{} {}", it.timestamp.as_ms(), it.message));
    MessageMark(IdHash::of(text.as_deref().unwrap_or("")))
}
