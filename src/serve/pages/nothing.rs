//! The advice for an empty answer: possible reasons, and what to do.

use super::PageRequest;
use super::coverage::CoverageBar;
use crate::query::Language;
use crate::serve::Parameters;
use crate::store::CoveredRange;
use crate::time::{TimeRange, Zone};

/// The advice for an empty answer.
#[derive(Clone, Debug)]
pub(super) struct Nothing {
    pub(super) what: &'static str,
    /// True if the store has no events at all.
    pub(super) is_empty_store: bool,
    /// True if the question is about mail, where half an address or word may find more.
    pub(super) is_of_mail: bool,
    /// True if the question is about everything that names a person.
    pub(super) is_of_person: bool,
    /// True if no part of the requested period is covered.
    pub(super) is_outside: bool,
    pub(super) coverage: CoverageBar,
    /// The link to the same question without its period, if it has one.
    pub(super) anytime: Option<String>,
    /// The link to the same question on another page.
    pub(super) elsewhere: Option<(&'static str, String)>,
}

/// The unit of a timeline.
pub(super) const OF_PERSON: &str = "event of this person";

impl Nothing {
    pub(super) fn of(
        request: &PageRequest<'_>,
        what: &'static str,
        range: TimeRange,
        parameters: &Parameters,
        zone: &Zone,
    ) -> Self {
        let coverage = &request.store.checkpoint().ledger.coverage;
        let is_touched = |it: &CoveredRange| {
            range.until.is_none_or(|until| it.first() < until)
                && range.since.is_none_or(|since| it.last() >= since)
        };
        let is_covered = coverage.groups().flat_map(|(_, ranges)| ranges).any(is_touched);
        let (page, other) = match what {
            "message" => ("messages", ("Search the events for it", "search")),
            "audit event" => ("access", ("Look for messages", "messages")),
            OF_PERSON => ("timeline", ("Look for messages", "messages")),
            _ => ("search", ("Look for messages", "messages")),
        };
        let timeless = parameters.timeless();
        let of_events = Language::of_events(request.now, zone);
        let of_rows = Language::of_rows(request.now, zone);
        let language = if other.1 == "search" { of_events } else { of_rows };
        // A query that only one language understands would be refused on the other page.
        let question = parameters.get("q").filter(|it| language.parse(it).is_ok());
        let question = question.map(|it| Parameters::default().with("q", it));
        Self {
            what,
            is_empty_store: request.store.record_count() == 0,
            is_of_mail: !["audit event", OF_PERSON].contains(&what),
            is_of_person: what == OF_PERSON,
            is_outside: !range.is_unbounded() && !coverage.is_empty() && !is_covered,
            coverage: CoverageBar::of(request.store, request.now, zone),
            anytime: (!range.is_unbounded()).then(|| format!("{page}?{timeless}")),
            elsewhere: question.map(|it| (other.0, format!("{}?{it}", other.1))),
        }
    }
}
