//! Patterns with `*`, which stands for any text, also none.

/// A pattern, sorted by how an index can look for it. Never without a `*`, never `*` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Glob {
    /// `text*`
    Prefix(String),
    /// `*text`
    Suffix(String),
    /// Any other: the texts between the stars. The first and the last are held to the ends and
    /// may be empty; those between are not.
    General(Vec<String>),
}

impl Glob {
    /// Makes a pattern of the texts between its stars. `None` for `*` alone, or without a star.
    #[must_use]
    pub fn new(mut pieces: Vec<String>) -> Option<Self> {
        if pieces.len() < 2 {
            return None;
        }
        let last_index = pieces.len() - 1;
        let mut index = 0;
        pieces.retain(|it| {
            let is_end = index == 0 || index == last_index;
            index += 1;
            is_end || !it.is_empty()
        });
        match pieces.as_mut_slice() {
            [first, last] if first.is_empty() && last.is_empty() => None,
            [first, last] if last.is_empty() => Some(Self::Prefix(std::mem::take(first))),
            [first, last] if first.is_empty() => Some(Self::Suffix(std::mem::take(last))),
            _ => Some(Self::General(pieces)),
        }
    }

    /// Whether `text` is of this pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::General(pieces) => matches_pieces(pieces, text),
        }
    }

    /// The texts between the stars.
    #[must_use]
    pub fn pieces(&self) -> Vec<&str> {
        match self {
            Self::Prefix(prefix) => vec![prefix, ""],
            Self::Suffix(suffix) => vec!["", suffix],
            Self::General(pieces) => pieces.iter().map(String::as_str).collect(),
        }
    }
}

/// Taking each piece as early as possible leaves the most room for the rest, so there is nothing
/// to try twice.
fn matches_pieces(pieces: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = pieces else { return false };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some((_, after)) = rest.split_once(piece.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str) -> Option<Glob> {
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
    }
}
