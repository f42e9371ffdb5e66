//! Questions to a store that is there: in process, and as whole processes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use mailtrace::internals::{OutcomeWord, select};
use mailtrace::{JoinRules, MessageFilter, Store, trace_ids};
use serde::Deserialize;
use serde_json::json;

use crate::Bench;
use crate::processes::{Job, Side, Usages, text};
use crate::samples::Samples;
use crate::table::Unit::Seconds;

/// Messages that are traced in process, and before them those that warm up.
const TRACES: usize = 2_000;
const TRACES_BEFORE: usize = 200;

/// Messages that are traced by a process each.
const TRACE_PROCESSES: usize = 20;
const TRACE_PROCESS_S_MAX: f64 = 0.030;

const SEARCHES: usize = 5;
const COUNTS: usize = 20;

/// What share of DuckDB's time with indexes a trace may take, in the middle and at the worst.
const TRACE_P50_RATIO_MAX: f64 = 1.0 / 100.0;
const TRACE_P99_RATIO_MAX: f64 = 1.0 / 20.0;

const COUNT_RATIO_MAX: f64 = 1.0;

const SCANS: usize = 10;
const SCAN_RATIO_MAX: f64 = 1.0;

/// What DuckDB answered.
#[derive(Deserialize)]
pub(crate) struct Timed {
    pub(crate) seconds: Vec<f64>,
    rows: usize,
}

pub(crate) fn in_process(bench: &mut Bench) {
    let store = Store::open(&bench.store()).expect("the store");
    let mut duckdb = bench.duckdb_open(&bench.database());
    add_traces(bench, &store, duckdb.as_mut());
    add_counts(bench, &store, duckdb.as_mut());
    add_outcomes(bench, &store, duckdb.as_mut());
}

fn add_traces(bench: &mut Bench, store: &Store, duckdb: Option<&mut Side>) {
    let ids = bench.log.some_message_ids(TRACES);
    let before = &ids[..ids.len().min(TRACES_BEFORE)];
    trace_each(store, before);
    let ours = trace_each(store, &ids);
    let theirs = duckdb.map(|it| {
        it.ask::<Timed>(&json!({ "ask": "trace", "ids": before }));
        it.ask::<Timed>(&json!({ "ask": "trace", "ids": ids }))
    });
    if let Some(theirs) = theirs.as_ref().filter(|it| it.rows != ours.rows) {
        println!("mailtrace traced {} events and DuckDB {}", ours.rows, theirs.rows);
    }
    let (ours, theirs) = (Samples::new(ours.seconds), theirs.map(|it| Samples::new(it.seconds)));
    let beside = "DuckDB, indexed";
    for (percent, most) in [(50, TRACE_P50_RATIO_MAX), (99, TRACE_P99_RATIO_MAX)] {
        let at = |it: &Samples| Samples::one(it.percentile(percent));
        let what = format!("trace two hops in process: p{percent}");
        let row = bench.table.add(what, Seconds, at(&ours));
        row.beside(beside, theirs.as_ref().map(at)).ratio_at_most(most);
    }
}

fn trace_each(store: &Store, ids: &[String]) -> Timed {
    let rules = JoinRules::of_store(store, 0, mailtrace::Timestamp::now());
    let mut timed = Timed { seconds: Vec::new(), rows: 0 };
    for id in ids {
        let started = Instant::now();
        let traced = trace_ids(store, [id.as_str()], &rules).expect("a trace");
        timed.seconds.push(started.elapsed().as_secs_f64());
        timed.rows += traced.messages.iter().map(|it| it.events.len()).sum::<usize>();
    }
    timed
}

fn add_counts(bench: &mut Bench, store: &Store, duckdb: Option<&mut Side>) {
    count_by_name(store);
    let ours = Samples::new((0..COUNTS).map(|_| count_by_name(store)));
    let theirs = duckdb.map(|it| {
        let ask = |runs: usize| json!({ "ask": "count-by-name", "runs": runs });
        it.ask::<Timed>(&ask(1));
        Samples::new(it.ask::<Timed>(&ask(COUNTS)).seconds)
    });
    let row = bench.table.add("count by event name, in process", Seconds, ours);
    row.beside("DuckDB", theirs).ratio_at_most(COUNT_RATIO_MAX);
}

fn count_by_name(store: &Store) -> f64 {
    let started = Instant::now();
    let counts =
        store.attribute_counts(mailtrace::internals::Attribute::Event).expect("the counts");
    assert!(!counts.is_empty(), "a store without events");
    started.elapsed().as_secs_f64()
}

/// mailtrace judges every recipient of every message; DuckDB finds those whom no event of the leg
/// that names them speaks of again.
fn add_outcomes(bench: &mut Bench, store: &Store, duckdb: Option<&mut Side>) {
    find_lost(store);
    let ours = Samples::new((0..SCANS).map(|_| find_lost(store)));
    let theirs = duckdb.map(|it| {
        let ask = |runs: usize| json!({ "ask": "undelivered", "runs": runs });
        it.ask::<Timed>(&ask(1));
        Samples::new(it.ask::<Timed>(&ask(SCANS)).seconds)
    });
    let row = bench.table.add("find lost messages, in process", Seconds, ours);
    row.beside("DuckDB, undelivered", theirs).ratio_at_most(SCAN_RATIO_MAX);
}

fn find_lost(store: &Store) -> f64 {
    let rules = JoinRules::of_store(store, 0, mailtrace::Timestamp::now());
    let started = Instant::now();
    let outcomes = OutcomeWord::from_name("lost").into_iter().collect();
    let filter = MessageFilter { outcomes, ..MessageFilter::default() };
    let lost = select(store, &rules, &filter).expect("the messages");
    assert!(!lost.is_empty(), "a log without losses");
    started.elapsed().as_secs_f64()
}

/// Whole processes, with all that they read still in memory.
pub(crate) fn as_processes(bench: &mut Bench) {
    let store = bench.store();
    let ids = bench.log.some_message_ids(TRACE_PROCESSES);
    let traces = trace_processes(bench, &store, &ids);
    let wall = traces.wall().expect("a wall time");
    let row = bench.table.add("trace, whole process: median", Seconds, wall.clone());
    row.at_most(TRACE_PROCESS_S_MAX);
    let slowest = Samples::one(wall.max());
    bench.table.add("trace, whole process: slowest", Seconds, slowest).at_most(TRACE_PROCESS_S_MAX);

    let has_ripgrep = Command::new("rg").arg("--version").stdout(Stdio::null()).status().is_ok();
    let name = if has_ripgrep { "ripgrep of the file" } else { "ripgrep, not found" };
    // The log has it with and without brackets.
    let id = ids[0].trim_matches(['<', '>']);
    let argv = ["rg", "-c", "-F", id, text(&bench.log.path)].map(str::to_owned).to_vec();
    let search = has_ripgrep.then_some(Job { argv, makes: None });
    let [searches] = bench.stopwatch.alternate(SEARCHES, [search.as_ref()]);
    bench.table.add("trace, beside a search", Seconds, wall).beside(name, searches.wall());
}

/// Traces each ID by a process of its own, after all of them once.
pub(crate) fn trace_processes(bench: &mut Bench, store: &Path, ids: &[String]) -> Usages {
    let jobs: Vec<Job> =
        ids.iter().map(|id| Job::mailtrace(["trace", id, "--store", text(store), "-q"])).collect();
    for job in &jobs {
        bench.stopwatch.run(job);
    }
    Usages(jobs.iter().map(|it| bench.stopwatch.run(it)).collect())
}
