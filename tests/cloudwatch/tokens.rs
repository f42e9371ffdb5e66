//! Tokens that lead from a page to the next.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::answer::Call;
use super::errors::AwsError;
use super::faults::split_mix;
use super::world::Key;

/// Where a listing goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Start,
    /// Behind this event.
    After(Key),
    /// At this entry of a list.
    Index(usize),
}

/// The tokens that were given out.
///
/// Each is given once, so that one can expire while another leads to the same place, and holds
/// only for the parameters that it was given for. It may be used again and again.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    places: HashMap<String, (Place, String)>,
    expired: HashSet<String>,
    state: u64,
}

impl Tokens {
    pub(super) fn issue(&mut self, call: Call, parameters: &Value, place: Place) -> String {
        let noise: Vec<u8> =
            (0..6).flat_map(|_| split_mix(&mut self.state).to_le_bytes()).collect();
        let token = URL_SAFE_NO_PAD.encode(noise);
        self.places.insert(token.clone(), (place, bound_to(call, parameters)));
        token
    }

    /// Where a request begins.
    pub(super) fn place(&self, call: Call, parameters: &Value) -> Result<Place, AwsError> {
        let Some(token) = parameters.get("nextToken").filter(|it| !it.is_null()) else {
            return Ok(Place::Start);
        };
        let token = token.as_str().ok_or_else(AwsError::invalid_token)?;
        match self.places.get(token) {
            Some((place, bound))
                if !self.expired.contains(token) && *bound == bound_to(call, parameters) =>
            {
                Ok(*place)
            }
            _ => Err(AwsError::invalid_token()),
        }
    }

    pub(super) fn expire(&mut self, token: &str) {
        self.expired.insert(token.to_owned());
    }
}

/// What a token holds for: the request without the token itself and the size of the page.
fn bound_to(call: Call, parameters: &Value) -> String {
    let members = parameters.as_object().into_iter().flatten();
    let mut members: Vec<String> = members
        .filter(|(key, value)| *key != "nextToken" && *key != "limit" && !value.is_null())
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    members.sort();
    format!("{call:?} {}", members.join(" "))
}
