//! Extracts an event that is wrapped within its message: as JSON within JSON, or in the envelope of
//! a program that carried it from one log to another.

use std::borrow::Cow;

use super::shippers::{self, may_be_event, text};
use super::{Decoded, Record};
use crate::limits;

/// Returns the record within a message that is not itself an event, with the time, group and stream
/// in the message; `None` if there is no event in it.
pub fn unwrapped(message: &str) -> Option<Decoded<'static>> {
    let mut decoded: Option<Decoded<'static>> = None;
    for _ in 0..limits::MESSAGE_LAYERS_MAX {
        let inner = step(decoded.as_ref().map_or(message, |it| it.message()));
        let Some(inner) = inner else { break };
        decoded = Some(match decoded {
            Some(outer) => outer.with_inner(inner),
            None => inner,
        });
    }
    decoded
}

/// Removes one layer.
fn step(message: &str) -> Option<Decoded<'static>> {
    let trimmed = message.trim();
    if !may_be_event(trimmed) {
        return None;
    }
    if trimmed.starts_with('"') {
        return Some(Decoded::Raw(Cow::Owned(text(trimmed)?.into_owned())));
    }
    // An envelope with a bad time holds no record: the message is left as it is.
    let shipped = shippers::read(trimmed).ok()??;
    // Ends at an event, which may have envelope members among its own.
    shipped.message.as_ref()?;
    Some(owned(shipped.into_decoded(trimmed)))
}

fn owned(decoded: Decoded<'_>) -> Decoded<'static> {
    let own = |it: Cow<'_, str>| Cow::Owned(it.into_owned());
    match decoded {
        Decoded::Record(record) => Decoded::Record(record.into_owned()),
        Decoded::Raw(message) => Decoded::Raw(own(message)),
        Decoded::Undated { log_group, log_stream, message } => Decoded::Undated {
            log_group: log_group.map(own),
            log_stream: log_stream.map(own),
            message: own(message),
        },
    }
}

impl<'a> Decoded<'a> {
    /// Returns `inner`, the content of this one's message, completed with what only this one has.
    pub fn with_inner(self, inner: Self) -> Self {
        match (self, inner) {
            (Self::Record(outer), inner) => Self::Record(outer.with_inner(inner)),
            (Self::Undated { log_group, log_stream, .. }, Self::Record(inner)) => {
                Self::Record(Record {
                    log_group: inner.log_group.or(log_group),
                    log_stream: inner.log_stream.or(log_stream),
                    ..inner
                })
            }
            (Self::Undated { log_group, log_stream, .. }, Self::Raw(message)) => {
                Self::Undated { log_group, log_stream, message }
            }
            (_, inner) => inner,
        }
    }
}

impl<'a> Record<'a> {
    fn with_inner(self, inner: Decoded<'a>) -> Self {
        match inner {
            Decoded::Record(inner) => Record {
                log_group: inner.log_group.or(self.log_group),
                log_stream: inner.log_stream.or(self.log_stream),
                ..inner
            },
            Decoded::Raw(message) => Record { message, ..self },
            Decoded::Undated { log_group, log_stream, message } => Record {
                log_group: log_group.or(self.log_group),
                log_stream: log_stream.or(self.log_stream),
                message,
                ..self
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"traceId":"t","event":{"eventName":"OUTGOING_EMAIL_SENT"}}"#;

    fn quoted(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    #[test]
    fn an_event_is_found_in_what_carried_it() {
        let record = format!(r#"{{"timestamp":1795446131120,"message":{}}}"#, quoted(EVENT));
        for (message, time_ms) in [
            (quoted(EVENT), None),
            (quoted(&quoted(EVENT)), None),
            (format!(r#"{{"message":{EVENT},"level":"INFO"}}"#), None),
            (record.clone(), Some(1_795_446_131_120)),
            (quoted(&record), Some(1_795_446_131_120)),
        ] {
            let inner = unwrapped(&message).unwrap();
            assert_eq!(inner.message(), EVENT, "{message}");
            let time = match inner {
                Decoded::Record(record) => Some(record.timestamp.as_ms()),
                _ => None,
            };
            assert_eq!(time, time_ms, "{message}");
        }
    }

    #[test]
    fn nothing_else_is_taken_apart() {
        for message in [EVENT, "START traceId", "\"text\"", "{", "", "[]", r#"{"a":"traceId"}"#] {
            assert!(unwrapped(message).is_none(), "{message}");
        }
        let mut deep = EVENT.to_owned();
        (0..8).for_each(|_| deep = quoted(&deep));
        assert!(unwrapped(&deep).is_some_and(|it| it.message() != EVENT));
    }
}
