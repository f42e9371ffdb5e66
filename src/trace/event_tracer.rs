//! The lookup of messages by one of their events.

use std::collections::{HashMap, HashSet, VecDeque};

use rayon::prelude::*;

use super::gather::gather_from;
use super::{JoinRules, Message};
use crate::limits;
use crate::store::{EventReader, Location, Store, StoreError, StoredEvent};

/// Traces messages by their events, one after another.
///
/// Thousands of messages may share an ID, and a list asks for each of them; groups may have the
/// same example over and over. So gathered messages are kept, up to
/// [`limits::GATHERED_BYTES_KEPT_MAX`].
pub struct EventTracer<'s> {
    reader: EventReader<'s>,
    rules: JoinRules,
    /// What was gathered, in order; the front has the number `first`.
    kept: VecDeque<Connected>,
    first: usize,
    bytes: usize,
    /// The number of the entry that has the event at each location.
    numbers: HashMap<Location, usize>,
}

/// Connected messages, all of them whole.
struct Connected {
    places: HashSet<Location>,
    messages: Vec<Message>,
    bytes: usize,
}

impl<'s> EventTracer<'s> {
    /// Creates a tracer that has gathered nothing.
    #[must_use]
    pub fn new(store: &'s Store, rules: &JoinRules) -> Self {
        Self {
            reader: store.events(),
            rules: rules.clone(),
            kept: VecDeque::new(),
            first: 0,
            bytes: 0,
            numbers: HashMap::new(),
        }
    }

    /// Returns its reader, for other questions.
    pub fn reader(&mut self) -> &mut EventReader<'s> {
        &mut self.reader
    }

    /// Returns the message of the event at `location`; `None` if the event belongs to none.
    pub fn message_of(&mut self, location: Location) -> Result<Option<Message>, StoreError> {
        // Read even where its messages are kept: only the event shows which of them it belongs to.
        let event = self.reader.read(location)?;
        // Numbers only grow: subtracting `first` turns one into an index, whatever was dropped at
        // the front.
        let number = self.numbers.get(&location).and_then(|it| it.checked_sub(self.first));
        if let Some(connected) = number.and_then(|it| self.kept.get(it)) {
            let position = position_of(&event, &connected.messages);
            return Ok(position.and_then(|it| connected.messages.get(it)).cloned());
        }
        let gathered = gather_from(&mut self.reader, location, event.clone())?;
        let places = gathered.places();
        let mut messages = gathered.join(&self.rules);
        let Some(position) = position_of(&event, &messages) else { return Ok(None) };
        // Where gathering stopped depends on where it began, so it is no answer for other events.
        if messages.iter().any(|it| it.is_truncated) {
            return Ok(Some(messages.swap_remove(position)));
        }
        let message = messages.get(position).cloned();
        self.keep(places, messages);
        Ok(message)
    }

    fn keep(&mut self, places: HashSet<Location>, messages: Vec<Message>) {
        let bytes = messages.iter().flat_map(|it| &it.events).map(|it| it.record.message.len());
        let bytes = bytes.sum();
        let number = self.first + self.kept.len();
        self.numbers.extend(places.iter().map(|it| (*it, number)));
        self.bytes += bytes;
        self.kept.push_back(Connected { places, messages, bytes });
        while self.bytes > limits::GATHERED_BYTES_KEPT_MAX {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.first += 1;
            self.bytes -= oldest.bytes;
            for place in &oldest.places {
                self.numbers.remove(place);
            }
        }
    }
}

/// Traces many messages by their events, on all cores.
pub struct EventTracers<'s>(Vec<EventTracer<'s>>);

impl<'s> EventTracers<'s> {
    /// Creates a tracer for each worker.
    #[must_use]
    pub fn new(store: &'s Store, rules: &JoinRules) -> Self {
        let each = |_| EventTracer::new(store, rules);
        Self((0..rayon::current_num_threads()).map(each).collect())
    }

    /// Returns the messages of the events at these locations, in their order, without those of
    /// events that belong to none. It holds all of them at once.
    pub fn messages_of(
        &mut self,
        places: impl IntoIterator<Item = Location>,
    ) -> Result<Vec<Message>, StoreError> {
        let places: Vec<Location> = places.into_iter().collect();
        // Contiguous shares: events of one message tend to meet the tracer that has kept it.
        let share = places.len().div_ceil(self.0.len()).max(1);
        let shares = places.par_chunks(share).zip(self.0.par_iter_mut());
        let traced = shares.map(|(places, tracer)| {
            let messages = places.iter().filter_map(|it| tracer.message_of(*it).transpose());
            messages.collect::<Result<Vec<_>, _>>()
        });
        Ok(traced.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

/// Returns the message of the event at `location`, and keeps nothing for the next.
pub(crate) fn message_at(
    reader: &mut EventReader<'_>,
    location: Location,
    rules: &JoinRules,
) -> Result<Option<Message>, StoreError> {
    let event = reader.read(location)?;
    let mut messages = gather_from(reader, location, event.clone())?.join(rules);
    Ok(position_of(&event, &messages).map(|it| messages.swap_remove(it)))
}

/// Finds the message that has the event.
fn position_of(event: &StoredEvent, messages: &[Message]) -> Option<usize> {
    let is_it = |it: &StoredEvent| {
        it.record.timestamp == event.record.timestamp && it.record.message == event.record.message
    };
    // The join keeps only the exact one of two records, so the event may be there under its exact
    // time.
    let is_like_it = |it: &StoredEvent| it.record.message == event.record.message;
    let with =
        |is: &dyn Fn(&StoredEvent) -> bool| messages.iter().position(|it| it.events.iter().any(is));
    with(&is_it).or_else(|| with(&is_like_it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Parser;
    use crate::store::{Record, StoreWriter};
    use crate::time::Timestamp;

    /// Arrivals a day apart, by twos of one ID that all of them share but the last.
    fn store(path: &std::path::Path, message_bytes: usize) -> Store {
        let mut writer = StoreWriter::open_or_create(path).unwrap();
        let mut preparer = writer.preparers().preparer();
        for day in 0..5 {
            let id = if day == 4 { "own" } else { "scan" };
            let message = format!(
                r#"{{"traceId":"t{day}","event":{{"eventName":"ORGANIZATION_EMAIL_RECEIVED","messageId":"<{id}@printer.example>","subject":"{day}{}","recipients":["bob@acme.example"]}}}}"#,
                "x".repeat(message_bytes)
            );
            let record = Record {
                log_group: None,
                log_stream: None,
                event_id: None,
                timestamp: Timestamp::from_ms(day * 86_400_000).unwrap(),
                is_time_approximate: false,
                ingestion_time: None,
                message: message.as_str().into(),
            };
            let event = Parser::new().parse(&message).unwrap().into_owned();
            preparer.add(&record, &event);
        }
        writer.append(vec![preparer.finish().unwrap()]).unwrap();
        writer.close().unwrap();
        Store::open(path).unwrap()
    }

    fn places(store: &Store) -> Vec<Location> {
        let reader = store.events();
        (0..5).flat_map(|it| reader.leg_locations(&format!("t{it}"), 10)).collect()
    }

    #[test]
    fn messages_that_share_an_id_are_gathered_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), 0);
        let rules = JoinRules::default();
        let mut tracer = EventTracer::new(&store, &rules);
        let places = places(&store);
        for (day, place) in places.iter().enumerate() {
            let message = tracer.message_of(*place).unwrap().unwrap();
            assert_eq!(message.trace_ids, [format!("t{day}")]);
            let alone = EventTracer::new(&store, &rules).message_of(*place).unwrap().unwrap();
            assert_eq!(message.first_seen, alone.first_seen);
        }
        assert_eq!(tracer.kept.len(), 2);
        assert_eq!(tracer.kept[0].places, places[..4].iter().copied().collect());
        assert_eq!(tracer.kept[1].places, places[4..].iter().copied().collect());
    }

    #[test]
    fn what_is_too_much_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), limits::GATHERED_BYTES_KEPT_MAX / 4);
        let mut tracer = EventTracer::new(&store, &JoinRules::default());
        let places = places(&store);
        for (index, place) in places.iter().chain(&places).enumerate() {
            assert!(tracer.message_of(*place).unwrap().is_some());
            let kept: Vec<&Location> = tracer.numbers.keys().collect();
            // The last one alone is not too much.
            assert_eq!(kept, if index % 5 == 4 { vec![place] } else { vec![] }, "{index}");
        }
    }
}
