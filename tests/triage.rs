//! What deserves attention, and watching for it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::messages::{import_into, log};
use crate::support::{self, Ran, run};

/// The program when all the events of these tests have happened.
fn mailtrace() -> Command {
    let mut command = support::mailtrace();
    command.env("MAILTRACE_NOW", "2026-11-26T12:00:00Z");
    command
}

fn on(store: &Path, arguments: &[&str]) -> Ran {
    run(mailtrace().arg("--store").arg(store).args(arguments))
}

fn finding<'t>(triage: &'t Value, kind: &str) -> &'t Value {
    let findings = triage["findings"].as_array().unwrap();
    findings.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

/// The words of a command as a shell reads them; the first is the program.
fn words(command: &str) -> Vec<String> {
    command.split(' ').skip(1).map(|it| it.trim_matches('\'').to_owned()).collect()
}

#[test]
fn each_command_shows_what_was_counted() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(20_000);
    import_into(&dir, &[("log.ndjson", &log)], 4_000);
    let store = dir.path().join("store");
    let triage =
        on(&store, &["triage", "--format", "json", "--since", "2026-11-02"]).expect(0).json();
    let mut checked = 0;
    for finding in triage["findings"].as_array().unwrap() {
        let kind = finding["kind"].as_str().unwrap();
        let mut words = words(finding["command"].as_str().unwrap());
        words.extend(["--format", "json"].map(str::to_owned));
        let is_grouped = words.iter().any(|it| it == "--group-by");
        let counts_recipients =
            ["lost", "unclear", "bounced", "bounced-domains", "slow"].contains(&kind);
        if !is_grouped && counts_recipients {
            words.retain(|it| it != "--sort" && it != "slowest");
            words.extend(["--group-by", "outcome"].map(str::to_owned));
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = on(&store, &words);
        assert!(matches!(ran.status, Some(0 | 1)), "{kind}: {ran:#?}");
        let shown = ran.json();
        match kind {
            "rules" | "bursts" | "failing-mailboxes" => continue,
            _ => assert_eq!(shown["total"], finding["count"], "{kind}"),
        }
        checked += u64::from(finding["count"].as_u64().unwrap() > 0);
        let items = finding["items"].as_array().unwrap();
        assert!(items.len() <= 5, "{kind}");
        for item in items {
            if let Some(id) = item["example"].as_str() {
                assert_eq!(on(&store, &["trace", id]).status, Some(0), "{kind}: {id}");
            }
        }
    }
    assert!(checked >= 5, "{checked}: {triage:#}");
    // The same messages as everywhere.
    let all =
        on(&store, &["messages", "--format", "json", "--since", "2026-11-02", "--limit", "0"]);
    assert_eq!(all.expect(0).json()["total"], triage["messages"]);

    let table = on(&store, &["triage", "--since", "2026-11-02"]).expect(0).stdout;
    assert!(table.starts_with("From 2026-11-02T00:00:00.000Z to "), "{table}");
    assert!(table.contains("recipients lost a message"), "{table}");
    // A command is to be pasted, so it stays whole.
    let mut lines = table.lines().filter(|it| !it.contains("mailtrace "));
    assert!(lines.all(|it| it.chars().count() <= 200), "{table}");
    let csv = on(&store, &["triage", "--format", "csv"]).expect(0).stdout;
    assert!(csv.starts_with("kind,value,count,before,example,latencyMs,new\n"), "{csv}");
}

const DAY_MS: i64 = 86_400_000;
const START_MS: i64 = 1_795_435_200_000;

struct Events(String, u32);

impl Events {
    fn add(&mut self, ms: i64, trace_id: &str, event: &Value) {
        let message = json!({"traceId": trace_id, "event": event}).to_string();
        self.0.push_str(&json!({"timestamp": START_MS + ms, "message": message}).to_string());
        self.0.push('\n');
    }

    fn received(&mut self, ms: i64, from: &str, to: &str) -> String {
        self.1 += 1;
        let id = format!("leg-{}", self.1);
        let event = json!({
            "eventName": "ORGANIZATION_EMAIL_RECEIVED", "recipients": [to], "from": from,
            "messageId": format!("<{id}@far.example>"), "spamVerdict": "PASS",
        });
        self.add(ms, &id, &event);
        id
    }

    fn delivered(&mut self, ms: i64, id: &str, to: &str, folder: &str) {
        let event =
            json!({"eventName": "MAILBOX_EMAIL_DELIVERED", "recipient": to, "folder": folder});
        self.add(ms, id, &event);
    }
}

/// What a rule did.
fn rule_applied(action: &str, name: Option<&str>, target: Option<&str>) -> Value {
    json!({
        "eventName": "RULE_APPLIED", "ruleName": name, "ruleType": "MAILBOX_RULE",
        "ruleActions": [{"action": action, "recipients": ["ana@acme.example"]}],
        "targetRecipient": target,
    })
}

/// The rules that a triage found, each with whether it is new.
fn rules_found(triage: &Value) -> Vec<(String, bool)> {
    let rules = finding(triage, "rules")["items"].as_array().unwrap().iter();
    let value = |it: &Value| it["value"].as_str().unwrap().to_owned();
    rules.map(|it| (value(it), it["new"].as_bool().unwrap())).collect()
}

#[test]
fn a_rule_is_new_only_if_it_was_never_applied_before() {
    let mut log = Events(String::new(), 0);
    let forward = |name: &str, target: &str| rule_applied("FORWARD", Some(name), Some(target));
    log.add(0, "old-1", &forward("Old", "friend@away.example"));
    log.add(1, "old-2", &forward("twin", "first@away.example"));
    log.add(2, "old-3", &rule_applied("DROP", None, None));
    log.add(3, "old-4", &rule_applied("DROP", Some("fresh"), None));
    for (place, rule) in [
        forward("Old", "friend@away.example"),
        forward("twin", "second@away.example"),
        rule_applied("DROP", None, None),
        forward("fresh", "friend@away.example"),
    ]
    .iter()
    .enumerate()
    {
        let ms = 9 * DAY_MS + i64::try_from(place).unwrap();
        let id = log.received(ms, "quiet@far.example", "ana@acme.example");
        log.add(ms + 1, &id, rule);
        log.delivered(ms + 2, &id, "ana@acme.example", "INBOX");
    }
    let dir = tempfile::tempdir().unwrap();
    import_into(&dir, &[("log.ndjson", &log.0)], 1_000);
    let period = ["--since", "2026-12-02T12:00:00Z", "--until", "2026-12-03T12:00:00Z"];
    let triage = [&["triage", "--format", "json"], &period[..]].concat();
    let triage = on(&dir.path().join("store"), &triage).expect(0).json();
    let expect = [
        ("\"fresh\" forwards mail to friend@away.example", true),
        ("\"twin\" forwards mail to second@away.example", true),
        ("\"(unnamed)\" drops mail", false),
        ("\"Old\" forwards mail to friend@away.example", false),
    ];
    assert_eq!(rules_found(&triage), expect.map(|(rule, is_new)| (rule.to_owned(), is_new)));
}

/// Two days: a quiet one, and one with something of everything.
fn two_days() -> String {
    let mut log = Events(String::new(), 0);
    for hour in 0..20 {
        let id = log.received(hour * 3_600_000, "quiet@far.example", "ana@acme.example");
        log.delivered(hour * 3_600_000 + 500, &id, "ana@acme.example", "INBOX");
    }
    let rule =
        |action: &str, name: &str, target: Option<&str>| rule_applied(action, Some(name), target);
    log.add(9_000, "leg-1", &rule("FORWARD", "old", Some("friend@away.example")));
    for place in 0..60 {
        let ms = DAY_MS + place * 60_000;
        let id = log.received(ms, "loud@far.example", "ana@acme.example");
        log.delivered(ms + 400_000, &id, "ana@acme.example", "Junk E-mail");
        if place < 3 {
            log.add(ms + 10, &id, &rule("FORWARD", "old", Some("friend@away.example")));
            log.add(ms + 11, &id, &rule("FORWARD", "colleague", Some("bob@acme.example")));
            log.add(ms + 12, &id, &rule("REDIRECT", "leak \u{1b}[31m", Some("eve@away.example")));
        }
    }
    for place in 0..4 {
        let ms = DAY_MS + 7_200_000 + place * 1_000;
        let id = log.received(ms, "quiet@far.example", "gone@acme.example");
        let event = json!({
            "eventName": "INCOMING_EMAIL_BOUNCED",
            "bouncedRecipient": {
                "emailAddress": "gone@acme.example", "status": "5.1.1",
                "reason": format!("550 5.1.1 gone@acme.example unknown, ticket 12345678{place}"),
            },
        });
        log.add(ms + 100, &id, &event);
    }
    log.delivered(DAY_MS + 8_000_000, "headless", "ana@acme.example", "INBOX");
    log.received(DAY_MS + 9_000_000, "quiet@far.example", "lost@acme.example");
    let last = log.received(2 * DAY_MS - 1, "quiet@far.example", "ana@acme.example");
    log.delivered(2 * DAY_MS - 1, &last, "ana@acme.example", "INBOX");
    log.0
}

#[test]
fn every_kind_of_trouble_is_found() {
    let dir = tempfile::tempdir().unwrap();
    import_into(&dir, &[("log.ndjson", &two_days())], 1_000);
    let store = dir.path().join("store");
    // Without a period, it is the day up to the newest event.
    let triage = on(&store, &["triage", "--format", "json"]).expect(0).json();
    let count = |kind: &str| finding(&triage, kind)["count"].as_u64().unwrap();
    let values = |kind: &str| -> Vec<String> {
        let items = finding(&triage, kind)["items"].as_array().unwrap();
        items.iter().map(|it| it["value"].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(triage["messages"], 67);
    assert_eq!(triage["period"]["since"], "2026-11-24T12:00:00.000Z", "{triage:#}");
    assert_eq!((count("lost"), values("lost")), (1, vec!["acme.example".to_owned()]));
    assert_eq!(count("bounced"), 4);
    assert_eq!(values("bounced"), ["550 5.1.1 <address> unknown, ticket <id>"]);
    assert_eq!(
        (count("failing-mailboxes"), values("failing-mailboxes")[0].as_str()),
        (1, "gone@acme.example")
    );
    assert_eq!(count("slow"), 60);
    assert_eq!(count("clean-in-junk"), 60);
    assert_eq!(count("spam-in-inbox"), 0);
    assert_eq!((count("bursts"), values("bursts")), (1, vec!["loud@far.example".to_owned()]));
    assert_eq!(count("no-beginning"), 1);
    let rules = finding(&triage, "rules")["items"].as_array().unwrap();
    let rules: Vec<(&str, bool, u64)> = rules
        .iter()
        .map(|it| {
            let value = it["value"].as_str().unwrap();
            (value, it["new"].as_bool().unwrap(), it["count"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        rules,
        [
            ("\"leak \u{1b}[31m\" redirects mail to eve@away.example", true, 3),
            ("\"old\" forwards mail to friend@away.example", false, 3),
        ]
    );
    assert_eq!(finding(&triage, "bounced")["before"], 0);
    let table = on(&store, &["triage"]).expect(0).stdout;
    assert!(!table.contains('\u{1b}'), "{table}");
    let none = table.lines().find(|it| it.starts_with("Nothing found: ")).unwrap_or_default();
    assert!(none.contains("spam in an inbox"), "{table}");

    // Before it there is nothing to compare with.
    let first = on(
        &store,
        &[
            "triage",
            "--format",
            "json",
            "--since",
            "2026-11-23T12:00:00Z",
            "--until",
            "2026-11-24T12:00:00Z",
        ],
    );
    let first = first.expect(0).json();
    assert_eq!((&first["before"], &first["messages"]), (&Value::Null, &json!(20)));
    assert_eq!(finding(&first, "bursts")["count"], 0);
    on(&store, &["triage", "--since", "2026-11-26", "--until", "2026-11-25"])
        .expect_error(&["must be before --until"]);
    on(&store, &["triage", "--since", "2020-01-01", "--until", "2020-01-02"]).expect(1);
}

#[test]
fn a_condition_decides_the_exit_status() {
    let dir = tempfile::tempdir().unwrap();
    import_into(&dir, &[("log.ndjson", &two_days())], 1_000);
    let store = dir.path().join("store");
    for (condition, status) in
        [("lost > 0", 4), ("lost > 1", 0), ("bounced>=4", 4), ("rules = 3", 0)]
    {
        let ran = on(&store, &["triage", "--fail-if", condition]).expect(status);
        assert_eq!(ran.stderr.contains("--fail-if"), status == 4, "{ran:#?}");
    }
    let both = ["triage", "--fail-if", "lost > 1", "--fail-if", "bursts > 0"];
    assert!(on(&store, &both).expect(4).stderr.contains("bursts > 0 (1)"));
    on(&store, &["triage", "--fail-if", "mood < 3"]).expect_error(&["mood", "lost"]);
    assert_eq!(on(&store, &["triage", "--fail-if", "lost"]).status, Some(2));
    on(&store, &["messages", "--fail-if", "bounced > 3"]).expect(4);
    on(&store, &["messages", "--fail-if", "failed > 5"]).expect(0);
    on(&store, &["messages", "--outcome", "sent", "--fail-if", "messages = 0"]).expect(4);
}

#[test]
fn a_watch_answers_again_when_the_store_grows() {
    let dir = tempfile::tempdir().unwrap();
    let log = two_days();
    let lines: Vec<&str> = log.lines().collect();
    let (first, rest) = lines.split_at(10);
    import_into(&dir, &[("1.ndjson", &first.join("\n"))], 1_000);
    let store = dir.path().join("store");
    let mut watching = mailtrace()
        .args(["messages", "--watch=1", "--format", "json", "--limit", "1"])
        .args(["--fail-if", "lost > 0", "--store"])
        .arg(&store)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut answers = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["total"], 5);
    import_into(&dir, &[("2.ndjson", &rest.join("\n"))], 1_000);
    assert_eq!(next()["total"], 87);
    // With what the condition waits for, the watch is over.
    assert_eq!(watching.wait().unwrap().code(), Some(4));
    let file = dir.path().join("1.ndjson");
    on(&store, &["triage", "--watch", "--input", file.to_str().unwrap()])
        .expect_error(&["--watch", "--input"]);
}

#[test]
fn saved_queries_stand_for_their_options() {
    let dir = tempfile::tempdir().unwrap();
    import_into(&dir, &[("log.ndjson", &two_days())], 1_000);
    let store = dir.path().join("store");
    let config = dir.path().join("mailtrace");
    fs::create_dir(&config).unwrap();
    let saved =
        "[queries]\nstuck = \"--outcome lost,bounced --format json\"\nodd = \"--from 'a\"\n";
    fs::write(config.join("config.toml"), saved).unwrap();
    let ask = |args: &[&str], home: &Path| {
        let mut command = mailtrace();
        command.env("XDG_CONFIG_HOME", home).env("HOME", home).args(args);
        run(command.arg("--store").arg(&store))
    };
    assert_eq!(ask(&["messages", "@stuck"], dir.path()).expect(0).json()["total"], 5);
    let more = ask(&["messages", "@stuck", "--to", "lost@*"], dir.path()).expect(0);
    assert_eq!(more.json()["total"], 1);
    ask(&["messages", "@none"], dir.path()).expect_error(&["@none", "odd, stuck"]);
    ask(&["messages", "@odd"], dir.path()).expect_error(&["queries.odd"]);
    let elsewhere = tempfile::tempdir().unwrap();
    ask(&["messages", "@stuck"], elsewhere.path()).expect_error(&["no saved query", "config.toml"]);
}
