//! The locations of a segment's documents in the archive. Documents of one block are consecutive,
//! so only the blocks are stored.

use tantivy::DocId;
use tantivy::directory::OwnedBytes;

use crate::store::archive::Location;

/// Consecutive documents whose records are neighbours in one block of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first_document: DocId,
    /// The location of the first of them.
    first: Location,
}

const RUN_BYTES: usize = 12;

impl Run {
    fn to_bytes(self) -> impl Iterator<Item = u8> {
        let document = self.first_document.to_le_bytes();
        document.into_iter().chain(self.first.to_bits().to_le_bytes())
    }

    fn from_bytes(bytes: &[u8; RUN_BYTES]) -> Self {
        let [d0, d1, d2, d3, location @ ..] = *bytes;
        Self {
            first_document: u32::from_le_bytes([d0, d1, d2, d3]),
            first: Location::from_bits(u64::from_le_bytes(location)),
        }
    }

    fn location(self, document: DocId) -> Location {
        let line = document.saturating_sub(self.first_document);
        // A block has at most 4,096 lines; only a damaged run gets beyond, and must not panic.
        let line = u16::try_from(line).unwrap_or(u16::MAX);
        Location { line: self.first.line.saturating_add(line), ..self.first }
    }
}

/// Collects the runs of a segment.
#[derive(Default)]
pub(super) struct PlacesWriter {
    runs: Vec<Run>,
    document_count: DocId,
}

impl PlacesWriter {
    pub(super) fn push(&mut self, location: Location) {
        // A run ends where the next location is not the next line: at another block, or where
        // records of other kinds, which have no document here, come between.
        let document = self.document_count;
        self.document_count += 1;
        if self.runs.last().is_none_or(|it| it.location(document) != location) {
            self.runs.push(Run { first_document: document, first: location });
        }
    }

    /// Appends another segment's documents.
    pub(super) fn append(&mut self, places: &Places) {
        let base = self.document_count;
        // Runs at a seam need no joining: the documents of a block are added together, so they are
        // in one segment.
        self.runs.extend(
            places
                .runs()
                .map(|it| Run { first_document: it.first_document.wrapping_add(base), ..it }),
        );
        self.document_count += places.document_count;
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.runs.into_iter().flat_map(Run::to_bytes).collect()
    }

    pub(super) fn memory(&self) -> usize {
        self.runs.capacity() * size_of::<Run>()
    }
}

/// The location of each document of a segment.
#[derive(Clone)]
pub(crate) struct Places {
    bytes: OwnedBytes,
    document_count: DocId,
}

impl Places {
    pub(super) fn new(bytes: OwnedBytes, document_count: DocId) -> Self {
        Self { bytes, document_count }
    }

    fn runs(&self) -> impl Iterator<Item = Run> {
        self.bytes.as_chunks().0.iter().map(Run::from_bytes)
    }

    /// The location of a document, if there is such a document.
    pub(crate) fn get(&self, document: DocId) -> Option<Location> {
        let runs = self.bytes.as_chunks().0;
        // Runs have no index: they are sorted and of one length, so a binary search finds one.
        let after = runs.partition_point(|it| Run::from_bytes(it).first_document <= document);
        let run = runs.get(after.checked_sub(1)?).map(Run::from_bytes)?;
        (document < self.document_count).then(|| run.location(document))
    }

    /// The location of each document, in order.
    pub(crate) fn locations(&self) -> impl Iterator<Item = Location> {
        self.locations_in_blocks(|_| true)
    }

    /// The locations of the documents in matching blocks of the archive; the test is asked once for
    /// each run, with its first location.
    pub(crate) fn locations_in_blocks(
        &self,
        is_such: impl Fn(Location) -> bool,
    ) -> impl Iterator<Item = Location> {
        let starts = self.runs();
        let ends = self.runs().skip(1).map(|it| it.first_document).chain([self.document_count]);
        let runs = starts.zip(ends).filter(move |(run, _)| is_such(run.first));
        runs.flat_map(|(run, end)| {
            // A damaged run must not make more documents than there are.
            (run.first_document..end.min(self.document_count)).map(move |it| run.location(it))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u32, line: u16) -> Location {
        Location { file: 1, offset, line }
    }

    #[test]
    fn documents_are_found_where_they_were_put() {
        // A block that another segment began, whole ones, and one that a merge put behind.
        let locations = [at(5, 7), at(5, 8), at(90, 0), at(90, 1), at(90, 2), at(200, 0)];
        let mut writer = PlacesWriter::default();
        locations.iter().for_each(|it| writer.push(*it));
        assert_eq!(writer.runs.len(), 3);
        let places = Places::new(OwnedBytes::new(writer.into_bytes()), 6);
        let mut twice = PlacesWriter::default();
        twice.append(&places);
        twice.append(&places);
        let twice = Places::new(OwnedBytes::new(twice.into_bytes()), 12);
        let expected: Vec<_> = locations.iter().chain(&locations).copied().collect();
        assert_eq!(twice.locations().collect::<Vec<_>>(), expected);
        let found: Vec<_> = (0..12).filter_map(|it| twice.get(it)).collect();
        assert_eq!(found, expected);
        assert_eq!(twice.get(12), None);
    }
}
