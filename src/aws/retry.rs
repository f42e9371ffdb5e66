//! Repeats calls until they succeed or there is no hope.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{AwsError, Failure, RateLimiter};
use crate::limits;

/// Makes calls at the limiter's pace, and repeats failed ones.
///
/// Throttling only costs time, up to [`limits::AWS_THROTTLED_SECONDS_MAX`] for one call. Any other
/// failure that may pass is retried up to [`limits::AWS_ATTEMPTS_MAX`] attempts, with random pauses
/// whose bound doubles.
pub struct Retrier<'r> {
    limiter: &'r RateLimiter,
    attempts_max: u32,
}

impl<'r> Retrier<'r> {
    /// Creates a retrier with the usual number of attempts.
    pub fn new(limiter: &'r RateLimiter) -> Self {
        Self { limiter, attempts_max: limits::AWS_ATTEMPTS_MAX }
    }

    /// Creates a retrier with fewer attempts, for the first call to a service, when a wrong setting
    /// is more likely than a passing failure.
    pub fn first(limiter: &'r RateLimiter) -> Self {
        Self { limiter, attempts_max: limits::AWS_FIRST_ATTEMPTS_MAX }
    }

    /// Makes a call until it succeeds.
    ///
    /// # Errors
    ///
    /// [`Failure::Permanent`] and [`Failure::BadParameter`] at once, the others after enough
    /// attempts.
    pub async fn call<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut failed = 0;
        let begun = Instant::now();
        loop {
            let has_waited = self.limiter.turn().await;
            match attempt().await {
                Ok(answer) => {
                    self.limiter.went_through(has_waited);
                    return Ok(answer);
                }
                // Not counted as a failed attempt: the service is well, and a slower pace will do.
                Err(Failure::Throttled(error)) => {
                    self.limiter.was_throttled(random());
                    let seconds = begun.elapsed().as_secs();
                    if seconds >= limits::AWS_THROTTLED_SECONDS_MAX {
                        return Err(Failure::Throttled(still_throttled(error, seconds)));
                    }
                }
                Err(Failure::Transient(error)) => {
                    failed += 1;
                    // After a few attempts the SDK has either corrected for the clock or cannot.
                    let is_skewed = matches!(error, AwsError::ClockSkew { .. });
                    let attempts_max =
                        if is_skewed { limits::AWS_FIRST_ATTEMPTS_MAX } else { self.attempts_max };
                    if failed >= attempts_max {
                        return Err(Failure::Transient(error));
                    }
                    sleep(pause(failed)).await;
                }
                Err(other) => return Err(other),
            }
        }
    }

    /// Lists all pages. `what` names the items, in the plural.
    ///
    /// # Errors
    ///
    /// As [`Retrier::call`], and [`AwsError::CutListing`] if there are more than `pages_max` pages:
    /// nothing can be decided on a part of a list.
    pub async fn pages<T>(
        &self,
        what: &'static str,
        pages_max: usize,
        page: impl AsyncFn(Option<String>) -> Result<(Vec<T>, Option<String>), Failure>,
    ) -> Result<Vec<T>, Failure> {
        let (mut listed, mut token) = (Vec::new(), None);
        for _ in 0..pages_max {
            let (items, next) = self.call(async || page(token.clone()).await).await?;
            listed.extend(items);
            if next.is_none() {
                return Ok(listed);
            }
            token = next;
        }
        Err(Failure::Permanent(AwsError::CutListing { what, count: listed.len() }))
    }
}

fn still_throttled(error: AwsError, seconds: u64) -> AwsError {
    match error {
        AwsError::Service { call, .. } => AwsError::Throttled { call, seconds },
        other => other,
    }
}

/// Returns the pause after `failed` failures: random up to a bound that doubles ("full jitter").
pub(super) fn pause(failed: u32) -> Duration {
    let bound = limits::AWS_PAUSE_MS_MAX.min(100_u64.saturating_mul(1 << failed.min(16)));
    Duration::from_secs_f64(bound as f64 / 1_000.0 * random())
}

/// Returns a random number from 0 to 1. It only spreads pauses, so it need not be hard to guess.
fn random() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    // Each `RandomState` has its own random keys.
    let hash = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(hash >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service_error() -> AwsError {
        AwsError::Service { call: "c".to_owned(), code: "x".to_owned(), detail: "y".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
        let limiter = RateLimiter::new();
        let retrier = Retrier::new(&limiter);
        let mut left = 5;
        let answer = retrier
            .call(async || {
                left -= 1;
                match left {
                    0 => Ok("through"),
                    1 | 3 => Err(Failure::Throttled(service_error())),
                    _ => Err(Failure::Transient(service_error())),
                }
            })
            .await;
        assert_eq!(answer, Ok("through"));
        let mut calls = 0;
        let answer: Result<(), _> = retrier
            .call(async || {
                calls += 1;
                Err(Failure::Permanent(service_error()))
            })
            .await;
        assert_eq!(answer, Err(Failure::Permanent(service_error())));
        assert_eq!(calls, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_whole_or_nothing() {
        let limiter = RateLimiter::new();
        let retrier = Retrier::new(&limiter);
        let page = async |token: Option<String>| {
            let index: u32 = token.map_or(0, |it| it.parse().unwrap());
            Ok((vec![index], (index < 2).then(|| (index + 1).to_string())))
        };
        assert_eq!(retrier.pages("numbers", 3, page).await, Ok(vec![0, 1, 2]));
        let cut = AwsError::CutListing { what: "numbers", count: 2 };
        assert_eq!(retrier.pages("numbers", 2, page).await, Err(Failure::Permanent(cut)));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_an_end_to_trying() {
        let limiter = RateLimiter::new();
        let retrier = Retrier::new(&limiter);
        let answer: Result<(), _> =
            retrier.call(async || Err(Failure::Transient(service_error()))).await;
        assert_eq!(answer, Err(Failure::Transient(service_error())));
        let answer: Result<(), _> =
            retrier.call(async || Err(Failure::Throttled(service_error()))).await;
        assert!(matches!(answer, Err(Failure::Throttled(AwsError::Throttled { .. }))));
    }
}
