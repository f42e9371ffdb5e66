//! What makes two records the same one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use sha2::{Digest, Sha256};

use crate::source::Record;

/// A 128-bit hash of a record's timestamp and message: the first half of a SHA-256, for the
/// messages are written by strangers, who must not be able to make one record hide another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(u128);

impl Identity {
    /// The identity of a record.
    ///
    /// One whose time is only approximate has nothing but its message: the same message under
    /// another borrowed time is the same record.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Self {
        let time = (!record.is_time_approximate).then(|| record.timestamp.as_ms());
        Self::hash(&record.message, time)
    }

    /// The identity that a record with this message would have if its time were approximate.
    #[must_use]
    pub fn of_message(message: &str) -> Self {
        Self::hash(message, None)
    }

    fn hash(message: &str, time: Option<i64>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(canonical(message).as_bytes());
        // JSON text cannot hold a zero byte, so no message runs on into its time.
        hasher.update([0]);
        if let Some(ms) = time {
            hasher.update(ms.to_le_bytes());
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(digest.first_chunk::<16>().unwrap_or(&[0; 16]));
        Self(u128::from_le_bytes(half))
    }
}

/// The message without the white space that `aws logs tail --format json` puts between tokens.
///
/// Only what spans lines is touched: CloudWatch's own messages are one line.
pub(super) fn canonical(message: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\n', message.as_bytes()).is_none() {
        return Cow::Borrowed(message);
    }
    let mut compact = String::with_capacity(message.len());
    let (mut is_in_string, mut is_escaped) = (false, false);
    for character in message.chars() {
        if is_in_string {
            compact.push(character);
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => is_in_string = false,
                _ => {}
            }
        } else if !matches!(character, ' ' | '\t' | '\n' | '\r') {
            compact.push(character);
            is_in_string = character == '"';
        }
    }
    Cow::Owned(compact)
}

/// Identities, known quickly.
pub(super) type IdentitySet = HashSet<Identity, BuildHasherDefault<IdentityHasher>>;

/// An identity is a hash already.
#[derive(Default)]
pub(super) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_u128(&mut self, bits: u128) {
        self.write(&bits.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn record(ms: i64, is_time_approximate: bool, message: &str) -> Record<'_> {
        Record {
            log_group: None,
            log_stream: None,
            event_id: None,
            timestamp: Timestamp::from_ms(ms).unwrap(),
            is_time_approximate,
            ingestion_time: None,
            message: message.into(),
        }
    }

    #[test]
    fn time_and_message_tell_records_apart() {
        let identity = Identity::of(&record(1, false, "{\"a\":1}"));
        assert_eq!(identity, Identity::of(&record(1, false, "{\"a\":1}")));
        assert_ne!(identity, Identity::of(&record(2, false, "{\"a\":1}")));
        assert_ne!(identity, Identity::of(&record(1, false, "{\"a\":2}")));
        let elsewhere =
            Record { log_stream: Some("other".into()), ..record(1, false, "{\"a\":1}") };
        assert_eq!(identity, Identity::of(&elsewhere));
    }

    #[test]
    fn an_approximate_time_does_not_count() {
        let identity = Identity::of(&record(1, true, "{\"a\":1}"));
        assert_eq!(identity, Identity::of(&record(2, true, "{\"a\":1}")));
        assert_eq!(identity, Identity::of_message("{\"a\":1}"));
        assert_ne!(identity, Identity::of(&record(1, false, "{\"a\":1}")));
    }

    #[test]
    fn a_pretty_printed_message_is_the_same_one() {
        let pretty = "{\n    \"a\": \"x \\\" y\",\n    \"b\": [1, 2]\n}";
        assert_eq!(
            Identity::of_message(pretty),
            Identity::of_message(r#"{"a":"x \" y","b":[1,2]}"#)
        );
    }
}
