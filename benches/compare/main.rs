//! mailtrace beside DuckDB and ripgrep, on the same log, on the same machine, in turn: one table
//! of medians, extremes, and ratios against their targets.
//!
//! `cargo bench --bench compare`; MAILTRACE_BENCH_EVENTS sets the size of the log (1,000,000), and
//! MAILTRACE_BENCH_EVENTS_LARGE asks for a second, larger one. DuckDB comes from PyPI, into a
//! virtual environment that is kept; where there is none, and no ripgrep, their columns stay empty.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a bench that cannot be set up has nothing to report"
)]
#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod bulk;
#[path = "../corpus.rs"]
mod corpus;
mod evidence;
mod growth;
mod imports;
mod processes;
#[path = "../profile.rs"]
mod profile;
#[path = "../../tests/python.rs"]
mod python;
mod queries;
mod questions;
mod samples;
mod table;

use std::path::{Path, PathBuf};

use mailtrace::internals::SynthOptions;
use serde_json::{Value, json};
use tempfile::TempDir;

use corpus::{Log, event_count};
use processes::{Job, SIDE, Side, Stopwatch, text};
use table::Table;

/// What the program allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pinned, so that a new release changes nothing here by itself.
const DUCKDB: &str = "duckdb==2.0.1";

const EVENTS_DEFAULT: u64 = 1_000_000;
const LARGE: &str = "MAILTRACE_BENCH_EVENTS_LARGE";

const GIB: f64 = (1_u64 << 30) as f64;

fn main() {
    let mut bench = Bench::new();
    imports::of_ndjson(&mut bench);
    imports::of_an_s3_export(&mut bench);
    questions::in_process(&mut bench);
    questions::as_processes(&mut bench);
    queries::in_process(&mut bench);
    let (store, duckdb) = (bench.store(), bench.duckdb_open(&bench.database()));
    bulk::ask(&mut bench, &store, duckdb);
    evidence::of_a_store(&mut bench);
    growth::from_a_tenth(&mut bench);
    if let Some(event_count) = event_count(LARGE) {
        growth::to_a_large_log(&mut bench, event_count);
    } else {
        println!("Skipped: memory, traces and additions at ten times the size ({LARGE}=10000000)");
    }
    println!();
    bench.table.print();
}

struct Bench {
    dir: TempDir,
    log: Log,
    stopwatch: Stopwatch,
    /// The Python that has DuckDB.
    python: Option<PathBuf>,
    table: Table,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory");
        let event_count = event_count("MAILTRACE_BENCH_EVENTS").unwrap_or(EVENTS_DEFAULT);
        let options = SynthOptions { event_count, ..SynthOptions::default() };
        let log = Log::write(&dir.path().join("log.ndjson"), &options);
        let python = match python::installed(DUCKDB) {
            Ok(environment) => Some(environment.join("bin/python")),
            Err(needed) => {
                println!("DuckDB is left out. It needs {}", needed.trim().replace('\n', " "));
                None
            }
        };
        println!(
            "{event_count} events, {:.0} MB of NDJSON; {} threads; profile {}",
            log.bytes as f64 / 1e6,
            rayon::current_num_threads(),
            profile::profile()
        );
        Self { dir, log, stopwatch: Stopwatch::new(), python, table: Table::default() }
    }

    /// Where the log is imported to.
    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Where DuckDB loads it to.
    fn database(&self) -> PathBuf {
        self.dir.path().join("events.duckdb")
    }

    fn duckdb_load(&self, kind: &str, source: &Path, database: &Path, order: &str) -> Option<Job> {
        let threads = rayon::current_num_threads().to_string();
        let python = text(self.python.as_ref()?);
        let argv = [python, SIDE, "load", kind, text(source), text(database), &threads, order];
        Some(Job { argv: argv.map(str::to_owned).to_vec(), makes: None }.making(database))
    }

    /// Opens what DuckDB has loaded, and builds the indexes.
    fn duckdb_open(&self, database: &Path) -> Option<Side> {
        let mut side = Side::start(self.python.as_ref()?).expect("the Python that has DuckDB");
        let threads = rayon::current_num_threads();
        side.ask::<Value>(&json!({ "ask": "open", "database": database, "threads": threads }));
        Some(side)
    }
}
