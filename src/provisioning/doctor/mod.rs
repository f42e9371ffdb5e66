//! Looks at everything that event logging takes, and changes nothing.

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

/// The regions that WorkMail is in (AWS General Reference, "Amazon WorkMail endpoints").
pub(super) const WORKMAIL_REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// What to look at, and what is known beforehand.
#[derive(Clone, Debug)]
pub struct DoctorWish {
    /// The organization, by alias or ID.
    pub organization: Option<String>,
    pub log_group: Option<LogGroupPlace>,
    /// The name of the role.
    pub role: Option<String>,
    pub now: Timestamp,
    /// The zone in which times are told.
    pub zone: Zone,
    pub store: StoreView,
}

/// What a store knows of pulls.
#[derive(Clone, Debug)]
pub struct StoreView {
    /// Where it is, for what is said of it.
    pub path: String,
    /// What was pulled; nothing where there is no store; why it cannot be read.
    pub pulls: Result<Pulls, String>,
    /// Who has which address; nothing where that was never taken.
    pub directory: Option<Arc<Directory>>,
}

/// What is to be said where there are no credentials, or no region.
pub fn unopened(error: &ProvisioningError) -> Vec<Check> {
    vec![Check::failed("identity", error.to_string())]
}

impl Services {
    /// Looks at everything, in the order in which it is best mended.
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

/// A look at everything on its way.
struct Examination<'e> {
    services: &'e Services,
    wish: &'e DoctorWish,
    checks: Vec<Check>,
    account: Option<String>,
    organization: Option<Organization>,
    /// Where events are logged, where that could be told.
    monitoring: Option<Option<Monitoring>>,
    /// Permissions for pulling that were found missing.
    denied: Vec<&'static str>,
}

impl Examination<'_> {
    fn region(&self) -> &str {
        self.services.session.region()
    }

    /// Whether the store knows who has which address, and of when.
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

    /// What could not be looked at, or went wrong.
    fn unknown(&self, name: &'static str, error: &ProvisioningError) -> Check {
        match error {
            ProvisioningError::Aws(AwsError::Denied { .. }) => {
                Check::warning(name, format!("it cannot be told: {error}"))
                    .command(self.policy_command())
            }
            _ => Check::failed(name, error.to_string()),
        }
    }

    /// Prints what whoever looks must be allowed.
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

    /// The name of the group: as it is named, as it is configured, or the usual one.
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

    /// The ARN or the name of the role: as it is configured, as it is named, or the usual one.
    fn role_arn(&self) -> Option<String> {
        if let Some(role) = &self.wish.role {
            return Some(role.clone());
        }
        match &self.monitoring {
            Some(Some(monitoring)) => {
                let own = || SERVICE_LINKED_ROLE.to_owned();
                Some(monitoring.role_arn.clone().unwrap_or_else(own))
            }
            // Without logging there need be no role.
            Some(None) => None,
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

/// The name of a role in its ARN, or the name itself.
pub(super) fn name_of(role: &str) -> Option<String> {
    role.rsplit('/').next().filter(|it| !it.is_empty()).map(str::to_owned)
}
