//! The meta document: who publishes an organization, and how far the cluster has it.

use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{Cluster, ContentType};
use super::document::digest;
use super::error::ClusterError;
use super::names::Names;
use crate::store::Coverage;
use crate::time::Timestamp;

/// The meta document of an organization.
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
    /// The newest email event, in milliseconds since 1970: it decides what is pending.
    pub(super) newest: Option<i64>,
    /// The time of the publication, in milliseconds since 1970.
    pub(super) published: Option<i64>,
    /// The number of removals the store had had.
    pub(super) removals: u64,
    pub(super) coverage: Option<Coverage>,
    /// The redaction, and a check of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redaction: Option<String>,
    /// True if the store has a directory.
    #[serde(default)]
    pub(super) has_directory: bool,
    /// The number of the store's records that are no email events; `None` if an earlier build
    /// published it, which sent none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) others: Option<u64>,
    /// The number of audit events among them.
    #[serde(default)]
    pub(super) access: u64,
    /// True if no event was left out for its time.
    #[serde(default)]
    pub(super) whole: bool,
    /// True if the directory is left out, because it is redacted.
    #[serde(default)]
    pub(super) lacks_directory: bool,
}

impl Meta {
    /// True if the directory is in the cluster.
    pub(super) fn tells_directory(&self) -> bool {
        self.has_directory && self.others.is_some() && !self.lacks_directory
    }
}

/// A meta document, with its version for compare and swap.
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

/// The state of an organization's publication.
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
    /// The cluster's ID, whatever its address.
    pub(super) fn identity(&self) -> Result<String, ClusterError> {
        let root: Root = self.ask(&Method::GET, "/", &Value::Null)?;
        Ok(root.cluster_uuid)
    }

    /// Reads the meta document of an organization.
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

    /// The state of an organization's publication.
    pub fn published_state(
        &self,
        names: &Names,
        organization: &str,
    ) -> Result<PublishedState, ClusterError> {
        let meta = self.published(names, organization)?;
        let newest = meta.newest.and_then(Timestamp::from_ms);
        Ok(PublishedState { commit: meta.commit, newest })
    }

    /// The meta document of an organization that was published.
    pub(super) fn published(
        &self,
        names: &Names,
        organization: &str,
    ) -> Result<Meta, ClusterError> {
        // A publication that was cut off before its end reserved a number, but has nothing whole
        // to ask.
        let meta = self.meta(names, organization)?.meta.filter(|it| it.commit > 0);
        meta.ok_or_else(|| ClusterError::NoOrganization {
            organization: organization.to_owned(),
            url: self.url().to_owned(),
        })
    }

    /// Writes the meta document, unless somebody else has written it in between.
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
            // `_create` fails if there is one, so that of two first publishers only one wins.
            None => path(names, &meta.organization, "_create"),
        };
        let body = json!(meta).to_string().into_bytes();
        let answer = self.call(&Method::PUT, &path, ContentType::Json, &body.into())?;
        if answer.status == 409 {
            // It may be our own write, whose answer was lost.
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
