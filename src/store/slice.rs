//! The archive in slices, for whoever cannot hold what there is of all its events at once.

use std::ops::RangeInclusive;

use super::archive::Location;

/// Files of the archive that follow one another.
pub(crate) struct Slice(RangeInclusive<u32>);

impl Slice {
    /// Whether a place is in one of these files.
    pub(crate) fn has(&self, place: Location) -> bool {
        self.0.contains(&place.file)
    }
}

/// Groups files, of which the events are counted, so that each group has so many events, or is one
/// file.
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
