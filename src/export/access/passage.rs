//! The passage of audit events out of the store: each once, in order of time.

use serde_json::Value;

use super::AccessCounts;
use crate::access::{AccessEvent, AccessHits, People};
use crate::export::{ExportError, Redactor};
use crate::limits;
use crate::render::event_source_json;
use crate::store::{Provenance, Store};
use crate::time::Zone;

/// Number of events that are read at once.
const PART_EVENTS: usize = 1_000;

/// Receives events in order of time.
pub(super) trait AccessSink {
    /// Takes an event. `people` maps its IDs to people.
    fn take(&mut self, event: &PassingAccess, people: &People) -> Result<(), ExportError>;
}

/// An audit event, with the source of its record if that was recorded.
pub(super) struct PassingAccess {
    pub(super) access: AccessEvent,
    pub(super) source: Option<Provenance>,
}

impl PassingAccess {
    /// Returns the source of its record as `trace --provenance` shows it, in UTC.
    pub(super) fn source_json(&self) -> Option<Value> {
        let record = &self.access.record;
        self.source.as_ref().map(|it| event_source_json(it, record, &Zone::UTC))
    }
}

/// Passes the events from the store to `sink`, through the redactor if there is one.
pub(super) fn pass(
    store: &Store,
    hits: &AccessHits<'_>,
    redactor: Option<&Redactor>,
    sink: &mut dyn AccessSink,
) -> Result<AccessCounts, ExportError> {
    if hits.total() > limits::EXPORT_MESSAGES_MAX as u64 {
        return Err(ExportError::TooManyEvents);
    }
    // Audit events have no subjects, so a redactor of subjects has nothing to do.
    let redactor = redactor.filter(|it| it.is_for_audit_events());
    let mut provenance = store.provenance();
    let known_people = hits.people()?;
    let mut counts = AccessCounts::default();
    let mut redacted_people = People::default();
    for part in hits.oldest_first().chunks(PART_EVENTS) {
        for (access, place) in hits.read(part)?.into_iter().zip(part) {
            let source = provenance.of(place.location)?;
            let (passing, people) = match redactor {
                Some(redactor) => {
                    let access = redactor.access(access, known_people, &mut redacted_people)?;
                    let source = source.map(|it| redactor.source(it));
                    (PassingAccess { access, source }, &redacted_people)
                }
                None => (PassingAccess { access, source }, known_people),
            };
            counts.add(&passing.access);
            sink.take(&passing, people)?;
        }
    }
    Ok(counts)
}
