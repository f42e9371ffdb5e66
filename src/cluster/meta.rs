//! Who publishes an organization, and how far the cluster has it.

use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{Cluster, ContentType};
use super::document::digest;
use super::error::ClusterError;
use super::names::Names;
use crate::store::Coverage;
use crate::time::Timestamp;

/// What the cluster says of an organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) organization: String,
    /// The name of the store that publishes it.
    pub(super) store: String,
    /// The run that wrote this, so that it knows its own.
    pub(super) publisher: String,
    /// The greatest number under which something may have been written.
    pub(super) reserved: u64,
    /// The number up to which everything is there.
    pub(super) commit: u64,
    /// The newest email event, in milliseconds since 1970: what is pending is told by it.
    pub(super) newest: Option<i64>,
    /// When that was, in milliseconds since 1970.
    pub(super) published: Option<i64>,
    /// How many removals the store had had.
    pub(super) removals: u64,
    pub(super) coverage: Option<Coverage>,
    /// What is redacted, and by which key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redaction: Option<String>,
    /// Whether the store knows who has which address.
    #[serde(default)]
    pub(super) has_directory: bool,
    /// How many records of the store are no email events; nothing where an earlier build published
    /// it, which sent none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) others: Option<u64>,
    /// How many of them are audit events.
    #[serde(default)]
    pub(super) access: u64,
    /// Whether nothing was left out for its time.
    #[serde(default)]
    pub(super) whole: bool,
    /// Whether what the directory says is left out, as it is of what is redacted.
    #[serde(default)]
    pub(super) lacks_directory: bool,
}

impl Meta {
    /// Whether the directory is in the cluster.
    pub(super) fn tells_directory(&self) -> bool {
        self.has_directory && self.others.is_some() && !self.lacks_directory
    }
}

/// The same, with what changes whenever somebody writes it.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) meta: Option<Meta>,
    place: Option<(u64, u64)>,
}

#[derive(Deserialize)]
struct Got {
    #[serde(default)]
    found: bool,
    #[serde(rename = "_seq_no")]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<u64>,
    #[serde(rename = "_source")]
    source: Option<Meta>,
}

/// What was published of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedState {
    /// The number of the publication.
    pub commit: u64,
    /// The newest email event that the clock allowed.
    pub newest: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Root {
    cluster_uuid: String,
}

impl Cluster {
    /// What tells this cluster from others, whatever its address.
    pub(super) fn identity(&self) -> Result<String, ClusterError> {
        let root: Root = self.ask(&Method::GET, "/", &Value::Null)?;
        Ok(root.cluster_uuid)
    }

    /// What the cluster says of an organization.
    pub(super) fn meta(&self, names: &Names, organization: &str) -> Result<Known, ClusterError> {
        let path = path(names, organization, "_doc");
        let answer = self.call(&Method::GET, &path, ContentType::Json, &Default::default())?;
        if answer.status == 404 {
            return Ok(Known::default());
        }
        let got: Got = answer.checked(self)?.json()?;
        let place = got.seq_no.zip(got.primary_term);
        Ok(Known { meta: got.source.filter(|_| got.found), place })
    }

    /// What was published of an organization.
    pub fn published_state(
        &self,
        names: &Names,
        organization: &str,
    ) -> Result<PublishedState, ClusterError> {
        let meta = self.published(names, organization)?;
        let newest = meta.newest.and_then(Timestamp::from_ms);
        Ok(PublishedState { commit: meta.commit, newest })
    }

    /// The same of an organization that was published.
    pub(super) fn published(
        &self,
        names: &Names,
        organization: &str,
    ) -> Result<Meta, ClusterError> {
        let meta = self.meta(names, organization)?.meta.filter(|it| it.commit > 0);
        meta.ok_or_else(|| ClusterError::NoOrganization {
            organization: organization.to_owned(),
            url: self.url().to_owned(),
        })
    }

    /// Writes it, unless somebody else has written it meanwhile.
    pub(super) fn write_meta(
        &self,
        names: &Names,
        known: &mut Known,
        meta: Meta,
    ) -> Result<(), ClusterError> {
        let path = match known.place {
            Some((seq_no, term)) => {
                let path = path(names, &meta.organization, "_doc");
                format!("{path}?if_seq_no={seq_no}&if_primary_term={term}")
            }
            None => path(names, &meta.organization, "_create"),
        };
        let body = json!(meta).to_string().into_bytes();
        let answer = self.call(&Method::PUT, &path, ContentType::Json, &body.into())?;
        if answer.status == 409 {
            // It may be our own, of an answer that was lost.
            let written = self.meta(names, &meta.organization)?;
            if written.meta.as_ref() != Some(&meta) {
                return Err(ClusterError::Raced { organization: meta.organization });
            }
            *known = written;
            return Ok(());
        }
        let got: Got = answer.checked(self)?.json()?;
        *known = Known { meta: Some(meta), place: got.seq_no.zip(got.primary_term) };
        Ok(())
    }
}

fn path(names: &Names, organization: &str, what: &str) -> String {
    format!("/{}/{what}/{}", names.meta(), digest(&[organization.as_bytes()]))
}
