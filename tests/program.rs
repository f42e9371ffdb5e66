//! Running the program as its users do, and making logs for it to read.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Where the clock stands in every run.
pub(crate) const NOW: &str = "2026-11-24T12:00:00Z";

/// 2026-11-23T10:00:00Z, the time of the first event of every log that is made here.
pub(crate) const START_MS: i64 = 1_795_428_000_000;

/// The program, with nothing of the caller's environment that it would listen to.
pub(crate) fn mailtrace(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrace"));
    command.env_clear().env("MAILTRACE_NOW", NOW).env("COLUMNS", "100").args(arguments);
    for name in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Checks the exit status.
    #[track_caller]
    pub(crate) fn with(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    }
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    mailtrace(arguments).output().unwrap().into()
}

/// Runs the program with something on its standard input.
pub(crate) fn run_with_stdin(arguments: &[&str], stdin: &str) -> Ended {
    let mut child = mailtrace(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// A directory with a store in it that has taken in one log.
pub(crate) struct Filled {
    pub(crate) dir: tempfile::TempDir,
}

impl Filled {
    pub(crate) fn with(lines: &[String]) -> Self {
        let it = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(it.log(), lines.join("\n")).unwrap();
        it.run(&["import", it.log().to_str().unwrap()]).with(0);
        it
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("log.ndjson")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Runs a command on the store.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        on(&self.store(), arguments)
    }
}

/// Runs a command on a store.
pub(crate) fn on(store: &Path, arguments: &[&str]) -> Ended {
    mailtrace(arguments).arg("--store").arg(store).output().unwrap().into()
}

/// The samples, imported.
pub(crate) fn samples() -> Filled {
    Filled::with(&[fs::read_to_string(sample("filter-log-events.ndjson")).unwrap()])
}

pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// A line of a log: an event, `ms` after the start.
pub(crate) fn line(ms: i64, trace_id: &str, name: &str, fields: Value) -> String {
    let mut event = json!({"eventName": name});
    let Value::Object(fields) = fields else { panic!("{fields} is no object") };
    event.as_object_mut().unwrap().extend(fields);
    record(
        ms,
        "/aws/workmail/emailevents/acme",
        "s1",
        &json!({"traceId": trace_id, "event": event}),
    )
}

/// A line of a log from whatever its message may be.
pub(crate) fn record(ms: i64, log_group: &str, log_stream: &str, message: &Value) -> String {
    json!({
        "logGroupName": log_group,
        "logStreamName": log_stream,
        "timestamp": START_MS + ms,
        "message": message.to_string(),
        "eventId": format!("{ms:056}"),
    })
    .to_string()
}

/// The arrival of a message with this subject, `ms` after the start.
pub(crate) fn received(ms: i64, trace_id: &str, subject: &str) -> String {
    line(
        ms,
        trace_id,
        "ORGANIZATION_EMAIL_RECEIVED",
        json!({"from": "ana@far.example", "recipients": ["bob@acme.example"], "subject": subject,
            "messageId": format!("<{trace_id}@far.example>")}),
    )
}

/// The keys of an object, in the order in which they stand.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}
