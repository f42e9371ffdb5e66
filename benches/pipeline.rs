//! The stages of an import, and the look-up of a message, each on its own.
//!
//! `cargo bench` runs all; MAILTRACE_BENCH_EVENTS sets the size of the log (100,000).

#![allow(clippy::expect_used, reason = "a bench that cannot be set up has nothing to report")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use mailtrace::event::Parser;
use mailtrace::ingest::{ImportOptions, import};
use mailtrace::source::{Batch, Decoded, Decoder, Input, Output, SourceReader};
use mailtrace::store::Store;
use mailtrace::synth::{Shape, SynthOptions, Writer, generate};
use mailtrace::trace::{JoinRules, trace_ids};
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// A synthetic log on disk, and a store of it.
struct Corpus {
    dir: TempDir,
    event_count: u64,
    file_bytes: u64,
    message_ids: Vec<String>,
}

impl Corpus {
    fn file(&self) -> PathBuf {
        self.dir.path().join("log.ndjson")
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let event_count = std::env::var("MAILTRACE_BENCH_EVENTS")
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or(100_000);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("log.ndjson");
    let file = std::io::BufWriter::new(std::fs::File::create(&path).expect("the log"));
    let mut writer = Writer::new(file, Shape::Ndjson);
    let mut message_ids = Vec::new();
    let options = SynthOptions { event_count, ..SynthOptions::default() };
    generate(
        &options,
        |record| writer.write(record),
        |truth| {
            // Messages between two users: two legs, two hops.
            if truth.trace_ids.len() == 2 {
                message_ids.extend(truth.message_ids.first().cloned());
            }
            Ok(())
        },
    )
    .expect("a synthetic log");
    writer.finish().expect("the log");
    let file_bytes = std::fs::metadata(&path).expect("the log").len();
    let corpus = Corpus { dir, event_count, file_bytes, message_ids };
    import_into(&corpus.file(), &corpus.store());
    corpus
});

fn import_into(file: &Path, store: &Path) -> u64 {
    let report =
        import(&[file.to_owned()], store, &ImportOptions::default(), &mut |_| {}).expect("import");
    report.added()
}

fn batches() -> Vec<Batch> {
    let mut reader = SourceReader::open(&Input::File(CORPUS.file())).expect("the log");
    std::iter::from_fn(|| reader.next_batch().expect("the log")).collect()
}

#[divan::bench(sample_count = 20)]
fn frame(bencher: Bencher<'_, '_>) {
    let corpus = &*CORPUS;
    bencher
        .counter(BytesCount::new(corpus.file_bytes))
        .bench(|| batches().iter().map(Batch::unit_count).sum::<usize>());
}

#[divan::bench(sample_count = 20)]
fn frame_decode_and_parse_on_one_core(bencher: Bencher<'_, '_>) {
    let batches = batches();
    bencher.counter(ItemsCount::new(CORPUS.event_count)).bench(|| {
        let (mut decoder, mut parser) = (Decoder::new(), Parser::new());
        let mut recipient_count = 0;
        for batch in &batches {
            decoder.decode(batch, &mut |output| {
                if let Output::Found(found) = output
                    && let Decoded::Record(record) = found.decoded
                    && let Ok(event) = parser.parse(&record.message)
                {
                    recipient_count += event.all_recipients().count();
                }
            });
        }
        recipient_count
    });
}

#[divan::bench(sample_count = 5)]
fn import_a_file(bencher: Bencher<'_, '_>) {
    let corpus = &*CORPUS;
    bencher
        .counter(ItemsCount::new(corpus.event_count))
        .with_inputs(|| tempfile::tempdir().expect("a temporary directory"))
        .bench_refs(|dir| import_into(&corpus.file(), &dir.path().join("store")));
}

#[divan::bench(sample_count = 5)]
fn import_it_again(bencher: Bencher<'_, '_>) {
    let corpus = &*CORPUS;
    bencher
        .counter(ItemsCount::new(corpus.event_count))
        .bench(|| import_into(&corpus.file(), &corpus.store()));
}

#[divan::bench(sample_count = 1_000)]
fn trace_a_message_of_two_legs(bencher: Bencher<'_, '_>) {
    let store = Store::open(&CORPUS.store()).expect("the store");
    let rules = JoinRules { grace_ms: 0, newest: store.time_span().map(|(_, newest)| newest) };
    let mut ids = CORPUS.message_ids.iter().cycle().step_by(7_919);
    bencher
        .with_inputs(|| ids.next().expect("an endless row").as_str())
        .bench_local_values(|id| trace_ids(&store, [id], &rules).expect("a trace").messages.len());
}
