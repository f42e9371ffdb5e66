//! `mailtrace setup`.

use std::io::Write;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::aws::default_group;
use crate::cli::args::session::SessionArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::cli::provisioning::audit_logs::AuditLogs;
use crate::cli::provisioning::target::{Target, TargetArgs, check_organization};
use crate::cli::provisioning::undertaking::{Report, Undertaking};
use crate::limits;
use crate::provisioning::{
    Retention, Scope, Services, SetupEvent, SetupFound, SetupPlan, SetupWish, Template,
    check_place, default_role, names, plan,
};
use crate::store::Store;
use crate::time::workmail_end::LAST_DAY;

/// Switch email event logging on for an organization
///
/// Creates the log group, and a role that WorkMail may assume for this organization only, or adopts
/// them if they are as needed; switches logging on, and waits until that reads back. Run again, it
/// completes what is missing. A trust policy that differs, another key, and logging to another
/// group are left alone without --force. With --audit it does so for the audit logs. `mailtrace
/// policy setup` prints the permissions it needs.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace setup --organization acme --region eu-west-1 --dry-run\n  mailtrace setup --organization acme --emit terraform > mail.tf"
)]
pub(crate) struct SetupArgs {
    /// The organization, by alias or ID (m-...)
    #[arg(long, value_name = "ALIAS|ID")]
    organization: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Have the five audit logs delivered instead
    ///
    /// They say who got in, from where, and what they did in which mailbox. Default group:
    /// /aws/vendedlogs/workmail/audit/ALIAS
    #[arg(long, conflicts_with_all = ["default_role", "role_name", "kms_key", "force", "emit"])]
    audit: bool,
    /// Have WorkMail log with its own service-linked role
    #[arg(long, conflicts_with = "role_name")]
    default_role: bool,
    /// Days the log group keeps events, or never [default: 30]
    ///
    /// "never": they never expire. An existing log group keeps what it has, by default.
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<String>,
    /// Encrypt the log group with this KMS key
    ///
    /// The key policy must let CloudWatch Logs use it.
    #[arg(long, value_name = "ARN")]
    kms_key: Option<String>,
    /// Replace a trust policy, key or configuration that differs
    #[arg(long)]
    force: bool,
    /// Only print the plan: calls, policies, `aws` commands
    #[arg(long, conflicts_with = "emit")]
    dry_run: bool,
    /// Only print a script or template that does the same
    ///
    /// With an organization ID, --region and --account, nothing is asked of AWS.
    #[arg(long, value_enum, value_name = "KIND")]
    emit: Option<EmitKind>,
    /// Account number, for --emit without AWS
    #[arg(long, value_name = "ID", requires = "emit")]
    account: Option<String>,
    #[command(flatten)]
    session: SessionArgs,
}

/// What prints what does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EmitKind {
    /// A POSIX shell script that runs the AWS CLI
    AwsCli,
    /// A CloudFormation template in YAML
    Cloudformation,
    /// A Terraform configuration
    Terraform,
}

impl From<EmitKind> for Template {
    fn from(kind: EmitKind) -> Self {
        match kind {
            EmitKind::AwsCli => Self::AwsCli,
            EmitKind::Cloudformation => Self::CloudFormation,
            EmitKind::Terraform => Self::Terraform,
        }
    }
}

/// The arguments that can be checked offline.
struct Checked {
    target: Target,
    retention: Option<Retention>,
}

pub(crate) fn run(args: &SetupArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let checked = check(args)?;
    if args.audit {
        let audit = AuditLogs {
            organization: &args.organization,
            log_group: checked.target.log_group.as_ref(),
            session: &args.session,
            is_dry_run: args.dry_run,
        };
        return audit.set_up(checked.retention, context);
    }
    if let Some(kind) = args.emit {
        // Without asking AWS if possible: a template may be wanted where there are no
        // credentials.
        let wish = match offline(args, &checked)? {
            Some(wish) => wish,
            None => online(args, &checked, &Services::open(&args.session.options())?)?,
        };
        return emit(kind, &wish, context);
    }
    context.refuse_csv("--format csv is not available for setup: use table or json")?;
    let services = Services::open(&args.session.options())?;
    let wish = online(args, &checked, &services)?;
    let found = services.wait_for(services.look(&wish))?;
    let plan = plan(&wish, &found)?;
    if args.dry_run {
        context.print(&Undertaking::from(&plan).dry_run())?;
        return Ok(CommandOutcome::Done);
    }
    carry_out(&plan, &services, context)
}

fn check(args: &SetupArgs) -> anyhow::Result<Checked> {
    check_organization(&args.organization)?;
    Ok(Checked {
        target: args.target.checked()?,
        retention: args.retention_days.as_deref().map(Retention::parse).transpose()?,
    })
}

/// The wanted state for an organization that AWS was asked about.
fn online(args: &SetupArgs, checked: &Checked, services: &Services) -> anyhow::Result<SetupWish> {
    if args.account.is_some() {
        bail!("--account works only with --emit, the organization's ID (m-...) and --region");
    }
    let region = names::region(services.session().region())?;
    // Errors in the ARN alone are reported before anything is asked.
    if let Some((_, Some(arn))) = &checked.target.log_group {
        check_place(arn, &region, &arn.account)?;
    }
    let organization = services.wait_for(services.organization(&args.organization))?;
    let account = services.wait_for(services.account_of(&organization))?;
    wish(
        args,
        checked,
        OrganizationPlace { id: organization.id, name: organization.alias, region, account },
    )
}

/// The wanted state, if the command line says all that AWS would.
fn offline(args: &SetupArgs, checked: &Checked) -> anyhow::Result<Option<SetupWish>> {
    let (Some(region), Some(account)) = (&args.session.region, &args.account) else {
        return Ok(None);
    };
    let id = args.organization.clone();
    if !names::is_organization_id(&id) {
        return Ok(None);
    }
    let (region, account) = (names::region(region)?, names::account(account)?);
    wish(args, checked, OrganizationPlace { name: id.clone(), id, region, account }).map(Some)
}

/// An organization's place, and the name for its group and role.
struct OrganizationPlace {
    id: String,
    name: String,
    region: String,
    account: String,
}

fn wish(
    args: &SetupArgs,
    checked: &Checked,
    place: OrganizationPlace,
) -> anyhow::Result<SetupWish> {
    let OrganizationPlace { id, name, region, account } = place;
    let log_group = match &checked.target.log_group {
        Some((log_group, arn)) => {
            if let Some(arn) = arn {
                check_place(arn, &region, &account)?;
            }
            log_group.clone()
        }
        None => names::log_group(&default_group(&name))?,
    };
    let role = match &checked.target.role {
        Some(role) => role.clone(),
        None => names::role(&default_role(&name))?,
    };
    let kms_key = args.kms_key.as_deref().map(|it| names::kms_key(it, &region)).transpose()?;
    Ok(SetupWish {
        scope: Scope { region, account, organization: id, log_group, role },
        retention: checked.retention,
        kms_key,
        is_default_role: args.default_role,
        is_forced: args.force,
    })
}

fn emit(kind: EmitKind, wish: &SetupWish, context: &Context) -> anyhow::Result<CommandOutcome> {
    let text = Template::from(kind).text(wish)?;
    let mut stdout = anstream::stdout().lock();
    // Not sanitised here: all names in it were checked.
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    if !context.global.quiet {
        for warning in plan(wish, &SetupFound::default())?.warnings {
            output::warn(&warning);
        }
    }
    Ok(CommandOutcome::Done)
}

/// True if the store has a recent directory of the organization.
fn has_new_directory(scope: &Scope, context: &Context) -> bool {
    let store = context.store_path().ok().and_then(|it| Store::open(&it).ok());
    let directory = store.and_then(|it| it.directory());
    let organization = directory.as_ref().and_then(|it| it.organization(&scope.organization));
    let taken = organization.and_then(|it| it.last_taken());
    taken.is_some_and(|it| context.now.ms_since(it) <= limits::DIRECTORY_OLD_MS)
}

fn carry_out(
    plan: &SetupPlan,
    services: &Services,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let is_told = !context.global.quiet;
    if is_told {
        plan.warnings.iter().for_each(|it| output::warn(it));
    }
    let mut report = Report::of(Undertaking::from(plan), context);
    let mut unwritable = report.begin().err();
    let carried_out = services.wait_for(services.carry_out(plan, &mut |event| match event {
        SetupEvent::Done(_) => {
            if let Err(error) = report.done("") {
                unwritable.get_or_insert(error);
            }
        }
        SetupEvent::WaitsForRole if is_told => {
            output::note("WorkMail does not accept the role yet: retrying for up to a minute");
        }
        SetupEvent::WaitsForReadBack if is_told => {
            output::note("waiting for WorkMail to show the configuration");
        }
        SetupEvent::WaitsForRole | SetupEvent::WaitsForReadBack => {}
    }));
    let error = carried_out.err();
    // An answer that cannot be written must not hide what happened in the account.
    let written = match unwritable {
        Some(error) => Err(error),
        None => {
            let scope = &plan.scope;
            let mut text = format!(
                "events are logged; download them with `mailtrace pull --log-group {} --region {}`",
                scope.log_group, scope.region
            );
            if !has_new_directory(scope, context) {
                text.push_str(&format!(
                    "; add --directory to record who has which address and ID, which nobody can tell after {LAST_DAY}"
                ));
            }
            let error = error.as_ref().map(ToString::to_string);
            report.end(error.as_deref().map_or(Ok(("on", text.as_str())), Err))
        }
    };
    match error {
        Some(error) => Err(error.into()),
        None => Ok(written.map(|()| CommandOutcome::Done)?),
    }
}
