//! Percentiles over time as lines, on a logarithmic scale that shows seconds and hours alike.

use super::axis::lossy;
use super::words::When;
use crate::render::human_duration;
use crate::stats::LatencyRow;
use crate::time::Zone;

/// Lines in a box of 100 by 100.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    /// Labels of the scale: their height and their duration.
    pub(super) scale: Vec<(String, String)>,
    pub(super) first: When,
    pub(super) last: When,
    /// The text for each point, at its position.
    pub(super) points: Vec<Point>,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) points: String,
    /// Dots, if there are few enough points to show each.
    pub(super) dots: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) left: String,
    pub(super) width: String,
    pub(super) says: String,
}

/// Values that the scale may name, in milliseconds.
const SCALE_MS: [i64; 10] =
    [10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, 86_400_000, 864_000_000];

impl Lines {
    /// Draws the lines of rows in order of time, all of one outcome.
    pub(super) fn of(rows: &[&LatencyRow], zone: &Zone) -> Self {
        let Some(most) = rows.iter().map(|it| it.p99_ms).max() else { return Self::default() };
        let least = rows.iter().map(|it| it.p50_ms).min().unwrap_or(1).max(1);
        let floor = SCALE_MS.into_iter().rev().find(|it| *it <= least).unwrap_or(1);
        // At least ten times the floor, so that the height below is never zero.
        let ceiling = SCALE_MS.into_iter().find(|it| *it >= most).unwrap_or(most).max(floor * 10);
        // The logarithm of 0 is infinite.
        let log = |ms: i64| lossy(ms.max(1)).ln();
        let height = log(ceiling) - log(floor);
        let y = |ms: i64| 100.0 - ((log(ms.max(floor)) - log(floor)) / height * 100.0).min(100.0);
        let count = rows.len();
        let x = |index: usize| {
            let slots = lossy(i64::try_from(count).unwrap_or(1).max(1));
            (lossy(i64::try_from(index).unwrap_or(i64::MAX)) + 0.5) / slots * 100.0
        };
        let line = |(name, class, value): (&'static str, &'static str, fn(&LatencyRow) -> i64)| {
            let places = rows.iter().enumerate().map(|(index, row)| (x(index), y(value(row))));
            let places: Vec<(f64, f64)> = places.collect();
            let point = |(x, y): &(f64, f64)| format!("{x:.2},{y:.2}");
            let dot = |(x, y): &(f64, f64)| (format!("{x:.2}%"), format!("{y:.2}%"));
            Line {
                name,
                class,
                points: places.iter().map(point).collect::<Vec<_>>().join(" "),
                dots: places.iter().filter(|_| count <= DOTS_MAX).map(dot).collect(),
            }
        };
        let lines = [
            ("99 %", "p99", (|it: &LatencyRow| it.p99_ms) as fn(&LatencyRow) -> i64),
            ("90 %", "p90", |it| it.p90_ms),
            ("median", "p50", |it| it.p50_ms),
        ];
        let width = 100.0 / lossy(i64::try_from(count).unwrap_or(1).max(1));
        let say = |(index, row): (usize, &&LatencyRow)| {
            let when = When::of(row.start, zone);
            let took = |ms: i64| human_duration(ms);
            Point {
                left: format!("{:.3}%", x(index) - width / 2.0),
                width: format!("{width:.3}%"),
                says: format!(
                    "{} {}: median {}, 90 % within {}, 99 % within {}, longest {}",
                    when.date,
                    when.clock,
                    took(row.p50_ms),
                    took(row.p90_ms),
                    took(row.p99_ms),
                    took(row.max_ms)
                ),
            }
        };
        let start = |row: Option<&&LatencyRow>| When::of(row.and_then(|it| it.start), zone);
        let named = SCALE_MS.into_iter().filter(|it| (floor..=ceiling).contains(it));
        Self {
            lines: lines.into_iter().map(line).collect(),
            scale: named.map(|it| (format!("{:.2}%", y(it)), human_duration(it))).collect(),
            first: start(rows.first()),
            last: start(rows.last()),
            points: rows.iter().enumerate().map(say).collect(),
        }
    }
}

/// Maximum number of points with dots; beyond it the line says enough.
const DOTS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use crate::trace::Outcome;

    #[test]
    fn longer_is_higher_and_all_is_in_the_box() {
        let row = |p50_ms, p90_ms, p99_ms| LatencyRow {
            start: Some(Timestamp::UNIX_EPOCH),
            slot: None,
            outcome: Outcome::Delivered,
            count: 1,
            p50_ms,
            p90_ms,
            p99_ms,
            max_ms: p99_ms,
        };
        let rows = [row(0, 0, 0), row(1_500, 20_000, 9_000_000), row(900, 1_000, i64::MAX)];
        let lines = Lines::of(&rows.iter().collect::<Vec<_>>(), &Zone::UTC);
        for line in &lines.lines {
            for point in line.points.split(' ') {
                let (x, y) = point.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                assert!((0.0..=100.0).contains(&x) && (0.0..=100.0).contains(&y), "{point}");
            }
        }
        assert!(Lines::of(&[], &Zone::UTC).lines.is_empty());
    }
}
