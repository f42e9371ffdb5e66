//! The documents of an event and of a message for one recipient.

use std::borrow::Cow;

use serde::Serialize;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

use super::names::{DocumentKind, Names};
use crate::event::{Address, Event, cause_of, decoded_subject, domain_of};
use crate::json;
use crate::limits;
use crate::store::{Location, Record};
use crate::time::{DAY_MS, Timestamp};
use crate::trace::{Leg, Message, Outcome, Recipient};

/// The publisher, and the number it writes under.
#[derive(Clone, Debug)]
pub(super) struct Author {
    /// The organization, a field of each document.
    pub(super) organization: String,
    /// The name of the store.
    pub(super) store: String,
    /// The number of this publication, which is each document's version.
    pub(super) commit: u64,
}

/// A document, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClusterDocument {
    pub(super) index: String,
    pub(super) id: String,
    /// For `publish --verify`: the day of its time, in days since 1970.
    pub(super) day: i64,
    pub(super) check: u32,
    pub(super) json: Vec<u8>,
}

/// The bits of a check: OpenSearch adds in doubles, where the sum for half a billion documents
/// stays exact.
const CHECK_MASK: u64 = (1 << 24) - 1;

impl Author {
    /// The document of an event. Its ID does not depend on the publisher.
    pub(super) fn event(
        &self,
        names: &Names,
        (record, event): (&Record<'_>, &Event<'_>),
        place: Location,
        identity: [u8; 16],
    ) -> ClusterDocument {
        let mut recipients: Vec<&str> = event.all_recipients().map(Address::as_str).collect();
        recipients.sort_unstable();
        recipients.dedup();
        let content = EventContent {
            identity: hex::encode(identity),
            place: i64::try_from(place.to_bits()).ok(),
            at: Time(record.timestamp),
            is_time_approximate: record.is_time_approximate.then_some(true),
            ingested_at: record.ingestion_time.map(Time),
            log_group: record.log_group.as_deref().map(keyword),
            log_stream: record.log_stream.as_deref().map(keyword),
            event_id: record.event_id.as_deref().map(keyword),
            event_name: known(event.name.as_str()),
            trace_id: known(&event.trace_id),
            message_id: event.message_id.as_ref().map(|it| keyword(it.as_str())),
            from: event.from.as_ref().map(|it| keyword(it.as_str())),
            sender: event.sender.as_ref().map(|it| keyword(it.as_str())),
            recipients: recipients.into_iter().map(keyword).collect(),
            subject: event.subject.as_deref().map(decoded_subject),
            status: event.status.as_deref().map(keyword),
            reason: event.reason.as_deref(),
            cause: event.reason.as_deref().map(|it| keyword(&cause_of(it)).into_owned()),
            folder: event.folder.as_deref().map(keyword),
            rule: event.rule_name.as_deref().map(keyword),
            rule_type: event.rule_type.as_deref().map(keyword),
            actions: event.rule_actions.iter().map(|it| keyword(&it.action)).collect(),
            policy: event.policy.as_deref().map(keyword),
            spam: event.verdicts.spam.as_deref().map(keyword),
            dkim: event.verdicts.dkim.as_deref().map(keyword),
            dmarc: event.verdicts.dmarc.as_deref().map(keyword),
            spf: event.verdicts.spf.as_deref().map(keyword),
            dmarc_policy: event.verdicts.dmarc_policy.as_deref().map(keyword),
            original: &record.message,
        };
        let id = self.id(&[&identity]);
        self.document(
            names.index(DocumentKind::Events, record.timestamp),
            id,
            record.timestamp,
            &content,
        )
    }

    /// The documents of a message: one for each recipient of each leg, or one if there is no
    /// recipient. `legs` has the keys of its legs.
    pub(super) fn rows(
        &self,
        names: &Names,
        message: &Message,
        legs: &[String],
    ) -> Vec<ClusterDocument> {
        // The smallest key changes only when a leg with a smaller one joins, so most rows keep
        // their IDs.
        let key = legs.iter().min().map_or_else(String::new, |it| digest(&[it.as_bytes()]));
        let deciding = message.deciding_recipients();
        let rows = message.recipients.iter().map(Some).chain(
            // A message without recipients must be found as well.
            message.recipients.is_empty().then_some(None),
        );
        let mut documents = Vec::with_capacity(message.recipients.len().max(1));
        for row in rows {
            let leg = match row {
                Some(row) => message.legs.iter().zip(legs).find(|(it, _)| is_leg_of(row, it)),
                None => message.legs.iter().zip(legs).next(),
            };
            let decides = row.is_none_or(|row| deciding.iter().any(|it| std::ptr::eq(*it, row)));
            let content = row_content(message, &key, legs, leg, row, decides);
            let leg_name = leg.map_or(&[][..], |(_, it)| it.as_bytes());
            let address = row.map_or("", |it| it.address.as_str());
            let id = self.id(&[key.as_bytes(), leg_name, address.as_bytes()]);
            let index = names.index(DocumentKind::Rows, message.first_seen);
            documents.push(self.document(index, id, message.first_seen, &content));
        }
        documents
    }

    pub(super) fn id(&self, parts: &[&[u8]]) -> String {
        let all: Vec<&[u8]> =
            std::iter::once(self.organization.as_bytes()).chain(parts.iter().copied()).collect();
        digest(&all)
    }

    pub(super) fn document(
        &self,
        index: String,
        id: String,
        at: Timestamp,
        content: &impl Serialize,
    ) -> ClusterDocument {
        let content = json::bytes(content);
        // Without the head, so that `publish --verify` can compute it without knowing under which
        // number the document was sent.
        let check = xxh3_64(&content) & CHECK_MASK;
        let head = Head {
            organization: &self.organization,
            store: &self.store,
            commit: self.commit,
            check,
        };
        let mut json = json::bytes(&head);
        // Splices the two objects into one. Neither is empty, so the comma is right.
        json.pop();
        json.push(b',');
        json.extend_from_slice(content.split_at(1).1);
        let day = at.as_ms().div_euclid(DAY_MS);
        ClusterDocument {
            index,
            id,
            day,
            check: u32::try_from(check).expect("masked to fewer bits"),
            json,
        }
    }
}

/// The keys that identify the legs of a message: the trace ID or, without one, the identity of
/// its only event, which `identity_of` returns for the event's index.
pub(super) fn leg_keys(
    message: &Message,
    identity_of: impl Fn(usize) -> Option<[u8; 16]>,
) -> Vec<String> {
    let key = |leg: &Leg| {
        if let Some(trace_id) = leg.trace_id.as_deref().filter(|it| !it.is_empty()) {
            return keyword(trace_id).into_owned();
        }
        let first = leg.event_indexes.first().and_then(|it| identity_of(*it));
        format!("event {}", first.map_or_else(String::new, hex::encode))
    };
    message.legs.iter().map(key).collect()
}

fn is_leg_of(row: &Recipient, leg: &Leg) -> bool {
    row.trace_id == leg.trace_id && row.leg_started == leg.started && row.direction == leg.direction
}

/// The fields of every document.
#[derive(Serialize)]
struct Head<'d> {
    organization: &'d str,
    store: &'d str,
    commit: u64,
    check: u64,
}

/// A time in the format that OpenSearch reads.
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_string();
        // OpenSearch's date format takes four digits for the year, and none before the year 0;
        // milliseconds fit any.
        if text.starts_with(|it: char| it.is_ascii_digit()) {
            serializer.serialize_str(&text)
        } else {
            serializer.serialize_i64(self.0.as_ms())
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventContent<'e> {
    identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<i64>,
    at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_time_approximate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingested_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_stream: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recipients: Vec<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_type: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spam: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dkim: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dmarc: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spf: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dmarc_policy: Option<Cow<'e, str>>,
    original: &'e str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowContent<'m> {
    message: &'m str,
    message_ids: Vec<Cow<'m, str>>,
    trace_ids: Vec<Cow<'m, str>>,
    legs: &'m [String],
    leg: Option<&'m str>,
    trace_id: Option<Cow<'m, str>>,
    direction: Option<&'static str>,
    leg_started: Option<Time>,
    first_seen: Time,
    last_seen: Time,
    from: Option<Cow<'m, str>>,
    from_domain: Option<Cow<'m, str>>,
    sender: Option<Cow<'m, str>>,
    sender_domain: Option<Cow<'m, str>>,
    subject: Option<&'m str>,
    spam: Option<Cow<'m, str>>,
    dkim: Option<Cow<'m, str>>,
    dmarc: Option<Cow<'m, str>>,
    spf: Option<Cow<'m, str>>,
    dmarc_policy: Option<Cow<'m, str>>,
    recipient: Option<Cow<'m, str>>,
    recipient_domain: Option<Cow<'m, str>>,
    decides: bool,
    outcome: Option<&'static str>,
    at: Option<Time>,
    latency_ms: Option<i64>,
    folder: Option<Cow<'m, str>>,
    junk: Option<bool>,
    status: Option<Cow<'m, str>>,
    reason: Option<&'m str>,
    cause: Option<String>,
    rule: Option<Cow<'m, str>>,
    mailboxes: Vec<Cow<'m, str>>,
    events: usize,
}

/// The outcome of a row that nothing has decided: whether it is pending or lost depends on the
/// time of the question.
const UNDECIDED: &str = "undecided";

fn row_content<'m>(
    message: &'m Message,
    key: &'m str,
    legs: &'m [String],
    leg: Option<(&'m Leg, &'m String)>,
    row: Option<&'m Recipient>,
    decides: bool,
) -> RowContent<'m> {
    let address = |it: Option<&'m Address<'static>>| it.map(|it| keyword(it.as_str()));
    let domain =
        |it: Option<&'m Address<'static>>| it.and_then(|it| domain_of(it.as_str())).map(keyword);
    let text = |it: &'m Option<Cow<'static, str>>| it.as_deref().map(keyword);
    let verdicts = &message.verdicts;
    let (from, sender) = (message.from.as_ref(), message.sender.as_ref());
    let recipient = row.map(|it| &it.address);
    RowContent {
        message: key,
        message_ids: message.message_ids.iter().map(|it| keyword(it.as_str())).collect(),
        trace_ids: message.trace_ids.iter().map(|it| keyword(it)).collect(),
        legs,
        leg: leg.map(|(_, it)| it.as_str()),
        trace_id: leg.and_then(|(it, _)| it.trace_id.as_deref()).map(keyword),
        direction: leg.map(|(it, _)| it.direction.as_str()),
        leg_started: leg.map(|(it, _)| Time(it.started)),
        first_seen: Time(message.first_seen),
        last_seen: Time(message.last_seen),
        from: address(from),
        from_domain: domain(from),
        sender: address(sender),
        sender_domain: domain(sender.or(from)),
        subject: message.subject.as_deref(),
        spam: text(&verdicts.spam),
        dkim: text(&verdicts.dkim),
        dmarc: text(&verdicts.dmarc),
        spf: text(&verdicts.spf),
        dmarc_policy: text(&verdicts.dmarc_policy),
        recipient: address(recipient),
        recipient_domain: domain(recipient),
        decides,
        outcome: row.map(|it| match it.outcome {
            Outcome::Lost => UNDECIDED,
            decided => decided.as_str(),
        }),
        at: row.and_then(|it| it.at).map(Time),
        latency_ms: row.and_then(|it| it.latency_ms),
        folder: row.and_then(|it| text(&it.folder)),
        junk: row.filter(|it| it.folder.is_some()).map(|it| it.is_junk),
        status: row.and_then(|it| text(&it.status)),
        reason: row.and_then(|it| it.reason.as_deref()),
        cause: row
            .and_then(|it| it.reason.as_deref())
            .map(|it| keyword(&cause_of(it)).into_owned()),
        rule: row.and_then(|it| text(&it.rule)),
        mailboxes: row
            .into_iter()
            .flat_map(|it| &it.mailboxes)
            .map(|it| keyword(it.as_str()))
            .collect(),
        events: message.events.len(),
    }
}

fn known(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then(|| keyword(text))
}

/// A value as it is indexed. One that is too long is replaced by its SHA-256, since Lucene
/// refuses it and the whole document with it.
pub(super) fn keyword(text: &str) -> Cow<'_, str> {
    if text.len() <= limits::CLUSTER_KEYWORD_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes()))))
}

/// Half of a SHA-256 over parts, in hexadecimal. The parts' lengths are hashed as well, so that
/// `ab`, `c` and `a`, `bc` differ.
pub(super) fn digest(parts: &[&[u8]]) -> String {
    const HALF: usize = 16;
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    hex::encode(digest.split_at(HALF).0)
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
