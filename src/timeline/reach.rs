//! The audit events that a question can be about.

use crate::access::AccessRequest;
use crate::time::TimeRange;
use crate::trace::Message;

/// The audit events that a question can be about, for a caller that has to fetch them first.
#[derive(Clone, Debug)]
pub enum AuditReach<'r> {
    /// None, because the directory is enough.
    Directory,
    /// Those that a request finds.
    Request(&'r AccessRequest),
    /// Those of a person, and the person's mail.
    Person {
        /// An address or an ID.
        who: &'r str,
        range: TimeRange,
    },
    /// Those near the events of messages.
    Messages(&'r [Message]),
}
