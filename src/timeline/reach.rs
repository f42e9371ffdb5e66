//! Which audit events a question can be about.

use crate::access::AccessRequest;
use crate::time::TimeRange;
use crate::trace::Message;

/// Which audit events a question can be about, for whoever has to get them first.
#[derive(Clone, Debug)]
pub enum AuditReach<'r> {
    /// None: what the directory says is enough.
    Directory,
    /// Those that are asked for.
    Request(&'r AccessRequest),
    /// Those of a person, and their mail.
    Person {
        /// An address or an ID.
        who: &'r str,
        range: TimeRange,
    },
    /// Those near to what happened to messages.
    Messages(&'r [Message]),
}
