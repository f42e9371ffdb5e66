//! How many audit events an extract has, and of which kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::AccessEvent;
use crate::time::Timestamp;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessCounts {
    /// Events, which is records.
    pub events: u64,
    /// Those by which somebody tried to get in and did not.
    pub failed: u64,
    /// Those by which somebody who was in was refused something.
    pub denied: u64,
    pub by_type: BTreeMap<String, u64>,
    /// The times of the first and of the last event.
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
