//! Decides whether an event matches a query, from the event itself.

use std::cell::RefCell;

use super::{Clause, Field, FieldKind, Matcher, Query};
use crate::event::{Address, Event, MessageId, decoded_subject};
use crate::store::words::{folded, words};
use crate::store::{Record, StoredEvent};
use crate::time::Timestamp;

impl Query {
    /// True if `event` matches.
    ///
    /// # Example
    /// ```
    /// use mailtrace::{Parser, Record, StoredEvent, Timestamp, Zone, parse_query};
    /// let message = r#"{"traceId":"t","event":{"eventName":"OUTGOING_EMAIL_SENT","recipient":"Bob@far.example"}}"#;
    /// let record = Record {
    ///     log_group: None, log_stream: None, event_id: None, timestamp: Timestamp::MIN,
    ///     is_time_approximate: false, ingestion_time: None, message: message.into(),
    /// };
    /// let event = Parser::new().parse(message).unwrap().into_owned();
    /// let stored = StoredEvent { record, event };
    /// let matches = |text| parse_query(text, Timestamp::MIN, &Zone::UTC).unwrap().matches(&stored);
    /// assert!(matches("to:bob@* event:OUTGOING_EMAIL_SENT"));
    /// assert!(!matches("to:ana@* OR event:RULE_APPLIED"));
    /// ```
    pub fn matches(&self, event: &StoredEvent) -> bool {
        self.holds(&event.record, &event.event)
    }

    /// Decides the same for a borrowed event.
    pub(super) fn holds(&self, record: &Record<'_>, event: &Event<'_>) -> bool {
        match self {
            Self::All => true,
            Self::And(queries) => queries.iter().all(|it| it.holds(record, event)),
            Self::Or(queries) => queries.iter().any(|it| it.holds(record, event)),
            Self::Not(query) => !query.holds(record, event),
            Self::Clause(clause) => clause.holds(record, event),
        }
    }
}

impl Clause {
    /// True if at least one value of the event's field meets the condition.
    pub fn matches(&self, event: &StoredEvent) -> bool {
        self.holds(&event.record, &event.event)
    }

    fn holds(&self, record: &Record<'_>, event: &Event<'_>) -> bool {
        match &self.matcher {
            Matcher::Present if self.field == Field::Time => true,
            // A text of punctuation alone has no words, and the index finds the field by its words.
            Matcher::Present if self.field.kind() == FieldKind::Words => {
                has_value(self.field, record, event, &|value| {
                    let mut has_word = false;
                    words(value, |_, _| has_word = true);
                    has_word
                })
            }
            Matcher::Time(range) if self.field == Field::Time => range.contains(record.timestamp),
            matcher => has_value(self.field, record, event, &|value| matcher.fits_text(value)),
        }
    }
}

impl Matcher {
    /// True if a value meets the condition. It must be normalised for its field; times are not
    /// texts.
    pub(crate) fn fits_text(&self, value: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(text) => value == text,
            Self::Glob(glob) => glob.matches(value),
            Self::Regex(regexp) => regexp.matches(value),
            Self::Phrase(phrase) => phrase.matches(value),
            Self::Text(pattern) => pattern.matches(value),
            Self::Status(range) => range.contains(value),
            Self::OneOf(values) => values.contains(value),
            Self::Time(_) | Self::Number(_) | Self::Event(_) => false,
        }
    }
}

impl Matcher {
    pub(crate) fn fits_number(&self, number: i64) -> bool {
        match self {
            Self::Present => true,
            Self::Number(range) => range.contains(number),
            _ => false,
        }
    }

    pub(crate) fn fits_time(&self, instant: Timestamp) -> bool {
        match self {
            Self::Present => true,
            Self::Time(range) => range.contains(instant),
            _ => false,
        }
    }
}

/// Passes all values of the field, normalised for its kind, to `visit`.
pub(super) fn each_value(
    field: Field,
    record: &Record<'_>,
    event: &Event<'_>,
    visit: &mut dyn FnMut(&str),
) {
    // `has_value` takes a shared closure, which cannot borrow `visit` mutably.
    let visit = RefCell::new(visit);
    // `false` keeps the search going to the last value.
    has_value(field, record, event, &|value| {
        if let Ok(mut visit) = visit.try_borrow_mut() {
            visit(value);
        }
        false
    });
}

/// True if one of the field's values, normalised for its kind, passes the test.
fn has_value(
    field: Field,
    record: &Record<'_>,
    event: &Event<'_>,
    test: &dyn Fn(&str) -> bool,
) -> bool {
    let address = |value: Option<&Address<'_>>| value.is_some_and(|it| test(it.as_str()));
    let keyword = |value: Option<&str>| {
        value.map(folded).filter(|it| !it.is_empty()).is_some_and(|it| test(&it))
    };
    match field {
        Field::From => address(event.from.as_ref()),
        Field::Sender => address(event.sender.as_ref()),
        Field::To => event.all_recipients().any(|it| test(it.as_str())),
        Field::Subject => event.subject.as_deref().is_some_and(|it| test(&decoded_subject(it))),
        Field::Reason => event.reason.as_deref().is_some_and(test),
        Field::MessageId => event.message_id.as_ref().map(MessageId::as_str).is_some_and(test),
        Field::TraceId => !event.trace_id.is_empty() && test(&event.trace_id),
        Field::Event => keyword(Some(event.name.as_str())),
        Field::Rule => keyword(event.rule_name.as_deref()),
        Field::RuleType => keyword(event.rule_type.as_deref()),
        Field::Action => event.rule_actions.iter().any(|it| keyword(Some(&it.action))),
        Field::Folder => {
            keyword(event.folder.as_deref()) || keyword(event.target_folder.as_deref())
        }
        Field::Spam => keyword(event.verdicts.spam.as_deref()),
        Field::Dkim => keyword(event.verdicts.dkim.as_deref()),
        Field::Dmarc => keyword(event.verdicts.dmarc.as_deref()),
        Field::Spf => keyword(event.verdicts.spf.as_deref()),
        Field::Policy => {
            keyword(event.policy.as_deref()) || keyword(event.verdicts.dmarc_policy.as_deref())
        }
        Field::Status => keyword(event.status.as_deref()),
        Field::LogGroup => keyword(record.log_group.as_deref()),
        Field::Time => test(&record.timestamp.to_string()),
        // A single event does not have these.
        Field::Outcome
        | Field::MessageOutcome
        | Field::Latency
        | Field::Direction
        | Field::Junk
        | Field::SenderDomain
        | Field::RecipientDomain
        | Field::Cause
        | Field::Recipients
        | Field::FirstSeen
        | Field::Address
        | Field::ForwardedTo
        | Field::Leg
        | Field::FinalStatus
        | Field::OneEvent
        | Field::Access(_) => false,
    }
}
