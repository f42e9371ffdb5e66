//! Patterns with `*`, which stands for any text, even an empty one, and `?` for one character.

use crate::text::{Sign, fits};

/// The character that represents a `?` in the texts of a pattern. No text contains it: Unicode
/// reserves it as a noncharacter, and [`super::value::WrittenValue`] replaces it in its input.
pub(super) const ANY_ONE: char = '\u{10FFFF}';

/// A pattern, classified by how an index can find it. Always with a `*` or `?`, never `*` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Glob {
    /// `text*`
    Prefix(String),
    /// `*text`
    Suffix(String),
    /// Any other: the texts between the stars. The first and the last are anchored to the ends and
    /// may be empty; those between are not empty.
    General(Vec<String>),
    /// The same with a `?`, which is [`ANY_ONE`] in the texts; there may be no star.
    Single(Vec<String>),
}

impl Glob {
    /// Makes a pattern of the texts between its stars. `None` for `*` alone, or without a star or
    /// `?`.
    pub fn new(mut pieces: Vec<String>) -> Option<Self> {
        let has_single = pieces.iter().any(|it| it.contains(ANY_ONE));
        if pieces.len() < 2 && !has_single {
            return None;
        }
        let last_index = pieces.len() - 1;
        let mut index = 0;
        pieces.retain(|it| {
            let is_end = index == 0 || index == last_index;
            index += 1;
            is_end || !it.is_empty()
        });
        if has_single {
            return Some(Self::Single(pieces));
        }
        match pieces.as_mut_slice() {
            [first, last] if first.is_empty() && last.is_empty() => None,
            [first, last] if last.is_empty() => Some(Self::Prefix(std::mem::take(first))),
            [first, last] if first.is_empty() => Some(Self::Suffix(std::mem::take(last))),
            _ => Some(Self::General(pieces)),
        }
    }

    /// True if `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::General(pieces) => matches_pieces(pieces, text),
            Self::Single(pieces) => fits(signs(pieces), text),
        }
    }

    /// The beginning that all matching values share.
    pub fn prefix(&self) -> &str {
        let first = self.pieces().first().copied().unwrap_or("");
        first.split_once(ANY_ONE).map_or(first, |it| it.0)
    }

    /// The texts between the stars.
    pub fn pieces(&self) -> Vec<&str> {
        match self {
            Self::Prefix(prefix) => vec![prefix, ""],
            Self::Suffix(suffix) => vec!["", suffix],
            Self::General(pieces) | Self::Single(pieces) => {
                pieces.iter().map(String::as_str).collect()
            }
        }
    }
}

/// Matches greedily: taking each piece as early as possible leaves the most room for the rest, so
/// nothing has to be tried twice.
fn matches_pieces(pieces: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = pieces else { return false };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some((_, after)) = rest.split_once(piece.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last.as_str())
}

/// The pieces as the signs of a pattern, with a star between neighbours.
fn signs(pieces: &[String]) -> impl Iterator<Item = Sign> + Clone {
    pieces.iter().enumerate().flat_map(|(index, piece)| {
        let star = (index > 0).then_some(Sign::Any);
        let of_piece = |it| if it == ANY_ONE { Sign::One } else { Sign::Is(it) };
        star.into_iter().chain(piece.chars().map(of_piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str) -> Option<Glob> {
        let pattern = pattern.replace('?', &ANY_ONE.to_string());
        Glob::new(pattern.split('*').map(str::to_owned).collect())
    }

    #[test]
    fn patterns_are_sorted_by_shape() {
        assert_eq!(glob("ana*"), Some(Glob::Prefix("ana".to_owned())));
        assert_eq!(glob("*@far.example"), Some(Glob::Suffix("@far.example".to_owned())));
        assert_eq!(glob("ana**"), Some(Glob::Prefix("ana".to_owned())));
        assert!(matches!(glob("a*b"), Some(Glob::General(_))));
        assert_eq!((glob("*"), glob("***"), glob("ana")), (None, None, None));
    }

    #[test]
    fn stars_stand_for_any_text() {
        let check = |pattern, text, expect| {
            assert_eq!(glob(pattern).unwrap().matches(text), expect, "{pattern} {text}");
        };
        check("ana*", "ana@x", true);
        check("*.example", "a.example", true);
        check("a*b*c", "abc", true);
        check("a*b*c", "aXbYc", true);
        check("a*b*c", "acb", false);
        check("*far*", "a@far.example", true);
        check("ab*ba", "aba", false);
        check("*aab", "aaab", true);
        check("a**b", "ab", true);
        check("an?@x", "ana@x", true);
        check("an?@x", "an@x", false);
        check("an?", "anaa", false);
        check("?", "ä", true);
        check("*?", "", false);
        check("*?b?", "aabc", true);
        check("a?*?c", "abc", false);
        check("a?*?c", "abbc", true);
        check("*b?d*", "abbcxde", false);
        check("*b?d*", "abbde", true);
    }
}
