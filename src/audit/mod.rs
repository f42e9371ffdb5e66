//! A WorkMail audit event: who got in, from where, and what they did in which mailbox.
//!
//! The fields are those of the WorkMail administrator guide ("Monitoring audit logging"). No raw
//! event is public, and a delivery may leave optional fields out, so parsing is tolerant: it keeps
//! every field that is there, whatever the type. This module also distinguishes the records that
//! are not email events ([`OtherRecord`]); it knows nothing of files, CloudWatch or the store.

mod event_type;
mod field;
mod parse;

use std::borrow::Cow;

pub use event_type::AuditType;
pub use field::{AuditField, Flag};
pub use parse::OtherRecord;

use crate::time::Timestamp;

/// One parsed audit event. Text borrows from the message where it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditEvent<'a> {
    /// The log that it belongs to.
    pub kind: AuditType,
    /// `event_timestamp`, if it can be parsed.
    pub at: Option<Timestamp>,
    /// The values as they were logged, by [`AuditField`].
    values: [Option<Cow<'a, str>>; AuditField::COUNT],
}

impl AuditEvent<'_> {
    /// The value of a field; `None` if the event lacks it, or holds `null` or an empty text.
    pub fn get(&self, field: AuditField) -> Option<&str> {
        self.values.get(field as usize)?.as_deref()
    }

    /// The fields that the event has, with their values.
    pub fn fields(&self) -> impl Iterator<Item = (AuditField, &str)> {
        AuditField::ALL.into_iter().filter_map(|it| Some((it, self.get(it)?)))
    }

    /// The value of a boolean field.
    pub fn flag(&self, field: AuditField) -> Option<Flag<'_>> {
        self.get(field).map(Flag::of)
    }

    /// The answer to the request: from the result field of its type, otherwise from any other.
    pub fn allowed(&self) -> Option<Flag<'_>> {
        let own = self.kind.result_field().and_then(|it| self.flag(it));
        own.or_else(|| AuditField::RESULTS.into_iter().find_map(|it| self.flag(it)))
    }

    /// True if somebody tried to sign in and could not.
    pub fn is_failed(&self) -> bool {
        self.flag(AuditField::AuthSuccessful) == Some(Flag::No)
    }

    /// True if somebody who was signed in was refused something.
    pub fn is_denied(&self) -> bool {
        [AuditField::AccessGranted, AuditField::ActionAllowed]
            .into_iter()
            .any(|it| self.flag(it) == Some(Flag::No))
    }

    /// Detaches the event from the message that it was read from.
    pub fn into_owned(self) -> AuditEvent<'static> {
        AuditEvent {
            kind: self.kind,
            at: self.at,
            values: self.values.map(|it| it.map(|it| Cow::Owned(it.into_owned()))),
        }
    }
}
