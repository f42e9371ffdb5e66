//! `mailtrace setup --audit` and `mailtrace teardown --audit`.

use std::io::{IsTerminal, Write};

use anyhow::bail;

use crate::cli::args::session::SessionArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::cli::provisioning::target::check_organization;
use crate::cli::provisioning::undertaking::{Report, Undertaking};
use crate::provisioning::{
    AuditFound, AuditPlan, LogGroupPlace, ProvisioningError, Retention, Scope, Services,
    audit_plan, audit_teardown_plan, check_place, default_audit_group, names,
};

/// The arguments of both.
pub(crate) struct AuditLogs<'a> {
    pub(crate) organization: &'a str,
    pub(crate) log_group: Option<&'a LogGroupPlace>,
    pub(crate) session: &'a SessionArgs,
    pub(crate) is_dry_run: bool,
}

impl AuditLogs<'_> {
    /// Has all of an organization's audit logs delivered to a log group.
    pub(crate) fn set_up(
        &self,
        retention: Option<Retention>,
        context: &Context,
    ) -> anyhow::Result<CommandOutcome> {
        let (services, scope) = self.open(context)?;
        let found = services.wait_for(services.look_at_audit(&scope))?;
        let plan = audit_plan(&scope, retention, &found);
        let text = format!(
            "audit logs are delivered from now on; download them with `mailtrace pull --log-group {} --region {}`",
            scope.log_group, scope.region
        );
        self.carry_out(&services, &plan, &found, ("on", &text), context)
    }

    /// Ends all deliveries of an organization's audit logs.
    pub(crate) fn tear_down(
        &self,
        is_agreed: bool,
        context: &Context,
    ) -> anyhow::Result<CommandOutcome> {
        let (services, scope) = self.open(context)?;
        let found = services.wait_for(services.look_at_audit(&scope))?;
        let plan = audit_teardown_plan(&scope, &found);
        if !self.is_dry_run && !is_agreed && !plan.steps.is_empty() {
            if !std::io::stdin().is_terminal() {
                bail!(
                    "{} deliveries and what belongs to them would be deleted: confirm with --yes, or see the plan first with --dry-run",
                    plan.steps.len()
                );
            }
            write!(
                anstream::stderr(),
                "Delete {} things, and stop delivering the audit logs of {}? [y/N] ",
                plan.steps.len(),
                scope.organization
            )?;
            let mut answer = String::new();
            std::io::stdin().read_line(&mut answer)?;
            if !answer.trim().eq_ignore_ascii_case("y") {
                bail!("nothing was changed");
            }
        }
        let ended = ("off", "audit logs are no longer delivered");
        self.carry_out(&services, &plan, &found, ended, context)
    }

    fn open(&self, context: &Context) -> anyhow::Result<(Services, Scope)> {
        context.refuse_csv("--format csv is not available here: use table or json")?;
        check_organization(self.organization)?;
        let services = Services::open(&self.session.options())?;
        let region = names::region(services.session().region())?;
        let found = services.wait_for(services.organization(self.organization));
        let (id, alias, account) = match found {
            Ok(organization) => {
                let account = services.wait_for(services.account_of(&organization))?;
                (organization.id, organization.alias, account)
            }
            // Deliveries outlive their organization.
            Err(ProvisioningError::NoOrganization { .. } | ProvisioningError::NotActive { .. })
                if names::is_organization_id(self.organization) =>
            {
                let account = names::account(&services.wait_for(services.session().account())?)?;
                (self.organization.to_owned(), self.organization.to_owned(), account)
            }
            Err(error) => return Err(error.into()),
        };
        let log_group = match self.log_group {
            Some((log_group, arn)) => {
                if let Some(arn) = arn {
                    check_place(arn, &region, &account)?;
                }
                log_group.clone()
            }
            None => names::log_group(&default_audit_group(&alias))?,
        };
        let role = String::new();
        Ok((services, Scope { region, account, organization: id, log_group, role }))
    }

    fn carry_out(
        &self,
        services: &Services,
        plan: &AuditPlan,
        found: &AuditFound,
        ended: (&str, &str),
        context: &Context,
    ) -> anyhow::Result<CommandOutcome> {
        if self.is_dry_run {
            context.print(&Undertaking::from(plan).dry_run())?;
            return Ok(CommandOutcome::Done);
        }
        if !context.global.quiet {
            plan.warnings.iter().for_each(|it| output::warn(it));
        }
        // An answer that cannot be written must not stop the steps, nor hide their result.
        let mut report = Report::of(Undertaking::from(plan), context);
        let mut unwritable = report.begin().err();
        let carried_out = services.wait_for(services.carry_out_audit(plan, found, &mut || {
            if let Err(error) = report.done("") {
                unwritable.get_or_insert(error);
            }
        }));
        let error = carried_out.err();
        let written = match unwritable {
            Some(error) => Err(error),
            None => {
                let error = error.as_ref().map(ToString::to_string);
                report.end(error.as_deref().map_or(Ok(ended), Err))
            }
        };
        match error {
            Some(error) => Err(error.into()),
            None => Ok(written.map(|()| CommandOutcome::Done)?),
        }
    }
}
