//! The plan, progress and result of a pull.

use crate::aws::AwsError;
use crate::store::{CoveredRange, PulledGroup, StoredEvent};
use crate::time::Timestamp;

/// News from a running pull.
pub enum PullNews {
    /// An event that is new to the store, which the next commit makes visible.
    Event(Box<StoredEvent>),
    /// All events before this are now visible.
    Committed,
}

/// The progress of a pull.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PullProgress {
    /// Pages fetched.
    pub pages: u64,
    /// Events fetched.
    pub events: u64,
    /// Bytes of the messages.
    pub bytes: u64,
    /// Events that are new.
    pub added: u64,
    /// Requests that were throttled.
    pub throttled: u64,
    /// The current limit in requests a second.
    pub rate: f64,
    /// Ranges that are fully listed, and all ranges. Both grow when a range is split.
    pub slices: (usize, usize),
    /// The time of the newest event in the latest page.
    pub reached: Option<Timestamp>,
}

/// The result of pulling one group. read = added + duplicates + rejected.
#[derive(Debug, Default)]
pub struct PullReport {
    /// The name of the group.
    pub log_group: String,
    /// Its ARN.
    pub arn: String,
    /// Events fetched.
    pub read: u64,
    /// Events that are new.
    pub added: u64,
    /// New events that an earlier look at their time had not seen.
    pub late: u64,
    /// Events that the store already had.
    pub duplicates: u64,
    /// Events whose message is not an email event.
    pub rejected: u64,
    /// The reason for the first of these rejects.
    pub first_reject: Option<String>,
    /// Events left out because events like them were removed from the store; not counted in `read`.
    pub withheld: u64,
    /// Pages fetched.
    pub pages: u64,
    /// Bytes of the messages.
    pub bytes: u64,
    /// Requests that were throttled.
    pub throttled: u64,
    /// The error that ended the listing early.
    pub problem: Option<AwsError>,
    /// True if a stop was requested before the end.
    pub is_interrupted: bool,
    /// The duration in milliseconds.
    pub elapsed_ms: u64,
    /// Everything pulled of the group so far, by this pull and earlier ones.
    pub pulled: PulledGroup,
}

/// The plan of a pull.
#[derive(Clone, Debug, PartialEq)]
pub struct PullPlan {
    /// The name of the group.
    pub log_group: String,
    /// Its ARN.
    pub arn: String,
    /// Ranges never looked at.
    pub unseen: Vec<CoveredRange>,
    /// Ranges to look at again.
    pub again: Vec<CoveredRange>,
    /// Bytes of the whole group, by the service's count.
    pub stored_bytes: Option<u64>,
    /// Approximate bytes to fetch, if events are spread evenly.
    pub bytes: Option<u64>,
    /// The least number of requests.
    pub requests: u64,
    /// Seconds for these at the usual quota.
    pub seconds: u64,
    /// Days after which CloudWatch deletes events.
    pub retention_days: Option<u32>,
}
