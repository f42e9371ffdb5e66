//! Checks that audit logs are delivered, and that their log groups were pulled.

use super::Examination;
use crate::aws::LogGroupArn;
use crate::provisioning::ProvisioningError;
use crate::provisioning::audit_logs::{AUDIT_LOG_TYPES, AuditFound, default_audit_group};
use crate::provisioning::check::Check;
use crate::provisioning::scope::Scope;
use crate::shell::quoted;
use crate::time::workmail_end::has_ended;

const NAME: &str = "audit logs";

/// Types and their destinations.
#[derive(Debug, Default, PartialEq, Eq)]
struct Delivered {
    /// Types that are not delivered.
    missing: Vec<&'static str>,
    /// Log groups that receive something, each once.
    groups: Vec<String>,
    /// Other destinations, each once: a bucket, a stream.
    others: Vec<String>,
    /// Formats other than JSON.
    formats: Vec<String>,
}

impl Delivered {
    fn of(found: &AuditFound) -> Self {
        let mut delivered = Self::default();
        for (log_type, _) in AUDIT_LOG_TYPES {
            let is_source = |name: &str| {
                found.sources.iter().any(|it| it.name == name && it.log_type == log_type)
            };
            let deliveries = found.deliveries.iter().filter(|it| is_source(&it.source));
            let mut is_missing = true;
            for delivery in deliveries {
                is_missing = false;
                let mut known = found.destinations.iter();
                let Some(place) = known.find(|it| it.arn == delivery.destination_arn) else {
                    continue;
                };
                match LogGroupArn::parse(&place.target_arn) {
                    Some(arn) => add(&mut delivered.groups, arn.name),
                    None => add(&mut delivered.others, place.target_arn.clone()),
                }
                if let Some(format) = place.format.as_ref().filter(|it| *it != "json") {
                    add(&mut delivered.formats, format.clone());
                }
            }
            if is_missing {
                delivered.missing.push(log_type);
            }
        }
        delivered
    }

    fn places(&self) -> String {
        let all: Vec<&str> = self.groups.iter().chain(&self.others).map(String::as_str).collect();
        all.join(" and ")
    }
}

fn add(texts: &mut Vec<String>, text: String) {
    if !texts.contains(&text) {
        texts.push(text);
    }
}

impl Examination<'_> {
    pub(super) async fn audit_logs(&mut self) {
        // After WorkMail's end nothing is delivered, and nothing can be set up.
        if has_ended(self.wish.now) {
            return;
        }
        let (Some(organization), Some(account)) = (&self.organization, &self.account) else {
            return;
        };
        let scope = Scope {
            region: self.region().to_owned(),
            account: account.clone(),
            organization: organization.id.clone(),
            log_group: default_audit_group(&organization.alias),
            role: String::new(),
        };
        let check = match self.services.look_at_deliveries(&scope.organization_arn()).await {
            Ok(found) => self.judged(&Delivered::of(&found), &scope).await,
            Err(error) => Ok(self.unknown(NAME, &error)),
        };
        let check = check.unwrap_or_else(|error| self.unknown(NAME, &error));
        self.checks.push(check);
    }

    async fn judged(
        &self,
        delivered: &Delivered,
        scope: &Scope,
    ) -> Result<Check, ProvisioningError> {
        let setup = format!(
            "mailtrace setup --organization {} --region {} --audit",
            scope.organization, scope.region
        );
        // Audit logs are optional: none at all is no fault, but some types without the others
        // look like a mistake.
        if delivered.missing.len() == AUDIT_LOG_TYPES.len() {
            return Ok(Check::ok(
                NAME,
                "none are delivered, so nothing shows who read or deleted what",
            )
            .command(setup));
        }
        if !delivered.missing.is_empty() {
            let found = format!("{} are not delivered", delivered.missing.join(", "));
            return Ok(Check::warning(NAME, found).command(setup));
        }
        if !delivered.formats.is_empty() {
            let found = format!(
                "they are delivered to {} as {}, which cannot be read",
                delivered.places(),
                delivered.formats.join(" and ")
            );
            return Ok(
                Check::warning(NAME, found).advice("set the destination's output format to json")
            );
        }
        // Without a readable store nothing can be said of pulls; another check reports that.
        let Ok(pulls) = &self.wish.store.pulls else {
            return Ok(Check::ok(NAME, format!("all are delivered to {}", delivered.places())));
        };
        for name in &delivered.groups {
            let group = self.services.log_group(name).await?;
            if group.is_some_and(|it| pulls.group(&it.arn).is_none()) {
                let found = format!("all are delivered, but {name} was never pulled");
                let pull = format!(
                    "mailtrace pull --log-group {name} --region {} --store {}",
                    scope.region,
                    quoted(&self.wish.store.path)
                );
                return Ok(Check::warning(NAME, found).command(pull));
            }
        }
        let places = delivered.places();
        Ok(Check::ok(NAME, format!("all are delivered to {places}")))
    }
}
