//! Writes lengths of time as people say them.

/// Writes a length of time in at most two units: `12 ms`, `0.8 s`, `12 s`, `3 min 20 s`,
/// `2 h 5 min`, `3 d 4 h`.
pub fn human_duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let text = match ms {
        0 => "0 s".to_owned(),
        1..100 => format!("{ms} ms"),
        100..10_000 => match (ms / 1_000, ms % 1_000 / 100) {
            (seconds, 0) => format!("{seconds} s"),
            (seconds, tenths) => format!("{seconds}.{tenths} s"),
        },
        10_000..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => two_units(ms / 1_000, 60, "min", "s"),
        3_600_000..86_400_000 => two_units(ms / 60_000, 60, "h", "min"),
        _ => two_units(ms / 3_600_000, 24, "d", "h"),
    };
    format!("{sign}{text}")
}

fn two_units(small_count: u64, small_per_large: u64, large: &str, small: &str) -> String {
    match (small_count / small_per_large, small_count % small_per_large) {
        (count, 0) => format!("{count} {large}"),
        (count, rest) => format!("{count} {large} {rest} {small}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_people_say_them() {
        for (ms, expect) in [
            (0, "0 s"),
            (12, "12 ms"),
            (800, "0.8 s"),
            (2_000, "2 s"),
            (3_199, "3.1 s"),
            (12_400, "12 s"),
            (200_000, "3 min 20 s"),
            (180_000, "3 min"),
            (7_500_000, "2 h 5 min"),
            (273_600_000, "3 d 4 h"),
            (-800, "-0.8 s"),
        ] {
            assert_eq!(human_duration(ms), expect);
        }
        assert!(human_duration(i64::MIN).starts_with('-'));
    }
}
