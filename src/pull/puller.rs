//! Pulls one group after another over one connection to AWS.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::listing::{Lister, StreamSlice, list_all};
use super::plan::{self, Piece};
use super::storing::Storing;
use super::{PullError, PullNews, PullPlan, PullProgress, PullReport, groups};
use crate::aws::{LogGroup, LogStream, LogsClient, RateLimiter, Retrier, Session, SessionOptions};
use crate::limits;
use crate::stop::Stop;
use crate::store::{CoveredRange, Pulls, StoreWriter};
use crate::time::{Clock, Timestamp};

/// The choice of events to pull from a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullOptions {
    /// No events before this time.
    pub since: Option<Timestamp>,
    /// No events at or after this time.
    pub until: Option<Timestamp>,
    /// Looks again at everything, whenever it was last looked at.
    pub is_recheck: bool,
    /// True for one of many pulls in a row: finding nothing new is then not worth a commit each
    /// time.
    pub is_following: bool,
}

/// An identity, a region, and the quota as learnt so far.
pub struct Puller {
    runtime: Runtime,
    session: Session,
    client: LogsClient,
    limiter: Arc<RateLimiter>,
    clock: Clock,
    stop: Stop,
    /// When late events were last searched for.
    swept: Cell<Option<Instant>>,
}

/// Milliseconds of an hour.
const HOUR_MS: f64 = 60.0 * 60.0 * 1_000.0;

impl Puller {
    /// Opens a session, which needs a region and credentials.
    pub fn open(options: &SessionOptions, clock: Clock, stop: Stop) -> Result<Self, PullError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(PullError::Runtime)?;
        let session = runtime.block_on(Session::open(options))?;
        let client = LogsClient::new(&session);
        let limiter = Arc::new(RateLimiter::new());
        Ok(Self { runtime, session, client, limiter, clock, stop, swept: Cell::new(None) })
    }

    /// Uses `limiter` instead, for a caller that knows the quota.
    pub fn paced_by(self, limiter: RateLimiter) -> Self {
        Self { limiter: Arc::new(limiter), ..self }
    }

    /// Returns the session: identity and region.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Finds the group `name`; without a name, the only group under WorkMail's usual prefix.
    pub fn group(&self, name: Option<&str>) -> Result<LogGroup, PullError> {
        self.runtime.block_on(groups::find(&self.session, &self.client, name))
    }

    /// Returns what [`Puller::pull`] would do. `pulls` is what the store has looked at so far.
    pub fn plan(&self, pulls: &Pulls, group: &LogGroup, options: PullOptions) -> PullPlan {
        let (_, pieces) = self.pieces(pulls, group, options);
        let whole = self.whole(group);
        let (again, unseen): (Vec<_>, Vec<_>) = pieces.iter().partition(|it| it.seen_ms.is_some());
        let ranges = |pieces: &[&Piece]| pieces.iter().map(|it| it.range).collect::<Vec<_>>();
        let whole_ms = Piece::whole(whole).length_ms().max(1);
        let listed_ms: i64 = pieces.iter().map(|it| it.length_ms()).sum();
        let share = listed_ms as f64 / whole_ms as f64;
        // A float that is out of range saturates.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let bytes = group.stored_bytes.map(|it| (it as f64 * share) as u64);
        let slices = plan::slices(&pieces, group.stored_bytes, whole).len() as u64;
        let requests = slices + bytes.unwrap_or(0) / limits::PAGE_BYTES;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let seconds = (requests as f64 / limits::PULL_RATE_START).ceil() as u64;
        PullPlan {
            log_group: group.name.clone(),
            arn: group.arn.clone(),
            unseen: ranges(&unseen),
            again: ranges(&again),
            stored_bytes: group.stored_bytes,
            bytes,
            requests,
            seconds,
            retention_days: group.retention_days,
        }
    }

    fn pieces(
        &self,
        pulls: &Pulls,
        group: &LogGroup,
        options: PullOptions,
    ) -> (CoveredRange, Vec<Piece>) {
        let now = self.clock.now();
        let PullOptions { since, until, .. } = options;
        let window = plan::window(since, until, group.created_ms, group.retention_days, now);
        let Some(window) = window else { return (CoveredRange::at(now), Vec::new()) };
        let pulled = pulls.group(&group.arn);
        let mut pieces = plan::plan(pulled, window, group.retention_days, now, options.is_recheck);
        if self.is_sweep_due(options) {
            let hours = (Piece::whole(self.whole(group)).length_ms() as f64 / HOUR_MS).max(1.0);
            let bytes = group.stored_bytes.unwrap_or(0) as f64;
            let hour_requests = bytes / limits::PAGE_BYTES as f64 / hours;
            let budget = limits::SWEEP_REQUESTS as f64;
            pieces.extend(plan::sweep(pulled, window, &pieces, hour_requests, budget));
        }
        (window, pieces)
    }

    /// Returns the whole time of which the group may hold events, over which its bytes are spread.
    fn whole(&self, group: &LogGroup) -> CoveredRange {
        let now = self.clock.now();
        let window = plan::window(None, None, group.created_ms, group.retention_days, now);
        window.unwrap_or_else(|| CoveredRange::at(now))
    }

    /// True if late events are to be searched for beyond the planned ranges. A pull that follows
    /// does so now and then.
    fn is_sweep_due(&self, options: PullOptions) -> bool {
        let interval = Duration::from_secs(limits::SWEEP_SECONDS);
        let is_time = self.swept.get().is_none_or(|it| it.elapsed() >= interval);
        !options.is_recheck && (is_time || !options.is_following)
    }

    /// Pulls a group into the store, and commits every few seconds and at the end. Calls
    /// `on_progress` several times a second, and `on_news` with each new event and after each
    /// commit.
    ///
    /// A failure of AWS becomes [`PullReport::problem`]; what came before it is in the store.
    ///
    /// # Errors
    ///
    /// [`PullError::Store`]: what was committed by then stays.
    pub fn pull(
        &self,
        writer: &mut StoreWriter,
        group: &LogGroup,
        options: PullOptions,
        on_progress: &mut dyn FnMut(PullProgress),
        on_news: Option<&mut dyn FnMut(PullNews)>,
    ) -> Result<PullReport, PullError> {
        let started = Instant::now();
        let throttled_before = self.limiter.throttled();
        let (window, pieces) = self.pieces(&writer.pulls(), group, options);
        if self.is_sweep_due(options) {
            self.swept.set(Some(started));
        }
        let slices = self.slices(group, &pieces, window, options);
        let (now, is_following) = (self.clock.now(), options.is_following);
        let mut storing = Storing::new(writer, group, now, is_following, slices.len(), on_news);
        let Self { runtime, client, limiter, clock, stop, .. } = self;
        let problem = std::thread::scope(|scope| {
            let (sender, mut receiver) = mpsc::channel(limits::PULL_QUEUE_PAGES);
            // The network has a thread of its own, so that storing a round does not stall requests.
            let network = scope.spawn(|| {
                let limiter = Arc::clone(limiter);
                let lister = Lister::new(client.clone(), group.name.clone(), limiter, *clock);
                let stop = stop.clone();
                let listing = list_all(Arc::new(lister), slices, sender, stop);
                runtime.block_on(LocalSet::new().run_until(listing))
            });
            while let Some(first) = receiver.blocking_recv() {
                // All pages that wait are decoded together, on all cores.
                let mut round = vec![first];
                while round.len() < limits::PULL_QUEUE_PAGES {
                    let Ok(next) = receiver.try_recv() else { break };
                    round.push(next);
                }
                storing.take(round)?;
                on_progress(PullProgress {
                    throttled: self.limiter.throttled() - throttled_before,
                    rate: self.limiter.rate(),
                    ..storing.progress()
                });
            }
            let joined = network.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok::<_, PullError>(joined.err())
        })?;
        let report = storing.finish(problem.as_ref(), self.stop.is_requested())?;
        Ok(PullReport {
            throttled: self.limiter.throttled() - throttled_before,
            problem,
            is_interrupted: self.stop.is_requested(),
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            pulled: writer.pulls().group(&group.arn).cloned().unwrap_or_default(),
            ..report
        })
    }

    /// Returns the clock's time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for `duration`, or until a stop is requested.
    pub fn wait(&self, duration: Duration) {
        self.runtime.block_on(self.stop.wait(duration));
    }

    fn slices(
        &self,
        group: &LogGroup,
        pieces: &[Piece],
        window: CoveredRange,
        options: PullOptions,
    ) -> Vec<StreamSlice> {
        let streams = self.streams_for(group, pieces);
        plan::slices(pieces, group.stored_bytes, self.whole(group))
            .into_iter()
            .filter_map(|piece| {
                Some(StreamSlice {
                    log_streams: match &streams {
                        Some(streams) => lively(streams, piece)?,
                        None => Vec::new(),
                    },
                    is_newest: options.until.is_none() && piece.range.last_ms == window.last_ms,
                    piece,
                })
            })
            .collect()
    }

    /// Returns the group's streams, if knowing which of them got new events saves requests.
    fn streams_for(&self, group: &LogGroup, pieces: &[Piece]) -> Option<Vec<LogStream>> {
        let again = pieces.iter().filter(|it| !it.is_thorough);
        let listed_ms: i64 = again.map(|it| it.length_ms()).sum();
        if listed_ms < limits::STREAMS_WORTH_MS {
            return None;
        }
        let limiter = RateLimiter::new();
        let retrier = Retrier::first(&limiter);
        let page = async |token| self.client.streams(&group.name, token).await;
        // Without the permission, or after a failure, all streams are listed.
        let listing = retrier.pages("log streams", limits::DESCRIBE_PAGES_MAX, page);
        self.runtime.block_on(listing).ok()
    }
}

/// Returns the streams that may have got events since a piece was looked at: an empty list means
/// all, `None` that there is nothing to look for.
///
/// The time of a stream's last ingestion lags, usually by less than an hour.
fn lively(streams: &[LogStream], piece: Piece) -> Option<Vec<String>> {
    let Some(seen_ms) = piece.seen_ms.filter(|_| !piece.is_thorough) else {
        return Some(Vec::new());
    };
    let since = seen_ms.saturating_sub(limits::INGESTION_LAG_MS);
    let is_lively = |it: &&LogStream| it.last_ingestion_ms.is_none_or(|it| it >= since);
    let names: Vec<_> = streams.iter().filter(is_lively).map(|it| it.name.clone()).collect();
    match names.len() {
        0 if piece.is_spare => None,
        // Lists one stream, so that the look is noted. The newest, since its last ingestion may
        // lag.
        0 => {
            let newest = streams.iter().max_by_key(|it| it.last_ingestion_ms);
            Some(newest.map(|it| it.name.clone()).into_iter().collect())
        }
        // More than one request may name: listing all streams is the only other choice.
        count if count > limits::FILTER_STREAMS_MAX => Some(Vec::new()),
        _ => Some(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_streams_with_news_are_listed_again() {
        let hour = 60 * 60 * 1_000;
        let stream = |name: &str, at| LogStream { name: name.to_owned(), last_ingestion_ms: at };
        let streams = [stream("old", Some(0)), stream("new", Some(90 * hour)), stream("?", None)];
        let range = CoveredRange { first_ms: 0, last_ms: hour };
        let again = Piece { range, seen_ms: Some(80 * hour), is_thorough: false, is_spare: false };
        let names = |streams: &[LogStream], piece| lively(streams, piece);
        assert_eq!(names(&streams, again), Some(vec!["new".to_owned(), "?".to_owned()]));
        assert_eq!(names(&streams, Piece { is_thorough: true, ..again }), Some(vec![]));
        assert_eq!(names(&streams[..1], again), Some(vec!["old".to_owned()]));
        assert_eq!(names(&streams[..1], Piece { is_spare: true, ..again }), None);
        let many: Vec<_> = (0..101).map(|it| stream(&it.to_string(), None)).collect();
        assert_eq!(lively(&many, again), Some(vec![]));
    }
}
