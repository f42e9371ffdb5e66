//! The query language of CloudWatch Logs Insights, beside a plain reading of the log.

use std::fs;
use std::path::Path;

use mailtrace::Timestamp;
use mailtrace::internals::EXAMPLES;
use serde_json::{Value, json};

use crate::program::{Filled, keys, line, mailtrace, on, record, run, run_with_stdin, sample};
use crate::support::{import, synth};

/// An event of the log, as it stands there.
struct Event {
    ms: i64,
    message: Value,
}

impl Event {
    /// The text at a path; none for what is missing.
    fn get(&self, path: &str) -> Option<String> {
        let mut value = &self.message;
        for step in path.split('.') {
            value = match step.parse::<usize>() {
                Ok(index) => value.get(index)?,
                Err(_) => value.get(step)?,
            };
        }
        match value {
            Value::Null => None,
            Value::String(it) => Some(it.clone()),
            other => Some(other.to_string()),
        }
    }

    fn is(&self, path: &str, expect: &str) -> bool {
        self.get(path).as_deref() == Some(expect)
    }

    fn has_part(&self, path: &str, part: &str) -> bool {
        self.get(path).is_some_and(|it| it.to_lowercase().contains(&part.to_lowercase()))
    }

    fn time(&self) -> String {
        let time = Timestamp::from_ms(self.ms).unwrap().to_string();
        time.trim_end_matches('Z').replace('T', " ")
    }

    /// A row with these columns.
    fn row(&self, columns: &[&str]) -> Value {
        let cell = |name: &&str| match *name {
            "@timestamp" => ((*name).to_owned(), json!(self.time())),
            path => (path.to_owned(), json!(self.get(path))),
        };
        Value::Object(columns.iter().map(cell).collect())
    }
}

/// The log's events, oldest first.
fn events(log: &Path) -> Vec<Event> {
    let text = fs::read_to_string(log).unwrap();
    let event = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        let message = record["message"].as_str().unwrap();
        Event {
            ms: record["timestamp"].as_i64().unwrap(),
            message: serde_json::from_str(message).unwrap(),
        }
    };
    let mut events: Vec<Event> = text.lines().map(event).collect();
    events.sort_by_key(|it| it.ms);
    events
}

fn rows(store: &Path, query: &str) -> Vec<Value> {
    let answer = on(store, &["insights", query, "--format", "json"]).json();
    answer["rows"].as_array().unwrap().clone()
}

/// Rows of events in one direction.
fn listed(
    events: &[Event],
    columns: &[&str],
    newest_first: bool,
    holds: impl Fn(&Event) -> bool,
) -> Vec<Value> {
    let mut rows: Vec<Value> =
        events.iter().filter(|it| holds(it)).map(|it| it.row(columns)).collect();
    if newest_first {
        rows.reverse();
    }
    rows
}

/// Counts by a field: the largest first, those of one size by their keys.
fn counted(
    events: &[Event],
    path: &str,
    holds: impl Fn(&Event) -> bool,
) -> Vec<(Option<String>, u64)> {
    let mut counts = std::collections::BTreeMap::new();
    for event in events.iter().filter(|it| holds(it)) {
        *counts.entry(event.get(path)).or_insert(0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|it| std::cmp::Reverse(it.1));
    counts
}

/// A log with all that AWS's queries ask for, and a store of it.
fn filled(dir: &Path) -> (std::path::PathBuf, Vec<Event>) {
    let log = synth(dir, 6_000, 7, "ndjson").path;
    let store = dir.join("store");
    import(&store, &log).expect(0);
    let events = events(&log);
    (store, events)
}

/// What stands for the words in capitals of the guide's queries.
struct Words {
    user_a: String,
    user_b: String,
    trace_id: String,
    message_id: String,
    user: String,
    domain: String,
    subject: String,
}

impl Words {
    /// Words that the log has.
    fn of(events: &[Event]) -> Self {
        let first = |name: &str| events.iter().find(|it| it.is("event.eventName", name)).unwrap();
        let submitted = first("OUTGOING_EMAIL_SUBMITTED");
        let received = first("ORGANIZATION_EMAIL_RECEIVED");
        let local = |it: Option<String>| it.unwrap().split('@').next().unwrap().to_uppercase();
        let from = received.get("event.from").unwrap();
        let subject = received.get("event.subject").unwrap();
        let is_plain = |it: &&str| it.chars().all(char::is_alphanumeric);
        Self {
            user_a: local(submitted.get("event.from")),
            user_b: local(submitted.get("event.recipients.0")),
            trace_id: received.get("traceId").unwrap(),
            message_id: received.get("event.messageId").unwrap(),
            user: local(Some(from.clone())),
            domain: from.split('@').nth(1).unwrap().to_owned(),
            subject: subject.split(' ').find(is_plain).unwrap().to_owned(),
        }
    }

    /// A query with these words.
    fn put_into(&self, query: &str) -> String {
        [
            ("USERA", &self.user_a),
            ("USERB", &self.user_b),
            ("TRACEID", &self.trace_id),
            ("MESSAGEID", &self.message_id),
            ("DOMAIN", &self.domain),
            ("SUBJECT", &self.subject),
            // The one that is a part of others.
            ("USER/", &format!("{}/", self.user)),
        ]
        .into_iter()
        .fold(query.to_owned(), |query, (word, value)| query.replace(word, value))
    }
}

/// What the queries find, by a plain reading of the log.
fn expected(events: &[Event], words: &Words) -> Vec<Vec<Value>> {
    let is = |name: &'static str| move |it: &Event| it.is("event.eventName", name);
    let (is_received, is_submitted) =
        (is("ORGANIZATION_EMAIL_RECEIVED"), is("OUTGOING_EMAIL_SUBMITTED"));
    let oldest =
        |columns: &[&str], holds: &dyn Fn(&Event) -> bool| listed(events, columns, false, holds);
    let newest =
        |columns: &[&str], holds: &dyn Fn(&Event) -> bool| listed(events, columns, true, holds);
    let grouped = |path: &str, holds: &dyn Fn(&Event) -> bool| -> Vec<Value> {
        let counts = counted(events, path, holds);
        counts.into_iter().map(|(key, count)| json!({path: key, "c": count})).collect()
    };
    let by_name = ["@timestamp", "event.eventName"];
    let of_trace = || oldest(&by_name, &|it| it.is("traceId", &words.trace_id));
    let checks = ["spam", "spf", "dkim", "dmarc"].map(|it| format!("event.{it}Verdict"));
    let checks: Vec<&str> = ["@timestamp", "event.recipients.0"]
        .into_iter()
        .chain(checks.iter().map(String::as_str))
        .collect();
    let bounced =
        ["emailAddress", "reason", "status"].map(|it| format!("event.bouncedRecipient.{it}"));
    let bounced: Vec<&str> =
        ["@timestamp"].into_iter().chain(bounced.iter().map(String::as_str)).collect();
    let rule = ["@timestamp", "event.ruleName", "event.ruleActions.0.action"];
    vec![
        oldest(&["@timestamp", "traceId"], &|it| {
            is_submitted(it)
                && it.has_part("event.from", &words.user_a)
                && it.has_part("event.recipients.0", &words.user_b)
        }),
        of_trace(),
        oldest(&by_name, &|it| {
            it.get("event.messageId").is_some_and(|it| it.contains(&words.message_id))
        }),
        of_trace(),
        oldest(&by_name, &|it| is_received(it) && it.has_part("event.from", &words.user)),
        oldest(&by_name, &|it| {
            is_received(it) && it.get("event.from").is_some_and(|it| it.contains(&words.domain))
        }),
        newest(&["@timestamp", "event.destination", "event.reason"], &is("OUTGOING_EMAIL_BOUNCED")),
        newest(&bounced, &is("INCOMING_EMAIL_BOUNCED")),
        oldest(&["@timestamp", "event.recipients.0", "event.sender", "event.from"], &|it| {
            it.is("event.spamVerdict", "FAIL")
        }),
        grouped("event.recipients.0", &|it| is_received(it) && it.is("event.spamVerdict", "FAIL")),
        oldest(&checks, &|it| is_received(it) && it.has_part("event.subject", &words.subject)),
        of_trace(),
        newest(&rule, &|it| it.is("event.ruleType", "OUTBOUND_RULE")),
        newest(&[&rule[..], &["event.ruleActions.0.recipients.0"]].concat(), &|it| {
            it.is("event.ruleType", "INBOUND_RULE")
        }),
        grouped("event.recipient", &is("MAILBOX_EMAIL_DELIVERED")),
        grouped("event.from", &is_submitted),
    ]
}

/// All sixteen queries of the guide, unchanged but for the words in capitals.
#[test]
fn the_queries_of_the_guide_answer_as_a_plain_reading_does() {
    let dir = tempfile::tempdir().unwrap();
    let (store, events) = filled(dir.path());
    let words = Words::of(&events);
    let expected = expected(&events, &words);
    assert_eq!(expected.len(), EXAMPLES.len());
    for (number, (example, expected)) in (1..).zip(EXAMPLES.iter().zip(&expected)) {
        let answer = rows(&store, &words.put_into(example.query));
        let is_counted = expected.first().is_some_and(|it| it.get("c").is_some());
        if !is_counted {
            assert_eq!(answer.len(), expected.len(), "query {number}");
            assert_eq!(&answer, expected, "query {number}");
            continue;
        }
        let counts = |rows: &[Value]| -> Vec<u64> {
            rows.iter().map(|it| it["c"].as_u64().unwrap()).collect()
        };
        assert_eq!(counts(&answer), counts(expected), "query {number}");
        // Rows of one count may stand in any order.
        let sorted = |rows: &[Value]| -> Vec<String> {
            let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
            rows.sort();
            rows
        };
        assert_eq!(sorted(&answer), sorted(expected), "query {number}");
    }
    let answered = expected.iter().filter(|it| !it.is_empty()).count();
    assert!(answered >= 14, "the log lacks what the queries ask for: {answered}");
}

/// What the index narrows is what reading everything finds.
#[test]
fn the_index_changes_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (store, events) = filled(dir.path());
    let received = events.iter().find(|it| it.get("event.messageId").is_some()).unwrap();
    let from = received.get("event.from").unwrap();
    for (path, value) in [
        ("event.eventName", "MAILBOX_EMAIL_DELIVERED"),
        ("traceId", &received.get("traceId").unwrap()),
        ("event.messageId", &received.get("event.messageId").unwrap()),
        ("event.from", &from),
        ("event.spamVerdict", "FAIL"),
        ("event.folder", "INBOX"),
        ("event.ruleType", "MAILBOX_RULE"),
        ("event.eventName", "mailbox_email_delivered"),
    ] {
        let columns = ["@timestamp", "traceId", path];
        let query = format!("fields @timestamp, traceId, {path} | filter {path} = \"{value}\"");
        let expected = listed(&events, &columns, true, |it| it.is(path, value));
        assert_eq!(rows(&store, &query), expected, "{query}");
        // No index knows this one.
        let read =
            format!("fields @timestamp, traceId, {path} | filter concat({path}) = \"{value}\"");
        assert_eq!(rows(&store, &read), expected, "{read}");
    }
    let middle = events[events.len() / 2].ms;
    let query = format!("stats count(*) as c | filter toMillis(@timestamp) >= {middle}");
    let count = events.iter().filter(|it| it.ms >= middle).count();
    assert_eq!(rows(&store, &query), [json!({"c": count})]);
    let since = middle.to_string();
    let answer =
        on(&store, &["insights", "stats count(*) as c", "--since", &since, "--format", "json"]);
    let answer = answer.with(0).json();
    assert_eq!(answer["rows"], json!([{"c": count}]));
    assert_eq!(answer["statistics"], json!({"recordsMatched": count, "recordsScanned": count}));
}

fn small() -> Filled {
    let sent = |ms: i64, to: &str, size: i64| {
        line(ms, &format!("t{ms}"), "OUTGOING_EMAIL_SENT", json!({"recipient": to, "size": size}))
    };
    let other =
        json!({"traceId": "o", "event": {"eventName": "OUTGOING_EMAIL_SENT", "recipient": "=1+1"}});
    Filled::with(&[
        sent(0, "ana@acme.example", 5),
        sent(1_000, "bob@acme.example", 7),
        sent(2_000, "ana@acme.example", 9),
        record(3_000, "/other/group", "s2", &other),
    ])
}

#[test]
fn each_format_has_the_names_of_the_query() {
    let store = small();
    let query =
        "stats count(*) as c, avg(event.size) by event.recipient | sort c desc, event.recipient";
    let asked = |format: &str| store.run(&["insights", query, "--format", format]).with(0).stdout;
    assert_eq!(
        asked("json"),
        "{\"rows\":[{\"event.recipient\":\"ana@acme.example\",\"c\":2,\"avg(event.size)\":7},\
         {\"event.recipient\":\"=1+1\",\"c\":1,\"avg(event.size)\":null},\
         {\"event.recipient\":\"bob@acme.example\",\"c\":1,\"avg(event.size)\":7}],\
         \"statistics\":{\"recordsMatched\":4,\"recordsScanned\":4}}\n"
    );
    assert_eq!(
        asked("ndjson").lines().next(),
        Some("{\"event.recipient\":\"ana@acme.example\",\"c\":2,\"avg(event.size)\":7}")
    );
    assert_eq!(
        asked("csv"),
        "event.recipient,c,avg(event.size)\nana@acme.example,2,7\n'=1+1,1,\nbob@acme.example,1,7\n"
    );
    let table = asked("table");
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["event.recipient", "c", "avg(event.size)"]
    );
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["ana@acme.example", "2", "7"]);
}

/// What the program prints as CSV is a file that it reads.
#[test]
fn an_answer_with_messages_can_be_imported() {
    let store = small();
    let csv = store.run(&[
        "insights",
        "fields @timestamp, @message, @logStream, @log",
        "--format",
        "csv",
    ]);
    let csv = csv.with(0).stdout;
    assert!(csv.starts_with("@timestamp,@message,@logStream,@log\n"), "{csv}");
    let file = store.dir.path().join("answer.csv");
    fs::write(&file, csv).unwrap();
    let counted = run(&[
        "insights",
        "stats count(*) as c by @log",
        "--format",
        "json",
        "--input",
        file.to_str().unwrap(),
    ]);
    assert_eq!(counted.json()["rows"][1], json!({"@log": "/other/group", "c": 1}), "{counted:#?}");
}

#[test]
fn times_and_log_groups_are_asked_for_as_the_console_does() {
    let store = small();
    let count = |arguments: &[&str]| {
        let ended = store
            .run(&[&["insights", "stats count(*) as c", "--format", "json"], arguments].concat());
        ended.json()["rows"][0]["c"].clone()
    };
    // The start of the log is 2026-11-23T10:00:00Z.
    assert_eq!(count(&["--since", "2026-11-23T10:00:01Z"]), 3);
    assert_eq!(count(&["--until", "2026-11-23T10:00:02Z"]), 2);
    assert_eq!(count(&["--start", "1795428001", "--end", "1795428002"]), 2, "both are included");
    assert_eq!(count(&["--log-group", "/other/group"]), 1);
    assert_eq!(count(&["--log-group", "/aws/workmail/*"]), 3);
    assert_eq!(count(&["--log-group", "/aws/*", "--log-group", "/other/*"]), 4);
    assert_eq!(count(&["--log-group", "/nobody/*"]), 0);
    let sourced = |query: &str| {
        store.run(&["insights", query, "--format", "json"]).json()["rows"][0]["c"].clone()
    };
    assert_eq!(sourced("SOURCE '/other/*' | stats count(*) as c"), 1);
    assert_eq!(sourced("SOURCE '/other/*' | SOURCE \"/aws/*\" | stats count(*) as c"), 4);
    // The clock stands a day and two hours later.
    assert_eq!(sourced("SOURCE '/aws/*' START=-93599s END=-93598s | stats count(*) as c"), 2);
    assert_eq!(sourced("SOURCE '/aws/*' START=-3600s END=0s | stats count(*) as c"), 0);
}

#[test]
fn exit_statuses_are_those_of_every_question() {
    let store = small();
    let status = |query: &str| store.run(&["insights", query]).status;
    assert_eq!(status("fields @message"), Some(0));
    assert_eq!(status("filter event.recipient = 'nobody'"), Some(1));
    assert_eq!(status("stats count(*) | filter event.recipient = 'nobody'"), Some(1));
    assert_eq!(status("limit 0"), Some(1));
    assert_eq!(status("pattern @message"), Some(2));
    assert_eq!(run(&["insights"]).status, Some(2));
    assert_eq!(run(&["insights", "fields a", "--file", "q"]).status, Some(2));
    let ended = store.run(&["insights", "filter event.recipient = 'nobody'"]).with(1);
    assert!(ended.stderr.contains("no row found"), "{ended:#?}");
    let ended = store.run(&["insights", "limit 2"]).with(0);
    assert!(ended.stderr.contains("2 of 4 rows shown"), "{ended:#?}");
}

#[test]
fn what_is_not_supported_is_shown_with_its_place() {
    let store = small();
    let ended = store.run(&["insights", "fields @message\n| pattern @message"]).with(2);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "the command \"pattern\" is not supported (line 2)",
            "  | pattern @message",
            "    ^~~~~~~"
        ]
    );
    assert!(lines[4].starts_with("error: cannot read the query: "), "{ended:#?}");
    assert!(lines[4].ends_with("is not supported (line 2, column 3)"), "{ended:#?}");
    // So is what is only found wrong where it is used.
    let ended = store.run(&["insights", "stats count(*) by a | sort @timestamp"]).with(2);
    assert!(ended.stderr.contains("there is no \"@timestamp\" after stats"), "{ended:#?}");
    let ended = store.run(&["insights", "filter a = '\u{1b}[35m' and \u{1b}"]).with(2);
    assert!(!ended.stderr.contains('\u{1b}'), "{ended:#?}");
}

#[test]
fn a_query_may_stand_in_a_file() {
    let store = small();
    let path = store.dir.path().join("query.txt");
    fs::write(&path, "\u{feff}# how many\nstats count(*) as c\n").unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(
        store.run(&["insights", "--file", path, "--format", "json"]).json()["rows"],
        json!([{"c": 4}])
    );
    fs::write(path, "fields a ".repeat(2_000)).unwrap();
    let ended = store.run(&["insights", "--file", path]).with(2);
    assert!(ended.stderr.contains("longer than 8192 bytes"), "{ended:#?}");
    fs::write(path, b"\x89PNG\r\n\x1a\n").unwrap();
    let ended = store.run(&["insights", "--file", path]).with(2);
    assert!(ended.stderr.contains("a picture is not supported"), "{ended:#?}");
    let log = sample("filter-log-events.ndjson");
    let arguments =
        ["insights", "--file", "-", "--format", "json", "--input", log.to_str().unwrap()];
    let ended = run_with_stdin(&arguments, "stats count(*) as c");
    assert_eq!(ended.json()["rows"], json!([{"c": 16}]));
}

#[test]
fn hostile_queries_are_refused_or_answered_soon() {
    let store = small();
    let deep = format!("filter {}a{}", "(".repeat(4_000), ")".repeat(4_000));
    for (query, words) in [
        (deep.as_str(), "nested deeper than 64 levels"),
        (&"a".repeat(9_000), "longer than 8192 bytes"),
        ("filter a like /(a{9999}){9999}/", "not a valid regular expression"),
        ("fields eval(@message)", "unknown function \"eval\""),
        ("fields \0", "expected a name"),
    ] {
        // No argument can hold a NUL.
        let ended = run_with_stdin(
            &["insights", "--file", "-", "--store", store.store().to_str().unwrap()],
            query,
        );
        assert!(ended.with(2).stderr.contains(words), "{words}");
    }
    let slow = "filter @message like /(a*)*(b*)*(.*)*x$/ | stats count(*)";
    store.run(&["insights", slow]).with(1);
    let doubled: Vec<String> =
        (1..40).map(|it| format!("concat(a{0}, a{0}) as a{it}", it - 1)).collect();
    let query = format!("fields @message as a0, {}", doubled.join(", "));
    assert!(store.run(&["insights", &query]).with(2).stderr.contains("a text of more than 8 MB"));
}

#[test]
fn examples_are_listed_with_what_answers_better() {
    let listed = run(&["insights", "--examples"]).with(0).stdout;
    assert_eq!(listed.lines().filter(|it| it.contains("better: mailtrace ")).count(), 16);
    let json = run(&["insights", "--examples", "--format", "json"]).with(0).json();
    let examples = json["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 16);
    assert_eq!(keys(&examples[0]), ["purpose", "query", "command"]);
    let csv = run(&["insights", "--examples", "--format", "csv"]).with(0).stdout;
    assert_eq!(csv.lines().count(), 17);
    // The commands are ours.
    let store = small();
    for example in EXAMPLES {
        let command = example.command.replace("'<MESSAGEID>'", "<MESSAGEID>");
        let arguments: Vec<String> =
            command.split(' ').skip(1).map(|it| it.trim_matches('\'').to_owned()).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let status =
            mailtrace(&arguments).arg("--store").arg(store.store()).output().unwrap().status;
        assert!(matches!(status.code(), Some(0 | 1)), "{}", example.command);
    }
}
