//! The events of a cluster, as tracing reads them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::client::Cluster;
use super::document::keyword;
use super::error::ClusterError;
use super::hit::{Source, hits};
use super::meta::Meta;
use super::names::{DocumentKind, Names};
use crate::directory::{DirectoryBuilder, LazyDirectory};
use crate::event::Parser;
use crate::limits;
use crate::store::{Coverage, Location, StoredEvent};
use crate::time::Timestamp;
use crate::trace::{EventsByKey, JoinRules, TraceKey};

/// The events of one organization in a cluster.
pub struct ClusterEvents<'c> {
    cluster: &'c Cluster,
    names: Names,
    organization: String,
    meta: Meta,
    directory: Option<LazyDirectory>,
    parser: Parser,
    /// Events that were found and not yet asked for.
    found: HashMap<Location, StoredEvent>,
}

/// The events looked up at once for one key, after which a trace has enough. More than a trace
/// holds, because some of them may be in it already.
const KEY_EVENTS_MAX: usize = 2 * limits::TRACE_EVENTS_MAX;

impl<'c> ClusterEvents<'c> {
    /// Reads what the cluster says of an organization, and its directory.
    pub fn of(
        cluster: &'c Cluster,
        names: &Names,
        organization: &str,
    ) -> Result<Self, ClusterError> {
        let meta = cluster.published(names, organization)?;
        let directory = match meta.tells_directory() {
            true => directory(cluster.statements(names, organization)?),
            false => None,
        };
        Ok(Self {
            directory,
            cluster,
            names: names.clone(),
            organization: organization.to_owned(),
            meta,
            parser: Parser::new(),
            found: HashMap::new(),
        })
    }

    /// The rules of the join, with a grace time in milliseconds.
    pub fn rules(&self, grace_ms: i64) -> JoinRules {
        let newest = self.meta.newest.and_then(Timestamp::from_ms);
        JoinRules { grace_ms, newest, directory: self.directory.clone() }
    }

    /// The number of audit events and directory records in the store that publishes it.
    pub fn other_records(&self) -> u64 {
        self.meta.others.unwrap_or(0)
    }

    /// The coverage of the store that publishes it.
    pub fn coverage(&self) -> Coverage {
        self.meta.coverage.clone().unwrap_or_default()
    }

    /// True if records were removed on purpose from the store that publishes it.
    pub fn has_removals(&self) -> bool {
        self.meta.removals > 0
    }

    pub(super) fn organization(&self) -> &str {
        &self.organization
    }

    /// Searches all events; `None` if there is no index.
    pub(super) fn search(&self, body: &Value) -> Result<Option<Value>, ClusterError> {
        self.cluster.search(&self.names, DocumentKind::Events, "_search", body)
    }

    fn stored(&mut self, source: Source) -> Result<StoredEvent, ClusterError> {
        let unreadable = |detail: String| ClusterError::Incomprehensible {
            call: format!("POST /{}/_search", self.names.alias(DocumentKind::Events)),
            detail,
        };
        let record = source.into_record();
        let record = record.ok_or_else(|| unreadable("an event without a time".to_owned()))?;
        let event = self.parser.parse(&record.message);
        let event = event.map_err(|error| unreadable(error.to_string()))?.into_owned();
        Ok(StoredEvent { record, event })
    }
}

/// Builds a directory from its records; `None` if none of them can be read.
fn directory(statements: Vec<Source>) -> Option<LazyDirectory> {
    let mut builder = DirectoryBuilder::default();
    let mut is_any = false;
    for record in statements.into_iter().filter_map(Source::into_record) {
        is_any |= builder.add(record.timestamp, &record.message);
    }
    is_any.then(|| Arc::new(builder.build()).into())
}

impl EventsByKey for ClusterEvents<'_> {
    type Error = ClusterError;

    fn places(&mut self, key: &TraceKey, limit: usize) -> Result<Vec<Location>, ClusterError> {
        let (field, value) = match key {
            TraceKey::Trace(id) if id.is_empty() => return Ok(Vec::new()),
            TraceKey::Trace(id) => ("traceId", id.as_str()),
            TraceKey::Message(id) => ("messageId", id.as_str()),
        };
        let limit = limit.min(KEY_EVENTS_MAX);
        let mut places = Vec::new();
        let mut after: Option<Value> = None;
        while places.len() < limit {
            let size = limits::CLUSTER_PAGE.min(limit - places.len());
            let mut query = json!({
                "size": size,
                "track_total_hits": false,
                "query": {"bool": {"filter": [
                    {"term": {"organization": self.organization}},
                    {"term": {field: keyword(value)}},
                ]}},
                // The order of the archive, in which the store answers as well.
                "sort": [{"place": "asc"}],
            });
            if let (Some(after), Value::Object(query)) = (&after, &mut query) {
                query.insert("search_after".to_owned(), after.clone());
            }
            let Some(found) = self.search(&query)? else { break };
            let call = format!("POST /{}/_search", self.names.alias(DocumentKind::Events));
            let hits = hits(found, &call)?;
            let count = hits.len();
            for hit in hits {
                let place = hit.source.place();
                after = Some(hit.sort);
                let event = self.stored(hit.source)?;
                // Kept, because the join asks for each place next: one search serves both.
                self.found.insert(place, event);
                places.push(place);
            }
            if count < size {
                break;
            }
        }
        Ok(places)
    }

    fn event(&mut self, place: Location) -> Result<StoredEvent, ClusterError> {
        // The join asks only for places it was given, and for each once.
        self.found.remove(&place).ok_or_else(|| ClusterError::Incomprehensible {
            call: format!("POST /{}/_search", self.names.alias(DocumentKind::Events)),
            detail: "a requested event was not found".to_owned(),
        })
    }
}
