//! Patterns on texts of words: `*infix*`, `*end`, `in?oice`, `from*to`.

use regex::{Regex, RegexBuilder};

use super::glob::ANY_ONE;
use crate::limits;
use crate::store::words::words;

/// A pattern that is found in the words of a text.
///
/// The text is reduced to its words with one blank between them, so punctuation and case do not
/// matter. `*` stands for anything and `?` for one character. The pattern begins at the beginning
/// of a word unless it begins with `*`, and ends at the end of a word unless it ends with `*`.
#[derive(Clone, Debug)]
pub struct TextPattern {
    /// The texts between the stars, as words with blanks between them; [`ANY_ONE`] stands for one
    /// character.
    pieces: Vec<String>,
    regex: Regex,
}

impl PartialEq for TextPattern {
    fn eq(&self, other: &Self) -> bool {
        self.pieces == other.pieces
    }
}

impl Eq for TextPattern {}

/// A condition that one word of every matching text meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WordTest {
    /// The word is exactly this.
    Is(String),
    /// The word begins with this.
    Begins(String),
    /// The word ends with this.
    Ends(String),
    /// The word contains this.
    Has(String),
}

impl WordTest {
    pub(super) fn passes(&self, word: &str) -> bool {
        match self {
            Self::Is(text) => word == text,
            Self::Begins(text) => word.starts_with(text.as_str()),
            Self::Ends(text) => word.ends_with(text.as_str()),
            Self::Has(text) => word.contains(text.as_str()),
        }
    }
}

impl TextPattern {
    /// Makes a pattern of the texts between its stars. `None` if it contains no word, or exceeds
    /// the size limit of a pattern.
    pub(super) fn new(pieces: &[String]) -> Option<Self> {
        let last = pieces.len().checked_sub(1)?;
        let normal: Vec<String> = pieces
            .iter()
            .enumerate()
            .map(|(index, it)| normal_piece(it, index == 0, index == last))
            .enumerate()
            // Adjacent stars mean the same as one.
            .filter(|(index, it)| *index == 0 || *index == last || !it.is_empty())
            .map(|(_, it)| it)
            .collect();
        if normal.iter().all(|it| it.chars().all(|it| it == ANY_ONE || it == ' ')) {
            return None;
        }
        // The regex crate matches in linear time, also where stars would make a naive matcher
        // backtrack.
        let regex = RegexBuilder::new(&expression(&normal))
            .dot_matches_new_line(true)
            .size_limit(limits::QUERY_REGEX_BYTES_MAX)
            .dfa_size_limit(limits::QUERY_REGEX_CACHE_BYTES_MAX)
            .build()
            .ok()?;
        Some(Self { pieces: normal, regex })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(&joined(text))
    }

    pub(super) fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// The conditions that some word of the text must meet, each its own, and whether together they
    /// are all that the pattern requires.
    pub(super) fn word_tests(&self) -> (Vec<WordTest>, bool) {
        let last = self.pieces.len().saturating_sub(1);
        let mut tests = Vec::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            // A `?` may stand for a part of the same word, so the text on that side is open.
            let parts: Vec<&str> = piece.split(ANY_ONE).collect();
            let last_part = parts.len() - 1;
            for (place, part) in parts.iter().enumerate() {
                let opens = (place == 0 && index > 0) || place > 0;
                let closes = (place == last_part && index < last) || place < last_part;
                let tokens: Vec<&str> = part.split(' ').collect();
                let last_token = tokens.len() - 1;
                for (token_place, token) in tokens.iter().enumerate() {
                    if token.is_empty() {
                        continue;
                    }
                    let is_open_before = token_place == 0 && opens;
                    let is_open_after = token_place == last_token && closes;
                    let token = (*token).to_owned();
                    tests.push(match (is_open_before, is_open_after) {
                        (false, false) => WordTest::Is(token),
                        (true, false) => WordTest::Ends(token),
                        (false, true) => WordTest::Begins(token),
                        (true, true) => WordTest::Has(token),
                    });
                }
            }
        }
        // With several words or stars, their order and distance count too, which no word shows.
        let is_one_word = self.pieces.iter().filter(|it| !it.is_empty()).count() == 1
            && self.pieces.iter().all(|it| !it.contains([' ', ANY_ONE]));
        (tests, is_one_word)
    }
}

/// The words of a text with one blank between them.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    words(text, |word, position| {
        if position > 0 {
            joined.push(' ');
        }
        joined.push_str(word);
    });
    joined
}

/// The words of a piece, with a blank at an end that lies between two words.
fn normal_piece(piece: &str, is_first: bool, is_last: bool) -> String {
    let parts: Vec<&str> = piece.split(ANY_ONE).collect();
    let last_part = parts.len() - 1;
    let mut normal = String::new();
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            normal.push(ANY_ONE);
        }
        let is_word = |it: Option<char>| {
            it.is_some_and(|it| {
                let mut has_word = false;
                words(it.encode_utf8(&mut [0; 4]), |_, _| has_word = true);
                has_word
            })
        };
        let words = joined(part);
        let is_edge = |is_end: bool, is_outer: bool| is_end && is_outer;
        // The outer ends are anchored by `expression` instead.
        let begins_between =
            !part.is_empty() && !is_word(part.chars().next()) && !is_edge(place == 0, is_first);
        let ends_between = !part.is_empty()
            && !is_word(part.chars().next_back())
            && !is_edge(place == last_part, is_last);
        if begins_between {
            normal.push(' ');
        }
        normal.push_str(&words);
        if ends_between && !(words.is_empty() && begins_between) {
            normal.push(' ');
        }
    }
    normal
}

fn expression(pieces: &[String]) -> String {
    let mut expression = String::new();
    let (first, last) = (pieces.first(), pieces.last());
    if first.is_some_and(|it| !it.is_empty()) {
        expression.push_str("(?:^| )");
    }
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            expression.push_str(".*");
        }
        let mut literal = String::new();
        for character in piece.chars() {
            if character == ANY_ONE {
                expression.push_str(&regex::escape(&std::mem::take(&mut literal)));
                expression.push('.');
            } else {
                literal.push(character);
            }
        }
        expression.push_str(&regex::escape(&literal));
    }
    if last.is_some_and(|it| !it.is_empty()) {
        expression.push_str("(?: |$)");
    }
    expression
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Option<TextPattern> {
        let pieces: Vec<String> =
            text.split('*').map(|it| it.replace('?', &ANY_ONE.to_string())).collect();
        TextPattern::new(&pieces)
    }

    fn check(text: &str, found_in: &[&str], missed_in: &[&str]) {
        let pattern = pattern(text).unwrap();
        for subject in found_in {
            assert!(pattern.matches(subject), "{text} in {subject}");
        }
        for subject in missed_in {
            assert!(!pattern.matches(subject), "{text} not in {subject}");
        }
    }

    #[test]
    fn patterns_are_found_in_words() {
        check("*6542*", &["Invoice Q6542-7", "x6542"], &["654 2"]);
        check("*voice", &["Your INVOICE!"], &["invoices"]);
        check("inv*ce", &["invoice", "Invite: Alice"], &["reinvoice", "invoices"]);
        check("Q654?", &["re: q6542."], &["q654", "q65423"]);
        check("?nvoice", &["Invoice"], &["nvoice", "an Xinvoice"]);
        check("*ly rep*", &["Quarterly: Report"], &["quarterly sales report"]);
        check("*quart*report*", &["The Quarterly sales reports"], &["report quarterly"]);
        check("*münch*", &["Grüße aus MÜNCHEN"], &["munchen"]);
        check("*求書*", &["請求書 42"], &["請書求"]);
        assert_eq!(pattern("*--*"), None);
        assert_eq!(pattern("??"), None);
    }

    proptest! {
        /// Whatever a text with the pattern says, its words pass; and where that is said to be
        /// all, passing is enough.
        #[test]
        fn words_pass_what_they_must(text in "[ab ]{0,12}", shape in "[ab *?]{1,6}") {
            let Some(pattern) = pattern(&shape) else { return Ok(()) };
            let (tests, is_all) = pattern.word_tests();
            let mut list = Vec::new();
            words(&text, |it, _| list.push(it.to_owned()));
            let passes = tests.iter().all(|test| list.iter().any(|it| test.passes(it)));
            prop_assert!(!pattern.matches(&text) || passes, "{:?}", tests);
            if is_all {
                prop_assert_eq!(pattern.matches(&text), passes, "{:?}", tests);
            }
        }
    }
}
