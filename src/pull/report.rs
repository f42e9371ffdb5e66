//! What a pull will do, does, and did.

use crate::aws::AwsError;
use crate::store::{CoveredRange, PulledGroup, StoredEvent};
use crate::time::Timestamp;

/// What a pull tells as it goes.
pub enum PullNews {
    /// An event that is new to the store, which the next commit makes visible.
    Event(Box<StoredEvent>),
    /// What came before is visible now.
    Committed,
}

/// How far a pull has got.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PullProgress {
    /// Pages fetched.
    pub pages: u64,
    /// Events fetched.
    pub events: u64,
    /// Bytes of their messages.
    pub bytes: u64,
    /// Events that are new.
    pub added: u64,
    /// Requests that were throttled.
    pub throttled: u64,
    /// Requests a second that are made at most, as of now.
    pub rate: f64,
    /// Ranges that are listed to their end, and all of them. Both grow when a range is cut.
    pub slices: (usize, usize),
    /// The time of the last event that came.
    pub reached: Option<Timestamp>,
}

/// What became of one pull of one group. read = added + duplicates + rejected.
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
    /// Those among the new ones that had not been there at an earlier look at their time.
    pub late: u64,
    /// Events that were there.
    pub duplicates: u64,
    /// Events whose message is no email event.
    pub rejected: u64,
    /// Why the first of them was rejected.
    pub first_reject: Option<String>,
    /// Events left out because such records were removed from the store; not among those that
    /// were fetched.
    pub withheld: u64,
    /// Pages fetched.
    pub pages: u64,
    /// Bytes of the messages.
    pub bytes: u64,
    /// Requests that were throttled.
    pub throttled: u64,
    /// What the group's listing came to, when not to its end.
    pub problem: Option<AwsError>,
    /// Whether it was told to stop before the end.
    pub is_interrupted: bool,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// What has been pulled of the group by now, by this pull and those before.
    pub pulled: PulledGroup,
}

/// What a pull would do.
#[derive(Clone, Debug, PartialEq)]
pub struct PullPlan {
    /// The name of the group.
    pub log_group: String,
    /// Its ARN.
    pub arn: String,
    /// Ranges that were never looked at.
    pub unseen: Vec<CoveredRange>,
    /// Ranges that would be looked at again.
    pub again: Vec<CoveredRange>,
    /// Bytes of the whole group by the service's count.
    pub stored_bytes: Option<u64>,
    /// About as many bytes would be fetched, if events are spread evenly.
    pub bytes: Option<u64>,
    /// At least so many requests.
    pub requests: u64,
    /// Seconds that these take at the usual quota.
    pub seconds: u64,
    /// Days after which CloudWatch deletes events.
    pub retention_days: Option<u32>,
}
