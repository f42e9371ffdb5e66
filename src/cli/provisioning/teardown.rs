//! `mailtrace teardown`.

use std::io::{IsTerminal, Write};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::aws::{SessionOptions, default_group};
use crate::cli::args::session::SessionArgs;
use crate::cli::context::{CommandOutcome, Context, running_clock};
use crate::cli::output;
use crate::cli::progress::ShownProgress;
use crate::cli::provisioning::audit_logs::AuditLogs;
use crate::cli::provisioning::target::{Target, TargetArgs, check_organization};
use crate::cli::provisioning::undertaking::{Report, Undertaking};
use crate::cli::signals::stop_on_interrupt;
use crate::provisioning::{
    ProvisioningError, Scope, Services, TeardownPlan, TeardownStep, TeardownWish, check_place,
    default_role, names, teardown_plan,
};
use crate::pull::{DrainEvent, DrainOptions, Drained, Puller};
use crate::render::{human_duration, sanitise};
use crate::store::{StoreWriter, VerifyOptions, verify};
use crate::time::parse_duration_ms;
use crate::time::workmail_end::has_ended;
use crate::trace::keep_table;

/// Switch email event logging off, and delete what it left
///
/// Asks before each step that takes something away. The log group is deleted only after a final
/// pull: the whole group is listed until nothing new has come for --settle, everything in it is in
/// the store, and the store is sound. What another organization uses stays. Run again, it completes
/// what is missing. With --log-group alone it needs no organization, as after the end of WorkMail.
/// `mailtrace policy teardown` prints the permissions it needs.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").args(["organization", "log_group"]).required(true).multiple(true))]
#[command(
    after_long_help = "Examples:\n  mailtrace teardown --organization acme\n  mailtrace teardown --organization acme --delete-log-group --delete-role --dry-run"
)]
pub(crate) struct TeardownArgs {
    /// The organization, by alias or ID (m-...)
    #[arg(long, value_name = "ALIAS|ID")]
    organization: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// End the deliveries of audit logs instead; their group stays
    ///
    /// Those of an organization that is gone, too.
    #[arg(long, requires = "organization", conflicts_with_all = ["role_name", "delete_log_group", "delete_role", "delete_service_linked_role", "settle", "wait"])]
    audit: bool,
    /// Delete the log group once all its events are in the store
    #[arg(long)]
    delete_log_group: bool,
    /// Delete the role WorkMail logged with, and its policies
    #[arg(long)]
    delete_role: bool,
    /// Delete the service-linked role WorkMail made for itself
    #[arg(long)]
    delete_service_linked_role: bool,
    /// How long nothing new may have arrived before the deletion
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    settle: String,
    /// How long to wait until IAM has deleted that role
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    wait: String,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Only print the plan: calls and `aws` commands
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    session: SessionArgs,
}

/// Everything needed to carry out a teardown.
struct Teardown<'t> {
    services: &'t Services,
    session: SessionOptions,
    plan: &'t TeardownPlan,
    settle_ms: i64,
    wait_seconds: u64,
    context: &'t Context,
}

pub(crate) fn run(args: &TeardownArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    context.refuse_csv("--format csv is not available for teardown: use table or json")?;
    if let (true, Some(organization)) = (args.audit, &args.organization) {
        let target = args.target.checked()?;
        let (log_group, session) = (target.log_group.as_ref(), &args.session);
        let audit = AuditLogs { organization, log_group, session, is_dry_run: args.dry_run };
        return audit.tear_down(args.yes, context);
    }
    if let Some(organization) = &args.organization {
        check_organization(organization)?;
    }
    let deletes = args.delete_log_group || args.delete_role || args.delete_service_linked_role;
    if args.organization.is_none() && !deletes {
        bail!("nothing to do: give --organization to stop logging, or say what to delete");
    }
    let target = args.target.checked()?;
    let settle_ms = duration(&args.settle, "--settle")?;
    let wait_ms = duration(&args.wait, "--wait")?;
    let mut session = args.session.options();
    session.region = session.region.or_else(|| target.region().map(str::to_owned));
    let services = Services::open(&session)?;
    let wish = wish(args, target, &services, context)?;
    let found = services.wait_for(services.look_before_teardown(&wish))?;
    let plan = teardown_plan(&wish, &found)?;
    if args.dry_run {
        context.print(&Undertaking::from(&plan).dry_run())?;
        return Ok(CommandOutcome::Done);
    }
    let asks = !args.yes;
    // Before the first step, so that a question that nobody can answer does not stop the teardown
    // midway.
    if asks && !plan.steps.is_empty() && !std::io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask on: give --yes to proceed, or --dry-run to see what would be done"
        );
    }
    let wait_seconds = u64::try_from(wait_ms / 1_000).unwrap_or(0);
    let teardown =
        Teardown { services: &services, session, plan: &plan, settle_ms, wait_seconds, context };
    teardown.carry_out(asks)
}

fn duration(text: &str, option: &str) -> anyhow::Result<i64> {
    parse_duration_ms(text)
        .filter(|it| *it >= 0)
        .with_context(|| format!("{option} {text}: give a duration such as 15m"))
}

fn wish(
    args: &TeardownArgs,
    target: Target,
    services: &Services,
    context: &Context,
) -> anyhow::Result<TeardownWish> {
    let region = names::region(services.session().region())?;
    if let Some((_, Some(arn))) = &target.log_group {
        check_place(arn, &region, &arn.account)?;
    }
    let found = args.organization.as_ref().map(|it| services.wait_for(services.organization(it)));
    let organization = match found {
        None => None,
        Some(Ok(organization)) => Some(organization),
        // WorkMail no longer answers, and there is nothing left to switch off.
        Some(Err(error)) if has_ended(context.now) => {
            if !context.global.quiet {
                output::note(&format!("WorkMail has shut down ({error})"));
            }
            None
        }
        Some(Err(error)) => return Err(error.into()),
    };
    let account = match &organization {
        Some(organization) => services.wait_for(services.account_of(organization))?,
        None => services.wait_for(services.session().account()).map_err(ProvisioningError::from)?,
    };
    let named = args.organization.clone().filter(|it| !names::is_organization_id(it));
    let alias = organization.as_ref().map(|it| it.alias.clone()).or(named);
    let is_group_named = target.log_group.is_some();
    let log_group = match (target.log_group, &alias) {
        (Some((name, arn)), _) => {
            if let Some(arn) = arn {
                check_place(&arn, &region, &account)?;
            }
            name
        }
        (None, Some(alias)) => names::log_group(&default_group(alias))?,
        (None, None) => {
            bail!("name the log group with --log-group: WorkMail can no longer be asked for it")
        }
    };
    let role = match (target.role, &alias) {
        (Some(role), _) => role,
        (None, Some(alias)) => names::role(&default_role(alias))?,
        (None, None) if args.delete_role => bail!("name the role with --role-name"),
        (None, None) => String::new(),
    };
    let organization = organization.map(|it| it.id).unwrap_or_default();
    Ok(TeardownWish {
        scope: Scope { region, account, organization, log_group, role },
        is_group_named,
        deletes_group: args.delete_log_group,
        deletes_role: args.delete_role,
        deletes_own_role: args.delete_service_linked_role,
        now: context.now,
    })
}

impl Teardown<'_> {
    fn carry_out(&self, asks: bool) -> anyhow::Result<CommandOutcome> {
        let plan = self.plan;
        if !self.context.global.quiet {
            plan.warnings.iter().for_each(|it| output::warn(it));
        }
        let mut report = Report::of(Undertaking::from(plan), self.context);
        // An answer that cannot be written must not hide what happened in the account.
        let mut written = report.begin();
        for (index, step) in plan.steps.iter().enumerate() {
            let title = step.title(&plan.wish.scope);
            let taken = match asks && step.is_destructive() && !is_confirmed(&title)? {
                true => Err(anyhow::anyhow!("it was not confirmed")),
                false => self.take(step),
            };
            match taken {
                Ok(note) => written = written.and_then(|()| report.done(&note)),
                Err(error) => {
                    let cause = output::chain(error.as_ref());
                    let text = format!("cannot {title}: {cause}{}", plan.standing(index));
                    let told = report.end(Err(&text));
                    drop(written.and(told));
                    bail!(text);
                }
            }
        }
        written?;
        report.end(Ok(("off", &self.closing())))?;
        Ok(CommandOutcome::Done)
    }

    /// The last line of the report.
    fn closing(&self) -> String {
        let wish = &self.plan.wish;
        let Scope { organization, region, log_group, .. } = &wish.scope;
        let logged = match organization.is_empty() {
            true => String::new(),
            false => format!("{organization} no longer logs events; "),
        };
        let left = if self.plan.steps.contains(&TeardownStep::DeleteGroup) {
            "the log group is deleted, and everything it held is in the store".to_owned()
        } else if wish.deletes_group {
            "the log group is deleted".to_owned()
        } else {
            format!(
                "what {log_group} holds stays until it expires: download it with `mailtrace pull --log-group {log_group} --region {region}`"
            )
        };
        format!("{logged}{left}")
    }

    /// Takes a step. Returns a note to print after its title.
    fn take(&self, step: &TeardownStep) -> anyhow::Result<String> {
        match step {
            TeardownStep::Pull => self.drain(),
            TeardownStep::Verify => self.verify(),
            _ => {
                let wish = &self.plan.wish;
                let taken = self.services.tear_down(step, wish, self.wait_seconds);
                self.services.wait_for(taken)?;
                Ok(String::new())
            }
        }
    }

    fn drain(&self) -> anyhow::Result<String> {
        let stop = stop_on_interrupt()?;
        let context = self.context;
        let puller = Puller::open(&self.session, running_clock(context), stop)?;
        let group = puller.group(Some(&self.plan.wish.scope.log_group))?;
        let mut writer = StoreWriter::open_or_create(&context.store_path()?)?;
        keep_table(&mut writer);
        // If logging was on until a moment ago, earlier pulls prove nothing about the last
        // events.
        let was_on = self.plan.steps.contains(&TeardownStep::SwitchOff);
        let options = DrainOptions { settle_ms: self.settle_ms, was_on };
        let progress = ShownProgress::new(context);
        let drained = puller.drain(&mut writer, &group, options, &mut |event| match event {
            DrainEvent::Progress(it) => progress.pull(it),
            DrainEvent::Listed(report) if !context.global.quiet => output::note(&format!(
                "the log group holds {} events: {} were new",
                report.read, report.added
            )),
            DrainEvent::Waits(ms) if !context.global.quiet => output::note(&format!(
                "waiting {} for events that may still arrive, before listing it again",
                human_duration(ms)
            )),
            DrainEvent::Listed(_) | DrainEvent::Waits(_) => {}
        });
        drop(progress);
        // Fetched events are kept, whatever happened to the rest.
        writer.close()?;
        match drained? {
            Drained::Whole { held, rejected: 0 } => Ok(format!(": {held} events, none missing")),
            Drained::Whole { held, rejected } => Ok(format!(
                ": {held} events, none missing; {rejected} of them are not email events and are kept in rejected/"
            )),
            Drained::NotWhole { reason } => {
                bail!("cannot be sure that the store has everything: {reason}")
            }
        }
    }

    fn verify(&self) -> anyhow::Result<String> {
        let path = self.context.store_path()?;
        // Deep, because the originals in the log group are about to go for good.
        let options = VerifyOptions { is_deep: true, ..VerifyOptions::default() };
        let progress = ShownProgress::new(self.context);
        let report = verify(&path, &options, &|it| progress.verification(it))?;
        drop(progress);
        match report.problems.first() {
            None => Ok(format!(": {} records, sound", report.records)),
            Some(problem) => {
                bail!(
                    "{} is damaged ({problem}): `mailtrace verify` lists all problems",
                    path.display()
                )
            }
        }
    }
}

/// Asks on the terminal.
fn is_confirmed(title: &str) -> anyhow::Result<bool> {
    let mut stderr = anstream::stderr().lock();
    write!(stderr, "{}? [y/N] ", sanitise(title))?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
