//! The records of an organization's directory in a cluster. All are fetched, for they are few.

use serde_json::{Value, json};

use super::client::Cluster;
use super::error::ClusterError;
use super::fetch::of_organization;
use super::hit::{Source, hits};
use super::names::{DocumentKind, Names};
use crate::limits;

impl Cluster {
    /// The records of an organization's directory, the oldest first.
    pub(super) fn statements(
        &self,
        names: &Names,
        organization: &str,
    ) -> Result<Vec<Source>, ClusterError> {
        let call = format!("POST /{}/_search", names.alias(DocumentKind::Directory));
        let mut statements = Vec::new();
        let mut body = json!({
            "size": limits::CLUSTER_MIRROR_PAGE,
            "track_total_hits": false,
            "query": of_organization(organization, None),
            "_source": Source::FIELDS,
            "sort": [{"at": "asc"}, {"place": "asc"}, {"identity": "asc"}],
        });
        loop {
            let found = self.search(names, DocumentKind::Directory, "_search", &body)?;
            let Some(found) = found else { return Ok(statements) };
            let hits = hits(found, &call)?;
            let count = hits.len();
            for hit in hits {
                if let Value::Object(body) = &mut body {
                    body.insert("search_after".to_owned(), hit.sort);
                }
                statements.push(hit.source);
            }
            if count < limits::CLUSTER_MIRROR_PAGE {
                return Ok(statements);
            }
        }
    }
}
