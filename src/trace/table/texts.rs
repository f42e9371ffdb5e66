//! Numbered texts.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts in the order of their numbers, one after another in one piece of memory, since there may
/// be millions.
#[derive(Clone, Debug, Default)]
pub(crate) struct NumberedTexts {
    text: String,
    /// The end of each text.
    ends: Vec<usize>,
}

impl NumberedTexts {
    /// Returns the number of texts.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the text with a number.
    pub(crate) fn get(&self, number: u32) -> Option<&str> {
        let place = number as usize;
        let end = *self.ends.get(place)?;
        let start = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..end)
    }

    /// Returns all texts, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..).map_while(|it| self.get(it))
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }
}

/// Numbers texts by first appearance.
#[derive(Default)]
pub(super) struct TextNumbering {
    texts: NumberedTexts,
    /// The numbers, by the texts' hashes. Senders of mail choose the texts, so the hashes are
    /// seeded.
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl TextNumbering {
    /// A number that no text has.
    pub(super) const NONE: u32 = u32::MAX;

    pub(super) fn number_of(&mut self, text: &str) -> u32 {
        let Self { texts, numbers, hasher } = self;
        let hash = hasher.hash_one(text);
        if let Some(known) = numbers.find(hash, |it| texts.get(*it) == Some(text)) {
            return *known;
        }
        let next = u32::try_from(texts.len()).unwrap_or(Self::NONE);
        texts.push(text);
        // The table holds numbers alone, so a text is neither stored twice nor allocated by itself.
        let hash_of = |it: &u32| hasher.hash_one(texts.get(*it).expect("numbers are of texts"));
        numbers.insert_unique(hash, next, hash_of);
        next
    }

    pub(super) fn into_texts(self) -> NumberedTexts {
        self.texts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_text_has_one_number_and_each_number_its_text(
            texts in proptest::collection::vec("[a-c]{0,3}|\\PC{0,8}", 0..60)
        ) {
            let mut numbering = TextNumbering::default();
            let numbers: Vec<u32> = texts.iter().map(|it| numbering.number_of(it)).collect();
            let numbered = numbering.into_texts();
            let mut distinct: Vec<&str> = Vec::new();
            for (text, number) in texts.iter().zip(numbers) {
                prop_assert_eq!(numbered.get(number), Some(text.as_str()));
                if !distinct.contains(&text.as_str()) {
                    distinct.push(text);
                }
            }
            prop_assert_eq!(numbered.iter().collect::<Vec<_>>(), distinct);
        }
    }
}
