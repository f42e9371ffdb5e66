//! The delivery of audit logs: its present state, and the steps to the wanted one.
//!
//! Audit logs are "vended": each of their types is a source, a log group is a destination, and a
//! delivery joins the two. No role is needed (WorkMail administrator guide, "Enabling audit
//! logging").

use super::ProvisioningError;
use super::clients::{Delivery, DeliveryDestination, DeliverySource};
use super::names::Retention;
use super::policies::{list_groups, list_organizations, look_at_deliveries};
use super::policy::{Policy, PolicyStatement};
use super::scope::Scope;
use super::services::Services;
use super::step::{shell_command, standing};
use crate::aws::{Failure, LogGroup, Retrier};
use crate::limits;

/// The types of audit logs (CloudWatch Logs API reference, PutDeliverySource), each with the
/// suffix of its source's name.
pub const AUDIT_LOG_TYPES: [(&str, &str); 5] = [
    ("ACCESS_CONTROL_LOGS", "access-control"),
    ("AUTHENTICATION_LOGS", "authentication"),
    ("WORKMAIL_AVAILABILITY_PROVIDER_LOGS", "availability"),
    ("WORKMAIL_MAILBOX_ACCESS_LOGS", "mailbox-access"),
    ("WORKMAIL_PERSONAL_ACCESS_TOKEN_LOGS", "access-token"),
];

/// The default log group for audit logs. AWS itself writes the policy that lets it deliver to
/// names with this prefix.
pub fn default_audit_group(alias: &str) -> String {
    format!("/aws/vendedlogs/workmail/audit/{alias}")
}

#[derive(Clone, Debug, Default)]
pub struct AuditFound {
    pub group: Option<LogGroup>,
    /// The sources of the organization.
    pub sources: Vec<DeliverySource>,
    /// The destinations of the account.
    pub destinations: Vec<DeliveryDestination>,
    /// The deliveries of the account.
    pub deliveries: Vec<Delivery>,
}

/// Steps in order, and what needs none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPlan {
    /// The organization and the log group; its role is not needed.
    pub scope: Scope,
    /// The steps to take.
    pub steps: Vec<AuditStep>,
    /// Everything that stays as it is, in words.
    pub kept: Vec<String>,
    /// Warnings for the administrator, in words.
    pub warnings: Vec<String>,
}

/// One call that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditStep {
    CreateGroup,
    /// Sets how long the group keeps events.
    SetRetention(Retention),
    /// Makes the group a destination.
    PutDestination(String),
    PutSource(DeliverySource),
    /// Delivers a source's logs to a destination: the names of both.
    CreateDelivery(String, String),
    /// Ends a delivery of a source.
    DeleteDelivery(Delivery),
    DeleteSource(String),
    DeleteDestination(String),
}

/// Days for which a new group keeps audit events by default.
const RETENTION_DAYS_DEFAULT: u32 = 30;

/// The prefix of the names we give.
fn made_name(scope: &Scope) -> String {
    format!("wm-audit-{}", scope.organization)
}

/// Plans the delivery of all audit logs.
pub fn audit_plan(scope: &Scope, retention: Option<Retention>, found: &AuditFound) -> AuditPlan {
    let mut plan = AuditPlan::of(scope);
    match &found.group {
        None => {
            plan.steps.push(AuditStep::CreateGroup);
            let retention = retention.unwrap_or(Retention::Days(RETENTION_DAYS_DEFAULT));
            // A new group keeps events for ever unless a retention is set.
            if retention != Retention::Forever {
                plan.steps.push(AuditStep::SetRetention(retention));
            }
        }
        Some(group) => {
            plan.kept.push(format!("the log group {} exists", group.name));
            if let Some(retention) = retention.filter(|it| it.days() != group.retention_days) {
                plan.steps.push(AuditStep::SetRetention(retention));
            }
        }
    }
    let target = scope.log_group_arn().to_string();
    let target = target.strip_suffix(":*").unwrap_or(&target);
    // A destination in another format cannot be adopted: only JSON can be imported.
    let is_json = |it: &&DeliveryDestination| it.format.as_deref().is_none_or(|it| it == "json");
    let mut ours = found.destinations.iter().filter(|it| it.target_arn == target);
    let destination = ours.find(is_json);
    let destination_name = match destination {
        Some(known) => {
            plan.kept.push(format!("the destination {} is the log group", known.name));
            known.name.clone()
        }
        None => {
            let name = made_name(scope);
            plan.steps.push(AuditStep::PutDestination(name.clone()));
            name
        }
    };
    for (log_type, suffix) in AUDIT_LOG_TYPES {
        // Sources are found by type, since an administrator may have given them any name.
        let known = found.sources.iter().find(|it| it.log_type == log_type);
        let source =
            known.map_or_else(|| format!("{}-{suffix}", made_name(scope)), |it| it.name.clone());
        let mut deliveries = found.deliveries.iter().filter(|it| it.source == source);
        let is_ours = |it: &Delivery| {
            destination.is_some_and(|destination| destination.arn == it.destination_arn)
        };
        if known.is_some() && deliveries.clone().any(is_ours) {
            plan.kept.push(format!("{log_type} are delivered to it"));
            continue;
        }
        // One source may have several deliveries, so ours is added beside a foreign one.
        if let Some(elsewhere) = deliveries.next() {
            plan.warnings.push(format!(
                "{log_type} are also delivered to {}, which is left as it is",
                elsewhere.destination_arn
            ));
        }
        if known.is_none() {
            plan.steps.push(AuditStep::PutSource(DeliverySource {
                name: source.clone(),
                resource_arn: scope.organization_arn(),
                log_type: log_type.to_owned(),
            }));
        }
        plan.steps.push(AuditStep::CreateDelivery(source, destination_name.clone()));
    }
    plan
}

/// Plans the end of all of an organization's deliveries, in the order that AWS demands:
/// deliveries, then sources, then destinations. A destination that others may use stays.
pub fn audit_teardown_plan(scope: &Scope, found: &AuditFound) -> AuditPlan {
    let mut plan = AuditPlan::of(scope);
    let is_source = |name: &str| found.sources.iter().any(|it| it.name == name);
    let (ended, others): (Vec<&Delivery>, Vec<&Delivery>) =
        found.deliveries.iter().partition(|it| is_source(&it.source));
    let steps = &mut plan.steps;
    steps.extend(ended.iter().map(|it| AuditStep::DeleteDelivery((*it).clone())));
    steps.extend(found.sources.iter().map(|it| AuditStep::DeleteSource(it.name.clone())));
    for destination in &found.destinations {
        let is_used = |by: &[&Delivery]| by.iter().any(|it| it.destination_arn == destination.arn);
        // Only the name shows that we made it.
        let is_made = destination.name == made_name(scope);
        if !is_made && !is_used(&ended) {
            continue;
        }
        if is_made && !is_used(&others) {
            plan.steps.push(AuditStep::DeleteDestination(destination.name.clone()));
        } else {
            plan.kept
                .push(format!("the destination {} stays: others may use it", destination.name));
        }
    }
    if let Some(group) = &found.group {
        plan.kept.push(format!("the log group {} stays, with its events", group.name));
    }
    plan
}

impl AuditPlan {
    fn of(scope: &Scope) -> Self {
        let (steps, kept, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { scope: scope.clone(), steps, kept, warnings }
    }

    /// The state after the step at `index` failed, and what to do about it.
    fn standing(&self, index: usize) -> String {
        let done = self.steps.iter().take(index);
        standing(done.map(|it| it.title(&self.scope)), "done and remains in place")
    }
}

impl AuditStep {
    /// The step in words, such as "create the log group X".
    pub fn title(&self, scope: &Scope) -> String {
        let group = &scope.log_group;
        match self {
            Self::CreateGroup => format!("create the log group {group}"),
            Self::SetRetention(Retention::Days(days)) => {
                format!("set {group} to keep events for {days} days")
            }
            Self::SetRetention(Retention::Forever) => {
                format!("set {group} to keep events for ever")
            }
            Self::PutDestination(name) => format!("make {group} the destination {name}"),
            Self::PutSource(source) => {
                format!("make {} the source {}", source.log_type, source.name)
            }
            Self::CreateDelivery(source, destination) => {
                format!("deliver what {source} logs to {destination}")
            }
            Self::DeleteDelivery(delivery) => {
                format!("end the delivery {} of {}", delivery.id, delivery.source)
            }
            Self::DeleteSource(name) => format!("delete the source {name}"),
            Self::DeleteDestination(name) => format!("delete the destination {name}"),
        }
    }

    /// The IAM action of the call.
    pub fn action(&self) -> &'static str {
        match self {
            Self::CreateGroup => "logs:CreateLogGroup",
            Self::SetRetention(Retention::Days(_)) => "logs:PutRetentionPolicy",
            Self::SetRetention(Retention::Forever) => "logs:DeleteRetentionPolicy",
            Self::PutDestination(_) => "logs:PutDeliveryDestination",
            Self::PutSource(_) => "logs:PutDeliverySource",
            Self::CreateDelivery(..) => "logs:CreateDelivery",
            Self::DeleteDelivery(_) => "logs:DeleteDelivery",
            Self::DeleteSource(_) => "logs:DeleteDeliverySource",
            Self::DeleteDestination(_) => "logs:DeleteDeliveryDestination",
        }
    }

    /// The AWS CLI command that does the same.
    pub fn command(&self, scope: &Scope) -> String {
        let group = scope.log_group.as_str();
        let arn = scope.log_group_arn().to_string();
        let target = format!("destinationResourceArn={}", arn.strip_suffix(":*").unwrap_or(&arn));
        // Before the steps are taken a new destination's ARN is unknown, so the printed commands
        // build it from its parts.
        let destination_arn = |name: &str| {
            format!(
                "arn:{}:logs:{}:{}:delivery-destination:{name}",
                crate::aws::partition(&scope.region),
                scope.region,
                scope.account
            )
        };
        let days;
        let arn_of_destination;
        let words: Vec<&str> = match self {
            Self::CreateGroup => vec!["create-log-group", "--log-group-name", group],
            Self::SetRetention(Retention::Days(count)) => {
                days = count.to_string();
                vec![
                    "put-retention-policy",
                    "--log-group-name",
                    group,
                    "--retention-in-days",
                    &days,
                ]
            }
            Self::SetRetention(Retention::Forever) => {
                vec!["delete-retention-policy", "--log-group-name", group]
            }
            Self::PutDestination(name) => vec![
                "put-delivery-destination",
                "--name",
                name,
                "--output-format",
                "json",
                "--delivery-destination-configuration",
                &target,
            ],
            Self::PutSource(source) => vec![
                "put-delivery-source",
                "--name",
                &source.name,
                "--resource-arn",
                &source.resource_arn,
                "--log-type",
                &source.log_type,
            ],
            Self::CreateDelivery(source, destination) => {
                arn_of_destination = destination_arn(destination);
                vec![
                    "create-delivery",
                    "--delivery-source-name",
                    source,
                    "--delivery-destination-arn",
                    &arn_of_destination,
                ]
            }
            Self::DeleteDelivery(delivery) => vec!["delete-delivery", "--id", &delivery.id],
            Self::DeleteSource(name) => vec!["delete-delivery-source", "--name", name],
            Self::DeleteDestination(name) => vec!["delete-delivery-destination", "--name", name],
        };
        let all = std::iter::once("logs").chain(words).chain(["--region", &scope.region]);
        shell_command(&all.map(str::to_owned).collect::<Vec<_>>())
    }
}

impl Services {
    /// Reads the state of an organization's deliveries.
    pub async fn look_at_audit(&self, scope: &Scope) -> Result<AuditFound, ProvisioningError> {
        let group = self.log_group(&scope.log_group).await?;
        Ok(AuditFound { group, ..self.look_at_deliveries(&scope.organization_arn()).await? })
    }

    /// The same without the log group, for the organization with this ARN.
    pub(super) async fn look_at_deliveries(
        &self,
        organization: &str,
    ) -> Result<AuditFound, ProvisioningError> {
        let retrier = Retrier::first(&self.limiter);
        let pages = limits::DELIVERIES_PAGES_MAX;
        let sources = async |token| self.logs.delivery_sources(token).await;
        let sources = retrier.pages("delivery sources", pages, sources).await;
        let mut sources = sources.map_err(Failure::into_error)?;
        // AWS lists the account's sources and has no filter for one organization.
        sources.retain(|it| it.resource_arn == organization);
        let page = async |token| self.logs.delivery_destinations(token).await;
        let destinations = retrier.pages("delivery destinations", pages, page).await;
        let page = async |token| self.logs.deliveries(token).await;
        let deliveries = retrier.pages("deliveries", pages, page).await;
        Ok(AuditFound {
            group: None,
            sources,
            destinations: destinations.map_err(Failure::into_error)?,
            deliveries: deliveries.map_err(Failure::into_error)?,
        })
    }

    /// Takes the steps of a plan, and reports each.
    ///
    /// # Errors
    ///
    /// [`ProvisioningError::Stopped`] at the first step that fails.
    pub async fn carry_out_audit(
        &self,
        plan: &AuditPlan,
        found: &AuditFound,
        on_done: &mut dyn FnMut(),
    ) -> Result<(), ProvisioningError> {
        // The ARNs by which deliveries name destinations. A step that makes one adds its ARN, as
        // AWS returned it.
        let known = found.destinations.iter().map(|it| (it.name.clone(), it.arn.clone()));
        let mut destinations: std::collections::HashMap<String, String> = known.collect();
        for (index, step) in plan.steps.iter().enumerate() {
            let taken = self.take_audit_step(step, &plan.scope, &mut destinations).await;
            if let Err(failure) = taken {
                return Err(ProvisioningError::Stopped {
                    step: step.title(&plan.scope),
                    cause: Box::new(failure.into_error().into()),
                    standing: plan.standing(index),
                });
            }
            on_done();
        }
        Ok(())
    }

    async fn take_audit_step(
        &self,
        step: &AuditStep,
        scope: &Scope,
        destinations: &mut std::collections::HashMap<String, String>,
    ) -> Result<(), Failure> {
        let (logs, group) = (&self.logs, scope.log_group.as_str());
        match step {
            AuditStep::CreateGroup => {
                self.call(async || logs.create_group(group, None).await).await
            }
            AuditStep::SetRetention(retention) => {
                self.call(async || logs.set_retention(group, retention.days()).await).await
            }
            AuditStep::PutDestination(name) => {
                let arn = scope.log_group_arn().to_string();
                let arn = arn.strip_suffix(":*").unwrap_or(&arn);
                let put = async || logs.put_delivery_destination(name, arn).await;
                let made = self.call(put).await?;
                destinations.insert(name.clone(), made);
                Ok(())
            }
            AuditStep::PutSource(source) => {
                self.call(async || logs.put_delivery_source(source).await).await
            }
            AuditStep::CreateDelivery(source, destination) => {
                let arn = destinations.get(destination).expect("planned behind its destination");
                self.call(async || logs.create_delivery(source, arn).await).await
            }
            AuditStep::DeleteDelivery(delivery) => {
                self.call(async || logs.delete_delivery(&delivery.id).await).await
            }
            AuditStep::DeleteSource(name) => {
                self.call(async || logs.delete_delivery_source(name).await).await
            }
            AuditStep::DeleteDestination(name) => {
                self.call(async || logs.delete_delivery_destination(name).await).await
            }
        }
    }
}

/// The policy for `mailtrace setup --audit` or `teardown --audit`.
pub fn audit_policy(scope: &Scope, is_teardown: bool) -> Policy {
    let ours = |kind: &str| {
        format!(
            "arn:{}:logs:{}:{}:{kind}:*",
            crate::aws::partition(&scope.region),
            scope.region,
            scope.account
        )
    };
    let deliveries = ["delivery-source", "delivery-destination", "delivery"].map(ours);
    let mut statements = vec![list_organizations(), list_groups(scope), look_at_deliveries()];
    let organization = [scope.organization_arn()];
    if is_teardown {
        statements.extend([
            PolicyStatement::allowing(["workmail:DescribeOrganization"])
                .named("LookAtOrganization")
                .on(organization),
            PolicyStatement::allowing([
                "logs:DeleteDelivery",
                "logs:DeleteDeliverySource",
                "logs:DeleteDeliveryDestination",
            ])
            .named("EndDeliveries")
            .on(deliveries),
        ]);
        return Policy::new(statements);
    }
    let arn = scope.log_group_arn();
    statements.extend([
        PolicyStatement::allowing([
            "workmail:DescribeOrganization",
            "workmail:AllowVendedLogDeliveryForResource",
        ])
        .named("LetWorkMailDeliver")
        .on(organization),
        PolicyStatement::allowing([
            "logs:CreateLogGroup",
            "logs:PutRetentionPolicy",
            "logs:DeleteRetentionPolicy",
        ])
        .named("MakeLogGroup")
        .on([arn.to_string(), arn.with_streams()]),
        PolicyStatement::allowing([
            "logs:PutDeliverySource",
            "logs:PutDeliveryDestination",
            "logs:CreateDelivery",
        ])
        .named("Deliver")
        .on(deliveries),
        // On the caller's behalf, AWS extends the resource policy of the log group's account.
        PolicyStatement::allowing(["logs:PutResourcePolicy", "logs:DescribeResourcePolicies"])
            .named("LetLogsBeDelivered")
            .on(["*".to_owned()]),
    ]);
    Policy::new(statements)
}
