//! Removes addresses and subjects from an extract, and leaves what joins.
//!
//! Every string in an event's JSON passes through here, whatever its member, and so do the record's
//! own texts. Each is replaced by a pseudonym: a keyed code (HMAC-SHA256) of the text. Whoever has
//! the key can tell which address a pseudonym stands for; nobody else can.

mod audit;
mod json_text;
mod known;
mod pieces;
mod pseudonym;
mod role;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::json_text::rewrite_texts;
use self::known::{KnownFinder, KnownFinders, KnownTexts};
use self::pieces::Pieces;
use self::pseudonym::{PseudonymKind, Pseudonyms};
use self::role::{Treatment, is_member, is_word};
use super::ExportError;
use super::manifest::BundleQuestion;
use crate::event::{
    Address, Event, MessageId, Parser, decoded_subject, first_address, normal_address, pasted_id,
};
use crate::limits;
use crate::source::key_of;
use crate::store::{Origin, OriginEnd, OriginKind, Provenance, Record, StoredEvent};
use crate::time::Timestamp;
use crate::trace::{Direction, JoinRules, Message, Outcome, Recipient, join};

/// A description of the redaction for readers of the extract.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Redacted {
    pub addresses: bool,
    pub subjects: bool,
    /// True if the domains of addresses were left.
    pub domains_kept: bool,
    pub method: String,
    /// The code of a fixed text, by which the owner of a key can tell whether it is this one.
    pub key_check: String,
    /// The complete description in words.
    pub notes: String,
}

impl Redacted {
    pub(super) fn in_words(&self) -> String {
        format!("{} {}. Key check: {}.", self.notes, self.method, self.key_check)
    }
}

pub struct Redactor {
    pseudonyms: Pseudonyms,
    hides_addresses: bool,
    hides_subjects: bool,
    keeps_domains: bool,
}

impl Redactor {
    /// Reads the key of a case from a file: its text, or else its bytes, without white space at the
    /// end.
    pub fn open(
        key: &Path,
        hides_addresses: bool,
        hides_subjects: bool,
        keeps_domains: bool,
    ) -> Result<Self, ExportError> {
        let mut bytes = Vec::new();
        let file = File::open(key).map_err(ExportError::io("open", key))?;
        file.take(limits::REDACT_KEY_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(ExportError::io("read", key))?;
        let is_long = bytes.len() as u64 > limits::REDACT_KEY_BYTES_MAX;
        let bytes =
            key_of(bytes).map_err(|reason| ExportError::NoKey { path: key.to_owned(), reason })?;
        // An editor's line feed at the end must not make it another key.
        let trimmed = bytes.trim_ascii_end();
        let pseudonyms = Pseudonyms::new(trimmed, keeps_domains);
        let is_good = !is_long && trimmed.len() >= limits::REDACT_KEY_BYTES_MIN;
        match pseudonyms.filter(|_| is_good) {
            Some(pseudonyms) => {
                Ok(Self { pseudonyms, hides_addresses, hides_subjects, keeps_domains })
            }
            None => Err(ExportError::BadKey { path: key.to_owned() }),
        }
    }

    /// Describes the redaction for the manifest.
    pub fn describe(&self) -> Redacted {
        let mut notes = Vec::new();
        if self.hides_addresses {
            notes.push("Addresses are replaced by pseudonyms wherever they appear, the same address (in upper or lower case) by the same one; so are the parts before their @ in texts, and names in address fields.");
            notes.push(if self.keeps_domains {
                "Domains are kept. In message IDs, the part before the @ is a pseudonym and the domain is kept."
            } else {
                "Their domains are pseudonyms too, in addresses and in texts. In message IDs, the domain is a pseudonym and the part before it is kept if it has a digit and names no address of the message."
            });
        }
        if self.hides_subjects {
            notes.push("Subjects are replaced by pseudonyms, the same subject by the same one.");
        }
        if self.hides_addresses {
            notes.push(
                "In audit events, IDs of users and IP addresses are replaced by pseudonyms too.",
            );
        }
        notes.push(
            "Names in the text of reasons, rules and folders, and names of log groups, are kept.",
        );
        Redacted {
            addresses: self.hides_addresses,
            subjects: self.hides_subjects,
            domains_kept: self.hides_addresses && self.keeps_domains,
            method: "Pseudonyms are the first 64 bits of HMAC-SHA256 under a key that is not part of this extract".to_owned(),
            key_check: self.pseudonyms.code(PseudonymKind::KeyCheck, "mailtrace"),
            notes: notes.join(" "),
        }
    }

    /// Returns the message of the redacted records, joined anew. `labels` has something for each of
    /// its events, and is returned in the order of the new ones.
    pub(crate) fn message<T>(
        &self,
        message: Message,
        labels: Vec<T>,
        rules: &JoinRules,
    ) -> Result<(Message, Vec<T>), ExportError> {
        // Two passes: an address that only the last event declares may be spelt in the first one's
        // texts.
        let mut known = KnownTexts::default();
        for stored in &message.events {
            self.note(&stored.record.message, &mut known)?;
        }
        let finders = finders_of(known)?;
        let decided = self.decided(&message);
        let mut parser = Parser::new();
        let mut events = Vec::with_capacity(message.events.len());
        let mut by_record = LabelsByRecord(HashMap::new());
        for (stored, label) in message.events.into_iter().zip(labels) {
            let record = self.record(stored.record, &finders)?;
            by_record.add(&record, label);
            let event = parser.parse(&record.message).map(Event::into_owned);
            let event =
                event.map_err(|error| ExportError::NotRedacted { reason: error.to_string() })?;
            events.push(StoredEvent { record, event });
        }
        // Joined anew, so that every field comes from redacted records. If that does not give
        // exactly one message, the pseudonyms broke a join and the export must fail.
        let mut joined = join(events, rules).into_iter();
        match (joined.next(), joined.next()) {
            (Some(it), None) => {
                let labels = it.events.iter().map(|it| by_record.take(&it.record));
                let labels = labels.collect::<Option<_>>().ok_or_else(parted)?;
                let recipients = it.recipients.into_iter().map(|it| decided.applied(it)).collect();
                let (outcome, is_truncated) = (message.outcome, message.is_truncated);
                Ok((Message { recipients, outcome, is_truncated, ..it }, labels))
            }
            _ => Err(parted()),
        }
    }

    /// Returns half of a keyed code that replaces a record's identity: without the key, a guess at
    /// the record cannot be confirmed.
    pub(crate) fn identity(&self, identity: [u8; 16]) -> [u8; 16] {
        self.pseudonyms.half_code(PseudonymKind::Identity, &identity)
    }

    /// Returns the outcome for each recipient, by pseudonym. The directory, which decides what the
    /// events leave open, does not know pseudonyms.
    fn decided(&self, message: &Message) -> Decided {
        let shown = |it: &Address<'_>| match self.hides_addresses {
            true => Address::parse(self.address(it).into()).map(Address::into_owned),
            false => Some(it.clone().into_owned()),
        };
        let mut decided = Decided::default();
        for row in &message.recipients {
            let Some(address) = shown(&row.address) else { continue };
            let key = (address.as_str().to_owned(), row.direction, row.leg_started);
            let mut mailboxes: Vec<_> = row.mailboxes.iter().filter_map(shown).collect();
            mailboxes.sort();
            decided.0.insert(key, (row.outcome, mailboxes));
        }
        decided
    }

    /// Returns what a source may reveal: the position of a record in it, when it was read, and its
    /// place in the store. Its name may contain names, and its hash and lengths would confirm a
    /// good guess.
    pub(super) fn source(&self, source: Provenance) -> Provenance {
        let origin = source.origin;
        let end = origin.end.map(|it| OriginEnd { bytes: None, sha256: None, problem: None, ..it });
        let name = match origin.kind {
            OriginKind::Pull => self.plain_text(&origin.name),
            OriginKind::File | OriginKind::Stdin | OriginKind::Object => {
                self.pseudonyms.name(&origin.name)
            }
        };
        Provenance { origin: Origin { name, end, ..origin }, byte_offset: None, ..source }
    }

    /// Collects the texts that a record names.
    fn note(&self, json: &str, known: &mut KnownTexts) -> Result<(), ExportError> {
        let hides_domains = !self.keeps_domains;
        rewrite_texts(json, |path, place, text| {
            let text = text?;
            match Treatment::of(path, place) {
                Treatment::Address if self.hides_addresses => {
                    known.add_address(text, &self.pseudonyms, hides_domains);
                }
                Treatment::MessageId if self.hides_addresses => {
                    known.add_message_id(text, &self.pseudonyms);
                }
                Treatment::Subject if self.hides_subjects => {
                    known.add_subject(text, &self.pseudonyms);
                }
                _ if self.hides_addresses => known.add_text(text),
                _ => {}
            }
            None
        })
        .map(|_| ())
        .map_err(|_| broken())
    }

    fn record(
        &self,
        record: Record<'static>,
        finders: &KnownFinders,
    ) -> Result<Record<'static>, ExportError> {
        let rewritten = rewrite_texts(&record.message, |path, place, text| {
            let Some(text) = text else {
                // Not valid Unicode, so it cannot be searched for what it may spell.
                return Some(self.pseudonyms.name(""));
            };
            self.value(Treatment::of(path, place), text, finders)
        });
        Ok(self.record_of(record, rewritten.map_err(|_| broken())?))
    }

    /// Returns a record with another message, and its own texts redacted.
    fn record_of(&self, record: Record<'static>, message: String) -> Record<'static> {
        let own = |it: Option<Cow<'static, str>>| it.map(|it| Cow::Owned(self.plain_text(&it)));
        Record {
            log_group: own(record.log_group),
            log_stream: own(record.log_stream),
            event_id: own(record.event_id),
            message: Cow::Owned(message),
            ..record
        }
    }

    /// Returns the replacement of a text; `None` if it may stay.
    fn value(&self, role: Treatment, text: &str, known: &KnownFinders) -> Option<String> {
        if text.trim().is_empty() {
            return None;
        }
        match role {
            Treatment::Address if self.hides_addresses => {
                let mut pseudonyms = Vec::new();
                Address::each(text.into(), |it| pseudonyms.push(self.address(&it)));
                Some(pseudonyms.join(", "))
            }
            Treatment::Subject if self.hides_subjects => {
                Some(self.pseudonyms.subject(&decoded_subject(text)))
            }
            Treatment::MessageId if self.hides_addresses => {
                let id = MessageId::parse(text.into())?;
                let pseudonym = if known.is_spelled_in(id.as_str(), &self.pseudonyms) {
                    self.pseudonyms.whole_message_id(id.as_str())
                } else {
                    self.pseudonyms.message_id(id.as_str())
                };
                let has_brackets = text.trim().starts_with('<');
                Some(if has_brackets { format!("<{pseudonym}>") } else { pseudonym })
            }
            Treatment::Person if self.hides_addresses => Some(self.pseudonyms.person(text)),
            Treatment::Network if self.hides_addresses => {
                Some(self.pseudonyms.network_address(text))
            }
            Treatment::Domain if self.hides_addresses && !self.keeps_domains => {
                Some(self.pseudonyms.domain(&text.to_lowercase()))
            }
            Treatment::Domain => None,
            // Independent of the message's other texts: a key must become the same in every record
            // that has it.
            Treatment::Key => self.without_addresses(text, &KnownFinders::default()),
            Treatment::Member if is_member(text) => None,
            Treatment::Word if is_word(text.trim()) => None,
            _ => self.without_addresses(text, known),
        }
    }

    /// Returns the pseudonym of an address. A masked one names nobody, and stays.
    fn address(&self, address: &Address<'_>) -> String {
        if address.is_masked() {
            return address.logged().to_owned();
        }
        self.pseudonyms.address(address.as_str())
    }

    /// Removes known texts and addresses from a text; `None` if it has none.
    fn without_addresses(&self, text: &str, known: &KnownFinders) -> Option<String> {
        let decoded = decoded_subject(text);
        if self.hides_addresses && decoded.contains("=?") && decoded.contains("?=") {
            // An encoding that cannot be decoded may spell anything.
            return Some(self.pseudonyms.name(&decoded));
        }
        let mut pieces = Pieces::new(&decoded);
        let replace_known = |pieces: &mut Pieces<'_>, finder: Option<&KnownFinder>| {
            if let Some(finder) = finder {
                pieces.replace(|text, from| finder.first(text, from, &self.pseudonyms));
            }
        };
        // From whole addresses to their parts, so that none is replaced piecemeal and stays
        // recognisable.
        replace_known(&mut pieces, known.whole.as_ref());
        if self.hides_addresses {
            pieces.replace(|text, from| {
                let (range, address) = first_address(text.get(from..)?)?;
                let pseudonym = self.pseudonyms.address(&normal_address(&address));
                Some((from + range.start..from + range.end, pseudonym))
            });
        }
        replace_known(&mut pieces, known.parts.as_ref());
        pieces.finish()
    }

    /// Redacts a text that belongs to no message.
    pub(super) fn plain_text(&self, text: &str) -> String {
        self.without_addresses(text, &KnownFinders::default()).unwrap_or_else(|| text.to_owned())
    }

    /// Redacts a requested ID, either a message ID or a trace ID.
    pub(super) fn id(&self, id: &str) -> String {
        let bare = MessageId::parse(pasted_id(id));
        match bare.filter(|it| self.hides_addresses && it.as_str().contains('@')) {
            Some(id) => format!("<{}>", self.pseudonyms.message_id(id.as_str())),
            None => self.plain_text(id),
        }
    }

    /// Returns a question without its words, any of which may name what is redacted.
    pub(super) fn question(&self, question: &BundleQuestion) -> BundleQuestion {
        let code = |it: &String| {
            let mut code = self.pseudonyms.code(PseudonymKind::Question, it);
            code.insert_str(0, "hmac-sha256:");
            code
        };
        BundleQuestion {
            case_name: question.case_name.as_deref().map(|it| self.plain_text(it)),
            ids: question.ids.iter().map(|it| self.id(it)).collect(),
            query: question.query.as_ref().map(code),
            resolved_query: question.resolved_query.as_ref().map(code),
            filters: question.filters.iter().map(code).collect(),
            withheld: question.query.is_some() || !question.filters.is_empty(),
            ..question.clone()
        }
    }
}

/// The outcomes of a message, for each address and leg.
#[derive(Default)]
struct Decided(HashMap<(String, Direction, Timestamp), (Outcome, Vec<Address<'static>>)>);

impl Decided {
    fn applied(&self, mut row: Recipient) -> Recipient {
        let key = (row.address.as_str().to_owned(), row.direction, row.leg_started);
        if let Some((outcome, mailboxes)) = self.0.get(&key) {
            row.outcome = *outcome;
            row.mailboxes.clone_from(mailboxes);
        }
        row
    }
}

/// Labels by redacted record, whose order may differ from that of the originals. Records that have
/// become equal share a queue.
struct LabelsByRecord<T>(HashMap<(Timestamp, String), VecDeque<T>>);

impl<T> LabelsByRecord<T> {
    fn add(&mut self, record: &Record<'static>, label: T) {
        let key = (record.timestamp, record.message.clone().into_owned());
        self.0.entry(key).or_default().push_back(label);
    }

    fn take(&mut self, record: &Record<'static>) -> Option<T> {
        let key = (record.timestamp, record.message.clone().into_owned());
        self.0.get_mut(&key)?.pop_front()
    }
}

fn finders_of(known: KnownTexts) -> Result<KnownFinders, ExportError> {
    known.finders().map_err(|_| ExportError::NotRedacted {
        reason: "its message names more addresses than can be looked for".to_owned(),
    })
}

fn parted() -> ExportError {
    ExportError::NotRedacted { reason: "its events would no longer join".to_owned() }
}

fn broken() -> ExportError {
    ExportError::NotRedacted { reason: "its JSON is broken".to_owned() }
}

#[cfg(test)]
mod tests;
