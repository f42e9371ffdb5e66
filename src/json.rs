//! JSON: writes our own values, and scans any bytes for tokens.

mod scan;

use serde::Serialize;

pub(crate) use scan::{Token, TokenKind, Tokens, escape, escaped, is_blank, text_end};

/// The reason why writing cannot fail: we write no other values.
const CAN_BE_WRITTEN: &str = "texts, numbers, lists and maps by text are what JSON holds";

/// Writes a value on one line.
pub(crate) fn bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect(CAN_BE_WRITTEN)
}

/// Writes a value on one line.
pub(crate) fn text(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect(CAN_BE_WRITTEN)
}

/// Converts a value to serde's own.
pub(crate) fn value(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect(CAN_BE_WRITTEN)
}
