//! Pulling a log group out of CloudWatch Logs without losing an event.
//!
//! [`plan`] says which ranges to look at, for the first time or again; several listings fetch them
//! under one rate limiter; their pages are decoded on rayon's workers and stored with what is
//! seen by then, in the store's one commit point. The network waits for the store only when the
//! queue between them is full.

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
