//! The stages of an import, a look-up and a scan, each on its own.
//!
//! `cargo bench --bench pipeline`; MAILTRACE_BENCH_EVENTS sets the size of the log (100,000).

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot be set up has nothing to report"
)]
#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod corpus;
mod profile;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use mailtrace::internals::{Batch, PreparedBatch, Preparer, SynthOptions};
use mailtrace::{
    Event, ImportOptions, JoinRules, Parser, Record, Store, StoreWriter, import, trace_ids,
};
use tempfile::TempDir;

use corpus::{Log, Worker, event_count};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    println!("profile {}", profile::profile());
    divan::main();
}

/// A log, and a store of it.
struct Corpus {
    dir: TempDir,
    log: Log,
}

impl Corpus {
    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let event_count = event_count("MAILTRACE_BENCH_EVENTS").unwrap_or(100_000);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = SynthOptions { event_count, ..SynthOptions::default() };
    let log = Log::write(&dir.path().join("log.ndjson"), &options);
    let corpus = Corpus { dir, log };
    import_into(&corpus.log.path, &corpus.store());
    corpus
});

fn import_into(file: &Path, store: &Path) -> u64 {
    let report =
        import(&[file.to_owned()], store, &ImportOptions::default(), &mut |_| {}).expect("import");
    report.added()
}

/// Batches that are stored at once: enough to keep every core busy.
const BATCHES: usize = 64;

/// Batches of the log, ready for an empty store.
struct Prepared {
    /// Declared first, so that it is gone before its directory.
    writer: StoreWriter,
    batches: Vec<PreparedBatch>,
    _dir: TempDir,
}

impl Prepared {
    fn new(batches: &[Batch], add: impl FnMut(&mut Preparer, &Record<'_>, &Event<'_>)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let writer = StoreWriter::open_or_create(dir.path()).expect("a store");
        let batches = prepare(&writer, batches, add);
        Self { writer, batches, _dir: dir }
    }

    fn append(&mut self) {
        let batches = std::mem::take(&mut self.batches);
        self.writer.append(batches).expect("room");
    }

    fn commit(&mut self) {
        self.writer.commit().expect("a commit");
    }
}

fn prepare(
    writer: &StoreWriter,
    batches: &[Batch],
    mut add: impl FnMut(&mut Preparer, &Record<'_>, &Event<'_>),
) -> Vec<PreparedBatch> {
    let (mut preparer, mut worker) = (writer.preparers().preparer(), Worker::new());
    let prepared = batches.iter().map(|batch| {
        worker.each(batch, |record, event| add(&mut preparer, record, event));
        preparer.finish().expect("a batch")
    });
    prepared.collect()
}

fn some_batches(count: usize) -> Vec<Batch> {
    CORPUS.log.batches().take(count).collect()
}

fn events_of(batches: &[Batch]) -> ItemsCount {
    ItemsCount::new(batches.iter().map(Batch::unit_count).sum::<usize>())
}

#[divan::bench(sample_count = 20)]
fn frame(bencher: Bencher<'_, '_>) {
    let log = &CORPUS.log;
    bencher
        .counter(BytesCount::new(log.bytes))
        .bench(|| log.batches().map(|it| it.unit_count()).sum::<usize>());
}

#[divan::bench(sample_count = 20)]
fn decode_and_parse_on_one_core(bencher: Bencher<'_, '_>) {
    let batches: Vec<Batch> = CORPUS.log.batches().collect();
    bencher.counter(ItemsCount::new(CORPUS.log.event_count)).bench(|| {
        let mut worker = Worker::new();
        batches.iter().map(|it| worker.count_recipients(it)).sum::<usize>()
    });
}

#[divan::bench(sample_count = 20)]
fn decode_parse_and_prepare_on_one_core(bencher: Bencher<'_, '_>) {
    let (batches, nothing) = (some_batches(BATCHES), Prepared::new(&[], Preparer::add));
    bencher
        .counter(events_of(&batches))
        .bench_local(|| prepare(&nothing.writer, &batches, Preparer::add));
}

/// What the events say is left out, so that next to nothing is indexed.
#[divan::bench(sample_count = 20)]
fn compress_archive_blocks(bencher: Bencher<'_, '_>) {
    let batches = some_batches(BATCHES);
    bencher
        .counter(BytesCount::new(batches.iter().map(Batch::byte_count).sum::<usize>()))
        .with_inputs(|| {
            let mut parser = Parser::new();
            let silent = parser.parse(r#"{"traceId":"-"}"#).expect("an event");
            Prepared::new(&batches, |preparer, record, _| preparer.add(record, &silent))
        })
        .bench_refs(Prepared::append);
}

/// Much of indexing happens beside the calls, and is over only with the commit.
#[divan::bench(sample_count = 20)]
fn compress_index_and_commit(bencher: Bencher<'_, '_>) {
    let batches = some_batches(BATCHES);
    bencher
        .counter(events_of(&batches))
        .with_inputs(|| Prepared::new(&batches, Preparer::add))
        .bench_refs(|it| {
            it.append();
            it.commit();
        });
}

/// What a commit costs however little it is for.
#[divan::bench(sample_count = 20)]
fn commit_one_batch(bencher: Bencher<'_, '_>) {
    let batches = some_batches(1);
    bencher
        .with_inputs(|| {
            let mut prepared = Prepared::new(&batches, Preparer::add);
            prepared.append();
            prepared
        })
        .bench_refs(Prepared::commit);
}

#[divan::bench(sample_count = 5)]
fn import_a_file(bencher: Bencher<'_, '_>) {
    let log = &CORPUS.log;
    bencher
        .counter(ItemsCount::new(log.event_count))
        .with_inputs(|| tempfile::tempdir().expect("a temporary directory"))
        .bench_refs(|dir| import_into(&log.path, &dir.path().join("store")));
}

#[divan::bench(sample_count = 5)]
fn import_it_again(bencher: Bencher<'_, '_>) {
    let corpus = &*CORPUS;
    bencher
        .counter(ItemsCount::new(corpus.log.event_count))
        .bench(|| import_into(&corpus.log.path, &corpus.store()));
}

#[divan::bench(sample_count = 1_000)]
fn trace_a_message_of_two_legs(bencher: Bencher<'_, '_>) {
    let store = Store::open(&CORPUS.store()).expect("the store");
    let rules = JoinRules::of_store(&store, 0, mailtrace::Timestamp::now());
    let ids = CORPUS.log.some_message_ids(10_000);
    let mut ids = ids.iter().cycle();
    bencher
        .with_inputs(|| ids.next().expect("an endless row").as_str())
        .bench_local_values(|id| trace_ids(&store, [id], &rules).expect("a trace").messages.len());
}

#[divan::bench(sample_count = 100)]
fn count_by_event_name(bencher: Bencher<'_, '_>) {
    let store = Store::open(&CORPUS.store()).expect("the store");
    bencher.counter(ItemsCount::new(CORPUS.log.event_count)).bench_local(|| {
        store.attribute_counts(mailtrace::internals::Attribute::Event).expect("the counts")
    });
}
