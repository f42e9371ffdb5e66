//! A JSON value from either parser, and tolerant ways to read a field from it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use simd_json::prelude::*;
use simd_json::tape;

use super::Address;

/// A JSON value, as finely distinguished as fields need.
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

    fn scalar(bool: Option<bool>, i64: Option<i64>, u64: Option<u64>, f64: Option<f64>) -> Self {
        if let Some(it) = bool {
            return Self::Text(Cow::Borrowed(if it { "true" } else { "false" }));
        }
        // Whole numbers first: as a float, a long one would lose digits.
        i64.map(|it| it.to_string())
            .or_else(|| u64.map(|it| it.to_string()))
            .or_else(|| f64.map(|it| it.to_string()))
            .map_or(Self::Nothing, |it| Self::Number(Cow::Owned(it)))
    }

    /// Returns the text of a scalar, of the first scalar in a list, or of an object's member that
    /// comes first in `members`.
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
            Self::Text(text) | Self::Number(text) => Address::each(text, |it| addresses.push(it)),
            Self::List(list) => list.into_iter().for_each(|it| it.into_addresses(addresses)),
            Self::Object(pairs) => {
                if let Some(it) = member(pairs, ADDRESS_MEMBERS) {
                    it.into_addresses(addresses);
                }
            }
        }
    }
}

/// Keeps the order of members, and repeated ones, as the tape does.
impl<'de> Deserialize<'de> for Json<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'static>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::scalar(Some(value), None, None, None))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::scalar(None, Some(value), None, None))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Json::scalar(None, None, Some(value), None))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Json::scalar(None, None, None, Some(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Json<'static>>()? {
            pairs.push((Cow::Owned(key), value));
        }
        Ok(Json::Object(pairs))
    }
}

/// Names of an object's member that holds an address.
pub(super) const ADDRESS_MEMBERS: &[&str] = &["emailAddress", "address", "email", "recipient"];

/// Removes the member that comes first in `names`.
fn member<'a>(mut pairs: Vec<(Cow<'a, str>, Json<'a>)>, names: &[&str]) -> Option<Json<'a>> {
    let index =
        // From the end: of repeated members the last counts, as it does for an event's own fields.
        names.iter().find_map(|name| pairs.as_slice().iter().rposition(|(key, _)| key == name))?;
    Some(pairs.swap_remove(index).1)
}
