//! Bars over time, stacked by the outcomes of messages; and the small line next to a number.

use super::axis::lossy;
use super::words::{When, grouped};
use crate::serve::Parameters;
use crate::stats::OutcomeSeries;
use crate::time::{Timestamp, Zone};
use crate::trace::MessageOutcome;

/// A histogram.
#[derive(Clone, Debug, Default)]
pub(super) struct Bars {
    pub(super) bars: Vec<Bar>,
    pub(super) legend: Vec<(&'static str, &'static str, String)>,
    /// The count of the tallest bar.
    pub(super) top: String,
    pub(super) interval: &'static str,
    pub(super) first: When,
    pub(super) last: When,
    /// The link to the same question without its period, if it has one.
    pub(super) wider: Option<String>,
    /// The question without its period, to which the brush adds one.
    pub(super) base: String,
}

/// The bar of one interval.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) left: String,
    pub(super) width: String,
    pub(super) parts: Vec<BarPart>,
    pub(super) says: String,
    pub(super) href: String,
    /// The interval's first instant, and the first one after it.
    pub(super) since: String,
    pub(super) until: String,
}

/// The part of a bar that shows one outcome.
#[derive(Clone, Debug)]
pub(super) struct BarPart {
    pub(super) class: &'static str,
    pub(super) y: String,
    pub(super) height: String,
}

/// Outcomes from bottom to top, good news at the bottom.
const STACKED: [(MessageOutcome, &str); 5] = [
    (MessageOutcome::Delivered, "good"),
    (MessageOutcome::Partial, "partial"),
    (MessageOutcome::Pending, "wait"),
    (MessageOutcome::Unknown, "unknown"),
    (MessageOutcome::Failed, "bad"),
];

/// The height of the smallest part, in percent: one failure must be visible among thousands.
const PART_HEIGHT_MIN: f64 = 1.7;

impl Bars {
    /// Draws the bars of a series; each links to `page` with the question of `parameters` for its
    /// interval.
    pub(super) fn of(
        series: &OutcomeSeries,
        parameters: &Parameters,
        page: &str,
        zone: &Zone,
    ) -> Self {
        let starts: Vec<Timestamp> = series.intervals.starts().collect();
        let base = ["since", "until", "on", "cursor"]
            .into_iter()
            .fold(parameters.clone(), |parameters, it| parameters.without(it));
        let most = series.slots.iter().map(|it| it.messages()).max().unwrap_or(1).max(1);
        let step = 100.0 / lossy(i64::try_from(starts.len().max(1)).unwrap_or(1));
        let end_of_last = end(&starts);
        let mut bars = Vec::with_capacity(starts.len());
        for (index, (start, slot)) in starts.iter().zip(&series.slots).enumerate() {
            let until = starts.get(index + 1).copied().unwrap_or(end_of_last);
            let (since, until) = (start.in_zone(zone), until.in_zone(zone));
            let question = base.with("since", &since).with("until", &until);
            let mut says = vec![grouped(slot.messages())];
            let mut parts = Vec::new();
            let heights = STACKED.map(|(outcome, _)| match slot.messages_with(outcome) {
                0 => 0.0,
                count => (share(count, most) * 100.0).max(PART_HEIGHT_MIN),
            });
            // Parts that were enlarged to be visible must not push the others out of the picture.
            let scale = (100.0 / heights.iter().sum::<f64>()).min(1.0);
            let mut ground = 100.0;
            for ((outcome, class), height) in STACKED.into_iter().zip(heights) {
                let count = slot.messages_with(outcome);
                if count == 0 {
                    continue;
                }
                says.push(format!("{} {outcome}", grouped(count)));
                let height = height * scale;
                ground -= height;
                parts.push(BarPart {
                    class,
                    // Rounding may leave the sum a trace above 100.
                    y: format!("{:.2}%", f64::max(ground, 0.0)),
                    height: format!("{height:.2}%"),
                });
            }
            let when = When::new(*start, zone);
            let counts = says.split_off(1).join(", ");
            let left = lossy(i64::try_from(index).unwrap_or(i64::MAX)) * step;
            bars.push(Bar {
                left: format!("{left:.3}%"),
                width: format!("{step:.3}%"),
                parts,
                says: match counts.is_empty() {
                    true => format!("{} {}: none", when.date, when.clock),
                    false => format!("{} {}: {counts}", when.date, when.clock),
                },
                href: format!("{page}?{question}"),
                since,
                until,
            });
        }
        let total = |outcome| series.slots.iter().map(|it| it.messages_with(outcome)).sum::<u64>();
        let legend = STACKED.into_iter().map(|(it, class)| (class, it.as_str(), total(it)));
        let is_narrowed = ["since", "until", "on"].iter().any(|it| parameters.get(it).is_some());
        Self {
            bars,
            legend: legend
                .filter(|it| it.2 > 0)
                .map(|(class, word, count)| (class, word, grouped(count)))
                .collect(),
            top: grouped(most),
            interval: series.interval,
            first: When::of(starts.first().copied(), zone),
            last: When::new(end_of_last, zone),
            wider: is_narrowed.then(|| format!("{page}?{base}")),
            base: format!("{page}?{base}"),
        }
    }
}

/// Returns the end of the last interval, taking it to be as long as the one before it.
fn end(starts: &[Timestamp]) -> Timestamp {
    const QUARTER_MS: i64 = crate::limits::HISTOGRAM_SLOT_MS;
    let last = starts.last().copied().unwrap_or(Timestamp::UNIX_EPOCH);
    let before = starts.iter().rev().nth(1);
    let length = before.map_or(QUARTER_MS, |it| last.ms_since(*it));
    last.saturating_add_ms(length)
}

fn share(count: u64, most: u64) -> f64 {
    let number = |it: u64| lossy(i64::try_from(it).unwrap_or(i64::MAX));
    number(count) / number(most.max(1))
}

/// Returns the points of a line through counts in a box of 100 by 100; empty if there is nothing to
/// see.
pub(super) fn spark(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 || counts.len() < 2 {
        return String::new();
    }
    let step = 100.0 / lossy(i64::try_from(counts.len() - 1).unwrap_or(1));
    let place = |(index, count): (usize, &u64)| {
        let x = lossy(i64::try_from(index).unwrap_or(i64::MAX)) * step;
        format!("{x:.1},{:.1}", 96.0 - share(*count, most) * 92.0)
    };
    counts.iter().enumerate().map(place).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spark_fills_its_box() {
        assert_eq!(spark(&[0, 2, 1]), "0.0,96.0 50.0,4.0 100.0,50.0");
        assert_eq!(spark(&[0, 0]), "");
        assert_eq!(spark(&[7]), "");
    }
}
