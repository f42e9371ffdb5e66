//! Numbers in words.

pub use crate::time::human_duration;

/// Counts something: `1 message`, `2 messages`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Formats a number of bytes: `12.3 MiB`.
pub fn bytes_in_words(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}
