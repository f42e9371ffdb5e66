//! The part of a query that a cluster can answer, so that fewer events are fetched. It finds all
//! events that fit and maybe more; the store's code decides.

use serde_json::{Value, json};

use super::document::keyword;
use super::fetch::range_query;
use crate::query::{Clause, Field, Glob, Matcher, Query};

/// The degree to which a condition narrows, as far as that is predictable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Narrowing {
    Time,
    SomeAddresses,
    Address,
    Id,
}

/// A query that finds every event that fits, if there is one.
pub(super) fn lowered(query: &Query) -> Option<(Narrowing, Value)> {
    match query {
        Query::All | Query::Not(_) => None,
        // Only the narrowest part: an event need not fulfil the other ones itself, since `from:`
        // and `to:` of one message may hold for different events of it.
        Query::And(parts) => parts.iter().filter_map(lowered).max_by_key(|(it, _)| *it),
        Query::Or(parts) => {
            // One branch that cannot be lowered could hold for any event, so then nothing is
            // narrowed.
            let parts: Vec<_> = parts.iter().map(lowered).collect::<Option<_>>()?;
            let narrowing = parts.iter().map(|(it, _)| *it).min()?;
            let should: Vec<Value> = parts.into_iter().map(|(_, it)| it).collect();
            Some((narrowing, json!({"bool": {"should": should, "minimum_should_match": 1}})))
        }
        Query::Clause(clause) => of_clause(clause),
    }
}

fn of_clause(Clause { field, matcher, .. }: &Clause) -> Option<(Narrowing, Value)> {
    let (narrowing, name) = match field {
        Field::Time => {
            let Matcher::Time(range) = matcher else { return None };
            return range_query(*range).map(|it| (Narrowing::Time, it));
        }
        Field::MessageId => (Narrowing::Id, "messageId"),
        Field::TraceId => (Narrowing::Id, "traceId"),
        Field::From => (Narrowing::Address, "from"),
        Field::Sender => (Narrowing::Address, "sender"),
        Field::To => (Narrowing::Address, "recipients"),
        _ => return None,
    };
    match matcher {
        Matcher::Exact(text) => Some((narrowing, json!({"term": {name: keyword(text)}}))),
        Matcher::Glob(glob) => {
            let found = match glob {
                Glob::Prefix(text) => json!({"prefix": {name: {"value": text}}}),
                Glob::Suffix(text) => {
                    json!({"wildcard": {name: {"value": format!("*{}", escaped(text))}}})
                }
                Glob::General(_) | Glob::Single(_) => return None,
            };
            // A value that is too long is indexed by its hash alone, and may fit.
            let hashed = json!({"prefix": {name: {"value": "sha256:"}}});
            let should = json!({"bool": {"should": [found, hashed], "minimum_should_match": 1}});
            Some((narrowing.min(Narrowing::SomeAddresses), should))
        }
        _ => None,
    }
}

/// Escapes a text for a wildcard pattern.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Timestamp, Zone};

    fn check(query: &str, expect: Option<(Narrowing, &str)>) {
        let query = crate::query::parse(query, Timestamp::UNIX_EPOCH, &Zone::UTC).unwrap();
        let found = lowered(&query).map(|(it, value)| (it, value.to_string()));
        assert_eq!(found, expect.map(|(it, text)| (it, text.to_owned())), "{query}");
    }

    #[test]
    fn only_what_every_answer_must_have_is_asked_of_the_cluster() {
        let id = Some((Narrowing::Id, r#"{"term":{"messageId":"a@b.example"}}"#));
        check("message-id:a@b.example", id);
        check("message-id:a@b.example subject:x -from:c@d.example", id);
        check(
            "from:ana@acme.example",
            Some((Narrowing::Address, r#"{"term":{"from":"ana@acme.example"}}"#)),
        );
        for open in ["subject:x", "-from:c@d.example", "from:c@d.example OR subject:x", "from:/x/"]
        {
            check(open, None);
        }
    }

    #[test]
    fn a_pattern_stands_for_itself() {
        assert_eq!(escaped(r"a*b?c\"), r"a\*b\?c\\");
    }
}
