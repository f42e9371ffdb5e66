//! As much of OpenSearch as publishing needs, in memory, with faults on request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::cluster::fake_query::{composite, fits, rank};
use crate::cluster::http::{Asked, Said, serve};

/// What goes wrong with a bulk request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is answered so, and nothing is done.
    Says(u16, &'static str),
    /// Every other document is turned away for now, within a 200.
    Half(u16),
    /// It is done, and the connection is closed.
    AnswerLost,
    /// It is done, and never answered.
    Hangs,
    /// Every document that has this text in it is refused for good, with an error of this type.
    Refuses(&'static str, &'static str),
    /// The disk is full.
    Full,
    /// More documents than this are too much.
    TooLong(usize),
}

/// A document, with what OpenSearch keeps of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) version: u64,
    seq_no: u64,
    pub(crate) source: Value,
}

/// Documents by index and ID.
type Documents = BTreeMap<(String, String), Kept>;

/// The cluster's state.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) documents: Documents,
    /// The versions of what was removed.
    removed: BTreeMap<(String, String), u64>,
    pub(crate) indices: BTreeMap<String, Value>,
    templates: BTreeMap<String, Value>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) bulk_count: usize,
    /// The next searches are answered so, with a status.
    pub(crate) search_faults: VecDeque<(u16, &'static str)>,
    /// Points in time that nobody has let go: the documents as they were.
    pub(crate) views: BTreeMap<String, (String, Documents)>,
    pub(crate) view_count: usize,
    /// Documents that were found in these.
    pub(crate) hit_count: usize,
    /// Nobody may change the fields of an index.
    pub(crate) refuses_mappings: bool,
    /// What came in the header.
    pub(crate) authorization: String,
    seq_no: u64,
    /// What tells this cluster from others.
    uuid: String,
}

/// A cluster that runs until the tests end.
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    pub(crate) url: String,
}

impl Fake {
    pub(crate) fn start() -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let uuid = format!("fake-{}", STARTED.fetch_add(1, Ordering::Relaxed));
        let state = Arc::new(Mutex::new(State { uuid, ..State::default() }));
        let url = serve(&state, State::answer);
        Self { state, url }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Everything is gone, as if the indices were deleted.
    pub(crate) fn forget(&self) {
        let mut state = self.lock();
        *state = State { uuid: state.uuid.clone(), ..State::default() };
    }

    /// The next bulk requests meet these.
    pub(crate) fn fails(&self, faults: &[Fault]) {
        self.lock().faults = faults.iter().cloned().collect();
    }

    /// What is kept of a kind, without what differs from one publication to the next.
    pub(crate) fn content(&self, kind: &str) -> BTreeMap<(String, String), Value> {
        let is_kind = |index: &str| index.starts_with(&format!("mailtrace-{kind}-"));
        let state = self.lock();
        let kept = state.documents.iter().filter(|((index, _), _)| is_kind(index));
        let plain = |kept: &Kept| {
            assert_eq!(kept.source["commit"], kept.version, "{kept:?}");
            let mut source = kept.source.clone();
            for name in ["commit", "store", "check", "place"] {
                source.as_object_mut().unwrap().remove(name);
            }
            source
        };
        kept.map(|(key, kept)| (key.clone(), plain(kept))).collect()
    }
}

fn error(status: u16, kind: &str, reason: &str) -> (u16, Value) {
    (status, json!({"error": {"type": kind, "reason": reason}, "status": status}))
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Said {
        asked.authorization.clone_into(&mut self.authorization);
        let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
        let body = || serde_json::from_slice::<Value>(&asked.body).unwrap_or(Value::Null);
        let (status, said) = match (asked.method.as_str(), parts.as_slice()) {
            ("GET", [""]) => (200, json!({"cluster_uuid": self.uuid, "version": {}})),
            (_, ["_bulk"]) => return self.bulk(asked),
            (_, ["_mget"]) => (200, self.mget(&body())),
            ("GET", ["_index_template", name]) => match self.templates.get(*name) {
                Some(template) => {
                    (200, json!({"index_templates": [{"name": name, "index_template": template}]}))
                }
                None => error(404, "resource_not_found_exception", "no template"),
            },
            ("PUT", ["_index_template", name]) => {
                self.templates.insert((*name).to_owned(), body());
                (200, json!({"acknowledged": true}))
            }
            ("PUT", [index]) => self.make(index, &body()),
            ("GET", [index]) => match self.indices.get(*index) {
                Some(made) => (200, json!({*index: made})),
                None => error(404, "index_not_found_exception", "no such index"),
            },
            ("GET", [index, "_doc", id]) => match self.documents.get(&key(index, id)) {
                Some(kept) => (
                    200,
                    json!({"found": true, "_seq_no": kept.seq_no, "_primary_term": 1, "_source": kept.source}),
                ),
                None => (404, json!({"found": false})),
            },
            ("PUT", [index, "_mapping"]) => {
                if self.refuses_mappings {
                    return Some((403, r#"{"Message":"not your index"}"#.to_owned()));
                }
                let fields = &mut self.indices.get_mut(*index).unwrap()["mappings"]["properties"];
                let added = body()["properties"].as_object().unwrap().clone();
                fields.as_object_mut().unwrap().extend(added);
                (200, json!({"acknowledged": true}))
            }
            ("PUT", [index, how, id]) => self.put(index, how, id, &asked.query, body()),
            ("POST", [_, "_refresh"]) => (200, json!({})),
            ("POST", [alias, "_count"]) => {
                let count = self.found(alias, &self.documents, &body()["query"]).len();
                (200, json!({"count": count, "_shards": {"failed": 0}}))
            }
            ("POST", [alias, "_search"]) => (200, self.search(alias, &self.documents, &body())),
            ("POST", [alias, "_search", "point_in_time"])
                if !self.indices.values().any(|it| it["aliases"].get(alias).is_some()) =>
            {
                error(404, "index_not_found_exception", "no such index")
            }
            ("POST", [alias, "_search", "point_in_time"]) => {
                self.view_count += 1;
                let id = format!("view {}", self.view_count);
                let view = ((*alias).to_owned(), self.documents.clone());
                self.views.insert(id.clone(), view);
                (200, json!({"pit_id": id}))
            }
            ("DELETE", ["_search", "point_in_time"]) => {
                self.views.remove(body()["pit_id"][0].as_str().unwrap());
                (200, json!({}))
            }
            ("POST", ["_search"]) => {
                if let Some((status, said)) = self.search_faults.pop_front() {
                    return Some((status, said.to_owned()));
                }
                let body = body();
                match self.views.get(body["pit"]["id"].as_str().unwrap()) {
                    Some((alias, documents)) => {
                        let said = self.search(alias, documents, &body);
                        self.hit_count += said["hits"]["hits"].as_array().unwrap().len();
                        (200, said)
                    }
                    None => {
                        error(404, "search_context_missing_exception", "No search context found")
                    }
                }
            }
            _ => error(400, "illegal_argument_exception", "not in this fake"),
        };
        Some((status, said.to_string()))
    }

    fn make(&mut self, index: &str, body: &Value) -> (u16, Value) {
        if self.indices.contains_key(index) {
            return error(400, "resource_already_exists_exception", "it is there");
        }
        let fits = |it: &&Value| {
            let pattern = it["index_patterns"][0].as_str().unwrap();
            index.starts_with(pattern.trim_end_matches('*'))
        };
        let made = self.templates.values().find(fits).map(|it| &it["template"]).unwrap_or(body);
        self.indices.insert(index.to_owned(), made.clone());
        (200, json!({"acknowledged": true}))
    }

    fn put(
        &mut self,
        index: &str,
        how: &str,
        id: &str,
        query: &str,
        source: Value,
    ) -> (u16, Value) {
        let kept = self.documents.get(&key(index, id));
        let expected = kept.map(|it| format!("if_seq_no={}&if_primary_term=1", it.seq_no));
        let may = match how {
            "_create" => kept.is_none(),
            _ => expected.as_deref() == Some(query),
        };
        let fields = &self.indices[index]["mappings"]["properties"];
        if let Some(unknown) = source.as_object().unwrap().keys().find(|it| fields[*it].is_null()) {
            return error(400, "strict_dynamic_mapping_exception", unknown);
        }
        if !may {
            return error(409, "version_conflict_engine_exception", "somebody else was first");
        }
        let version = kept.map_or(1, |it| it.version + 1);
        self.keep(index, id, version, source);
        (200, json!({"_seq_no": self.seq_no, "_primary_term": 1}))
    }

    pub(crate) fn keep(&mut self, index: &str, id: &str, version: u64, source: Value) {
        self.seq_no += 1;
        let kept = Kept { version, seq_no: self.seq_no, source };
        self.documents.insert(key(index, id), kept);
    }

    fn bulk(&mut self, asked: &Asked) -> Said {
        self.bulk_count += 1;
        let fault = self.faults.pop_front();
        if let Some(Fault::Says(status, body)) = fault {
            return Some((status, body.to_owned()));
        }
        let text = String::from_utf8(asked.body.clone()).unwrap();
        let mut lines = text.lines();
        let (mut items, mut number) = (Vec::new(), 0);
        let kept = (self.documents.clone(), self.removed.clone());
        while let Some(line) = lines.next() {
            let action: Value = serde_json::from_str(line).unwrap();
            let (name, action) = action.as_object().unwrap().iter().next().unwrap();
            let document = if name == "index" { lines.next() } else { None };
            number += 1;
            let (status, kind) = match &fault {
                Some(Fault::Half(status)) if number % 2 == 0 => {
                    (*status, "es_rejected_execution_exception")
                }
                Some(Fault::Full) => (429, "cluster_block_exception"),
                Some(Fault::Refuses(what, kind))
                    if document.is_some_and(|it| it.contains(what)) =>
                {
                    (400, *kind)
                }
                _ => self.apply(action, document),
            };
            let mut item =
                json!({"_index": action["_index"], "_id": action["_id"], "status": status});
            if !kind.is_empty() {
                item["error"] = json!({"type": kind, "reason": format!("because of {kind}")});
            }
            items.push(json!({name: item}));
        }
        match fault {
            Some(Fault::AnswerLost) => None,
            Some(Fault::Hangs) => {
                // The one who asked is killed meanwhile.
                std::thread::sleep(std::time::Duration::from_millis(300));
                None
            }
            Some(Fault::TooLong(most)) if number > most => {
                (self.documents, self.removed) = kept;
                self.faults.push_front(Fault::TooLong(most));
                Some((413, r#"{"Message":"Request size exceeded"}"#.to_owned()))
            }
            Some(Fault::TooLong(most)) => {
                self.faults.push_front(Fault::TooLong(most));
                Some((200, json!({"errors": false, "items": items}).to_string()))
            }
            _ => Some((200, json!({"errors": true, "items": items}).to_string())),
        }
    }

    fn apply(&mut self, action: &Value, document: Option<&str>) -> (u16, &'static str) {
        let (index, id) = (action["_index"].as_str().unwrap(), action["_id"].as_str().unwrap());
        let version = action["version"].as_u64().unwrap();
        assert_eq!(action["version_type"], "external");
        assert!(self.indices.contains_key(index), "{index} was made of itself");
        let at = key(index, id);
        let stands = self.documents.get(&at).map(|it| it.version);
        let stands = stands.or_else(|| self.removed.get(&at).copied());
        if stands.is_some_and(|it| it >= version) {
            return (409, "version_conflict_engine_exception");
        }
        match document {
            Some(document) => {
                self.keep(index, id, version, serde_json::from_str(document).unwrap());
                (201, "")
            }
            None => {
                self.removed.insert(at.clone(), version);
                (if self.documents.remove(&at).is_some() { 200 } else { 404 }, "")
            }
        }
    }

    fn mget(&self, body: &Value) -> Value {
        let docs = body["docs"].as_array().unwrap().iter().map(|it| {
            let (index, id) = (it["_index"].as_str().unwrap(), it["_id"].as_str().unwrap());
            match self.documents.get(&key(index, id)) {
                Some(kept) => json!({
                    "found": true, "_version": kept.version,
                    "_source": {"commit": kept.source["commit"], "store": kept.source["store"]},
                }),
                None => json!({"found": false}),
            }
        });
        json!({"docs": docs.collect::<Vec<_>>()})
    }

    fn found<'d>(
        &self,
        alias: &str,
        documents: &'d Documents,
        query: &Value,
    ) -> Vec<(&'d (String, String), &'d Kept)> {
        let fits = |((index, _), kept): &(&(String, String), &Kept)| {
            self.indices[index]["aliases"].get(alias).is_some() && fits(&kept.source, query)
        };
        let documents = documents.iter().filter(|((index, _), _)| self.indices.contains_key(index));
        documents.filter(fits).collect()
    }

    fn search(&self, alias: &str, documents: &Documents, body: &Value) -> Value {
        let found = self.found(alias, documents, &body["query"]);
        let mut said = json!({"timed_out": false, "_shards": {"failed": 0}, "hits": {"hits": []}});
        for name in ["mailboxes", "values"] {
            if let Some(asked) = body.pointer(&format!("/aggs/{name}")) {
                let found: Vec<&Value> = found.iter().map(|it| &it.1.source).collect();
                said["aggregations"] = json!({name: composite(&found, asked)});
                return said;
            }
        }
        let Some(days) = body.pointer("/aggs/days/composite/sources/0/day/date_histogram/field")
        else {
            let size = usize::try_from(body["size"].as_u64().unwrap()).unwrap();
            let order = body["sort"].as_array().cloned().unwrap_or_default();
            let order = order.iter().map(|it| it.as_object().unwrap().iter().next().unwrap());
            let order: Vec<(&String, &Value)> = order.collect();
            let mut hits: Vec<_> = found
                .iter()
                .map(|((index, id), kept)| {
                    let sort: Vec<&Value> = order.iter().map(|it| &kept.source[it.0]).collect();
                    json!({"_index": index, "_id": id, "_source": kept.source, "sort": sort})
                })
                .filter(|it| {
                    let after = body.get("search_after");
                    after.is_none_or(|after| rank(&it["sort"]) > rank(after))
                })
                .collect();
            hits.sort_by_key(|it| rank(&it["sort"]));
            if order.first().is_some_and(|it| *it.1 == "desc") {
                hits.reverse();
            }
            hits.truncate(size);
            said["hits"]["hits"] = json!(hits);
            said["hits"]["total"] = json!({"value": found.len()});
            return said;
        };
        let mut sums: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for (_, kept) in found {
            let at: jiff::Timestamp =
                kept.source[days.as_str().unwrap()].as_str().unwrap().parse().unwrap();
            let sum = sums.entry(at.as_millisecond().div_euclid(86_400_000)).or_default();
            *sum = (sum.0 + 1, sum.1 + kept.source["check"].as_u64().unwrap());
        }
        let buckets: Vec<_> = sums
            .into_iter()
            .map(|(day, (count, check))| {
                json!({"key": {"day": day * 86_400_000}, "doc_count": count, "check": {"value": check as f64}})
            })
            .collect();
        said["aggregations"] = json!({"days": {"buckets": buckets}});
        said
    }
}

fn key(index: &str, id: &str) -> (String, String) {
    (index.to_owned(), id.to_owned())
}
