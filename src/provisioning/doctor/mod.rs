//! Examines all that event logging needs, and changes nothing.

mod audit_logs;
mod group;
mod organization;
mod role;

use std::sync::Arc;

use super::ProvisioningError;
use super::check::Check;
use super::judge;
use super::names::{self, LogGroupPlace, default_role};
use super::scope::SERVICE_LINKED_ROLE;
use super::services::Services;
use crate::aws::{AwsError, LogGroupArn, default_group};
use crate::directory::Directory;
use crate::provisioning::clients::{Monitoring, Organization};
use crate::shell::quoted;
use crate::store::Pulls;
use crate::time::workmail_end::has_ended;
use crate::time::{Timestamp, Zone};

/// The regions of WorkMail (AWS General Reference, "Amazon WorkMail endpoints").
pub(super) const WORKMAIL_REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// The subjects of an examination, and what is known beforehand.
#[derive(Clone, Debug)]
pub struct DoctorWish {
    /// The organization, by alias or ID.
    pub organization: Option<String>,
    pub log_group: Option<LogGroupPlace>,
    /// The name of the role.
    pub role: Option<String>,
    pub now: Timestamp,
    /// The zone for times in findings.
    pub zone: Zone,
    pub store: StoreView,
}

/// The pulls and the directory that a store has.
#[derive(Clone, Debug)]
pub struct StoreView {
    /// Its path, for messages.
    pub path: String,
    /// The pulls; empty if there is no store; or why it cannot be read.
    pub pulls: Result<Pulls, String>,
    /// The directory, if one was ever taken.
    pub directory: Option<Arc<Directory>>,
}

/// The check for missing credentials or a missing region.
pub fn unopened(error: &ProvisioningError) -> Vec<Check> {
    vec![Check::failed("identity", error.to_string())]
}

impl Services {
    /// Examines everything, in the order in which it is best repaired.
    pub async fn examine(&self, wish: &DoctorWish) -> Vec<Check> {
        let mut examination = Examination {
            services: self,
            wish,
            checks: Vec::new(),
            account: None,
            organization: None,
            monitoring: None,
            denied: Vec::new(),
        };
        examination.identity().await;
        examination.organization().await;
        examination.monitoring().await;
        examination.group().await;
        if let Some(role_arn) = examination.role_arn() {
            examination.role(&role_arn).await;
        }
        examination.pulling().await;
        examination.directory();
        examination.audit_logs().await;
        examination.checks.push(judge::end(wish.now));
        examination.checks
    }
}

/// An examination under way.
struct Examination<'e> {
    services: &'e Services,
    wish: &'e DoctorWish,
    checks: Vec<Check>,
    account: Option<String>,
    organization: Option<Organization>,
    /// The logging configuration; the outer `None` means unknown.
    monitoring: Option<Option<Monitoring>>,
    /// Missing permissions for pulling.
    denied: Vec<&'static str>,
}

impl Examination<'_> {
    fn region(&self) -> &str {
        self.services.session.region()
    }

    /// Checks that the store has a directory, and how old it is.
    fn directory(&mut self) {
        let Some(organization) = &self.organization else { return };
        let known = self.wish.store.directory.as_ref();
        let known = known.and_then(|it| it.organization(&organization.id));
        let taken = known.and_then(|it| it.last_taken());
        let pull = format!(
            "mailtrace pull --organization {} --region {} --directory --store {}",
            organization.alias,
            self.region(),
            quoted(&self.wish.store.path)
        );
        self.checks.push(judge::directory(taken, self.wish.now, &self.wish.zone, &pull));
    }

    /// The check for something that could not be examined or went wrong.
    fn unknown(&self, name: &'static str, error: &ProvisioningError) -> Check {
        match error {
            // A missing permission says nothing of the thing itself, so it is only a warning.
            ProvisioningError::Aws(AwsError::Denied { .. }) => {
                Check::warning(name, format!("this cannot be checked: {error}"))
                    .command(self.policy_command())
            }
            _ => Check::failed(name, error.to_string()),
        }
    }

    /// The command that prints the policy which the caller needs.
    fn policy_command(&self) -> String {
        let mut command = "mailtrace policy reader".to_owned();
        let organization = self.organization.as_ref().map(|it| it.id.as_str());
        let log_group = self.log_group();
        let role = self.role_arn().and_then(|it| name_of(&it)).unwrap_or_default();
        for (option, value) in [
            ("organization", organization.or(self.wish.organization.as_deref())),
            ("log-group", log_group.as_deref()),
            ("role-name", Some(role.as_str())),
            ("region", Some(self.region())),
            ("account", self.account.as_deref()),
        ] {
            if let Some(value) = value.filter(|it| !it.is_empty()) {
                command.push_str(&format!(" --{option} {value}"));
            }
        }
        command
    }

    /// The group's name: as given, else as configured, else the default.
    fn log_group(&self) -> Option<String> {
        let configured = self.monitoring.iter().flatten().find_map(group_of).map(|it| it.name);
        let named = self.wish.log_group.as_ref().map(|(name, _)| name.clone());
        named.or(configured).or_else(|| self.alias().map(|it| default_group(&it)))
    }

    fn alias(&self) -> Option<String> {
        let found = self.organization.as_ref().map(|it| it.alias.clone());
        let found = found.filter(|it| !it.is_empty());
        let named = || self.wish.organization.clone().filter(|it| names::alias(it).is_ok());
        found.or_else(named).filter(|it| !names::is_organization_id(it))
    }

    /// The role's ARN or name: as given, else as configured, else the default.
    fn role_arn(&self) -> Option<String> {
        if let Some(role) = &self.wish.role {
            return Some(role.clone());
        }
        match &self.monitoring {
            Some(Some(monitoring)) => {
                let own = || SERVICE_LINKED_ROLE.to_owned();
                Some(monitoring.role_arn.clone().unwrap_or_else(own))
            }
            // Without logging no role is needed.
            Some(None) => None,
            // After WorkMail's end its configuration cannot be read, but the role may still
            // exist.
            None => self.alias().filter(|_| has_ended(self.wish.now)).map(|it| default_role(&it)),
        }
    }
}

fn is_denied(error: &ProvisioningError) -> bool {
    matches!(error, ProvisioningError::Aws(AwsError::Denied { .. }))
}

/// The log group of a configuration.
pub(super) fn group_of(monitoring: &Monitoring) -> Option<LogGroupArn> {
    LogGroupArn::parse(&monitoring.log_group_arn)
}

/// The name in a role's ARN, or the name itself.
pub(super) fn name_of(role: &str) -> Option<String> {
    role.rsplit('/').next().filter(|it| !it.is_empty()).map(str::to_owned)
}
