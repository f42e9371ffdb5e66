//! Bars of block characters for numbers.

/// Blocks of one to eight eighths of a character's width.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Blocks of one to eight eighths of a character's height.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The mark for zero in a row of columns.
const NOTHING: char = '·';

/// Returns a bar of at most `width` characters, in proportion of `count` to `most`. Anything above
/// zero is visible.
pub(super) fn bar(count: u64, most: u64, width: usize) -> String {
    let eighths = scaled(count, most, width.saturating_mul(EIGHTHS.len()));
    let (whole, rest) = (eighths / EIGHTHS.len(), eighths % EIGHTHS.len());
    let last = rest.checked_sub(1).and_then(|it| EIGHTHS.get(it));
    std::iter::repeat_n('█', whole).chain(last.copied()).collect()
}

/// Returns a column for each count, side by side. If there are more counts than `width`, neighbours
/// share a column.
pub(super) fn columns_of(counts: &[u64], width: usize) -> String {
    let together = counts_together(counts.len(), width);
    let sums: Vec<u64> = counts.chunks(together).map(|it| it.iter().sum()).collect();
    let most = sums.iter().copied().max().unwrap_or(0);
    let height = |count: u64| scaled(count, most, HEIGHTS.len());
    let column = |it: &u64| height(*it).checked_sub(1).and_then(|it| HEIGHTS.get(it));
    sums.iter().map(|it| column(it).copied().unwrap_or(NOTHING)).collect()
}

/// Returns how many of `count` neighbours share a column, so that all fit into `width`.
pub(super) fn counts_together(count: usize, width: usize) -> usize {
    count.div_ceil(width.max(1)).max(1)
}

/// Scales `count` of `most` to `steps`; anything above zero is at least one.
fn scaled(count: u64, most: u64, steps: usize) -> usize {
    if count == 0 || most == 0 {
        return 0;
    }
    let steps = u128::try_from(steps).unwrap_or(u128::MAX);
    // In 128 bits, where the product cannot overflow.
    let scaled = u128::from(count).saturating_mul(steps) / u128::from(most);
    usize::try_from(scaled.max(1).min(steps)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_never_too_long() {
        assert_eq!(bar(8, 8, 4), "████");
        assert_eq!(bar(4, 8, 4), "██");
        assert_eq!(bar(5, 8, 4), "██▌");
        assert_eq!(bar(1, 1_000_000, 4), "▏");
        assert_eq!(bar(0, 8, 4), "");
        assert_eq!(bar(0, 0, 4), "");
        assert_eq!(bar(u64::MAX, u64::MAX, 3), "███");
        assert_eq!(bar(9, 8, 3), "███");
        assert_eq!(bar(1, 8, 0), "");
    }

    #[test]
    fn columns_fit_and_show_what_is_little() {
        assert_eq!(columns_of(&[0, 1, 4, 8], 10), "·▁▄█");
        assert_eq!(columns_of(&[0, 1, 1_000], 10), "·▁█");
        assert_eq!(columns_of(&[1; 100], 30).chars().count(), 25);
        assert_eq!(columns_of(&[0, 0, 2, 2, 1], 3), "·█▂");
        assert_eq!(columns_of(&[], 3), "");
    }
}
