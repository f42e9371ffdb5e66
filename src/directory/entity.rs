//! Who and what an organization has.

use serde::{Deserialize, Serialize};

/// A user, a group or a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    /// Which of them.
    pub kind: EntityKind,
    /// What logs name it by.
    pub id: String,
    /// The name that it logs in with, or that the service knows it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its address, as the service writes it; what is switched off may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `ENABLED`, `DISABLED` or `DELETED`.
    #[serde(default)]
    pub state: String,
    /// The role of a user such as `SYSTEM_USER`, or the type of a resource such as `ROOM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When it was switched on, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<String>,
    /// When it was switched off, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<String>,
    /// Its other addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Those to whom mail for a group goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// Those who answer for a resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegates: Vec<Member>,
    /// What others may do with its mailbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
}

impl Entity {
    /// One of which no more is known than this.
    pub fn new(kind: EntityKind, id: &str) -> Self {
        Self {
            kind,
            id: id.to_owned(),
            name: None,
            display_name: None,
            address: None,
            state: String::new(),
            role: None,
            enabled_at: None,
            disabled_at: None,
            aliases: Vec::new(),
            members: Vec::new(),
            delegates: Vec::new(),
            permissions: Vec::new(),
        }
    }

    /// Whether the organization has it no more, though the service still lists it.
    pub fn is_deleted(&self) -> bool {
        self.state.eq_ignore_ascii_case("DELETED")
    }

    /// Puts what the service gives in any order into one, so that equal entities compare equal.
    pub fn normalise(&mut self) {
        self.aliases.retain(|it| Some(it) != self.address.as_ref());
        self.aliases.sort();
        self.aliases.dedup();
        for members in [&mut self.members, &mut self.delegates] {
            members.sort_by(|a, b| a.id.cmp(&b.id));
            members.dedup_by(|a, b| a.id == b.id);
        }
        for permission in &mut self.permissions {
            permission.values.sort();
            permission.values.dedup();
        }
        self.permissions.sort_by(|a, b| a.id.cmp(&b.id));
    }

    /// What people are shown: its address, else a name, else its ID.
    pub fn label(&self) -> &str {
        let names = [&self.address, &self.display_name, &self.name];
        let named = names.into_iter().flatten().find(|it| !it.is_empty());
        named.map_or(self.id.as_str(), String::as_str)
    }

    /// All its addresses, its own first.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.address.iter().chain(&self.aliases).map(String::as_str)
    }
}

/// What an entity is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::Display,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A person, or what has a mailbox like one.
    User,
    /// Several, under one address.
    Group,
    /// A room or a thing that can be booked.
    Resource,
}

impl EntityKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Somebody whom another entity names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The ID.
    pub id: String,
    /// `USER` or `GROUP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The name, where the service says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What somebody may do with the mailbox of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// Who may.
    pub id: String,
    /// `USER` or `GROUP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// `FULL_ACCESS`, `SEND_AS`, `SEND_ON_BEHALF`.
    pub values: Vec<String>,
}

/// A domain whose mail the organization receives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// The name.
    pub name: String,
    /// Whether new users get addresses there.
    #[serde(default)]
    pub is_default: bool,
}
