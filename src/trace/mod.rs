//! What happened to a message: legs, the join, and the outcome for each recipient.
//!
//! All of it is pure: events in, [`Message`]s out, the same ones whatever the order of the events
//! and however often they repeat. Where the events come from, this module does not know.

mod batch;
mod gather;
mod join;
mod leg;
mod message;
mod outcome;
mod overview;
mod status;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
pub(crate) mod samples;

pub use batch::{MessageMark, mark_of, trace_batch};
pub(crate) use gather::bare_id;
pub use gather::{Traced, locations_with_id, trace_event, trace_ids};
pub use join::{JoinRules, join};
pub use message::{Direction, Leg, Message, MessageOutcome, Outcome, Recipient};
pub(crate) use overview::{AddressKey, Overview, Step};
pub use overview::{MessageSummary, OutcomeCounts, summarise};
pub use status::{StatusClass, status_class, status_in_words};
