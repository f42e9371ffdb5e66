//! The texts that a message names and that must not be readable anywhere in it: its addresses,
//! their parts, its subjects, its message IDs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::pseudonym::Pseudonyms;
use crate::event::{Address, MessageId, decoded_subject, first_address, normal_address};
use crate::limits;

/// The characters that may be next to a text for it to count. The order matters: the least strict
/// comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Edges {
    /// Any characters.
    Any,
    /// None that would make it part of a longer word.
    Word,
    /// As for a word, but labels before it, separated by dots, belong to it.
    Host,
}

/// Minimum length in characters: shorter texts are everywhere and hide nothing.
const CHARACTERS_MIN: usize = 3;

/// Minimum length in bytes of texts that count within longer words too.
const DISTINCT_BYTES: usize = 12;

/// Collects the texts that one message names.
#[derive(Default)]
pub(super) struct KnownTexts {
    /// Texts with an `@`.
    whole: TextsByStart,
    /// Other texts, which may be parts of addresses that no member holds.
    parts: TextsByStart,
    /// Addresses in texts of any kind, in lower case.
    spelled: BTreeSet<String>,
    /// Total bytes of all beginnings.
    bytes: usize,
}

/// Texts by their beginnings of at most [`limits::REDACT_PATTERN_BYTES_MAX`] bytes.
type TextsByStart = BTreeMap<String, KnownText>;

struct KnownText {
    /// The text after its beginning.
    rest: String,
    edges: Edges,
    /// The replacement.
    pseudonym: String,
}

/// One message names more than can be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl KnownTexts {
    /// Adds an address as it was logged.
    pub(super) fn add_address(
        &mut self,
        logged: &str,
        pseudonyms: &Pseudonyms,
        hides_domain: bool,
    ) {
        self.add(logged.trim(), &pseudonyms.address(&normal_address(logged.trim())));
        Address::each(logged.into(), |it| self.add_one(&it, pseudonyms, hides_domain));
    }

    fn add_one(&mut self, address: &Address<'_>, pseudonyms: &Pseudonyms, hides_domain: bool) {
        if address.is_masked() {
            return;
        }
        let pseudonym = pseudonyms.address(address.as_str());
        for text in [address.logged(), address.as_str()] {
            self.add(text, &pseudonym);
            let Some((local, domain)) = text.rsplit_once('@') else { continue };
            if local.chars().count() >= CHARACTERS_MIN {
                self.insert(local, Edges::Word, &pseudonyms.name(local));
            }
            // Parent domains identify too, except for the last label, which everybody shares.
            let mut parent = Some(domain.trim_end_matches('.')).filter(|_| hides_domain);
            while let Some(domain) = parent.filter(|it| it.contains('.')) {
                self.insert(domain, Edges::Host, "");
                parent = domain.split_once('.').map(|(_, rest)| rest);
            }
        }
    }

    /// Adds a subject as it was logged.
    pub(super) fn add_subject(&mut self, logged: &str, pseudonyms: &Pseudonyms) {
        let subject = decoded_subject(logged);
        let pseudonym = pseudonyms.subject(&subject);
        // Other texts may have it encoded, decoded, or without the prefixes of replies.
        for text in [logged.trim(), subject.trim(), without_prefixes(subject.trim())] {
            self.add(text, &pseudonym);
        }
    }

    /// Adds a message ID as it was logged.
    pub(super) fn add_message_id(&mut self, logged: &str, pseudonyms: &Pseudonyms) {
        // An ID that looks like an address is replaced as one in other texts.
        let id = MessageId::parse(logged.into());
        if let Some(id) = id.filter(|it| first_address(it.as_str()).is_none()) {
            self.add(id.as_str(), &pseudonyms.message_id(id.as_str()));
        }
    }

    /// Adds the addresses that a text of any kind spells.
    pub(super) fn add_text(&mut self, text: &str) {
        let mut from = 0;
        while let Some((range, address)) = text.get(from..).and_then(first_address) {
            self.spelled.insert(normal_address(&address).into_owned());
            from += range.end;
        }
    }

    /// Adds a text with its replacement.
    pub(super) fn add(&mut self, text: &str, pseudonym: &str) {
        if text.chars().count() >= CHARACTERS_MIN {
            let edges = if text.len() >= DISTINCT_BYTES { Edges::Any } else { Edges::Word };
            self.insert(text, edges, pseudonym);
        }
    }

    fn insert(&mut self, text: &str, edges: Edges, pseudonym: &str) {
        // The automaton ignores case in ASCII only, so the lower-case form is a pattern of its own.
        for text in [text.to_owned(), text.to_lowercase()] {
            let texts = if text.contains('@') { &mut self.whole } else { &mut self.parts };
            let (start, rest) = beginning(&text);
            let known = texts.entry(start.to_owned()).or_insert_with(|| {
                self.bytes += start.len();
                KnownText { rest: rest.to_owned(), edges, pseudonym: pseudonym.to_owned() }
            });
            // Texts that share a beginning share an entry. The least strict edges and the longest
            // rest win: rather too much is replaced than too little.
            known.edges = known.edges.min(edges);
            if known.rest.len() < rest.len() {
                rest.clone_into(&mut known.rest);
            }
        }
    }

    pub(super) fn finders(self) -> Result<KnownFinders, TooMany> {
        // A message names as much as its sender likes, and the automaton takes about thirty times
        // the memory of its patterns.
        if self.bytes > limits::REDACT_PATTERNS_BYTES_MAX {
            return Err(TooMany);
        }
        Ok(KnownFinders {
            whole: KnownFinder::new(self.whole)?,
            parts: KnownFinder::new(self.parts)?,
            spelled: self.spelled,
        })
    }
}

/// Splits a text into the beginning by which it is found, and the rest.
fn beginning(text: &str) -> (&str, &str) {
    text.split_at(text.floor_char_boundary(limits::REDACT_PATTERN_BYTES_MAX))
}

/// Finds the texts that a message names: those with an `@` before addresses are searched for, the
/// others after.
#[derive(Default)]
pub(super) struct KnownFinders {
    pub(super) whole: Option<KnownFinder>,
    pub(super) parts: Option<KnownFinder>,
    spelled: BTreeSet<String>,
}

impl KnownFinders {
    /// True if a message ID, which the sender chooses, spells an address of the message or the
    /// local part of one.
    pub(super) fn is_spelled_in(&self, id: &str, pseudonyms: &Pseudonyms) -> bool {
        let local = id.rsplit_once('@').map_or(id, |(local, _)| local);
        let has = |finder: &Option<KnownFinder>, text: &str| {
            finder.as_ref().is_some_and(|it| it.first(text, 0, pseudonyms).is_some())
        };
        self.spelled.contains(&*normal_address(id))
            || has(&self.whole, id)
            || has(&self.parts, local)
    }
}

/// Returns a subject without the prefixes of replies and forwards.
fn without_prefixes(mut subject: &str) -> &str {
    const PREFIX_BYTES_MAX: usize = 5;
    while let Some((prefix, rest)) = subject.split_once(':') {
        // By shape, since every language has prefixes of its own (`AW:`, `SV:`, `RIF:`).
        if prefix.len() > PREFIX_BYTES_MAX || !prefix.chars().all(char::is_alphabetic) {
            break;
        }
        subject = rest.trim_start();
    }
    subject
}

/// Finds texts in other texts.
pub(super) struct KnownFinder {
    automaton: AhoCorasick,
    texts: Vec<KnownText>,
}

impl KnownFinder {
    /// `None` for no texts.
    fn new(texts: TextsByStart) -> Result<Option<Self>, TooMany> {
        if texts.is_empty() {
            return Ok(None);
        }
        let (patterns, texts): (Vec<String>, Vec<KnownText>) = texts.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            // With a shorter match, the rest of a longer known text would stay readable.
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(&patterns)
            .map_err(|_| TooMany)?;
        Ok(Some(Self { automaton, texts }))
    }

    /// Returns the first known text at or after a byte, and its pseudonym.
    pub(super) fn first(
        &self,
        text: &str,
        from: usize,
        pseudonyms: &Pseudonyms,
    ) -> Option<(Range<usize>, String)> {
        let mut start = from;
        while start < text.len() {
            let found = self.automaton.find(Input::new(text).span(start..text.len()))?;
            let KnownText { rest, edges, pseudonym } =
                self.texts.get(found.pattern().as_usize())?;
            let end = found.end() + common_bytes(text.get(found.end()..)?, rest);
            let range = found.start()..end;
            let before =
                text.get(from..range.start).expect("what is found lies between characters");
            let (_, after) = text.split_at(range.end);
            let is_apart = match edges {
                Edges::Any => true,
                Edges::Word => !before.ends_with(is_of_word) && !after.starts_with(is_of_word),
                Edges::Host => !before.ends_with(is_of_word) && !after.starts_with(is_of_host),
            };
            if is_apart && *edges == Edges::Host {
                let start = host_start(before).map_or(range.start, |it| from + it);
                let host = text.get(start..range.end)?.to_lowercase();
                return Some((start..range.end, pseudonyms.domain(&host)));
            }
            if is_apart {
                return Some((range, pseudonym.clone()));
            }
            // Part of a longer word: go on one character later, as another text may begin within
            // it.
            start = range.start + text.get(range.start..)?.chars().next().map_or(1, char::len_utf8);
        }
        None
    }
}

/// Returns how many bytes of a text are the same as the beginning of another, ignoring ASCII case.
fn common_bytes(text: &str, other: &str) -> usize {
    let pairs = text.char_indices().zip(other.chars());
    let is_same = |(at, other): &((usize, char), char)| at.1.eq_ignore_ascii_case(other);
    let last = pairs.take_while(is_same).last();
    last.map_or(0, |((index, character), _)| index + character.len_utf8())
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_of_host(character: char) -> bool {
    character.is_alphanumeric() || character == '-'
}

/// Returns the start of the labels that precede a domain, separated by dots.
fn host_start(before: &str) -> Option<usize> {
    let names = before.strip_suffix('.')?;
    let is_part = |it: char| is_of_host(it) || it == '.' || it == '_';
    let characters = names.char_indices().rev();
    characters.take_while(|(_, it)| is_part(*it)).last().map(|(index, _)| index)
}
