//! What the message table costs: in an import, and in weeks of `pull --follow`.
//!
//! `cargo bench --bench table` imports `MAILTRACE_BENCH_EVENTS` events (200,000) with the table and
//! without it, in turn and in this process. Then it makes `MAILTRACE_BENCH_COMMITS` commits (5,000)
//! of a few events each, as a pull that follows does. At the end of each stretch it says what a
//! commit took, what whole processes take that ask, and how many files there are. With `TMPDIR` in
//! memory nothing waits for a disk; with a disk under it, each commit is made durable.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that cannot be set up has nothing to report"
)]
#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod profile;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mailtrace::internals::{
    CoveredRange, OriginCounts, OriginId, OriginKind, OriginStart, Preparer, Shape, SynthOptions,
    Writer, generate, keep_table,
};
use mailtrace::{ImportOptions, Parser, Record, StoreWriter, Timestamp, import};
use rustix::time::{ClockId, clock_gettime};

const EVENTS_OF_COMMIT: u64 = 4;
const COMMITS_DEFAULT: u64 = 5_000;
const EVENTS_DEFAULT: u64 = 200_000;
/// How often each import is made.
const IMPORTS: usize = 3;
/// Commits whose times are told together.
const LAST: usize = 1_000;
/// How often each question is asked.
const ASKED: usize = 5;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    println!("profile {}\n", profile::profile());
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let events = number("MAILTRACE_BENCH_EVENTS").unwrap_or(EVENTS_DEFAULT);
    if events > 0 {
        upkeep(events);
    }
    follow(number("MAILTRACE_BENCH_COMMITS").unwrap_or(COMMITS_DEFAULT));
}

/// Imports the same log with the table and without it.
fn upkeep(event_count: u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = dir.path().join("log.ndjson");
    let options = SynthOptions { event_count, ..SynthOptions::default() };
    let mut writer = Writer::new(File::create(&log).expect("the log"), Shape::Ndjson);
    generate(&options, |record| writer.write(record), |_| Ok(())).expect("a log");
    writer.finish().expect("the log");
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let mut share = 0.0;
    for _ in 0..IMPORTS {
        for (table, times) in [(None, &mut without), (Some(keep_table as fn(&mut _)), &mut with)] {
            let store = tempfile::tempdir_in(dir.path()).expect("a temporary directory");
            let options = ImportOptions { table, ..ImportOptions::default() };
            let (began, cpu_began) = (Instant::now(), cpu_time());
            import(std::slice::from_ref(&log), store.path(), &options, &mut |_| {})
                .expect("an import");
            times.push((began.elapsed(), cpu_time().saturating_sub(cpu_began)));
            if table.is_some() {
                let (_, bytes) = files_below(&store.path().join("messages"));
                share = bytes as f64 / files_below(store.path()).1 as f64;
            }
        }
    }
    println!("| import of {event_count} events | without the table | with it | ratio |");
    println!("|---|---|---|---|");
    let row = |what: &str, of: fn(&(Duration, Duration)) -> Duration| {
        let [without, with] = [&without, &with].map(|times| {
            let mut times: Vec<Duration> = times.iter().map(of).collect();
            times.sort_unstable();
            times[times.len() / 2]
        });
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        println!("| {what} | {} | {} | {ratio:.2} |", ms(without), ms(with));
    };
    row("wall", |it| it.0);
    row("CPU", |it| it.1);
    println!("| share of the store | | {:.1} % | |\n", 100.0 * share);
}

/// Commits a few events again and again.
fn follow(commits: u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut follower = Follower::new(&dir.path().join("store"));
    println!(
        "| commits of {EVENTS_OF_COMMIT} events | commit, median | p99 | CPU a commit | trace | status | lost of an hour | verify | files | store |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let options = SynthOptions {
        event_count: commits * EVENTS_OF_COMMIT,
        span_ms: 28 * 86_400_000,
        user_count: 2_000,
        ..SynthOptions::default()
    };
    let take = |record: &Record<'_>| {
        follower.take(record);
        Ok(())
    };
    generate(&options, take, |_| Ok(())).expect("a log");
    follower.writer.close().expect("a store");
}

/// Writes as a pull does that follows a log group.
struct Follower {
    store: PathBuf,
    writer: StoreWriter,
    parser: Parser,
    origin: OriginId,
    preparer: Option<Preparer>,
    /// The time of the last event, up to which everything was looked at.
    covered: Option<Timestamp>,
    in_commit: u64,
    commits: u64,
    times: Vec<Duration>,
    cpu_began: Duration,
    /// An ID of the first event, and of the last.
    trace_ids: Vec<String>,
}

impl Follower {
    fn new(store: &Path) -> Self {
        let mut writer = StoreWriter::open_or_create(store).expect("a store");
        keep_table(&mut writer);
        let origin = writer.begin_origin(OriginStart {
            kind: OriginKind::Pull,
            name: "/aws/workmail/emailevents/acme".to_owned(),
            account: Some("111122223333".to_owned()),
            region: Some("eu-west-1".to_owned()),
            began: Timestamp::now(),
        });
        Self {
            store: store.to_owned(),
            writer,
            parser: Parser::new(),
            origin,
            preparer: None,
            covered: None,
            in_commit: 0,
            commits: 0,
            times: Vec::new(),
            cpu_began: cpu_time(),
            trace_ids: Vec::new(),
        }
    }

    fn take(&mut self, record: &Record<'_>) {
        let Self { parser, writer, .. } = self;
        let event = parser.parse(&record.message).expect("an event");
        let preparer = self.preparer.get_or_insert_with(|| writer.preparers().preparer());
        preparer.add(record, &event);
        self.trace_ids.truncate(1);
        self.trace_ids.push(event.trace_id.to_string());
        let here = CoveredRange::at(record.timestamp);
        let covered = self.covered.replace(record.timestamp).map(CoveredRange::at);
        let range = covered.map_or(here, |it| it.joined(here));
        writer.cover("/aws/workmail/emailevents/acme", range);
        self.in_commit += 1;
        if self.in_commit == EVENTS_OF_COMMIT {
            self.commit();
        }
    }

    fn commit(&mut self) {
        let began = Instant::now();
        let mut preparer = self.preparer.take().expect("events");
        let mut batch = preparer.finish().expect("a batch");
        batch.set_origin(self.origin);
        let appended = self.writer.append(vec![batch]).expect("room");
        let added = appended.iter().map(|it| it.added).sum();
        let counts = OriginCounts { read: added, added, ..OriginCounts::default() };
        self.writer.count_origin(self.origin, counts);
        self.writer.commit().expect("a commit");
        self.times.push(began.elapsed());
        self.in_commit = 0;
        self.commits += 1;
        if is_told(self.commits) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let cpu = cpu_time().saturating_sub(self.cpu_began);
        let cpu = cpu.div_f64(self.times.len().max(1) as f64);
        let mut last = self.times.split_off(self.times.len().saturating_sub(LAST));
        last.sort_unstable();
        let newest = self.trace_ids.last().expect("an event").clone();
        let trace = ask(&self.store, &["trace", &newest]);
        let status = ask(&self.store, &["status"]);
        let lost = ask(&self.store, &["messages", "--outcome", "lost", "--since", "1h"]);
        let verify = ask(&self.store, &["verify"]);
        let (files, bytes) = files_below(&self.store);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {files} | {:.1} MB |",
            self.commits,
            ms(last[last.len() / 2]),
            ms(last[last.len() * 99 / 100]),
            ms(cpu),
            ms(trace),
            ms(status),
            ms(lost),
            ms(verify),
            bytes as f64 / 1e6,
        );
        self.times.clear();
        self.cpu_began = cpu_time();
    }
}

/// Whether a stretch ends with that commit: 1, 2 or 5 and zeros, from a thousand on.
fn is_told(commits: u64) -> bool {
    let mut rest = commits;
    while rest >= 1_000 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    commits >= 1_000 && matches!(rest, 100 | 200 | 500)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanos)
}

/// The median time of a whole process that asks the store.
fn ask(store: &Path, arguments: &[&str]) -> Duration {
    let once = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrace"));
        command.arg("--quiet").arg("--store").arg(store).args(arguments);
        let began = Instant::now();
        let status = command.stdout(Stdio::null()).status().expect("a process");
        assert!(matches!(status.code(), Some(0 | 1)), "{arguments:?} failed");
        began.elapsed()
    };
    let mut times: Vec<Duration> = (0..ASKED).map(|_| once()).collect();
    times.sort_unstable();
    times[ASKED / 2]
}

/// How many files there are, and their bytes.
fn files_below(dir: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(dir).expect("the store") {
        // A merge may take a file away meanwhile.
        let Ok(entry) = entry else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        let (more_files, more_bytes) = match metadata.is_dir() {
            true => files_below(&entry.path()),
            false => (1, metadata.len()),
        };
        files += more_files;
        bytes += more_bytes;
    }
    (files, bytes)
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}
