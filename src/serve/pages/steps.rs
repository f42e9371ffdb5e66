//! The events of a message, each with its original and the origin of that.

use super::recipients::Pager;
use super::words::{Badge, When, grouped};
use crate::limits;
use crate::render::{human_duration, marked_sentence};
use crate::serve::parameters::Parameters;
use crate::store::{OriginKind, Provenance, Record, Store, StoreError, StoredEvent};
use crate::time::{Timestamp, Zone};
use crate::trace::Message;

/// One page of steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    pub(super) rows: Vec<EventDetails>,
    pub(super) pager: Pager,
}

/// One event.
#[derive(Clone, Debug)]
pub(super) struct EventDetails {
    /// Its position in the message, counted from 1.
    pub(super) number: usize,
    pub(super) when: When,
    pub(super) is_approximate: bool,
    /// The time since the event before it in its leg.
    pub(super) gap: String,
    pub(super) leg: usize,
    pub(super) direction: &'static str,
    pub(super) badge: Badge,
    pub(super) says: String,
    pub(super) original: OriginalDetails,
}

/// The bytes that were logged, and what is known about their origin.
#[derive(Clone, Debug)]
pub(super) struct OriginalDetails {
    pub(super) lines: Vec<String>,
    /// Its length in bytes, if not all of it is shown.
    pub(super) cut: Option<String>,
    pub(super) evidence: Vec<(&'static str, String)>,
}

impl OriginalDetails {
    pub(super) fn of(stored: &StoredEvent, source: Option<&Provenance>, zone: &Zone) -> Self {
        Self::of_record(&stored.record, stored.event.name.as_str(), source, zone)
    }

    /// Describes a record by the name of its event.
    pub(super) fn of_record(
        record: &Record<'_>,
        event_name: &str,
        source: Option<&Provenance>,
        zone: &Zone,
    ) -> Self {
        let message = record.message.as_ref();
        // A cut in the middle of a character would panic.
        let end = message.floor_char_boundary(limits::PAGE_ORIGINAL_BYTES);
        let (shown, rest) = message.split_at(end);
        let is_cut = !rest.is_empty();
        Self {
            lines: shown.split('\n').map(str::to_owned).collect(),
            cut: is_cut.then(|| grouped(message.len() as u64)),
            evidence: evidence(record, event_name, source, zone),
        }
    }
}

/// Returns what it takes to find the record again without this program.
fn evidence(
    record: &Record<'_>,
    event_name: &str,
    source: Option<&Provenance>,
    zone: &Zone,
) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("Event name", event_name.to_owned())];
    pairs.extend(record.log_group.as_deref().map(|it| ("Log group", it.to_owned())));
    pairs.extend(record.log_stream.as_deref().map(|it| ("Log stream", it.to_owned())));
    pairs.extend(record.event_id.as_deref().map(|it| ("Event ID", it.to_owned())));
    pairs.extend(record.ingestion_time.map(|it| ("Ingested", it.in_zone(zone))));
    let Some(source) = source else {
        let why = "not recorded: added by an earlier version, or read from a cluster";
        pairs.push(("Source", why.to_owned()));
        return pairs;
    };
    let origin = &source.origin;
    let kind = match origin.kind {
        OriginKind::Pull => "Pulled from",
        OriginKind::File => "File",
        OriginKind::Stdin => "Read from",
        OriginKind::Object => "Object",
    };
    pairs.push((kind, origin.name.clone()));
    pairs.extend(source.line.map(|it| ("Line", grouped(it))));
    pairs.extend(source.byte_offset.map(|it| ("Byte", grouped(it))));
    pairs.extend(origin.sha256().map(|it| ("SHA-256", it.to_owned())));
    if let Some(damage) = origin.end.as_ref().and_then(|it| it.damage.as_deref()) {
        pairs.push(("Damage", damage.to_owned()));
    }
    pairs.extend(source.committed.map(|it| ("Committed", it.in_zone(zone))));
    pairs.push((
        "In the archive",
        format!(
            "{}, block at byte {}, line {}",
            source.archive_file,
            grouped(source.block_offset),
            grouped(source.block_line)
        ),
    ));
    pairs.push(("Added by", format!("mailtrace {}", origin.version)));
    pairs
}

impl Steps {
    /// Returns the requested page of steps, with their sources.
    pub(super) fn of(
        message: &Message,
        store: &Store,
        parameters: &Parameters,
        zone: &Zone,
    ) -> Result<Self, StoreError> {
        let (pager, start) = Pager::of(
            "steps",
            message.events.len(),
            limits::PAGE_EVENTS,
            parameters,
            "message",
            "steps",
        );
        // Events are listed in order of time across legs, but a gap counts within its leg.
        let mut legs = vec![(0_usize, None::<Timestamp>); message.events.len()];
        for (number, leg) in message.legs.iter().enumerate() {
            let mut before = None;
            for index in &leg.event_indexes {
                if let Some(place) = legs.get_mut(*index) {
                    *place = (number, before);
                }
                before = message.events.get(*index).map(|it| it.record.timestamp);
            }
        }
        let mut provenance = store.provenance();
        let shown = message.events.iter().zip(legs).enumerate();
        let mut rows = Vec::new();
        for (index, (stored, (leg, before))) in shown.skip(start).take(limits::PAGE_EVENTS) {
            let at = stored.record.timestamp;
            let direction = message.legs.get(leg).map_or("", |it| it.direction.as_str());
            let source = provenance.of_event(stored)?;
            rows.push(EventDetails {
                number: index + 1,
                when: When::new(at, zone),
                is_approximate: stored.record.is_time_approximate,
                gap: before
                    .map_or_else(String::new, |it| format!("+{}", human_duration(at.ms_since(it)))),
                leg: leg + 1,
                direction,
                badge: Badge::of_step(&stored.event),
                says: marked_sentence(&stored.event).to_string(),
                original: OriginalDetails::of(stored, source.as_ref(), zone),
            });
        }
        Ok(Self { rows, pager })
    }

    /// Returns the page of steps that shows an event.
    pub(super) fn page_of(event: usize) -> usize {
        event / limits::PAGE_EVENTS + 1
    }
}
