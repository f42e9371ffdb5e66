//! The page and the API under 20 viewers, each with a click every two seconds.
//!
//! `cargo bench --bench serve` makes a store of `MAILTRACE_BENCH_EVENTS` events (1,000,000), or asks
//! that of `MAILTRACE_BENCH_STORE`. Each path is asked once as nobody has before, then by viewers
//! who go from path to path for `MAILTRACE_BENCH_SECONDS` (60): median, 99th percentile and longest
//! of each, and the server's memory.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that cannot be set up has nothing to report"
)]
#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod profile;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const VIEWERS: usize = 20;
const CLICK: Duration = Duration::from_secs(2);
const EVENTS_DEFAULT: u64 = 1_000_000;

fn main() {
    let (store, _dir) = store();
    let server = Server::start(&store);
    let paths = paths(&server);
    println!("profile {}, {VIEWERS} viewers\n", profile::profile());
    println!("| what | cold | median | p99 | longest | asked |");
    println!("|---|---|---|---|---|---|");
    let cold: Vec<Duration> = paths.iter().map(|(_, path)| server.time(path)).collect();
    let times = viewers(&server, &paths);
    for ((name, _), (cold, mut times)) in paths.iter().zip(cold.into_iter().zip(times)) {
        times.sort_unstable();
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1));
        let shown = |it: Option<&Duration>| it.map_or_else(String::new, |it| ms(*it));
        println!(
            "| {name} | {} | {} | {} | {} | {} |",
            ms(cold),
            shown(at(50)),
            shown(at(99)),
            shown(times.last()),
            times.len()
        );
    }
    println!();
    for what in ["VmRSS", "VmHWM", "RssAnon", "RssFile"] {
        println!("{what}: {} MB", server.status_kib(what) / 1_000);
    }
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}

/// The store that is named, or a new one.
fn store() -> (PathBuf, Option<TempDir>) {
    if let Some(store) = std::env::var_os("MAILTRACE_BENCH_STORE") {
        return (store.into(), None);
    }
    let dir = tempfile::tempdir().unwrap();
    let (log, store) = (dir.path().join("log.ndjson"), dir.path().join("store"));
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let events = number("MAILTRACE_BENCH_EVENTS").unwrap_or(EVENTS_DEFAULT).to_string();
    let synth = ["synth", "--seed", "2", "--days", "14", "--users", "5000", "--events", &events];
    assert!(program().args(synth).arg("--out").arg(&log).status().unwrap().success());
    let import = program().arg("--store").arg(&store).arg("import").arg(&log).status();
    assert!(import.unwrap().success());
    (store, Some(dir))
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrace"));
    command.arg("--quiet");
    command
}

/// Pages and questions that people ask, with a message and a day of the store's.
fn paths(server: &Server) -> Vec<(&'static str, String)> {
    let ask = |path: &str| -> Value { serde_json::from_slice(&server.get(path).1).unwrap() };
    let newest = ask("/api/v1/messages?limit=1");
    let message = &newest["messages"][0];
    let id = message["traceIds"][0].as_str().unwrap();
    let sender = message["from"].as_str().unwrap();
    let day = message["firstSeen"].as_str().unwrap().split('T').next().unwrap();
    vec![
        ("start", "/".to_owned()),
        ("messages, all", "/messages".to_owned()),
        ("messages of a day", format!("/messages?on={day}")),
        ("messages lost", "/messages?outcome=lost".to_owned()),
        ("messages bounced, of a day", format!("/messages?outcome=bounced&on={day}")),
        ("messages by sender", format!("/messages?q=from:{sender}")),
        ("message", format!("/message?id={id}")),
        ("search", "/search?q=event:*bounced*".to_owned()),
        ("statistics of a day", format!("/statistics?on={day}")),
        ("status", "/status".to_owned()),
        ("API: trace", format!("/api/v1/trace?id={id}")),
        ("API: lost, with facets", "/api/v1/messages?outcome=lost&facets=&histogram".to_owned()),
        ("API: triage", "/api/v1/triage".to_owned()),
    ]
}

/// Has the viewers click, each on a path of its own after a while of its own. Gives the times of
/// each path.
fn viewers(server: &Server, paths: &[(&str, String)]) -> Vec<Vec<Duration>> {
    let seconds = std::env::var("MAILTRACE_BENCH_SECONDS").ok().and_then(|it| it.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(60));
    let times = Mutex::new(vec![Vec::new(); paths.len()]);
    thread::scope(|scope| {
        for viewer in 0..VIEWERS {
            let times = &times;
            scope.spawn(move || {
                thread::sleep(CLICK.mul_f64(viewer as f64 / VIEWERS as f64));
                for click in 0.. {
                    let began = Instant::now();
                    if began > end {
                        break;
                    }
                    let index = (viewer * 7 + click) % paths.len();
                    let time = server.time(&paths[index].1);
                    times.lock().unwrap()[index].push(time);
                    thread::sleep(CLICK.saturating_sub(began.elapsed()));
                }
            });
        }
    });
    times.into_inner().unwrap()
}

struct Server {
    child: Child,
    address: String,
    token: String,
}

impl Server {
    fn start(store: &Path) -> Self {
        let mut command = program();
        command.arg("--store").arg(store).args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--timeout", "10m"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
        let (place, token) = url.trim().split_once("/?token=").unwrap();
        let address = place.trim_start_matches("http://").to_owned();
        Self { child, address, token: token.to_owned() }
    }

    /// Status and body.
    fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (address, token) = (&self.address, &self.token);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&bytes[9..12]).unwrap().parse().unwrap();
        (status, bytes.split_off(end + 4))
    }

    fn time(&self, path: &str) -> Duration {
        let began = Instant::now();
        let (status, _) = self.get(path);
        let time = began.elapsed();
        assert_eq!(status, 200, "{path}");
        time
    }

    /// A line of what the system says of it.
    fn status_kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
