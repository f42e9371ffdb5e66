//! Running `mailtrace pull` and comparing the store with what the service had.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mailtrace::internals::{SynthOptions, generate};
use mailtrace::{Record, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloudwatch::{CloudWatch, Event, Group, World};
use crate::support::{Ran, archived, assert_sound, mailtrace, run};

/// The log group of the organization `acme`.
pub(crate) const GROUP: &str = "/aws/workmail/emailevents/acme";

/// 2026-11-20T12:00:00Z, where the program's clock stands at first.
pub(crate) const NOW_MS: i64 = 1_795_176_000_000;

pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// How long a running program may take to do what it is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs pulls into one store.
pub(crate) struct Puller {
    pub(crate) dir: TempDir,
    pub(crate) endpoint: String,
    /// Where the program's clock stands.
    pub(crate) now_ms: i64,
    /// The most requests a second; five, with which a pull begins by itself, would make the tests
    /// long.
    pub(crate) max_rate: Option<u32>,
}

impl Puller {
    pub(crate) fn of(service: &CloudWatch) -> Self {
        Self::at(service.endpoint())
    }

    pub(crate) fn at(endpoint: String) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), endpoint, now_ms: NOW_MS, max_rate: Some(200) }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// A pull that is ready to be started, from no group in particular.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let now = Timestamp::from_ms(self.now_ms).unwrap().to_string();
        let mut command = mailtrace();
        command
            .env("MAILTRACE_NOW", now)
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // Nobody's configuration is in there.
            .env("HOME", self.dir.path())
            .arg("pull")
            .arg("--store")
            .arg(self.store())
            .args(["--region", "us-east-1", "--endpoint-url", &self.endpoint])
            .args(self.max_rate.map(|it| format!("--max-rate={it}")))
            .args(arguments);
        command
    }

    /// Pulls the group.
    pub(crate) fn pull(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(&["--log-group", GROUP, "--format", "json"]);
        run(command.args(arguments))
    }

    /// Pulls the group, which must succeed; gives the report.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        self.report_with(0)
    }

    /// Pulls the group; the exit status must be this. Gives the report, whose sums must agree.
    #[track_caller]
    pub(crate) fn report_with(&self, status: i32) -> Value {
        let report = self.pull(&[]).expect(status).json();
        let count = |name: &str| report[name].as_u64().unwrap_or_else(|| panic!("{report}"));
        assert_eq!(
            count("read"),
            count("added") + count("duplicates") + count("rejected"),
            "{report}"
        );
        report
    }

    /// What is in the store.
    pub(crate) fn stored(&self) -> Content {
        let lines = archived(&self.store());
        content(lines.lines().map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let timestamp_ms = record["timestamp"].as_i64().unwrap();
            (timestamp_ms, text("logStream"), text("message"))
        }))
    }

    /// Checks that the store is sound and holds what has arrived at the service, no less, no more.
    #[track_caller]
    pub(crate) fn assert_exact(&self, service: &CloudWatch, what: &str) {
        assert_sound(&self.store());
        let expected = arrived(service);
        assert_same(&self.stored(), &expected, what);
    }
}

/// Events by time, stream and message, with how often each is there.
pub(crate) type Content = BTreeMap<(i64, String, String), usize>;

pub(crate) fn content(events: impl Iterator<Item = (i64, String, String)>) -> Content {
    let mut content = Content::new();
    for event in events {
        *content.entry(event).or_default() += 1;
    }
    content
}

pub(crate) fn content_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Content {
    let key = |it: &Event| (it.timestamp_ms, it.stream.clone(), it.message.clone());
    content(events.into_iter().map(key))
}

/// What has arrived at the first group of a service.
pub(crate) fn arrived(service: &CloudWatch) -> Content {
    let state = service.lock();
    content_of(state.world.arrived(&state.world.groups[0]))
}

/// Says what is missing, too much or double, rather than print everything.
#[track_caller]
pub(crate) fn assert_same(actual: &Content, expected: &Content, what: &str) {
    let beyond = |left: &Content, right: &Content| {
        let keys = left.iter().filter(|(key, _)| !right.contains_key(*key));
        keys.map(|((ms, stream, _), _)| (*ms, stream.clone())).collect::<Vec<_>>()
    };
    let (missing, extra) = (beyond(expected, actual), beyond(actual, expected));
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{what}: {} of {} missing, such as {:?}; {} too many, such as {:?}",
        missing.len(),
        expected.len(),
        missing.first(),
        extra.len(),
        extra.first()
    );
    let double: Vec<_> = actual.iter().filter(|(key, count)| expected[*key] != **count).collect();
    assert!(double.is_empty(), "{what}: another number of {double:?}");
}

/// A service that has these events in the one group.
pub(crate) fn service(events: impl IntoIterator<Item = Event>) -> CloudWatch {
    CloudWatch::start(World::with([Group::new(GROUP, events)]))
}

/// Events of a synthetic log that begins `age_ms` before now.
pub(crate) fn synthetic(count: u64, seed: u64, age_ms: i64, span_ms: i64) -> Vec<Event> {
    synthetic_at(count, seed, NOW_MS - age_ms, span_ms)
}

pub(crate) fn synthetic_at(count: u64, seed: u64, since_ms: i64, span_ms: i64) -> Vec<Event> {
    let since = Timestamp::from_ms(since_ms).unwrap();
    let options =
        SynthOptions { event_count: count, seed, since, span_ms, ..SynthOptions::default() };
    let mut events = Vec::new();
    let keep = |it: &Record<'_>| {
        events.push(Event::of(it));
        Ok(())
    };
    generate(&options, keep, |_| Ok(())).unwrap();
    // The last messages of a log run on behind its span.
    events.retain(|it| it.timestamp_ms < since_ms + span_ms);
    events
}

/// The arrival of a message, named by one word, `age_ms` before now.
pub(crate) fn received(age_ms: i64, stream: &str, word: &str) -> Event {
    let message = json!({
        "traceId": format!("trace-{word}"),
        "event": {
            "eventName": "ORGANIZATION_EMAIL_RECEIVED",
            "from": format!("{word}@far.example"),
            "recipients": ["bob@acme.example"],
            "subject": word,
            "messageId": format!("<{word}@far.example>"),
        },
    });
    Event::new(NOW_MS - age_ms, stream, message.to_string())
}

/// Events, one a minute, the last `age_ms` before now, in three streams.
pub(crate) fn minutely(count: i64, age_ms: i64) -> Vec<Event> {
    let event = |index: i64| {
        let minutes = count - 1 - index;
        received(age_ms + minutes * 60_000, &format!("s{}", index % 3), &format!("m{index}"))
    };
    (0..count).map(event).collect()
}

/// A pull that goes on by itself.
pub(crate) struct Following {
    child: Child,
    lines: Receiver<String>,
    pub(crate) seen: Vec<String>,
}

impl Following {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Nobody listens once the test is over.
                let _over = sender.send(line);
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line of its output that has this word.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, word: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let is_it = line.contains(word);
                    self.seen.push(line);
                    if is_it {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {word:?} after {PATIENCE:?}: {:#?}", self.seen)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended without {word:?}: {:#?}", self.seen)
                }
            }
        }
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end(mut self, signal: Signal) -> Ran {
        self.signal(signal);
        self.ended()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn ended(mut self) -> Ran {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
        let ended = self.child.wait_with_output().unwrap();
        ended.into()
    }
}

/// Waits until something has become true.
#[track_caller]
pub(crate) fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < deadline, "not after {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
