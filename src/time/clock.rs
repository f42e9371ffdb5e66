//! The current time, asked anew each time.

use std::time::Instant;

use super::Timestamp;
use crate::limits;

/// A source of the current time.
///
/// Nothing is derived from an earlier reading: a clock may be set while a pull follows, and a
/// monotonic clock stands still while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    source: TimeSource,
}

#[derive(Clone, Copy, Debug)]
enum TimeSource {
    /// A function that returns the time.
    Asked(fn() -> Timestamp),
    /// A fixed time, and the time elapsed since.
    SetTo(Timestamp, Instant),
}

impl Clock {
    /// Creates a clock that `ask` reads.
    pub fn asked(ask: fn() -> Timestamp) -> Self {
        Self { source: TimeSource::Asked(ask) }
    }

    /// Creates a clock that shows `now` at this moment, and goes on from there.
    pub fn set_to(now: Timestamp) -> Self {
        Self { source: TimeSource::SetTo(now, Instant::now()) }
    }

    /// Returns the time that it shows.
    pub fn now(&self) -> Timestamp {
        match self.source {
            TimeSource::Asked(ask) => ask(),
            TimeSource::SetTo(now, at) => now.saturating_add_ms(elapsed_ms(at)),
        }
    }
}

/// Detects a clock that does not keep up with elapsed time.
#[derive(Clone, Copy, Debug)]
pub struct ClockWatch {
    shown: Timestamp,
    at: Instant,
}

impl ClockWatch {
    /// Begins with the clock's time at this moment.
    pub fn begin(now: Timestamp) -> Self {
        Self { shown: now, at: Instant::now() }
    }

    /// Returns the milliseconds by which the clock is ahead (negative: behind) of its last time
    /// plus the elapsed time; `None` if that is too little to matter.
    pub fn jump_ms(&mut self, now: Timestamp) -> Option<i64> {
        let expected = self.shown.saturating_add_ms(elapsed_ms(self.at));
        *self = Self::begin(now);
        Some(now.ms_since(expected)).filter(|it| it.abs() >= limits::CLOCK_JUMP_MS)
    }
}

fn elapsed_ms(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_once() {
        let at = |ms| Timestamp::from_ms(ms).unwrap();
        let day_ms = 24 * 60 * 60 * 1_000;
        let mut watch = ClockWatch::begin(at(0));
        assert_eq!(watch.jump_ms(at(1_000)), None);
        let ahead = watch.jump_ms(at(day_ms)).unwrap();
        assert!((day_ms - 60_000..=day_ms).contains(&ahead), "{ahead}");
        assert_eq!(watch.jump_ms(at(day_ms + 1_000)), None);
        let behind = watch.jump_ms(at(0)).unwrap();
        assert!((-day_ms - 60_000..=-day_ms).contains(&behind), "{behind}");
    }
}
