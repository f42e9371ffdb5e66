//! A store that holds a part of another one, for as long as a question about that part takes.
//!
//! The other store as a whole matters as well: its newest time, and the places of its events, as
//! cursors of lists are made of those.

use super::archive::Location;
use crate::time::Timestamp;

/// The facts about a store of which another holds a part.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// A description of where it is.
    pub source: String,
    /// The time at which these facts were published.
    pub published: Option<Timestamp>,
    /// The times of its earliest and newest email events.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The time of the newest email event that is no later than the clock allows.
    pub newest: Option<Timestamp>,
    /// The number of its email events.
    pub mail_records: u64,
    /// The number of its other records.
    pub other_records: u64,
    /// True if records were removed from it on purpose.
    pub has_removals: bool,
    /// The places in it of the records that make up the part, in order.
    pub places: Vec<Location>,
}

/// The relation of a store to the one of which it is a part.
#[derive(Debug)]
pub(super) struct StorePart {
    pub(super) whole: Whole,
    /// The places of the same records here.
    pub(super) here: Vec<Location>,
    /// The number of those that are email events.
    pub(super) mail_records: u64,
}
