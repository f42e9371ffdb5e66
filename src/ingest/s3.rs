//! Imports the objects of a bucket, as an export task or a Firehose delivery wrote them.
//!
//! One thread talks to the network ([`Bucket`]); the pipeline takes the objects in the order of
//! their listing, as if they were files. An object that the store has completely is not fetched
//! again.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use super::bucket::{Bucket, BucketTally, Incoming};
use super::import::elapsed_ms;
use super::pipeline::{Stored, store_inputs};
use super::reading::OpenedInput;
use super::{ImportOptions, ImportReport, IngestError, Progress};
use crate::aws::{AwsError, S3Url, Session, SessionOptions};
use crate::limits;
use crate::source::SourceReader;
use crate::stop::Stop;
use crate::store::{ObjectHash, OriginKind, StoreWriter, TakenObjects};
use crate::time::Timestamp;

/// The result for the objects below a prefix.
#[derive(Debug, Default)]
pub struct S3Report {
    /// The reports of the fetched objects, each named by its address.
    pub import: ImportReport,
    /// Objects that the store now has completely, and will not fetch again.
    pub objects_taken: u64,
    /// Objects that it had completely before.
    pub objects_skipped: u64,
    pub throttled: u64,
    /// True if a stop was requested, so that there may be more.
    pub is_stopped: bool,
}

/// Imports the objects whose keys begin with `url`'s prefix into the store at `store`, which is
/// created if there is none. Calls `on_progress` several times a second while objects arrive.
///
/// An object counts as taken in the commit that holds all its records. A request to `stop` ends the
/// import at once: what was read is committed, and the next import continues with the first object
/// that was not read to its end.
///
/// An object that S3 refuses is reported as that object's problem, and the others go on. This
/// blocks, and is not for asynchronous code.
///
/// # Errors
///
/// [`IngestError::Aws`] before anything is written, if there are no credentials or the bucket
/// cannot be listed; later if S3 can no longer be reached, or refuses
/// [`limits::S3_FAILED_OBJECTS_MAX`] objects in a row. [`IngestError::Store`] if the store cannot
/// take more. What was read by then is in the store.
pub fn import_s3(
    session: &SessionOptions,
    url: &S3Url,
    store: &Path,
    options: &ImportOptions,
    stop: &Stop,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<S3Report, IngestError> {
    import_objects(async || Session::open(session).await, url, store, options, stop, on_progress)
}

/// Does the same as [`import_s3`], with the session that `open` returns.
pub(super) fn import_objects(
    open: impl AsyncFnOnce() -> Result<Session, AwsError> + Send,
    url: &S3Url,
    store: &Path,
    options: &ImportOptions,
    stop: &Stop,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<S3Report, IngestError> {
    let started = Instant::now();
    // Objects come by themselves, so they must not bring back what was erased.
    let options = &ImportOptions { withholds_removed: true, ..options.clone() };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().map_err(IngestError::NoNetwork)?;
    let tally = Arc::new(BucketTally::new());
    let (ready_sender, ready) = oneshot::channel();
    let (taken_sender, taken) = oneshot::channel();
    let (incoming_sender, incoming) = mpsc::channel(limits::S3_OBJECTS_AHEAD);
    let ends = NetworkEnds { ready: ready_sender, taken, incoming: incoming_sender };
    let (stored, fetched) = std::thread::scope(|scope| {
        let network = scope.spawn(|| {
            let fetching = fetch(open, url, Arc::clone(&tally), ends);
            let fetching = async {
                tokio::select! {
                    fetched = fetching => fetched,
                    () = stop.requested() => Ok(()),
                }
            };
            runtime.block_on(LocalSet::new().run_until(fetching))
        });
        // Opened only once the bucket can be listed: a mistyped bucket must not leave a new store.
        let stored = ready.blocking_recv().map_or_else(
            // The network thread has ended, and its own result says why.
            |_| Ok(Stored::default()),
            |()| {
                let mut writer = StoreWriter::open_or_create(store)?;
                options.table.inspect(|keep| keep(&mut writer));
                let _has_ended = taken_sender.send(writer.taken_objects().clone());
                let inputs = inputs(incoming, url.bucket());
                let total_bytes = || tally.total_bytes();
                let stored =
                    store_inputs(&mut writer, inputs, options, stop, &total_bytes, on_progress)?;
                writer.close()?;
                Ok::<_, IngestError>(stored)
            },
        );
        (stored, network.join())
    });
    // Does not wait for a DNS look-up, which cannot be cancelled.
    runtime.shutdown_background();
    let stored = stored?;
    fetched.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    Ok(S3Report {
        import: ImportReport { files: stored.files, elapsed_ms: elapsed_ms(started) },
        objects_taken: stored.objects_taken,
        objects_skipped: tally.skipped.load(Ordering::Relaxed),
        throttled: tally.limiter.throttled(),
        is_stopped: stop.is_requested(),
    })
}

/// The network thread's ends of the channels to the other thread.
struct NetworkEnds {
    /// Signals that the bucket can be listed.
    ready: oneshot::Sender<()>,
    /// The objects not to fetch, as soon as there is a store.
    taken: oneshot::Receiver<TakenObjects>,
    /// The objects to import.
    incoming: mpsc::Sender<Incoming>,
}

async fn fetch(
    open: impl AsyncFnOnce() -> Result<Session, AwsError>,
    url: &S3Url,
    tally: Arc<BucketTally>,
    ends: NetworkEnds,
) -> Result<(), AwsError> {
    let bucket = Rc::new(Bucket::new(&open().await?, url, tally));
    let first = bucket.first_page().await?;
    let _is_waited_for = ends.ready.send(());
    // The store could not be opened, so there is nothing to fetch.
    let Ok(taken) = ends.taken.await else { return Ok(()) };
    bucket.fetch_all(first, taken, ends.incoming).await
}

/// Returns the objects as inputs of the pipeline, until the network has no more.
fn inputs(
    mut incoming: mpsc::Receiver<Incoming>,
    bucket: &str,
) -> impl Iterator<Item = OpenedInput> {
    std::iter::from_fn(move || incoming.blocking_recv()).map(move |Incoming { object, reader }| {
        let name = format!("s3://{bucket}/{}", object.key);
        OpenedInput {
            kind: OriginKind::Object,
            modified: object.modified_ms.and_then(Timestamp::from_ms),
            reader: SourceReader::from_remote(Box::new(reader), name.clone(), &object.key),
            object: Some(ObjectHash::new(bucket, &object.key, &object.etag)),
            name,
        }
    })
}
