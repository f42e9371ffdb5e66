//! Why a cluster was not asked, or did not take what it was given.

use std::path::PathBuf;

use crate::aws::AwsError;
use crate::export::ExportError;
use crate::limits;
use crate::store::StoreError;

/// Why a cluster was not asked, or did not take what it was given.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// An address that cannot be one.
    #[error("{url} is no address of a cluster: {reason}")]
    Address {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// OpenSearch Serverless.
    #[error(
        "{url} is OpenSearch Serverless, which lacks what publishing leans on (versions of documents, refreshing): publish to a managed domain or to a cluster of your own"
    )]
    Serverless {
        /// As it was given.
        url: String,
    },
    /// A prefix of index names that cannot be one.
    #[error(
        "--index-prefix {prefix}: give lower-case letters, digits, - and _, beginning with a letter"
    )]
    Prefix {
        /// As it was given.
        prefix: String,
    },
    /// A file that was named is of no use.
    #[error("cannot use {}: {detail}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Nobody answers.
    #[error(
        "{url} does not answer ({detail}), for {seconds} s: check the address and the network; the same command goes on from there"
    )]
    Unreachable {
        /// The cluster.
        url: String,
        /// What happened.
        detail: String,
        /// How long it was tried.
        seconds: u64,
    },
    /// A certificate that nobody vouches for.
    #[error(
        "the certificate of {url} is not trusted ({detail}): name the authority's certificate with --ca, or the host as the certificate does"
    )]
    Certificate {
        /// The cluster.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The cluster, or what stands before it, does not let us.
    #[error("{url} refuses {call} (status {status}): {reason}: check user, password and role")]
    Denied {
        /// The cluster.
        url: String,
        /// What was asked.
        call: String,
        /// The status of HTTP.
        status: u16,
        /// In its words.
        reason: String,
    },
    /// Something else answers there.
    #[error(
        "what answers at {url} is no OpenSearch (status {status}: \"{excerpt}\"): check the address, and whether a proxy stands before it"
    )]
    NotACluster {
        /// The cluster.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// How the answer begins.
        excerpt: String,
    },
    /// It takes nothing for too long.
    #[error(
        "the cluster takes nothing more, for {seconds} s ({reason}): nothing is lost, and the same command goes on from there; see --timeout"
    )]
    Busy {
        /// How long it was tried.
        seconds: u64,
        /// In its words.
        reason: String,
    },
    /// An index that must not be written to, as a full disk has it.
    #[error(
        "the cluster has blocked {index} ({reason}), as it does when a disk is full, and waiting does not cure that: free some room there or add a node, take the block away with PUT {index}/_settings {{\"index.blocks.read_only_allow_delete\":null}}, and run the same command again: it goes on from there"
    )]
    Blocked {
        /// The index.
        index: String,
        /// In its words.
        reason: String,
    },
    /// It says that something cannot be done.
    #[error("the cluster refuses {call} (status {status}): {reason}")]
    Refused {
        /// What was asked.
        call: String,
        /// The status of HTTP.
        status: u16,
        /// In its words.
        reason: String,
    },
    /// An answer that is not what it should be.
    #[error("the cluster's answer to {call} cannot be read: {detail}")]
    Incomprehensible {
        /// What was asked.
        call: String,
        /// What is wrong with it.
        detail: String,
    },
    /// An index is not made as mailtrace makes it.
    #[error(
        "the index {index} has {found} for {field}, where mailtrace's template has {expected}: somebody changed the mapping, or the index was made without the template; delete the index, check what `mailtrace publish --print-templates` prints, and run `mailtrace publish --again`"
    )]
    Mapping {
        /// The index.
        index: String,
        /// The field, or the setting.
        field: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// An index that an earlier build has made lacks fields, and they could not be added.
    #[error(
        "the index {index} was made by an earlier version of mailtrace and lacks fields, and the cluster does not let us add them ({reason}): let somebody who may do so send PUT {index}/_mapping with {body}, and run the same command again"
    )]
    MissingFields {
        /// The index.
        index: String,
        /// In the cluster's words.
        reason: String,
        /// What to send.
        body: String,
    },
    /// The organization was published by a build that left something out.
    #[error(
        "the audit events and the directory of {organization} are not published to {url} yet: run `mailtrace publish` with this version of mailtrace"
    )]
    NoOthers {
        /// The organization.
        organization: String,
        /// The cluster.
        url: String,
    },
    /// What was published is not there.
    #[error(
        "the cluster has no index {alias}, though {organization} was published to it: somebody has deleted it; `mailtrace publish --again` makes it anew"
    )]
    MissingIndex {
        /// What the indices are called together.
        alias: String,
        /// The organization.
        organization: String,
    },
    /// The organization is published by another store.
    #[error(
        "the organization {organization} is published to {url} by another store ({store}): publish from that one, or say --take-over to have this one in its place"
    )]
    OtherStore {
        /// The organization.
        organization: String,
        /// The cluster.
        url: String,
        /// The name of the store.
        store: String,
    },
    /// Nothing of an organization is there.
    #[error(
        "{url} has nothing of the organization {organization}: check --organization and --index-prefix, or publish it first with `mailtrace publish`"
    )]
    NoOrganization {
        /// The organization.
        organization: String,
        /// The cluster.
        url: String,
    },
    /// A question is about too much.
    #[error(
        "the question is about {count} events, and at most {} are got from a cluster: narrow it with --since and --until, or ask the store",
        limits::CLUSTER_EVENTS_MAX
    )]
    TooManyEvents {
        /// How many.
        count: u64,
    },
    /// Somebody else publishes at the same time.
    #[error("another publication of {organization} has begun: let it finish, and run this again")]
    Raced {
        /// The organization.
        organization: String,
    },
    /// What the store remembers and what the cluster has do not go together.
    #[error("{why}: run `mailtrace publish --again`, which sends everything and removes the rest")]
    OutOfStep {
        /// Which of them is behind, and how that comes about.
        why: String,
    },
    /// Documents that somebody else has written.
    #[error(
        "{count} documents were written by somebody else, so that ours do not get past them ({named}): run `mailtrace publish --again`, which puts ours in their place"
    )]
    Foreign {
        /// How many.
        count: usize,
        /// The first of them, each with its index and version.
        named: String,
        /// The greatest version of them.
        version: u64,
    },
    /// Somebody goes on writing.
    #[error("somebody else writes to the indices all the time ({named}): find out who")]
    NeverOurs {
        /// Some of the documents.
        named: String,
    },
    /// It was asked to verify what is not there yet.
    #[error(
        "{count} events of the store are not published yet: run `mailtrace publish` first, then --verify"
    )]
    NotPublished {
        /// How many.
        count: u64,
    },
    /// A message that could not be redacted.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A wish to stop.
    #[error("stopped: what was acknowledged counts, and the same command goes on from there")]
    Stopped,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// AWS.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl ClusterError {
    /// That what was published was redacted otherwise, or not at all.
    pub(super) fn other_redaction(published: Option<String>) -> Self {
        let published = published.unwrap_or_else(|| "nothing".to_owned());
        Self::OutOfStep {
            why: format!(
                "what is redacted has changed: it was {published} when this was published"
            ),
        }
    }

    /// Whether it may go better by itself.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Busy { .. })
    }
}
