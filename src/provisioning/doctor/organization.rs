//! The caller, the organization, and where its events are logged.

use super::{Examination, WORKMAIL_REGIONS, group_of, is_denied, name_of};
use crate::aws::{LogGroupArn, WorkMailClient};
use crate::provisioning::ProvisioningError;
use crate::provisioning::check::Check;
use crate::provisioning::clients::{Monitoring, Organization};
use crate::provisioning::names::region as is_region;
use crate::provisioning::plan::in_words;
use crate::provisioning::services::is_active;
use crate::time::workmail_end::has_ended;

impl Examination<'_> {
    pub(super) async fn identity(&mut self) {
        let region = self.region().to_owned();
        if let Err(error) = is_region(&region) {
            self.checks.push(Check::failed("identity", error.to_string()));
            return;
        }
        let identity = self.services.session.identity().await;
        let check = match identity {
            Ok(identity) => {
                let check = Check::ok("identity", format!("{} in {region}", identity.arn));
                self.account = Some(identity.account);
                check
            }
            Err(error) => self.unknown("identity", &error.into()),
        };
        self.checks.push(check);
    }

    pub(super) async fn organization(&mut self) {
        const NAME: &str = "organization";
        let check = match &self.wish.organization {
            Some(name) => match self.services.organization(name).await {
                Ok(organization) => self.found(organization).await,
                Err(error) if has_ended(self.wish.now) && !is_denied(&error) => Check::ok(
                    NAME,
                    "WorkMail has shut down: only the log group and the role can be checked",
                ),
                Err(error @ ProvisioningError::NoOrganization { .. }) => {
                    let check = Check::failed(NAME, error.to_string());
                    match self.elsewhere(name).await {
                        Some(region) => Check::failed(
                            NAME,
                            format!("{name} is in {region}, not in {}", self.region()),
                        )
                        .command(format!(
                            "mailtrace doctor --organization {name} --region {region}"
                        )),
                        None => check,
                    }
                }
                Err(error) => self.unknown(NAME, &error),
            },
            None if has_ended(self.wish.now) => Check::ok(
                NAME,
                "WorkMail has shut down: only the log group and the role can be checked",
            ),
            None => self.only_organization().await,
        };
        self.checks.push(check);
    }

    /// Takes an organization as the one that is meant.
    async fn found(&mut self, organization: Organization) -> Check {
        const NAME: &str = "organization";
        let place = self.services.account_of(&organization).await;
        let found =
            format!("{} ({}) in {}, active", organization.alias, organization.id, self.region());
        self.organization = Some(organization);
        match place {
            Err(error @ ProvisioningError::OtherAccount { .. }) => {
                Check::failed(NAME, error.to_string())
            }
            // An unknown account was reported already.
            _ => Check::ok(NAME, found),
        }
    }

    /// Another region with an organization of that name.
    async fn elsewhere(&self, name: &str) -> Option<&'static str> {
        let here = self.region();
        for region in WORKMAIL_REGIONS.into_iter().filter(|it| *it != here) {
            let workmail = WorkMailClient::new(&self.services.session.in_region(region));
            // Only a hint: a region that cannot be asked is passed over.
            let listed = self.services.organizations_of(&workmail).await.unwrap_or_default();
            if listed.iter().any(|it| (it.alias == name || it.id == name) && is_active(&it.state)) {
                return Some(region);
            }
        }
        None
    }

    /// The organization that logs to the named group, or the only one.
    async fn only_organization(&mut self) -> Check {
        const NAME: &str = "organization";
        let listed = match self.services.organizations().await {
            Ok(listed) => listed,
            Err(error) => return self.unknown(NAME, &error),
        };
        let active: Vec<_> = listed.into_iter().filter(|it| is_active(&it.state)).collect();
        let mut chosen = None;
        // With a named group the organization must log to it; the only one in the region need not
        // be it.
        if let Some((group, _)) = &self.wish.log_group {
            for organization in &active {
                match self.services.monitoring(&organization.id).await {
                    Ok(Some(it)) if group_of(&it).is_some_and(|it| it.name == *group) => {
                        chosen = Some(organization.id.clone());
                        break;
                    }
                    Ok(_) => {}
                    Err(error) => return self.unknown(NAME, &error),
                }
            }
            if chosen.is_none() {
                let found = format!("no organization in {} logs to {group}", self.region());
                return Check::warning(NAME, found)
                    .advice("name the organization with --organization");
            }
        } else if let [only] = active.as_slice() {
            chosen = Some(only.id.clone());
        }
        let Some(id) = chosen else {
            let aliases: Vec<&str> = active.iter().map(|it| it.alias.as_str()).take(5).collect();
            let found = match aliases.is_empty() {
                true => format!("there is no active organization in {}", self.region()),
                false => format!("there are several in {}: {}", self.region(), aliases.join(", ")),
            };
            return Check::failed(NAME, found)
                .advice("name one with --organization, and its region with --region");
        };
        match self.services.organization(&id).await {
            Ok(organization) => self.found(organization).await,
            Err(error) => self.unknown(NAME, &error),
        }
    }

    pub(super) async fn monitoring(&mut self) {
        const NAME: &str = "monitoring";
        let Some(organization) = &self.organization else { return };
        let check = match self.services.monitoring(&organization.id).await {
            Err(error) => self.unknown(NAME, &error),
            Ok(found) => {
                let check = self.judge_monitoring(organization, found.as_ref());
                self.monitoring = Some(found);
                check
            }
        };
        self.checks.push(check);
    }

    fn judge_monitoring(&self, organization: &Organization, found: Option<&Monitoring>) -> Check {
        const NAME: &str = "monitoring";
        let name =
            if organization.alias.is_empty() { &organization.id } else { &organization.alias };
        let mut setup = format!("mailtrace setup --organization {name} --region {}", self.region());
        if let Some((group, _)) = &self.wish.log_group {
            setup.push_str(&format!(" --log-group {group}"));
        }
        if let Some(role) = &self.wish.role {
            setup.push_str(&format!(" --role-name {role}"));
        }
        let Some(monitoring) = found else {
            return Check::failed(NAME, format!("event logging is off for {name}")).command(setup);
        };
        let text = format!("{name} logs to {}", in_words(monitoring));
        let arn = group_of(monitoring);
        let is_near = |it: &LogGroupArn| {
            it.region == self.region() && self.account.as_ref().is_none_or(|our| *our == it.account)
        };
        let is_group = |it: &LogGroupArn| {
            self.wish.log_group.as_ref().is_none_or(|(name, _)| *name == it.name)
        };
        let role = monitoring.role_arn.as_deref().and_then(name_of);
        let is_role = self.wish.role.is_none() || self.wish.role == role;
        match arn {
            None => Check::failed(NAME, format!("{text}, which is not a log group")),
            Some(arn) if !is_near(&arn) => Check::failed(
                NAME,
                format!("{text}, which is in {} of account {}", arn.region, arn.account),
            )
            .command(format!("{setup} --force")),
            Some(arn) if !is_group(&arn) || !is_role => {
                Check::failed(NAME, format!("{text}, which is not what you named"))
                    .command(format!("{setup} --force"))
            }
            Some(_) => Check::ok(NAME, text),
        }
    }
}
