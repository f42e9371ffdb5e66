//! A time axis to scale, on which long silences are visibly cut out.
//!
//! Positions are percentages of the width, so that the picture fits any screen.

use crate::limits;

/// The start and the end of a picture, in percent: marks at the first and the last instant need
/// room.
const LEFT: f64 = 2.0;
const RIGHT: f64 = 96.0;

/// The width of a break, in percent.
const BREAK_WIDTH: f64 = 5.0;

/// Factor by which a silence must exceed all time that would remain for it to be cut out.
const SILENCE_RATIO: i64 = 3;

/// Maps instants, in milliseconds since 1970, to positions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    stretches: Vec<Stretch>,
}

/// A stretch of time that is drawn to scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    pub(super) left: f64,
    pub(super) right: f64,
}

/// A silence that is not drawn to scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Break {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) lasted_ms: i64,
}

/// A labelled position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    /// At the start of a stretch its instant, elsewhere the time since then.
    pub(super) label: TickLabel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TickLabel {
    Instant(i64),
    After(i64),
}

impl Axis {
    /// Makes an axis for instants in any order.
    pub(super) fn new(times_ms: &[i64]) -> Self {
        let mut times = times_ms.to_vec();
        times.sort_unstable();
        times.dedup();
        let breaks = silences(&times);
        let mut spans = Vec::new();
        let mut start = 0;
        for end in breaks.into_iter().chain(times.len().checked_sub(1)) {
            if let (Some(first), Some(last)) = (times.get(start), times.get(end)) {
                spans.push((*first, *last));
            }
            start = end + 1;
        }
        Self { stretches: laid_out(&spans) }
    }

    /// Returns the position of an instant. One within a break gets the position at which the break
    /// ends.
    pub(super) fn at(&self, ms: i64) -> f64 {
        let stretch = self.stretches.iter().find(|it| ms <= it.last_ms);
        let Some(stretch) = stretch.or(self.stretches.last()) else { return LEFT };
        let length = stretch.last_ms.saturating_sub(stretch.first_ms);
        if length == 0 {
            return stretch.left;
        }
        let share = lossy(ms.saturating_sub(stretch.first_ms)) / lossy(length);
        stretch.left + share.clamp(0.0, 1.0) * (stretch.right - stretch.left)
    }

    pub(super) fn breaks(&self) -> Vec<Break> {
        let pairs = self.stretches.iter().zip(self.stretches.iter().skip(1));
        let between = pairs.map(|(before, after)| Break {
            left: before.right,
            right: after.left,
            lasted_ms: after.first_ms.saturating_sub(before.last_ms),
        });
        between.collect()
    }

    pub(super) fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Returns labelled positions, about six in all.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let mut ticks = Vec::new();
        for stretch in &self.stretches {
            ticks.push(Tick { at: stretch.left, label: TickLabel::Instant(stretch.first_ms) });
            let length = stretch.last_ms.saturating_sub(stretch.first_ms);
            let room = ((stretch.right - stretch.left) / TICK_WIDTH_MIN).floor();
            // The finest step whose labels do not overlap.
            let Some(step) = STEPS_MS.into_iter().find(|it| lossy(length / it) < room) else {
                continue;
            };
            let mut after = step;
            while after <= length {
                let at = self.at(stretch.first_ms.saturating_add(after));
                // The label of the stretch's start needs its room, and the last label must not be
                // cut off.
                if at - stretch.left >= TICK_WIDTH_MIN * 0.75 && at <= RIGHT - 1.0 {
                    ticks.push(Tick { at, label: TickLabel::After(after) });
                }
                after = after.saturating_add(step);
            }
        }
        ticks
    }
}

/// The share of the width that a label takes, in percent.
const TICK_WIDTH_MIN: f64 = 15.0;

/// Steps between labels in milliseconds, each of them a round number for people.
const STEPS_MS: [i64; 28] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    1_200_000,
    1_800_000,
    3_600_000,
    7_200_000,
    14_400_000,
    28_800_000,
    86_400_000,
    172_800_000,
    604_800_000,
];

/// Returns the indexes of the instants after which a silence is so long that nothing else would be
/// visible beside it.
fn silences(times: &[i64]) -> Vec<usize> {
    let gap = |(before, after): (&i64, &i64)| after.saturating_sub(*before);
    let gaps: Vec<i64> = times.iter().zip(times.iter().skip(1)).map(gap).collect();
    let mut by_length: Vec<usize> = (0..gaps.len()).collect();
    by_length.sort_by_key(|it| std::cmp::Reverse(gaps.get(*it)));
    let mut rest: i64 = gaps.iter().fold(0, |sum, it| sum.saturating_add(*it));
    let mut silences = Vec::new();
    // Longest first: a silence is compared with what is left once all longer ones are cut out.
    for index in by_length {
        let Some(gap) = gaps.get(index).copied() else { continue };
        rest = rest.saturating_sub(gap);
        let is_silence = gap >= limits::PAGE_AXIS_BREAK_MS_MIN
            && gap > rest.saturating_mul(SILENCE_RATIO)
            // Never the last one: it is all that there is left to show.
            && rest > 0;
        if !is_silence || silences.len() == limits::PAGE_AXIS_BREAKS {
            break;
        }
        silences.push(index);
    }
    silences.sort_unstable();
    silences
}

/// Places stretches side by side, each as wide as it is long, but wide enough to be visible.
fn laid_out(spans: &[(i64, i64)]) -> Vec<Stretch> {
    let breaks = lossy(i64::try_from(spans.len().saturating_sub(1)).unwrap_or(i64::MAX));
    let room = RIGHT - LEFT - breaks * BREAK_WIDTH;
    let length = |(first, last): &(i64, i64)| lossy(last.saturating_sub(*first));
    let whole: f64 = spans.iter().map(length).sum();
    let width_min = room * 0.1;
    let wide: Vec<f64> = spans.iter().map(length).collect();
    let stretch_count = lossy(i64::try_from(spans.len()).unwrap_or(1)).max(1.0);
    let spare = room - width_min * stretch_count;
    let mut left = LEFT;
    let mut stretches = Vec::with_capacity(spans.len());
    for ((first_ms, last_ms), length) in spans.iter().zip(wide) {
        let share = if whole > 0.0 { length / whole } else { 1.0 / stretch_count };
        let right = left + width_min + share * spare.max(0.0);
        stretches.push(Stretch { first_ms: *first_ms, last_ms: *last_ms, left, right });
        left = right + BREAK_WIDTH;
    }
    stretches
}

/// Converts to a float, exactly for every length that a picture can show.
#[allow(clippy::cast_precision_loss, reason = "pixels need no more than 52 bits")]
pub(super) fn lossy(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_short_story_is_to_scale() {
        let axis = Axis::new(&[0, 1_000, 4_000]);
        assert_eq!(axis.breaks(), []);
        let quarter = (axis.at(1_000) - axis.at(0)) / (axis.at(4_000) - axis.at(0));
        assert!((quarter - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_long_silence_is_broken_off() {
        let axis = Axis::new(&[0, 1_000, 4 * HOUR, 4 * HOUR + 2_000]);
        let breaks = axis.breaks();
        assert_eq!(breaks.len(), 1);
        assert_eq!(breaks[0].lasted_ms, 4 * HOUR - 1_000);
        assert!(axis.at(4 * HOUR + 2_000) - axis.at(4 * HOUR) > 20.0);
        // Two instants are all that there is: nothing is hidden by the time between them.
        assert_eq!(Axis::new(&[0, 9 * HOUR]).breaks(), []);
    }

    #[test]
    fn a_story_without_length_or_events_has_a_place() {
        assert_eq!(Axis::new(&[5, 5]).at(5), LEFT);
        assert_eq!(Axis::new(&[]).at(5), LEFT);
    }

    proptest! {
        #[test]
        fn order_is_kept_and_all_fits(times in proptest::collection::vec(-HOUR * 1_000_000..HOUR * 1_000_000, 1..40)) {
            let axis = Axis::new(&times);
            let mut times = times;
            times.sort_unstable();
            let places: Vec<f64> = times.iter().map(|it| axis.at(*it)).collect();
            prop_assert!(places.windows(2).all(|it| it[0] <= it[1]));
            prop_assert!(places.iter().all(|it| (LEFT..=RIGHT + 1e-6).contains(it)), "{places:?}");
            prop_assert!(axis.ticks().iter().all(|it| it.at <= RIGHT + 1e-6));
            prop_assert!(axis.ticks().len() <= 14);
        }
    }
}
