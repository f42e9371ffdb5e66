//! The query language of CloudWatch Logs Insights, answered from the store.
//!
//! [`parse`] turns text into a [`Query`] and rejects whatever is not supported, with its place;
//! [`ask`] answers it. A query runs in stages, each of which ends with a `stats`. The first goes
//! over events on all cores and reads only the named fields of each; the others go over groups. The
//! index narrows the events where it can, and what it finds is checked against the event itself.
//!
//! AWS leaves some points open. They are decided here and listed in docs/insights.md. This module
//! does not know how an answer is printed.

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
