//! The generator's dice.
//!
//! splitmix64 (Steele, Lea and Flood 2014), written out here because the bytes that a seed gives
//! must never change, which no crate promises. No floats: they round differently elsewhere.

/// A sequence of numbers determined by its seed.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: no division, and hardly biased.
        let wide = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number below `bound` where small ones are frequent, as a few senders write most mail.
    pub(super) fn skewed_below(&mut self, bound: u64) -> u64 {
        let ceiling = self.below(bound) + 1;
        self.below(ceiling)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Milliseconds from `low` to `high`, both included.
    pub(super) fn ms(&mut self, low: u64, high: u64) -> i64 {
        i64::try_from(self.between(low, high)).unwrap_or(0)
    }

    /// True in so many of 10,000 cases.
    pub(super) fn chance(&mut self, in_10_000: u64) -> bool {
        self.below(10_000) < in_10_000
    }

    pub(super) fn index(&mut self, count: usize) -> usize {
        let bound = u64::try_from(count).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// An item of a list; the default if it is empty.
    pub(super) fn pick<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let index = self.index(list.len());
        list.get(index).copied().unwrap_or_default()
    }

    /// Appends random lower-case hexadecimal digits.
    pub(super) fn push_hex(&mut self, text: &mut String, digit_count: usize) {
        self.push_digits(text, digit_count, b"0123456789abcdef");
    }

    /// Appends random digits from `alphabet`, which has at most 64 characters, all ASCII.
    pub(super) fn push_digits(&mut self, text: &mut String, digit_count: usize, alphabet: &[u8]) {
        let mut bits = 0;
        for index in 0..digit_count {
            // One number makes eight digits, a byte for each.
            if index % 8 == 0 {
                bits = self.bits();
            }
            let count = u64::try_from(alphabet.len()).unwrap_or(1).max(1);
            let digit = usize::try_from((bits & 0xFF) * count / 256).unwrap_or(0);
            text.push(alphabet.get(digit).copied().map_or('0', char::from));
            bits >>= 8;
        }
    }

    /// Appends a text in the form of a random UUID.
    pub(super) fn push_uuid(&mut self, text: &mut String) {
        for (index, digit_count) in [8, 4, 4, 4, 12].into_iter().enumerate() {
            if index > 0 {
                text.push('-');
            }
            if index == 2 {
                text.push('4');
                self.push_hex(text, digit_count - 1);
            } else {
                self.push_hex(text, digit_count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_algorithm() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn bounds_are_kept() {
        let mut random = Random::new(7);
        for _ in 0..1_000 {
            assert!(random.below(3) < 3);
            assert!(random.skewed_below(5) < 5);
            assert!((2..=4).contains(&random.between(2, 4)));
        }
        assert_eq!(random.below(0), 0);
        assert_eq!(random.pick::<&str>(&[]), "");
    }
}
