//! The query language of CloudWatch Logs Insights, answered by the store.
//!
//! [`parse`] turns text into a [`Query`] and refuses, with its place, whatever is not supported;
//! [`ask`] answers it. A query runs in stages that end with a `stats`: the first goes over events
//! on all cores and reads of each only the fields that are named, the others go over groups. What
//! the index can narrow, it does; what it finds is asked again of the event itself.
//!
//! What AWS leaves open is decided here, and docs/insights.md lists it. This module knows nothing of
//! how an answer is printed.

mod aggregate;
mod answer;
mod ask;
mod ast;
mod collect;
mod compile;
mod error;
mod eval;
mod examples;
mod function;
mod functions;
mod lexer;
mod parse;
mod parse_expr;
mod parse_source;
mod paths;
mod period;
mod plan;
mod program;
mod resolve;
mod steps;
#[cfg(test)]
mod tests;
mod time_pattern;
mod value;

pub use answer::{ResultCell, ResultRows};
pub use ask::{AskError, Request, ask};
pub use ast::Query;
pub use error::InsightsError;
pub use examples::{EXAMPLES, Example};
pub use parse::parse;
