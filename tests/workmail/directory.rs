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

impl Directory {
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
