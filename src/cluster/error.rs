//! Why a cluster was not asked, or did not take what it was given.

use std::path::PathBuf;

use crate::aws::AwsError;
use crate::export::ExportError;
use crate::limits;
use crate::store::StoreError;

/// Why a cluster was not asked, or did not take what it was given.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("{url} is not the address of a cluster: {reason}")]
    Address { url: String, reason: &'static str },
    #[error(
        "{url} is OpenSearch Serverless, which lacks what publishing relies on (versions of documents, refreshing): publish to a managed domain or to a cluster of your own"
    )]
    Serverless { url: String },
    #[error(
        "--index-prefix {prefix}: give lower-case letters, digits, - and _, beginning with a letter"
    )]
    Prefix { prefix: String },
    #[error("cannot use {}: {detail}", path.display())]
    File { path: PathBuf, detail: String },
    #[error(
        "{url} has not answered for {seconds} s ({detail}): check the address and the network; the same command continues from there"
    )]
    Unreachable { url: String, detail: String, seconds: u64 },
    #[error(
        "the certificate of {url} is not trusted ({detail}): give the authority's certificate with --ca, or use the host name that the certificate has"
    )]
    Certificate { url: String, detail: String },
    #[error("{url} refuses {call} (status {status}): {reason}: check user, password and role")]
    Denied { url: String, call: String, status: u16, reason: String },
    #[error(
        "what answers at {url} is not OpenSearch (status {status}: \"{excerpt}\"): check the address, and whether there is a proxy in front of it"
    )]
    NotACluster { url: String, status: u16, excerpt: String },
    #[error(
        "the cluster has accepted nothing for {seconds} s ({reason}): nothing is lost, and the same command continues from there; see --timeout"
    )]
    Busy { seconds: u64, reason: String },
    #[error(
        "the cluster has blocked {index} ({reason}), as it does when a disk is full, and waiting does not help: free some room there or add a node, remove the block with PUT {index}/_settings {{\"index.blocks.read_only_allow_delete\":null}}, and run the same command again: it continues from there"
    )]
    Blocked { index: String, reason: String },
    #[error("the cluster refuses {call} (status {status}): {reason}")]
    Refused { call: String, status: u16, reason: String },
    #[error(
        "the cluster answered {call} with something other than {than}: check whether a proxy in front of it changes answers"
    )]
    SomethingElse { call: String, than: &'static str },
    #[error("the cluster's answer to {call} cannot be read: {detail}")]
    Incomprehensible { call: String, detail: String },
    #[error(
        "the index {index} has {found} for {field}, where mailtrace's template has {expected}: somebody changed the mapping, or the index was made without the template; delete the index, check what `mailtrace publish --print-templates` prints, and run `mailtrace publish --again`"
    )]
    Mapping { index: String, field: String, expected: String, found: String },
    #[error(
        "the index {index} was made by an earlier version of mailtrace and lacks fields, and the cluster does not let mailtrace add them ({reason}): have somebody with that permission send PUT {index}/_mapping with {body}, and run the same command again"
    )]
    MissingFields { index: String, reason: String, body: String },
    #[error(
        "the audit events and the directory of {organization} are not published to {url} yet: run `mailtrace publish` with this version of mailtrace"
    )]
    NoOthers { organization: String, url: String },
    #[error(
        "the cluster has no index {alias}, though {organization} was published to it: somebody has deleted it; `mailtrace publish --again` creates it again"
    )]
    MissingIndex { alias: String, organization: String },
    #[error(
        "the organization {organization} is published to {url} by another store ({store}): publish from that one, or give --take-over to replace it with this one"
    )]
    OtherStore { organization: String, url: String, store: String },
    #[error(
        "{url} has nothing of the organization {organization}: check --organization and --index-prefix, or publish it first with `mailtrace publish`"
    )]
    NoOrganization { organization: String, url: String },
    #[error(
        "the question is about {count} events, and at most {} can be read from a cluster: narrow it with --since and --until, or ask the store",
        limits::CLUSTER_EVENTS_MAX
    )]
    TooManyEvents { count: u64 },
    #[error("another publication of {organization} has begun: let it finish, and run this again")]
    Raced { organization: String },
    #[error("{why}: run `mailtrace publish --again`, which sends everything and removes the rest")]
    OutOfStep { why: String },
    #[error(
        "{count} documents were written by somebody else and keep ours from being written ({named}): run `mailtrace publish --again`, which replaces them with ours"
    )]
    Foreign { count: usize, named: String, version: u64 },
    #[error("somebody else keeps writing to the indices ({named}): find out who")]
    NeverOurs { named: String },
    #[error(
        "{count} events of the store are not published yet: run `mailtrace publish` first, then --verify"
    )]
    NotPublished { count: u64 },
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("stopped: what was acknowledged is kept, and the same command continues from there")]
    Stopped,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl ClusterError {
    /// The error for another redaction than the published one.
    pub(super) fn other_redaction(published: Option<String>) -> Self {
        let published = published.unwrap_or_else(|| "nothing".to_owned());
        Self::OutOfStep {
            why: format!("the redaction has changed: it was {published} when this was published"),
        }
    }

    /// True if a later attempt may succeed.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Busy { .. })
    }
}
