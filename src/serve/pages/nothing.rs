//! What is said where nothing was found: why that may be, and what to do.

use super::PageRequest;
use super::coverage::CoverageBar;
use crate::query::Language;
use crate::serve::Parameters;
use crate::store::CoveredRange;
use crate::time::{TimeRange, Zone};

/// An answer that is empty.
#[derive(Clone, Debug)]
pub(super) struct Nothing {
    pub(super) what: &'static str,
    /// Whether the store has no event at all.
    pub(super) is_empty_store: bool,
    /// Whether events of mail are asked for, which may be found by a half of what they say.
    pub(super) is_of_mail: bool,
    /// Whether all that names a person is asked for.
    pub(super) is_of_person: bool,
    /// Whether nothing of the time that was asked about was looked at.
    pub(super) is_outside: bool,
    pub(super) coverage: CoverageBar,
    /// The same question of all times, where it was asked of some.
    pub(super) anytime: Option<String>,
    /// The same question in other places of the program.
    pub(super) elsewhere: Option<(&'static str, String)>,
}

/// What a timeline is made of.
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
        // Fields of one language may be none of the other.
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
