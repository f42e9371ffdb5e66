//! Traces of messages: legs, the join, and the outcome for each recipient.
//!
//! The join and the judge are pure: events in, [`Message`]s out, the same whatever the order of the
//! events and however often they repeat. The rest brings them events, from a store or a cluster, or
//! answers from the message table in their place.

mod batch;
mod columns;
mod event_tracer;
mod filter;
mod fit;
mod gather;
mod group;
mod join;
mod judge;
mod leg;
mod message;
mod order;
mod outcome;
mod overview;
mod reach;
mod rows;
mod rules;
mod silence;
mod status;
mod status_words;
mod table;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod silence_tests;

pub use batch::{MessageMark, mark_of, trace_batch};
pub(crate) use columns::{MetricStep, StepFact, steps_in, visit_steps};
pub(crate) use event_tracer::message_at;
pub use event_tracer::{EventTracer, EventTracers};
pub use filter::{MessageFilter, OutcomeWord, Verdict};
#[cfg(feature = "aws")]
pub(crate) use gather::{EventsByKey, Key as TraceKey, keys_asked_for as keys_of_id, trace_ids_in};
pub use gather::{Traced, locations_with_id, trace_ids};
pub use join::join;
pub(crate) use judge::{OutcomeRow, deciding};
pub use message::{Direction, Leg, Message, MessageOutcome, Outcome, Recipient};
pub(crate) use order::Leading;
pub use order::{ListPosition, Order, PageOfMessages};
pub use overview::{MessageSummary, Totals, select, select_page};
pub(crate) use overview::{Overview, SelectedMessage, Selection, visit_together};
pub use reach::{Background, Reach};
pub use rows::{events_of_rows, within_organization};
pub use rules::JoinRules;
pub use status::{StatusClass, bounce_in_words, status_class};
pub(crate) use table::{ListedMessage, ListedRow, Listing, TextKind, TextNumbers};
#[cfg(feature = "aws")]
pub(crate) use table::{Touched, TouchedMessages};
pub use table::{is_table_true, keep_table, ready_table, rebuild_table};
