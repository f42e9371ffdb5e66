//! The account's quota, found by trying.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::limits;

/// Paces calls so that they stay about at the rate that the service allows.
///
/// It begins at the usual quota and goes faster as long as nothing is throttled and calls have to
/// wait for their turn; a throttled call makes it slower, once for a burst of them. After the
/// first throttling it only feels its way upwards.
#[derive(Debug)]
pub struct RateLimiter {
    pace: Mutex<Pace>,
    throttled: AtomicU64,
}

#[derive(Debug)]
struct Pace {
    /// Calls a second.
    rate: f64,
    /// What `rate` never goes beyond.
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
    /// A limiter that knows nothing of the quota yet.
    pub fn new() -> Self {
        Self::between(limits::PULL_RATE_START, limits::PULL_RATE_MAX)
    }

    /// A limiter that makes at most so many calls a second, and begins with as many.
    pub fn at_most(rate: u32) -> Self {
        Self::between(f64::from(rate), f64::from(rate))
    }

    /// A limiter for S3, which allows a thousand times what CloudWatch Logs does.
    pub fn for_objects() -> Self {
        Self::between(limits::S3_RATE_START, limits::S3_RATE_MAX)
    }

    fn between(rate: f64, rate_max: f64) -> Self {
        // Below the least rate nothing would be tried again in time, and the quota never found.
        let rate_max = rate_max.max(limits::PULL_RATE_MIN);
        let pace = Pace { rate, rate_max, next: Instant::now(), lowered: None };
        Self { pace: Mutex::new(pace), throttled: AtomicU64::new(0) }
    }

    /// Waits for a turn. Tells whether it had to.
    pub async fn turn(&self) -> bool {
        let now = Instant::now();
        let turn = self.with_pace(|pace| {
            // Turns that nobody took are not saved up: the service would take them for a burst.
            let turn = pace.next.max(now);
            pace.next = turn + Duration::from_secs_f64(1.0 / pace.rate);
            turn
        });
        sleep_until(turn).await;
        turn > now
    }

    /// Notes a call that went through; `has_waited` says whether the limiter held it back, for
    /// only then is a higher rate of any use.
    pub fn went_through(&self, has_waited: bool) {
        if !has_waited {
            return;
        }
        self.with_pace(|pace| {
            // Added for each call, this is a fifth of the rate in each second while the quota is
            // unknown, and afterwards a tenth of a call: what goes up faster meets the quota at
            // once again, and each meeting costs a pause.
            let gain = if pace.lowered.is_none() { 0.2 } else { 0.1 / pace.rate };
            pace.rate = (pace.rate + gain).min(pace.rate_max);
        });
    }

    /// Notes a call that was throttled. `jitter`, from 0 to 1, keeps several programs from coming
    /// back at the same moment.
    pub fn was_throttled(&self, jitter: f64) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        self.with_pace(|pace| {
            // Calls that were under way together fail together, and say the same thing once.
            let is_new = pace.lowered.is_none_or(|it| now - it >= Duration::from_secs(1));
            if is_new {
                pace.rate = (pace.rate * 0.7).max(limits::PULL_RATE_MIN);
                pace.lowered = Some(now);
            }
            // Everybody pauses, also where the rate stays: the quota of this second is used up.
            let pause = Duration::from_secs_f64((0.5 + jitter.clamp(0.0, 1.0)) / pace.rate);
            pace.next = pace.next.max(now + pause);
        });
    }

    /// Calls that were throttled so far.
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Calls a second, as of now.
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
