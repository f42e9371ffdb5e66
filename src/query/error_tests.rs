//! What is said of a text that is no query.

use super::tests::{of_rows, read};
use super::*;
use crate::limits;
use crate::time::{Timestamp, Zone};

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
    help: remove it, or put a backslash before it if it is part of the text
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
    "null" is not a message ID: programs write it where there is none, or to hide one
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
}

#[test]
fn errors_of_patterns_times_and_rows_show_what_to_do() {
    insta::assert_snapshot!(report("subject:/inv(oice/"), @r#"
    this regular expression cannot be used: unclosed group
      subject:/inv(oice/
      ^~~~~~~~~~~~~~~~~~
    help: put a backslash before a special character that is meant literally, or use * and ?
    "#);
    insta::assert_snapshot!(report("time:/x/"), @r#"
    time is not text, so it takes no regular expression
      time:/x/
      ^~~~~~~~
    help: quote the value, or compare it: latency:>5m, recipients:[2 TO 5]
    "#);
    insta::assert_snapshot!(report("event:* outcome:lost"), @r#"
    outcome belongs to messages, not to single events
      event:* outcome:lost
              ^~~~~~~
    help: use `mailtrace messages 'outcome:…'`
    "#);
    insta::assert_snapshot!(report("since:yesterday x"), @r#"
    unknown field "since"
      since:yesterday x
      ^~~~~
    help: use the option --since, or write time:>=yesterday
    "#);
    insta::assert_snapshot!(report("time:12.11.2026"), @r#"
    cannot read "12.11.2026" as a time: did you mean 2026-11-12?
      time:12.11.2026
      ^~~~~~~~~~~~~~~
    help: write time:2026-11-23, time:>=2h or time:[2026-11-01 TO 2026-11-02]
    "#);
    insta::assert_snapshot!(of_rows("outcome:lots").unwrap_err().report(), @r#"
    outcome is never "lots"
      outcome:lots
      ^~~~~~~~~~~~
    help: it is one of delivered, sent, bounced, dropped, rejected, quarantined, expanded, unclear, pending, lost
    "#);
    insta::assert_snapshot!(of_rows("outcome:failed").unwrap_err().report(), @r#"
    outcome is never "failed"
      outcome:failed
      ^~~~~~~~~~~~~~
    help: write message-outcome:failed; outcome is one of delivered, sent, bounced, dropped, rejected, quarantined, expanded, unclear, pending, lost
    "#);
    insta::assert_snapshot!(of_rows("latency:>5").unwrap_err().report(), @r#"
    "5" is not a length of time
      latency:>5
      ^~~~~~~~~~
    help: write latency:>5m, latency:<90s or latency:[1m TO 2h]
    "#);
    insta::assert_snapshot!(of_rows("recipients:many").unwrap_err().report(), @r#"
    "many" is not a number
      recipients:many
      ^~~~~~~~~~~~~~~
    help: write recipients:3, recipients:>=10 or recipients:[2 TO 5]
    "#);
    insta::assert_snapshot!(of_rows("outcom:lost").unwrap_err().report(), @r#"
    unknown field "outcom"
      outcom:lost
      ^~~~~~
    help: did you mean outcome? fields: from, sender, to, subject, message-id, trace-id, event, rule, rule-type, action, folder, spam, dkim, dmarc, spf, policy, status, reason, log-group, time, outcome, message-outcome, latency, direction, junk, sender-domain, recipient-domain, cause, recipients, first-seen, address, forwarded-to, leg, final-status, one-event
    "#);
}

#[test]
fn errors_of_values_show_what_to_do() {
    insta::assert_snapshot!(report("subject:---"), @r#"
    subject is searched by words, and there is no word in this
      subject:---
      ^~~~~~~~~~~
    help: give letters, digits or an emoji
    "#);
    insta::assert_snapshot!(report("time:2h"), @r#"
    an age alone is not a time
      time:2h
      ^~~~~~~
    help: write time:>=2h for everything since then
    "#);
    insta::assert_snapshot!(report("time:>=soon"), @r#"
    cannot read "soon" as a time: give RFC 3339 (2026-11-23T21:34:00Z), a date (2026-11-23), a day (yesterday, monday), or an age (2h, 7d, 1h30m)
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
    "many" is not a status
      status:>=many
      ^~~~~~~~~~~~~
    help: give a status such as 5, 5.1 or 5.1.1, or a pattern such as 5.*
    "#);
    insta::assert_snapshot!(report("folder:[a TO b]"), @r#"
    folder has no order, so it takes no range
      folder:[a TO b]
             ^~
    help: ranges work on status, times, lengths and numbers; quote the value if this is part of it
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
