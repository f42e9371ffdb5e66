//! The language as people use it.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::event::Parser;
use crate::limits;
use crate::store::{Record, StoredEvent};
use crate::time::{Timestamp, Zone};

fn now() -> Timestamp {
    Timestamp::parse_log_form("2026-11-23T12:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Query, QueryError> {
    parse(text, now(), &Zone::UTC)
}

fn event(time: &str, body: &str) -> StoredEvent {
    let message = format!(r#"{{"traceId":"Trace-1","event":{body}}}"#);
    let event = Parser::new().parse(&message).unwrap().into_owned();
    let record = Record {
        log_group: Some(Cow::Borrowed("/aws/workmail/emailevents/acme")),
        log_stream: None,
        event_id: None,
        timestamp: Timestamp::parse_log_form(time).unwrap(),
        is_time_approximate: false,
        ingestion_time: None,
        message: Cow::Owned(message),
    };
    StoredEvent { record, event }
}

fn received() -> StoredEvent {
    event(
        "2026-11-23T10:30:00Z",
        r#"{"eventName":"ORGANIZATION_EMAIL_RECEIVED","recipients":["bob@acme.example","team@acme.example"],"from":"Ana <Ana@far.example>",
        "sender":"assistant@far.example","subject":"Your Quarterly Report: 請求書 =?UTF-8?Q?f=C3=BCr_M=C3=BCnchen?=","messageId":"<Abc(1)@far.example>",
        "spamVerdict":"PASS","dmarcVerdict":"FAIL","dmarcPolicy":"QUARANTINE","spfVerdict":"GRAY"}"#,
    )
}

fn bounced() -> StoredEvent {
    event(
        "2026-11-02T23:59:59.999Z",
        r#"{"eventName":"OUTGOING_EMAIL_BOUNCED","bouncedRecipient":{"emailAddress":"carla@other.example","status":"5.7.26",
        "reason":"550 5.7.26 Unauthenticated email from acme.example is not accepted"}}"#,
    )
}

fn ruled() -> StoredEvent {
    event(
        "2026-11-03T00:00:00Z",
        r#"{"eventName":"RULE_APPLIED","ruleName":"Quarantine Büro","ruleType":"MAILBOX_RULE","ruleActions":[{"action":"Move","recipients":["bob@acme.example"]}],
        "targetFolder":"Junk E-mail","targetRecipient":"ana+x@private.example"}"#,
    )
}

fn check(stored: &StoredEvent, found_by: &[&str], missed_by: &[&str]) {
    let matches =
        |text: &str| read(text).unwrap_or_else(|it| panic!("{}", it.report())).matches(stored);
    for text in found_by {
        assert!(matches(text), "{text} should match");
    }
    for text in missed_by {
        assert!(!matches(text), "{text} should not match");
    }
}

#[test]
fn a_received_message_is_found() {
    let found_by = [
        "",
        "*",
        "from:ana@far.example",
        "from:ANA@FAR.example",
        "from:<ana@far.example>",
        "from:*@far.example",
        "from:far.example",
        "from:@far.example",
        "from:ana*",
        "from:*far*",
        "to:team@acme.example",
        "recipient:b*b@acme.*",
        "ana@far.example",
        "assistant@far.example",
        "*@far.example",
        "<Abc\\(1\\)@far.example>",
        "\"Abc(1)@far.example\"",
        "message-id:\"<Abc(1)@far.example>\"",
        "messageId:*",
        "sender:*",
        "trace-id:Trace-1",
        "Trace-1",
        "subject:quarterly",
        "subject:\"quarterly report\"",
        "\"quarterly report\"",
        "quart*",
        "subject:\"quarterly rep*\"",
        "subject:求书 OR subject:求書",
        "subject:münchen",
        "subject:MU\u{308}NCHEN",
        "event:organization_email_received",
        "event:*RECEIVED",
        "dmarc:fail policy:quarantine",
        "-spam:FAIL",
        "NOT spam:FAIL",
        "spam:(FAIL OR PASS)",
        "spf:GRAY AND (dkim:PASS OR dmarc:FAIL)",
        "time:2026-11-23",
        "time:>=2h",
        "time:[2026-11-20 TO 2026-11-23]",
        "time:*",
        "log-group:*/acme",
        "time:2026-11-23T10:30:00Z",
        "time:<\"2026-11-23 10:31\"",
        "from:a* to:t* subject:report",
        "a OR b OR quarterly",
        "quarterly AND report",
        "-(spam:FAIL OR spam:GRAY)",
    ];
    let missed_by = [
        "NOT *",
        "from:ana",
        "from:\"far.example\"",
        "from:*@acme.example",
        "from:example",
        "bob@far.example",
        "message-id:\"abc(1)@far.example\"",
        "trace-id:trace-1",
        "subject:\"report quarterly\"",
        "subject:quart",
        "subject:\"your report\"",
        "event:RECEIVED",
        "-quarterly",
        "spam:(FAIL OR GRAY)",
        "status:*",
        "folder:*",
        "time:>=1h",
        "time:{2026-11-23 TO *]",
        "time:[2026-11-20 TO 2026-11-23}",
        "time:<2026-11-23",
        "quarterly nothing",
        "nothing OR quarterly nothing",
    ];
    check(&received(), &found_by, &missed_by);
}

#[test]
fn a_bounce_is_found() {
    let found_by = [
        "status:5.7.26",
        "status:5",
        "status:5.7",
        "status:[5.0 TO 5.9]",
        "status:>=5",
        "status:5.*",
        "status:*.26",
        "status:>5.7.9",
        "status:<6",
        "status:{4 TO 5.7.27}",
        "reason:unauthenticated",
        "reason:\"5 7 26\"",
        "reason:5.7.26",
        "to:carla@other.example",
        "time:[2026-11-01 TO 2026-11-02]",
        "time:<=2026-11-02",
        "-subject:*",
        "carla@*",
    ];
    let missed_by = [
        "status:5.7.2",
        "status:[5.0 TO 5.6]",
        "status:>5",
        "status:<=5.7.9",
        "status:4.*",
        "status:<5.7",
        "time:>2026-11-02",
        "time:2026-11-03",
        "reason:unauth",
        "from:*",
    ];
    check(&bounced(), &found_by, &missed_by);
}

#[test]
fn a_rule_is_found() {
    let found_by = [
        "rule:\"quarantine büro\"",
        "rule:quarant*",
        "rule:QUARANTINE\\ BU\u{308}RO",
        "rule:*büro",
        "rule-type:mailbox_rule",
        "action:move",
        "folder:\"junk e-mail\"",
        "folder:junk*",
        "to:ana+x@private.example",
        "time:2026-11-03",
        "rule:*",
    ];
    check(&ruled(), &found_by, &["rule:quarantine", "rule:büro", "folder:junk", "action:drop"]);
}

#[test]
fn and_binds_tighter_than_or() {
    let shown = |text: &str| read(text).unwrap().to_string();
    assert_eq!(shown("spam:a OR spam:b spam:c"), "spam:\"a\" OR spam:\"b\" AND spam:\"c\"");
    assert_eq!(
        shown("(spam:a OR spam:b) -(spam:c spam:d)"),
        "(spam:\"a\" OR spam:\"b\") AND NOT (spam:\"c\" AND spam:\"d\")"
    );
    assert_eq!(shown("NOT NOT spam:a"), "spam:\"a\"");
    assert_eq!(shown("orange"), "subject:\"orange\" OR trace-id:\"orange\"");
    assert_eq!(shown("status:>=5"), "status:[5.0.0 TO *]");
    assert_eq!(
        shown("time:2026-11-02"),
        "time:[2026-11-02T00:00:00.000Z TO 2026-11-03T00:00:00.000Z}"
    );
}

#[test]
fn a_day_is_one_of_the_zone() {
    let zone = Zone::named("Europe/Madrid").unwrap();
    let query = parse("time:2026-10-25", now(), &zone).unwrap();
    // The clocks go back on that day, so it has 25 hours.
    assert_eq!(query.to_string(), "time:[2026-10-24T22:00:00.000Z TO 2026-10-25T23:00:00.000Z}");
}

#[test]
fn spans_say_where_a_clause_stands() {
    let Query::And(parts) = read("spam:a  to:\"b@c\"").unwrap() else { panic!() };
    let Query::Clause(clause) = &parts[1] else { panic!() };
    assert_eq!(clause.span, Span { start: 8, end: 16 });
}

fn report(text: &str) -> String {
    read(text).unwrap_err().report()
}

#[test]
fn errors_show_the_place_and_what_to_do() {
    insta::assert_snapshot!(report("to:bob form:ana@x subject:y"), @r#"
    unknown field "form"
      to:bob form:ana@x subject:y
             ^~~~
    help: did you mean from? fields: from, sender, to, subject, message-id, trace-id, event, rule, rule-type, action, folder, spam, dkim, dmarc, spf, policy, status, reason, log-group, time
    "#);
    insta::assert_snapshot!(report("請求書 message-id:<abc*>"), @r#"
    message-id is looked up exactly, so a * cannot stand in it
      請求書 message-id:<abc*>
             ^~~~~~~~~~~~~~~~~
    help: give the whole ID, or quote it if the * belongs to it; message-id:* finds all events that have one
    "#);
    insta::assert_snapshot!(report("a AND (b OR c"), @r#"
    this parenthesis is never closed
      a AND (b OR c
            ^
    help: close it, or put a backslash before it if it is part of the text
    "#);
    insta::assert_snapshot!(report("a) b"), @r#"
    this parenthesis was never opened
      a) b
       ^
    help: take it out, or put a backslash before it if it is part of the text
    "#);
    insta::assert_snapshot!(report("a OR"), @r#"
    a term is missing here
      a OR
          ^
    help: give a word, a "phrase", field:value or ( )
    "#);
    insta::assert_snapshot!(report("subject:\"open"), @r#"
    this quote is never closed
      subject:"open
              ^
    help: close it, or put a backslash before it if it is part of the text
    "#);
    insta::assert_snapshot!(report("from:"), @r#"
    from needs a value
      from:
      ^~~~~
    help: write from:VALUE, or from:* for any value
    "#);
    insta::assert_snapshot!(report("message-id:null"), @r#"
    "null" is no message ID: it stands where there is none, or hides one
      message-id:null
      ^~~~~~~~~~~~~~~
    help: write NOT message-id:* for events that have no ID
    "#);
    insta::assert_snapshot!(report("message-id:<>"), @r#"
    message-id needs a value
      message-id:<>
      ^~~~~~~~~~~~~
    help: write message-id:VALUE, or message-id:* for any value
    "#);
    insta::assert_snapshot!(report("subject:inv*ce"), @r#"
    in subjects and reasons a * may stand only at the end of a word
      subject:inv*ce
      ^~~~~~~~~~~~~~
    help: write invoi* for what begins with invoi
    "#);
    insta::assert_snapshot!(report("subject:---"), @r#"
    there is no word in this, and subject is searched by words
      subject:---
      ^~~~~~~~~~~
    help: give letters, digits or an emoji
    "#);
    insta::assert_snapshot!(report("time:2h"), @r#"
    an age alone is no time
      time:2h
      ^~~~~~~
    help: write time:>=2h for what happened since
    "#);
    insta::assert_snapshot!(report("time:>=soon"), @r#"
    cannot read "soon" as a time: give RFC 3339 (2026-11-23T21:34:00Z), a date (2026-11-23), or an age (2h, 7d, 1h30m)
      time:>=soon
      ^~~~~~~~~~~
    help: write time:2026-11-23, time:>=2h or time:[2026-11-01 TO 2026-11-02]
    "#);
    insta::assert_snapshot!(report("status:[5.1 TO"), @r#"
    this range is incomplete
      status:[5.1 TO
      ^~~~~~~~~~~~~~
    help: write [a TO b], or {a TO b} without the ends; * leaves an end open
    "#);
    insta::assert_snapshot!(report("status:>=many"), @r#"
    "many" is no status
      status:>=many
      ^~~~~~~~~~~~~
    help: give a status such as 5, 5.1 or 5.1.1, or a pattern such as 5.*
    "#);
    insta::assert_snapshot!(report("folder:[a TO b]"), @r#"
    folder has no order, so it takes no range
      folder:[a TO b]
             ^~
    help: ranges work on status and time; quote the value if this is part of it
    "#);
    insta::assert_snapshot!(read("form:ana").unwrap_err().to_string(), @r#"unknown field "form" (column 1): did you mean from? fields: from, sender, to, subject, message-id, trace-id, event, rule, rule-type, action, folder, spam, dkim, dmarc, spf, policy, status, reason, log-group, time"#);
}

#[test]
fn every_error_lies_within_the_query() {
    for text in
        ["(", ")", "-", "a:", "\"", "NOT", "AND", "a AND", "(a", "status:[", "time:>=", "\\"]
    {
        if let Err(error) = read(text) {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{text}");
        }
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = |open: &str, count: usize| {
        format!(
            "{}a{}",
            open.repeat(count),
            if open == "(" { ")".repeat(count) } else { String::new() }
        )
    };
    for open in ["(", "NOT ", "-"] {
        assert!(read(&deep(open, limits::QUERY_DEPTH_MAX)).is_ok(), "{open}");
        assert_eq!(read(&deep(open, 1_000)).unwrap_err().kind, QueryErrorKind::TooDeep, "{open}");
    }
    let long = "a".repeat(limits::QUERY_BYTES_MAX + 1);
    let error = read(&long).unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::TooLong);
    assert!(error.report().len() < 500);
}

#[test]
fn hostile_queries_are_shown_without_their_teeth() {
    for field in ["form", "time", "status:>"] {
        let error = read(&format!("{field}:\u{1b}[31m\u{202e}x")).unwrap_err();
        assert!(!error.report().contains(['\u{1b}', '\u{202e}']), "{field}");
        assert!(!error.to_string().contains(['\u{1b}', '\u{202e}']), "{field}");
    }
}

fn without_spans(query: Query) -> Query {
    let all = |list: Vec<Query>| list.into_iter().map(without_spans).collect();
    match query {
        Query::And(list) => Query::And(all(list)),
        Query::Or(list) => Query::Or(all(list)),
        Query::Not(inner) => Query::Not(Box::new(without_spans(*inner))),
        Query::Clause(clause) => Query::Clause(Clause { span: Span::default(), ..clause }),
        Query::All => Query::All,
    }
}

fn term() -> impl Strategy<Value = String> {
    let field = proptest::sample::select(Field::ALL.map(Field::name).to_vec());
    let value = prop_oneof![
        "[a-zA-Z0-9@.*<>-]{1,8}",
        "\"[a-z *\\PC&&[^\"\\\\]]{0,8}\"",
        "\\[[0-9.]{1,3} TO [0-9*]{1,2}[\\]}]",
        "[<>]=?[0-9]{1,2}d?",
        "\\PC{1,6}",
    ];
    (proptest::option::weighted(0.8, field), value).prop_map(|(field, value)| match field {
        Some(field) => format!("{field}:{value}"),
        None => value,
    })
}

fn query_text() -> impl Strategy<Value = String> {
    let glue = prop_oneof![
        Just(" "),
        Just(" AND "),
        Just(" OR "),
        Just(" NOT "),
        Just(" -"),
        Just(" ("),
        Just(") ")
    ];
    proptest::collection::vec((glue, term()), 1..6)
        .prop_map(|parts| parts.into_iter().map(|(glue, term)| glue.to_owned() + &term).collect())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        if let Err(error) = read(&text) {
            let _shown = (error.report(), error.to_string());
        }
    }

    #[test]
    fn no_near_query_makes_the_parser_panic(text in query_text()) {
        match read(&text) {
            Ok(query) => {
                for stored in [received(), bounced(), ruled()] {
                    let _is_found = query.matches(&stored);
                }
            }
            Err(error) => prop_assert!(!error.report().is_empty()),
        }
    }

    #[test]
    fn a_query_reads_back_from_what_it_displays(text in query_text()) {
        if let Ok(query) = read(&text) {
            let shown = query.to_string();
            let again = read(&shown);
            prop_assert!(again.is_ok(), "{} -> {}", text, shown);
            prop_assert_eq!(again.map(without_spans), Ok(without_spans(query)), "{}", shown);
        }
    }
}

#[test]
fn operators_of_other_languages_are_errors_with_what_to_write() {
    let check = |text: &str, place: &str, help: &str| {
        let error = parse(text, Timestamp::MIN, &Zone::UTC).unwrap_err();
        assert_eq!(text.get(error.span.start..error.span.end), Some(place), "{text}");
        assert!(error.help().contains(help), "{text}: {}", error.help());
    };
    check("to:bob@acme.example && event:*", "&&", "write AND");
    check("to:bob@acme.example&&event:*", "&&", "write AND");
    check("to:a@x || to:b@x", "||", "write OR");
    check("invoice||receipt", "||", "write OR");
    check("to:a@x | to:b@x", "|", "write OR");
    check("!spam:PASS", "!", "write NOT");
    check("to:a@x ! spam:PASS", "!", "write NOT");
    check("+to:a@x", "+", "leave + out");
    check("to:a@x +event:*", "+", "leave + out");
    check("to:a@x or to:b@x", "or", "write OR");
    check("to:a@x And to:b@x", "And", "write AND");
    check("to:(a@x or b@x)", "or", "write OR");
    check("(invoice and receipt)", "and", "write AND");
    check("not spam:PASS", "not", "write NOT");
    check("to:a@x not spam:PASS", "not", "write NOT");
    check("from=ana@x", "=", "from:VALUE");
    check("to:a@x status!=5.1.1", "!=", "-status:VALUE");
    for text in [
        "\"this and that\"",
        "subject:\"a && b\"",
        "subject:\"no!\" x",
        "or",
        "not",
        "subject:or",
        "message-id:a||b!c+d@x",
        "to:bob+lists@acme.example",
        "x=y",
        "android organ notable",
    ] {
        parse(text, Timestamp::MIN, &Zone::UTC)
            .unwrap_or_else(|it| panic!("{text}: {}", it.report()));
    }
}
