//! The query language through the commands: what people hold in their hands, and what is said of it.

use serde_json::{Value, json};

use crate::program::{Ended, Filled, line, run};

/// A message for bob and carla, that reached bob's junk folder and bounced for carla; one of ana to
/// dan that nothing is known of; a rule.
fn store() -> Filled {
    let both = json!({
        "from": "ana.ruiz@acme.example", "subject": "Your invoice Q6542",
        "messageId": "<20261123.1001.df779fb9@shop.example>",
        "recipients": ["bob@acme.example", "carla@far.example"], "spamVerdict": "PASS"
    });
    let alone = json!({
        "from": "ana.ruiz@acme.example", "subject": "Security alert: new sign-in",
        "messageId": "<other.1002@far.example>", "recipients": ["dan@acme.example"]
    });
    let bounced = json!({"bouncedRecipient": {
        "emailAddress": "carla@far.example", "status": "5.2.2", "reason": "552 mailbox full"
    }});
    Filled::with(&[
        line(0, "trace-0001", "ORGANIZATION_EMAIL_RECEIVED", both),
        line(
            400_000,
            "trace-0001",
            "MAILBOX_EMAIL_DELIVERED",
            json!({"recipient": "bob@acme.example", "folder": "Junk E-mail"}),
        ),
        line(1_000, "trace-0001", "INCOMING_EMAIL_BOUNCED", bounced),
        line(2_000, "trace-0002", "ORGANIZATION_EMAIL_RECEIVED", alone),
        line(
            20 * 3_600_000,
            "trace-0003",
            "RULE_APPLIED",
            json!({"ruleName": "Move", "ruleActions": [{"action": "MOVE"}]}),
        ),
    ])
}

fn found(store: &Filled, query: &[&str]) -> Vec<String> {
    let fixed = ["messages", "--format", "ndjson", "--sort", "oldest"];
    let lines = store.run(&[&fixed, query].concat()).json_lines();
    lines.iter().map(|it| it["traceIds"][0].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_row_must_be_all_that_is_asked() {
    let store = store();
    let (one, two, three) = ("trace-0001", "trace-0002", "trace-0003");
    for (query, expected) in [
        ("", &[one, two, three][..]),
        ("outcome:bounced", &[one]),
        ("outcome:bounced to:bob@acme.example", &[]),
        ("to:bob@acme.example junk:yes latency:>5m", &[one]),
        ("to:bob latency:<5m", &[]),
        ("event:bounced to:bob", &[]),
        ("event:bounced to:carla", &[one]),
        ("status:5 recipient-domain:far.example cause:full", &[one]),
        ("message-outcome:partial recipients:2", &[one]),
        ("outcome:lost", &[two]),
        ("rule:* -outcome:*", &[three]),
        ("subject:*6542", &[one]),
        ("Security alert: new sign-in", &[two]),
        ("from:ana.ruiz", &[one, two]),
        ("mailto:dan@acme.example", &[two]),
        ("message-id:*@shop.example", &[one]),
        ("trace-id:/000[23]$/", &[two, three]),
        ("sender-domain:acme.example -to:(bob OR dan)", &[one]),
        ("@far.example", &[one]),
    ] {
        let words: Vec<&str> = Some(query).filter(|it| !it.is_empty()).into_iter().collect();
        assert_eq!(found(&store, &words), expected, "{query}");
    }
}

#[test]
fn options_say_what_must_not_be_and_days_have_names() {
    let store = store();
    assert_eq!(found(&store, &["--not-subject", "*alert*"]), ["trace-0001", "trace-0003"]);
    assert_eq!(found(&store, &["--not-from", "ana.ruiz"]), ["trace-0003"]);
    assert_eq!(found(&store, &["--not-to", "*@acme.example", "to:*"]), ["trace-0001"]);
    assert_eq!(found(&store, &["--on", "2026-11-23"]), ["trace-0001", "trace-0002"]);
    assert_eq!(found(&store, &["--on", "2026-11-24"]), ["trace-0003"]);
    assert_eq!(found(&store, &["--outcome", "lost,bounced", "--to", "bob"]), [""; 0]);
    let refused = store.run(&["messages", "--on", "2026-11-31"]).with(2);
    assert!(refused.stderr.contains("November 2026 has 30 days"), "{refused:#?}");
    let refused = store.run(&["search", "--since", "2026-11-24", "--until", "2026-11-23"]).with(2);
    assert!(refused.stderr.contains("must be before --until"), "{refused:#?}");
}

#[test]
fn rows_that_are_asked_for_are_told_from_others() {
    let store = store();
    let message = &store.run(&["messages", "junk:yes", "--format", "ndjson"]).json_lines()[0];
    let rows = message["recipients"].as_array().unwrap();
    let matched: Vec<&Value> = rows.iter().map(|it| &it["matched"]).collect();
    assert_eq!(
        (rows[0]["address"].as_str(), matched),
        (Some("bob@acme.example"), vec![&json!(true), &json!(false)])
    );
    let csv = store.run(&["messages", "junk:yes", "--format", "csv"]).with(0).stdout;
    assert!(
        csv.lines().count() == 2 && csv.contains("bob@acme") && !csv.contains("carla@"),
        "{csv}"
    );
    let table = store.run(&["messages", "--to", "carla"]).with(0).stdout;
    assert!(
        table.contains("bounced") && table.contains("carla@") && !table.contains("bob@"),
        "{table}"
    );
}

#[test]
fn a_query_is_explained_and_its_empty_terms_are_named() {
    let store = store();
    let arguments = ["messages", "--from", "ana.ruiz@acme.example", "--outcome", "lost"];
    let explained =
        store.run(&[&arguments[..], &["junk:yes", "--explain", "--format", "json"]].concat());
    let explained = explained.with(1).json();
    assert_eq!(
        explained["query"],
        "outcome:\"lost\" AND (from:\"ana.ruiz@acme.example\" OR sender:\"ana.ruiz@acme.example\") AND junk:\"true\""
    );
    let counts: Vec<&Value> =
        explained["terms"].as_array().unwrap().iter().map(|it| &it["found"]).collect();
    assert_eq!((counts, &explained["found"]), (vec![&json!(1), &json!(2), &json!(1)], &json!(0)));
    // What it prints asks the same.
    let again = found(&store, &[explained["query"].as_str().unwrap()]);
    assert_eq!(again, [""; 0]);
    let ended = store.run(&["search", "event:bounced status:5", "--explain"]).with(0);
    assert!(ended.stdout.contains("1 event"), "{ended:#?}");

    let ended = store.run(&["messages", "outcome:lost direction:outgoing"]).with(1);
    assert!(ended.stderr.contains("no message has direction:outgoing"), "{ended:#?}");
    assert!(!ended.stderr.contains("outcome"), "{ended:#?}");
    let ended = store.run(&["messages", "outcome:lost junk:yes"]).with(1);
    assert!(ended.stderr.contains("no message matches them all"), "{ended:#?}");
}

#[test]
fn a_part_of_an_id_lists_those_that_have_it() {
    let store = store();
    let candidates = |part: &str| {
        store.run(&["trace", part, "--format", "json"]).with(1).json()["candidates"].clone()
    };
    let whole = "<20261123.1001.df779fb9@shop.example>";
    assert_eq!(candidates("df779fb9"), json!([whole]));
    assert_eq!(candidates("DF779FB9"), json!([whole]));
    assert_eq!(candidates("<20261123.1001.df7…"), json!([whole]));
    assert_eq!(candidates("trace-000"), json!(["trace-0001", "trace-0002", "trace-0003"]));
    assert_eq!(candidates("1002@far"), json!(["<other.1002@far.example>"]));
    // Too short, or whole.
    assert_eq!((candidates("df779"), candidates("df779fb9@shop.example")), (json!([]), json!([])));
    let ended = store.run(&["trace", "df779fb9"]).with(1);
    assert!(ended.stdout.contains(whole), "{ended:#?}");
    assert!(ended.stdout.contains("1 ID contains df779fb9"), "{ended:#?}");
}

#[test]
fn an_error_of_a_query_is_told_once() {
    let store = store();
    let said = |ended: &Ended, text: &str| ended.stderr.matches(text).count();
    let ended = store.run(&["messages", "alert:new x"]).with(2);
    assert_eq!((said(&ended, "rule-type"), said(&ended, "^~~~~")), (1, 1), "{ended:#?}");
    let ended = store.run(&["search", "outcome:lost"]).with(2);
    assert!(ended.stderr.contains("mailtrace messages 'outcome:…'"), "{ended:#?}");
}

#[test]
fn lists_stand_in_files() {
    let store = store();
    let list = store.dir.path().join("vip.txt");
    std::fs::write(&list, "bob@acme.example\n*@nowhere.example\n").unwrap();
    let query = format!("to:@{}", list.display());
    assert_eq!(found(&store, &[&query]), ["trace-0001"]);
    let ended = store.run(&["search", &query, "--format", "ndjson"]).with(0);
    assert_eq!(ended.json_lines().len(), 2, "{ended:#?}");
    let missing = store.run(&["search", "to:@missing.txt"]).with(2);
    assert!(missing.stderr.contains("missing.txt"), "{missing:#?}");
    let missing = store.run(&["search", "to:@./missing"]).with(2);
    assert!(missing.stderr.contains("./missing"), "{missing:#?}");
}

#[test]
fn counts_and_triage_are_of_what_is_asked_for() {
    let store = store();
    let counts = |arguments: &[&str]| {
        let fixed = ["stats", "--format", "json"];
        store.run(&[&fixed, arguments].concat()).with(0).json()
    };
    let by = |query: &str, key: &str| {
        let rows = counts(&[query, "--by", key])["rows"].clone();
        let row = |it: &Value| format!("{}={}", it[key].as_str().unwrap_or("-"), it["count"]);
        rows.as_array().unwrap().iter().map(row).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(by("to:carla", "recipient"), "carla@far.example=1");
    assert_eq!(by("to:carla", "status"), "5.2.2=1");
    assert_eq!(by("to:bob", "outcome"), "delivered=1");
    assert_eq!(by("outcome:lost", "sender"), "ana.ruiz@acme.example=1");
    assert_eq!(counts(&["subject:invoice"])["total"], 3);
    let triage = store.run(&[
        "triage",
        "to:carla",
        "--since",
        "2026-11-23",
        "--until",
        "2026-11-25",
        "--format",
        "json",
    ]);
    let triage = triage.with(0).json();
    assert_eq!((&triage["messages"], &triage["recipients"]), (&json!(1), &json!(1)), "{triage}");
    run(&["stats", "outcome:x", "--input", store.log().to_str().unwrap()]).with(2);
}

#[test]
fn near_misses_are_named() {
    let store = store();
    let said = |arguments: &[&str]| store.run(arguments).with(1).stderr;
    let meant = "did you mean ana.ruiz@acme.example, 2 messages?";
    for arguments in [
        ["messages", "from:ana.riuz@acme.example"],
        ["messages", "--from=ana.riuz"],
        ["search", "from:ana.riuz@acme.exmaple"],
    ] {
        let said = said(&arguments);
        assert!(said.contains(meant), "{arguments:?}: {said}");
    }
    for name in ["ana", "ruiz", "ana.riuz@"] {
        let said = said(&["messages", "--from", name]);
        assert!(said.contains(meant), "{name}: {said}");
    }
    assert!(said(&["search", "from:ana"]).contains("(ana* finds all that begin with it)"));
    let said = said(&["messages", "recipient-domain:far.exmaple"]);
    assert!(said.contains("did you mean far.example, 1 recipient?"), "{said}");
}

#[test]
fn a_search_goes_on_where_a_page_ends() {
    let store = store();
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut arguments = vec!["search", "trace-id:*", "--limit", "2", "--format", "json"];
        arguments.extend(cursor.iter().flat_map(|it| ["--cursor", it]));
        let page = store.run(&arguments).with(0).json();
        assert_eq!(page["total"], 5);
        all.extend(page["events"].as_array().unwrap().iter().map(|it| it["timestamp"].to_string()));
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|a, b| a >= b), "{all:?}");
    let refused = store.run(&["search", "--cursor", "newest.0.0.0"]).with(2);
    assert!(refused.stderr.contains("not a cursor"), "{refused:#?}");
}

#[test]
fn what_options_come_to_finds_the_same_when_it_is_asked() {
    let store = store();
    for options in [
        &["--direction", "incoming"][..],
        &["--direction", "incoming", "--outcome", "bounced"],
        &["--status", "5.2"],
        &["--no-beginning"],
        &["--internal"],
        &["--rule", "move", "--action", "MOVE"],
        &["--forwarded-to", "*"],
        &["--query", "event:received -from:bob"],
    ] {
        let given = found(&store, options);
        let explain = [&["messages", "--explain", "--format", "json"], options].concat();
        let explained = store.run(&explain).json();
        let query = explained["query"].as_str().unwrap();
        assert_eq!(found(&store, &[query]), given, "{query}");
        assert_eq!(explained["found"], given.len(), "{options:?}");
    }
    let refused = store.run(&["messages", "one-event:move"]).with(2);
    assert!(refused.stderr.contains("write one-event:(rule:"), "{refused:#?}");
    assert_eq!(found(&store, &["one-event:(rule:move action:move)"]), ["trace-0003"]);
    assert_eq!(found(&store, &["address:carla"]), ["trace-0001"]);
    store.run(&["search", "address:carla", "event:bounced"]).with(0);
}

#[test]
fn a_query_may_begin_with_what_must_not_be() {
    let store = store();
    assert_eq!(found(&store, &["-subject:invoice"]), ["trace-0002", "trace-0003"]);
    assert_eq!(found(&store, &["-subject:invoice", "-rule:*"]), ["trace-0002"]);
    assert_eq!(found(&store, &["--limit", "5", "-from:*", "-q"]), ["trace-0003"]);
    store.run(&["stats", "-subject:invoice", "--by", "sender"]).with(0);
    let refused = store.run(&["search", "-form:ana"]).with(2);
    assert!(refused.stderr.contains("did you mean from?"), "{refused:#?}");
    let refused = store.run(&["search", "-newsletter"]).with(2);
    assert!(refused.stderr.contains("write 'NOT newsletter'"), "{refused:#?}");
}
