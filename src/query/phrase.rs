//! Words that must follow one another directly.

use crate::store::words::words;

/// One or more words, as [`words`] finds them; the last may be only the beginning of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    words: Vec<String>,
    is_prefix: bool,
}

impl Phrase {
    /// Takes the words of `text`; `None` if it has none. With `is_prefix`, the last one also stands
    /// for longer words.
    pub fn new(text: &str, is_prefix: bool) -> Option<Self> {
        let mut list = Vec::new();
        words(text, |word, _| list.push(word.to_owned()));
        (!list.is_empty()).then_some(Self { words: list, is_prefix })
    }

    /// The words. Never empty.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// True if the last word also stands for longer ones.
    pub fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// True if `text` has these words in this order with nothing between them.
    pub fn matches(&self, text: &str) -> bool {
        let mut search = Search::new(self);
        words(text, |word, _| search.take(word));
        search.is_found
    }
}

/// The Knuth-Morris-Pratt search over words: it looks at each word of the text once, however
/// repetitive the text is.
struct Search<'p> {
    /// The words to match exactly: all of them, or all but the last.
    equal: &'p [String],
    prefix: Option<&'p str>,
    /// For each count of matched words, the number that still match after a mismatch.
    fallback: Vec<usize>,
    equal_count: usize,
    is_found: bool,
}

impl<'p> Search<'p> {
    fn new(phrase: &'p Phrase) -> Self {
        let (equal, prefix) = match phrase.words.split_last() {
            Some((last, rest)) if phrase.is_prefix => (rest, Some(last.as_str())),
            _ => (phrase.words.as_slice(), None),
        };
        let mut fallback = vec![0];
        let mut length = 0;
        for word in equal.iter().skip(1) {
            while length > 0 && equal.get(length) != Some(word) {
                length = fallback.get(length - 1).copied().unwrap_or(0);
            }
            length += usize::from(equal.get(length) == Some(word));
            fallback.push(length);
        }
        Self { equal, prefix, fallback, equal_count: 0, is_found: false }
    }

    fn take(&mut self, word: &str) {
        if self.is_found {
            return;
        }
        let is_complete = |search: &Self| search.equal_count == search.equal.len();
        if is_complete(self) && self.prefix.is_some_and(|it| word.starts_with(it)) {
            self.is_found = true;
            return;
        }
        while self.equal_count > 0 && self.equal.get(self.equal_count).is_none_or(|it| it != word) {
            self.equal_count = self.fallback.get(self.equal_count - 1).copied().unwrap_or(0);
        }
        if self.equal.get(self.equal_count).is_some_and(|it| it == word) {
            self.equal_count += 1;
        }
        self.is_found = self.prefix.is_none() && is_complete(self);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(phrase: &str, text: &str, expect: bool) {
        let (phrase, is_prefix) = phrase.strip_suffix('*').map_or((phrase, false), |it| (it, true));
        assert_eq!(Phrase::new(phrase, is_prefix).unwrap().matches(text), expect, "{text}");
    }

    #[test]
    fn words_must_follow_one_another() {
        check("quarterly report", "The Quarterly Report, final", true);
        check("quarterly report", "quarterly sales report", false);
        check("invoi*", "Your INVOICE", true);
        check("your invoi*", "your your invoices", true);
        check("your invoi*", "your", false);
        check("求书", "请求书 42", true);
        check("求请", "请求书 42", false);
        check("a a b", "a a a b", true);
        check("invoice", "invoices", false);
        assert_eq!(Phrase::new("--", false), None);
    }

    proptest! {
        #[test]
        fn the_search_equals_trying_every_place(
            phrase in "[ab]{1,4}( [ab]{1,2}){0,3}", text in "[ab]{1,2}( [ab]{1,3}){0,9}", is_prefix: bool,
        ) {
            let phrase = Phrase::new(&phrase, is_prefix).unwrap();
            let list: Vec<&str> = text.split(' ').collect();
            let is_here = |window: &[&str]| phrase.words.iter().enumerate().all(|(index, word)| {
                if is_prefix && index + 1 == phrase.words.len() {
                    window[index].starts_with(word.as_str())
                } else {
                    window[index] == word
                }
            });
            let expect = list.windows(phrase.words.len()).any(is_here);
            prop_assert_eq!(phrase.matches(&text), expect);
        }
    }
}
