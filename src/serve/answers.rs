//! The cache of answers: each is made once per commit and question, a few at a time, and reused for
//! a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::body::Bytes;
use tokio::sync::{Semaphore, watch};

use super::mirrors::Needs;
use super::opened::{ServedSnapshot, Stores};
use super::question::QuestionError;
use crate::limits;
use crate::store::Store;
use crate::time::Timestamp;

/// An answer as it goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

/// The reason why there is no answer yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(
        "this took longer than {0} s: narrow the time with since and until, or ask for fewer values"
    )]
    TooLong(u64),
    #[error("too many questions are waiting: try again in a moment")]
    Busy,
    #[error(
        "an internal fault: run `mailtrace verify`; if it names the index, `mailtrace reindex` repairs it"
    )]
    Fault,
    #[error(transparent)]
    Question(#[from] QuestionError),
}

/// The time for which an answer stays valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Until the store changes.
    Settled,
    /// Briefly, since it depends on the time of day.
    Moment,
}

/// The time that a question usually takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// A few look-ups.
    Short,
    /// Possibly a scan of the whole store. Short questions have slots of their own, so that long
    /// ones do not delay them.
    Long,
}

/// A commit's number and the question.
type AnswerKey = (u64, String);

/// The result of a question, `None` while it is being worked on.
type MadeAnswer = Option<Result<Reply, Unmade>>;
type Coming = watch::Receiver<MadeAnswer>;
type Promise = watch::Sender<MadeAnswer>;

/// The reason why no answer was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unmade {
    GivenUp,
    Fault,
}

enum Entry {
    Kept(Kept),
    Coming(Coming),
}

struct Kept {
    answer: Reply,
    /// Once this has passed, it is handed out only while a new one is being made.
    fresh_until: Instant,
    /// True once a request has taken on the renewal, which only one may do.
    is_renewed: bool,
    used: u64,
}

impl Kept {
    fn is_over(&self) -> bool {
        self.fresh_until + Duration::from_millis(limits::SERVE_CACHE_STALE_MS_MAX) <= Instant::now()
    }
}

/// The state of a cached answer.
enum FoundAnswer {
    Fresh(Reply),
    /// The caller has to have a new one made.
    Stale(Reply),
    Coming(Coming),
}

#[derive(Default)]
struct Cache {
    entries: HashMap<AnswerKey, Entry>,
    bytes: usize,
    uses: u64,
}

/// Answers questions about one store.
pub(super) struct Answers {
    opened: Stores,
    cache: Mutex<Cache>,
    short_turns: Arc<Semaphore>,
    long_turns: Arc<Semaphore>,
    timeout: Duration,
    /// The time for which an answer that depends on the time of day is fresh.
    moment: Duration,
    waiting: AtomicU64,
    pub(super) hits: AtomicU64,
    pub(super) made: AtomicU64,
    pub(super) timeouts: AtomicU64,
}

impl Answers {
    pub(super) fn new(opened: Stores, timeout: Duration) -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            opened,
            cache: Mutex::default(),
            short_turns: Arc::new(Semaphore::new(cpus)),
            long_turns: Arc::new(Semaphore::new(cpus)),
            timeout,
            moment: Duration::from_millis(limits::SERVE_CACHE_MS_MAX),
            waiting: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            made: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
        }
    }

    /// Returns how many questions are being worked on or are queued.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Returns the newest commit.
    pub(super) async fn snapshot(self: &Arc<Self>) -> Result<ServedSnapshot, NoAnswer> {
        let answers = Arc::clone(self);
        // Opening a store, or asking a cluster for its version, blocks.
        let opened = tokio::task::spawn_blocking(move || answers.opened.newest());
        Ok(opened.await.map_err(|_| NoAnswer::Fault)??)
    }

    /// Checks that there is something to ask. Only a cluster can fail here: it may not respond.
    pub(super) async fn health(self: &Arc<Self>) -> Result<(), NoAnswer> {
        match &self.opened {
            Stores::Own(_) => Ok(()),
            Stores::Mirrored(_) => self.snapshot().await.map(drop),
        }
    }

    /// Returns the answer to `asked`. `work` makes it unless it is cached or being made for another
    /// request.
    ///
    /// The first request for a stale answer gets it as it is, so that nobody waits for what was
    /// shown a moment ago, and has a new one made for the next.
    pub(super) async fn answer(
        self: &Arc<Self>,
        asked: String,
        (needs, now): (Needs, Timestamp),
        (keeping, length): (Keeping, Length),
        work: impl FnOnce(Result<&Store, QuestionError>) -> Reply + Send + 'static,
    ) -> Result<Reply, NoAnswer> {
        let snapshot = self.snapshot().await?;
        // The commit is part of the key, so a new commit invalidates everything without a sweep.
        let key = (snapshot.number, asked);
        let work = move |stop: &Arc<AtomicBool>| match snapshot.store(&needs, now) {
            Ok(store) => work(Ok(&store.stoppable(stop))),
            Err(error) => work(Err(error)),
        };
        let mut coming = match self.cached(&key) {
            Some(FoundAnswer::Fresh(answer)) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(answer);
            }
            Some(FoundAnswer::Stale(answer)) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                // If the queue is full, the stale answer serves until it expires.
                let _renewed = self.begin(key, keeping, length, work);
                return Ok(answer);
            }
            Some(FoundAnswer::Coming(coming)) => coming,
            None => self.begin(key, keeping, length, work)?,
        };
        let made = tokio::time::timeout(self.timeout, coming.wait_for(Option::is_some)).await;
        match made {
            Err(_) => {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
                Err(NoAnswer::TooLong(self.timeout.as_secs()))
            }
            Ok(Ok(made)) => match made.clone() {
                Some(Ok(answer)) => Ok(answer),
                Some(Err(Unmade::GivenUp)) => Err(NoAnswer::TooLong(self.timeout.as_secs())),
                Some(Err(Unmade::Fault)) | None => Err(NoAnswer::Fault),
            },
            // The task was dropped without a result.
            Ok(Err(_)) => Err(NoAnswer::Fault),
        }
    }

    /// Starts work on a question. It goes on even if the client stops waiting: an answer that came
    /// too late is there when the question is asked again.
    fn begin(
        self: &Arc<Self>,
        key: AnswerKey,
        keeping: Keeping,
        length: Length,
        work: impl FnOnce(&Arc<AtomicBool>) -> Reply + Send + 'static,
    ) -> Result<Coming, NoAnswer> {
        if self.waiting() >= limits::SERVE_QUESTIONS_WAITING_MAX as u64 {
            return Err(NoAnswer::Busy);
        }
        let (sender, coming) = watch::channel(None);
        let mut cache = self.lock();
        // Another request may have begun since the caller looked. A second promise would replace
        // the first, whose waiters would then be told that it took too long.
        if let Some(Entry::Coming(theirs)) = cache.entries.get(&key) {
            return Ok(theirs.clone());
        }
        // A renewal leaves the stale entry in place, so that other requests go on getting it.
        let is_renewal = matches!(cache.entries.get(&key), Some(Entry::Kept(it)) if it.is_renewed && !it.is_over());
        if !is_renewal {
            // Removing an expired entry first keeps the byte count right.
            cache.remove(&key);
            cache.entries.insert(key.clone(), Entry::Coming(coming.clone()));
        }
        drop(cache);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let answers = Arc::clone(self);
        let turns = Arc::clone(match length {
            Length::Short => &self.short_turns,
            Length::Long => &self.long_turns,
        });
        // Longer than a client waits, so that the question is answered when it is asked again.
        let patience = self.timeout.max(Duration::from_millis(limits::SERVE_WORK_MS_MAX));
        tokio::spawn(async move {
            let turn = turns.acquire_owned().await;
            // `_turn` is held until the work has ended, which bounds the busy threads. A renewal
            // has no waiters by design.
            let made = match turn {
                Ok(_turn) if is_renewal || answers.is_awaited(&key, &sender) => {
                    answers.made.fetch_add(1, Ordering::Relaxed);
                    work_within(patience, work).await
                }
                _ => Err(Unmade::GivenUp),
            };
            answers.waiting.fetch_sub(1, Ordering::Relaxed);
            // Before the waiters wake: a request that comes now finds the answer, not an empty
            // place.
            answers.keep(&key, made.as_ref().ok(), keeping);
            sender.send_replace(Some(made));
        });
        Ok(coming)
    }

    /// True if a client still waits for work that has not begun; otherwise forgets the promise.
    fn is_awaited(&self, key: &AnswerKey, sender: &Promise) -> bool {
        let mut cache = self.lock();
        // One receiver is the cache's own. The lock keeps new ones from being cloned meanwhile.
        let is_awaited = sender.receiver_count() > 1;
        if !is_awaited {
            cache.remove(key);
        }
        is_awaited
    }

    fn cached(&self, key: &AnswerKey) -> Option<FoundAnswer> {
        let mut cache = self.lock();
        cache.uses += 1;
        let now_used = cache.uses;
        match cache.entries.get_mut(key)? {
            Entry::Kept(kept) if kept.is_over() => None,
            Entry::Kept(kept) => {
                kept.used = now_used;
                let answer = kept.answer.clone();
                if kept.is_renewed || Instant::now() < kept.fresh_until {
                    return Some(FoundAnswer::Fresh(answer));
                }
                // Set under the lock, so that exactly one request becomes the one that renews.
                kept.is_renewed = true;
                Some(FoundAnswer::Stale(answer))
            }
            Entry::Coming(coming) => Some(FoundAnswer::Coming(coming.clone())),
        }
    }

    /// Replaces a promise with its answer, and evicts answers of earlier commits, expired ones and,
    /// above the bound, those used least recently.
    fn keep(&self, key: &AnswerKey, answer: Option<&Reply>, keeping: Keeping) {
        let mut cache = self.lock();
        cache.remove(key);
        let is_kept = |it: &&Reply| {
            it.status == StatusCode::OK && it.body.len() <= limits::SERVE_CACHED_ANSWER_BYTES_MAX
        };
        let Some(answer) = answer.filter(is_kept) else { return };
        let is_old = |entry: &Entry, number: u64| matches!(entry, Entry::Kept(it) if number < key.0 || it.is_over());
        let old = cache.entries.iter().filter(|(it, entry)| is_old(entry, it.0));
        let old: Vec<AnswerKey> = old.map(|(it, _)| it.clone()).collect();
        old.iter().for_each(|it| cache.remove(it));
        cache.bytes += weight(key, answer);
        let fresh = match keeping {
            Keeping::Settled => Duration::from_millis(limits::SERVE_CACHE_SETTLED_MS_MAX),
            Keeping::Moment => self.moment,
        };
        let (answer, fresh_until, used) = (answer.clone(), Instant::now() + fresh, cache.uses);
        let kept = Kept { answer, fresh_until, is_renewed: false, used };
        cache.entries.insert(key.clone(), Entry::Kept(kept));
        // Promises are never evicted: clients wait for them.
        while cache.bytes > limits::SERVE_CACHE_BYTES_MAX {
            let used = |(key, entry): (&AnswerKey, &Entry)| match entry {
                Entry::Kept(kept) => Some((kept.used, key.clone())),
                Entry::Coming(_) => None,
            };
            let Some((_, key)) = cache.entries.iter().filter_map(used).min() else { break };
            cache.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        // The cache's invariants hold between any two statements, so poisoning is harmless.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn remove(&mut self, key: &AnswerKey) {
        if let Some(Entry::Kept(kept)) = self.entries.remove(key) {
            self.bytes = self.bytes.saturating_sub(weight(key, &kept.answer));
        }
    }
}

/// Runs `work` on a blocking thread. After `patience` it raises the flag at which the store stops
/// reading.
async fn work_within(
    patience: Duration,
    work: impl FnOnce(&Arc<AtomicBool>) -> Reply + Send + 'static,
) -> Result<Reply, Unmade> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let mut worked = tokio::task::spawn_blocking(move || work(&told));
    let in_time = tokio::time::timeout(patience, &mut worked).await;
    let worked = match in_time {
        Ok(worked) => worked,
        Err(_) => {
            // A blocking thread cannot be aborted. Awaiting it keeps its slot taken until it is
            // free.
            stop.store(true, Ordering::Relaxed);
            worked.await
        }
    };
    match worked {
        Ok(_) if stop.load(Ordering::Relaxed) => Err(Unmade::GivenUp),
        Ok(answer) => Ok(answer),
        Err(_) => Err(Unmade::Fault),
    }
}

/// Estimates the bytes that an entry takes.
fn weight(key: &AnswerKey, answer: &Reply) -> usize {
    key.1.len() * 2 + answer.body.len() + 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::opened::OpenedStore;
    use crate::store::StoreWriter;

    fn empty_store(path: &std::path::Path) -> Stores {
        let mut writer = StoreWriter::open_or_create(path).unwrap();
        writer.commit().unwrap();
        writer.close().unwrap();
        Stores::Own(OpenedStore::new(path.to_owned()))
    }

    #[test]
    fn an_answer_that_is_no_more_fresh_is_given_while_a_new_one_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let opened = empty_store(dir.path());
        let answers = Answers::new(opened, Duration::from_secs(60));
        let answers = Arc::new(Answers { moment: Duration::ZERO, ..answers });
        let count = Arc::new(AtomicU64::new(0));
        let ask = async || {
            let count = Arc::clone(&count);
            let work = move |_: Result<&Store, QuestionError>| Reply {
                status: StatusCode::OK,
                content_type: "text/plain",
                body: Bytes::from(count.fetch_add(1, Ordering::Relaxed).to_string()),
            };
            let asked = "/".to_owned();
            let needs = (Needs::Nothing, Timestamp::UNIX_EPOCH);
            let how = (Keeping::Moment, Length::Short);
            answers.answer(asked, needs, how, work).await.unwrap().body
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(
            async {
                assert_eq!(ask().await, "0");
                assert_eq!(ask().await, "0", "nobody waits for what was seen a moment ago");
                while answers.waiting() > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                assert_eq!(ask().await, "1", "the new one");
            },
        );
    }

    #[test]
    fn two_that_begin_at_once_get_one_answer() {
        let dir = tempfile::tempdir().unwrap();
        let opened = empty_store(dir.path());
        let answers = Arc::new(Answers::new(opened, Duration::from_secs(60)));
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(
            async {
                let number = answers.snapshot().await.unwrap().number;
                let begin = || {
                    let work = |_: &Arc<AtomicBool>| Reply {
                        status: StatusCode::OK,
                        content_type: "text/plain",
                        body: Bytes::from_static(b"made"),
                    };
                    let key = (number, "/".to_owned());
                    answers.begin(key, Keeping::Settled, Length::Short, work).unwrap()
                };
                for mut coming in [begin(), begin()] {
                    let made = coming.wait_for(Option::is_some).await.unwrap().clone();
                    assert_eq!(made.unwrap().unwrap().body, "made");
                }
                assert_eq!(answers.made.load(Ordering::Relaxed), 1);
            },
        );
    }
}
