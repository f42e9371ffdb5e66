//! Several filters in one pass: each message is tested against all of them in turn.

use super::Overview;
use super::select::{SelectedMessage, Selection};
use super::way::MessageSource;
use crate::store::{EventReader, Store, StoreError};
use crate::time::TimeRange;
use crate::trace::JoinRules;
use crate::trace::event_tracer::EventTracer;
use crate::trace::filter::MessageFilter;
use crate::trace::fit::Fit;
use crate::trace::judge::OutcomeRow;
use crate::trace::message::Message;
use crate::trace::table::filter::ListedFilter;
use crate::trace::table::{ListedMessage, ListedRow, Listing, Reading};

/// Passes every message that one of the selections selects to `visit`, on all cores, with the index
/// of the selection. Returns the results of the parts, in order. If the message table answers all
/// of them for the same time, each message is read once.
pub(crate) fn visit_together<T: Default + Send>(
    selections: &[Selection<'_, '_>],
    visit: impl Fn(&mut T, usize, &mut EventReader<'_>, SelectedMessage<'_>) -> Result<(), StoreError>
    + Sync,
) -> Result<Vec<T>, StoreError> {
    if let Some(together) = Together::of(selections) {
        return together.visit(visit);
    }
    let mut parts = Vec::new();
    for (place, selection) in selections.iter().enumerate() {
        let visit = |part: &mut T, reader: &mut EventReader<'_>, found: SelectedMessage<'_>| {
            visit(part, place, reader, found)
        };
        parts.extend(selection.visit(visit)?);
    }
    Ok(parts)
}

/// Filters that the message table answers.
pub(super) struct Together<'f> {
    pub(super) store: &'f Store,
    pub(super) rules: &'f JoinRules,
    pub(super) listing: &'f Listing<'f>,
    pub(super) range: TimeRange,
    pub(super) needs_rows: bool,
    pub(super) filters: Vec<(&'f MessageFilter, &'f ListedFilter<'f>)>,
}

impl<'f> Together<'f> {
    fn of(selections: &'f [Selection<'_, '_>]) -> Option<Self> {
        let first = selections.first()?;
        let range = first.first_seen();
        let listed = |it: &'f Selection<'_, '_>| match &it.way {
            MessageSource::Listing(filter) if it.first_seen() == range => {
                Some((it.filter, filter.as_ref()))
            }
            _ => None,
        };
        let filters = selections.iter().map(listed).collect::<Option<_>>()?;
        // One reading serves all: it must have what the most demanding needs.
        let needs_rows = selections.iter().any(|it| it.needs_rows);
        let Overview { store, rules, listing, .. } = first.overview;
        Some(Self { store, rules, listing, range, needs_rows, filters })
    }

    pub(super) fn visit<T: Default + Send>(
        &self,
        visit: impl Fn(
            &mut T,
            usize,
            &mut EventReader<'_>,
            SelectedMessage<'_>,
        ) -> Result<(), StoreError>
        + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let start = || (Vec::new(), EventTracer::new(self.store, self.rules));
        // One filter without required outcomes needs all messages read.
        let wanted = self.filters.iter().map(|(_, it)| it.wanted()).collect::<Option<Vec<_>>>();
        let wanted = wanted.map(|it| it.concat());
        let Self { range, needs_rows, .. } = *self;
        let reading = Reading { range, wanted: wanted.as_deref(), needs_rows };
        self.listing.visit(reading, start, |made, (recipients, tracer), message| {
            // Read for the first filter that is in doubt, and kept for the others.
            let mut original = None;
            for (place, (filter, listed)) in self.filters.iter().enumerate() {
                let fit = match message.needs_originals {
                    // The entry's own values may be cut or incomplete: they rule nothing out.
                    true => Fit::Unclear,
                    false if is_out(listed, message) => Fit::Out,
                    false => listed.fits(message, recipients),
                };
                match fit {
                    Fit::Out => {}
                    Fit::In => {
                        let found = SelectedMessage::Listed { message, recipients };
                        visit(made, place, tracer.reader(), found)?;
                    }
                    Fit::Unclear => {
                        let event = message.place;
                        let read: &Option<Message> = match &mut original {
                            Some(read) => read,
                            none => none.insert(tracer.message_of(event)?),
                        };
                        let Some(message) = read else { continue };
                        let Some(recipients) = filter.recipients_in(message) else { continue };
                        let recipients = recipients.as_slice();
                        let found = SelectedMessage::Read { message, recipients, event };
                        visit(made, place, tracer.reader(), found)?;
                    }
                }
            }
            Ok(())
        })
    }
}

/// True if no row has one of the required outcomes. This rules out most messages before any other
/// test.
fn is_out(filter: &ListedFilter<'_>, message: &ListedMessage) -> bool {
    let has_one = |wanted: &[_]| {
        let is_wanted = |it: &ListedRow| wanted.contains(&it.outcome());
        message.rows.iter().any(is_wanted)
    };
    filter.wanted().is_some_and(|it| !has_one(it))
}
