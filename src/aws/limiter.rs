//! Finds the account's quota by trying.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::limits;

/// Paces calls near the rate that the service allows.
///
/// It begins at the usual quota and goes faster while nothing is throttled and calls have to wait
/// for their turn. A throttled call makes it slower, once per burst. After the first throttling it
/// speeds up only slowly.
#[derive(Debug)]
pub struct RateLimiter {
    pace: Mutex<Pace>,
    throttled: AtomicU64,
}

#[derive(Debug)]
struct Pace {
    /// Calls a second.
    rate: f64,
    /// The upper bound of `rate`.
    rate_max: f64,
    /// When the next call may go out.
    next: Instant,
    /// When the rate was last lowered.
    lowered: Option<Instant>,
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl RateLimiter {
    /// Creates a limiter for an unknown quota.
    pub fn new() -> Self {
        Self::between(limits::PULL_RATE_START, limits::PULL_RATE_MAX)
    }

    /// Creates a limiter that starts at `rate` calls a second and never exceeds it.
    pub fn at_most(rate: u32) -> Self {
        Self::between(f64::from(rate), f64::from(rate))
    }

    /// Creates a limiter for S3, which allows a thousand times as many calls as CloudWatch Logs.
    pub fn for_objects() -> Self {
        Self::between(limits::S3_RATE_START, limits::S3_RATE_MAX)
    }

    fn between(rate: f64, rate_max: f64) -> Self {
        // Below the least rate, retries would come too late to find the quota.
        let rate_max = rate_max.max(limits::PULL_RATE_MIN);
        let pace = Pace { rate, rate_max, next: Instant::now(), lowered: None };
        Self { pace: Mutex::new(pace), throttled: AtomicU64::new(0) }
    }

    /// Waits for a turn. True if it had to wait.
    pub async fn turn(&self) -> bool {
        let now = Instant::now();
        let turn = self.with_pace(|pace| {
            // Unused turns are not saved up: the service would see a burst.
            let turn = pace.next.max(now);
            pace.next = turn + Duration::from_secs_f64(1.0 / pace.rate);
            turn
        });
        sleep_until(turn).await;
        turn > now
    }

    /// Notes a successful call. `has_waited` is true if the limiter held it back; only then is a
    /// higher rate of any use.
    pub fn went_through(&self, has_waited: bool) {
        if !has_waited {
            return;
        }
        self.with_pace(|pace| {
            // Added per call, this raises the rate by a fifth each second while the quota is
            // unknown, and afterwards by a tenth of a call: a faster rise would hit the quota again
            // at once, and each hit costs a pause.
            let gain = if pace.lowered.is_none() { 0.2 } else { 0.1 / pace.rate };
            pace.rate = (pace.rate + gain).min(pace.rate_max);
        });
    }

    /// Notes a throttled call. `jitter`, from 0 to 1, keeps several programs from coming back at
    /// the same moment.
    pub fn was_throttled(&self, jitter: f64) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        self.with_pace(|pace| {
            // Concurrent calls are throttled together, which is one sign, not many.
            let is_new = pace.lowered.is_none_or(|it| now - it >= Duration::from_secs(1));
            if is_new {
                pace.rate = (pace.rate * 0.7).max(limits::PULL_RATE_MIN);
                pace.lowered = Some(now);
            }
            // All calls pause, even if the rate stays: the quota of this second is used up.
            let pause = Duration::from_secs_f64((0.5 + jitter.clamp(0.0, 1.0)) / pace.rate);
            pace.next = pace.next.max(now + pause);
        });
    }

    /// Returns the number of calls throttled so far.
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Returns the current rate in calls a second.
    pub fn rate(&self) -> f64 {
        self.with_pace(|pace| pace.rate)
    }

    fn with_pace<T>(&self, change: impl FnOnce(&mut Pace) -> T) -> T {
        // No panic can leave a pace half changed, so a poisoned lock is harmless.
        change(&mut self.pace.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls against a service that allows `quota` a second, for `seconds`. Returns how many went
    /// through and how many were throttled in the second half.
    async fn run(quota: u32, seconds: u64) -> (u32, u32) {
        let limiter = RateLimiter::new();
        let start = Instant::now();
        let (mut second, mut used) = (0, 0);
        let (mut good, mut bad) = (0, 0);
        loop {
            let has_waited = limiter.turn().await;
            let elapsed = start.elapsed().as_secs();
            if elapsed >= seconds {
                return (good, bad);
            }
            if elapsed != second {
                (second, used) = (elapsed, 0);
            }
            used += 1;
            if used > quota {
                limiter.was_throttled(0.5);
                bad += u32::from(elapsed >= seconds / 2);
            } else {
                limiter.went_through(has_waited);
                good += u32::from(elapsed >= seconds / 2);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn any_quota_is_found_and_nearly_used_up() {
        for quota in [1, 5, 10, 25] {
            let (good, bad) = run(quota, 400).await;
            let possible = quota * 200;
            assert!(good * 10 >= possible * 7, "quota {quota}: {good} of {possible}");
            assert!(bad * 4 <= good, "quota {quota}: {bad} throttled beside {good}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_throttled_calls_counts_once() {
        let limiter = RateLimiter::new();
        for _ in 0..16 {
            limiter.was_throttled(0.0);
        }
        assert!(limiter.rate() > limits::PULL_RATE_START / 2.0);
        assert_eq!(limiter.throttled(), 16);
    }
}
