//! Options as the query that they stand for.

use super::junk_word;
use crate::query::{Field, Matcher, NumberRange, Pattern, Query};
use crate::trace::filter::MessageFilter;

impl MessageFilter {
    /// The query on rows that asks the same, and the options that no query has words for.
    #[must_use]
    pub fn as_query(&self) -> (Query, Vec<&'static str>) {
        let sent_by = |it: &Pattern| {
            Query::or([Field::From, Field::Sender].map(|field| it.query().in_field(field)).to_vec())
        };
        let own = |it: &Pattern| it.query().clone();
        let word = |field, text: &str| Query::demand(field, Matcher::Exact(text.to_owned()));
        let mut parts = Vec::new();
        if !self.first_seen.is_unbounded() {
            parts.push(Query::demand(Field::FirstSeen, Matcher::Time(self.first_seen)));
        }
        parts.extend(self.outcomes_as_query());
        parts.extend(self.from.as_ref().map(sent_by));
        parts.extend(self.to.as_ref().map(own));
        parts.extend(
            self.addresses
                .as_ref()
                .map(|it| Query::or(vec![sent_by(it), it.query().in_field(Field::To)])),
        );
        parts.extend(self.folder.as_ref().map(own));
        parts.extend(self.is_junk.map(|it| word(Field::Junk, junk_word(it))));
        // Only a bounce that decided counts.
        if self.status.is_some() || self.reason.is_some() {
            parts.push(word(Field::Outcome, "bounced"));
        }
        parts.extend(self.status.as_ref().map(own));
        parts.extend(self.reason.as_ref().map(own));
        parts.extend(self.slower_than_ms.map(|it| {
            let range = NumberRange { low: it.checked_add(1), high: None };
            Query::demand(Field::Latency, Matcher::Number(range))
        }));
        parts.extend(self.verdicts.iter().map(|(_, it)| it.query().clone()));
        parts.extend(self.direction.map(|it| word(Field::Direction, it.as_str())));
        if let Ok(least @ 1..) = i64::try_from(self.recipients_min) {
            let range = NumberRange { low: Some(least), high: None };
            parts.push(Query::demand(Field::Recipients, Matcher::Number(range)));
        }
        parts.extend(self.events.iter().cloned());
        parts.push(self.rows.clone());
        let besides = [
            (self.is_internal, "--internal"),
            (self.lacks_beginning, "--no-beginning"),
            (self.forwarded_to.is_some(), "--forwarded-to"),
        ];
        let besides = besides.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, it)| it);
        (Query::and(parts), besides.collect())
    }
}
