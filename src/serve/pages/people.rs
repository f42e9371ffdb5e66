//! From a mail or an audit event to the people in it.

use std::sync::Arc;

use crate::directory::{Directory, Meaning};
use crate::event::Address;
use crate::limits;
use crate::serve::Parameters;
use crate::store::Store;
use crate::time::{Timestamp, Zone};

/// Where the people of something that happened are told of.
pub(super) struct PeopleLinks {
    /// Whether the store has more than mail to tell of anybody.
    has_any: bool,
    directory: Option<Arc<Directory>>,
    first: Timestamp,
    last: Timestamp,
}

impl PeopleLinks {
    /// Those of something that happened between two times.
    pub(super) fn of(store: &Store, first: Timestamp, last: Timestamp) -> Self {
        let has_any = store.other_records() > 0;
        Self { has_any, directory: store.directory().filter(|_| has_any), first, last }
    }

    /// Where an address is told of: the members of a group, the timeline of a mailbox. Nowhere, where
    /// the organization does not know it, unless the mail itself says that it is one of its own.
    pub(super) fn of_address(&self, address: &Address<'_>, is_own: bool) -> Option<String> {
        let address = address.as_str();
        match self.directory.as_ref().and_then(|it| it.meaning(address, self.first)) {
            Some(Meaning::Group(_)) => Some(directory_href(address, Some(self.first))),
            Some(_) => Some(timeline_href(address, self.first, self.last)),
            None => (self.has_any && is_own).then(|| timeline_href(address, self.first, self.last)),
        }
    }
}

/// The timeline of an address or an ID around a time.
pub(super) fn timeline_href(who: &str, first: Timestamp, last: Timestamp) -> String {
    let since = first.saturating_add_ms(-limits::PAGE_TIMELINE_AROUND_MS);
    let until = last.saturating_add_ms(limits::PAGE_TIMELINE_AROUND_MS);
    let question = Parameters::default()
        .with("who", who)
        .with("since", &since.in_zone(&Zone::UTC))
        .with("until", &until.in_zone(&Zone::UTC));
    format!("timeline?{question}")
}

/// All of the timeline of an address or an ID.
pub(super) fn whole_timeline_href(who: &str) -> String {
    format!("timeline?{}", Parameters::default().with("who", who))
}

/// What the directory knows of an address or an ID.
pub(super) fn directory_href(who: &str, at: Option<Timestamp>) -> String {
    let question = Parameters::default().with("who", who);
    let question = match at {
        Some(at) => question.with("at", &at.in_zone(&Zone::UTC)),
        None => question,
    };
    format!("directory?{question}")
}
