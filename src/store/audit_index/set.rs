//! A set of documents of one segment.

/// Documents by number, one bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DocumentSet {
    words: Vec<u64>,
    count: u32,
}

impl DocumentSet {
    /// The empty set over `count` documents.
    pub(crate) fn none(count: u32) -> Self {
        Self { words: vec![0; count.div_ceil(u64::BITS) as usize], count }
    }

    /// The set of all `count` documents.
    pub(crate) fn all(count: u32) -> Self {
        let mut set = Self { words: vec![u64::MAX; count.div_ceil(u64::BITS) as usize], count };
        set.trim();
        set
    }

    /// Clears the bits after the last document.
    fn trim(&mut self) {
        // `len`, `is_empty` and `iter` read whole words, so no bit beyond the last document may be
        // set.
        let rest = self.count % u64::BITS;
        if let Some(last) = self.words.last_mut().filter(|_| rest > 0) {
            *last &= (1 << rest) - 1;
        }
    }

    pub(crate) fn insert(&mut self, document: u32) {
        if let Some(word) = self.words.get_mut((document / u64::BITS) as usize) {
            *word |= 1 << (document % u64::BITS);
        }
    }

    pub(crate) fn contains(&self, document: u32) -> bool {
        let word = self.words.get((document / u64::BITS) as usize);
        word.is_some_and(|it| it >> (document % u64::BITS) & 1 == 1)
    }

    /// Intersects with another set.
    pub(crate) fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(it, other)| *it &= other);
    }

    /// Adds the documents of another set.
    pub(crate) fn or(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(it, other)| *it |= other);
    }

    /// Replaces the set with its complement.
    pub(crate) fn negate(&mut self) {
        self.words.iter_mut().for_each(|it| *it = !*it);
        self.trim();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|it| *it == 0)
    }

    pub(crate) fn len(&self) -> u64 {
        self.words.iter().map(|it| u64::from(it.count_ones())).sum()
    }

    /// The documents, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().zip(0_u32..).flat_map(|(word, number)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                // Clears the lowest bit. The subtraction wraps for an empty word, which has none to
                // clear.
                rest &= rest.wrapping_sub(1);
                (bit < u64::BITS).then(|| number * u64::BITS + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_are_as_others(
            count in 1_u32..200,
            one in prop::collection::btree_set(0_u32..200, 0..50),
            other in prop::collection::btree_set(0_u32..200, 0..50),
        ) {
            let within = |it: &BTreeSet<u32>| -> BTreeSet<u32> {
                it.iter().copied().filter(|it| *it < count).collect()
            };
            let set = |it: &BTreeSet<u32>| {
                let mut set = DocumentSet::none(count);
                it.iter().for_each(|it| set.insert(*it));
                set
            };
            let (one, other) = (within(&one), within(&other));
            let check = |set: &DocumentSet, expect: BTreeSet<u32>| {
                assert_eq!(set.len(), expect.len() as u64);
                assert!((0..count).all(|it| set.contains(it) == expect.contains(&it)));
                assert_eq!(set.iter().collect::<BTreeSet<_>>(), expect);
            };
            let mut both = set(&one);
            both.and(&set(&other));
            check(&both, &one & &other);
            let mut any = set(&one);
            any.or(&set(&other));
            check(&any, &one | &other);
            let mut not = set(&one);
            not.negate();
            check(&not, (0..count).filter(|it| !one.contains(it)).collect());
            let mut all = DocumentSet::all(count);
            check(&all, (0..count).collect());
            all.and(&set(&one));
            check(&all, one);
        }
    }
}
