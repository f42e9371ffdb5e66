//! Past one machine: publishing a store into OpenSearch.
//!
//! A store stays the truth and the place of the join. The published documents are: each email or
//! audit event and each record of the directory with its original, and the rows of each message,
//! one for each recipient, with the judge's outcome. A message is traced there by looking its
//! events up by their IDs, as in the store; for other questions the records they can be about are
//! fetched into a temporary store, which answers. This module does not know how a question is
//! asked or an answer is laid out.

mod answer;
mod asked;
mod audit_document;
mod bulk;
mod client;
mod cursor;
mod document;
mod error;
mod fetch;
mod fetch_audit;
mod hit;
mod id_parts;
mod lowered;
mod lowered_audit;
mod made;
mod meta;
mod mirror;
mod names;
mod plan;
mod publish;
mod search;
mod spool;
mod statements;
mod templates;
mod verify;
mod view;

pub use asked::ClusterEvents;
pub use client::{Cluster, ClusterOptions};
pub use error::ClusterError;
pub use meta::PublishedState;
pub use mirror::Mirror;
pub use names::Names;
pub use publish::{PublishOptions, PublishProgress, PublishReport, plan_publication, publish};
pub use templates::templates;
pub use verify::{VerifiedCluster, verify_publication};
