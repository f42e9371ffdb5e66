//! The identity of records: when two of them count as the same one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use sha2::{Digest, Sha256};

use crate::json::{Token, TokenKind, Tokens, escape};
use crate::source::Record;

/// A 128-bit hash of a record's timestamp and message: the first half of a SHA-256, because
/// strangers write the messages and must not be able to make one record hide another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(u128);

impl Identity {
    /// The identity of a record.
    ///
    /// A record whose time is only approximate is identified by its message alone: the same message
    /// under another borrowed time is the same record.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Self {
        let time = (!record.is_time_approximate).then(|| record.timestamp.as_ms());
        Self::hash(&record.message, time)
    }

    /// The identity of a record with this message and an approximate time.
    #[must_use]
    pub fn of_message(message: &str) -> Self {
        Self::hash(message, None)
    }

    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Its first 64 bits, as a key for look-ups.
    pub(super) fn key(self) -> u64 {
        let [key @ .., _, _, _, _, _, _, _, _] = self.0.to_be_bytes();
        u64::from_be_bytes(key)
    }

    fn hash(message: &str, time: Option<i64>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(canonical(message).as_bytes());
        // JSON text cannot contain a zero byte, so no message runs on into its time.
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

/// The JSON of a message in canonical form: without white space between tokens, and with no more
/// escapes than JSON requires. The order of members, repeated members and the spelling of numbers
/// are kept.
///
/// `aws logs tail --format json` spreads messages over several lines, and programs that read and
/// write JSON on the way escape other characters.
pub(super) fn canonical(message: &str) -> Cow<'_, str> {
    // Most messages: they need neither a copy nor a scan of their tokens.
    if is_canonical(message.as_bytes()) {
        return Cow::Borrowed(message);
    }
    let mut canonical = String::with_capacity(message.len());
    for Token { kind, range, .. } in Tokens::new(message.as_bytes()) {
        let mut rest = message.get(range).expect("parts begin and end at ASCII signs or blanks");
        while matches!(kind, TokenKind::Text | TokenKind::Unclosed)
            && let Some(at) = rest.find('\\')
        {
            let (before, from) = rest.split_at(at);
            canonical.push_str(before);
            let (length, unescaped) = escape(from).unwrap_or((1, None));
            let (escaped, after) = from.split_at(length);
            match unescaped {
                Some(it) => push_in_string(it, &mut canonical),
                // A lone surrogate stands for no character, so its escape stays, in lower case.
                None => canonical.push_str(&escaped.to_ascii_lowercase()),
            }
            rest = after;
        }
        canonical.push_str(rest);
    }
    Cow::Owned(canonical)
}

/// True if a message has no escapes, and no white space between its tokens. That is so for most,
/// and then this is all that an import spends on them: hence passes that the compiler can
/// vectorise.
fn is_canonical(message: &[u8]) -> bool {
    if message.iter().fold(false, |any, it| any | (*it < b' ') | (*it == b'\\')) {
        return false;
    }
    let (mut quote_count, mut from) = (0, 0);
    // Without escapes, an odd number of quotes before a space means that it is inside a string.
    memchr::memchr_iter(b' ', message).all(|space| {
        let before = message.get(from..space).expect("spaces follow one another");
        quote_count += before.iter().filter(|it| **it == b'"').count();
        from = space;
        quote_count % 2 == 1
    })
}

fn push_in_string(character: char, canonical: &mut String) {
    match character {
        '"' => canonical.push_str("\\\""),
        '\\' => canonical.push_str("\\\\"),
        it if it < ' ' => {
            const DIGITS: [char; 16] =
                ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
            let code = it as usize;
            canonical.push_str("\\u00");
            canonical.extend([DIGITS.get(code >> 4), DIGITS.get(code & 15)].into_iter().flatten());
        }
        it => canonical.push(it),
    }
}

/// A set of identities, without hashing them again.
pub(super) type IdentitySet = HashSet<Identity, BuildHasherDefault<IdentityHasher>>;

/// A hasher that takes 64 bits of an identity as they are: it is a hash already.
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
    use proptest::prelude::*;

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
    fn escapes_and_white_space_do_not_matter() {
        let check = |one: &str, other: &str, is_same: bool| {
            let same = Identity::of_message(one) == Identity::of_message(other);
            assert_eq!(same, is_same, "{one} {other}");
        };
        check(r#"{"s":"\u00fc\/\u0041"}"#, r#"{"s":"ü/A"}"#, true);
        check(r#"{"s":"\ud83d\uDE00"}"#, r#"{"s":"😀"}"#, true);
        check(r#"{"s":"\u000A\u0022\u005c"}"#, r#"{"s":"\n\"\\"}"#, true);
        check(r#"{"s":"\uD800"}"#, r#"{"s":"\ud800"}"#, true);
        check("{ \"a\" : [ 1 , 2 ],\t\"b\":\"x y\" }", r#"{"a":[1,2],"b":"x y"}"#, true);
        // A blank in a text, a text that only looks like an escape, and all that is no text.
        check(r#"{"s":"x y"}"#, r#"{"s":"xy"}"#, false);
        check(r#"{"s":"\\u00fc"}"#, r#"{"s":"ü"}"#, false);
        check(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, false);
        check(r#"{"a":1,"a":1}"#, r#"{"a":1}"#, false);
        check(r#"{"a":1.0}"#, r#"{"a":1}"#, false);
        check(r#"{"a":1e2}"#, r#"{"a":1E2}"#, false);
    }

    #[test]
    fn nothing_is_copied_of_a_message_without_escapes() {
        let plain = r#"{"traceId":"t","event":{"subject":"x y, ü","recipients":["a@b"]}}"#;
        assert!(matches!(canonical(plain), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn whatever_a_text_holds_its_canonical_form_means_the_same(
            key in "\\PC{0,10}", value in "(\\PC|[\u{0}-\u{20}]|\"|\\\\){0,20}",
        ) {
            let value = serde_json::json!({key: [value, 1, null]});
            let compact = value.to_string();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let escaped: String = compact.chars().map(|it| {
                let mut units = [0; 2];
                if it.is_ascii() { return it.to_string(); }
                it.encode_utf16(&mut units).iter().map(|it| format!("\\u{it:04X}")).collect()
            }).collect();
            let read = serde_json::from_str::<serde_json::Value>(&canonical(&compact)).unwrap();
            prop_assert_eq!(read, value);
            prop_assert_eq!(canonical(&pretty), canonical(&compact));
            prop_assert_eq!(canonical(&escaped), canonical(&compact));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(\\\\u?|\"|[0-9a-f]|ü|\\PC){0,40}") {
            let once = canonical(&text).into_owned();
            prop_assert_eq!(canonical(&once), once.as_str());
        }
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
