//! What a pull costs the client, against a server of our own on loopback: a process by itself, so
//! that its time is not counted.
//!
//! `cargo bench --bench pull`; MAILTRACE_BENCH_EVENTS sets the size of the log (100,000).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench that cannot be set up has nothing to report"
)]
#![allow(clippy::print_stdout, reason = "what it prints is its result")]
#![allow(dead_code, unused_imports, reason = "the stand-in can do more than a bench needs")]

#[path = "../tests/cloudwatch/mod.rs"]
mod cloudwatch;
#[path = "../tests/json_client.rs"]
mod json_client;
#[path = "../tests/loopback/mod.rs"]
mod loopback;
mod profile;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cloudwatch::{CloudWatch, Event, Group, World};
use mailtrace::internals::{
    Clock, PullOptions, PullReport, Puller, RateLimiter, SessionOptions, Shape, Stop, SynthOptions,
    Writer, default_group, generate,
};
use mailtrace::{ImportOptions, StoreWriter, Timestamp, import};
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs of each, of which the median is reported.
const RUNS: usize = 5;

/// What the program that serves is called with.
const SERVE: &str = "serve";

/// What the program that measures is called with: it must not meet anybody's credentials.
const MEASURE: &str = "measure";

fn main() {
    let is_called_to = |what| std::env::args().any(|it| it == what);
    if is_called_to(SERVE) {
        return serve();
    }
    if is_called_to(MEASURE) {
        return measure();
    }
    let program = std::env::current_exe().expect("our own name");
    let measured = Command::new(program)
        .arg(MEASURE)
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .status()
        .expect("a run");
    assert!(measured.success(), "{measured}");
}

fn measure() {
    let server = Server::start();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("log.ndjson");
    let last = write_log(&file);
    // Warms up, and lets the server render its pages.
    let report = pull(&server.endpoint, last, &dir.path().join("first"));
    // Two synthetic events may be the same to the millisecond, and are then one record.
    let expected = imported(&file, &dir.path().join("expected"));
    assert_eq!(report.added, expected, "the pull is incomplete: {report:?}");
    let mut pulls = Vec::new();
    let mut imports = Vec::new();
    for run in 0..RUNS {
        let store = dir.path().join(format!("pulled-{run}"));
        pulls.push(measured(|| pull(&server.endpoint, last, &store)));
        let store = dir.path().join(format!("imported-{run}"));
        imports.push(measured(|| imported(&file, &store)));
    }
    let (pull_wall, pull_cpu) = median(&pulls);
    let (import_wall, import_cpu) = median(&imports);
    let (events, bytes) = (report.read as f64, report.bytes as f64);
    println!(
        "{events} events, {:.0} MB of messages, {} pages; profile {}",
        bytes / 1e6,
        report.pages,
        profile::profile()
    );
    println!(
        "pull    {pull_wall:6.2} s  {:7.0} events/s  {:5.1} MB/s  {:5.1} pages/s  {:5.1} CPU µs/event",
        events / pull_wall,
        bytes / 1e6 / pull_wall,
        report.pages as f64 / pull_wall,
        pull_cpu / events * 1e6
    );
    println!(
        "import  {import_wall:6.2} s  {:7.0} events/s                             {:5.1} CPU µs/event",
        events / import_wall,
        import_cpu / events * 1e6
    );
    println!(
        "pull / import: wall {:.2}, CPU {:.2}",
        pull_wall / import_wall,
        pull_cpu / import_cpu
    );
}

fn event_count() -> u64 {
    std::env::var("MAILTRACE_BENCH_EVENTS").ok().and_then(|it| it.parse().ok()).unwrap_or(100_000)
}

fn options() -> SynthOptions {
    SynthOptions { event_count: event_count(), ..SynthOptions::default() }
}

/// Serves the log until nobody holds our standard input open.
fn serve() {
    let mut events = Vec::new();
    generate(
        &options(),
        |record| {
            events.push(Event::of(record));
            Ok(())
        },
        |_| Ok(()),
    )
    .expect("a log");
    let server = CloudWatch::start(World::with([Group::new(&default_group("acme"), events)]));
    server.lock().keeps_pages = true;
    println!("{}", server.endpoint());
    std::io::stdin().read_to_end(&mut Vec::new()).expect("standard input");
}

struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    fn start() -> Self {
        let program = std::env::current_exe().expect("our own name");
        let mut child = Command::new(program)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut endpoint = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut endpoint).expect("its endpoint");
        Self { child, endpoint: endpoint.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Writes the same log to a file. Returns the time of its last event.
fn write_log(path: &Path) -> Timestamp {
    let file = std::io::BufWriter::new(std::fs::File::create(path).expect("the log"));
    let mut writer = Writer::new(file, Shape::Ndjson);
    let mut last = Timestamp::UNIX_EPOCH;
    generate(
        &options(),
        |record| {
            last = last.max(record.timestamp);
            writer.write(record)
        },
        |_| Ok(()),
    )
    .expect("a log");
    writer.finish().and_then(|mut it| it.flush()).expect("a log");
    last
}

/// Imports the log; gives how many records were new.
fn imported(file: &Path, store: &Path) -> u64 {
    import(&[file.to_owned()], store, &ImportOptions::default(), &mut |_| {})
        .expect("an import")
        .added()
}

fn pull(endpoint: &str, last: Timestamp, store: &Path) -> PullReport {
    let session = SessionOptions {
        region: Some(cloudwatch::REGION.to_owned()),
        endpoint_url: Some(endpoint.to_owned()),
        ..SessionOptions::default()
    };
    let clock = Clock::set_to(last.saturating_add_ms(60_000));
    let puller = Puller::open(&session, clock, Stop::new()).expect("a session");
    // The server has no quota, so that what is measured is the client.
    let puller = puller.paced_by(RateLimiter::at_most(1_000));
    let group = puller.group(None).expect("the group");
    let mut writer = StoreWriter::open_or_create(store).expect("a store");
    let report = puller
        .pull(&mut writer, &group, PullOptions::default(), &mut |_| {}, None)
        .expect("a pull");
    writer.close().expect("a commit");
    assert!(report.problem.is_none(), "{:?}", report.problem);
    report
}

/// Wall and CPU seconds of this process.
fn measured<T>(run: impl FnOnce() -> T) -> (f64, f64) {
    let cpu = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let (wall, before) = (Instant::now(), cpu());
    run();
    (wall.elapsed().as_secs_f64(), cpu() - before)
}

fn median(runs: &[(f64, f64)]) -> (f64, f64) {
    let of = |pick: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    (of(|it| it.0), of(|it| it.1))
}
