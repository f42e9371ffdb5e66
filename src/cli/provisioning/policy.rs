//! `mailtrace policy`.

use clap::{Args, ValueEnum};

use crate::aws::{S3Url, default_group};
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::cli::provisioning::target::{Target, TargetArgs};
use crate::json;
use crate::provisioning::{
    Scope, audit_policy, default_audit_group, default_role, names, reader_policy, setup_policy,
    teardown_policy,
};
use crate::render::BriefAnswer;

/// Print the minimal IAM policy for a task
///
/// For whoever runs `pull` and `doctor` (reader), `setup` or `teardown`: exactly the calls they
/// make, on exactly the resources they make them on. What you do not specify appears in the policy
/// as a name in capitals, to be replaced. Asks nothing of AWS.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// For which task
    #[arg(value_enum, value_name = "FOR")]
    caller: Caller,
    /// Organization ID (m-...) or alias
    ///
    /// The alias gives log group and role their names.
    #[arg(long, value_name = "ALIAS|ID")]
    organization: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// For `setup --default-role`: WorkMail's own role
    #[arg(long, conflicts_with = "role_name")]
    default_role: bool,
    /// For `setup --audit` and `teardown --audit`: the deliveries
    #[arg(long, conflicts_with_all = ["role_name", "default_role", "s3"])]
    audit: bool,
    /// For `pull --s3`: the bucket to read as well
    #[arg(long, value_name = "URL")]
    s3: Option<S3Url>,
    /// Region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Account number
    #[arg(long, value_name = "ID")]
    account: Option<String>,
}

/// Who is to have the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Caller {
    /// Pulling, and checking whether logging works
    Reader,
    /// Switching logging on
    Setup,
    /// Switching logging off
    Teardown,
}

// Placeholders for what was not given. In capitals IAM rejects them as ARNs, rather than
// accepting a wide one.
const REGION: &str = "REGION";
const ACCOUNT: &str = "ACCOUNT";
const ORGANIZATION: &str = "ORGANIZATION-ID";
const ALIAS: &str = "ALIAS";

pub(crate) fn run(args: &PolicyArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let scope = scope(args)?;
    if args.s3.is_some() && args.caller != Caller::Reader {
        anyhow::bail!("--s3 works only with `mailtrace policy reader`");
    }
    if args.default_role && args.caller != Caller::Setup {
        anyhow::bail!("--default-role works only with `mailtrace policy setup`");
    }
    if args.audit && args.caller == Caller::Reader {
        anyhow::bail!(
            "--audit works only with `mailtrace policy setup` and `teardown`: reading audit logs needs no more than reading their log group"
        );
    }
    let policy = match args.caller {
        Caller::Setup | Caller::Teardown if args.audit => {
            audit_policy(&scope, args.caller == Caller::Teardown)
        }
        Caller::Reader => reader_policy(&scope, args.s3.as_ref()),
        Caller::Setup => setup_policy(&scope, args.default_role),
        Caller::Teardown => teardown_policy(&scope),
    };
    context.refuse_csv("a policy is JSON: --format csv is not available for it")?;
    let lines = policy.to_pretty_json().lines().map(str::to_owned).collect();
    context.print(&BriefAnswer { lines, json: json::value(&policy) })?;
    let text = policy.to_json();
    let missing: Vec<&str> = [
        (REGION, "--region"),
        (ACCOUNT, "--account"),
        (ORGANIZATION, "--organization m-..."),
        (ALIAS, "--organization ALIAS"),
    ]
    .into_iter()
    .filter(|(name, _)| text.contains(name))
    .map(|(_, option)| option)
    .collect();
    if !missing.is_empty() && !context.global.quiet {
        output::note(&format!("replace what is in capitals, or give {}", missing.join(", ")));
    }
    Ok(CommandOutcome::Done)
}

fn scope(args: &PolicyArgs) -> anyhow::Result<Scope> {
    let or = |said: &Option<String>, placeholder: &str| {
        said.clone().unwrap_or_else(|| placeholder.to_owned())
    };
    let (id, alias) = match &args.organization {
        Some(id) if names::is_organization_id(id) => (id.clone(), ALIAS.to_owned()),
        Some(alias) => (ORGANIZATION.to_owned(), names::alias(alias)?),
        None => (ORGANIZATION.to_owned(), ALIAS.to_owned()),
    };
    let Target { log_group, role } = args.target.checked()?;
    let (log_group, arn) = log_group.unwrap_or_else(|| match args.audit {
        true => (default_audit_group(&alias), None),
        false => (default_group(&alias), None),
    });
    let region = args.region.as_deref().map(names::region).transpose()?;
    let account = args.account.as_deref().map(names::account).transpose()?;
    Ok(Scope {
        region: or(&region.or_else(|| arn.as_ref().map(|it| it.region.clone())), REGION),
        account: or(&account.or_else(|| arn.map(|it| it.account)), ACCOUNT),
        organization: id,
        log_group,
        role: role.unwrap_or_else(|| default_role(&alias)),
    })
}
