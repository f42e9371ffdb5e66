//! Moto's server, another hand's CloudWatch Logs: what both services do the same, the program
//! does not owe to our own stand-in.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cloudwatch::Event;
use crate::json_client::JsonClient;
use crate::python::installed;

/// The server, and the AWS CLI, whose output is taken in. Pinned, so that a new release changes
/// nothing here by itself.
const REQUIREMENT: &str = "moto[server]==5.2.5 awscli==1.46.2";

/// It takes about 3 seconds on an idle machine.
const START_WAIT: Duration = Duration::from_secs(90);

/// Events in one PutLogEvents call at most.
const PUT_EVENTS_MAX: usize = 10_000;

/// Ends with the process that holds the other end of its standard input, however that ends.
const PROGRAM: &str = "
import os, sys, threading
def end_with_parent():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=end_with_parent, daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', '0'])
";

/// Servers that no test uses, with nothing in them: starting one takes longer than most tests.
static IDLE: Mutex<Vec<Running>> = Mutex::new(Vec::new());

/// A server that nobody else uses.
pub(crate) struct Moto {
    running: Option<Running>,
    address: SocketAddr,
}

/// A server's process, which ends when this is dropped or the tests end.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start() -> Self {
        let program = Moto::environment().join("bin/python");
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let file = File::create(&log).unwrap();
        let child = Command::new(&program)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let mut running = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        running.address = running.wait_for_address(&log);
        running
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

    /// Forgets all that was put into it; says whether it did.
    fn reset(&self) -> bool {
        let client = JsonClient::connect(self.address);
        let answered =
            client.and_then(|mut it| it.post_to("/moto-api/reset", "text/plain", "", ""));
        answered.is_ok_and(|it| it.status == 200)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Moto {
    /// A server with nothing in it; the first time on a machine it is installed.
    pub(crate) fn start() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let running = idle.unwrap_or_else(Running::start);
        Self { address: running.address, running: Some(running) }
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
        if let Some(running) = self.running.take().filter(Running::reset) {
            IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        }
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
