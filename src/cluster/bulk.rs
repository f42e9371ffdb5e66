//! Sends many documents in one request, and reads the answer item by item.

use hyper::Method;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{ErrorParts, ErrorText, is_for_now};
use super::client::{Cluster, ContentType, Later};
use super::document::{Author, ClusterDocument};
use super::error::ClusterError;
use crate::json;
use crate::limits;

/// The action on a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Write,
    Remove,
}

/// One item of a bulk request: a line for the action and, if it writes, one for the document.
struct Item {
    action: Action,
    index: String,
    id: String,
    lines: Vec<u8>,
}

/// The results of all requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BulkTally {
    pub(super) written: u64,
    pub(super) removed: u64,
    /// Writes that the cluster already had: their answers were lost.
    pub(super) known: u64,
    pub(super) bytes: u64,
    /// Documents refused for good, each as a reason and the document.
    pub(super) refused: Vec<(String, String)>,
    pub(super) foreign: Foreign,
}

/// Documents that somebody else wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Foreign {
    pub(super) count: usize,
    pub(super) named: Vec<String>,
    /// The greatest of their versions.
    pub(super) version: u64,
}

impl Foreign {
    fn add(&mut self, item: &Item, version: u64) {
        self.count += 1;
        self.version = self.version.max(version);
        if self.named.len() < limits::CLUSTER_NAMED_MAX {
            self.named.push(format!("{}/{} version {version}", item.index, item.id));
        }
    }
}

/// Documents that are collected and sent together.
pub(super) struct Bulk<'c> {
    cluster: &'c Cluster,
    author: Author,
    items: Vec<Item>,
    bytes: usize,
    pub(super) tally: BulkTally,
}

/// The path of a bulk request. Most of the answer is not needed, and filtered out.
/// Percent-encoded as in a signature: not every server decodes `*` and `,` in the same way.
const BULK: &str = "/_bulk?filter_path=items.%2A.status%2Citems.%2A.error";

/// The line that states the action on a document.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ActionLine<'i> {
    Index(Target<'i>),
    Delete(Target<'i>),
}

#[derive(Serialize)]
struct Target<'i> {
    #[serde(rename = "_index")]
    index: &'i str,
    #[serde(rename = "_id")]
    id: &'i str,
    /// The number of the publication is the version: so a document is written once however often
    /// it is sent, and nothing older replaces it.
    version: u64,
    version_type: &'static str,
}

#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<ItemAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ItemAnswer {
    Index(Done),
    Delete(Done),
}

#[derive(Deserialize)]
struct Done {
    status: u16,
    error: Option<ErrorText>,
}

#[derive(Deserialize)]
struct Found {
    docs: Vec<FoundDocument>,
}

#[derive(Deserialize)]
struct FoundDocument {
    #[serde(default)]
    found: bool,
    #[serde(rename = "_version", default)]
    version: u64,
    #[serde(rename = "_source", default)]
    source: Option<FoundSource>,
}

#[derive(Deserialize)]
struct FoundSource {
    commit: Option<u64>,
    store: Option<String>,
}

impl<'c> Bulk<'c> {
    pub(super) fn new(cluster: &'c Cluster, author: &Author) -> Self {
        let author = author.clone();
        Self { cluster, author, items: Vec::new(), bytes: 0, tally: BulkTally::default() }
    }

    pub(super) fn organization(&self) -> &str {
        &self.author.organization
    }

    /// Queues a document to be written.
    pub(super) fn write(&mut self, document: ClusterDocument) -> Result<(), ClusterError> {
        let ClusterDocument { index, id, json, .. } = document;
        let mut lines = self.action(Action::Write, &index, &id);
        lines.reserve_exact(json.len() + 1);
        lines.extend_from_slice(&json);
        lines.push(b'\n');
        self.push(Item { action: Action::Write, index, id, lines })
    }

    /// Queues a document to be removed.
    pub(super) fn remove(&mut self, index: String, id: String) -> Result<(), ClusterError> {
        let lines = self.action(Action::Remove, &index, &id);
        self.push(Item { action: Action::Remove, index, id, lines })
    }

    fn action(&self, action: Action, index: &str, id: &str) -> Vec<u8> {
        let version = self.author.commit;
        let target = Target { index, id, version, version_type: "external" };
        let line = match action {
            Action::Write => ActionLine::Index(target),
            Action::Remove => ActionLine::Delete(target),
        };
        // Texts and a number: nothing that JSON cannot hold.
        let mut lines = json::bytes(&line);
        lines.push(b'\n');
        lines
    }

    fn push(&mut self, item: Item) -> Result<(), ClusterError> {
        let bytes = item.lines.len();
        // An item larger than the limit still gets a request of its own; the cluster, whose limit
        // may be higher, decides.
        let is_full = self.bytes + bytes > limits::CLUSTER_BULK_BYTES
            || self.items.len() >= limits::CLUSTER_BULK_DOCUMENTS;
        if is_full {
            self.flush()?;
        }
        self.bytes += bytes;
        self.items.push(item);
        Ok(())
    }

    /// Sends the queue until each document is written, already there, or refused.
    pub(super) fn flush(&mut self) -> Result<(), ClusterError> {
        let items = std::mem::take(&mut self.items);
        self.bytes = 0;
        let mut conflicting = Vec::new();
        // Conflicts are looked at once everything is sent: repetitions and halves add to one
        // list.
        self.send(items, &mut conflicting)?;
        self.look_at(&conflicting)
    }

    fn send(
        &mut self,
        mut items: Vec<Item>,
        conflicting: &mut Vec<Item>,
    ) -> Result<(), ClusterError> {
        let mut patience = self.cluster.patience();
        while !items.is_empty() {
            let mut body = Vec::with_capacity(limits::CLUSTER_BULK_BYTES);
            items.iter().for_each(|it| body.extend_from_slice(&it.lines));
            self.tally.bytes += body.len() as u64;
            let body = Bytes::from(body);
            let answer = self.cluster.call(&Method::POST, BULK, ContentType::Lines, &body)?;
            if answer.status == 413 {
                let reason = answer.reason();
                return self.send_less(items, &reason, conflicting);
            }
            let answer = answer.checked(self.cluster)?;
            // Answers are matched to items by position, because the filter leaves out their IDs.
            let answered: BulkAnswer = answer.json()?;
            if answered.items.len() != items.len() {
                return Err(ClusterError::Incomprehensible {
                    call: answer.call,
                    detail: format!(
                        "it covers {} of {} documents",
                        answered.items.len(),
                        items.len()
                    ),
                });
            }
            let before = items.len();
            let (left, reason) = self.sort_out(items, answered, conflicting)?;
            items = left;
            // The timeout counts from the last success: a slow cluster that makes progress is not
            // given up.
            if items.len() < before {
                patience.renew();
            }
            if let Some(reason) = reason {
                patience.wait(Later::Busy(reason))?;
            }
        }
        Ok(())
    }

    /// Sends both halves of a request that was too large; a single document that is too large is
    /// refused.
    fn send_less(
        &mut self,
        mut items: Vec<Item>,
        reason: &str,
        conflicting: &mut Vec<Item>,
    ) -> Result<(), ClusterError> {
        let half = items.len() / 2;
        if half == 0 {
            for item in &items {
                self.refuse(item, &format!("too long for the cluster: {reason}"))?;
            }
            return Ok(());
        }
        let rest = items.split_off(half);
        self.send(items, conflicting)?;
        self.send(rest, conflicting)
    }

    /// Sorts the answers by what follows from them. Returns the items to send again, and why.
    fn sort_out(
        &mut self,
        items: Vec<Item>,
        answered: BulkAnswer,
        conflicting: &mut Vec<Item>,
    ) -> Result<(Vec<Item>, Option<String>), ClusterError> {
        let (mut left, mut why) = (Vec::new(), None);
        // A block does not end the loop at once: items that were written, refused or in conflict
        // are still counted.
        let mut blocked = None;
        for (item, answer) in items.into_iter().zip(answered.items) {
            let (ItemAnswer::Index(answer) | ItemAnswer::Delete(answer)) = answer;
            let error = answer.error.map(ErrorText::into_parts).unwrap_or_default();
            match (answer.status, item.action) {
                (200..300, Action::Write) => self.tally.written += 1,
                (200..300, Action::Remove) => self.tally.removed += 1,
                // It is absent, as intended. An error of some kind would mean that the index is
                // missing.
                (404, Action::Remove) if error.kind.is_empty() => self.tally.removed += 1,
                (409, _) => conflicting.push(item),
                // Before the statuses: a full disk answers 429, which would otherwise be repeated
                // until the timeout.
                _ if error.is_block() => {
                    blocked.get_or_insert((item.index, error.text()));
                }
                (401 | 403, _) => return Err(self.denied(answer.status, &error)),
                (status, _) if is_for_now(status) || status >= 500 => {
                    why.get_or_insert_with(|| format!("status {status}: {}", error.text()));
                    left.push(item);
                }
                (400, Action::Write) if error.is_of_a_document() => {
                    self.refuse(&item, &error.text())?;
                }
                (status, _) => {
                    let (call, reason) = ("POST /_bulk".to_owned(), error.text());
                    return Err(ClusterError::Refused { call, status, reason });
                }
            }
        }
        match blocked {
            Some((index, reason)) => Err(ClusterError::Blocked { index, reason }),
            None => Ok((left, why)),
        }
    }

    fn denied(&self, status: u16, error: &ErrorParts) -> ClusterError {
        ClusterError::Denied {
            url: self.cluster.url().to_owned(),
            call: "POST /_bulk".to_owned(),
            status,
            reason: error.text(),
        }
    }

    fn refuse(&mut self, item: &Item, reason: &str) -> Result<(), ClusterError> {
        // Refusals are held in memory until the slice ends, and a cluster that refuses so many
        // should not be written to.
        if self.tally.refused.len() >= limits::CLUSTER_REFUSED_MAX {
            let (call, reason) = ("POST /_bulk".to_owned(), reason.to_owned());
            return Err(ClusterError::Refused { call, status: 400, reason });
        }
        // `rejected/` gets the document alone, without the line of its action.
        let mut lines = item.lines.splitn(2, |it| *it == b'\n');
        let document = lines.nth(1).unwrap_or(&[]);
        let document = String::from_utf8_lossy(document).trim_end().to_owned();
        self.tally.refused.push((format!("refused by the cluster: {reason}"), document));
        Ok(())
    }

    /// Finds out who wrote the conflicting documents: we did, and the answer was lost, or
    /// somebody else.
    fn look_at(&mut self, conflicting: &[Item]) -> Result<(), ClusterError> {
        for items in conflicting.chunks(limits::CLUSTER_BULK_DOCUMENTS) {
            let asked: Vec<_> = items
                .iter()
                .map(|it| json!({"_index": it.index, "_id": it.id, "_source": ["commit", "store"]}))
                .collect();
            let asked = json!({ "docs": asked });
            let found: Found = self.cluster.ask(&Method::POST, "/_mget", &asked)?;
            if found.docs.len() != items.len() {
                return Err(ClusterError::Incomprehensible {
                    call: "POST /_mget".to_owned(),
                    detail: "it covers a different number of documents".to_owned(),
                });
            }
            for (item, found) in items.iter().zip(found.docs) {
                // Ours has our store's name and a `commit` equal to its version. A partial update
                // by others raises the version and leaves `commit` as it was.
                let is_ours = found.source.as_ref().is_some_and(|it| {
                    it.store.as_ref() == Some(&self.author.store)
                        && it.commit == Some(found.version)
                        && found.version >= self.author.commit
                });
                match (found.found, item.action) {
                    (true, _) if is_ours => self.tally.known += 1,
                    (false, Action::Remove) => self.tally.removed += 1,
                    (true, _) => self.tally.foreign.add(item, found.version),
                    // Others deleted it, and a deletion's version is not reported.
                    (false, Action::Write) => self.tally.foreign.add(item, self.author.commit),
                }
            }
        }
        Ok(())
    }
}
