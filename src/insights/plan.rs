//! Finds the part of a query that the index can answer: never less than the query finds.
//!
//! The index ignores case, blanks and brackets where this language is exact, so its results are
//! checked against the event itself.

use super::ast::Comparison;
use super::eval::whole;
use super::function::Function;
use super::paths::Paths;
use super::program::{Node, Op, Stage, System};
use super::value::{Value, number_in};
use crate::event::{Address, MessageId, is_plain_address};
use crate::query::{Field, Matcher, Query};
use crate::store::words::folded;
use crate::time::{TimeRange, Timestamp};

/// The query for the index, and the range of time, that contain all events of a stage.
pub(super) fn narrowed(stage: &Stage, paths: &Paths) -> (Query, TimeRange) {
    let mut queries = Vec::new();
    let mut range = TimeRange::default();
    for op in &stage.ops {
        // A condition after another step may depend on what that step made.
        let Op::Filter(condition) = op else { break };
        match time_range(condition) {
            Some(it) => range = intersection(range, it),
            None => queries.push(query(condition, paths)),
        }
    }
    (Query::and(queries), range)
}

/// The instants in both ranges.
pub(super) fn intersection(a: TimeRange, b: TimeRange) -> TimeRange {
    // `None` sorts before every time, so `max` takes the bound that exists.
    let later = |a: Option<Timestamp>, b: Option<Timestamp>| a.max(b);
    let earlier = |a: Option<Timestamp>, b: Option<Timestamp>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    TimeRange { since: later(a.since, b.since), until: earlier(a.until, b.until) }
}

/// The range of time that a condition describes, if it describes one.
fn time_range(condition: &Node) -> Option<TimeRange> {
    let Node::Compare(comparison, a, b) = condition else { return None };
    let (comparison, number) = match (a.as_ref(), b.as_ref()) {
        (a, Node::Constant(it)) if is_timestamp(a) => (*comparison, it.as_number()?),
        (Node::Constant(it), b) if is_timestamp(b) => (flipped(*comparison), it.as_number()?),
        _ => return None,
    };
    // Events have whole milliseconds, so a fraction moves the bound to the next of them.
    let below = whole(number)?;
    let above = whole(number.ceil())?;
    let at = |ms: i64| Timestamp::from_ms(ms);
    let next = |ms: i64| ms.checked_add(1).and_then(at);
    let (since, until) = match comparison {
        Comparison::Equal => (Some(at(above)?), Some(next(below)?)),
        Comparison::GreaterOrEqual => (Some(at(above)?), None),
        Comparison::Greater => (Some(next(below)?), None),
        Comparison::Less => (None, Some(at(above)?)),
        Comparison::LessOrEqual => (None, Some(next(below)?)),
        // All but one instant is no range.
        Comparison::NotEqual => return None,
    };
    Some(TimeRange { since, until })
}

fn is_timestamp(node: &Node) -> bool {
    match node {
        Node::System(System::Timestamp) => true,
        Node::Call(Function::ToMillis, arguments, _) => {
            matches!(arguments.as_slice(), [Node::System(System::Timestamp)])
        }
        _ => false,
    }
}

fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

/// A superset of what the condition finds: everything where the index cannot tell.
fn query(condition: &Node, paths: &Paths) -> Query {
    match condition {
        Node::And(list) => Query::and(list.iter().map(|it| query(it, paths)).collect()),
        // If one part cannot be answered, `Query::or` makes everything of the whole.
        Node::Or(list) => Query::or(list.iter().map(|it| query(it, paths)).collect()),
        Node::Compare(Comparison::Equal, a, b) => match (a.as_ref(), b.as_ref()) {
            (Node::Path(slot), Node::Constant(value))
            | (Node::Constant(value), Node::Path(slot)) => equality(paths.name(*slot), value),
            _ => Query::All,
        },
        Node::In { value, list, is_negated: false } if !list.is_empty() => match value.as_ref() {
            Node::Path(slot) => {
                let each = list.iter().map(|it| match it {
                    Node::Constant(value) => equality(paths.name(*slot), value),
                    _ => Query::All,
                });
                Query::or(each.collect())
            }
            _ => Query::All,
        },
        // Negations are here too: the complement of a superset would lose matches.
        _ => Query::All,
    }
}

fn equality(name: &str, value: &Value<'_>) -> Query {
    let Value::Text(text) = value else { return Query::All };
    // Equal numbers have many spellings, and the index trims blanks.
    let is_plain = number_in(text).is_none() && !text.is_empty() && text.trim() == text.as_ref();
    if !is_plain {
        return Query::All;
    }
    let keyword = |field| Query::demand(field, Matcher::Exact(folded(text).into_owned()));
    match name {
        "traceId" => Query::demand(Field::TraceId, Matcher::Exact(text.to_string())),
        // The index lacks texts that are no IDs, although this language compares them.
        "event.messageId" => match MessageId::parse(text.as_ref().into()) {
            Some(id) => Query::demand(Field::MessageId, Matcher::Exact(id.as_str().to_owned())),
            None => Query::All,
        },
        "event.eventName" => keyword(Field::Event),
        "event.ruleName" => keyword(Field::Rule),
        "event.ruleType" => keyword(Field::RuleType),
        "event.folder" => keyword(Field::Folder),
        "event.spamVerdict" => keyword(Field::Spam),
        "event.dkimVerdict" => keyword(Field::Dkim),
        "event.dmarcVerdict" => keyword(Field::Dmarc),
        "event.spfVerdict" => keyword(Field::Spf),
        "event.from" => address(Field::From, text),
        "event.sender" => address(Field::Sender, text),
        "event.recipient" => address(Field::To, text),
        _ => Query::All,
    }
}

/// A condition on an address of the plainest kind. Others may hold several addresses, or may be
/// logged in many forms.
fn address(field: Field, text: &str) -> Query {
    match Address::parse(text.into()) {
        Some(it) if is_plain_address(text) => {
            Query::demand(field, Matcher::Exact(it.as_str().to_owned()))
        }
        _ => Query::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::compile::{Instants, compile};
    use crate::insights::parse;

    fn narrowed(query: &str) -> String {
        let instants = Instants { now_ms: 1_795_469_640_000, ..Instants::default() };
        let program = compile(&parse(query).unwrap(), instants).unwrap();
        let (query, range) = super::narrowed(&program.first, &program.paths);
        let ms = |it: Option<Timestamp>| it.map(Timestamp::as_ms);
        match (ms(range.since), ms(range.until)) {
            (None, None) => query.to_string(),
            (since, until) => format!("{query} {since:?} {until:?}"),
        }
    }

    #[test]
    fn equality_on_what_is_indexed_is_asked_of_the_index() {
        let check = |query: &str, expect: &str| {
            assert_eq!(narrowed(query), expect.replace('\'', "\""), "{query}");
        };
        check("filter event.eventName = 'OUTGOING_EMAIL_SENT'", "event:'outgoing_email_sent'");
        check("stats count(*) by event.from | filter event.eventName = 'X'", "event:'x'");
        check(
            "filter event.from like /a/ and event.eventName = 'X' and traceId = 't-1'",
            "event:'x' AND trace-id:'t-1'",
        );
        check(
            "filter event.messageId = '<a@b>' or traceId = 't'",
            "message-id:'a@b' OR trace-id:'t'",
        );
        check("filter event.eventName in ['A', 'B']", "event:'a' OR event:'b'");
        check("filter event.from = 'Ana@Acme.example'", "from:'ana@acme.example'");
        check("filter 'PASS' = event.spamVerdict", "spam:'pass'");
    }

    #[test]
    fn what_the_index_cannot_tell_is_read() {
        for query in [
            "filter event.eventName != 'X'",
            "filter not (event.eventName = 'X')",
            "filter event.eventName not in ['X']",
            "filter event.eventName = 'X' or event.size > 5",
            "filter event.eventName in ['X', event.other]",
            "filter event.eventName in []",
            "filter event.eventName = '200'",
            "filter event.eventName = ' X'",
            "filter event.eventName = ''",
            "filter event.messageId = 'none'",
            "filter event.from = 'Ana <ana@acme.example>'",
            "fields 'X' as x | filter event.eventName = x",
            "stats count(*) as c by event.eventName | filter c = 'X'",
            "",
        ] {
            let query = if query.is_empty() { "fields @message" } else { query };
            assert_eq!(narrowed(query), Query::All.to_string(), "{query}");
        }
    }

    #[test]
    fn conditions_on_the_time_are_a_range() {
        let check = |query: &str, since: Option<i64>, until: Option<i64>| {
            assert_eq!(narrowed(query), format!("{} {since:?} {until:?}", Query::All), "{query}");
        };
        check("filter @timestamp >= 5 and 9 > @timestamp", Some(5), Some(9));
        check("filter @timestamp > 5 | filter @timestamp <= 9", Some(6), Some(10));
        check("filter toMillis(@timestamp) >= 4.5", Some(5), None);
        check(
            "filter toMillis(@timestamp) >= now() * 1000 - 7200000",
            Some(1_795_462_440_000),
            None,
        );
        check("filter @timestamp = 7", Some(7), Some(8));
    }
}
