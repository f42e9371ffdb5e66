//! One form for each address, status, ID and record, however it was logged or asked for.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{assert_sound, files_below, import, on};

const START_MS: i64 = 1_795_446_131_120;

/// A line of a log from its message, which is JSON text.
fn line(ms: i64, message: &str) -> String {
    let stream = "s";
    json!({"timestamp": START_MS + ms, "logStreamName": stream, "message": message}).to_string()
}

fn event(trace_id: &str, event: &Value) -> String {
    json!({"traceId": trace_id, "event": event}).to_string()
}

/// A store of these messages, a second between them.
fn store_of(dir: &Path, messages: &[String]) -> std::path::PathBuf {
    let log = dir.join("log.ndjson");
    let lines = (0..).zip(messages).map(|(second, it)| line(second * 1_000, it));
    fs::write(&log, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let store = dir.join("store");
    import(&store, &log).expect(0);
    store
}

fn delivered(trace_id: &str, recipient: &str) -> String {
    let fields =
        json!({"eventName": "MAILBOX_EMAIL_DELIVERED", "recipient": recipient, "folder": "INBOX"});
    event(trace_id, &fields)
}

#[test]
fn an_address_is_one_however_it_was_logged_and_shown_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_of(
        dir.path(),
        &[
            event(
                "t",
                &json!({"eventName": "OUTGOING_EMAIL_SUBMITTED", "subject": "s",
                "from": "Ana <Ana@Bücher.example>",
                "recipients": ["Bob@Far.example", "eve@far.example; Kim@far.example"]}),
            ),
            event(
                "t",
                &json!({"eventName": "OUTGOING_EMAIL_BOUNCED", "bouncedRecipient":
                {"emailAddress": "rfc822;bob@far.example.", "status": "smtp;550 5.1.1 who?", "reason": "who?"}}),
            ),
            event(
                "t",
                &json!({"eventName": "OUTGOING_EMAIL_SENT", "recipient": "<@relay.example:eve@FAR.example>",
                "messageId": "<a+1@bücher.example>"}),
            ),
            event(
                "t",
                &json!({"eventName": "OUTGOING_EMAIL_SENT", "recipient": "kim@far.example (Kim)",
                "messageId": "<a+1@bücher.example>"}),
            ),
        ],
    );
    let check = |arguments: &[&str]| {
        let answer = on(&store, &[arguments, &["--format", "json"]].concat()).expect(0).json();
        let message = &answer["messages"][0];
        assert_eq!(message["from"], "Ana@Bücher.example", "{arguments:?}");
        let rows = message["recipients"].as_array().unwrap().iter();
        let rows: Vec<Value> =
            rows.map(|it| json!([it["address"], it["outcome"], it["status"]])).collect();
        let expected = [
            json!(["Bob@Far.example", "bounced", "5.1.1"]),
            json!(["eve@far.example", "sent", null]),
            json!(["Kim@far.example", "sent", null]),
        ];
        assert_eq!(rows, expected, "{arguments:?}");
    };
    for id in
        ["<a+1@bücher.example>", "message-id=<a+1@bücher.example>,", "&lt;a+1@bücher.example&gt;"]
    {
        check(&["trace", id]);
    }
    check(&["messages", "--from", "ana@xn--bcher-kva.example"]);
    check(&["messages", "--from", "*@BÜCHER.example"]);
    check(&["messages", "--to", "SMTP:bob@far.example"]);
    check(&["messages", "--status", "#5.1.1"]);
    check(&["messages", "--status", "5.1"]);
    let groups = ["messages", "--group-by", "status", "--outcome", "bounced", "--format", "csv"];
    let groups = on(&store, &groups).expect(0).stdout;
    assert!(groups.lines().any(|it| it.starts_with("5.1.1,1,")), "{groups}");
    let list = dir.path().join("addresses");
    fs::write(&list, "Bo <nobody@x.example>, Bob (home) <bob@FAR.example.>\n").unwrap();
    check(&["messages", "--addresses-from", list.to_str().unwrap()]);
    fs::write(&list, "**********\n").unwrap();
    on(&store, &["messages", "--addresses-from", list.to_str().unwrap()])
        .expect_error(&["masked address"]);
    let ids = dir.path().join("ids");
    fs::write(&ids, "Message-ID:\r\n <a+1@bücher.example>\r\n").unwrap();
    check(&["trace", "--batch", ids.to_str().unwrap()]);
    check(&["messages", "--ids-from", ids.to_str().unwrap()]);
}

#[test]
fn erasing_finds_an_address_beneath_every_layer() {
    let dir = tempfile::tempdir().unwrap();
    let note = |trace_id: &str, reason: &str| {
        event(trace_id, &json!({"eventName": "X", "reason": reason}))
    };
    let raw = |members: &str| format!(r#"{{"traceId":"t","event":{{"eventName":"X",{members}}}}}"#);
    let named = [
        delivered("case", "ANA@Acme.Example"),
        raw(r#""recipient":"ana\u0040acme.example""#),
        raw(r#""recipient":"\u0061na@acme\u002eexample""#),
        raw(r#""recipient":"ana\u0040acme.example","huge":1e999"#),
        delivered("display", "Ana Ruiz <ana@acme.example>"),
        delivered("list", "bob@acme.example; ana@acme.example"),
        delivered("comment", "ana @ acme.example (home)"),
        delivered("dot", "ana@acme.example."),
        delivered("wide", "ana＠acme.example"),
        delivered("quoted", "\"ana\"@acme.example"),
        note("link", "https://x.example/?to=ana%40acme.example"),
        note("links", "https://x.example/?to=ana%2540acme.example"),
        note("html", "ana&#64;acme.example"),
        note("entity", "ana&commat;acme.example"),
        note("line", "550\nana@acme.example\nunknown"),
        note("nested", r#"{"to":"ana\u0040acme.example"}"#),
        event(
            "s",
            &json!({"eventName": "X", "subject": "=?UTF-8?B?Zm9yIGFuYUBhY21lLmV4YW1wbGU=?="}),
        ),
        event(
            "q",
            &json!({"eventName": "X", "subject": "=?UTF-8*es?Q?ana=40ac?= =?UTF-8?Q?me.example?="}),
        ),
    ];
    let others = [
        delivered("diana", "diana@acme.example"),
        note("verp", "bounce+ana=acme.example@lists.example"),
        note("nana", "550 nana@acme.example"),
    ];
    let store = store_of(dir.path(), &[named.as_slice(), &others].concat());
    let erase = ["erase", "--address", "Ana <ana@ACME.example.>", "--reason", "x", "--yes"];
    let report = on(&store, &[&erase[..], &["--format", "json"]].concat()).expect(0).json();
    let left = on(&store, &["search", "event:*", "--format", "ndjson"]).expect(0).stdout;
    assert_eq!(report["records"], named.len(), "{left}");
    assert_eq!(left.lines().count(), others.len(), "{left}");
    on(&store, &["search", "to:ana@acme.example"]).expect(1);
    assert_sound(&store);
    for address in ["ana", "ana@acme.example, bob@acme.example", "****@acme.example"] {
        let erase = ["erase", "--address", address, "--reason", "x", "--yes"];
        on(&store, &erase).expect_error(&["--address"]);
    }
}

#[test]
fn what_a_record_means_is_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let plain = r#"{"traceId":"t","event":{"eventName":"X","subject":"Grüße / \"a b\""}}"#;
    let without_trace = r#"{"event":{"eventName":"Y","subject":"ü"}}"#;
    let store = store_of(dir.path(), &[plain.to_owned(), without_trace.to_owned()]);
    let other = [
        line(
            0,
            r#"{ "traceId" : "t", "event":{"eventName":"X","subject":"Gr\u00FC\u00dfe \/ \u0022a b\""}}"#,
        ),
        line(1_000, "{\"event\":{\"eventName\":\"Y\",\n \"subject\":\"\\u00fc\"}}"),
    ];
    let log = dir.path().join("other.ndjson");
    fs::write(&log, other.join("\n")).unwrap();
    let report = import(&store, &log).expect(0).json();
    assert_eq!((&report["read"], &report["added"]), (&json!(2), &json!(0)), "{report}");
    let differs =
        line(0, r#"{"traceId":"t","event":{"subject":"Grüße / \"a b\"","eventName":"X"}}"#);
    fs::write(&log, differs).unwrap();
    assert_eq!(import(&store, &log).expect(0).json()["added"], 1);
    assert_sound(&store);
}

/// Makes of an index one of an earlier format, as far as its commit tells.
fn age(store: &Path) {
    let mut is_any_aged = false;
    for path in files_below(&store.join("index")) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let format = r#"\"index_format\":"#;
        let Some((before, behind)) = text.split_once(format) else { continue };
        let behind = behind.trim_start_matches(|it: char| it.is_ascii_digit());
        is_any_aged = true;
        fs::write(&path, format!("{before}{format}1{behind}")).unwrap();
    }
    assert!(is_any_aged);
}

#[test]
fn an_index_of_an_earlier_format_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let messages = [delivered("t", "Ana <Ana@acme.example>"), delivered("", "bob@acme.example")];
    let store = store_of(dir.path(), &messages);
    let log = dir.path().join("log.ndjson");
    let check = || {
        for command in [&["trace", "t"][..], &["messages"], &["status"]] {
            on(&store, command).expect_error(&["has format 1", "mailtrace reindex"]);
        }
        import(&store, &log).expect_error(&["has format 1", "mailtrace reindex"]);
        on(&store, &["reindex"]).expect(0);
        assert_sound(&store);
        let report = import(&store, &log).expect(0).json();
        assert_eq!((&report["read"], &report["added"]), (&json!(2), &json!(0)), "{report}");
        on(&store, &["search", "to:ana@acme.example"]).expect(0);
    };
    age(&store);
    check();
    age(&store);
    // A writer that was cut off: only the index knows which bytes of the archive count.
    fs::write(store.join("archive/SHA256SUMS"), "").unwrap();
    on(&store, &["reindex"]).expect(0);
    assert_eq!(import(&store, &log).expect(0).json()["added"], 0);
}
