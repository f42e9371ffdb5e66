//! A fingerprint of everything that the index says of a set of records, computed from either side.
//!
//! From the archive: the terms that each record should have. From the index: the terms that each
//! document has. The sums agree exactly when index and archive do, in whatever order.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use rayon::prelude::*;
use tantivy::directory::error::OpenReadError;
use tantivy::postings::Postings;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocId, DocSet, Index, SegmentReader, TERMINATED};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::columns::Columns;
use super::document::Document;
use super::schema::Fields;
use super::snapshot::IndexSnapshot;
use crate::store::archive::Location;
use crate::store::words::words;

/// The sum over all terms of all records of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Fingerprint {
    /// Records in the set.
    pub(in crate::store) count: u64,
    sum: u64,
}

/// The position of a whole value, which has none; words have theirs in the text.
const NO_POSITION: u32 = u32::MAX;

/// The field numbers of values that are in a column.
const TIME: u32 = u32::MAX;
const LEG: u32 = u32::MAX - 1;
const MESSAGE: u32 = u32::MAX - 2;

impl Fingerprint {
    /// Adds the terms that the index should have for the records of a batch.
    pub(in crate::store) fn add_documents(&mut self, documents: impl Iterator<Item = Document>) {
        for document in documents {
            let location = document.location.to_bits();
            // A set, since the index has a repeated value of a document once.
            let mut terms: BTreeSet<(u32, Cow<'_, [u8]>, u32)> = BTreeSet::new();
            for (field, value) in document.texts() {
                let id = field.field_id();
                match value.as_str() {
                    Some(text) => words(text, |word, position| {
                        terms.insert((id, Cow::Owned(word.as_bytes().to_vec()), position));
                    }),
                    None => _ = terms.insert((id, Cow::Borrowed(value.bytes), NO_POSITION)),
                }
            }
            self.count += 1;
            for (field, term, position) in &terms {
                self.add_term(location, *field, xxh3_64(term), *position);
            }
            self.add_time(location, document.timestamp_ms);
            self.add_term(location, LEG, document.leg.bits(), NO_POSITION);
            if let Some(id) = document.message_id {
                self.add_term(location, MESSAGE, id.bits(), NO_POSITION);
            }
        }
    }

    fn add_time(&mut self, location: u64, ms: i64) {
        self.add_term(location, TIME, ms.cast_unsigned(), NO_POSITION);
    }

    fn add_term(&mut self, location: u64, field: u32, term: u64, position: u32) {
        let mut hasher = Xxh3::new();
        hasher.update(&location.to_le_bytes());
        hasher.update(&field.to_le_bytes());
        hasher.update(&term.to_le_bytes());
        hasher.update(&position.to_le_bytes());
        // A sum, since it does not depend on order: the archive is read record by record, the index
        // term by term.
        self.sum = self.sum.wrapping_add(hasher.digest());
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// The fingerprints of the index for each set of records. `key` maps a record's location, as bits,
/// to its set, if it is in one.
pub(in crate::store) fn fingerprints_of_index(
    snapshot: &IndexSnapshot,
    key: &(dyn Fn(u64) -> Option<u64> + Sync),
) -> tantivy::Result<BTreeMap<u64, Fingerprint>> {
    let segments = snapshot.searcher().segment_readers();
    let parts = segments
        .par_iter()
        .zip(snapshot.columns())
        .map(|(segment, columns)| fingerprints_of_segment(columns, segment, key))
        .collect::<tantivy::Result<Vec<_>>>()?;
    let mut whole: BTreeMap<u64, Fingerprint> = BTreeMap::new();
    for (set, part) in parts.into_iter().flatten() {
        whole.entry(set).or_default().join(part);
    }
    Ok(whole)
}

fn fingerprints_of_segment(
    columns: &Columns,
    segment: &SegmentReader,
    key: &(dyn Fn(u64) -> Option<u64> + Sync),
) -> tantivy::Result<HashMap<u64, Fingerprint>> {
    let mut sets: HashMap<u64, Fingerprint> = HashMap::new();
    let places: Vec<u64> = columns.places.locations().map(Location::to_bits).collect();
    let place_of = |document: DocId| {
        usize::try_from(document).ok().and_then(|it| places.get(it)).copied().unwrap_or(u64::MAX)
    };
    let mut times = columns.times();
    for document in 0..segment.max_doc() {
        let place = place_of(document);
        let Some(set) = key(place) else { continue };
        let fingerprint = sets.entry(set).or_default();
        fingerprint.count += 1;
        fingerprint.add_time(place, times.get(document));
    }
    let mut add = |place: u64, field: u32, term: u64, position: u32| {
        if let Some(set) = key(place) {
            sets.entry(set).or_default().add_term(place, field, term, position);
        }
    };
    for (field, chains) in [(LEG, &columns.legs), (MESSAGE, &columns.messages)] {
        for (id, documents) in chains.iter() {
            for place in documents.map(place_of) {
                add(place, field, id.bits(), NO_POSITION);
            }
        }
    }
    for field in Fields::ALL {
        let inverted = segment.inverted_index(field)?;
        let is_words = Fields::is_words(field);
        let option = if is_words {
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
                let place = place_of(postings.doc());
                if is_words {
                    postings.positions(&mut positions);
                    for position in &positions {
                        add(place, field.field_id(), term, *position);
                    }
                } else {
                    add(place, field.field_id(), term, NO_POSITION);
                }
                postings.advance();
            }
        }
    }
    Ok(sets)
}

/// The damaged segment files of the last commit, each with the reason: those whose own checksums do
/// not match or cannot be read.
///
/// tantivy's own check stops at the first unreadable file, and skips files that are not in its list
/// of managed files.
pub(in crate::store) fn check_segment_files(
    index: &Index,
) -> tantivy::Result<Vec<(PathBuf, String)>> {
    let mut files: Vec<PathBuf> = index.load_metas()?.list_segment_files().into_iter().collect();
    files.sort();
    let mut damaged = Vec::new();
    for file in files {
        match index.directory().validate_checksum(&file) {
            // Not every segment has every kind of file, and a merge may remove some meanwhile. A
            // file that is needed and missing fails to open.
            Ok(true) | Err(OpenReadError::FileDoesNotExist(_)) => {}
            Ok(false) => damaged.push((file, "its checksum does not match".to_owned())),
            Err(error) => damaged.push((file, error.to_string())),
        }
    }
    Ok(damaged)
}
