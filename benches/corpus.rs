//! Synthetic logs on disk, and what reads them.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use mailtrace::internals::{
    Batch, Decoded, Decoder, Input, Output, Shape, SourceReader, SynthOptions, Writer, generate,
};
use mailtrace::{Event, Parser, Record};

/// One FilterLogEvents record a line.
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    pub(crate) event_count: u64,
    pub(crate) bytes: u64,
    /// Those of messages between two users: two legs, two hops.
    pub(crate) message_ids: Vec<String>,
}

impl Log {
    pub(crate) fn write(path: &Path, options: &SynthOptions) -> Self {
        let file = BufWriter::new(File::create(path).expect("the log"));
        let mut writer = Writer::new(file, Shape::Ndjson);
        let mut message_ids = Vec::new();
        generate(
            options,
            |record| writer.write(record),
            |truth| {
                if truth.trace_ids.len() == 2 {
                    message_ids.extend(truth.message_ids.first().cloned());
                }
                Ok(())
            },
        )
        .expect("a synthetic log");
        writer.finish().expect("the log");
        let bytes = std::fs::metadata(path).expect("the log").len();
        Self { path: path.to_owned(), event_count: options.event_count, bytes, message_ids }
    }

    /// So many message IDs (fewer where there are not as many), spread over the log but not in
    /// its order.
    pub(crate) fn some_message_ids(&self, count: usize) -> Vec<String> {
        // A prime, so that it meets them all before it meets one again.
        let spread = self.message_ids.iter().cycle().step_by(7_919);
        spread.take(count.min(self.message_ids.len())).cloned().collect()
    }

    pub(crate) fn batches(&self) -> impl Iterator<Item = Batch> + Send + use<> {
        let mut reader = SourceReader::open(&Input::File(self.path.clone())).expect("the log");
        std::iter::from_fn(move || reader.next_batch().expect("the log"))
    }
}

/// Reads records and events out of batches. One for each thread.
pub(crate) struct Worker {
    decoder: Decoder,
    parser: Parser,
}

impl Worker {
    pub(crate) fn new() -> Self {
        Self { decoder: Decoder::new(), parser: Parser::new() }
    }

    pub(crate) fn each(&mut self, batch: &Batch, mut take: impl FnMut(&Record<'_>, &Event<'_>)) {
        let Self { decoder, parser } = self;
        decoder.decode(batch, &mut |output| {
            if let Output::Found(found) = output
                && let Decoded::Record(record) = found.decoded
                && let Ok(event) = parser.parse(&record.message)
            {
                take(&record, &event);
            }
        });
    }

    /// Looks at the last thing that parsing finds out.
    pub(crate) fn count_recipients(&mut self, batch: &Batch) -> usize {
        let mut count = 0;
        self.each(batch, |_, event| count += event.all_recipients().count());
        count
    }
}

/// How many events `variable` asks for.
pub(crate) fn event_count(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number of events")))
}
