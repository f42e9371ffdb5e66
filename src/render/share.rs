//! Shares of a whole.

/// Returns a share of a whole in percent.
pub(super) fn share_in_words(count: u64, total: u64) -> String {
    let thousandths = u128::from(count) * 1_000 / u128::from(total.max(1));
    match thousandths {
        // Something must not read as nothing.
        0 if count > 0 => "<0.1 %".to_owned(),
        _ => format!("{}.{} %", thousandths / 10, thousandths % 10),
    }
}

/// Returns a share of a whole, rounded to six places.
pub(super) fn share(count: u64, total: u64) -> f64 {
    // Rounded as an integer, so that the float below is the nearest one to six decimal places.
    let millionths =
        (u128::from(count) * 1_000_000 + u128::from(total / 2)) / u128::from(total.max(1));
    f64::from(u32::try_from(millionths).unwrap_or(u32::MAX)) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_cut_and_what_is_little_is_seen() {
        for (count, total, expect) in [
            (1, 1, "100.0 %"),
            (1, 3, "33.3 %"),
            (2, 3, "66.6 %"),
            (1, 10_000, "<0.1 %"),
            (0, 0, "0.0 %"),
            (u64::MAX, u64::MAX, "100.0 %"),
        ] {
            assert_eq!(share_in_words(count, total), expect);
        }
    }
}
