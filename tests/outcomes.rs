//! What becomes of mail whose log is hard to read: IDs that several messages share, groups beside
//! people, legs that are too long, records of a far future.

use serde_json::{Value, json};

use crate::program::{Ended, Filled, line, run_with_stdin};

const HOUR_MS: i64 = 3_600_000;

fn received(ms: i64, trace_id: &str, message_id: &str, to: &[&str], subject: &str) -> String {
    let fields = json!({
        "recipients": to, "from": "scanner@far.example", "subject": subject,
        "messageId": message_id,
    });
    line(ms, trace_id, "ORGANIZATION_EMAIL_RECEIVED", fields)
}

fn delivered(ms: i64, trace_id: &str, to: &str) -> String {
    line(ms, trace_id, "MAILBOX_EMAIL_DELIVERED", json!({"recipient": to, "folder": "INBOX"}))
}

fn bounced(ms: i64, trace_id: &str, to: &str, status: &str, reason: &str) -> String {
    let bounced = json!({"emailAddress": to, "status": status, "reason": reason});
    line(ms, trace_id, "INCOMING_EMAIL_BOUNCED", json!({"bouncedRecipient": bounced}))
}

fn total(filled: &Filled, options: &[&str]) -> Value {
    let arguments = [&["messages", "--format", "json"], options].concat();
    filled.run(&arguments).json()["total"].clone()
}

fn messages(ended: &Ended) -> Vec<Value> {
    ended.json()["messages"].as_array().unwrap().clone()
}

/// Traces a list of IDs.
fn batch(filled: &Filled, ids: &str) -> Ended {
    let store = filled.store();
    let arguments = ["trace", "--batch", "-", "--format", "csv", "--store"];
    run_with_stdin(&[&arguments[..], &[store.to_str().unwrap()]].concat(), ids)
}

/// A device that sends every scan under one ID: the second one bounces.
fn scans() -> Filled {
    Filled::with(&[
        received(0, "t0", "<scan@printer.example>", &["bob@acme.example"], "Scan 0"),
        delivered(500, "t0", "bob@acme.example"),
        received(5 * HOUR_MS, "t1", "<scan@printer.example>", &["bob@acme.example"], "Scan 1"),
        bounced(5 * HOUR_MS + 500, "t1", "bob@acme.example", "5.2.2", "mailbox full"),
        received(9 * HOUR_MS, "t2", "<scan@printer.example>", &["carl@acme.example"], "Scan 2"),
        delivered(9 * HOUR_MS + 500, "t2", "carl@acme.example"),
        delivered(20 * HOUR_MS, "later", "ana@acme.example"),
    ])
}

#[test]
fn one_id_of_three_mails_is_three_messages_everywhere() {
    let filled = scans();
    let traced = filled.run(&["trace", "scan@printer.example", "--format", "json"]).with(0);
    assert_eq!(messages(&traced).len(), 3);
    assert_eq!(traced.stderr, "3 messages have this ID\n");
    // By its trace ID, one of them.
    let one = filled.run(&["trace", "t1", "--format", "json"]).with(0);
    assert_eq!(messages(&one)[0]["outcome"], "failed");
    assert_eq!((messages(&one).len(), one.stderr.as_str()), (1, ""));
    // By both, each of them once.
    let both =
        filled.run(&["trace", "t1", "<scan@printer.example>", "t2", "--format", "json"]).with(0);
    assert_eq!(messages(&both).len(), 3);

    assert_eq!(total(&filled, &[]), 4);
    assert_eq!(total(&filled, &["--outcome", "bounced"]), 1);
    assert_eq!(total(&filled, &["--message-id", "scan@printer.example"]), 3);
    let found = filled.run(&["messages", "--outcome", "bounced", "--format", "json"]).with(0);
    assert_eq!(messages(&found)[0]["traceIds"], json!(["t1"]));
    let stats = filled.run(&["stats", "--by", "outcome", "--format", "csv"]).with(0).stdout;
    assert!(stats.contains("bounced,1") && stats.contains("delivered,3"), "{stats}");
    let triage = filled.run(&["triage", "--format", "json"]).with(0).json();
    let bounced = triage["findings"].as_array().unwrap().iter().find(|it| it["kind"] == "bounced");
    assert_eq!(bounced.unwrap()["count"], 1);

    let ids = "scan@printer.example\nt1\n";
    let batch = batch(&filled, ids).with(0);
    let rows: Vec<&str> = batch.stdout.lines().skip(1).collect();
    assert_eq!(rows.len(), 4, "{batch:#?}");
    assert!(batch.stderr.contains("1 ID belongs to several messages"), "{batch:#?}");

    let out = filled.dir.path().join("bundle");
    filled.run(&["export", "--out", out.to_str().unwrap(), "scan@printer.example"]).with(0);
    let exported = std::fs::read_to_string(out.join("messages.csv")).unwrap();
    assert_eq!(exported.lines().count(), 4, "{exported}");
}

#[test]
fn masked_ids_and_placeholders_join_nothing() {
    for id in ["<********************>", "null", "(None)", "-"] {
        let filled = Filled::with(&[
            received(0, "t0", id, &["bob@acme.example"], "Offer"),
            delivered(500, "t0", "bob@acme.example"),
            received(600, "t1", id, &["carl@acme.example"], "Offer"),
            bounced(700, "t1", "carl@acme.example", "5.2.2", "mailbox full"),
        ]);
        assert_eq!(total(&filled, &[]), 2, "{id}");
        assert_eq!(total(&filled, &["--outcome", "bounced"]), 1, "{id}");
    }
}

#[test]
fn a_bounce_is_not_hidden_by_a_later_copy_that_arrived() {
    let filled = Filled::with(&[
        received(0, "list", "<m@far.example>", &["bob@acme.example"], "News"),
        bounced(500, "list", "bob@acme.example", "5.2.2", "mailbox full"),
        received(60_000, "direct", "<m@far.example>", &["bob@acme.example"], "news "),
        delivered(61_000, "direct", "bob@acme.example"),
        delivered(9 * HOUR_MS, "later", "ana@acme.example"),
    ]);
    assert_eq!(total(&filled, &["--outcome", "bounced"]), 1);
    assert_eq!(total(&filled, &["--outcome", "bounced", "--status", "5.2.2"]), 1);
    assert_eq!(filled.run(&["messages", "--fail-if", "bounced > 0"]).status, Some(4));
    let traced = filled.run(&["trace", "m@far.example"]).with(0).stdout;
    let headline = traced.lines().next().unwrap();
    assert!(headline.starts_with("Delivered to bob@acme.example"), "{headline}");
    assert!(headline.ends_with("a second copy bounced"), "{headline}");
    let list = filled.run(&["messages"]).with(0).stdout;
    assert!(list.contains("a second copy bounced"), "{list}");
    let groups =
        ["messages", "--outcome", "bounced", "--group-by", "recipient", "--format", "json"];
    assert_eq!(filled.run(&groups).with(0).json()["total"], 1);
}

#[test]
fn a_group_beside_somebody_without_an_event_is_unclear() {
    let filled = Filled::with(&[
        received(0, "t", "<m@x>", &["team@acme.example", "carl@acme.example"], "Hello"),
        delivered(500, "t", "ana@acme.example"),
        delivered(600, "t", "bob@acme.example"),
        delivered(9 * HOUR_MS, "later", "ana@acme.example"),
    ]);
    let traced = filled.run(&["trace", "t"]).with(0).stdout;
    assert!(traced.contains("unclear for 2 recipients"), "{traced}");
    assert_eq!(total(&filled, &["--outcome", "unclear"]), 1);
    assert_eq!(total(&filled, &["--outcome", "expanded"]), 0);
    assert_eq!(total(&filled, &["--outcome", "partial"]), 1);
    let stats = filled.run(&["stats", "--by", "outcome", "--format", "csv"]).with(0).stdout;
    assert!(stats.contains("unclear,2"), "{stats}");
    assert_eq!(filled.run(&["triage", "--fail-if", "unclear > 1"]).status, Some(4));
}

#[test]
fn words_for_a_status_do_not_contradict_the_server() {
    let log: Vec<String> = [
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", "unknown user"),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", "unknown user"),
        ("4.2.1", "450-4.2.1 receiving mail at a rate that prevents more", "too much mail at once"),
        ("5.4.1", "no words", ""),
    ]
    .iter()
    .enumerate()
    .map(|(at, (status, reason, words))| {
        let ms = i64::try_from(at).unwrap();
        let address = format!("{}@x.example", words.replace(' ', "-"));
        bounced(ms, &format!("t{at}"), &address, status, reason)
    })
    .collect();
    let filled = Filled::with(&log);
    let rows = filled.run(&["messages", "--format", "ndjson"]).with(0);
    for message in rows.json_lines() {
        let row = &message["recipients"][0];
        let words = row["statusText"].as_str().unwrap_or_default();
        let expected = format!("{}@x.example", words.replace(' ', "-"));
        assert_eq!(row["address"], expected.as_str());
    }
}

#[test]
fn what_was_not_gathered_is_not_lost() {
    const COUNT: usize = 10_100;
    let whom = |it: usize| format!("u{it}@acme.example");
    let everybody: Vec<String> = (0..COUNT).map(whom).collect();
    let everybody: Vec<&str> = everybody.iter().map(String::as_str).collect();
    let mut log = vec![received(0, "t", "<m@x>", &everybody, "To all")];
    // The last 10 are lost.
    log.extend((0..COUNT - 10).map(|it| delivered(100, "t", &whom(it))));
    log.push(delivered(9 * HOUR_MS, "later", "ana@acme.example"));
    let filled = Filled::with(&log);
    for arguments in [
        &["trace", "t", "--format", "json"][..],
        &["trace", "m@x", "--format", "csv"],
        &["messages", "--to", "u1@acme.example", "--format", "ndjson"],
    ] {
        let ended = filled.run(arguments).with(3);
        assert!(!ended.stdout.contains("lost"), "{arguments:?}");
        assert!(ended.stderr.contains("more than 10000"), "{arguments:?}: {}", ended.stderr);
    }
    let traced = messages(&filled.run(&["trace", "t", "--format", "json"]));
    assert_eq!(traced[0]["truncated"], true);
    assert_eq!(traced[0]["subject"], "To all");
    let batch = batch(&filled, "t\nm@x\n").with(3);
    assert!(batch.stdout.contains(",unclear,") && !batch.stdout.contains(",lost,"));
    // What counts counts all.
    let stats = filled.run(&["stats", "--by", "outcome", "--format", "csv"]).with(0).stdout;
    assert!(stats.contains("lost,10,"), "{stats}");
}

#[test]
fn a_record_of_a_far_future_spoils_nothing() {
    const FAR_MS: i64 = 251_000_000_000_000;
    // A quarter of an hour before the clock of these tests.
    let ms = 26 * HOUR_MS - 900_000;
    let filled = Filled::with(&[
        received(ms, "waiting", "<m@x>", &["bob@acme.example"], "Hello"),
        delivered(ms + 1_000, "other", "ana@acme.example"),
        delivered(FAR_MS, "far", "ana@acme.example"),
    ]);
    let traced = messages(&filled.run(&["trace", "waiting", "--format", "json"]).with(0));
    assert_eq!(traced[0]["outcome"], "pending");
    assert_eq!(filled.run(&["messages", "--fail-if", "lost > 0"]).status, Some(0));
    let triage = filled.run(&["triage", "--format", "json"]).with(0).json();
    assert_eq!(triage["messages"], 2);
    for arguments in [
        &["stats", "--interval", "hour"][..],
        &["stats", "--latency"],
        &["messages", "--group-by", "day"],
        &["messages", "--group-by", "hour"],
    ] {
        filled.run(arguments).with(0);
    }
}

#[test]
fn operators_of_other_languages_are_refused_and_nothing_has_its_reason() {
    let filled = scans();
    for (query, help) in [
        ("to:bob@acme.example && event:*", "write AND"),
        ("to:bob@acme.example || to:carl@acme.example", "write OR"),
        ("!to:bob@acme.example", "write NOT"),
        ("+to:bob@acme.example", "leave + out"),
        ("to:bob@acme.example or to:carl@acme.example", "write OR"),
    ] {
        let ended = filled.run(&["search", query]).with(2);
        assert!(ended.stderr.contains(help), "{query}: {ended:#?}");
        let ended = filled.run(&["messages", "--query", query]).with(2);
        assert!(ended.stderr.contains(help), "{query}: {ended:#?}");
    }
    let ended = filled.run(&["messages", "--to", "nobody@acme.example"]).with(1);
    assert!(
        ended.stderr.contains("no event in the store has to:nobody@acme.example"),
        "{ended:#?}"
    );
    let ended = filled.run(&["search", "to:bob@acme.example", "--until", "2025-01-01"]).with(1);
    assert!(ended.stderr.contains("covers none of the time asked about"), "{ended:#?}");
    let ended = filled.run(&["search", "message-id:null"]).with(2);
    assert!(ended.stderr.contains("\"null\" is not a message ID"), "{ended:#?}");
}

#[test]
fn nothing_has_its_reason_in_every_format_and_the_answer_stays_what_it_is() {
    let filled = scans();
    let nobody = "nobody@acme.example";
    let asked: [(&[&str], Value); 3] = [
        (&["messages", "--to", nobody], json!({"messages": [], "total": 0, "next": null})),
        (&["search", "to:nobody@acme.example"], json!({"total": 0, "events": [], "next": null})),
        (&["messages", "--to", nobody, "--group-by", "sender"], json!([])),
    ];
    for (arguments, answer) in asked {
        for format in ["table", "csv", "json", "ndjson"] {
            let arguments = [arguments, &["--format", format]].concat();
            let ended = filled.run(&arguments).with(1);
            let reason = "no event in the store has to:nobody@acme.example";
            assert!(ended.stderr.contains(reason), "{arguments:?}: {ended:#?}");
            assert!(ended.stderr.contains("the store covers 2026-"), "{arguments:?}: {ended:#?}");
            match format {
                "json" if answer.is_array() => assert_eq!(ended.json()["groups"], answer),
                "json" => assert_eq!(ended.json(), answer),
                "ndjson" => assert_eq!(ended.stdout, ""),
                _ => {}
            }
            let quiet = filled.run(&[&arguments[..], &["-q"]].concat()).with(1);
            assert_eq!((quiet.stderr.as_str(), quiet.stdout), ("", ended.stdout));
        }
    }
    let ended = filled.run(&["stats", "--until", "2025-01-01", "--format", "json"]).with(1);
    assert!(ended.stderr.contains("covers none of the time asked about"), "{ended:#?}");
}

#[test]
fn triage_prints_commands_that_ask_the_same() {
    let filled = scans();
    let log = filled.log();
    let log = log.to_str().unwrap();
    let named = filled.run(&["triage", "--tz", "Europe/Madrid", "--format", "json"]).with(0).json();
    let command = named["findings"][0]["command"].as_str().unwrap();
    assert!(command.contains("--tz Europe/Madrid"), "{command}");
    assert!(command.contains(&format!("--store {}", filled.store().display())), "{command}");
    let files = filled.run(&["triage", "--format", "json", "--input", log]).with(0).json();
    let command = files["findings"][0]["command"].as_str().unwrap();
    assert!(command.ends_with(&format!("--input {log}")), "{command}");
    assert!(!command.contains("--store"), "{command}");
}
