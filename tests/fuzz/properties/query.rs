//! The query languages, and the patterns of options.

use mailtrace::internals::{
    Field, FieldKind, Matcher, Pattern, QUERY_BYTES_MAX, QueryErrorKind, Span, ValueSet,
};
use mailtrace::{Event, Parser, Query, StoredEvent, Timestamp, Zone, parse_query};

use super::event::{is_plain, of_time};

/// Reads the input as a query, and as a pattern on each field.
pub fn query(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let events = sample_events();
    match ask(&text) {
        Ok(query) => reads_back(query, &events),
        Err(error) => {
            is_plain(&error.report());
            assert!(text.is_char_boundary(error.span.start) || text.len() > QUERY_BYTES_MAX);
        }
    }
    if let Err(error) = mailtrace::internals::parse_insights(&text) {
        is_plain(&error.report());
        assert!(text.is_char_boundary(error.span.start) || text.len() > QUERY_BYTES_MAX);
    }
    for field in Field::ALL {
        pattern_holds(field, &text, &events);
    }
}

fn now() -> Timestamp {
    Timestamp::from_ms(1_795_469_640_000).unwrap()
}

fn ask(text: &str) -> Result<Query, mailtrace::QueryError> {
    parse_query(text, now(), &Zone::UTC)
}

/// A query reads back from what it displays, and then finds the same.
fn reads_back(query: Query, events: &[StoredEvent]) {
    let shown = query.to_string();
    if shown.len() > QUERY_BYTES_MAX {
        return;
    }
    let again = match ask(&shown) {
        Ok(again) => again,
        // Parentheses that the text did without may be one too many.
        Err(error) if error.kind == QueryErrorKind::TooDeep => return,
        Err(error) => panic!("{shown}: {}", error.report()),
    };
    for event in events {
        assert_eq!(query.matches(event), again.matches(event), "{shown}");
    }
    let _asks = query.asks_for_id();
    assert_eq!(without_places(again), without_places(query), "{shown}");
}

fn without_places(query: Query) -> Query {
    let all = |list: Vec<Query>| list.into_iter().map(without_places).collect();
    match query {
        Query::All => Query::All,
        Query::And(list) => Query::And(all(list)),
        Query::Or(list) => Query::Or(all(list)),
        Query::Not(inner) => Query::Not(Box::new(without_places(*inner))),
        Query::Clause(mut clause) => {
            clause.span = Span::default();
            Query::Clause(clause)
        }
    }
}

/// A pattern asks of a value what its query asks of the event; a list of one is that one.
fn pattern_holds(field: Field, text: &str, events: &[StoredEvent]) {
    let pattern = match Pattern::parse(field, text) {
        Ok(pattern) => pattern,
        Err(error) => return is_plain(&error.report()),
    };
    let values = ["ana@acme.example", "Junk E-mail", "5.1.1", "t", text];
    for value in values {
        let _fits = pattern.matches(value);
    }
    for event in events {
        let _is_found = pattern.query().matches(event);
    }
    let is_listed = matches!(field.kind(), FieldKind::Address | FieldKind::Keyword | FieldKind::Id);
    let is_any = matches!(pattern.query(), Query::Clause(it) if it.matcher == Matcher::Present);
    if is_listed && !is_any {
        let set = ValueSet::parse(field, [text]).unwrap();
        assert!(!set.is_empty());
        let one_of = Pattern::one_of(field, set);
        for value in values {
            assert_eq!(one_of.matches(value), pattern.matches(value), "{field}: {text} on {value}");
        }
    }
}

/// One event of each kind that asks something else of a query.
fn sample_events() -> Vec<StoredEvent> {
    let bodies = [
        r#"{"eventName":"ORGANIZATION_EMAIL_RECEIVED","recipients":["bob@acme.example"],"from":"Ana <ana@acme.example>","subject":"Your Report: 請求書 =?UTF-8?Q?f=C3=BCr?=","messageId":"<Abc(1)@far.example>","spamVerdict":"PASS"}"#,
        r#"{"eventName":"OUTGOING_EMAIL_BOUNCED","bouncedRecipient":{"emailAddress":"carla@other.example","status":"5.7.26","reason":"550 not accepted"}}"#,
        r#"{"eventName":"RULE_APPLIED","ruleName":"Büro","ruleActions":[{"action":"Move"}],"targetFolder":"Junk E-mail"}"#,
    ];
    let event = |(at, body): (usize, &str)| {
        let message = format!(r#"{{"traceId":"t","event":{body}}}"#);
        let event = Parser::new().parse(&message).map(Event::into_owned).unwrap();
        of_time(i64::try_from(at).unwrap() * 86_400_000, message, event)
    };
    bodies.into_iter().enumerate().map(event).collect()
}
