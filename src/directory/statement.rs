//! What the archive keeps of the directory: one JSON object for each thing that is said.

use serde::{Deserialize, Serialize};

use super::entity::{Domain, Entity};
use crate::time::Timestamp;

/// The version of the form that is written. A reader skips what it does not know.
const VERSION: u32 = 1;

/// Something that was learnt of an organization.
///
/// A snapshot is begun and ended, and all that is said in between names when it was begun. What one
/// that was broken off says counts as far as it goes; that somebody is gone is said by the end of
/// a whole one alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "mailtraceDirectory")]
    version: u32,
    /// The organization's ID.
    pub organization: String,
    /// When the snapshot was begun, RFC 3339.
    pub snapshot: String,
    /// What was learnt.
    #[serde(flatten)]
    pub said: Said,
}

/// What a [`Statement`] says.
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
    /// The domains are others than before.
    Domains {
        /// All of them.
        domains: Vec<Domain>,
    },
    /// These were looked at and are as they were.
    Seen {
        /// Their IDs.
        ids: Vec<String>,
    },
    /// These are there no more.
    Gone {
        /// Their IDs.
        ids: Vec<String>,
    },
    /// The snapshot is whole.
    End {
        /// How many entities it found.
        count: usize,
    },
}

/// Why a text is no statement.
#[derive(Debug, thiserror::Error)]
#[error("this is no statement of a directory that mailtrace {} knows: {source}", env!("CARGO_PKG_VERSION"))]
pub struct StatementError {
    #[from]
    source: serde_json::Error,
}

impl Statement {
    /// Says something in a snapshot that was begun then.
    pub fn new(organization: &str, snapshot: Timestamp, said: Said) -> Self {
        let (organization, snapshot) = (organization.to_owned(), snapshot.to_string());
        Self { version: VERSION, organization, snapshot, said }
    }

    /// Reads a record's message.
    ///
    /// # Errors
    ///
    /// [`StatementError`] where it is none, or of a kind that is not known.
    pub fn parse(message: &str) -> Result<Self, StatementError> {
        Ok(serde_json::from_str(message)?)
    }

    /// The message of a record.
    ///
    /// # Errors
    ///
    /// [`StatementError`], which does not happen: all of it can be written.
    pub fn to_message(&self) -> Result<String, StatementError> {
        Ok(serde_json::to_string(self)?)
    }
}
