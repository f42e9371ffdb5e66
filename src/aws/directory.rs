//! WorkMail: the users, groups, resources and domains of an organization.

use aws_sdk_workmail::Client;
use aws_sdk_workmail::config::http::HttpResponse;
use aws_sdk_workmail::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_workmail::primitives::DateTime;

use super::error::{Call, Failure};
use super::failure;
use super::session::{Service, Session};
use crate::directory::{Domain, Entity, EntityKind, Member, Permission};
use crate::limits;
use crate::time::Timestamp;

/// One page of a listing, and the token of the next.
pub type Page<T> = (Vec<T>, Option<String>);

/// Calls WorkMail. Every method is one request.
#[derive(Clone, Debug)]
pub struct WorkMailClient {
    pub(crate) client: Client,
    /// The region, and the endpoint where it is not the service's own.
    pub(crate) place: String,
}

impl WorkMailClient {
    /// Calls as the session's identity, in its region.
    pub fn new(session: &Session) -> Self {
        Self { client: Client::new(&session.config), place: session.place(Service::WorkMail) }
    }

    pub(crate) fn call(&self, permission: &'static str, organization: &str) -> Call {
        Call::new(permission, format!("organization {organization} in {}", self.place))
    }

    /// Fetches one page of the users of an organization, including disabled and deleted ones.
    pub async fn users(&self, id: &str, token: Option<String>) -> Result<Page<Entity>, Failure> {
        let call = self.call("workmail:ListUsers", id);
        let request = self.client.list_users().organization_id(id).set_next_token(token);
        let answer = request.max_results(limits::DIRECTORY_PAGE).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let users = answer.users.into_iter().flatten().filter_map(|it| {
            Some(Entity {
                name: it.name,
                display_name: it.display_name,
                address: said(it.email),
                state: it.state.map_or_else(String::new, |it| it.as_str().to_owned()),
                role: it.user_role.map(|it| it.as_str().to_owned()),
                enabled_at: time(it.enabled_date),
                disabled_at: time(it.disabled_date),
                ..Entity::new(EntityKind::User, &said(it.id)?)
            })
        });
        Ok((users.collect(), said(answer.next_token)))
    }

    /// Fetches one page of the groups of an organization, without their members.
    pub async fn groups(&self, id: &str, token: Option<String>) -> Result<Page<Entity>, Failure> {
        let call = self.call("workmail:ListGroups", id);
        let request = self.client.list_groups().organization_id(id).set_next_token(token);
        let answer = request.max_results(limits::DIRECTORY_PAGE).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let groups = answer.groups.into_iter().flatten().filter_map(|it| {
            Some(Entity {
                name: it.name,
                address: said(it.email),
                state: it.state.map_or_else(String::new, |it| it.as_str().to_owned()),
                enabled_at: time(it.enabled_date),
                disabled_at: time(it.disabled_date),
                ..Entity::new(EntityKind::Group, &said(it.id)?)
            })
        });
        Ok((groups.collect(), said(answer.next_token)))
    }

    /// Fetches one page of the resources of an organization, without their delegates.
    pub async fn resources(
        &self,
        id: &str,
        token: Option<String>,
    ) -> Result<Page<Entity>, Failure> {
        let call = self.call("workmail:ListResources", id);
        let request = self.client.list_resources().organization_id(id).set_next_token(token);
        let answer = request.max_results(limits::DIRECTORY_PAGE).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let resources = answer.resources.into_iter().flatten().filter_map(|it| {
            Some(Entity {
                name: it.name,
                address: said(it.email),
                state: it.state.map_or_else(String::new, |it| it.as_str().to_owned()),
                role: it.r#type.map(|it| it.as_str().to_owned()),
                enabled_at: time(it.enabled_date),
                disabled_at: time(it.disabled_date),
                ..Entity::new(EntityKind::Resource, &said(it.id)?)
            })
        });
        Ok((resources.collect(), said(answer.next_token)))
    }

    /// Fetches one page of the domains of an organization.
    pub async fn domains(&self, id: &str, token: Option<String>) -> Result<Page<Domain>, Failure> {
        let call = self.call("workmail:ListMailDomains", id);
        let request = self.client.list_mail_domains().organization_id(id).set_next_token(token);
        let answer = request.max_results(limits::DIRECTORY_PAGE).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let domains = answer.mail_domains.into_iter().flatten().filter_map(|it| {
            Some(Domain { name: said(it.domain_name)?, is_default: it.default_domain })
        });
        Ok((domains.collect(), said(answer.next_token)))
    }

    /// Fetches one page of the aliases of a user, a group or a resource; none if it is gone by now.
    pub async fn aliases(
        &self,
        id: &str,
        entity: &str,
        token: Option<String>,
    ) -> Result<Page<String>, Failure> {
        let call = self.call("workmail:ListAliases", id);
        let request = self.client.list_aliases().organization_id(id).entity_id(entity);
        let request = request.set_next_token(token).max_results(limits::DIRECTORY_PAGE);
        let answer = match request.send().await {
            Err(error) if is_about_entity(&error) => return Ok((Vec::new(), None)),
            answer => answer.map_err(|error| failure::failure(&error, &call))?,
        };
        Ok((answer.aliases.into_iter().flatten().collect(), said(answer.next_token)))
    }

    /// Fetches one page of the members of a group; none if it is gone by now.
    pub async fn members(
        &self,
        id: &str,
        group: &str,
        token: Option<String>,
    ) -> Result<Page<Member>, Failure> {
        let call = self.call("workmail:ListGroupMembers", id);
        let request = self.client.list_group_members().organization_id(id).group_id(group);
        let request = request.set_next_token(token).max_results(limits::DIRECTORY_PAGE);
        let answer = match request.send().await {
            Err(error) if is_about_entity(&error) => return Ok((Vec::new(), None)),
            answer => answer.map_err(|error| failure::failure(&error, &call))?,
        };
        let members = answer.members.into_iter().flatten().filter_map(|it| {
            let r#type = it.r#type.map(|it| it.as_str().to_owned());
            Some(Member { id: said(it.id)?, r#type, name: it.name })
        });
        Ok((members.collect(), said(answer.next_token)))
    }

    /// Fetches one page of the delegates of a resource; none if it is gone by now.
    pub async fn delegates(
        &self,
        id: &str,
        resource: &str,
        token: Option<String>,
    ) -> Result<Page<Member>, Failure> {
        let call = self.call("workmail:ListResourceDelegates", id);
        let request = self.client.list_resource_delegates().organization_id(id);
        let request = request.resource_id(resource).set_next_token(token);
        let answer = match request.max_results(limits::DIRECTORY_PAGE).send().await {
            Err(error) if is_about_entity(&error) => return Ok((Vec::new(), None)),
            answer => answer.map_err(|error| failure::failure(&error, &call))?,
        };
        let delegates = answer.delegates.into_iter().flatten().map(|it| {
            let r#type = Some(it.r#type.as_str().to_owned());
            Member { id: it.id, r#type, name: None }
        });
        Ok((delegates.collect(), said(answer.next_token)))
    }

    /// Fetches one page of other users' permissions on a mailbox; none if it is gone by now.
    pub async fn permissions(
        &self,
        id: &str,
        entity: &str,
        token: Option<String>,
    ) -> Result<Page<Permission>, Failure> {
        let call = self.call("workmail:ListMailboxPermissions", id);
        let request = self.client.list_mailbox_permissions().organization_id(id).entity_id(entity);
        let request = request.set_next_token(token).max_results(limits::DIRECTORY_PAGE);
        let answer = match request.send().await {
            Err(error) if is_about_entity(&error) => return Ok((Vec::new(), None)),
            answer => answer.map_err(|error| failure::failure(&error, &call))?,
        };
        let permissions = answer.permissions.into_iter().flatten().map(|it| Permission {
            id: it.grantee_id,
            r#type: Some(it.grantee_type.as_str().to_owned()),
            values: it.permission_values.iter().map(|it| it.as_str().to_owned()).collect(),
        });
        Ok((permissions.collect(), said(answer.next_token)))
    }
}

/// True if the entity has no such thing, or is gone since it was listed. A missing organization has
/// another code.
fn is_about_entity<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(|it| it.meta().code());
    matches!(code, Some("EntityNotFoundException" | "EntityStateException"))
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|it| !it.is_empty())
}

fn time(time: Option<DateTime>) -> Option<String> {
    Some(Timestamp::from_ms(time?.to_millis().ok()?)?.to_string())
}
