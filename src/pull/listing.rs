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
    /// Whether nothing of the group is expected behind it: events of the near future too then.
    pub(super) is_newest: bool,
}

pub(super) enum ListingStep {
    Page(Fetched),
    /// Time goes by: what there is may be due to be committed.
    Tick,
}

/// A page that was fetched, and what is seen by now of its slice.
pub(super) struct Fetched {
    pub(super) events: Vec<LogEvent>,
    pub(super) is_again: bool,
    /// To be noted in the commit that holds these events.
    pub(super) look: Option<Look>,
    /// Whether the slice is done with.
    pub(super) is_end: bool,
    /// Whether what is left of it goes on as two slices.
    pub(super) is_split: bool,
}

/// Lists slices of one group.
pub(super) struct Lister {
    pub(super) client: LogsClient,
    pub(super) group: String,
    pub(super) limiter: Arc<RateLimiter>,
    pub(super) clock: Clock,
    /// Listings that could run and have nothing to do.
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

/// Lists all slices, the first ones first, and sends their pages. Ends when everything is sent,
/// when it is to stop, when nobody listens, or at the first error.
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
            () = stop.requested() => return Ok(()),
            _ = ticks.tick() => {
                // With a full queue there is enough to wake up for.
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

/// Where the listing of one slice has got to.
struct SlicePlace {
    first_ms: i64,
    /// The first millisecond that is not known to be taken whole.
    next_ms: i64,
    /// Whether all events have come in order of their times so far, as documented
    /// (FilterLogEvents, API reference). Only then does a page tell what is complete before it.
    is_sorted: bool,
    newest_ms: i64,
    /// Times that it had to begin again without getting further.
    restarts: u32,
    /// Pages that came with the token that asked for them.
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

    /// Where to begin again without a token; `None` when that has been done too often.
    fn begin_again(&mut self) -> Option<i64> {
        self.restarts += 1;
        (self.restarts <= limits::LISTING_RESTARTS_MAX).then_some(self.next_ms)
    }

    /// Notes whether a page came with the token that had asked for it. Tells whether that has
    /// gone on for too long.
    fn is_stalled(&mut self, has_same_token: bool) -> bool {
        self.stalled = if has_same_token { self.stalled + 1 } else { 0 };
        let is_stalled = self.stalled > limits::LISTING_STALLED_PAGES_MAX;
        if is_stalled {
            self.stalled = 0;
        }
        is_stalled
    }
}

/// Lists one slice. Returns what is left of it when others have time to help.
async fn list(
    lister: Arc<Lister>,
    slice: StreamSlice,
    pages: mpsc::Sender<ListingStep>,
) -> Result<Vec<StreamSlice>, AwsError> {
    let range = slice.piece.range;
    let at_ms = lister.clock.now().as_ms();
    let mut query = EventQuery {
        first_ms: range.first_ms,
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
            // A token lives for 24 hours, and the service says no more than that it is bad.
            Err(Failure::BadParameter(error)) if token.is_some() => {
                query.first_ms = place.begin_again().ok_or(error)?;
                token = None;
                continue;
            }
            Err(failure) => return Err(failure.into_error()),
        };
        // Asked for one millisecond too many, because it may or may not be inside.
        page.events.retain(|it| it.timestamp_ms.is_none_or(|ms| ms <= query.last_ms));
        place.take(&page);
        let is_end = page.next_token.is_none();
        let seen_to = if is_end {
            Some(range.last_ms)
        } else {
            Some(place.next_ms.min(range.last_ms).saturating_sub(1))
                .filter(|it| place.is_sorted && *it >= range.first_ms)
        };
        // Nothing was seen of what lay ahead, should the clock have been set back meanwhile.
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

/// Whether what is left of a slice is better listed by two.
fn can_split(lister: &Lister, place: &SlicePlace, range: CoveredRange) -> bool {
    place.is_sorted
        && place.pages >= limits::SPLIT_PAGES_MIN
        && range.last_ms.saturating_sub(place.next_ms) >= limits::SPLIT_MS_MIN
        && lister
            .idle
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
    vec![part(next_ms, middle_ms, false), part(middle_ms + 1, last_ms, slice.is_newest)]
}
