//! The documents that share an ID.
//!
//! Each document points back at the previous one with the same ID, and a table of the IDs, sorted
//! by their hashes, gives the last document of each. Compared with an inverted index of random
//! terms this takes a third of the room, and one sort makes it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tantivy::DocId;
use tantivy::directory::OwnedBytes;

use super::packed::{Packed, PackedReader, pack};
use crate::store::index::IdHash;

/// Entries in a bucket of the table, as a power of two.
const BUCKET_ENTRIES_LOG: u32 = 4;

/// Bytes that are read for one entry: at most 7 bits, a hash and a document.
const ENTRY_READ_BYTES: usize = 16;

/// The two sections of a file for one kind of ID.
pub(super) struct Sections {
    pub(super) table: Vec<u8>,
    pub(super) back: Vec<u8>,
}

/// Builds the sections from the IDs of documents.
pub(super) fn build(mut ids: Vec<(IdHash, DocId)>, document_count: usize) -> Sections {
    // By ID, then by document, so that each document points back at the one sorted just before it.
    ids.sort_unstable();
    let mut back = vec![0; document_count];
    let mut entries: Vec<(IdHash, DocId)> = Vec::new();
    for (id, document) in ids {
        match entries.last_mut() {
            Some((last_id, last)) if *last_id == id => {
                if let Some(slot) = usize::try_from(document).ok().and_then(|it| back.get_mut(it)) {
                    *slot = document - *last;
                }
                *last = document;
            }
            _ => entries.push((id, document)),
        }
    }
    Sections { table: Table::bytes(&entries, document_count), back: pack(back) }
}

/// Builds the sections for several segments joined in this order.
pub(super) fn merge(sources: &[&Chains]) -> Sections {
    let mut bases = Vec::with_capacity(sources.len());
    let mut document_count = 0;
    for source in sources {
        bases.push(DocId::try_from(document_count).unwrap_or(DocId::MAX));
        document_count += source.document_count;
    }
    let mut entries: Vec<(IdHash, DocId)> = Vec::new();
    // Documents that are the first with their ID in one segment but not in the joined ones, with
    // how far they point back in these.
    let mut joints: Vec<(DocId, u32)> = Vec::new();
    // The tables are sorted already, so merging them needs neither a sort of all IDs nor memory for
    // them.
    let mut streams: Vec<_> = sources.iter().map(|it| it.table.iter()).collect();
    let mut heads: BinaryHeap<_> = streams
        .iter_mut()
        .enumerate()
        .filter_map(|(index, stream)| Some(Reverse((stream.next()?, index))))
        .map(|Reverse(((id, last), index))| Reverse((id, index, last)))
        .collect();
    while let Some(Reverse((id, index, last))) = heads.pop() {
        let base = *bases.get(index).expect("a base for each source");
        match entries.last_mut() {
            Some((known, before)) if *known == id => {
                // Of equal IDs the heap yields that of the earlier segment first: only the first
                // document here needs a new pointer. Sums wrap, since a damaged segment may hold
                // anything and a merge must not panic; `verify` reports the damage.
                let first = sources.get(index).and_then(|it| it.documents(id).last());
                let first = first.map(|it| it.wrapping_add(base));
                joints.extend(first.map(|it| (it, it.wrapping_sub(*before))));
                *before = last.wrapping_add(base);
            }
            _ => entries.push((id, last.wrapping_add(base))),
        }
        if let Some((id, last)) = streams.get_mut(index).and_then(Iterator::next) {
            heads.push(Reverse((id, index, last)));
        }
    }
    joints.sort_unstable();
    let mut joints = joints.into_iter().peekable();
    // Pointers are distances, so those within a segment stay as they are.
    let back = sources.iter().flat_map(|it| it.back.iter()).zip(0..).map(|(back, document)| {
        joints.next_if(|(joint, _)| *joint == document).map_or(back, |(_, distance)| distance)
    });
    Sections { back: pack(back), table: Table::bytes(&entries, document_count) }
}

/// The documents of each ID of one kind in one segment.
#[derive(Clone)]
pub(crate) struct Chains {
    table: Table,
    back: Packed,
    document_count: usize,
}

impl Chains {
    pub(super) fn open(table: OwnedBytes, back: OwnedBytes, document_count: usize) -> Option<Self> {
        let table = Table::open(table, document_count)?;
        Some(Self { table, back: Packed::new(back, document_count), document_count })
    }

    /// The documents with an ID of this hash, from the last to the first.
    pub(crate) fn documents(&self, id: IdHash) -> impl Iterator<Item = DocId> {
        self.from(self.table.get(id))
    }

    /// Every ID with its documents, from the last to the first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (IdHash, impl Iterator<Item = DocId>)> {
        self.table.iter().map(|(id, last)| (id, self.from(Some(last))))
    }

    fn from(&self, last: Option<DocId>) -> Documents {
        // A damaged table may name any document.
        let count = self.document_count;
        let is_one = |it: &DocId| usize::try_from(*it).is_ok_and(|it| it < count);
        Documents { next: last.filter(is_one), back: self.back.reader() }
    }
}

impl Chains {
    /// For each document, the distance to the previous one with the same ID; 0 where there is none.
    pub(crate) fn distances(&self) -> impl Iterator<Item = u32> {
        self.back.iter()
    }

    /// The hash of every ID, in order, with its last document.
    pub(crate) fn last_documents(&self) -> impl Iterator<Item = (IdHash, DocId)> {
        self.table.iter()
    }
}

struct Documents {
    next: Option<DocId>,
    back: PackedReader,
}

impl Iterator for Documents {
    type Item = DocId;

    fn next(&mut self) -> Option<DocId> {
        let document = self.next?;
        let distance = self.back.get(usize::try_from(document).unwrap_or(usize::MAX));
        // The number only ever falls, so that even a damaged column ends the chain.
        self.next = document.checked_sub(distance).filter(|_| distance > 0);
        Some(document)
    }
}

/// The last document of each ID. Entries are sorted by hash and grouped into buckets by its first
/// bits, which are not stored again; an entry is the rest of the hash and the document, packed bit
/// by bit.
#[derive(Clone)]
struct Table {
    bytes: OwnedBytes,
    count: usize,
    bucket_bits: u32,
    document_bits: u32,
}

impl Table {
    fn bucket_bits(entry_count: usize) -> u32 {
        entry_count.checked_ilog2().unwrap_or(0).saturating_sub(BUCKET_ENTRIES_LOG)
    }

    fn document_bits(document_count: usize) -> u32 {
        usize::BITS - document_count.leading_zeros()
    }

    fn bytes(entries: &[(IdHash, DocId)], document_count: usize) -> Vec<u8> {
        let bucket_bits = Self::bucket_bits(entries.len());
        let document_bits = Self::document_bits(document_count);
        let hash_bits = IdHash::BITS - bucket_bits;
        // The count, then the end of each bucket. Hashes are spread evenly, so buckets by first
        // bits have about equal lengths, and a look-up reads one of them instead of searching them
        // all.
        let mut bytes = u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        let mut rest = entries;
        let mut end = 0_u32;
        for bucket in 0..1_u64 << bucket_bits {
            let length = rest.partition_point(|(id, _)| id.bits() >> hash_bits <= bucket);
            (_, rest) = rest.split_at(length);
            end += u32::try_from(length).expect("a segment has fewer documents");
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        // Entries are packed bit by bit: rounding up to whole bytes would cost up to seven bits for
        // each.
        let mut pending = 0_u128;
        let mut pending_bits = 0;
        for (id, document) in entries {
            let entry =
                u128::from(low_bits(id.bits(), hash_bits)) << document_bits | u128::from(*document);
            pending |= entry << pending_bits;
            pending_bits += hash_bits + document_bits;
            while pending_bits >= 8 {
                bytes.extend(pending.to_le_bytes().first());
                pending >>= 8;
                pending_bits -= 8;
            }
        }
        // Padding: the last entry is read together with the bytes after it.
        bytes.extend_from_slice(&pending.to_le_bytes());
        bytes.extend_from_slice(&[0; ENTRY_READ_BYTES]);
        bytes
    }

    fn open(bytes: OwnedBytes, document_count: usize) -> Option<Self> {
        let count = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
        let bucket_bits = Self::bucket_bits(count);
        let table =
            Self { bytes, count, bucket_bits, document_bits: Self::document_bits(document_count) };
        // If the last entry can be read, all can, so this is the only check of the length.
        table.entry(count.saturating_sub(1))?;
        Some(table)
    }

    fn entry(&self, index: usize) -> Option<(u64, DocId)> {
        let hash_bits = IdHash::BITS - self.bucket_bits;
        let entry_bits = usize::try_from(hash_bits + self.document_bits).ok()?;
        let start = 4 + (4_usize << self.bucket_bits);
        let bit = index.checked_mul(entry_bits)?;
        let read = self.bytes.get(start + bit / 8..)?.first_chunk::<ENTRY_READ_BYTES>()?;
        let entry = u128::from_le_bytes(*read) >> (bit % 8);
        let document =
            low_bits(u64::try_from(entry & u128::from(u64::MAX)).ok()?, self.document_bits);
        let hash = u64::try_from((entry >> self.document_bits) & u128::from(u64::MAX)).ok()?;
        Some((low_bits(hash, hash_bits), DocId::try_from(document).ok()?))
    }

    fn bucket_end(&self, bucket: u64) -> Option<usize> {
        let at = 4 + 4 * usize::try_from(bucket).ok()?;
        let end = u32::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?);
        usize::try_from(end).ok().filter(|it| *it <= self.count)
    }

    fn get(&self, id: IdHash) -> Option<DocId> {
        let hash_bits = IdHash::BITS - self.bucket_bits;
        let bucket = id.bits() >> hash_bits;
        let start = match bucket.checked_sub(1) {
            Some(before) => self.bucket_end(before)?,
            None => 0,
        };
        // A bucket has some sixteen entries: walking through them beats a binary search that jumps
        // between bits.
        let wanted = low_bits(id.bits(), hash_bits);
        (start..self.bucket_end(bucket)?)
            .map_while(|it| self.entry(it))
            .take_while(|(hash, _)| *hash <= wanted)
            .find(|(hash, _)| *hash == wanted)
            .map(|(_, document)| document)
    }

    fn iter(&self) -> impl Iterator<Item = (IdHash, DocId)> {
        let hash_bits = IdHash::BITS - self.bucket_bits;
        let mut bucket = 0;
        (0..self.count).map_while(move |index| {
            while self.bucket_end(bucket)? <= index {
                bucket += 1;
            }
            let (hash, document) = self.entry(index)?;
            Some((IdHash::from_bits(bucket << hash_bits | hash), document))
        })
    }
}

fn low_bits(bits: u64, count: u32) -> u64 {
    bits & 1_u64.checked_shl(count).map_or(u64::MAX, |it| it - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn open(sections: Sections, document_count: usize) -> Chains {
        Chains::open(
            OwnedBytes::new(sections.table),
            OwnedBytes::new(sections.back),
            document_count,
        )
        .unwrap()
    }

    fn ids(keys: &[Option<u8>]) -> Vec<(IdHash, DocId)> {
        let id = |key: u8| IdHash::of(&key.to_string());
        keys.iter().zip(0..).filter_map(|(key, document)| Some((id((*key)?), document))).collect()
    }

    fn by_id(ids: &[(IdHash, DocId)]) -> BTreeMap<IdHash, Vec<DocId>> {
        let mut documents: BTreeMap<IdHash, Vec<DocId>> = BTreeMap::new();
        for (id, document) in ids.iter().rev() {
            documents.entry(*id).or_default().push(*document);
        }
        documents
    }

    fn all(chains: &Chains) -> BTreeMap<IdHash, Vec<DocId>> {
        chains.iter().map(|(id, documents)| (id, documents.collect())).collect()
    }

    proptest! {
        #[test]
        fn every_id_has_its_documents(
            keys in proptest::collection::vec(proptest::option::of(any::<u8>()), 0..600),
            cuts in proptest::collection::vec(0_usize..600, 0..4),
        ) {
            let expected = by_id(&ids(&keys));
            let whole = open(build(ids(&keys), keys.len()), keys.len());
            prop_assert_eq!(&all(&whole), &expected);
            for (id, documents) in &expected {
                prop_assert_eq!(&whole.documents(*id).collect::<Vec<_>>(), documents);
            }
            prop_assert_eq!(whole.documents(IdHash::of("another")).count(), 0);

            let mut cuts: Vec<usize> = cuts.into_iter().map(|it| it.min(keys.len())).collect();
            cuts.extend([0, keys.len()]);
            cuts.sort_unstable();
            let parts: Vec<Chains> = cuts
                .windows(2)
                .map(|it| &keys[it[0]..it[1]])
                .map(|keys| open(build(ids(keys), keys.len()), keys.len()))
                .collect();
            let merged = open(merge(&parts.iter().collect::<Vec<_>>()), keys.len());
            prop_assert_eq!(&all(&merged), &expected);
        }

        #[test]
        fn damage_is_no_panic(
            table in proptest::collection::vec(any::<u8>(), 0..2_000),
            back in proptest::collection::vec(any::<u8>(), 0..2_000),
            count in 0_usize..1_000,
        ) {
            if let Some(chains) = Chains::open(OwnedBytes::new(table), OwnedBytes::new(back), count) {
                let _count = chains.iter().map(|(_, it)| it.count()).sum::<usize>();
                let _count = chains.documents(IdHash::of("x")).count();
                let _length = merge(&[&chains, &chains]).table.len();
            }
        }
    }
}
