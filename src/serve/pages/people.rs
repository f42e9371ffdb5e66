//! Links from a message or an audit event to the people in it.

use std::sync::Arc;

use crate::directory::{Directory, Meaning};
use crate::event::Address;
use crate::limits;
use crate::serve::Parameters;
use crate::store::Store;
use crate::time::{Timestamp, Zone};

/// Makes the links to people in something that happened.
pub(super) struct PeopleLinks {
    /// True if the store knows anything about people besides mail.
    has_any: bool,
    directory: Option<Arc<Directory>>,
    first: Timestamp,
    last: Timestamp,
}

impl PeopleLinks {
    /// For something that happened between two times.
    pub(super) fn of(store: &Store, first: Timestamp, last: Timestamp) -> Self {
        let has_any = store.other_records() > 0;
        Self { has_any, directory: store.directory().filter(|_| has_any), first, last }
    }

    /// Returns the link for an address: to the members of a group, or to the timeline of a mailbox.
    /// `None` if the organization does not know it, unless the mail itself shows that it belongs to
    /// it.
    pub(super) fn of_address(&self, address: &Address<'_>, is_own: bool) -> Option<String> {
        let address = address.as_str();
        // As of then: an address may mean somebody else today.
        match self.directory.as_ref().and_then(|it| it.meaning(address, self.first)) {
            Some(Meaning::Group(_)) => Some(directory_href(address, Some(self.first))),
            Some(_) => Some(timeline_href(address, self.first, self.last)),
            None => (self.has_any && is_own).then(|| timeline_href(address, self.first, self.last)),
        }
    }
}

/// Returns the link to the timeline of an address or an ID around a period.
pub(super) fn timeline_href(who: &str, first: Timestamp, last: Timestamp) -> String {
    let since = first.saturating_add_ms(-limits::PAGE_TIMELINE_AROUND_MS);
    let until = last.saturating_add_ms(limits::PAGE_TIMELINE_AROUND_MS);
    let question = Parameters::default()
        .with("who", who)
        .with("since", &since.in_zone(&Zone::UTC))
        .with("until", &until.in_zone(&Zone::UTC));
    format!("timeline?{question}")
}

/// Returns the link to the complete timeline of an address or an ID.
pub(super) fn whole_timeline_href(who: &str) -> String {
    format!("timeline?{}", Parameters::default().with("who", who))
}

/// Returns the link to the directory's entry for an address or an ID.
pub(super) fn directory_href(who: &str, at: Option<Timestamp>) -> String {
    let question = Parameters::default().with("who", who);
    let question = match at {
        Some(at) => question.with("at", &at.in_zone(&Zone::UTC)),
        None => question,
    };
    format!("directory?{question}")
}
