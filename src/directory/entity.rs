//! The entities of an organization: its users, groups and resources.

use serde::{Deserialize, Serialize};

/// A user, a group or a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    /// The kind of entity.
    pub kind: EntityKind,
    /// The ID in the logs.
    pub id: String,
    /// The name that it signs in with, or that the service has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The address as the service writes it. A disabled entity may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `ENABLED`, `DISABLED` or `DELETED`.
    #[serde(default)]
    pub state: String,
    /// The role of a user such as `SYSTEM_USER`, or the type of a resource such as `ROOM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The time at which it was enabled, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<String>,
    /// The time at which it was disabled, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<String>,
    /// The other addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The recipients of a group's mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// The delegates of a resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegates: Vec<Member>,
    /// The rights of others to its mailbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
}

impl Entity {
    /// An entity of which only kind and ID are known.
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

    /// True if the organization no longer has it, although the service still lists it.
    pub fn is_deleted(&self) -> bool {
        self.state.eq_ignore_ascii_case("DELETED")
    }

    /// Puts lists whose order the service does not define into one order, so that equal entities
    /// compare equal.
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

    /// The label for people: the address, otherwise a name, otherwise the ID.
    pub fn label(&self) -> &str {
        let names = [&self.address, &self.display_name, &self.name];
        let named = names.into_iter().flatten().find(|it| !it.is_empty());
        named.map_or(self.id.as_str(), String::as_str)
    }

    /// All addresses, its own one first.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.address.iter().chain(&self.aliases).map(String::as_str)
    }
}

/// The kind of an entity.
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
    /// A person, or anything else with a mailbox of its own.
    User,
    /// Several members under one address.
    Group,
    /// A room or a thing that can be booked.
    Resource,
}

impl EntityKind {
    /// The word for the kind.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An entity that another one names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The ID.
    pub id: String,
    /// `USER` or `GROUP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The name, if the service gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The rights of somebody to the mailbox of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// The ID of whoever has the rights.
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
    /// Whether new users get addresses in it.
    #[serde(default)]
    pub is_default: bool,
}
