//! The objects of buckets that have been taken, to their last byte.

use std::collections::{HashSet, VecDeque};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fs::first_of_sum;
use crate::limits;

/// Identifies one state of one object, in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectHash(u64);

impl ObjectHash {
    /// Computes the hash of an object whose content `etag` stands for.
    ///
    /// It is the beginning of a SHA-256, so that nobody who may write to the bucket can choose a
    /// name that makes us pass over another object.
    #[must_use]
    pub fn new(bucket: &str, key: &str, etag: &str) -> Self {
        let mut hasher = Sha256::new();
        for part in [bucket, key, etag] {
            // The length first, so that no two different triples hash the same bytes.
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(u64::from_le_bytes(first_of_sum(hasher)))
    }
}

/// The objects that were taken, in that order.
///
/// Beyond [`limits::TAKEN_OBJECTS_MAX`] the oldest are forgotten. A forgotten object is read again
/// when its prefix is pulled again, which costs time and adds nothing, as records have identities
/// of their own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TakenObjects {
    hashes: VecDeque<ObjectHash>,
    /// The same hashes, for looking one up.
    known: HashSet<ObjectHash>,
}

impl TakenObjects {
    /// True if nothing has been taken.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The number of objects known to have been taken.
    pub fn count(&self) -> usize {
        self.hashes.len()
    }

    /// True if an object is known to have been taken.
    pub fn contains(&self, object: ObjectHash) -> bool {
        self.known.contains(&object)
    }

    /// Adds an object.
    pub fn add(&mut self, object: ObjectHash) {
        self.add_within(object, limits::TAKEN_OBJECTS_MAX);
    }

    fn add_within(&mut self, object: ObjectHash, count_max: usize) {
        if !self.known.insert(object) {
            return;
        }
        self.hashes.push_back(object);
        while self.hashes.len() > count_max {
            if let Some(oldest) = self.hashes.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// Adds the objects that were taken after these.
    pub fn merge(&mut self, later: &Self) {
        for object in &later.hashes {
            self.add(*object);
        }
    }
}

impl PartialEq for TakenObjects {
    fn eq(&self, other: &Self) -> bool {
        // `known` has the same hashes.
        self.hashes == other.hashes
    }
}

impl Eq for TakenObjects {}

/// The bytes of the hashes, each in little-endian order, in base64: a third shorter than their
/// hexadecimal digits.
impl From<TakenObjects> for String {
    fn from(taken: TakenObjects) -> Self {
        let bytes: Vec<u8> = taken.hashes.iter().flat_map(|it| it.0.to_le_bytes()).collect();
        STANDARD.encode(bytes)
    }
}

impl TryFrom<String> for TakenObjects {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).map_err(|_| "the list of objects is not base64")?;
        let (hashes, []) = bytes.as_chunks() else {
            return Err("the list of objects ends in the middle of one");
        };
        let mut taken = Self::default();
        for hash in hashes {
            taken.add(ObjectHash(u64::from_le_bytes(*hash)));
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(index: usize) -> ObjectHash {
        ObjectHash::new("bucket", &format!("key/{index}"), "\"etag\"")
    }

    #[test]
    fn bucket_key_and_etag_each_make_another_object() {
        let hashes = [
            ObjectHash::new("bucket", "key", "etag"),
            ObjectHash::new("bucketk", "ey", "etag"),
            ObjectHash::new("bucket", "keye", "tag"),
            ObjectHash::new("bucket", "key", "etag2"),
        ];
        assert_eq!(HashSet::from(hashes).len(), hashes.len());
    }

    #[test]
    fn what_is_written_is_read_again_in_its_order() {
        let mut taken = TakenObjects::default();
        (0..50).for_each(|index| taken.add(hash(index)));
        taken.add(hash(7));
        let json = serde_json::to_string(&taken).unwrap();
        assert_eq!(json.len(), 2 + 536, "{json}");
        let read: TakenObjects = serde_json::from_str(&json).unwrap();
        assert_eq!(read, taken);
        assert_eq!(
            (read.count(), read.contains(hash(49)), read.contains(hash(50))),
            (50, true, false)
        );
    }

    #[test]
    fn broken_text_is_an_error() {
        for text in ["AAAAAAAAAA", "AAAAAAAAAAAAAAAA", "?"] {
            assert!(TakenObjects::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut taken = TakenObjects::default();
        (0..10).for_each(|index| taken.add_within(hash(index), 4));
        let known: Vec<_> = (0..10).filter(|index| taken.contains(hash(*index))).collect();
        assert_eq!(known, [6, 7, 8, 9]);
        assert_eq!(taken.count(), 4);
    }

    #[test]
    fn merging_commit_by_commit_is_adding_one_by_one() {
        let mut at_once = TakenObjects::default();
        let mut merged = TakenObjects::default();
        for commit in 0..5 {
            let mut note = TakenObjects::default();
            for index in commit * 3..commit * 3 + 4 {
                at_once.add(hash(index));
                note.add(hash(index));
            }
            merged.merge(&note);
        }
        assert_eq!(merged, at_once);
    }
}
