//! A JSON value, from whichever parser, and the tolerant ways of reading a field out of it.

use std::borrow::Cow;

use simd_json::prelude::*;
use simd_json::tape;

use super::Address;

/// A JSON value with the distinctions that fields need.
pub(super) enum Json<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Number(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    pub(super) fn from_tape(value: tape::Value<'_, 'a>) -> Self {
        if let Some(text) = value.into_string() {
            return Self::Text(Cow::Borrowed(text));
        }
        if let Some(list) = value.as_array() {
            return Self::List(list.iter().map(Self::from_tape).collect());
        }
        if let Some(object) = value.as_object() {
            let pairs = object.iter().map(|(key, it)| (Cow::Borrowed(key), Self::from_tape(it)));
            return Self::Object(pairs.collect());
        }
        if value.is_null() {
            return Self::Nothing;
        }
        Self::scalar(value.as_bool(), value.as_i64(), value.as_u64(), value.as_f64())
    }

    pub(super) fn from_serde(value: serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(it) => Self::scalar(Some(it), None, None, None),
            Value::Number(it) => Self::scalar(None, it.as_i64(), it.as_u64(), it.as_f64()),
            Value::String(it) => Self::Text(Cow::Owned(it)),
            Value::Array(list) => Self::List(list.into_iter().map(Self::from_serde).collect()),
            Value::Object(map) => Self::Object(
                map.into_iter().map(|(key, it)| (Cow::Owned(key), Self::from_serde(it))).collect(),
            ),
        }
    }

    fn scalar(bool: Option<bool>, i64: Option<i64>, u64: Option<u64>, f64: Option<f64>) -> Self {
        if let Some(it) = bool {
            return Self::Text(Cow::Borrowed(if it { "true" } else { "false" }));
        }
        i64.map(|it| it.to_string())
            .or_else(|| u64.map(|it| it.to_string()))
            .or_else(|| f64.map(|it| it.to_string()))
            .map_or(Self::Nothing, |it| Self::Number(Cow::Owned(it)))
    }

    /// The text of a scalar, of the first scalar of a list, or of the member of an object that
    /// `members` names first.
    pub(super) fn into_text(self, members: &[&str]) -> Option<Cow<'a, str>> {
        match self {
            Self::Nothing => None,
            Self::Text(text) | Self::Number(text) => (!text.trim().is_empty()).then_some(text),
            Self::List(list) => list.into_iter().find_map(|it| it.into_text(members)),
            Self::Object(pairs) => member(pairs, members).and_then(|it| it.into_text(members)),
        }
    }

    pub(super) fn into_addresses(self, addresses: &mut Vec<Address<'a>>) {
        match self {
            Self::Nothing => {}
            Self::Text(text) | Self::Number(text) => addresses.extend(Address::parse(text)),
            Self::List(list) => list.into_iter().for_each(|it| it.into_addresses(addresses)),
            Self::Object(pairs) => {
                if let Some(it) = member(pairs, ADDRESS_MEMBERS) {
                    it.into_addresses(addresses);
                }
            }
        }
    }
}

/// Members under which an object may hold its address.
pub(super) const ADDRESS_MEMBERS: &[&str] = &["emailAddress", "address", "email", "recipient"];

/// Takes the first of `names` that the object has.
fn member<'a>(mut pairs: Vec<(Cow<'a, str>, Json<'a>)>, names: &[&str]) -> Option<Json<'a>> {
    let index =
        names.iter().find_map(|name| pairs.as_slice().iter().rposition(|(key, _)| key == name))?;
    Some(pairs.swap_remove(index).1)
}
