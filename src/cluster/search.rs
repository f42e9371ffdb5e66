//! Searches over the indices of a kind.

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Response;
use super::bulk::Bulk;
use super::client::{Cluster, ContentType};
use super::error::ClusterError;
use super::names::{DocumentKind, Names};
use super::view::CALL;
use crate::limits;

#[derive(Deserialize)]
struct Searched {
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
}

#[derive(Deserialize)]
struct Counted {
    count: u64,
}

impl Cluster {
    /// Makes written documents visible to searches.
    pub(super) fn refresh(&self, names: &Names, kind: DocumentKind) -> Result<(), ClusterError> {
        let path = format!("/{}/_refresh", names.alias(kind));
        let answer = self.call(&Method::POST, &path, ContentType::Json, &Default::default())?;
        // There is no index yet.
        if answer.status == 404 { Ok(()) } else { answer.checked(self).map(drop) }
    }

    /// Searches all indices of a kind; `None` if there is none.
    pub(super) fn search(
        &self,
        names: &Names,
        kind: DocumentKind,
        what: &str,
        body: &Value,
    ) -> Result<Option<Value>, ClusterError> {
        let path = format!("/{}/{what}", names.alias(kind));
        let body = body.to_string().into_bytes();
        let answer = self.call(&Method::POST, &path, ContentType::Json, &body.into())?;
        if answer.status == 404 {
            return Ok(None);
        }
        whole(answer, self).map(Some)
    }

    /// The number of an organization's documents of a kind.
    pub(super) fn count(
        &self,
        names: &Names,
        kind: DocumentKind,
        organization: &str,
    ) -> Result<u64, ClusterError> {
        let query = json!({"query": {"term": {"organization": organization}}});
        let Some(counted) = self.search(names, kind, "_count", &query)? else { return Ok(0) };
        let call = || format!("POST /{}/_count", names.alias(kind));
        let counted = Counted::deserialize(counted);
        Ok(counted
            .map_err(|_| ClusterError::SomethingElse { call: call(), than: "a count" })?
            .count)
    }

    /// Removes documents with a smaller number, of those that a query finds.
    pub(super) fn remove_older(
        &self,
        names: &Names,
        kind: DocumentKind,
        commit: u64,
        which: Option<&Value>,
        bulk: &mut Bulk<'_>,
    ) -> Result<(), ClusterError> {
        let mut filters = vec![
            json!({"term": {"organization": bulk.organization()}}),
            json!({"range": {"commit": {"lt": commit}}}),
        ];
        filters.extend(which.cloned());
        let query = json!({
            "size": limits::CLUSTER_PAGE,
            "_source": false,
            "track_total_hits": false,
            "query": {"bool": {"filter": filters}},
        });
        loop {
            let Some(found) = self.search(names, kind, "_search", &query)? else { return Ok(()) };
            let found = Searched::deserialize(found).map_err(|error| {
                let call = format!("POST /{}/_search", names.alias(kind));
                ClusterError::Incomprehensible { call, detail: error.to_string() }
            })?;
            debug_assert!(!found.timed_out && found.shards.failed == 0);
            let count = found.hits.hits.len();
            for hit in found.hits.hits {
                bulk.remove(hit.index, hit.id)?;
            }
            let before = (bulk.tally.removed, bulk.tally.foreign.count);
            bulk.flush()?;
            if count < limits::CLUSTER_PAGE
                // Nothing more to find, or the page changed nothing: it would be found again for
                // ever.
                || before == (bulk.tally.removed, bulk.tally.foreign.count)
            {
                return Ok(());
            }
            // Without it the next search finds the removed documents again.
            self.refresh(names, kind)?;
        }
    }
}

/// A page of a field's values, after a given one: [`VALUE`] points to each in its bucket.
pub(super) fn values_page(field: &str, size: usize, after: Option<Value>) -> Value {
    let mut values = json!({ "size": size, "sources": [{"value": {"terms": {"field": field}}}] });
    if let (Some(after), Value::Object(values)) = (after, &mut values) {
        values.insert("after".to_owned(), after);
    }
    values
}

/// The pointer to a bucket's value in [`values_page`].
pub(super) const VALUE: &str = "/key/value";

/// A page of an aggregation's buckets, and the value after which the next one begins.
pub(super) fn buckets(
    found: &mut Value,
    name: &str,
) -> Result<(Vec<Value>, Option<Value>), ClusterError> {
    #[derive(Deserialize)]
    struct Page {
        buckets: Vec<Value>,
        after_key: Option<Value>,
    }
    let page = found.get_mut("aggregations").and_then(|it| it.get_mut(name)).map(Value::take);
    let page = page.and_then(|it| Page::deserialize(it).ok()).ok_or_else(|| {
        ClusterError::SomethingElse { call: CALL.to_owned(), than: "a page of values" }
    })?;
    Ok((page.buckets, page.after_key))
}

/// The number of documents found.
pub(super) fn total(found: &Value) -> Result<u64, ClusterError> {
    let total = found.pointer("/hits/total/value").and_then(Value::as_u64);
    total.ok_or_else(|| ClusterError::SomethingElse { call: CALL.to_owned(), than: "a count" })
}

/// The answer, if it is whole: a part would be a wrong answer, so it is an error.
pub(super) fn whole(answer: Response, cluster: &Cluster) -> Result<Value, ClusterError> {
    let answer = answer.checked(cluster)?;
    let found: Value = answer.json()?;
    let failed = found.pointer("/_shards/failed").and_then(Value::as_u64);
    let failed = failed.ok_or_else(|| ClusterError::SomethingElse {
        call: answer.call.clone(),
        than: "how many shards failed",
    })?;
    let is_cut = found.get("timed_out") == Some(&Value::Bool(true));
    if failed > 0 || is_cut {
        let reason = found.pointer("/_shards/failures/0/reason/reason");
        let reason = reason.and_then(Value::as_str).unwrap_or("no reason given");
        return Err(ClusterError::Refused {
            call: answer.call,
            status: answer.status,
            reason: format!("{failed} shards have not answered: {reason}"),
        });
    }
    Ok(found)
}
