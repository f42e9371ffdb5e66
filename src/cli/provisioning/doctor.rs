//! `mailtrace doctor`.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::cli::args::session::SessionArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::provisioning::doctor_report::Checks;
use crate::cli::provisioning::target::{TargetArgs, check_organization};
use crate::limits;
use crate::provisioning::{
    Check, DoctorWish, Given, Health, LintWish, Policy, Services, StoreView, lint, names, unopened,
};
use crate::source::open_text;
use crate::store::{Pulls, Store, StoreError};

/// Check whether event logging works; changes nothing
///
/// Checks your AWS identity, the organization, where its events are logged, the log group, how much
/// of it is in the store, the role with its trust and permissions, whether events arrive, and
/// whether you may pull them; and says what to do about whatever is not ok. Exits with 0 if all is
/// ok, 3 with warnings, 2 if something failed. `mailtrace policy reader` prints the permissions it
/// needs; what you may not see is a warning.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace doctor --organization acme --region eu-west-1\n  mailtrace doctor --trust-policy trust.json --role-policy role.json"
)]
pub(crate) struct DoctorArgs {
    /// The organization, by alias or ID (m-...)
    ///
    /// Default: the one that logs to --log-group, else the only one.
    #[arg(long, value_name = "ALIAS|ID")]
    organization: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Only review this trust policy of a role; asks nothing of AWS
    #[arg(long, value_name = "FILE")]
    trust_policy: Option<PathBuf>,
    /// Only review this policy of a role; asks nothing of AWS
    #[arg(long, value_name = "FILE")]
    role_policy: Option<PathBuf>,
    /// Account number, for a review of files [default: as they say]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn run(args: &DoctorArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    if let Some(organization) = &args.organization {
        check_organization(organization)?;
    }
    let is_offline = args.trust_policy.is_some() || args.role_policy.is_some();
    if args.account.is_some() && !is_offline {
        bail!("--account works only with --trust-policy and --role-policy");
    }
    let checks = if is_offline { review(args)? } else { examine(args, context)? };
    context.print(&Checks(&checks))?;
    let failures: Vec<&str> =
        checks.iter().filter(|it| it.health == Health::Failed).map(|it| it.name).collect();
    if !failures.is_empty() {
        bail!("{} of {} checks failed: {}", failures.len(), checks.len(), failures.join(", "));
    }
    match checks.iter().all(|it| it.health == Health::Ok) {
        true => Ok(CommandOutcome::Done),
        false => Ok(CommandOutcome::SomeRejected),
    }
}

fn examine(args: &DoctorArgs, context: &Context) -> anyhow::Result<Vec<Check>> {
    let target = args.target.checked()?;
    let mut session = args.session.options();
    session.region = session.region.or_else(|| target.region().map(str::to_owned));
    let wish = DoctorWish {
        organization: args.organization.clone(),
        log_group: target.log_group,
        role: target.role,
        now: context.now,
        zone: context.zone.clone(),
        store: store_view(context)?,
    };
    match Services::open(&session) {
        Ok(services) => Ok(services.wait_for(services.examine(&wish))),
        // Missing credentials or a missing region are a finding like others.
        Err(error) => Ok(unopened(&error)),
    }
}

fn store_view(context: &Context) -> anyhow::Result<StoreView> {
    let path = context.store_path()?;
    let (pulls, directory) = match Store::open(&path) {
        Ok(store) => (Ok(store.checkpoint().ledger.pulls.clone()), store.directory()),
        // Before the first pull there is no store, which is normal.
        Err(StoreError::NoStore { .. }) => (Ok(Pulls::default()), None),
        Err(error) => (Err(crate::cli::output::chain(&error)), None),
    };
    Ok(StoreView { path: path.display().to_string(), pulls, directory })
}

fn review(args: &DoctorArgs) -> anyhow::Result<Vec<Check>> {
    let target = args.target.checked()?;
    let read = |path: &Option<PathBuf>| {
        path.as_deref().map(|it| Ok::<_, anyhow::Error>(Policy::parse(&read(it)?))).transpose()
    };
    let region = args.session.region.as_deref().map(names::region).transpose()?;
    let account = args.account.as_deref().map(names::account).transpose()?;
    let (log_group, arn) = target.log_group.unzip();
    let arn = arn.flatten();
    let wish = LintWish {
        trust: read(&args.trust_policy)?,
        role: read(&args.role_policy)?,
        given: Given {
            organization: args.organization.clone().filter(|it| names::is_organization_id(it)),
            region: region.or_else(|| arn.as_ref().map(|it| it.region.clone())),
            account: account.or_else(|| arn.map(|it| it.account)),
            log_group,
            role: target.role,
        },
    };
    Ok(lint(&wish))
}

/// Reads a file that is no larger than a policy can be.
fn read(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let file = open_text(path).map_err(|error| crate::cli::args::ids::named(error, path))?;
    let mut text = String::new();
    let length = file.take(limits::POLICY_BYTES_MAX + 1).read_to_string(&mut text);
    if length.with_context(cannot)? as u64 > limits::POLICY_BYTES_MAX {
        bail!("{} is too long for a policy: check the path", path.display());
    }
    Ok(text)
}
