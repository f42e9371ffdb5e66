//! Finding IDs by a part of them, as people copy it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::asked::ClusterEvents;
use super::error::ClusterError;
use super::fetch::of_organization;
use super::lowered::escaped;
use super::search::{VALUE, buckets, values_page};
use crate::limits;
use crate::query::{IdCandidates, forms_of, id_part};

/// The beginning of an indexed value that was too long and is found by its hash alone.
const HASHED: &str = "sha256:";

impl ClusterEvents<'_> {
    /// Finds message IDs and trace IDs with a part, as
    /// [`ids_like`](crate::query::ids_like) does in a store.
    pub fn ids_like(&self, part: &str) -> Result<Option<IdCandidates>, ClusterError> {
        let found = self.ids_with_part(part)?;
        Ok(found.map(|(found, is_beginning)| IdCandidates::of(found, is_beginning)))
    }

    /// The same, with one more of each kind than are shown, and whether they begin with the part.
    pub fn ids_with_part(
        &self,
        part: &str,
    ) -> Result<Option<(BTreeSet<String>, bool)>, ClusterError> {
        let Some(part) = id_part(part) else { return Ok(None) };
        let begins = format!("{}*", escaped(&part));
        for (pattern, is_beginning) in [(begins.clone(), true), (format!("*{begins}"), false)] {
            // A beginning first: only if no ID has one are all values of the field scanned.
            let mut found = BTreeSet::new();
            for (field, is_message) in [("messageId", true), ("traceId", false)] {
                for id in self.ids_with(field, &pattern, &part)? {
                    found.insert(if is_message { format!("<{id}>") } else { id });
                }
            }
            if !found.is_empty() {
                return Ok(Some((found, is_beginning)));
            }
        }
        Ok(Some((BTreeSet::new(), false)))
    }

    /// The first matching values of a field, in order, and one more than are shown.
    fn ids_with(
        &self,
        field: &str,
        pattern: &str,
        part: &str,
    ) -> Result<Vec<String>, ClusterError> {
        let forms = forms_of(part);
        let such = json!({"wildcard": {field: {"value": pattern, "case_insensitive": true}}});
        let query = of_organization(self.organization(), Some(such));
        let (mut ids, mut after) = (Vec::new(), None::<Value>);
        loop {
            let values = values_page(field, limits::CLUSTER_IDS_PAGE, after);
            let body = json!({
                "size": 0,
                "track_total_hits": false,
                "query": query,
                "aggs": {"values": {"composite": values}},
            });
            let Some(mut found) = self.search(&body)? else { return Ok(ids) };
            let (values, next) = buckets(&mut found, "values")?;
            let id = |it: &Value| it.pointer(VALUE)?.as_str().map(str::to_owned);
            for id in values.iter().filter_map(id) {
                // The store finds the part as it was typed, or in one case; the cluster ignores
                // case.
                let is_found = forms.iter().any(|it| id.contains(it.as_str()));
                if is_found && !id.starts_with(HASHED) {
                    ids.push(id);
                }
                if ids.len() > limits::ID_CANDIDATES_MAX {
                    return Ok(ids);
                }
            }
            after = next;
            if after.is_none() {
                return Ok(ids);
            }
        }
    }
}
