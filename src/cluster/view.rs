//! A point in time: what a search finds does not change while somebody publishes.

use std::borrow::Borrow;
use std::sync::{Arc, Mutex};

use hyper::Method;
use hyper::body::Bytes;
use memchr::memmem;
use serde_json::{Value, json};

use super::answer::Response;
use super::client::{Cluster, ContentType};
use super::error::ClusterError;
use super::names::{DocumentKind, Names};
use super::search::whole;
use crate::limits;

/// All indices of a kind as they were at one instant.
pub(super) struct View<'c> {
    cluster: &'c Cluster,
    names: Names,
    kind: DocumentKind,
    id: ViewId,
}

/// The ID of a point in time. None if there is no index yet, or it was released.
#[derive(Clone, Default)]
// Shared with the closure of `release`, which may run on the thread that handles a stop.
struct ViewId(Arc<Mutex<Option<String>>>);

impl ViewId {
    fn get(&self) -> Option<String> {
        self.0.lock().ok()?.clone()
    }

    fn set(&self, id: Option<String>) {
        if let Ok(mut known) = self.0.lock() {
            *known = id;
        }
    }

    fn take(&self) -> Option<String> {
        self.0.lock().ok()?.take()
    }
}

/// The call that errors name.
pub(super) const CALL: &str = "POST /_search";

impl<'c> View<'c> {
    pub(super) fn open(
        cluster: &'c Cluster,
        names: &Names,
        kind: DocumentKind,
    ) -> Result<Self, ClusterError> {
        let mut view = Self { cluster, names: names.clone(), kind, id: ViewId::default() };
        view.renew()?;
        Ok(view)
    }

    /// True if there is any index.
    pub(super) fn is_there(&self) -> bool {
        self.id.get().is_some()
    }

    /// Opens a point in time now.
    fn renew(&mut self) -> Result<(), ClusterError> {
        let keep = limits::CLUSTER_VIEW_KEPT;
        let alias = self.names.alias(self.kind);
        let path = format!("/{alias}/_search/point_in_time?keep_alive={keep}");
        let answer = self.cluster.call(&Method::POST, &path, ContentType::Json, &Bytes::new())?;
        if answer.status != 404 {
            let answer = answer.checked(self.cluster)?;
            let made: Value = answer.json()?;
            let id = made.get("pit_id").and_then(Value::as_str);
            let id = id.ok_or_else(|| ClusterError::Incomprehensible {
                call: answer.call.clone(),
                detail: "it has no point-in-time ID".to_owned(),
            })?;
            self.id.set(Some(id.to_owned()));
        }
        Ok(())
    }

    /// Searches; `None` if there is no index. A point in time that was lost (a node went, or it
    /// expired) is opened anew.
    pub(super) fn search(&mut self, body: &Value) -> Result<Option<Value>, ClusterError> {
        let mut renewals_left = limits::CLUSTER_AGAIN_MAX - 1;
        loop {
            let Some(id) = self.id.get() else { return Ok(None) };
            let mut asked = body.clone();
            if let Value::Object(asked) = &mut asked {
                let point = json!({"id": id, "keep_alive": limits::CLUSTER_VIEW_KEPT});
                asked.insert("pit".to_owned(), point);
            }
            let asked = Bytes::from(asked.to_string());
            let answer = self.cluster.call(&Method::POST, "/_search", ContentType::Json, &asked)?;
            if is_lost(&answer) && renewals_left > 0 {
                renewals_left -= 1;
                self.close();
                self.renew()?;
                continue;
            }
            let found = whole(answer, self.cluster)?;
            // OpenSearch may return another ID with each answer, and only the latest must be
            // used.
            if let Some(id) = found.get("pit_id").and_then(Value::as_str) {
                self.id.set(Some(id.to_owned()));
            }
            return Ok(Some(found));
        }
    }

    /// Releases it. It would expire by itself, later.
    fn close(&self) {
        close(&self.id, || Some(self.cluster));
    }

    /// A closure that releases it from another thread, when the process is stopped midway.
    pub(super) fn release(&self) -> impl FnMut() + Send + use<> {
        // A connection of its own, with a short timeout: this one may be in the middle of a
        // request, and whoever presses Ctrl-C does not wait for long.
        let (id, options) = (self.id.clone(), self.cluster.options_for(limits::CLUSTER_RELEASE_MS));
        move || close(&id, || Cluster::open(&options).ok())
    }
}

fn close<C: Borrow<Cluster>>(id: &ViewId, cluster: impl FnOnce() -> Option<C>) {
    if let Some(id) = id.take()
        && let Some(cluster) = cluster()
    {
        let cluster: &Cluster = cluster.borrow();
        cluster.tell("/_search/point_in_time", &json!({"pit_id": [id]}));
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

/// True if the point in time is gone, for all shards or some.
fn is_lost(answer: &Response) -> bool {
    memmem::find(&answer.body, b"search_context_missing").is_some()
}
