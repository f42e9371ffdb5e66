//! Columns of numbers, one for each document, packed in chunks of 128.
//!
//! A chunk uses the number of bits that makes it smallest; the few numbers that need more follow it
//! ("patched frame of reference"). All reading is checked: a damaged column yields wrong numbers or
//! none, never a panic.

use bitpacking::{BitPacker, BitPacker4x};
use tantivy::DocId;
use tantivy::directory::OwnedBytes;

/// Numbers in one chunk.
pub(super) const CHUNK: usize = BitPacker4x::BLOCK_LEN;

/// Bytes of an exception: a number wider than its chunk allows, and its position.
const EXCEPTION_BYTES: usize = 5;

/// Bytes before a chunk's packed numbers: their width in bits, and the number of exceptions.
const CHUNK_HEADER_BYTES: usize = 2;

/// Appends one chunk.
fn pack_chunk(numbers: &[u32; CHUNK], bytes: &mut Vec<u8>) {
    let mut of_width = [0_usize; 33];
    for number in numbers {
        if let Some(count) = of_width.get_mut(bit_width(*number)) {
            *count += 1;
        }
    }
    // From the widest down: each step turns the numbers of the width before into exceptions. Most
    // distances are small and a few are huge, so without exceptions those few would widen all the
    // rest.
    let mut best = (usize::MAX, 0_usize, 0_usize);
    let mut exceptions = 0;
    for (width, count) in of_width.iter().enumerate().rev() {
        let size = width * CHUNK / 8 + exceptions * EXCEPTION_BYTES;
        // On a tie the wider one stays, which has fewer exceptions to patch.
        if size < best.0 {
            best = (size, width, exceptions);
        }
        exceptions += count;
    }
    let (_, width, exceptions) = best;
    let mut low = *numbers;
    let mask = mask_of(width);
    low.iter_mut().for_each(|it| *it &= mask);
    let header = [width, exceptions]
        .map(|it| u8::try_from(it).expect("widths go to 32, and exceptions to 128"));
    bytes.extend_from_slice(&header);
    let start = bytes.len();
    bytes.resize(start + width * CHUNK / 8, 0);
    if let (Some(packed), [width, _]) = (bytes.get_mut(start..), header) {
        BitPacker4x::new().compress(&low, packed, width);
    }
    for (place, number) in (0_u8..).zip(numbers) {
        if *number & !mask != 0 {
            bytes.push(place);
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
}

/// Reads the chunk at the beginning of `bytes`, and returns the bytes after it.
fn unpack_chunk<'b>(bytes: &'b [u8], numbers: &mut [u32; CHUNK]) -> Option<&'b [u8]> {
    let ([width, exceptions], rest) = bytes.split_first_chunk::<CHUNK_HEADER_BYTES>()?;
    // The bit packer would panic.
    if *width > 32 {
        return None;
    }
    let (packed, mut rest) = rest.split_at_checked(usize::from(*width) * CHUNK / 8)?;
    BitPacker4x::new().decompress(packed, numbers, *width);
    for _ in 0..*exceptions {
        let ([place, value @ ..], next) = rest.split_first_chunk::<EXCEPTION_BYTES>()?;
        *numbers.get_mut(usize::from(*place))? = u32::from_le_bytes(*value);
        rest = next;
    }
    Some(rest)
}

fn bit_width(number: u32) -> usize {
    (u32::BITS - number.leading_zeros()) as usize
}

fn mask_of(width: usize) -> u32 {
    u32::try_from((1_u64 << width.min(32)) - 1).unwrap_or(u32::MAX)
}

/// The starts of a column's chunks, followed by the chunks: their lengths differ, and reading one
/// number must not require reading all before it.
struct Chunks {
    starts: Vec<u32>,
    bytes: Vec<u8>,
}

impl Chunks {
    fn new() -> Self {
        Self { starts: Vec::new(), bytes: Vec::new() }
    }

    fn begin(&mut self) {
        // Four bytes suffice: a segment has a few million documents, and each takes some eight
        // bytes at most.
        self.starts.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.starts.iter().flat_map(|it| it.to_le_bytes()).collect();
        bytes.extend_from_slice(&self.bytes);
        bytes
    }
}

/// The bytes from the start of chunk `index` in a column of `count` numbers.
fn chunk_at(bytes: &[u8], count: usize, index: usize) -> Option<&[u8]> {
    let chunk_count = count.div_ceil(CHUNK);
    let start = bytes.get(index * 4..)?.first_chunk().filter(|_| index < chunk_count)?;
    let start = usize::try_from(u32::from_le_bytes(*start)).ok()?;
    bytes.get(chunk_count * 4..)?.get(start..)
}

/// Packs a column.
pub(super) fn pack(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut chunks = Chunks::new();
    let mut numbers = numbers.into_iter().peekable();
    while numbers.peek().is_some() {
        let mut chunk = [0; CHUNK];
        chunk.iter_mut().zip(&mut numbers).for_each(|(slot, number)| *slot = number);
        chunks.begin();
        pack_chunk(&chunk, &mut chunks.bytes);
    }
    chunks.into_bytes()
}

/// A packed column.
#[derive(Clone)]
pub(super) struct Packed {
    bytes: OwnedBytes,
    count: usize,
}

impl Packed {
    pub(super) fn new(bytes: OwnedBytes, count: usize) -> Self {
        Self { bytes, count }
    }

    /// A reader of numbers; reading near ones in turn is cheap.
    pub(super) fn reader(&self) -> PackedReader {
        PackedReader { column: self.clone(), chunk: usize::MAX, numbers: [0; CHUNK] }
    }

    /// All numbers, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + use<> {
        let mut reader = self.reader();
        (0..self.count).map(move |it| reader.get(it))
    }
}

/// Reads numbers of a packed column.
pub(super) struct PackedReader {
    column: Packed,
    chunk: usize,
    numbers: [u32; CHUNK],
}

impl PackedReader {
    /// The number at `index`; 0 beyond the column, and where it is damaged.
    pub(super) fn get(&mut self, index: usize) -> u32 {
        let chunk = index / CHUNK;
        if chunk != self.chunk {
            let read = chunk_at(&self.column.bytes, self.column.count, chunk)
                .and_then(|it| unpack_chunk(it, &mut self.numbers));
            // Part of the chunk may have been written over the one before.
            if read.is_none() {
                self.numbers = [0; CHUNK];
            }
            self.chunk = chunk;
        }
        *self.numbers.get(index % CHUNK).expect("less than a chunk")
    }
}

/// Marks, in place of the least step, a chunk whose times are stored as they are: their steps are
/// too far apart to be packed.
const RAW: i64 = i64::MIN;

/// Packs times in milliseconds since 1970: for each chunk the first time, the least step, and by
/// how much each step exceeds it.
pub(super) fn pack_times(times: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let mut chunks = Chunks::new();
    let mut times = times.into_iter().peekable();
    while let Some(first) = times.peek().copied() {
        let chunk: Vec<i64> = times.by_ref().take(CHUNK).collect();
        chunks.begin();
        chunks.bytes.extend_from_slice(&first.to_le_bytes());
        let steps = || chunk.iter().zip(chunk.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a));
        // Steps may be negative, for records arrive out of order; what exceeds the least never is.
        let least = steps().min().unwrap_or(0);
        let mut packed = [0; CHUNK];
        let mut fits = least != RAW;
        for (slot, step) in packed.iter_mut().skip(1).zip(steps()) {
            match u32::try_from(step.wrapping_sub(least)) {
                Ok(step) => *slot = step,
                Err(_) => fits = false,
            }
        }
        if fits {
            chunks.bytes.extend_from_slice(&least.to_le_bytes());
            pack_chunk(&packed, &mut chunks.bytes);
        } else {
            chunks.bytes.extend_from_slice(&RAW.to_le_bytes());
            chunk.iter().for_each(|it| chunks.bytes.extend_from_slice(&it.to_le_bytes()));
        }
    }
    chunks.into_bytes()
}

/// A packed column of times.
#[derive(Clone)]
pub(super) struct PackedTimes {
    bytes: OwnedBytes,
    count: usize,
}

impl PackedTimes {
    pub(super) fn new(bytes: OwnedBytes, count: usize) -> Self {
        Self { bytes, count }
    }

    /// A reader of times; reading near ones in turn is cheap.
    pub(super) fn reader(&self) -> TimeReader {
        TimeReader { column: self.clone(), chunk: usize::MAX, times: [0; CHUNK] }
    }

    /// All times, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = i64> + use<> {
        let mut reader = self.reader();
        (0_u32..).take(self.count).map(move |it| reader.get(it))
    }

    /// Two times between which all times of a chunk are, from its header alone; none where the
    /// header is not enough.
    pub(super) fn bounds(&self, chunk: usize) -> Option<(i64, i64)> {
        const STEPS: i128 = CHUNK as i128 - 1;
        let bytes = chunk_at(&self.bytes, self.count, chunk)?;
        let (first, bytes) = bytes.split_first_chunk()?;
        let (least, bytes) = bytes.split_first_chunk()?;
        let (first, least) = (i64::from_le_bytes(*first), i64::from_le_bytes(*least));
        let ([width, exceptions], rest) = bytes.split_first_chunk::<CHUNK_HEADER_BYTES>()?;
        if least == RAW || *width > 32 {
            return None;
        }
        let rest = rest.get(usize::from(*width) * CHUNK / 8..)?;
        let exceptions = rest.as_chunks::<EXCEPTION_BYTES>().0.get(..usize::from(*exceptions))?;
        let above = exceptions.iter().map(|[_, value @ ..]| i128::from(u32::from_le_bytes(*value)));
        let above: i128 = above.sum();
        // In 128 bits no sum overflows, whatever a damaged header holds.
        let (first, least) = (i128::from(first), i128::from(least));
        let most = least + i128::from(mask_of(usize::from(*width)));
        // As if all steps were the least, or all the widest one. Exceptions may be wider, hence
        // their sum on top.
        let low = first + (STEPS * least).min(0);
        let high = first + (STEPS * most).max(0) + above;
        // Beyond 64 bits the steps wrap around, and nothing is known.
        i64::try_from(low).ok().zip(i64::try_from(high).ok())
    }

    /// The bounds of each chunk, in order.
    pub(super) fn all_bounds(&self) -> impl Iterator<Item = Option<(i64, i64)>> {
        (0..self.count.div_ceil(CHUNK)).map(|it| self.bounds(it))
    }

    /// The latest time that is not after `last_ms`.
    pub(super) fn latest_until(&self, last_ms: i64) -> Option<i64> {
        let mut reader = self.reader();
        let mut latest: Option<i64> = None;
        // Later times are usually at the end, and then the other chunks need not be unpacked.
        for chunk in (0..self.count.div_ceil(CHUNK)).rev() {
            let is_passed_over =
                |(low, high): (i64, i64)| low > last_ms || latest.is_some_and(|it| high <= it);
            if self.bounds(chunk).is_some_and(is_passed_over) {
                continue;
            }
            for index in chunk * CHUNK..self.count.min((chunk + 1) * CHUNK) {
                let time = reader.get(DocId::try_from(index).unwrap_or(DocId::MAX));
                if time <= last_ms {
                    latest = latest.max(Some(time));
                }
            }
        }
        latest
    }
}

/// Reads times of a packed column.
pub(crate) struct TimeReader {
    column: PackedTimes,
    chunk: usize,
    times: [i64; CHUNK],
}

impl TimeReader {
    /// The time of a document in milliseconds since 1970; 0 beyond the column, and where it is
    /// damaged.
    pub(crate) fn get(&mut self, document: DocId) -> i64 {
        let index = usize::try_from(document).unwrap_or(usize::MAX);
        let chunk = index / CHUNK;
        if chunk != self.chunk {
            if self.read(chunk).is_none() {
                self.times = [0; CHUNK];
            }
            self.chunk = chunk;
        }
        *self.times.get(index % CHUNK).expect("less than a chunk")
    }

    fn read(&mut self, chunk: usize) -> Option<()> {
        // Wrapping sums undo the wrapping differences of `pack_times`, and never panic on damage.
        let bytes = chunk_at(&self.column.bytes, self.column.count, chunk)?;
        let (first, bytes) = bytes.split_first_chunk()?;
        let (step, bytes) = bytes.split_first_chunk()?;
        let (first, step) = (i64::from_le_bytes(*first), i64::from_le_bytes(*step));
        if step == RAW {
            let times = bytes.as_chunks().0.iter().map(|it| i64::from_le_bytes(*it));
            self.times.iter_mut().zip(times).for_each(|(slot, time)| *slot = time);
            return Some(());
        }
        let mut steps = [0; CHUNK];
        unpack_chunk(bytes, &mut steps)?;
        let mut time = first;
        for (index, (slot, more)) in self.times.iter_mut().zip(steps).enumerate() {
            if index > 0 {
                time = time.wrapping_add(step).wrapping_add(i64::from(more));
            }
            *slot = time;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_survive(
            numbers in proptest::collection::vec(
                prop_oneof![8 => 0_u32..10, 1 => 0_u32..100_000, 1 => any::<u32>()], 0..1_000,
            ),
        ) {
            let packed = Packed::new(OwnedBytes::new(pack(numbers.clone())), numbers.len());
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), numbers.clone());
            let mut reader = packed.reader();
            for (index, number) in numbers.iter().enumerate().rev() {
                prop_assert_eq!(reader.get(index), *number);
            }
        }

        #[test]
        fn times_survive(
            times in proptest::collection::vec(
                prop_oneof![8 => 1_790_000_000_000_i64..1_790_000_900_000, 1 => any::<i64>()], 0..1_000,
            ),
        ) {
            let packed = PackedTimes::new(OwnedBytes::new(pack_times(times.clone())), times.len());
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), times.clone());
            for (chunk, times) in times.chunks(CHUNK).enumerate() {
                if let Some((low, high)) = packed.bounds(chunk) {
                    prop_assert!(times.iter().all(|it| (low..=high).contains(it)));
                }
            }
            for last in times.iter().step_by(50).copied().chain([i64::MIN, 1_790_000_450_000, i64::MAX]) {
                let latest = times.iter().copied().filter(|it| *it <= last).max();
                prop_assert_eq!(packed.latest_until(last), latest);
            }
        }

        #[test]
        fn damage_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), count in 0_usize..3_000) {
            let bytes = OwnedBytes::new(bytes);
            prop_assert!(Packed::new(bytes.clone(), count).iter().count() == count);
            let times = PackedTimes::new(bytes, count);
            prop_assert!(times.iter().count() == count);
            prop_assert!(times.latest_until(0).is_none_or(|it| it <= 0));
        }
    }

    #[test]
    fn a_few_large_numbers_do_not_widen_a_chunk() {
        let small: Vec<u32> = (0..12_800).map(|it| it % 4).collect();
        let mut mixed = small.clone();
        mixed.iter_mut().step_by(128).for_each(|it| *it = u32::MAX);
        assert!(pack(mixed).len() < pack(small).len() + 100 * (EXCEPTION_BYTES + 1));
    }
}
