//! The form of the directory in the archive: one JSON object for each statement.

use serde::{Deserialize, Serialize};

use super::entity::{Domain, Entity};
use crate::time::Timestamp;

/// The version of the form that is written. A reader skips whatever it does not know.
const VERSION: u32 = 1;

/// Something that was learnt about an organization.
///
/// A snapshot begins and ends, and every statement in between names its beginning. The statements
/// of a broken-off snapshot count; but only the end of a complete one can say that somebody is
/// gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "mailtraceDirectory")]
    version: u32,
    /// The organization's ID.
    pub organization: String,
    /// The time at which the snapshot began, RFC 3339.
    pub snapshot: String,
    /// The content.
    #[serde(flatten)]
    pub said: Said,
}

/// The content of a [`Statement`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "camelCase")]
pub enum Said {
    /// A snapshot begins.
    Begin {
        /// The organization's alias.
        #[serde(default)]
        alias: String,
    },
    /// A user, a group or a resource is new or has changed.
    Entity(Box<Entity>),
    /// The domains have changed.
    Domains {
        /// All domains.
        domains: Vec<Domain>,
    },
    /// These were read and have not changed.
    Seen {
        /// Their IDs.
        ids: Vec<String>,
    },
    /// These no longer exist.
    Gone {
        /// Their IDs.
        ids: Vec<String>,
    },
    /// The snapshot is complete.
    End {
        /// The number of entities that it found.
        count: usize,
    },
}

/// The reason why a text is not a statement.
#[derive(Debug, thiserror::Error)]
#[error("this is not a directory statement that mailtrace {} can read: {source}", env!("CARGO_PKG_VERSION"))]
pub struct StatementError {
    #[from]
    source: serde_json::Error,
}

impl Statement {
    /// Makes a statement in the snapshot that began at a time.
    pub fn new(organization: &str, snapshot: Timestamp, said: Said) -> Self {
        let (organization, snapshot) = (organization.to_owned(), snapshot.to_string());
        Self { version: VERSION, organization, snapshot, said }
    }

    /// Reads a record's message.
    ///
    /// # Errors
    ///
    /// [`StatementError`] for a text that is no statement, or one of an unknown kind.
    pub fn parse(message: &str) -> Result<Self, StatementError> {
        Ok(serde_json::from_str(message)?)
    }

    /// The message of a record.
    ///
    /// # Errors
    ///
    /// [`StatementError`], which does not occur: every statement can be written.
    pub fn to_message(&self) -> Result<String, StatementError> {
        Ok(serde_json::to_string(self)?)
    }
}
