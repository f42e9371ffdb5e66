//! What may not grow with the store.

use std::path::{Path, PathBuf};

use mailtrace::internals::SynthOptions;

use crate::corpus::Log;
use crate::processes::{Job, Usage, Usages};
use crate::questions::trace_processes;
use crate::table::Unit::{Bytes, Seconds};
use crate::{Bench, GIB, bulk};

/// Additions to each store, after one that warms up.
const ADDITIONS: u64 = 5;
const ADDED_EVENTS: u64 = 10_000;
const ADDITION_S_MAX: f64 = 2.0;

/// How many times as long the same may take in the larger store.
const GROWTH_MAX: f64 = 1.5;

const TRACE_PROCESSES: usize = 20;

/// Adds to the store, and to one of a tenth of its events.
pub(crate) fn from_a_tenth(bench: &mut Bench) {
    let event_count = bench.log.event_count / 10;
    let (log, tenth, _) = import_log(bench, "tenth", event_count);
    std::fs::remove_file(&log.path).expect("the log");
    let [smaller, larger] = add_to_both(bench, [&tenth, &bench.store()], 100);
    let what = format!("add {ADDED_EVENTS} events: wall");
    bench.table.add(what, Seconds, larger.wall()).at_most(ADDITION_S_MAX);
    let what = format!("add them to {} events: wall", bench.log.event_count);
    let row = bench.table.add(what, Seconds, larger.wall());
    row.beside("to a tenth of them", smaller.wall()).ratio_at_most(GROWTH_MAX);
}

/// Compares the store with one of a log that takes too long to be asked for by default.
pub(crate) fn to_a_large_log(bench: &mut Bench, event_count: u64) {
    let (log, large, import) = import_log(bench, "large", event_count);
    let database = bench.dir.path().join("large.duckdb");
    let load = bench.duckdb_load("ndjson", &log.path, &database, "in-order");
    let load = load.map(|it| bench.stopwatch.run(&it));
    std::fs::remove_file(&log.path).expect("the log");
    let import = Usages(vec![import]);
    let what = format!("import {event_count} events");
    let load = load.map(|it| Usages(vec![it]));
    let row = bench.table.add(format!("{what}: wall"), Seconds, import.wall());
    row.beside("DuckDB", load.as_ref().and_then(Usages::wall));
    bench.table.add(format!("{what}: peak memory"), Bytes, import.peak()).at_most(GIB);

    let store = bench.store();
    let in_store = trace_processes(bench, &store, &bench.log.some_message_ids(TRACE_PROCESSES));
    let in_large = trace_processes(bench, &large, &log.some_message_ids(TRACE_PROCESSES));
    let what = format!("trace in {event_count} events, whole process");
    let row = bench.table.add(what, Seconds, in_large.wall());
    row.beside("in the store above", in_store.wall()).ratio_at_most(GROWTH_MAX);

    let duckdb = load.and_then(|_| bench.duckdb_open(&database));
    bulk::ask(bench, &large, duckdb);

    let [in_store, in_large] = add_to_both(bench, [&store, &large], 200);
    let what = format!("add {ADDED_EVENTS} to {event_count} events: wall");
    let row = bench.table.add(what, Seconds, in_large.wall());
    row.beside("to the store above", in_store.wall()).ratio_at_most(GROWTH_MAX);
}

fn import_log(bench: &mut Bench, name: &str, event_count: u64) -> (Log, PathBuf, Usage) {
    let file = bench.dir.path().join(format!("{name}.ndjson"));
    let store = bench.dir.path().join(name);
    let log = Log::write(&file, &SynthOptions { event_count, ..SynthOptions::default() });
    let usage = bench.stopwatch.run(&Job::import(&file, &store));
    (log, store, usage)
}

/// Adds a little to one store and the other in turn, each time something later from a log of
/// another seed.
fn add_to_both(bench: &mut Bench, stores: [&Path; 2], first_seed: u64) -> [Usages; 2] {
    const HOUR_MS: i64 = 3_600_000;
    const LATER_MS: i64 = 60 * 24 * HOUR_MS;
    let mut since = SynthOptions::default().since.saturating_add_ms(LATER_MS);
    let file = bench.dir.path().join("later.ndjson");
    let mut usages = [const { Usages(Vec::new()) }; 2];
    for addition in 0..=ADDITIONS {
        since = since.saturating_add_ms(HOUR_MS);
        let options = SynthOptions {
            event_count: ADDED_EVENTS,
            seed: first_seed + addition,
            since,
            span_ms: HOUR_MS,
            ..SynthOptions::default()
        };
        Log::write(&file, &options);
        for (store, usages) in stores.iter().zip(&mut usages) {
            let usage = bench.stopwatch.run(&Job::import(&file, store));
            usages.0.extend((addition > 0).then_some(usage));
        }
    }
    usages
}
