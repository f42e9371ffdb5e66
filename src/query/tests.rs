//! The language as people use it.

use std::borrow::Cow;

use super::*;
use crate::event::Parser;
use crate::store::{Record, StoredEvent};
use crate::time::{Timestamp, Zone};

fn now() -> Timestamp {
    Timestamp::parse_log_form("2026-11-23T12:00:00Z").unwrap()
}

pub(super) fn read(text: &str) -> Result<Query, QueryError> {
    parse(text, now(), &Zone::UTC)
}

pub(super) fn of_rows(text: &str) -> Result<Query, QueryError> {
    Language::of_rows(now(), &Zone::UTC).parse(text)
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

pub(super) fn received() -> StoredEvent {
    event(
        "2026-11-23T10:30:00Z",
        r#"{"eventName":"ORGANIZATION_EMAIL_RECEIVED","recipients":["bob@acme.example","team@acme.example"],"from":"Ana <Ana@far.example>",
        "sender":"assistant@far.example","subject":"Your Quarterly Report: 請求書 =?UTF-8?Q?f=C3=BCr_M=C3=BCnchen?=","messageId":"<Abc(1)@far.example>",
        "spamVerdict":"PASS","dmarcVerdict":"FAIL","dmarcPolicy":"QUARANTINE","spfVerdict":"GRAY"}"#,
    )
}

pub(super) fn bounced() -> StoredEvent {
    event(
        "2026-11-02T23:59:59.999Z",
        r#"{"eventName":"OUTGOING_EMAIL_BOUNCED","bouncedRecipient":{"emailAddress":"carla@other.example","status":"5.7.26",
        "reason":"550 5.7.26 Unauthenticated email from acme.example is not accepted"}}"#,
    )
}

pub(super) fn ruled() -> StoredEvent {
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
    check(&received(), &found_by, &[]);
}

#[test]
fn patterns_and_names_find_a_received_message() {
    let found_by = [
        "from:ana",
        "from:ana@",
        "from:mailto:ana@far.example?subject=x",
        "mailto:ana@far.example",
        "from:a?a@far.example",
        "from:/^ana@.*\\.example$/",
        "to:/TEAM/",
        "subject:*arter*",
        "subject:*terly",
        "subject:re?ort",
        "subject:quart*rt",
        "*arter*",
        "/quarterly\\s+report/",
        "subject:/(?-i)Quarterly/",
        "message-id:*@far.example",
        "message-id:<Abc*",
        "message-id:/^abc/",
        "trace-id:Trace*",
        "event:received",
        "spam:/^p/",
        "time:today",
        "time:mon",
        "time:[yesterday TO today]",
        "Your Quarterly Report: 請求書",
        "Report?",
    ];
    check(&received(), &found_by, &[]);
}

#[test]
fn what_does_not_fit_misses_a_received_message() {
    let missed_by = [
        "NOT *",
        "from:an",
        "from:\"ana\"",
        "from:ana?@far.example",
        "from:\"far.example\"",
        "subject:*artex*",
        "subject:arter*",
        "subject:report?",
        "subject:/(?-i)quarterly/",
        "message-id:*@FAR.example",
        "message-id:/(?-i)^abc/",
        "trace-id:trace*",
        "event:submitted",
        "event:\"received\"",
        "time:yesterday",
        "time:sunday",
        "from:*@acme.example",
        "from:example",
        "bob@far.example",
        "message-id:\"abc(1)@far.example\"",
        "trace-id:trace-1",
        "subject:\"report quarterly\"",
        "subject:quart",
        "subject:\"your report\"",
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
    check(&received(), &[], &missed_by);
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

#[test]
fn rows_have_fields_of_their_own() {
    let shown =
        |text: &str| of_rows(text).unwrap_or_else(|it| panic!("{}", it.report())).to_string();
    assert_eq!(
        shown("outcome:LOST -outcome:(sent OR bounced)"),
        "outcome:\"lost\" AND NOT (outcome:\"sent\" OR outcome:\"bounced\")"
    );
    assert_eq!(
        shown("message-outcome:p*"),
        "message-outcome:\"partial\" OR message-outcome:\"pending\""
    );
    assert_eq!(shown("latency:>5m"), "latency:[300001ms TO *]");
    assert_eq!(shown("latency:0"), "latency:[0ms TO 1ms}");
    assert_eq!(shown("latency:[1m TO 5m]"), "latency:[60000ms TO 300001ms}");
    assert_eq!(
        shown("recipients:>=10 recipients:{2 TO 5}"),
        "recipients:[10 TO *] AND recipients:[3 TO 5}"
    );
    assert_eq!(shown("junk:yes OR junk:FALSE"), "junk:\"true\" OR junk:\"false\"");
    assert_eq!(shown("direction:outgoing junk:*"), "direction:\"outgoing\" AND junk:*");
    assert_eq!(shown("sender-domain:@FAR.example."), "sender-domain:\"far.example\"");
    assert_eq!(shown("recipient-domain:*.Example"), "recipient-domain:*.example");
    assert_eq!(shown("cause:\"mailbox full\""), "cause:\"mailbox full\"");
    assert_eq!(
        shown("first-seen:2026-11-02"),
        "first-seen:[2026-11-02T00:00:00.000Z TO 2026-11-03T00:00:00.000Z}"
    );
}

#[test]
fn a_list_stands_for_any_of_its_values() {
    let lists = |name: &str| match name {
        "vip.txt" => Ok(Some(vec!["ana@far.example".to_owned(), "*@near.example".to_owned()])),
        "empty" => Ok(Some(Vec::new())),
        "bad" => Ok(Some(vec!["a@b".to_owned(), String::new()])),
        "closed" => Err("permission denied".to_owned()),
        _ => Ok(None),
    };
    let zone = Zone::UTC;
    let language = Language::of_events(now(), &zone).with_lists(&lists);
    let matches = |text: &str| language.parse(text).unwrap().matches(&received());
    assert!(
        matches("from:@vip.txt")
            && matches("from:@far.example")
            && matches("to:(@vip.txt OR bob@*)")
    );
    assert!(
        !matches("NOT from:@vip.txt") && !matches("from:@near.example") && !matches("to:@vip.txt")
    );
    for (text, reason) in [
        ("from:@empty", "it has no line"),
        ("from:@bad", "line 2"),
        ("from:@closed", "permission denied"),
        ("rule:@missing.txt", "no such file"),
    ] {
        let error = language.parse(text).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    // Whoever has no lists, as what comes over a network, reads no file.
    assert!(read("from:@vip.txt").unwrap().to_string().contains("*@vip.txt"));
}
