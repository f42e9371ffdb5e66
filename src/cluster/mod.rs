//! Past one machine: a store brought into OpenSearch.
//!
//! A store stays the truth and the place of the join. What is published are documents: each event
//! with its original, and the rows of each message, one for each recipient, with what the judge
//! said. Events are found there again by their IDs, so that a message is traced as it is in the
//! store. This module does not know how a question is asked or an answer is laid out.

mod answer;
mod asked;
mod bulk;
mod client;
mod cursor;
mod document;
mod error;
mod made;
mod meta;
mod names;
mod plan;
mod publish;
mod search;
mod templates;
mod verify;

pub use asked::ClusterEvents;
pub use client::{Cluster, ClusterOptions};
pub use error::ClusterError;
pub use names::Names;
pub use publish::{PublishOptions, PublishProgress, PublishReport, plan_publication, publish};
pub use templates::templates;
pub use verify::{DifferingDay, Sum, VerifiedCluster, verify_publication};
