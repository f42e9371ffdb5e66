use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Ended, Filled, line, on, received, run, run_with_stdin};

/// Rows of CSV by the names of their columns.
fn rows(ended: &Ended) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_reader(ended.stdout.as_bytes());
    let header = reader.headers().unwrap().clone();
    let named = |row: csv::StringRecord| -> HashMap<String, String> {
        header.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect()
    };
    reader.records().map(|it| named(it.unwrap())).collect()
}

fn batch(store: &Path, ids: &str, arguments: &[&str]) -> Ended {
    let store = store.to_str().unwrap();
    run_with_stdin(&[&["trace", "--batch", "-", "--store", store], arguments].concat(), ids)
}

/// Three messages, of which one is for two recipients.
fn three() -> Filled {
    Filled::with(&[
        received(0, "t1", "one"),
        line(
            1_000,
            "t1",
            "MAILBOX_EMAIL_DELIVERED",
            json!({"recipient": "bob@acme.example", "folder": "INBOX"}),
        ),
        line(
            2_000,
            "t2",
            "ORGANIZATION_EMAIL_RECEIVED",
            json!({"from": "ana@far.example", "messageId": "<t2@far.example>",
                "recipients": ["carl@acme.example", "dora@acme.example"]}),
        ),
        line(3_000, "t3", "SOMETHING_NEW", json!({})),
    ])
}

#[test]
fn each_id_is_answered_in_its_place() {
    let store = three();
    let ids = "t3\n<t2@far.example>\n<gone@x>\n t1@far.example \nt2\nMessage-ID: <t2@far.example>\n<gone@x>\n";
    let ended = batch(&store.store(), ids, &["--format", "csv", "--grace", "0s"]).with(0);
    let rows = rows(&ended);
    let told: Vec<[&str; 3]> =
        rows.iter().map(|it| ["id", "address", "outcome"].map(|name| it[name].as_str())).collect();
    let second = |id| [[id, "carl@acme.example", "lost"], [id, "dora@acme.example", "lost"]];
    let expected = [
        &[["t3", "", ""]][..],
        &second("<t2@far.example>"),
        &[["<gone@x>", "", "not found"]],
        &[["t1@far.example", "bob@acme.example", "delivered"]],
        &second("t2"),
        &second("Message-ID: <t2@far.example>"),
        &[["<gone@x>", "", "not found"]],
    ]
    .concat();
    assert_eq!(told, expected);
    assert_eq!(rows[0]["messageOutcome"], "unknown");
    assert_eq!(rows[3]["messageOutcome"], "not found");
    assert!(ended.stderr.contains("No event was found for <gone@x>"), "{ended:#?}");
    assert!(ended.stderr.contains("the store covers 2026-11-23T"), "{ended:#?}");

    let table = batch(&store.store(), ids, &["--grace", "0s"]).with(0).stdout;
    // What there is to say besides stands beneath.
    let lines: Vec<&str> = table.lines().filter(|it| !it.starts_with(' ')).collect();
    assert_eq!(lines.len(), 1 + expected.len(), "{table}");
    for (line, row) in lines[1..].iter().zip(&expected) {
        assert!(row.iter().all(|it| line.contains(it)), "{row:?}: {line}");
    }
}

#[test]
fn each_message_is_one_object_in_the_order_of_the_ids() {
    let store = three();
    let ids = "t3\n<t2@far.example>\n<gone@x>\nt1\nt2\nt3\n";
    let ended = batch(&store.store(), ids, &["--format", "json"]).with(0);
    let answer = ended.json();
    let keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["messages", "notFound", "candidates", "coverageNote"]);
    let messages = answer["messages"].as_array().unwrap();
    let traces: Vec<&Value> = messages.iter().map(|it| &it["traceIds"][0]).collect();
    assert_eq!(traces, ["t3", "t2", "t1"]);
    assert_eq!(answer["notFound"], json!(["<gone@x>"]));
    assert!(answer["coverageNote"].as_str().unwrap().starts_with("the store covers"));
    let lines = batch(&store.store(), ids, &["--format", "ndjson"]).with(0);
    assert_eq!(&lines.json_lines(), messages);
    assert!(lines.stderr.contains("<gone@x>"), "{lines:#?}");

    let none = batch(&store.store(), "<gone@x>\n", &["--format", "json"]).with(1);
    assert_eq!(
        (&none.json()["messages"], &none.json()["notFound"]),
        (&json!([]), &json!(["<gone@x>"]))
    );
    let empty = batch(&store.store(), "", &["--format", "json"]).with(1);
    assert_eq!(
        empty.json(),
        json!({"messages": [], "notFound": [], "candidates": [], "coverageNote": null})
    );
    let quiet = batch(&store.store(), ids, &["-q"]).with(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn whatever_a_line_holds_the_others_are_answered() {
    let store = three();
    let harm = [
        "",
        "   ",
        "\u{feff}",
        "\0",
        "<\0>",
        "<>",
        "Message-ID:",
        "Message-ID: <>",
        "\u{1b}[31m",
        "=cmd()",
        "\"",
        &"x".repeat(100_000),
        &"é".repeat(100_000),
    ];
    for format in ["table", "csv", "json", "ndjson"] {
        for harm in harm {
            let ended =
                batch(&store.store(), &format!("t1\n{harm}\nt3"), &["--format", format]).with(0);
            let has_both = ended.stdout.contains("t1") && ended.stdout.contains("t3");
            assert!(has_both, "{format} {harm:.20}");
            assert!(
                ended.stdout.len() < 20_000 && ended.stderr.len() < 2_000,
                "{format} {harm:.20}"
            );
        }
    }
    let path = store.dir.path().join("ids");
    fs::write(&path, b"\xff\xfft1\n\x80\nt3\r\n").unwrap();
    let ended =
        store.run(&["trace", "--batch", path.to_str().unwrap(), "--format", "json"]).with(0);
    assert_eq!(ended.json()["messages"][0]["traceIds"], json!(["t3"]));
    assert_eq!(ended.json()["notFound"], json!(["\u{fffd}\u{fffd}t1", "\u{fffd}"]));
}

#[test]
fn ids_come_from_a_column() {
    let store = three();
    let path = store.dir.path().join("list.csv");
    fs::write(&path, "who,Message-ID\nana,<t1@far.example>\n\"b,c\",\"t3\"\nx\n").unwrap();
    let path = path.to_str().unwrap();
    let ids = |column: &str| {
        let ended =
            store.run(&["trace", "--batch", path, "--column", column, "--format", "csv"]).with(0);
        rows(&ended).into_iter().map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids("Message-ID"), ["<t1@far.example>", "t3"]);
    assert_eq!(ids("2"), ["Message-ID", "<t1@far.example>", "t3"]);
    let ended = store.run(&["trace", "--batch", path, "--column", "id"]).with(2);
    assert!(ended.stderr.contains("no column \"id\"") && ended.stderr.lines().count() == 1);
    store.run(&["trace", "t1", "--column", "1"]).with(2);
}

/// A list that takes several turns gives for each ID just what `trace` gives for it alone.
#[test]
fn a_long_list_is_answered_as_each_of_its_ids_is() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (log, truth, store) = (at("log"), at("truth"), at("store"));
    run(&["synth", "--events", "40000", "--out", &log, "--truth", &truth]).with(0);
    run(&["import", "--store", &store, &log]).with(0);
    let truth = fs::read_to_string(truth).unwrap();
    let mut ids: Vec<String> = Vec::new();
    for truth in truth.lines() {
        let truth: Value = serde_json::from_str(truth).unwrap();
        let all = truth["traceIds"].as_array().unwrap().iter();
        ids.extend(
            all.chain(truth["messageIds"].as_array().unwrap())
                .map(|it| it.as_str().unwrap().to_owned()),
        );
    }
    // Far apart in the store, near each other in the list.
    let half = ids.len() / 2;
    ids = (0..half).flat_map(|it| [ids[it].clone(), ids[half + it].clone()]).collect();
    assert!(ids.len() > 16_384, "{}", ids.len());
    fs::write(at("ids"), ids.join("\n")).unwrap();
    let answers =
        on(Path::new(&store), &["trace", "--batch", &at("ids"), "--format", "csv"]).with(0);
    let mut by_place: Vec<(String, Vec<String>)> = Vec::new();
    let mut reader = csv::Reader::from_reader(answers.stdout.as_bytes());
    for row in reader.records() {
        let row = row.unwrap();
        let rest: Vec<&str> = row.iter().skip(1).collect();
        match by_place.last_mut() {
            Some((id, rows)) if *id == row[0] => rows.push(rest.join("|")),
            _ => by_place.push((row[0].to_owned(), vec![rest.join("|")])),
        }
    }
    let answered: Vec<&String> = by_place.iter().map(|(id, _)| id).collect();
    assert_eq!(answered, ids.iter().collect::<Vec<_>>());
    for (id, rows) in by_place.iter().step_by(700) {
        let alone = on(Path::new(&store), &["trace", id, "--format", "csv"]).with(0);
        let mut reader = csv::Reader::from_reader(alone.stdout.as_bytes());
        let alone: Vec<String> =
            reader.records().map(|it| it.unwrap().iter().collect::<Vec<_>>().join("|")).collect();
        assert_eq!(rows, &alone, "{id}");
    }
}
