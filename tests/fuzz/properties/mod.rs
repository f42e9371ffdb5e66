//! What must hold of whatever strangers give mailtrace to read, one function for each fuzz target.
//!
//! The fuzz targets call these with inputs that nobody has thought of, and `tests/fuzz_corpus.rs`
//! with those that are kept. Where a format's outer shape would stop a fuzzer (gzip, base64, JSON
//! within JSON), the property builds the shape around the input, so that the input reaches what is
//! within.

#![allow(
    unreachable_pub,
    missing_docs,
    reason = "the same file is a crate for the fuzz targets and a module of the tests"
)]

mod bundle;
mod bytes;
mod event;
mod layers;
mod log_lines;
mod policy;
mod query;
mod reading;
mod shapes;
mod text;

pub use bundle::bundle;
pub use bytes::{bytes, mixed};
pub use event::event;
pub use layers::layers;
pub use log_lines::log_lines;
pub use policy::policy;
pub use query::query;
pub use shapes::{insights, records, subscription};
pub use text::text;

/// A property of any input. It panics where it does not hold.
pub type Property = fn(&[u8]);

/// Every fuzz target, by the name of its program, of its corpus and of its property.
pub const TARGETS: [(&str, Property); 12] = [
    ("bundle", bundle),
    ("bytes", bytes),
    ("event", event),
    ("insights", insights),
    ("layers", layers),
    ("log_lines", log_lines),
    ("mixed", mixed),
    ("policy", policy),
    ("query", query),
    ("records", records),
    ("subscription", subscription),
    ("text", text),
];

/// Takes the first byte of an input as a choice between variants, and gives the rest.
///
/// Corpora are easier to read when the choice is a digit, so `0` is 0.
fn choice(input: &[u8]) -> (usize, &[u8]) {
    let (first, rest) = input.split_first().unwrap_or((&b'0', &[]));
    (usize::from(first.wrapping_sub(b'0')), rest)
}
