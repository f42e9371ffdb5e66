//! What the commands promise to programs: exit statuses, bounds, options.

use serde_json::{Value, json};

use crate::program::{
    Filled, START_MS, keys, line, mailtrace, on, received, run, run_with_stdin, sample, samples,
};

const NEWS: &str = "<news.42@shop.example>";

#[test]
fn an_id_that_is_not_there_is_named_with_what_was_looked_at() {
    let store = samples();
    let ended = store.run(&["trace", "--format", "json", "<nobody@x>"]).with(1);
    assert!(
        ended.stderr.contains("<nobody@x>")
            && ended.stderr.contains("the store covers 2026-11-23T"),
        "{ended:#?}"
    );
    let answer = ended.json();
    assert_eq!((&answer["messages"], &answer["notFound"]), (&json!([]), &json!(["<nobody@x>"])));
    assert!(
        answer["coverageNote"].as_str().unwrap().starts_with("the store covers 2026-11-23T"),
        "{answer}"
    );

    let ended = store.run(&["trace", "--format", "json", "<nobody@x>", NEWS]).with(0);
    assert!(ended.stderr.contains("<nobody@x>"), "{ended:#?}");
    let answer = ended.json();
    assert_eq!(answer["messages"][0]["messageIds"], json!([NEWS]));
    assert_eq!(answer["notFound"], json!(["<nobody@x>"]));

    let found = store.run(&["trace", "--format", "json", NEWS]).with(0);
    assert_eq!((found.stderr.as_str(), &found.json()["coverageNote"]), ("", &Value::Null));
    store.run(&["search", "from:nobody@x"]).with(1);
    store.run(&["search", "--limit", "0"]).with(0);
}

#[test]
fn ids_are_taken_as_people_paste_them_and_from_standard_input() {
    let store = samples();
    let ids = format!("  Message-ID: {NEWS}\r\n\nnews.42@shop.example\n");
    let ended = run_with_stdin(
        &[
            "trace",
            "--batch",
            "-",
            "--format",
            "ndjson",
            "--store",
            store.store().to_str().unwrap(),
        ],
        &ids,
    );
    assert_eq!(ended.stderr, "", "both were found");
    assert_eq!(ended.with(0).json_lines().len(), 1, "two IDs of one message give one message");
}

#[test]
fn an_import_reports_what_became_of_every_line() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let (good, broken) = (sample("filter-log-events.ndjson"), sample("broken.ndjson"));
    let again = sample("records.ndjson.zst");
    let arguments = [
        "import",
        "--format",
        "json",
        good.to_str().unwrap(),
        broken.to_str().unwrap(),
        again.to_str().unwrap(),
    ];
    let ended = on(&store, &arguments).with(3);
    assert!(ended.stderr.contains("broken.ndjson: 3 rejected, first on line"), "{ended:#?}");
    let report = ended.json();
    assert_eq!(keys(&report), ["read", "added", "duplicates", "rejected", "elapsedMs", "files"]);
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    for file in files {
        for key in ["path", "format", "read", "added", "duplicates", "rejected"] {
            assert!(file.get(key).is_some(), "{key} of {file}");
        }
    }
    for key in ["read", "added", "duplicates", "rejected"] {
        let sum: u64 = files.iter().map(|it| it[key].as_u64().unwrap()).sum();
        assert_eq!(report[key], sum, "{key}");
    }
    let number = |it: &Value, key: &str| it[key].as_u64().unwrap();
    for it in files.iter().chain([&report]) {
        assert_eq!(
            number(it, "read"),
            number(it, "added") + number(it, "duplicates") + number(it, "rejected")
        );
    }
    assert_eq!((number(&files[0], "added"), number(&files[2], "duplicates")), (16, 16));
    assert_eq!((number(&files[1], "read"), number(&files[1], "rejected")), (6, 3));

    let quiet = on(&dir.path().join("other"), &["import", "-q", broken.to_str().unwrap()]).with(3);
    assert_eq!(quiet.stderr, "", "-q leaves it to the exit status");
    on(&store, &["import", dir.path().join("missing").to_str().unwrap()]).with(2);
    let asked =
        run(&["trace", "--format", "json", "x", "--input", broken.to_str().unwrap()]).with(1);
    assert_eq!(asked.json()["notFound"], json!(["x"]));
    run(&["search", "--input", broken.to_str().unwrap()]).with(3);
    run(&["search", "--input", good.to_str().unwrap()]).with(0);
}

#[test]
fn a_query_that_cannot_be_read_is_underlined() {
    let store = samples();
    let ended = store.run(&["search", "spam:FAIL", "form:ana@x"]).with(2);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(
        lines[..3],
        ["unknown field \"form\"", "  spam:FAIL form:ana@x", "            ^~~~"],
        "{ended:#?}"
    );
    assert!(lines[3].starts_with("help: did you mean from?"), "{ended:#?}");
    assert!(lines.last().unwrap().starts_with("error: "), "{ended:#?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn since_is_inside_and_until_is_not() {
    let lines: Vec<String> =
        (0..5).map(|it| received(it * 1_000, &format!("t{it}"), "x")).collect();
    let store = Filled::with(&lines);
    let found = |arguments: &[&str]| -> Vec<String> {
        let ended = store.run(&[&["search", "--format", "ndjson"], arguments].concat());
        ended.json_lines().iter().map(|it| it["traceId"].as_str().unwrap().to_owned()).collect()
    };
    let (second, fourth) = ("2026-11-23T10:00:01Z", "2026-11-23T10:00:03Z");
    assert_eq!(found(&["--since", second, "--until", fourth]), ["t2", "t1"]);
    assert_eq!(found(&["--since", "2026-11-23T11:00:03+01:00"]), ["t4", "t3"]);
    assert_eq!(found(&["--until", "2026-11-23 11:00:01", "--tz", "Europe/Madrid"]), ["t0"]);
    assert_eq!(
        found(&["--since", "26h"]),
        ["t4", "t3", "t2", "t1", "t0"],
        "the clock stands at noon of the next day"
    );
    assert_eq!(found(&["--since", "25h59m57s"]), ["t4", "t3"]);
    assert_eq!(found(&["--since", "1h"]), [""; 0]);
    assert_eq!(found(&["--limit", "2"]), ["t4", "t3"]);
    let limited = store.run(&["search", "--limit", "2", "--format", "json"]).json();
    assert_eq!((&limited["total"], limited["events"].as_array().unwrap().len()), (&json!(5), 2));
    let table = store.run(&["search", "--limit", "2"]).with(0);
    assert!(table.stderr.starts_with("2 of 5 events shown (--limit shows more)\n"), "{table:#?}");
    assert!(table.stderr.contains("the next page: --cursor "), "{table:#?}");
    store.run(&["search", "--since", "soon"]).with(2);
    store.run(&["search", "--tz", "Middle/Earth"]).with(2);
}

#[test]
fn times_are_shown_in_the_zone_asked_for() {
    let store = Filled::with(&[received(0, "t1", "x")]);
    let there = ["--tz", "Europe/Madrid"];
    let message = store.run(&[&there[..], &["trace", "--format", "json", "t1"]].concat()).json();
    let message = &message["messages"][0];
    let time = json!("2026-11-23T11:00:00.000+01:00");
    assert_eq!((&message["firstSeen"], &message["events"][0]["timestamp"]), (&time, &time));
    for arguments in
        [&["trace", "t1"][..], &["search"], &["status"], &["stats"], &["search", "--format", "csv"]]
    {
        let shown = store.run(&[&there[..], arguments].concat()).with(0).stdout;
        assert!(shown.contains("2026-11-23T11:00:00.000+01:00"), "{shown}");
    }
    let plain = store.run(&["stats", "--format", "json"]).json();
    assert_eq!(plain["firstSeen"], "2026-11-23T10:00:00.000Z");
    assert_eq!(START_MS, 1_795_428_000_000);
}

#[test]
fn colours_come_when_they_are_asked_for() {
    let store = samples();
    let path = store.store();
    let stdout = |arguments: &[&str], no_color: bool| {
        let mut command = mailtrace(arguments);
        command.arg("--store").arg(&path).arg("trace").arg(NEWS);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let plain = stdout(&[], false);
    assert!(!plain.contains('\u{1b}'), "no colour into a pipe");
    assert_eq!(stdout(&["--color", "never"], false), plain);
    assert_eq!(stdout(&[], true), plain);
    let coloured = stdout(&["--color", "always"], false);
    assert!(coloured.contains("\u{1b}[32m"), "{coloured}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn the_store_may_be_named_in_the_environment() {
    let store = samples();
    let named = |arguments: &[&str]| {
        let mut command = mailtrace(arguments);
        command.env("MAILTRACE_STORE", store.store()).output().unwrap()
    };
    assert_eq!(named(&["trace", NEWS]).status.code(), Some(0));
    let elsewhere = store.dir.path().join("elsewhere");
    let ended = named(&["trace", NEWS, "--store", elsewhere.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(2), "the option counts before the environment");
    assert!(!elsewhere.exists(), "asking makes no store");

    let mut command = mailtrace(&["trace", NEWS]);
    let data = store.dir.path().join("data");
    let ended = command.env("XDG_DATA_HOME", &data).env("HOME", store.dir.path()).output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(stderr.contains(data.join("mailtrace").to_str().unwrap()), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn quiet_means_errors_only() {
    let store = samples();
    for arguments in [
        &["search", "*"][..],
        &["search", "from:nobody@x"],
        &["trace", "<nobody@x>"],
        &["trace", NEWS],
    ] {
        assert_eq!(store.run(&[arguments, &["-q"]].concat()).stderr, "", "{arguments:?}");
    }
    assert!(store.run(&["-q", "search", "form:x"]).with(2).stderr.contains("error: "));
}

/// A value that nothing has is a slip more often than a question.
#[test]
fn a_value_that_nothing_has_is_pointed_out() {
    let store = Filled::with(&[
        line(
            0,
            "t",
            "ORGANIZATION_EMAIL_RECEIVED",
            json!({"spamVerdict": "PASS", "dkimVerdict": "GRAY"}),
        ),
        line(1, "t", "MAILBOX_EMAIL_DELIVERED", json!({"recipient": "a@x", "folder": "INBOX"})),
    ]);
    let hint = |arguments: &[&str]| store.run(arguments).with(1).stderr;
    let told = hint(&["search", "spam:MAYBE from:x OR folder:Inboks NOT dkim:no"]);
    assert!(told.contains("no event in the store has spam:maybe; the values are PASS\n"), "{told}");
    assert!(
        told.contains("no event in the store has folder:inboks; the values are INBOX\n"),
        "{told}"
    );
    assert!(!told.contains("dkim"), "{told}");
    let told = hint(&["messages", "--verdict", "spf=FAIL", "--folder", "inbox"]);
    assert!(told.contains("no event in the store has spf:fail; none has any\n"), "{told}");
    assert!(!told.contains("folder:inbox"), "{told}");
    assert!(hint(&["search", "spam:MAYBE", "--format", "csv"]).contains("the values are PASS"));
    assert_eq!(hint(&["search", "spam:MAYBE", "--format", "csv", "-q"]), "");
}
