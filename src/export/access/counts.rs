//! The counts of audit events in an extract, by kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::AccessEvent;
use crate::time::Timestamp;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessCounts {
    /// Events, of which each is one record.
    pub events: u64,
    /// Failed attempts to sign in.
    pub failed: u64,
    /// Refusals to somebody who was signed in.
    pub denied: u64,
    pub by_type: BTreeMap<String, u64>,
    /// The times of the first and the last event.
    #[serde(skip)]
    pub span: Option<(Timestamp, Timestamp)>,
}

impl AccessCounts {
    pub(super) fn add(&mut self, access: &AccessEvent) {
        self.events += 1;
        self.failed += u64::from(access.event.is_failed());
        self.denied += u64::from(access.event.is_denied());
        *self.by_type.entry(access.event.kind.as_str().to_owned()).or_default() += 1;
        let at = access.at();
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
    }
}
