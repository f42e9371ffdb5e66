//! The options that name a cluster and the credentials for it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::aws::SessionOptions;
use crate::cli::args::input::{AskedStore, InputArgs};
use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::progress::ShownProgress;
use crate::cli::saved;
use crate::cluster::{Cluster, ClusterOptions, Mirror, Names};
use crate::config::{ClusterConfig, Config};
use crate::ingest::temporary_directory;
use crate::limits;
use crate::shell::quoted;
use crate::time::{Timestamp, parse_duration_ms};
use crate::timeline::AuditReach;
use crate::trace::Reach;

const HEADING: &str = "OpenSearch, with --cluster";

/// As whom to go to a cluster, and what it calls things. The configuration file may say the same,
/// under `[cluster]`.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// User of the cluster
    #[arg(long = "user", hide_short_help = true, help_heading = HEADING, value_name = "NAME", conflicts_with = "aws")]
    cluster_user: Option<String>,
    /// The user's password is the first line of this file
    #[arg(long, hide_short_help = true, help_heading = HEADING, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Trust the authorities in this PEM file, not the system's
    #[arg(long, hide_short_help = true, help_heading = HEADING, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Sign requests with your AWS credentials, for a managed domain
    #[arg(long, hide_short_help = true, help_heading = HEADING)]
    aws: bool,
    /// With --aws, profile of the AWS configuration [default: AWS_PROFILE]
    #[arg(long, hide_short_help = true, help_heading = HEADING, value_name = "NAME", requires = "aws", value_parser = NonEmptyStringValueParser::new())]
    profile: Option<String>,
    /// With --aws, the domain's region [default: AWS_REGION, else the profile's]
    #[arg(long, hide_short_help = true, help_heading = HEADING, value_name = "REGION", requires = "aws", value_parser = NonEmptyStringValueParser::new())]
    region: Option<String>,
    /// What the names of the indices begin with [default: mailtrace]
    #[arg(long, hide_short_help = true, help_heading = HEADING, value_name = "WORD")]
    index_prefix: Option<String>,
    /// Give up when the cluster takes nothing for this long [default: 5m]
    #[arg(long = "timeout", hide_short_help = true, help_heading = HEADING, value_name = "DURATION")]
    cluster_timeout: Option<String>,
}

/// An organization in a cluster.
pub(crate) struct ClusterTarget {
    pub(crate) cluster: Cluster,
    pub(crate) names: Names,
    pub(crate) organization: String,
}

impl ClusterArgs {
    /// Fails if a password has no user.
    pub(crate) fn check_password(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.password_file.is_none() || self.cluster_user.is_some(),
            "--password-file: name the user it belongs to with --user"
        );
        Ok(())
    }

    /// The file with another password than the cluster's: without a user it belongs to the
    /// signing key.
    pub(crate) fn other_password_file(&self) -> Option<PathBuf> {
        self.password_file.clone().filter(|_| self.cluster_user.is_none())
    }

    /// The names of the indices.
    pub(crate) fn names(&self, config: &ClusterConfig) -> anyhow::Result<Names> {
        let prefix = self.index_prefix.as_deref().or(config.index_prefix.as_deref());
        Ok(Names::with_prefix(prefix.unwrap_or(Names::PREFIX_DEFAULT))?)
    }

    /// The cluster to publish to, and its configuration.
    pub(crate) fn open(&self, context: &Context) -> anyhow::Result<(Cluster, ClusterConfig)> {
        let config = config()?;
        let url = context.global.cluster.clone().or_else(named).or_else(|| config.url.clone());
        let url = url.context("name the cluster with --cluster URL, or in MAILTRACE_CLUSTER")?;
        let config = config.of(&url);
        Ok((self.connect(url, &config)?, config))
    }

    /// The address of the cluster that answers instead of a store, if one does: from the command
    /// line, else the environment, else the configuration file. A store or files that are named
    /// closer to the question win.
    pub(crate) fn url_of(
        &self,
        input: &InputArgs,
        context: &Context,
    ) -> anyhow::Result<Option<String>> {
        self.url_unless(input.is_given(), context)
    }

    fn url_unless(&self, has_files: bool, context: &Context) -> anyhow::Result<Option<String>> {
        let is_other_named = has_files || context.global.store.is_some();
        if let Some(url) = &context.global.cluster {
            anyhow::ensure!(
                !is_other_named,
                "--cluster: ask either the cluster or what --store or --input names, not both: leave one of them out"
            );
            return Ok(Some(url.clone()));
        }
        if is_other_named {
            return Ok(None);
        }
        let has_store = || std::env::var_os("MAILTRACE_STORE").is_some_and(|it| !it.is_empty());
        match named() {
            Some(url) => Ok(Some(url)),
            None if has_store() => Ok(None),
            None => Ok(config()?.url),
        }
    }

    /// The cluster that answers instead of a store, if one does.
    pub(crate) fn target(
        &self,
        input: &InputArgs,
        context: &Context,
    ) -> anyhow::Result<Option<ClusterTarget>> {
        self.target_unless(input.is_given(), context)
    }

    /// The same for commands that may take files, or not.
    pub(crate) fn target_unless(
        &self,
        has_files: bool,
        context: &Context,
    ) -> anyhow::Result<Option<ClusterTarget>> {
        let Some(url) = self.url_unless(has_files, context)? else {
            anyhow::ensure!(
                context.global.organization.is_none(),
                "--organization: it works only with a cluster: name one with --cluster URL"
            );
            return Ok(None);
        };
        let config = config()?.of(&url);
        let organization = context.global.organization.as_ref().or(config.organization.as_ref());
        let organization =
            organization.context("name the organization to ask for with --organization")?;
        let (names, cluster) = (self.names(&config)?, self.connect(url, &config)?);
        Ok(Some(ClusterTarget { cluster, names, organization: organization.clone() }))
    }

    fn connect(&self, url: String, config: &ClusterConfig) -> anyhow::Result<Cluster> {
        let timeout_ms = match &self.cluster_timeout {
            None => limits::CLUSTER_TIMEOUT_MS_DEFAULT,
            Some(text) => parse_duration_ms(text)
                .filter(|it| *it > 0)
                .with_context(|| format!("--timeout {text}: give a duration such as 30s or 5m"))?,
        };
        // Credentials on the command line replace all of the file's, which may be another user's.
        let is_said = self.cluster_user.is_some() || self.aws;
        let said = |given: &Option<String>, kept: &Option<String>| {
            given.clone().or_else(|| kept.clone().filter(|_| !is_said))
        };
        let user = said(&self.cluster_user, &config.user);
        let password_file = self
            .password_file
            .clone()
            .or_else(|| config.password_file.clone().filter(|_| !is_said));
        let user = match user {
            Some(user) => {
                let file = password_file.context(
                    "--user: give --password-file too, a file whose first line is the password",
                )?;
                Some((user, file))
            }
            None => None,
        };
        let is_signed = self.aws || (config.aws && !is_said);
        anyhow::ensure!(
            user.is_none() || !is_signed,
            "[cluster] sets both user and aws: keep one of them"
        );
        Ok(Cluster::open(&ClusterOptions {
            url,
            user,
            authorities: self.ca.clone().or_else(|| config.ca.clone()),
            aws: is_signed.then(|| SessionOptions {
                profile: said(&self.profile, &config.profile),
                region: said(&self.region, &config.region),
                endpoint_url: None,
            }),
            timeout_ms: u64::try_from(timeout_ms).unwrap_or(0),
        })?)
    }

    /// The options by which another command asks the same cluster.
    pub(crate) fn as_typed(&self, context: &Context) -> String {
        let mut typed = String::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                typed.push_str(&format!(" --{name} {}", quoted(&value)));
            }
        };
        let path = |it: &Option<PathBuf>| it.as_ref().map(|it| it.display().to_string());
        add("cluster", context.global.cluster.clone());
        add("organization", context.global.organization.clone());
        add("user", self.cluster_user.clone());
        add("password-file", path(&self.password_file));
        add("ca", path(&self.ca));
        add("profile", self.profile.clone());
        add("region", self.region.clone());
        add("index-prefix", self.index_prefix.clone());
        if self.aws {
            typed.push_str(" --aws");
        }
        typed
    }
}

/// The cluster in the environment.
fn named() -> Option<String> {
    std::env::var("MAILTRACE_CLUSTER").ok().filter(|it| !it.is_empty())
}

/// The cluster's part of the configuration file.
fn config() -> anyhow::Result<ClusterConfig> {
    // Without a home directory there is no such file either.
    let Ok(path) = saved::config_path() else { return Ok(ClusterConfig::default()) };
    Ok(Config::read(&path)?.cluster)
}

impl ClusterTarget {
    /// A temporary store of the events that a question can be about.
    pub(crate) fn mirror(
        &self,
        context: &Context,
        reach: impl FnOnce(Option<Timestamp>) -> anyhow::Result<Reach>,
    ) -> anyhow::Result<AskedStore> {
        let dir = temporary_directory()?;
        // Registered before it is filled, and the point in time as soon as it is open, so that a
        // stop leaves neither behind.
        context.leftovers.add(dir.path())?;
        let mut mirror = Mirror::of(&self.cluster, &self.names, &self.organization)?;
        context.leftovers.add_release(mirror.release())?;
        let reach = reach(mirror.measure(context.now)?)?;
        if reach.with_messages && mirror.lacks_directory() && !context.global.quiet {
            output::note(
                "the publishing store has a directory, which decides what is a group and what is internal; the cluster has none, and answers unclear",
            );
        }
        let progress = ShownProgress::new(context);
        let store = mirror.fill(dir.path(), &reach, &mut |it| progress.fetching(it))?;
        drop(progress);
        Ok(AskedStore::temporary(store, dir))
    }

    /// The same for a question about audit events, people or the directory.
    pub(crate) fn audit_mirror(
        &self,
        context: &Context,
        reach: &AuditReach<'_>,
    ) -> anyhow::Result<AskedStore> {
        let dir = temporary_directory()?;
        context.leftovers.add(dir.path())?;
        let mirror = Mirror::of(&self.cluster, &self.names, &self.organization)?;
        let mut mirror = mirror.with_audit_events()?;
        context.leftovers.add_release(mirror.release())?;
        mirror.measure(context.now)?;
        if mirror.lacks_directory() && !context.global.quiet {
            output::note(
                "the publishing store has a directory, which names people and groups; what it publishes is redacted and lacks it",
            );
        }
        let progress = ShownProgress::new(context);
        let store = mirror.fill_with(dir.path(), None, reach, &mut |it| progress.fetching(it))?;
        drop(progress);
        Ok(AskedStore::temporary(store, dir))
    }
}
