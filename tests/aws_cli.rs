//! What the AWS CLI writes, taken in: the forms in which people hold their logs.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloudwatch::Event;
use crate::moto::Moto;
use crate::pulling::GROUP;
use crate::support::{Ran, archived, mailtrace, run};

const STREAM: &str = "s1";

/// Moto with some events, and the AWS CLI.
struct Site {
    moto: Moto,
    dir: TempDir,
    events: Vec<Event>,
}

/// A record as far as a form tells it: time and stream are not in every one.
type Known = (Option<i64>, Option<String>, String);

impl Site {
    fn new() -> Self {
        let moto = Moto::start();
        let now_ms = jiff::Timestamp::now().as_millisecond() / 1_000 * 1_000;
        let subjects = ["Gr\u{fc}\u{df}e", "a\tb", "x | y, \"z\"", "{\"a\":1}"];
        let events = subjects.iter().zip(0_i64..).map(|(subject, index)| {
            let message = json!({ "traceId": format!("t{index}"), "event": {
                "eventName": "OUTGOING_EMAIL_SUBMITTED", "from": "ana@acme.example",
                "recipients": ["bob@far.example"], "subject": subject } });
            Event::new(now_ms - 60_000 + index * 1_123, STREAM, message.to_string())
        });
        let events: Vec<Event> = events.collect();
        moto.create_group(GROUP);
        moto.put(GROUP, &events);
        Self { moto, dir: TempDir::new().unwrap(), events }
    }

    /// What a command of `aws logs` writes.
    #[track_caller]
    fn aws(&self, output: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(Moto::environment().join("bin/aws"));
        command
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .args(["--region", "us-east-1", "--endpoint-url", &self.moto.endpoint()])
            .args(["--output", output, "logs"])
            .args(arguments);
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{arguments:?}: {ended:?}");
        String::from_utf8(ended.stdout).unwrap()
    }

    /// Imports a text into a store of its own.
    fn import(&self, name: &str, text: &str) -> (Ran, PathBuf) {
        let (file, store) =
            (self.dir.path().join(name), self.dir.path().join(name).with_extension("store"));
        fs::write(&file, text).unwrap();
        let mut command = mailtrace();
        command.env_remove("MAILTRACE_NOW").args(["import", "--format", "json", "--store"]);
        (run(command.arg(&store).arg(&file)), store)
    }

    /// Checks that a text brings the events, with their times and streams where it has them.
    #[track_caller]
    fn assert_read(&self, name: &str, text: &str, has_time: bool, has_stream: bool) {
        let (ran, store) = self.import(name, text);
        assert!(matches!(ran.status, Some(0 | 3)), "{name}: {ran:#?}");
        assert_eq!(ran.json()["rejected"], 0, "{name}: {ran:#?}\n{text}");
        let found: BTreeSet<Known> = archived(&store)
            .lines()
            .map(|line| {
                let record: Value = serde_json::from_str(line).unwrap();
                let stream = record["logStream"].as_str().map(str::to_owned);
                (
                    record["timestamp"].as_i64().filter(|_| has_time),
                    stream.filter(|_| has_stream),
                    record["message"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        let expected: BTreeSet<Known> = self
            .events
            .iter()
            .map(|it| {
                (
                    has_time.then_some(it.timestamp_ms),
                    has_stream.then(|| STREAM.to_owned()),
                    it.message.clone(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{name}\n{text}");
    }

    /// Checks that a text brings the events, or is refused as a whole and in words.
    #[track_caller]
    fn assert_read_or_refused(&self, name: &str, text: &str, has_time: bool, has_stream: bool) {
        let (ran, _) = self.import(name, text);
        if ran.status == Some(0) {
            self.assert_read(&format!("again-{name}"), text, has_time, has_stream);
            return;
        }
        let added = serde_json::from_str::<Value>(&ran.stdout)
            .map_or(Value::Null, |it| it["added"].clone());
        assert!(added.is_null() || added == 0, "{name} is read in part: {ran:#?}\n{text}");
        assert!(!ran.stderr.is_empty(), "{name}: {ran:#?}");
    }
}

#[test]
fn what_the_aws_cli_writes_is_read() {
    let site = Site::new();
    let filter = ["filter-log-events", "--log-group-name", GROUP];
    let stream = ["get-log-events", "--log-group-name", GROUP, "--log-stream-name", STREAM];
    let with = |words: &[&str], query| site.aws("json", &[words, &["--query", query]].concat());
    site.assert_read("filter.json", &site.aws("json", &filter), true, true);
    site.assert_read("stream.json", &site.aws("json", &stream), true, false);
    site.assert_read("events.json", &with(&filter, "events"), true, true);
    site.assert_read(
        "chosen.json",
        &with(&filter, "events[].{timestamp: timestamp, message: message}"),
        true,
        false,
    );
    let now = site.events.last().unwrap().timestamp_ms / 1_000 + 60;
    let query_id = site.aws(
        "text",
        &[
            "start-query",
            "--log-group-name",
            GROUP,
            "--start-time=0",
            &format!("--end-time={now}"),
            "--query-string=fields @timestamp, @message, @logStream, @log",
            "--query=queryId",
        ],
    );
    let results = site.aws("json", &["get-query-results", "--query-id", query_id.trim()]);
    site.assert_read("results.json", &results, true, true);
}

#[test]
fn what_the_aws_cli_writes_for_people_is_read_or_refused() {
    let site = Site::new();
    let filter = ["filter-log-events", "--log-group-name", GROUP];
    let query = |output, query| site.aws(output, &[&filter[..], &["--query", query]].concat());
    let (messages, pairs) = ("events[].message", "events[].[timestamp,message]");
    site.assert_read_or_refused("messages.json", &query("json", messages), false, false);
    site.assert_read_or_refused("pairs.json", &query("json", pairs), true, false);
    site.assert_read_or_refused("messages.txt", &query("text", messages), false, false);
    site.assert_read_or_refused("pairs.txt", &query("text", pairs), true, false);
    site.assert_read_or_refused("filter.txt", &site.aws("text", &filter), true, true);
    let (ran, _) = site.import("table.txt", &site.aws("table", &filter));
    assert_ne!(ran.status, Some(0), "a table cuts nothing, but is no log: {ran:#?}");
}
