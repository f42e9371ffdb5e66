//! One number for everything that the index says of a set of records, got from either side.
//!
//! From the archive: the terms that each record should have. From the index: the terms that each
//! document has. The sums agree exactly when index and archive do, whatever the order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tantivy::directory::error::OpenReadError;
use tantivy::postings::Postings;
use tantivy::schema::document::Document as _;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocSet, SegmentReader, TERMINATED};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::document::document;
use super::schema::Fields;
use super::snapshot::IndexSnapshot;
use crate::event::Event;
use crate::source::Record;
use crate::store::archive::Location;
use crate::store::words::words;

/// The sum over all terms of all records of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Fingerprint {
    /// Records in the set.
    pub(in crate::store) count: u64,
    sum: u64,
}

/// A term's place in the words of a text; whole values have none.
const NO_POSITION: u32 = u32::MAX;

impl Fingerprint {
    /// Adds what the index should hold of one record.
    pub(in crate::store) fn add_document(
        &mut self,
        location: Location,
        record: &Record<'_>,
        event: &Event<'_>,
    ) {
        let (_, fields) = Fields::schema();
        let mut terms: BTreeSet<(u32, Vec<u8>, u32)> = BTreeSet::new();
        let indexed = document(&fields, record, event);
        for (field, value) in indexed.iter_fields_and_values() {
            let id = field.field_id();
            if let Some(text) = value.as_str() {
                if fields.is_words(field) {
                    words(text, |word, position| {
                        terms.insert((id, word.as_bytes().to_vec(), position));
                    });
                } else {
                    terms.insert((id, text.as_bytes().to_vec(), NO_POSITION));
                }
            } else if let Some(hash) = value.as_bytes() {
                terms.insert((id, hash.to_vec(), NO_POSITION));
            } else if let Some(ms) = value.as_i64() {
                self.add_time(location, ms);
            }
        }
        self.count += 1;
        for (field, term, position) in &terms {
            self.add_term(location.to_bits(), *field, xxh3_64(term), *position);
        }
    }

    fn add_time(&mut self, location: Location, ms: i64) {
        self.add_term(location.to_bits(), u32::MAX, u64::from_ne_bytes(ms.to_ne_bytes()), 0);
    }

    fn add_term(&mut self, location: u64, field: u32, term: u64, position: u32) {
        let mut hasher = Xxh3::new();
        hasher.update(&location.to_le_bytes());
        hasher.update(&field.to_le_bytes());
        hasher.update(&term.to_le_bytes());
        hasher.update(&position.to_le_bytes());
        self.sum = self.sum.wrapping_add(hasher.digest());
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// What the index holds of each archive file's records.
pub(in crate::store) fn fingerprints_of_index(
    snapshot: &IndexSnapshot,
) -> tantivy::Result<BTreeMap<u32, Fingerprint>> {
    let segments = snapshot.searcher().segment_readers();
    let parts = segments
        .par_iter()
        .enumerate()
        .map(|(index, segment)| fingerprints_of_segment(snapshot, index, segment))
        .collect::<tantivy::Result<Vec<_>>>()?;
    let mut whole: BTreeMap<u32, Fingerprint> = BTreeMap::new();
    for (file, part) in parts.into_iter().flatten() {
        whole.entry(file).or_default().join(part);
    }
    Ok(whole)
}

fn fingerprints_of_segment(
    snapshot: &IndexSnapshot,
    index: usize,
    segment: &SegmentReader,
) -> tantivy::Result<BTreeMap<u32, Fingerprint>> {
    let fields = snapshot.fields();
    let mut by_file: BTreeMap<u32, Fingerprint> = BTreeMap::new();
    let Some((times, locations)) = snapshot.columns().nth(index) else { return Ok(by_file) };
    let place: Vec<u64> =
        (0..segment.max_doc()).map(|it| locations.first(it).unwrap_or(u64::MAX)).collect();
    let file_of = |bits: u64| Location::from_bits(bits).file;
    for (document, bits) in (0..).zip(&place) {
        let fingerprint = by_file.entry(file_of(*bits)).or_default();
        fingerprint.count += 1;
        if let Some(ms) = times.first(document) {
            fingerprint.add_time(Location::from_bits(*bits), ms);
        }
    }
    for field in fields.indexed() {
        let inverted = segment.inverted_index(field)?;
        let option = if fields.is_words(field) {
            IndexRecordOption::WithFreqsAndPositions
        } else {
            IndexRecordOption::Basic
        };
        let mut terms = inverted.terms().stream()?;
        let mut positions = Vec::new();
        while terms.advance() {
            let term = xxh3_64(terms.key());
            let mut postings = inverted.read_postings_from_terminfo(terms.value(), option)?;
            while postings.doc() != TERMINATED {
                let bits = usize::try_from(postings.doc()).ok().and_then(|it| place.get(it));
                let bits = bits.copied().unwrap_or(u64::MAX);
                let fingerprint = by_file.entry(file_of(bits)).or_default();
                if fields.is_words(field) {
                    postings.positions(&mut positions);
                    for position in &positions {
                        fingerprint.add_term(bits, field.field_id(), term, *position);
                    }
                } else {
                    fingerprint.add_term(bits, field.field_id(), term, NO_POSITION);
                }
                postings.advance();
            }
        }
    }
    Ok(by_file)
}

/// What is wrong with the segment files that the last commit names: those whose own checksums do
/// not fit or cannot be read.
///
/// tantivy's own check stops at the first that cannot be read, and passes over those that are
/// not in its list of managed files.
pub(in crate::store) fn check_segment_files(
    path: &Path,
) -> tantivy::Result<Vec<(PathBuf, String)>> {
    let (index, _) = super::writer::open(path)?;
    let mut files: Vec<PathBuf> = index.load_metas()?.list_segment_files().into_iter().collect();
    files.sort();
    let mut damaged = Vec::new();
    for file in files {
        match index.directory().validate_checksum(&file) {
            // Not every segment has every kind of file, and a merge may remove some meanwhile; what
            // is needed and missing fails to open.
            Ok(true) | Err(OpenReadError::FileDoesNotExist(_)) => {}
            Ok(false) => damaged.push((file, "its checksum does not fit".to_owned())),
            Err(error) => damaged.push((file, error.to_string())),
        }
    }
    Ok(damaged)
}
