//! Lists the events of many slices at once, without missing one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::interval;

use super::plan::Piece;
use crate::aws::{
    AwsError, EventPage, EventQuery, Failure, LogEvent, LogsClient, RateLimiter, Retrier,
};
use crate::limits;
use crate::stop::Stop;
use crate::store::{CoveredRange, Look};
use crate::time::Clock;

/// A slice and the streams to list in it, empty for all.
#[derive(Clone, Debug)]
pub(super) struct StreamSlice {
    pub(super) piece: Piece,
    pub(super) log_streams: Vec<String>,
    /// True for the last slice of the group: events of the near future are listed with it.
    pub(super) is_newest: bool,
}

pub(super) enum ListingStep {
    Page(Fetched),
    /// Time has passed: records may be due to be committed.
    Tick,
}

/// A fetched page, and what its slice has seen so far.
pub(super) struct Fetched {
    pub(super) events: Vec<LogEvent>,
    pub(super) is_again: bool,
    /// The look to note in the commit that holds these events.
    pub(super) look: Option<Look>,
    /// True if the slice is done.
    pub(super) is_end: bool,
    /// True if the rest of the slice goes on as two slices.
    pub(super) is_split: bool,
}

/// Lists slices of one group.
pub(super) struct Lister {
    pub(super) client: LogsClient,
    pub(super) group: String,
    pub(super) limiter: Arc<RateLimiter>,
    pub(super) clock: Clock,
    /// Listings that could run but have no slice.
    idle: AtomicUsize,
}

impl Lister {
    pub(super) fn new(
        client: LogsClient,
        group: String,
        limiter: Arc<RateLimiter>,
        clock: Clock,
    ) -> Self {
        Self { client, group, limiter, clock, idle: AtomicUsize::new(0) }
    }
}

/// Lists all slices, the first ones first, and sends their pages. Ends when all are sent, when a
/// stop is requested, when the receiver is gone, or at the first error.
pub(super) async fn list_all(
    lister: Arc<Lister>,
    slices: Vec<StreamSlice>,
    pages: mpsc::Sender<ListingStep>,
    stop: Stop,
) -> Result<(), AwsError> {
    let mut waiting = VecDeque::from(slices);
    let mut listings = JoinSet::new();
    let mut ticks = interval(Duration::from_millis(limits::PULL_TICK_MS));
    loop {
        while listings.len() < limits::PULL_LISTINGS_MAX {
            let Some(slice) = waiting.pop_front() else { break };
            listings.spawn_local(list(Arc::clone(&lister), slice, pages.clone()));
        }
        let idle = limits::PULL_LISTINGS_MAX.saturating_sub(listings.len());
        lister.idle.store(idle, Ordering::Relaxed);
        tokio::select! {
            biased;
            // First, as `biased` asks in order: a busy listing must not put off a stop.
            () = stop.requested() => return Ok(()),
            _ = ticks.tick() => {
                // A full queue wakes the receiver anyway.
                let _full = pages.try_send(ListingStep::Tick);
            }
            ended = listings.join_next() => match ended {
                None => return Ok(()),
                Some(Ok(rest)) => waiting.extend(rest?),
                Some(Err(panicked)) => match panicked.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_cancelled) => return Ok(()),
                },
            },
        }
    }
}

/// The position within the listing of one slice.
struct SlicePlace {
    first_ms: i64,
    /// The first millisecond that may be incomplete.
    next_ms: i64,
    /// True while all events come in order of time, as documented (FilterLogEvents, API reference).
    /// Only then does a page show that everything before it is complete.
    is_sorted: bool,
    newest_ms: i64,
    /// Restarts without progress.
    restarts: u32,
    /// Pages in a row that came with the token that asked for them.
    stalled: u32,
    pages: u32,
}

impl SlicePlace {
    fn take(&mut self, page: &EventPage) {
        self.pages += 1;
        for ms in page.events.iter().filter_map(|it| it.timestamp_ms) {
            self.is_sorted &= ms >= self.newest_ms;
            self.newest_ms = self.newest_ms.max(ms);
        }
        if !self.is_sorted {
            self.next_ms = self.first_ms;
        } else if self.newest_ms > self.next_ms {
            // More events of the newest millisecond may follow.
            self.next_ms = self.newest_ms;
            self.restarts = 0;
        }
    }

    /// Returns where to begin again without a token; `None` after too many restarts.
    fn begin_again(&mut self) -> Option<i64> {
        self.restarts += 1;
        (self.restarts <= limits::LISTING_RESTARTS_MAX).then_some(self.next_ms)
    }

    /// Notes whether a page came with the token that asked for it. True if that has gone on for too
    /// long.
    fn is_stalled(&mut self, has_same_token: bool) -> bool {
        self.stalled = if has_same_token { self.stalled + 1 } else { 0 };
        let is_stalled = self.stalled > limits::LISTING_STALLED_PAGES_MAX;
        if is_stalled {
            self.stalled = 0;
        }
        is_stalled
    }
}

/// Lists one slice. Returns the rest of it, in halves, when other listings are idle.
async fn list(
    lister: Arc<Lister>,
    slice: StreamSlice,
    pages: mpsc::Sender<ListingStep>,
) -> Result<Vec<StreamSlice>, AwsError> {
    let range = slice.piece.range;
    // Before the first request: an event that arrives during the listing may be missed.
    let at_ms = lister.clock.now().as_ms();
    let mut query = EventQuery {
        first_ms: range.first_ms,
        // CloudWatch accepts events that are up to two hours ahead of its clock.
        last_ms: if slice.is_newest {
            range.last_ms.saturating_add(limits::FUTURE_MS)
        } else {
            range.last_ms
        },
        log_streams: slice.log_streams.clone(),
    };
    let mut place = SlicePlace {
        first_ms: range.first_ms,
        next_ms: range.first_ms,
        is_sorted: true,
        newest_ms: i64::MIN,
        restarts: 0,
        stalled: 0,
        pages: 0,
    };
    let mut token: Option<String> = None;
    let retrier = Retrier::new(&lister.limiter);
    loop {
        let answer = retrier
            .call(async || lister.client.events(&lister.group, &query, token.clone()).await)
            .await;
        let mut page = match answer {
            Ok(page) => page,
            // A token expires after 24 hours, and the service then says only that a parameter is
            // bad.
            Err(Failure::BadParameter(error)) if token.is_some() => {
                query.first_ms = place.begin_again().ok_or(error)?;
                token = None;
                continue;
            }
            Err(failure) => return Err(failure.into_error()),
        };
        // The request names one millisecond more, in case its end is exclusive.
        page.events.retain(|it| it.timestamp_ms.is_none_or(|ms| ms <= query.last_ms));
        place.take(&page);
        let is_end = page.next_token.is_none();
        let seen_to = if is_end {
            Some(range.last_ms)
        } else {
            Some(place.next_ms.min(range.last_ms).saturating_sub(1))
                .filter(|it| place.is_sorted && *it >= range.first_ms)
        };
        // Nothing after `at_ms` has been seen, even if the clock was set back after the range was
        // planned.
        let seen_to = seen_to.map(|it| it.min(at_ms)).filter(|it| *it >= range.first_ms);
        let look = seen_to.map(|last_ms| Look {
            range: CoveredRange { first_ms: range.first_ms, last_ms },
            at_ms,
        });
        let is_again = slice.piece.seen_ms.is_some();
        let is_split = !is_end && can_split(&lister, &place, range);
        let fetched =
            Fetched { events: page.events, is_again, look, is_end: is_end || is_split, is_split };
        if pages.send(ListingStep::Page(fetched)).await.is_err() || is_end {
            return Ok(Vec::new());
        }
        if is_split {
            return Ok(halves(&slice, place.next_ms));
        }
        if place.is_stalled(page.next_token == token) {
            query.first_ms = place.begin_again().ok_or_else(|| AwsError::Incomprehensible {
                call: format!("logs:FilterLogEvents on log group {}", lister.group),
                detail: "the same page again and again".to_owned(),
            })?;
            token = None;
            continue;
        }
        token = page.next_token;
    }
}

/// True if the rest of a slice is better listed by two.
fn can_split(lister: &Lister, place: &SlicePlace, range: CoveredRange) -> bool {
    place.is_sorted
        && place.pages >= limits::SPLIT_PAGES_MIN
        && range.last_ms.saturating_sub(place.next_ms) >= limits::SPLIT_MS_MIN
        && lister
            .idle
            // One split for each idle listing, however many slices ask at the same time.
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| it.checked_sub(1))
            .is_ok()
}

fn halves(slice: &StreamSlice, next_ms: i64) -> Vec<StreamSlice> {
    let last_ms = slice.piece.range.last_ms;
    let middle_ms = next_ms + (last_ms - next_ms) / 2;
    let part = |first_ms, last_ms, is_newest| StreamSlice {
        piece: Piece { range: CoveredRange { first_ms, last_ms }, ..slice.piece },
        is_newest,
        log_streams: slice.log_streams.clone(),
    };
    // From `next_ms`, whose millisecond is listed again because it may be incomplete.
    vec![part(next_ms, middle_ms, false), part(middle_ms + 1, last_ms, slice.is_newest)]
}
