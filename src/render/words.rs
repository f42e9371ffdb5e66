//! Numbers as people say them.

pub use crate::time::human_duration;

/// `1 message`, `2 messages`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Bytes: `12.3 MiB`.
pub fn bytes_in_words(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}
