//! The words that a text must have for a regular expression to be found in it.
//!
//! The index holds words, not texts, so an expression alone would select every text. The characters
//! that it spells out, however, must occur in some words: `/inv.*42/` is found only if one word
//! contains `inv` and one contains `42`.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::limits;

/// A condition that some word of every matching text meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequiredWord {
    /// ASCII letters and digits, in lower case.
    text: String,
    /// Whether the word may have more before it.
    is_open_before: bool,
    /// Whether more of the word may come after it, or a mark on its last letter.
    is_open_after: bool,
}

/// Anything shorter is too common to narrow a search.
const TEXT_BYTES_MIN: usize = 2;

/// Further words would hardly narrow the search.
const WORDS_MAX: usize = 4;

/// A word that is shorter than the longest term by this much has certainly not been truncated.
const UNCUT_BYTES: usize = 8;

/// Finds the words that an expression requires, the longest first; none if it requires none.
pub(super) fn required_words(source: &str) -> Vec<RequiredWord> {
    let parsed = ParserBuilder::new()
        .case_insensitive(true)
        .nest_limit(limits::QUERY_REGEX_DEPTH_MAX)
        .build()
        .parse(source);
    let Ok(hir) = parsed else { return Vec::new() };
    let mut runs = Runs::default();
    runs.walk(&hir);
    runs.end();
    let mut words: Vec<RequiredWord> = runs.ended.iter().flat_map(|it| words_of(it)).collect();
    words.retain(|it| it.text.len() >= TEXT_BYTES_MIN);
    words.sort_by_key(|it| std::cmp::Reverse(it.text.len()));
    words.dedup();
    words.truncate(WORDS_MAX);
    words
}

impl RequiredWord {
    /// The beginning that all such words share.
    pub(super) fn prefix(&self) -> &str {
        if self.is_open_before { "" } else { self.stem() }
    }

    /// True if a word of the index meets the condition.
    pub(super) fn passes(&self, word: &str) -> bool {
        // A word that may have been truncated could have held the text in the part cut off.
        if word.len() + UNCUT_BYTES > limits::TERM_BYTES_MAX {
            return true;
        }
        match (self.is_open_before, self.is_open_after) {
            (false, false) => word == self.text,
            (true, false) => word.ends_with(&self.text),
            (false, true) => self.begins(word),
            (true, true) => {
                // At every position, since occurrences may overlap: `aas` in `aaas`.
                let mut ends = word.char_indices().filter_map(|(at, _)| word.get(at..));
                ends.any(|it| self.begins(it))
            }
        }
    }

    /// All but the last letter if more may follow: a combining mark may have composed with that
    /// letter into another one.
    fn stem(&self) -> &str {
        let end = if self.is_open_after { self.text.len() - 1 } else { self.text.len() };
        self.text.get(..end).unwrap_or(&self.text)
    }

    fn begins(&self, word: &str) -> bool {
        let behind = word.strip_prefix(self.stem()).and_then(|it| it.chars().next());
        word.starts_with(&self.text) || behind.is_some_and(|it| !it.is_ascii())
    }
}

/// The runs of text that an expression spells out, in lower case. Only ASCII, because the words of
/// the index keep each ASCII letter.
#[derive(Default)]
struct Runs {
    current: String,
    ended: Vec<String>,
}

impl Runs {
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            // These match between characters and do not interrupt a run.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => text.chars().for_each(|it| self.take(ascii(it))),
                Err(_) => self.end(),
            },
            HirKind::Class(class) => self.take(only_letter(class)),
            HirKind::Repetition(repetition) => {
                // How often the part occurs is open, so what precedes it and what follows it may
                // not touch.
                self.end();
                if repetition.min > 0 {
                    self.walk(&repetition.sub);
                    self.end();
                }
            }
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|it| self.walk(it)),
            // None of the alternatives is required.
            HirKind::Alternation(_) => self.end(),
        }
    }

    fn take(&mut self, letter: Option<char>) {
        match letter {
            Some(letter) => self.current.push(letter),
            None => self.end(),
        }
    }

    fn end(&mut self) {
        if !self.current.is_empty() {
            self.ended.push(std::mem::take(&mut self.current));
        }
    }
}

/// The ASCII character that stands for it in words.
fn ascii(character: char) -> Option<char> {
    match character {
        // The Kelvin sign and the long s, which a case-insensitive expression treats as k and s.
        '\u{212A}' => Some('k'),
        '\u{17F}' => Some('s'),
        it => it.is_ascii().then(|| it.to_ascii_lowercase()),
    }
}

/// The letter whose cases make up a class.
fn only_letter(class: &Class) -> Option<char> {
    /// No letter has more cases.
    const CASES_MAX: usize = 4;
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|it| (it.start(), it.end())).collect(),
        Class::Bytes(class) => {
            class.iter().map(|it| (char::from(it.start()), char::from(it.end()))).collect()
        }
    };
    let mut cases = ranges.into_iter().flat_map(|(first, last)| first..=last).take(CASES_MAX + 1);
    let letter = ascii(cases.next()?)?;
    let is_one = cases.all(|it| ascii(it) == Some(letter));
    is_one.then_some(letter)
}

/// The words of a run. The first and the last may be parts of longer words.
fn words_of(run: &str) -> Vec<RequiredWord> {
    let mut words = Vec::new();
    let mut start = 0;
    for part in run.split(|it: char| !it.is_ascii_alphanumeric()) {
        let end = start + part.len();
        if !part.is_empty() {
            words.push(RequiredWord {
                text: part.to_owned(),
                is_open_before: start == 0,
                is_open_after: end == run.len(),
            });
        }
        start = end + 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::Regexp;
    use crate::store::words::words;

    fn check(source: &str, expected: &[(&str, bool, bool)]) {
        let found = required_words(source);
        let found: Vec<(&str, bool, bool)> = found
            .iter()
            .map(|it| (it.text.as_str(), it.is_open_before, it.is_open_after))
            .collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn what_is_spelt_out_is_required() {
        check("inv.*42", &[("inv", true, true), ("42", true, true)]);
        check(
            "^Security alert: new",
            &[("security", true, false), ("alert", false, false), ("new", false, true)],
        );
        check("(?-i)(Report)s?", &[("report", true, true)]);
        check("(ab)+c", &[("ab", true, true)]);
        check("risk|kiss", &[]);
        check("[a-z]+x?", &[]);
        check("a", &[]);
        check("größe 12", &[("gr", true, true), ("12", false, true)]);
        check("(", &[]);
    }

    #[test]
    fn what_repeats_is_found_at_every_place() {
        let required = required_words("aas");
        assert!(required.iter().all(|it| it.passes("aaas")), "{required:?}");
    }

    proptest! {
        /// A text in which an expression is found has the words that this requires.
        #[test]
        fn texts_that_have_it_have_its_words(
            source in "[ab1K ]{0,3}(\\.\\*|[ab]|\\(ab\\)\\+|-|\\|)?[abs1 ]{1,4}",
            text in "([abAB1ksſK \u{301}é-]|請|\u{200b}|½){0,14}",
        ) {
            let Ok(regexp) = Regexp::new(&source) else { return Ok(()) };
            let required = required_words(&source);
            let mut list = Vec::new();
            words(&text, |it, _| list.push(it.to_owned()));
            let has = required.iter().all(|it| list.iter().any(|word| it.passes(word)));
            prop_assert!(!regexp.matches(&text) || has, "{:?} {:?}", required, list);
        }
    }
}
