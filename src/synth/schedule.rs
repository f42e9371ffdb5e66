//! The start of each message: more in office hours, fewer at night and at weekends.

use super::random::Random;

/// The relative amount of mail in each hour (UTC) of a working day.
const HOUR_WEIGHTS: [u64; 24] =
    [2, 2, 2, 2, 3, 5, 10, 16, 20, 20, 19, 17, 15, 18, 19, 18, 15, 11, 8, 6, 5, 4, 3, 2];

/// The divisor for the amount of mail at weekends.
const WEEKEND_DIVISOR: u64 = 2;

const HOUR_MS: i64 = 3_600_000;
/// The parts of one unit of weight, so that millions of messages fit in an hour.
const PARTS: u64 = 1 << 32;

/// The start of one message after another.
#[derive(Debug)]
pub(super) struct Schedule {
    hour_start_ms: i64,
    hour_weight: u64,
    /// The position in the current hour's weight at which the next message's slot begins.
    position: u64,
    step: u64,
}

impl Schedule {
    /// Spreads `message_count` messages over `span_ms` from `since_ms`.
    pub(super) fn new(since_ms: i64, span_ms: i64, message_count: u64) -> Self {
        let mut total_weight = 0_u64;
        let mut hour_start_ms = since_ms;
        while hour_start_ms < since_ms.saturating_add(span_ms) {
            let part_ms = (since_ms + span_ms - hour_start_ms).min(HOUR_MS);
            let part = u64::try_from(part_ms).unwrap_or(0);
            total_weight += weight_of_hour(hour_start_ms) * part / HOUR_MS.unsigned_abs();
            hour_start_ms += HOUR_MS;
        }
        let step = (total_weight / message_count.max(1)).max(1);
        let hour_weight = weight_of_hour(since_ms);
        Self { hour_start_ms: since_ms, hour_weight, position: 0, step }
    }

    /// The start of the next message, never before that of the last.
    pub(super) fn next_ms(&mut self, random: &mut Random) -> i64 {
        while self.position >= self.hour_weight {
            self.position -= self.hour_weight;
            self.hour_start_ms = self.hour_start_ms.saturating_add(HOUR_MS);
            self.hour_weight = weight_of_hour(self.hour_start_ms);
        }
        let position = self.position + random.below(self.step.min(self.hour_weight));
        self.position += self.step;
        // An hour's weight is below 2^37 and an hour has fewer than 2^22 milliseconds, so this
        // fits.
        let offset = position.min(self.hour_weight) * HOUR_MS.unsigned_abs() / self.hour_weight;
        self.hour_start_ms.saturating_add(i64::try_from(offset).unwrap_or(0))
    }
}

fn weight_of_hour(ms: i64) -> u64 {
    let hours = ms.div_euclid(HOUR_MS);
    let hour = usize::try_from(hours.rem_euclid(24)).unwrap_or(0);
    let weight = HOUR_WEIGHTS.get(hour).copied().unwrap_or(1) * PARTS;
    // 1970-01-01 was a Thursday, so days 2 and 3 of its week were a weekend.
    let is_weekend = matches!(hours.div_euclid(24).rem_euclid(7), 2 | 3);
    if is_weekend { weight / WEEKEND_DIVISOR } else { weight }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_start_in_order_and_fill_the_span() {
        for (span_ms, count) in
            [(7 * 24 * HOUR_MS, 1_000_u64), (HOUR_MS / 2, 1_000_000), (30 * 24 * HOUR_MS, 3)]
        {
            let since_ms = 1_793_491_200_000;
            let mut schedule = Schedule::new(since_ms, span_ms, count);
            let mut random = Random::new(1);
            let mut last_ms = since_ms;
            for _ in 0..count {
                let next_ms = schedule.next_ms(&mut random);
                assert!(next_ms >= last_ms);
                last_ms = next_ms;
            }
            assert!(last_ms <= since_ms + span_ms + HOUR_MS, "{span_ms}");
            assert!(last_ms >= since_ms + span_ms / 2, "{span_ms}");
        }
    }
}
