//! Answers: made once for each commit and question, a few at a time, and kept for a while.

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

/// Why there is no answer yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(
        "this took longer than {0} s: ask for less time with since and until, or for fewer values"
    )]
    TooLong(u64),
    #[error("too many questions are waiting: ask again in a moment")]
    Busy,
    #[error(
        "an internal fault: run `mailtrace verify`; if it names the index, `mailtrace reindex` repairs it"
    )]
    Fault,
    #[error(transparent)]
    Question(#[from] QuestionError),
}

/// How long an answer is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Until the store changes.
    Settled,
    /// For a moment: it depends on the time of day.
    Moment,
}

/// How long a question takes, as a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// It looks up a few things.
    Short,
    /// It may read the whole store. Short ones have turns of their own, so that these do not hold
    /// them up.
    Long,
}

/// A commit, and what is asked of it.
type AnswerKey = (u64, String);

/// What comes of a question that somebody works on.
type MadeAnswer = Option<Result<Reply, Unmade>>;
type Coming = watch::Receiver<MadeAnswer>;
type Promise = watch::Sender<MadeAnswer>;

/// Why nothing came of it.
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
    /// From when on it is given only while a new one is made.
    fresh_until: Instant,
    is_renewed: bool,
    used: u64,
}

impl Kept {
    fn is_over(&self) -> bool {
        self.fresh_until + Duration::from_millis(limits::SERVE_CACHE_STALE_MS_MAX) <= Instant::now()
    }
}

/// What is there of an answer.
enum FoundAnswer {
    Fresh(Reply),
    /// Somebody has to make a new one.
    Stale(Reply),
    Coming(Coming),
}

#[derive(Default)]
struct Cache {
    entries: HashMap<AnswerKey, Entry>,
    bytes: usize,
    uses: u64,
}

/// Answers questions of one store.
pub(super) struct Answers {
    opened: Stores,
    cache: Mutex<Cache>,
    short_turns: Arc<Semaphore>,
    long_turns: Arc<Semaphore>,
    timeout: Duration,
    /// For how long an answer is fresh that depends on the time of day.
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

    /// Questions that are worked on, or wait for it.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The newest commit.
    pub(super) async fn snapshot(self: &Arc<Self>) -> Result<ServedSnapshot, NoAnswer> {
        let answers = Arc::clone(self);
        let opened = tokio::task::spawn_blocking(move || answers.opened.newest());
        Ok(opened.await.map_err(|_| NoAnswer::Fault)??)
    }

    /// Whether there is anything to ask: what is elsewhere may not answer.
    pub(super) async fn health(self: &Arc<Self>) -> Result<(), NoAnswer> {
        match &self.opened {
            Stores::Own(_) => Ok(()),
            Stores::Mirrored(_) => self.snapshot().await.map(drop),
        }
    }

    /// Gives the answer to `asked`, which `work` makes unless it is there already, or being made
    /// for somebody else. One that is no more fresh is given once more, so that nobody waits for what
    /// somebody saw a moment ago, and made anew for whoever asks next.
    pub(super) async fn answer(
        self: &Arc<Self>,
        asked: String,
        (needs, now): (Needs, Timestamp),
        (keeping, length): (Keeping, Length),
        work: impl FnOnce(Result<&Store, QuestionError>) -> Reply + Send + 'static,
    ) -> Result<Reply, NoAnswer> {
        let snapshot = self.snapshot().await?;
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
                // Where too many wait already, it is made when it is over.
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
            // Whoever works on it has gone.
            Ok(Err(_)) => Err(NoAnswer::Fault),
        }
    }

    /// Has a question worked on, whether or not somebody goes on waiting for it: an answer that
    /// came too late is there when the question is asked again.
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
        // Somebody else may have begun since the caller looked. To put a second promise into the
        // place of theirs would leave them without an answer.
        if let Some(Entry::Coming(theirs)) = cache.entries.get(&key) {
            return Ok(theirs.clone());
        }
        let is_renewal = matches!(cache.entries.get(&key), Some(Entry::Kept(it)) if it.is_renewed && !it.is_over());
        if !is_renewal {
            // One that is over gives back the room that it took.
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
        let patience = self.timeout.max(Duration::from_millis(limits::SERVE_WORK_MS_MAX));
        tokio::spawn(async move {
            let turn = turns.acquire_owned().await;
            let made = match turn {
                Ok(_turn) if is_renewal || answers.is_awaited(&key, &sender) => {
                    answers.made.fetch_add(1, Ordering::Relaxed);
                    work_within(patience, work).await
                }
                _ => Err(Unmade::GivenUp),
            };
            answers.waiting.fetch_sub(1, Ordering::Relaxed);
            answers.keep(&key, made.as_ref().ok(), keeping);
            sender.send_replace(Some(made));
        });
        Ok(coming)
    }

    /// Whether somebody still waits for what has not been begun; else it is forgotten.
    fn is_awaited(&self, key: &AnswerKey, sender: &Promise) -> bool {
        let mut cache = self.lock();
        // One of them is the cache's own.
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
                kept.is_renewed = true;
                Some(FoundAnswer::Stale(answer))
            }
            Entry::Coming(coming) => Some(FoundAnswer::Coming(coming.clone())),
        }
    }

    /// Keeps an answer in the place of the promise of it, and lets go of those of earlier commits
    /// and of those that were used least recently.
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

/// Has a question worked on, and has that end after a while: the store then reads nothing more.
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

/// Bytes that an entry takes.
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
