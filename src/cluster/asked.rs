//! The events of a cluster, as whoever traces messages wants them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Cluster;
use super::document::keyword;
use super::error::ClusterError;
use super::meta::Meta;
use super::names::{Kind, Names};
use crate::event::Parser;
use crate::limits;
use crate::store::{Coverage, Location, Record, StoredEvent};
use crate::time::Timestamp;
use crate::trace::{EventsByKey, JoinRules, TraceKey};

/// What a cluster has of one organization, for questions.
pub struct ClusterEvents<'c> {
    cluster: &'c Cluster,
    names: Names,
    organization: String,
    meta: Meta,
    parser: Parser,
    /// What was found and not yet asked for.
    found: HashMap<Location, StoredEvent>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source")]
    source: Source,
    sort: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    #[serde(default)]
    place: i64,
    at: Value,
    #[serde(default)]
    is_time_approximate: bool,
    ingested_at: Option<Value>,
    log_group: Option<String>,
    log_stream: Option<String>,
    event_id: Option<String>,
    original: String,
}

/// Events that are looked up at once for one key, beyond which a trace has enough: it may have to
/// pass over those that it has.
const KEY_EVENTS_MAX: usize = 2 * limits::TRACE_EVENTS_MAX;

impl<'c> ClusterEvents<'c> {
    /// What a cluster has of an organization.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NoOrganization`] where nothing of it was published, and the others.
    pub fn of(
        cluster: &'c Cluster,
        names: &Names,
        organization: &str,
    ) -> Result<Self, ClusterError> {
        let meta = cluster.meta(names, organization)?.meta.filter(|it| it.commit > 0);
        let meta = meta.ok_or_else(|| ClusterError::NoOrganization {
            organization: organization.to_owned(),
            url: cluster.url().to_owned(),
        })?;
        Ok(Self {
            cluster,
            names: names.clone(),
            organization: organization.to_owned(),
            meta,
            parser: Parser::new(),
            found: HashMap::new(),
        })
    }

    /// What outcomes depend on besides the events, with a grace time in milliseconds.
    #[must_use]
    pub fn rules(&self, grace_ms: i64) -> JoinRules {
        let newest = self.meta.newest.and_then(Timestamp::from_ms);
        JoinRules { grace_ms, newest, ..JoinRules::default() }
    }

    /// What was looked at by the store that publishes it.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let coverage = self.meta.coverage.clone();
        coverage.and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default()
    }

    /// Whether records were removed on purpose from the store that publishes it.
    #[must_use]
    pub fn has_removals(&self) -> bool {
        self.meta.removals > 0
    }

    fn stored(&mut self, source: Source) -> Result<StoredEvent, ClusterError> {
        let unreadable = |detail: String| ClusterError::Incomprehensible {
            call: format!("POST /{}/_search", self.names.alias(Kind::Events)),
            detail,
        };
        let event = self.parser.parse(&source.original);
        let event = event.map_err(|error| unreadable(error.to_string()))?.into_owned();
        let timestamp = instant(&source.at);
        let record = Record {
            log_group: source.log_group.map(Into::into),
            log_stream: source.log_stream.map(Into::into),
            event_id: source.event_id.map(Into::into),
            timestamp: timestamp.ok_or_else(|| unreadable("an event without a time".to_owned()))?,
            is_time_approximate: source.is_time_approximate,
            ingestion_time: source.ingested_at.as_ref().and_then(instant),
            message: source.original.into(),
        };
        Ok(StoredEvent { record, event })
    }
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
                // The order of the archive, as in the store.
                "sort": [{"place": "asc"}],
            });
            if let (Some(after), Value::Object(query)) = (&after, &mut query) {
                query.insert("search_after".to_owned(), after.clone());
            }
            let found = self.cluster.search(&self.names, Kind::Events, "_search", &query)?;
            let hits = found.and_then(|mut it| it.pointer_mut("/hits/hits").map(Value::take));
            let Some(hits) = hits else { break };
            let hits: Vec<Hit> = serde_json::from_value(hits).map_err(|error| {
                let call = format!("POST /{}/_search", self.names.alias(Kind::Events));
                ClusterError::Incomprehensible { call, detail: error.to_string() }
            })?;
            let count = hits.len();
            for hit in hits {
                let place = Location::from_bits(hit.source.place.cast_unsigned());
                after = Some(hit.sort);
                let event = self.stored(hit.source)?;
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
        // Only what was found is asked for, and that once.
        self.found.remove(&place).ok_or_else(|| ClusterError::Incomprehensible {
            call: format!("POST /{}/_search", self.names.alias(Kind::Events)),
            detail: "an event was asked for that was not found".to_owned(),
        })
    }
}

fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse_log_form(text),
        other => other.as_i64().and_then(Timestamp::from_ms),
    }
}
