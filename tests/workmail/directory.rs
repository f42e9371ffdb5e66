//! Who and what an organization has, as WorkMail's listings tell it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Error, Operation};

/// The users, groups and resources of an organization. All parts may be changed at any time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    pub(crate) users: Vec<Value>,
    pub(crate) groups: Vec<Value>,
    pub(crate) resources: Vec<Value>,
    pub(crate) domains: Vec<Value>,
    /// What is listed of an entity, by operation and the entity's ID.
    of_entity: BTreeMap<(Operation, String), Vec<Value>>,
    /// Entities that were listed and are gone when they are asked for.
    pub(crate) vanished: Vec<String>,
}

/// The ID of a user or a group that ends with these digits.
pub(crate) fn entity_id(digits: u32) -> String {
    format!("{digits:08x}-1234-4123-8123-123456789012")
}

impl Directory {
    /// Adds a user who is switched on, or puts another in place of the one of this ID.
    pub(crate) fn user(&mut self, digits: u32, address: &str, aliases: &[&str]) -> String {
        let id = entity_id(digits);
        let name = address.split('@').next().unwrap();
        let user = json!({
            "Id": id, "Email": address, "Name": name, "DisplayName": name.to_uppercase(),
            "State": "ENABLED", "UserRole": "USER", "EnabledDate": 1_790_000_000.5,
        });
        put(&mut self.users, user);
        self.list(Operation::ListAliases, &id, aliases.iter().map(|it| json!(it)));
        id
    }

    /// Adds a group, or puts another in place of the one of this ID.
    pub(crate) fn group(&mut self, digits: u32, address: &str, members: &[&str]) -> String {
        let id = entity_id(digits);
        put(
            &mut self.groups,
            json!({ "Id": id, "Email": address, "Name": address, "State": "ENABLED" }),
        );
        let groups: Vec<&Value> = self.groups.iter().collect();
        let kind = |id: &str| match groups.iter().any(|it| it["Id"] == id) {
            true => "GROUP",
            false => "USER",
        };
        let members: Vec<Value> =
            members.iter().map(|id| json!({ "Id": id, "Name": "x", "Type": kind(id) })).collect();
        self.list(Operation::ListGroupMembers, &id, members);
        id
    }

    /// Adds a room.
    pub(crate) fn room(&mut self, digits: u32, address: &str, delegates: &[&str]) -> String {
        let id = format!("r-{digits:032x}");
        put(
            &mut self.resources,
            json!({ "Id": id, "Email": address, "Name": address, "Type": "ROOM",
                    "State": "ENABLED" }),
        );
        let delegates = delegates.iter().map(|it| json!({ "Id": it, "Type": "USER" }));
        self.list(Operation::ListResourceDelegates, &id, delegates);
        id
    }

    /// Sets what an operation lists of an entity.
    pub(crate) fn list(
        &mut self,
        operation: Operation,
        id: &str,
        values: impl IntoIterator<Item = Value>,
    ) {
        self.of_entity.insert((operation, id.to_owned()), values.into_iter().collect());
    }

    pub(crate) fn remove(&mut self, id: &str) {
        for entities in [&mut self.users, &mut self.groups, &mut self.resources] {
            entities.retain(|it| it["Id"] != id);
        }
    }

    /// A page of what an operation lists.
    pub(super) fn page(
        &self,
        operation: Operation,
        parameters: &Value,
        page_length: usize,
    ) -> Result<Value, Error> {
        let (key, all) = match operation {
            Operation::ListUsers => ("Users", &self.users),
            Operation::ListGroups => ("Groups", &self.groups),
            Operation::ListResources => ("Resources", &self.resources),
            Operation::ListMailDomains => ("MailDomains", &self.domains),
            _ => {
                let key = match operation {
                    Operation::ListAliases => "Aliases",
                    Operation::ListGroupMembers => "Members",
                    Operation::ListResourceDelegates => "Delegates",
                    _ => "Permissions",
                };
                (key, self.of(operation, parameters)?)
            }
        };
        let start: usize = match parameters["NextToken"].as_str() {
            None => 0,
            Some(token) => token
                .strip_prefix(operation.name())
                .and_then(|it| it.parse().ok())
                .ok_or_else(|| Error::new("InvalidParameterException", "NextToken"))?,
        };
        let asked = parameters["MaxResults"].as_u64().unwrap_or(100) as usize;
        let end = (start + page_length.min(asked)).min(all.len());
        let mut answer = json!({ key: all[start..end] });
        if end < all.len() {
            answer["NextToken"] = format!("{}{end}", operation.name()).into();
        }
        Ok(answer)
    }

    fn of(&self, operation: Operation, parameters: &Value) -> Result<&Vec<Value>, Error> {
        const NOTHING: &Vec<Value> = &Vec::new();
        let id = ["EntityId", "GroupId", "ResourceId"]
            .into_iter()
            .find_map(|it| parameters[it].as_str())
            .unwrap_or_default();
        let mut all = self.users.iter().chain(&self.groups).chain(&self.resources);
        if self.vanished.iter().any(|it| it == id) || !all.any(|it| it["Id"] == id) {
            let message = format!("Entity {id} does not exist");
            return Err(Error::new("EntityNotFoundException", message));
        }
        Ok(self.of_entity.get(&(operation, id.to_owned())).unwrap_or(NOTHING))
    }
}

fn put(entities: &mut Vec<Value>, entity: Value) {
    entities.retain(|it| it["Id"] != entity["Id"]);
    entities.push(entity);
}
