//! Whole imports: time, memory, and what they leave on disk.

use std::path::PathBuf;
use std::time::Instant;

use mailtrace::Store;
use mailtrace::internals::Batch;
use rayon::prelude::*;

use crate::corpus::Worker;
use crate::processes::{Job, Usages, text};
use crate::samples::Samples;
use crate::table::Unit::{Bytes, PerSecond, Seconds};
use crate::{Bench, GIB};

/// Runs of each, of which the median is reported.
const RUNS: usize = 5;

/// What share of the time and of the space of DuckDB's load an import may take.
const TIME_RATIO_MAX: f64 = 0.6;
const SPACE_RATIO_MAX: f64 = 0.45;

/// What share of the rate at which events are parsed is to be left when they are stored too.
const OF_PARSING_MIN: f64 = 0.25;

/// What share of the time of an import the same again may take.
const AGAIN_RATIO_MAX: f64 = 0.5;

/// Leaves a store and a database of the log.
pub(crate) fn of_ndjson(bench: &mut Bench) {
    let (log, store, database) = (bench.log.path.clone(), bench.store(), bench.database());
    let import = Job::import(&log, &store).making(&store);
    // As DuckDB does unless told otherwise, and as the archive keeps it.
    let load = bench.duckdb_load("ndjson", &log, &database, "in-order");
    let any_order = bench.dir.path().join("any-order.duckdb");
    let load_any_order = bench.duckdb_load("ndjson", &log, &any_order, "any-order");
    let jobs = [Some(&import), load.as_ref(), load_any_order.as_ref()];
    let [ours, theirs, theirs_any_order] = bench.stopwatch.alternate(RUNS, jobs);
    let again = Job::import(&log, &store);
    let [ours_again] = bench.stopwatch.alternate(RUNS, [Some(&again)]);

    let table = &mut bench.table;
    let wall = table.add("import NDJSON: wall", Seconds, ours.wall());
    wall.beside("DuckDB", theirs.wall()).ratio_at_most(TIME_RATIO_MAX);
    let wall = table.add("import NDJSON: wall", Seconds, ours.wall());
    wall.beside("DuckDB, order lost", theirs_any_order.wall());
    table.add("import NDJSON: CPU", Seconds, ours.cpu()).beside("DuckDB", theirs.cpu());
    let peak = table.add("import NDJSON: peak memory", Bytes, ours.peak());
    peak.beside("DuckDB", theirs.peak()).at_most(GIB);
    let wall = table.add("import the same again: wall", Seconds, ours_again.wall());
    wall.beside("first import", ours.wall()).ratio_at_most(AGAIN_RATIO_MAX);
    add_parsing(bench, &ours);
    add_sizes(bench);
}

/// How much of an import is more than reading.
fn add_parsing(bench: &mut Bench, imports: &Usages) {
    let count = bench.log.event_count;
    let log = &bench.log;
    let parsing = measured(|| {
        let parse = |worker: &mut Worker, batch: Batch| worker.count_recipients(&batch);
        log.batches().par_bridge().map_init(Worker::new, parse).sum()
    });
    let on_one = measured(|| {
        let mut worker = Worker::new();
        log.batches().map(|it| worker.count_recipients(&it)).sum()
    });
    let import = imports.wall().map(|it| it.rate_of(count));
    let rate = bench.table.add("import NDJSON: events", PerSecond, import);
    rate.beside("parse only", parsing.rate_of(count)).ratio_at_least(OF_PARSING_MIN);
    bench.table.add("parse only, on one core: events", PerSecond, on_one.rate_of(count));
}

fn add_sizes(bench: &mut Bench) {
    let sizes = Store::open(&bench.store()).and_then(|it| it.sizes()).expect("the store");
    let theirs = std::fs::metadata(bench.database()).ok();
    let theirs = theirs.map(|it| Samples::one(it.len() as f64));
    let ours = Samples::one((sizes.archive_bytes + sizes.index_bytes) as f64);
    let row = bench.table.add("on disk: archive and index", Bytes, ours);
    row.beside("DuckDB, no indexes", theirs).ratio_at_most(SPACE_RATIO_MAX);
}

pub(crate) fn of_an_s3_export(bench: &mut Bench) {
    let at = |name: &str| -> PathBuf { bench.dir.path().join(name) };
    let (export, store, database) = (at("export"), at("export-store"), at("export.duckdb"));
    let count = bench.log.event_count.to_string();
    let out = text(&export);
    let synth = ["synth", "--events", &count, "--as", "s3-export", "--out", out, "-q"];
    let load = bench.duckdb_load("s3-export", &export, &database, "in-order");
    let import = Job::import(&export, &store).making(&store);
    bench.stopwatch.run(&Job::mailtrace(synth));
    let [ours, theirs] = bench.stopwatch.alternate(RUNS, [Some(&import), load.as_ref()]);
    let wall = bench.table.add("import an S3 export: wall", Seconds, ours.wall());
    wall.beside("DuckDB", theirs.wall()).ratio_at_most(TIME_RATIO_MAX);
    bench.table.add("import an S3 export: CPU", Seconds, ours.cpu()).beside("DuckDB", theirs.cpu());
}

/// Seconds that runs take, after one that warms up.
fn measured(run: impl Fn() -> usize) -> Samples {
    std::hint::black_box(run());
    Samples::new((0..RUNS).map(|_| {
        let started = Instant::now();
        std::hint::black_box(run());
        started.elapsed().as_secs_f64()
    }))
}
