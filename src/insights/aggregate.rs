//! The values that `stats` counts for each group.

use std::cmp::Ordering;
use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_128;

use super::function::Aggregate;
use super::value::Value;

/// The time of a row, and a number that distinguishes it from others at that time.
pub(super) type Moment = (i64, u64);

/// The state of one aggregate function.
#[derive(Clone, Debug)]
pub(super) enum Tally {
    Rows(u64),
    Present(u64),
    // Hashes of 16 bytes instead of the texts, which may be long; 128 bits make a collision
    // practically impossible.
    Distinct(HashSet<u128>),
    Sum {
        sum: f64,
        count: u64,
    },
    Average {
        sum: f64,
        count: u64,
    },
    /// By Welford's method, which stays accurate when the deviation is small beside the values.
    Deviation {
        count: f64,
        mean: f64,
        squares: f64,
    },
    Percentile {
        percent: f64,
        numbers: Vec<f64>,
    },
    /// The first or the last in the order of `sort`, and whether numbers take precedence.
    Extreme {
        wanted: Ordering,
        is_of_numbers: bool,
        value: Value<'static>,
    },
    /// The first or the last in time.
    Moment {
        wanted: Ordering,
        found: Option<(Moment, Value<'static>)>,
    },
}

impl Tally {
    pub(super) fn new(aggregate: Aggregate, has_argument: bool) -> Self {
        let extreme =
            |wanted, is_of_numbers| Self::Extreme { wanted, is_of_numbers, value: Value::Null };
        match aggregate {
            Aggregate::Count if has_argument => Self::Present(0),
            Aggregate::Count => Self::Rows(0),
            Aggregate::CountDistinct => Self::Distinct(HashSet::new()),
            Aggregate::Sum => Self::Sum { sum: 0.0, count: 0 },
            Aggregate::Average => Self::Average { sum: 0.0, count: 0 },
            Aggregate::Min => extreme(Ordering::Less, true),
            Aggregate::Max => extreme(Ordering::Greater, true),
            Aggregate::SortsFirst => extreme(Ordering::Less, false),
            Aggregate::SortsLast => extreme(Ordering::Greater, false),
            Aggregate::Deviation => Self::Deviation { count: 0.0, mean: 0.0, squares: 0.0 },
            Aggregate::Percentile(percent) => Self::Percentile { percent, numbers: Vec::new() },
            Aggregate::Earliest => Self::Moment { wanted: Ordering::Less, found: None },
            Aggregate::Latest => Self::Moment { wanted: Ordering::Greater, found: None },
        }
    }

    /// Adds the value of one row, and returns how many bytes of memory that took.
    pub(super) fn add(&mut self, value: Value<'_>, moment: Moment) -> usize {
        if value.is_null() && !matches!(self, Self::Rows(_)) {
            return 0;
        }
        match self {
            Self::Rows(count) | Self::Present(count) => *count += 1,
            Self::Distinct(hashes) => {
                let shown = value.as_text().map(|it| xxh3_128(it.as_bytes()));
                let is_new = shown.is_some_and(|it| hashes.insert(it));
                // A hash set keeps up to as much again in empty slots.
                return if is_new { 2 * size_of::<u128>() } else { 0 };
            }
            Self::Sum { sum, count } | Self::Average { sum, count } => {
                if let Some(number) = value.as_number() {
                    *sum += number;
                    *count += 1;
                }
            }
            Self::Deviation { count, mean, squares } => {
                if let Some(number) = value.as_number() {
                    *count += 1.0;
                    let distance = number - *mean;
                    *mean += distance / *count;
                    *squares += distance * (number - *mean);
                }
            }
            Self::Percentile { numbers, .. } => {
                if let Some(number) = value.as_number() {
                    numbers.push(number);
                    // A vector that grows doubles its capacity.
                    return 2 * size_of::<f64>();
                }
            }
            Self::Extreme { wanted, is_of_numbers, value: best } => {
                if is_better(&value, best, *wanted, *is_of_numbers) {
                    *best = value.into_owned();
                }
            }
            Self::Moment { wanted, found } => {
                if found.as_ref().is_none_or(|it| moment.cmp(&it.0) == *wanted) {
                    *found = Some((moment, value.into_owned()));
                }
            }
        }
        0
    }

    /// Adds the state of another tally, which covers later rows.
    pub(super) fn join(&mut self, other: Self) -> usize {
        match (self, other) {
            (Self::Rows(count), Self::Rows(more)) | (Self::Present(count), Self::Present(more)) => {
                *count += more;
            }
            (Self::Distinct(hashes), Self::Distinct(more)) => {
                let before = hashes.len();
                hashes.extend(more);
                return (hashes.len() - before) * 2 * size_of::<u128>();
            }
            (
                Self::Sum { sum, count } | Self::Average { sum, count },
                Self::Sum { sum: more, count: more_count }
                | Self::Average { sum: more, count: more_count },
            ) => {
                *sum += more;
                *count += more_count;
            }
            (
                Self::Deviation { count, mean, squares },
                Self::Deviation { count: more, mean: other_mean, squares: other_squares },
            ) if more > 0.0 => {
                let total = *count + more;
                let distance = other_mean - *mean;
                // The formula of Chan et al. for combining two results of Welford's method.
                *squares += other_squares + distance * distance * *count * more / total;
                *mean += distance * more / total;
                *count = total;
            }
            (Self::Percentile { numbers, .. }, Self::Percentile { numbers: more, .. }) => {
                let bytes = more.len() * 2 * size_of::<f64>();
                numbers.extend(more);
                return bytes;
            }
            (Self::Extreme { wanted, is_of_numbers, value: best }, Self::Extreme { value, .. })
                if !value.is_null() && is_better(&value, best, *wanted, *is_of_numbers) =>
            {
                *best = value;
            }
            (Self::Moment { wanted, found }, Self::Moment { found: Some(other), .. })
                if found.as_ref().is_none_or(|it| other.0.cmp(&it.0) == *wanted) =>
            {
                *found = Some(other);
            }
            // Tallies in the same place are of the same kind, and all that remains brings nothing
            // better.
            _ => {}
        }
        0
    }

    pub(super) fn into_value(self) -> Value<'static> {
        #[expect(clippy::cast_precision_loss, reason = "nothing of ours has so many")]
        let number = |count: u64| count as f64;
        match self {
            Self::Rows(count) | Self::Present(count) => Value::Number(number(count)),
            Self::Distinct(hashes) => Value::Number(number(hashes.len() as u64)),
            Self::Sum { count: 0, .. } | Self::Average { count: 0, .. } => Value::Null,
            Self::Sum { sum, .. } => Value::number(sum),
            Self::Average { sum, count } => Value::number(sum / number(count)),
            Self::Deviation { count, squares, .. } if count > 0.0 => {
                // Rounding may make the sum slightly negative.
                Value::number((squares / count).max(0.0).sqrt())
            }
            Self::Deviation { .. } => Value::Null,
            Self::Percentile { percent, numbers } => percentile(percent, numbers),
            Self::Extreme { value, .. } => value,
            Self::Moment { found, .. } => found.map_or(Value::Null, |it| it.1),
        }
    }
}

/// True if a value takes precedence over the best so far. For `min` and `max`, other values do not
/// count where there are numbers.
fn is_better(value: &Value<'_>, best: &Value<'_>, wanted: Ordering, is_of_numbers: bool) -> bool {
    if best.is_null() {
        return true;
    }
    if is_of_numbers {
        match (value.as_number().is_some(), best.as_number().is_some()) {
            (true, false) => return true,
            (false, true) => return false,
            _ => {}
        }
    }
    value.natural_order(best) == wanted
}

/// The smallest number that this percentage of the numbers does not exceed.
fn percentile(percent: f64, mut numbers: Vec<f64>) -> Value<'static> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count is a count"
    )]
    let rank = (percent / 100.0 * numbers.len() as f64).ceil() as usize;
    let place = rank.saturating_sub(1).min(numbers.len().saturating_sub(1));
    if numbers.is_empty() {
        return Value::Null;
    }
    // Selection is linear, and the order of the other numbers does not matter.
    let (_, number, _) = numbers.select_nth_unstable_by(place, f64::total_cmp);
    Value::number(*number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Aggregate; 12] = [
        Aggregate::Count,
        Aggregate::CountDistinct,
        Aggregate::Sum,
        Aggregate::Average,
        Aggregate::Min,
        Aggregate::Max,
        Aggregate::Deviation,
        Aggregate::Percentile(50.0),
        Aggregate::Earliest,
        Aggregate::Latest,
        Aggregate::SortsFirst,
        Aggregate::SortsLast,
    ];

    fn counted(aggregate: Aggregate, values: &[&str]) -> Option<String> {
        let mut tally = Tally::new(aggregate, true);
        for (index, value) in values.iter().enumerate() {
            let value = if *value == "null" { Value::Null } else { Value::text(*value) };
            tally.add(value, (i64::try_from(index).unwrap(), 0));
        }
        tally.into_value().shown()
    }

    #[test]
    fn each_function_counts_what_it_says() {
        let values = ["10", "2", "null", "x", "2.0", "9"];
        let check = |aggregate, expect: &str| {
            assert_eq!(counted(aggregate, &values).as_deref(), Some(expect), "{aggregate:?}");
        };
        check(Aggregate::Count, "5");
        check(Aggregate::CountDistinct, "5");
        check(Aggregate::Sum, "23");
        check(Aggregate::Average, "5.75");
        check(Aggregate::Min, "2");
        check(Aggregate::Max, "10");
        check(Aggregate::SortsFirst, "x");
        check(Aggregate::SortsLast, "10");
        check(Aggregate::Earliest, "10");
        check(Aggregate::Latest, "9");
        check(Aggregate::Percentile(0.0), "2");
        check(Aggregate::Percentile(50.0), "2");
        check(Aggregate::Percentile(75.0), "9");
        check(Aggregate::Percentile(100.0), "10");
        assert_eq!(
            counted(Aggregate::Deviation, &["2", "4", "4", "4", "5", "5", "7", "9"]).as_deref(),
            Some("2")
        );
    }

    #[test]
    fn of_nothing_there_is_nothing_but_a_count() {
        for aggregate in ALL {
            let expect = match aggregate {
                Aggregate::Count | Aggregate::CountDistinct => Some("0"),
                _ => None,
            };
            assert_eq!(counted(aggregate, &["null"]).as_deref(), expect, "{aggregate:?}");
        }
    }

    proptest! {
        #[test]
        fn parts_join_to_the_whole(values in prop::collection::vec("[0-9]{1,3}|[a-c]", 0..12), cut in 0..12_usize) {
            let cut = cut.min(values.len());
            for aggregate in ALL {
                let mut whole = Tally::new(aggregate, true);
                let mut parts = [Tally::new(aggregate, true), Tally::new(aggregate, true)];
                for (index, value) in values.iter().enumerate() {
                    let moment = (i64::try_from(index % 5).unwrap(), index as u64);
                    whole.add(Value::text(value.as_str()), moment);
                    parts[usize::from(index >= cut)].add(Value::text(value.as_str()), moment);
                }
                let [mut first, second] = parts;
                first.join(second);
                let (first, whole) = (first.into_value(), whole.into_value());
                let is_close = match (first.as_number(), whole.as_number()) {
                    (Some(a), Some(b)) => (a - b).abs() < 1e-6,
                    _ => first.shown() == whole.shown(),
                };
                prop_assert!(is_close, "{:?}: {:?} {:?}", aggregate, first, whole);
            }
        }
    }
}
