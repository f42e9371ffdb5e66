//! What the service holds: log groups, their streams and events, and when each can be seen.

use std::collections::BTreeSet;

use mailtrace::Record;

use super::{ACCOUNT, REGION};

const HOUR_MS: i64 = 3_600_000;

/// Everything that the service holds.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) groups: Vec<Group>,
    /// Up to which wave late events have arrived. Raise it to let more of them in.
    pub(crate) wave: u32,
    /// How many FilterLogEvents requests came in.
    pub(crate) filter_count: u64,
    /// Whether `endTime` leaves out the events of that very millisecond. The documentation says
    /// that they are returned ("Events with a timestamp later than this time are not returned");
    /// aws-cli issue 4262 reports that they are not. A client must live with both.
    pub(crate) end_time_is_exclusive: bool,
    /// How far `lastIngestionTime` and `lastEventTimestamp` stay behind: events ingested less than
    /// this before the newest of their stream do not count yet. AWS promises "typically less than
    /// an hour" for both.
    pub(crate) stream_lag_ms: i64,
    /// Events on a page at most. A client cannot tell a smaller page from a partly full one.
    pub(crate) page_events_max: usize,
    /// Bytes of messages on a page at most; one event always fits.
    pub(crate) page_bytes_max: usize,
}

impl Default for World {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            wave: 0,
            filter_count: 0,
            end_time_is_exclusive: false,
            stream_lag_ms: 0,
            page_events_max: 10_000,
            page_bytes_max: 1 << 20,
        }
    }
}

impl World {
    pub(crate) fn with(groups: impl IntoIterator<Item = Group>) -> Self {
        Self { groups: groups.into_iter().collect(), ..Self::default() }
    }

    /// Whether an event has arrived.
    pub(crate) fn has_arrived(&self, event: &Event) -> bool {
        match event.arrival {
            Arrival::Prompt => true,
            Arrival::Wave(wave) => wave <= self.wave,
            Arrival::AfterRequests(count) => count <= self.filter_count,
        }
    }

    /// The events of a group that have arrived, in the order in which they are listed.
    pub(crate) fn arrived<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a Event> {
        group.events.iter().filter(|it| self.has_arrived(it))
    }
}

/// A log group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) creation_ms: i64,
    pub(crate) retention_days: Option<u32>,
    /// Overrides what the events add up to.
    pub(crate) stored_bytes: Option<u64>,
    /// Always sorted by [`Event::key`].
    events: Vec<Event>,
    /// Streams that have no events.
    pub(crate) empty_streams: Vec<String>,
}

impl Group {
    pub(crate) fn new(name: &str, events: impl IntoIterator<Item = Event>) -> Self {
        let mut group = Self { name: name.to_owned(), ..Self::default() };
        group.put(events);
        // An hour before there was anything to log.
        group.creation_ms = group.events.first().map_or(0, |it| (it.timestamp_ms - HOUR_MS).max(0));
        group
    }

    /// Takes events in; those put first come first among equal times.
    pub(crate) fn put(&mut self, events: impl IntoIterator<Item = Event>) {
        for mut event in events {
            event.order = self.events.len();
            // 56 digits that say nothing, but differ.
            event.event_id =
                format!("39{:013}{:041}", event.timestamp_ms.max(0), event.order * 7_919);
            self.events.push(event);
        }
        self.events.sort_by_key(Event::key);
    }

    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Without the `:*` that permissions and `arn` end with.
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{}", self.name)
    }

    /// Names of the streams, in order.
    pub(crate) fn streams(&self) -> BTreeSet<&str> {
        let named = self.events.iter().map(|it| it.stream.as_str());
        named.chain(self.empty_streams.iter().map(String::as_str)).collect()
    }
}

/// When an event can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Arrival {
    #[default]
    Prompt,
    /// Once [`World::wave`] has come that far.
    Wave(u32),
    /// Once so many FilterLogEvents requests came in: while a pull is under way.
    AfterRequests(u64),
}

/// An event of a group.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) timestamp_ms: i64,
    pub(crate) ingestion_ms: i64,
    pub(crate) stream: String,
    pub(crate) message: String,
    pub(crate) arrival: Arrival,
    pub(super) event_id: String,
    /// Stands for the ID of the PutLogEvents request.
    order: usize,
}

/// By which events are sorted, and which no two of a group share.
pub(super) type Key = (i64, i64, usize);

impl Event {
    /// An event that was ingested a second and a half after it happened.
    pub(crate) fn new(timestamp_ms: i64, stream: &str, message: impl Into<String>) -> Self {
        Self {
            timestamp_ms,
            ingestion_ms: timestamp_ms + 1_500,
            stream: stream.to_owned(),
            message: message.into(),
            arrival: Arrival::Prompt,
            event_id: String::new(),
            order: 0,
        }
    }

    /// A record of a synthetic log.
    pub(crate) fn of(record: &Record<'_>) -> Self {
        let stream = record.log_stream.as_deref().unwrap_or("stream");
        let mut event = Self::new(record.timestamp.as_ms(), stream, record.message.clone());
        if let Some(time) = record.ingestion_time {
            event.ingestion_ms = time.as_ms();
        }
        event
    }

    pub(crate) fn ingested_at(self, ingestion_ms: i64) -> Self {
        Self { ingestion_ms, ..self }
    }

    pub(crate) fn arriving(self, arrival: Arrival) -> Self {
        Self { arrival, ..self }
    }

    pub(super) fn key(&self) -> Key {
        (self.timestamp_ms, self.ingestion_ms, self.order)
    }
}
