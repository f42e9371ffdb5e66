//! The network side of an import from a bucket: lists ahead, and fetches a few objects at once.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use crate::aws::{
    AwsError, Failure, ObjectReader, ObjectSink, ObjectsClient, RateLimiter, Retrier, S3Object,
    S3Url, Session, download, object_stream,
};
use crate::limits;
use crate::source::EXPORT_TEST_OBJECT;
use crate::store::{ObjectHash, TakenObjects};

/// An object that is being downloaded.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) object: S3Object,
    pub(super) reader: ObjectReader,
}

/// Counts so far, shared with other threads.
#[derive(Debug)]
pub(super) struct BucketTally {
    /// Counts throttled requests.
    pub(super) limiter: RateLimiter,
    /// Objects that the store already had.
    pub(super) skipped: AtomicU64,
    /// Bytes of the objects to fetch, as far as they have been listed.
    listed_bytes: AtomicU64,
    is_listed: AtomicBool,
}

impl BucketTally {
    pub(super) fn new() -> Self {
        Self {
            limiter: RateLimiter::for_objects(),
            skipped: AtomicU64::new(0),
            listed_bytes: AtomicU64::new(0),
            is_listed: AtomicBool::new(false),
        }
    }

    /// Returns the bytes of all objects to fetch, once all have been listed.
    pub(super) fn total_bytes(&self) -> Option<u64> {
        // Pairs with the Release in `list`: whoever sees the flag sees the whole sum.
        self.is_listed.load(Ordering::Acquire).then(|| self.listed_bytes.load(Ordering::Relaxed))
    }
}

/// One page of a listing, and the token of the next.
type Page = (Vec<S3Object>, Option<String>);

/// The objects below one prefix of a bucket.
pub(super) struct Bucket {
    client: ObjectsClient,
    url: S3Url,
    tally: Arc<BucketTally>,
    failed_in_a_row: Cell<u32>,
}

impl Bucket {
    pub(super) fn new(session: &Session, url: &S3Url, tally: Arc<BucketTally>) -> Self {
        let client = ObjectsClient::new(session);
        Self { client, url: url.clone(), tally, failed_in_a_row: Cell::new(0) }
    }

    /// Fetches the first page of the listing, which fails early if something is set up wrongly.
    pub(super) async fn first_page(&self) -> Result<Page, AwsError> {
        self.page(&Retrier::first(&self.tally.limiter), None).await
    }

    async fn page(&self, retrier: &Retrier<'_>, token: Option<String>) -> Result<Page, AwsError> {
        let (bucket, prefix) = (self.url.bucket(), self.url.prefix());
        let page = retrier.call(async || self.client.objects(bucket, prefix, token.clone()).await);
        page.await.map_err(Failure::into_error)
    }

    /// Fetches every object that is not in `taken`, from the first page of the listing on, and
    /// hands each on as soon as its download begins. Ends when all have been read or the reader is
    /// gone. Must run in a [`LocalSet`](tokio::task::LocalSet).
    pub(super) async fn fetch_all(
        self: Rc<Self>,
        first: Page,
        taken: TakenObjects,
        incoming: mpsc::Sender<Incoming>,
    ) -> Result<(), AwsError> {
        let (listed_sender, mut listed) = mpsc::channel(limits::S3_LISTED_AHEAD);
        let mut tasks = JoinSet::new();
        tasks.spawn_local(Rc::clone(&self).list(first, taken, listed_sender));
        let mut is_more = true;
        while is_more || !tasks.is_empty() {
            tokio::select! {
                Some(ended) = tasks.join_next() => outcome(ended)?,
                // A slot before the download begins, so that no more objects are fetched than may
                // wait.
                slot = incoming.reserve(), if is_more => {
                    let Ok(slot) = slot else { break };
                    let Some(object) = listed.recv().await else {
                        is_more = false;
                        continue;
                    };
                    let (sink, reader) = object_stream(&object);
                    tasks.spawn_local(Rc::clone(&self).fetch(object.clone(), sink));
                    slot.send(Incoming { object, reader });
                }
                () = incoming.closed() => break,
            }
        }
        Ok(())
    }

    /// Lists to the end, and hands on the objects to fetch.
    async fn list(
        self: Rc<Self>,
        first: Page,
        taken: TakenObjects,
        listed: mpsc::Sender<S3Object>,
    ) -> Result<(), AwsError> {
        let retrier = Retrier::new(&self.tally.limiter);
        let (mut objects, mut token) = first;
        loop {
            for object in objects.into_iter().filter(holds_events) {
                if taken.contains(ObjectHash::new(self.url.bucket(), &object.key, &object.etag)) {
                    self.tally.skipped.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                self.tally.listed_bytes.fetch_add(object.bytes, Ordering::Relaxed);
                if listed.send(object).await.is_err() {
                    return Ok(());
                }
            }
            if token.is_none() {
                self.tally.is_listed.store(true, Ordering::Release);
                return Ok(());
            }
            (objects, token) = self.page(&retrier, token).await?;
        }
    }

    /// Fetches one object. A failure of this object alone goes to its reader; an error would also
    /// hit the next one.
    async fn fetch(self: Rc<Self>, object: S3Object, sink: ObjectSink) -> Result<(), AwsError> {
        let bucket = self.url.bucket();
        let fetched = download(&self.client, &self.tally.limiter, bucket, &object, &sink).await;
        let Err(failure) = fetched else {
            self.failed_in_a_row.set(0);
            return Ok(());
        };
        // An export that was archived or is being deleted has any number of those.
        if !is_of_object_alone(&failure) {
            self.failed_in_a_row.set(self.failed_in_a_row.get() + 1);
        }
        let is_hopeless = !is_about_object(&failure)
            || self.failed_in_a_row.get() >= limits::S3_FAILED_OBJECTS_MAX;
        let error = failure.into_error();
        if is_hopeless {
            return Err(error);
        }
        sink.fail(error).await;
        Ok(())
    }
}

/// Returns a task's result, and passes on its panics.
fn outcome(ended: Result<Result<(), AwsError>, JoinError>) -> Result<(), AwsError> {
    match ended {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Ok(()),
    }
}

/// False for an empty object, such as the console makes for a folder, and for the one with which an
/// export task tests its permissions.
fn holds_events(object: &S3Object) -> bool {
    object.bytes > 0 && object.key.rsplit('/').next() != Some(EXPORT_TEST_OBJECT)
}

/// True if the failure says nothing about the next object.
fn is_of_object_alone(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Permanent(
            AwsError::NotFound { .. }
                | AwsError::ObjectChanged { .. }
                | AwsError::ObjectArchived { .. }
                | AwsError::Incomprehensible { .. }
        )
    )
}

/// True if another object may still be readable.
fn is_about_object(failure: &Failure) -> bool {
    match failure {
        // After all retries: the service itself is in trouble.
        Failure::Throttled(_) | Failure::Transient(_) => false,
        Failure::BadParameter(_) => true,
        Failure::Permanent(error) => matches!(
            error,
            AwsError::Denied { .. }
                | AwsError::NotFound { .. }
                | AwsError::ObjectChanged { .. }
                | AwsError::ObjectArchived { .. }
                | AwsError::Incomprehensible { .. }
                | AwsError::Service { .. }
        ),
    }
}
