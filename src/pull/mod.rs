//! Pulls log groups out of CloudWatch Logs without losing an event.
//!
//! [`plan`] decides which ranges to look at, for the first time or again; several listings fetch
//! them under one rate limiter; their pages are decoded on rayon's workers and stored together with
//! the looks that they complete, in one commit. The network waits for the store only when the queue
//! between them is full.

mod directory;
mod drain;
mod error;
mod groups;
mod listing;
mod page;
mod plan;
mod puller;
mod report;
mod storing;

pub use directory::{DirectoryIntake, DirectoryReport, DirectoryTaker, problem_in_words};
pub use drain::{DrainEvent, DrainOptions, Drained};
pub use error::PullError;
pub use puller::{PullOptions, Puller};
pub use report::{PullNews, PullPlan, PullProgress, PullReport};
