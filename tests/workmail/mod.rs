//! A WorkMail of our own on loopback, for moto has none.
//!
//! It speaks the JSON 1.1 protocol of the operations that event logging is about, checks every
//! request against the published shapes (target header, members, lengths, patterns: WorkMail API
//! reference), keeps what was put, and refuses when it is told to.

mod directory;
mod shapes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cloudwatch::{ACCOUNT, REGION};
use crate::loopback::{HttpRequest, Reply, Server, Service};
pub(crate) use directory::{Directory, entity_id};
use shapes::parameters;

/// A WorkMail that runs until it is dropped.
pub(crate) type WorkMail = Server<State>;

impl WorkMail {
    /// Begins with these organizations.
    pub(crate) fn start(organizations: impl IntoIterator<Item = Organization>) -> Self {
        Self::listening(State {
            organizations: organizations.into_iter().collect(),
            page_organizations: 100,
            page_entities: 100,
            ..State::default()
        })
    }
}

/// The operations that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    ListOrganizations,
    DescribeOrganization,
    DescribeEmailMonitoringConfiguration,
    PutEmailMonitoringConfiguration,
    DeleteEmailMonitoringConfiguration,
    ListUsers,
    ListGroups,
    ListResources,
    ListMailDomains,
    ListAliases,
    ListGroupMembers,
    ListResourceDelegates,
    ListMailboxPermissions,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ListOrganizations => "ListOrganizations",
            Self::DescribeOrganization => "DescribeOrganization",
            Self::DescribeEmailMonitoringConfiguration => "DescribeEmailMonitoringConfiguration",
            Self::PutEmailMonitoringConfiguration => "PutEmailMonitoringConfiguration",
            Self::DeleteEmailMonitoringConfiguration => "DeleteEmailMonitoringConfiguration",
            Self::ListUsers => "ListUsers",
            Self::ListGroups => "ListGroups",
            Self::ListResources => "ListResources",
            Self::ListMailDomains => "ListMailDomains",
            Self::ListAliases => "ListAliases",
            Self::ListGroupMembers => "ListGroupMembers",
            Self::ListResourceDelegates => "ListResourceDelegates",
            Self::ListMailboxPermissions => "ListMailboxPermissions",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [
            Self::ListOrganizations,
            Self::DescribeOrganization,
            Self::DescribeEmailMonitoringConfiguration,
            Self::PutEmailMonitoringConfiguration,
            Self::DeleteEmailMonitoringConfiguration,
            Self::ListUsers,
            Self::ListGroups,
            Self::ListResources,
            Self::ListMailDomains,
            Self::ListAliases,
            Self::ListGroupMembers,
            Self::ListResourceDelegates,
            Self::ListMailboxPermissions,
        ];
        all.into_iter().find(|it| it.name() == name)
    }
}

/// A refusal that has nothing to do with what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The caller may not do this.
    AccessDenied,
    /// As while a new role is not known everywhere.
    InvalidParameter,
    /// The organization is being made or deleted.
    OrganizationState,
    /// 500.
    Internal,
    /// Too many requests.
    Throttling,
    /// As a service that is no more.
    Gone,
}

/// An organization.
#[derive(Clone, Debug)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) alias: String,
    pub(crate) state: &'static str,
    pub(crate) region: &'static str,
    /// What DescribeEmailMonitoringConfiguration answers.
    pub(crate) monitoring: Option<Value>,
    pub(crate) directory: Directory,
}

impl Organization {
    /// An active one whose ID ends with these digits.
    pub(crate) fn new(alias: &str, digits: u32) -> Self {
        Self {
            id: format!("m-{digits:032x}"),
            alias: alias.to_owned(),
            state: "Active",
            region: REGION,
            monitoring: None,
            directory: Directory::default(),
        }
    }

    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:workmail:{}:{ACCOUNT}:organization/{}", self.region, self.id)
    }
}

/// The service's state. Change it at any time, through `lock`.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) organizations: Vec<Organization>,
    /// Organizations on a page.
    pub(crate) page_organizations: usize,
    /// Users, groups, members and so on, on a page.
    pub(crate) page_entities: usize,
    /// What came in, well-formed or not.
    pub(crate) requests: Vec<(Operation, Value)>,
    /// How long every answer takes.
    pub(crate) latency: Duration,
    /// How often what was put does not yet read back.
    pub(crate) stale_answers: usize,
    refusals: BTreeMap<(Operation, usize), Refusal>,
    standing: BTreeMap<Operation, Refusal>,
    counts: BTreeMap<Operation, usize>,
    /// What a stale answer says.
    before: Option<Value>,
}

impl State {
    /// Refuses the `index`-th call from now on, counted from 0.
    pub(crate) fn refuse(&mut self, operation: Operation, index: usize, refusal: Refusal) {
        let count = self.count(operation);
        self.refusals.insert((operation, count + index), refusal);
    }

    /// Refuses every call; with `None` no more.
    pub(crate) fn always_refuse(&mut self, operation: Operation, refusal: Option<Refusal>) {
        match refusal {
            Some(refusal) => self.standing.insert(operation, refusal),
            None => self.standing.remove(&operation),
        };
    }

    /// How many calls of an operation came in.
    pub(crate) fn count(&self, operation: Operation) -> usize {
        self.counts.get(&operation).copied().unwrap_or(0)
    }

    /// Calls that change something.
    pub(crate) fn change_count(&self) -> usize {
        self.count(Operation::PutEmailMonitoringConfiguration)
            + self.count(Operation::DeleteEmailMonitoringConfiguration)
    }

    fn result(&mut self, request: &HttpRequest) -> Result<Value, Error> {
        let target = request.header("x-amz-target").unwrap_or_default();
        let operation = target.strip_prefix("WorkMailService.").and_then(Operation::named);
        let operation = operation.ok_or_else(|| {
            Error::new("UnknownOperationException", format!("target \"{target}\""))
        })?;
        let index = self.count(operation);
        *self.counts.entry(operation).or_default() += 1;
        let parameters = parameters(request, operation)?;
        self.requests.push((operation, parameters.clone()));
        let refusal =
            self.standing.get(&operation).or_else(|| self.refusals.get(&(operation, index)));
        if let Some(refusal) = refusal {
            return Err(refused(*refusal, operation));
        }
        let region = region_of(request);
        if operation == Operation::ListOrganizations {
            return self.page(&parameters, &region);
        }
        let id = parameters["OrganizationId"].as_str().unwrap_or_default();
        let known = self.organizations.iter_mut().find(|it| it.id == id && it.region == region);
        let organization = known.ok_or_else(|| {
            Error::new("OrganizationNotFoundException", format!("Organization {id} not found"))
        })?;
        let is_change = operation != Operation::DescribeOrganization;
        if is_change && organization.state != "Active" {
            let message = format!("Organization is in state {}", organization.state);
            return Err(Error::new("OrganizationStateException", message));
        }
        match operation {
            Operation::DescribeOrganization => Ok(json!({
                "OrganizationId": organization.id,
                "Alias": organization.alias,
                "State": organization.state,
                "DirectoryType": "VpcDirectory",
                "DefaultMailDomain": format!("{}.awsapps.com", organization.alias),
                "ARN": organization.arn(),
            })),
            Operation::PutEmailMonitoringConfiguration => {
                let group = parameters["LogGroupArn"].as_str().unwrap_or_default();
                if !group.starts_with(&format!("arn:aws:logs:{region}:{ACCOUNT}:")) {
                    let message = "The log group must be in the organization's account and region";
                    return Err(Error::new("InvalidParameterException", message));
                }
                let role = format!(
                    "arn:aws:iam::{ACCOUNT}:role/aws-service-role/events.workmail.amazonaws.com/\
                     AWSServiceRoleForAmazonWorkMailEvents"
                );
                let role = parameters["RoleArn"].as_str().map_or(role, str::to_owned);
                self.before = organization.monitoring.take();
                organization.monitoring = Some(json!({ "LogGroupArn": group, "RoleArn": role }));
                Ok(json!({}))
            }
            Operation::DeleteEmailMonitoringConfiguration => {
                organization.monitoring = None;
                Ok(json!({}))
            }
            Operation::DescribeEmailMonitoringConfiguration => {
                let mut monitoring = organization.monitoring.clone();
                if monitoring.is_some() && self.stale_answers > 0 {
                    self.stale_answers -= 1;
                    monitoring = self.before.clone();
                }
                let missing = "Email monitoring configuration does not exist";
                monitoring.ok_or_else(|| Error::new("ResourceNotFoundException", missing))
            }
            _ => organization.directory.page(operation, &parameters, self.page_entities),
        }
    }

    fn page(&self, parameters: &Value, region: &str) -> Result<Value, Error> {
        let start: usize = match parameters["NextToken"].as_str() {
            None => 0,
            Some(token) => token
                .strip_prefix("from-")
                .and_then(|it| it.parse().ok())
                .ok_or_else(|| Error::new("InvalidParameterException", "NextToken"))?,
        };
        let here: Vec<&Organization> =
            self.organizations.iter().filter(|it| it.region == region).collect();
        let end = (start + self.page_organizations).min(here.len());
        let page = here[start..end].iter().map(|it| {
            json!({
                "OrganizationId": it.id,
                "Alias": it.alias,
                "DefaultMailDomain": format!("{}.awsapps.com", it.alias),
                "State": it.state,
            })
        });
        let mut answer = json!({ "OrganizationSummaries": page.collect::<Vec<_>>() });
        if end < here.len() {
            answer["NextToken"] = format!("from-{end}").into();
        }
        Ok(answer)
    }
}

impl Service for State {
    fn answer(&mut self, request: &HttpRequest) -> Reply {
        let (status, body) = match self.result(request) {
            Ok(body) => (200, body),
            Err(error) => (error.status, json!({ "__type": error.kind, "Message": error.message })),
        };
        let body = body.to_string().into_bytes();
        let reply = Reply::new(status, "application/x-amz-json-1.1", body);
        Reply { delay: self.latency, ..reply }
    }
}

/// The region that a request is signed for.
fn region_of(request: &HttpRequest) -> String {
    let authorization = request.header("authorization").unwrap_or_default();
    let (_, scope) = authorization.split_once("Credential=").unwrap_or_default();
    scope.split('/').nth(2).unwrap_or_default().to_owned()
}

/// An error answer.
#[derive(Debug)]
struct Error {
    status: u16,
    /// The name of the exception.
    kind: &'static str,
    message: String,
}

impl Error {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, kind, message: message.into() }
    }
}

fn refused(refusal: Refusal, operation: Operation) -> Error {
    match refusal {
        Refusal::AccessDenied => Error::new(
            "AccessDeniedException",
            format!(
                "User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: workmail:{} \
                 on resource: *",
                operation.name()
            ),
        ),
        Refusal::InvalidParameter => {
            Error::new("InvalidParameterException", "The role cannot be assumed by WorkMail")
        }
        Refusal::OrganizationState => {
            Error::new("OrganizationStateException", "Organization is in state Creating")
        }
        Refusal::Internal => Error { status: 500, ..Error::new("InternalFailure", "try again") },
        Refusal::Throttling => Error::new("ThrottlingException", "Rate exceeded"),
        Refusal::Gone => Error { status: 410, ..Error::new("EndOfSupportException", "gone") },
    }
}
