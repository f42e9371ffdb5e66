//! Which cluster, and as whom to go there: the options of every command that asks one.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::aws::SessionOptions;
use crate::cluster::{Cluster, ClusterOptions, Names};
use crate::limits;
use crate::time::parse_duration_ms;

/// Where a cluster is, and as whom to go there.
#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    /// Address of an OpenSearch cluster
    ///
    /// Such as https://search.example:9200. Plain http goes to this machine only. `publish` takes
    /// MAILTRACE_CLUSTER where it is left out.
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    cluster: Option<String>,
    /// User of the cluster
    #[arg(long, value_name = "NAME", requires = "password_file", conflicts_with = "aws")]
    user: Option<String>,
    /// The user's password is the first line of this file
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Trust the authorities in this PEM file, not the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Sign requests with your AWS credentials, for a managed domain
    #[arg(long)]
    aws: bool,
    /// With --aws, profile of the AWS configuration [default: AWS_PROFILE]
    #[arg(long, hide_short_help = true, value_name = "NAME", requires = "aws", value_parser = NonEmptyStringValueParser::new())]
    profile: Option<String>,
    /// With --aws, the domain's region [default: AWS_REGION, else the profile's]
    #[arg(long, hide_short_help = true, value_name = "REGION", requires = "aws", value_parser = NonEmptyStringValueParser::new())]
    region: Option<String>,
    /// What the names of the indices begin with
    #[arg(long, hide_short_help = true, value_name = "WORD", default_value = Names::PREFIX_DEFAULT)]
    index_prefix: String,
    /// Give up when the cluster takes nothing for this long [default: 5m]
    #[arg(long, hide_short_help = true, value_name = "DURATION")]
    timeout: Option<String>,
}

impl ClusterArgs {
    /// Whether a cluster is named.
    pub(super) fn is_given(&self) -> bool {
        self.cluster.is_some()
    }

    /// What the indices are called.
    pub(super) fn names(&self) -> anyhow::Result<Names> {
        Ok(Names::with_prefix(&self.index_prefix)?)
    }

    /// The cluster, ready to be asked.
    pub(super) fn open(&self) -> anyhow::Result<Cluster> {
        let named = || std::env::var("MAILTRACE_CLUSTER").ok().filter(|it| !it.is_empty());
        let url = self.cluster.clone().or_else(named);
        let url = url.context("name the cluster with --cluster URL, or in MAILTRACE_CLUSTER")?;
        let timeout_ms = match &self.timeout {
            None => limits::CLUSTER_TIMEOUT_MS_DEFAULT,
            Some(text) => parse_duration_ms(text)
                .filter(|it| *it > 0)
                .with_context(|| format!("--timeout {text}: give a duration such as 30s or 5m"))?,
        };
        Ok(Cluster::open(&ClusterOptions {
            url,
            user: self.user.clone().zip(self.password_file.clone()),
            authorities: self.ca.clone(),
            aws: self.aws.then(|| SessionOptions {
                profile: self.profile.clone(),
                region: self.region.clone(),
                endpoint_url: None,
            }),
            timeout_ms: u64::try_from(timeout_ms).unwrap_or_default(),
        })?)
    }
}
