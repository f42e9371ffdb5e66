//! The archive in slices, for callers that cannot hold data about all of its events at once.

use std::ops::RangeInclusive;

use super::archive::Location;

/// Consecutive files of the archive.
pub(crate) struct Slice(RangeInclusive<u32>);

impl Slice {
    /// True if a place is in one of these files.
    pub(crate) fn has(&self, place: Location) -> bool {
        self.0.contains(&place.file)
    }
}

/// Groups files, given with their counts of events, into slices of at most `events_max` events, or
/// of a single file.
pub(super) fn slices(counts: impl IntoIterator<Item = (u32, u64)>, events_max: u64) -> Vec<Slice> {
    let mut slices: Vec<Slice> = Vec::new();
    let mut events = 0;
    for (file, count) in counts {
        events += count;
        match slices.last_mut() {
            Some(Slice(files)) if events <= events_max => *files = *files.start()..=file,
            _ => {
                slices.push(Slice(file..=file));
                events = count;
            }
        }
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_full_or_one_file() {
        let files = |counts: &[(u32, u64)]| {
            slices(counts.iter().copied(), 10).into_iter().map(|it| it.0).collect::<Vec<_>>()
        };
        assert_eq!(
            files(&[(1, 4), (2, 6), (4, 1), (5, 20), (6, 10)]),
            [1..=2, 4..=4, 5..=5, 6..=6]
        );
        assert_eq!(files(&[]), []);
    }
}
