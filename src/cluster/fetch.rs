//! Fetching the events a question can be about: those of a period, page by page, and then in
//! rounds those connected to them, until nothing new comes.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use serde_json::{Value, json};

use super::document::keyword;
use super::error::ClusterError;
use super::hit::{Source, hits};
use super::lowered::lowered;
use super::search::{VALUE, buckets, total, values_page};
use super::spool::{Spool, check};
use super::view::{CALL, View};
use crate::event::{EventName, domain_of};
use crate::limits;
use crate::store::Location;
use crate::time::{TimeRange, Timestamp};
use crate::trace::{Background, Reach, TraceKey, keys_of_id};

/// The fields of documents that connect events.
const FIELDS: [&str; 2] = ["traceId", "messageId"];

/// The names of actions that take mail away; a name that is too long is found by its hash alone.
const WAYS_AWAY: [&str; 5] = ["*drop*", "*bounce*", "*forward*", "*redirect*", "sha256:*"];

/// A fetch of email events.
pub(super) struct Fetch<'f, 'c, 'p> {
    view: &'f mut View<'c>,
    organization: String,
    spool: &'f mut Spool<'p>,
    /// The look-up of connected events, unless none is needed.
    connected: Option<Connected>,
}

/// The IDs that connect the fetched events.
#[derive(Default)]
struct Connected {
    places: HashSet<Location>,
    /// Hashes of the IDs that were met: 16 bytes each, whatever an ID's length. Senders choose
    /// the IDs, but do not know the random hash, so they cannot make two collide.
    met: HashSet<(u64, u64)>,
    hashers: (RandomState, RandomState),
    /// IDs to be looked up, by [`FIELDS`].
    pending: [Vec<String>; FIELDS.len()],
    /// A query whose events were all fetched, and which later rounds leave out.
    done: Option<Value>,
    /// True while the IDs of fetched events are not followed.
    is_paused: bool,
}

impl Connected {
    /// Queues an ID to be looked up, if it is new.
    fn take(&mut self, field: usize, id: String) {
        let hash = (self.hashers.0.hash_one((field, &id)), self.hashers.1.hash_one((field, &id)));
        if self.met.insert(hash)
            && let Some(pending) = self.pending.get_mut(field)
        {
            pending.push(id);
        }
    }

    /// The field with the most IDs to look up, and some of these IDs.
    fn next(&mut self, count_min: usize) -> Option<(&'static str, Vec<String>)> {
        let (field, pending) =
            FIELDS.into_iter().zip(&mut self.pending).max_by_key(|(_, it)| it.len())?;
        if pending.len() < count_min {
            return None;
        }
        let rest = pending.len().saturating_sub(limits::CLUSTER_TERMS_MAX);
        Some((field, pending.split_off(rest)))
    }
}

impl<'f, 'c, 'p> Fetch<'f, 'c, 'p> {
    /// Begins a fetch into a spool.
    pub(super) fn begin(
        view: &'f mut View<'c>,
        organization: &str,
        spool: &'f mut Spool<'p>,
    ) -> Self {
        Self { view, organization: organization.to_owned(), spool, connected: None }
    }

    /// Fetches all events a question can be about.
    pub(super) fn run(mut self, reach: &Reach) -> Result<(), ClusterError> {
        match &reach.ids {
            None => {
                let required = reach.required.iter().filter_map(lowered);
                let narrowed = required.max_by_key(|(narrowing, _)| *narrowing);
                let which = match narrowed {
                    // The event that fits may come later than the message's first one, which
                    // decides on the period.
                    Some((_, narrowed)) => {
                        let from = range_query(TimeRange { until: None, ..reach.range });
                        let filters: Vec<Value> = [narrowed].into_iter().chain(from).collect();
                        Some(json!({"bool": {"filter": filters}}))
                    }
                    None => range_query(reach.range),
                };
                let query = self.of_organization(which.clone());
                check_count(self.view, &query)?;
                if which.is_some() && reach.with_messages {
                    self.connected = Some(Connected { done: which, ..Connected::default() });
                }
                self.walk(&query, true)?;
                if let (Some(background), true) = (reach.background, self.connected.is_some()) {
                    self.take_background(background, reach.range)?;
                }
            }
            Some(ids) => {
                let mut connected = Connected::default();
                for key in ids.iter().flat_map(|it| keys_of_id(it)) {
                    let (field, id) = match key {
                        TraceKey::Trace(id) if id.is_empty() => continue,
                        TraceKey::Trace(id) => (0, id),
                        TraceKey::Message(id) => (1, id.as_str().to_owned()),
                    };
                    connected.take(field, keyword(&id).into_owned());
                }
                self.connected = Some(connected);
            }
        }
        self.look_up(1)
    }

    /// A query on the organization's events.
    fn of_organization(&self, which: Option<Value>) -> Value {
        of_organization(&self.organization, which)
    }

    /// Fetches the events that show how unusual a period is.
    fn take_background(
        &mut self,
        background: Background,
        range: TimeRange,
    ) -> Result<(), ClusterError> {
        // The messages of the period first, whole: the events fetched next are not followed.
        self.look_up(1)?;
        let before = range_query(TimeRange { since: None, ..range });
        let does = WAYS_AWAY.map(|it| json!({"wildcard": {"actions": {"value": it}}}));
        let rules = json!({"bool": {"should": does, "minimum_should_match": 1}});
        let mut filters = vec![rules];
        filters.extend(before);
        self.pause(!background.with_messages);
        self.walk(&self.of_organization(Some(json!({"bool": {"filter": filters}}))), true)?;
        self.pause(true);
        self.take_mailboxes()?;
        self.pause(false);
        Ok(())
    }

    /// Fetches for each domain one event that delivered to a mailbox there.
    fn take_mailboxes(&mut self) -> Result<(), ClusterError> {
        let delivered = json!({"term": {"eventName": EventName::MailboxEmailDelivered.as_str()}});
        let mut domains = HashSet::new();
        let mut after = None;
        loop {
            let (mailboxes, next) = self.mailboxes(&delivered, after)?;
            let address = |it: &Value| it.pointer(VALUE)?.as_str().map(str::to_owned);
            for address in mailboxes.iter().filter_map(address) {
                if domain_of(&address).is_some_and(|it| domains.insert(it.to_owned())) {
                    let to = json!({"term": {"recipients": address}});
                    let one = json!({"bool": {"filter": [delivered, to]}});
                    self.take_one(&self.of_organization(Some(one)))?;
                }
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// A page of the addresses to which something was delivered, after a given one.
    fn mailboxes(
        &mut self,
        delivered: &Value,
        after: Option<Value>,
    ) -> Result<(Vec<Value>, Option<Value>), ClusterError> {
        let mailboxes = values_page("recipients", limits::CLUSTER_MIRROR_PAGE, after);
        let body = json!({
            "size": 0,
            "track_total_hits": false,
            "query": self.of_organization(Some(delivered.clone())),
            "aggs": {"mailboxes": {"composite": mailboxes}},
        });
        self.view
            .search(&body)?
            .map_or_else(|| Ok((Vec::new(), None)), |mut it| buckets(&mut it, "mailboxes"))
    }

    /// Stops or resumes following the IDs of fetched events.
    fn pause(&mut self, is_paused: bool) {
        if let Some(connected) = &mut self.connected {
            connected.is_paused = is_paused;
        }
    }

    /// Fetches the first event that a query finds.
    fn take_one(&mut self, query: &Value) -> Result<(), ClusterError> {
        let Some(found) = self.view.search(&page(query, 1))? else { return Ok(()) };
        hits(found, CALL)?.into_iter().try_for_each(|it| self.take(it.source))
    }

    /// Looks up connected events while at least `count_min` IDs of one field wait.
    fn look_up(&mut self, count_min: usize) -> Result<(), ClusterError> {
        while let Some(connected) = &mut self.connected {
            let Some((field, ids)) = connected.next(count_min) else { break };
            let done = connected.done.clone();
            let mut query = self.of_organization(Some(json!({"terms": {field: ids}})));
            if let (Some(done), Some(Value::Object(all))) = (done, query.get_mut("bool")) {
                all.insert("must_not".to_owned(), json!([done]));
            }
            self.walk(&query, false)?;
        }
        Ok(())
    }

    /// Fetches all events that a query finds.
    fn walk(&mut self, query: &Value, looks_up: bool) -> Result<(), ClusterError> {
        let mut pages = Pages::of(query);
        while let Some(sources) = pages.next(self.view)? {
            sources.into_iter().try_for_each(|it| self.take(it))?;
            self.spool.tell()?;
            // Full batches are looked up on the way, so that waiting IDs take little memory; the
            // last ones wait for the end.
            if looks_up {
                self.look_up(limits::CLUSTER_TERMS_MAX)?;
            }
        }
        Ok(())
    }

    /// Adds an event, unless it is there.
    fn take(&mut self, mut source: Source) -> Result<(), ClusterError> {
        let place = source.place();
        if let Some(connected) = &mut self.connected {
            if !connected.places.insert(place) {
                return Ok(());
            }
            let ids = [source.trace_id.take(), source.message_id.take()];
            if !connected.is_paused {
                for (field, id) in ids.into_iter().enumerate() {
                    id.into_iter().for_each(|it| connected.take(field, it));
                }
            }
        }
        self.spool.take_mail(&source)
    }
}

/// Fails if there are too many events, before any of them is fetched.
pub(super) fn check_count(view: &mut View<'_>, query: &Value) -> Result<(), ClusterError> {
    let body = json!({"size": 0, "track_total_hits": true, "query": query});
    view.search(&body)?.map_or(Ok(()), |it| check(total(&it)?))
}

/// A query on an organization's events, or on some of them.
pub(super) fn of_organization(organization: &str, which: Option<Value>) -> Value {
    let organization = json!({"term": {"organization": organization}});
    let filters: Vec<Value> = [organization].into_iter().chain(which).collect();
    json!({"bool": {"filter": filters}})
}

/// All records that a query finds, page by page.
pub(super) struct Pages {
    /// The request for the next page; none after the last.
    body: Option<Value>,
}

impl Pages {
    pub(super) fn of(query: &Value) -> Self {
        Self { body: Some(page(query, limits::CLUSTER_MIRROR_PAGE)) }
    }

    /// The next page; `None` after the last, or if there is no index.
    pub(super) fn next(
        &mut self,
        view: &mut View<'_>,
    ) -> Result<Option<Vec<Source>>, ClusterError> {
        let Some(mut body) = self.body.take() else { return Ok(None) };
        let Some(found) = view.search(&body)? else { return Ok(None) };
        let mut hits = hits(found, CALL)?;
        if hits.len() >= limits::CLUSTER_MIRROR_PAGE
            && let (Value::Object(asked), Some(last)) = (&mut body, hits.last_mut())
        {
            asked.insert("search_after".to_owned(), last.sort.take());
            self.body = Some(body);
        }
        Ok(Some(hits.into_iter().map(|it| it.source).collect()))
    }
}

/// The first events that a query finds, in the order of the archive, as in the store.
fn page(query: &Value, size: usize) -> Value {
    json!({
        "size": size,
        "track_total_hits": false,
        "query": query,
        "_source": Source::FIELDS,
        // While everything is published anew, two documents may have the same place.
        "sort": [{"place": "asc"}, {"identity": "asc"}],
    })
}

/// A query on times; none without a bound.
pub(super) fn range_query(range: TimeRange) -> Option<Value> {
    if range.is_unbounded() {
        return None;
    }
    let mut bounds = serde_json::Map::new();
    let mut add = |name: &str, bound: Option<Timestamp>| {
        bounds.extend(bound.map(|it| (name.to_owned(), json!(it.as_ms()))));
    };
    add("gte", range.since);
    add("lt", range.until);
    bounds.insert("format".to_owned(), json!("epoch_millis"));
    Some(json!({"range": {"at": bounds}}))
}
