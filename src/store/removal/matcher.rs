//! Which records a removal removes.

use std::collections::BTreeSet;

use super::mention::each_mention;
use super::person::is_of_any;
use crate::event::normal_address;
use crate::source::Record;
use crate::time::Timestamp;

/// The choice of records to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Records that happened before a time.
    Before(Timestamp),
    /// Records that name an address anywhere in their message, however it is written.
    Address(String),
}

/// The rule of a removal, ready to be asked of many records.
pub(super) enum RemovalMatcher {
    Before(i64),
    /// The address in its normal form, and the IDs that audit events tie to it.
    Address(String, BTreeSet<String>),
}

impl RemovalMatcher {
    pub(super) fn new(removal: &Removal) -> Self {
        match removal {
            Removal::Before(time) => Self::Before(time.as_ms()),
            Removal::Address(address) => {
                Self::Address(normal_address(address).into_owned(), BTreeSet::new())
            }
        }
    }

    pub(super) fn matches(&self, record: &Record<'_>) -> bool {
        match self {
            Self::Before(ms) => record.timestamp.as_ms() < *ms,
            Self::Address(_, ids) => {
                self.is_named(&record.message)
                    // Parses the message once more, hence only where there are IDs.
                    || !ids.is_empty() && is_of_any(&record.message, &|it| ids.contains(it))
            }
        }
    }

    /// True if a piece of rejected input is to be removed. It has a time only if it is a record
    /// whose message could not be understood.
    pub(super) fn matches_rejected(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Before(ms) => serde_json::from_slice::<serde_json::Value>(bytes)
                .ok()
                .and_then(|it| it.get("timestamp").and_then(serde_json::Value::as_i64))
                .is_some_and(|it| it < *ms),
            // Addresses between bytes that are not UTF-8 must be found too.
            Self::Address(..) => self.is_named(&String::from_utf8_lossy(bytes)),
        }
    }

    fn is_named(&self, text: &str) -> bool {
        let Self::Address(address, _) = self else { return false };
        let mut is_named = false;
        each_mention(text, &mut |it| is_named |= it == address);
        is_named
    }
}
