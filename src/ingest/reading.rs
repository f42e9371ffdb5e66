//! The reading thread: opens inputs one after another and frames them.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::Sender;

use super::room::{QueueRoom, Taken};
use crate::limits;
use crate::source::{Batch, SourceError, SourceReader};
use crate::stop::Stop;
use crate::store::{ObjectHash, OriginKind};
use crate::time::Timestamp;

pub(super) struct OpenedInput {
    pub(super) name: String,
    pub(super) kind: OriginKind,
    /// When it was last changed: the last resort if nothing in it has a time.
    pub(super) modified: Option<Timestamp>,
    /// Its reader, or why it cannot be read.
    pub(super) reader: Result<SourceReader, SourceError>,
    /// The hash by which the store remembers it once it has all of it.
    pub(super) object: Option<ObjectHash>,
}

/// A message from the reading thread.
pub(super) enum ReadingStep {
    Begin(Beginning),
    Batch(ReadBatch),
    End(Ending),
}

/// A batch, and its share of the queue's room until it is dropped.
pub(super) struct ReadBatch {
    batch: Batch,
    _room: Taken,
}

impl Deref for ReadBatch {
    type Target = Batch;

    fn deref(&self) -> &Batch {
        &self.batch
    }
}

/// An input before it is read.
pub(super) struct Beginning {
    pub(super) name: String,
    pub(super) kind: OriginKind,
    pub(super) modified: Option<Timestamp>,
    pub(super) object: Option<ObjectHash>,
    /// True if it was exported from a store, as a selection.
    pub(super) is_excerpt: bool,
}

/// The input after it was read.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) compression: String,
    /// Bytes read, before decompression.
    pub(super) bytes: u64,
    pub(super) sha256: Option<String>,
    pub(super) problem: Option<SourceError>,
}

/// Reads and frames until there are no more inputs, the receiver is gone, or a stop is requested.
pub(super) fn read_inputs(
    inputs: impl Iterator<Item = OpenedInput>,
    sender: &Sender<ReadingStep>,
    bytes: &AtomicU64,
    stop: &Stop,
) {
    let room = QueueRoom::new(limits::QUEUE_BYTES_MAX);
    for OpenedInput { name, kind, modified, reader, object } in inputs {
        if stop.is_requested() {
            return;
        }
        let is_excerpt = reader.as_ref().is_ok_and(SourceReader::is_excerpt);
        let beginning = Beginning { name, kind, modified, object, is_excerpt };
        if sender.send(ReadingStep::Begin(beginning)).is_err() {
            return;
        }
        let ending = match reader {
            Ok(reader) => read_input(reader, sender, &room, bytes, stop),
            Err(error) => Some(Ending { problem: Some(error), ..Ending::default() }),
        };
        let Some(ending) = ending else { return };
        // A stop makes an S3 download fail: that is not the input's problem, and not its end.
        let is_over = stop.is_requested() && ending.problem.is_some();
        if is_over || sender.send(ReadingStep::End(ending)).is_err() {
            return;
        }
    }
}

/// Sends an input's batches. Returns its end, or `None` if reading must not go on.
fn read_input(
    mut reader: SourceReader,
    sender: &Sender<ReadingStep>,
    room: &QueueRoom,
    bytes: &AtomicU64,
    stop: &Stop,
) -> Option<Ending> {
    // Only progress is shown by this count, so it orders nothing else.
    let before = bytes.load(Ordering::Relaxed);
    let problem = loop {
        match reader.next_batch() {
            Ok(Some(batch)) => {
                bytes.store(before + reader.bytes_read(), Ordering::Relaxed);
                if stop.is_requested() {
                    return None;
                }
                // Before the send: the queue counts batches, and one may be much larger than the
                // others.
                let taken = room.take(batch.byte_count());
                if sender.send(ReadingStep::Batch(ReadBatch { batch, _room: taken })).is_err() {
                    return None;
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let sha256 = if problem.is_none() { reader.sha256() } else { None };
    bytes.store(before + reader.bytes_read(), Ordering::Relaxed);
    let layers: Vec<_> = match problem {
        None => reader.compression().iter().map(|it| it.as_str()).collect(),
        Some(_) => Vec::new(),
    };
    Some(Ending { compression: layers.join("+"), bytes: reader.bytes_read(), sha256, problem })
}
