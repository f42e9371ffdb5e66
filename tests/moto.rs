//! Moto's server, another hand's CloudWatch Logs: what both services do the same, the program
//! does not owe to our own stand-in.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::cloudwatch::Event;
use crate::json_client::JsonClient;
use crate::python::installed;

/// Pinned, so that a new release changes nothing here by itself.
const REQUIREMENT: &str = "moto[server]==5.2.5";

/// It takes about 3 seconds on an idle machine.
const START_WAIT: Duration = Duration::from_secs(90);

/// Events in one PutLogEvents call at most.
const PUT_EVENTS_MAX: usize = 10_000;

/// A server that runs until it is dropped.
pub(crate) struct Moto {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Moto {
    /// Starts a server with nothing in it; the first time on a machine it is installed.
    pub(crate) fn start() -> Self {
        let program = Self::environment().join("bin/moto_server");
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let file = File::create(&log).unwrap();
        let child = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut moto = Self { child, address, _dir: dir };
        moto.address = moto.wait_for_address(&log);
        moto
    }

    /// Waits until it says where it listens, and answers there.
    fn wait_for_address(&mut self, log: &Path) -> SocketAddr {
        const SAYS: &str = "Running on http://";
        let started = Instant::now();
        loop {
            let text = fs::read_to_string(log).unwrap();
            let said = text.split_once(SAYS).and_then(|(_, rest)| rest.split_once('\n'));
            if let Some((address, _)) = said
                && let Ok(address) = address.trim().parse()
                && JsonClient::connect(address).is_ok()
            {
                return address;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "moto's server ended ({ended:?}): {text}");
            assert!(started.elapsed() < START_WAIT, "moto's server does not answer: {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The programs and packages that stand beside the server.
    pub(crate) fn environment() -> PathBuf {
        installed(REQUIREMENT)
            .unwrap_or_else(|needed| panic!("the tests against moto need {needed}"))
    }

    /// Calls an action of CloudWatch Logs that must succeed.
    #[track_caller]
    pub(crate) fn call(&self, action: &str, parameters: &Value) -> Value {
        // It closes the connection after each answer.
        let mut client = JsonClient::connect(self.address).unwrap();
        let answered = client.call(action, parameters).unwrap();
        assert_eq!(answered.status, 200, "{action} {parameters}: {answered:?}");
        if answered.body.is_empty() { Value::Null } else { answered.json() }
    }

    pub(crate) fn create_group(&self, group: &str) {
        self.call("CreateLogGroup", &json!({ "logGroupName": group }));
    }

    /// Puts events into their streams, which are made where they are missing.
    pub(crate) fn put(&self, group: &str, events: &[Event]) {
        let described = self.call("DescribeLogStreams", &json!({ "logGroupName": group }));
        let known = described["logStreams"].as_array().unwrap().iter();
        let mut known: Vec<String> =
            known.map(|it| it["logStreamName"].as_str().unwrap().to_owned()).collect();
        for event in events {
            if !known.contains(&event.stream) {
                let stream = json!({ "logGroupName": group, "logStreamName": event.stream });
                self.call("CreateLogStream", &stream);
                known.push(event.stream.clone());
            }
        }
        for stream in known {
            let mut due: Vec<&Event> = events.iter().filter(|it| it.stream == stream).collect();
            due.sort_by_key(|it| it.timestamp_ms);
            for chunk in due.chunks(PUT_EVENTS_MAX) {
                self.put_chunk(group, &stream, chunk);
            }
        }
    }

    fn put_chunk(&self, group: &str, stream: &str, events: &[&Event]) {
        let entries = events
            .iter()
            .map(|it| json!({ "timestamp": it.timestamp_ms, "message": it.message }))
            .collect::<Vec<_>>();
        let parameters =
            json!({ "logGroupName": group, "logStreamName": stream, "logEvents": entries });
        let answer = self.call("PutLogEvents", &parameters);
        assert!(answer.get("rejectedLogEventsInfo").is_none_or(Value::is_null), "{answer}");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ended = kill_process_group(group, Signal::KILL);
        }
        let _ended = self.child.wait();
    }
}

#[test]
fn moto_gives_back_what_was_put() {
    let moto = Moto::start();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let events = [
        Event::new(now_ms - 2_000, "a", "first"),
        Event::new(now_ms - 1_000, "b", "second"),
        Event::new(now_ms - 1_000, "b", "third"),
    ];
    moto.create_group("/g");
    moto.put("/g", &events);
    let page = moto.call("FilterLogEvents", &json!({ "logGroupName": "/g" }));
    let found = page["events"].as_array().unwrap().iter();
    let found: Vec<(i64, &str)> = found
        .map(|it| (it["timestamp"].as_i64().unwrap(), it["message"].as_str().unwrap()))
        .collect();
    let expected: Vec<(i64, &str)> =
        events.iter().map(|it| (it.timestamp_ms, it.message.as_str())).collect();
    assert_eq!(found, expected);
}
