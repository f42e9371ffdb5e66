//! Texts and bytes, regardless of their meaning.

use std::borrow::Cow;

/// Returns the first line, without its newline.
pub(crate) fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|it| *it == b'\n').next().expect("what is split has a first part")
}

/// Escapes every character that could act on a terminal instead of being seen: control characters
/// (newlines and tabs too, so that one text stays one line), bidirectional overrides, zero-width
/// and other format characters.
///
/// # Example
/// ```
/// use mailtrace::sanitise;
/// assert_eq!(sanitise("plain"), "plain");
/// assert_eq!(sanitise("a\u{1b}[31m\nb\u{202e}"), "a\\u{1b}[31m\\nb\\u{202e}");
/// ```
pub fn sanitise(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            visible.extend(character.escape_default());
        } else {
            visible.push(character);
        }
    }
    Cow::Owned(visible)
}

/// True if a character must not reach a terminal unescaped: Unicode's control (Cc) and format
/// characters (Cf), line and paragraph separators (Zl, Zp), and letters that print as nothing.
pub(crate) fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(
        character,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// One sign of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Any,
    One,
    /// This character.
    Is(char),
}

/// Parses a pattern as IAM writes it: `*` is any characters, `?` any one.
pub(crate) fn iam_pattern(text: &str) -> impl Iterator<Item = Sign> + Clone {
    text.chars().map(|it| match it {
        '*' => Sign::Any,
        '?' => Sign::One,
        it => Sign::Is(it),
    })
}

/// True if a whole text fits a pattern. Takes time in proportion to the product of the two lengths:
/// if the signs after a star do not fit, only that star takes one more character, since earlier
/// stars took the least they could.
pub(crate) fn fits(pattern: impl Iterator<Item = Sign> + Clone, text: &str) -> bool {
    let (mut signs, mut rest) = (pattern, text.chars());
    // The signs after the last star, and the text from where they were last tried.
    let mut star = None;
    loop {
        // Before both are advanced: a star also fits no character at all.
        let from = rest.clone();
        match (signs.next(), rest.next()) {
            (Some(Sign::Any), _) => {
                rest = from.clone();
                star = Some((signs.clone(), from));
            }
            (Some(Sign::One), Some(_)) => {}
            (Some(Sign::Is(wanted)), Some(found)) if wanted == found => {}
            (None, None) => return true,
            _ => {
                let Some((behind, tried)) = &mut star else { return false };
                if tried.next().is_none() {
                    return false;
                }
                (signs, rest) = (behind.clone(), tried.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stand_for_anything_and_marks_for_one() {
        for (pattern, text) in
            [("", ""), ("*", ""), ("a*c", "abbc"), ("a?c", "abc"), ("*a*b*", "xaxbx"), ("**", "a")]
        {
            assert!(fits(iam_pattern(pattern), text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a?", "a"), ("a*c", "ab"), ("A", "a"), ("*ab", "aba")] {
            assert!(!fits(iam_pattern(pattern), text), "{pattern} {text}");
        }
    }

    /// The plainest definition.
    fn fits_plainly(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => {
                fits_plainly(&pattern[1..], text)
                    || (!text.is_empty() && fits_plainly(pattern, &text[1..]))
            }
            (Some('?'), Some(_)) => fits_plainly(&pattern[1..], &text[1..]),
            (Some(wanted), Some(found)) => {
                wanted == found && fits_plainly(&pattern[1..], &text[1..])
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_is_what_the_plainest_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let (wanted, found): (Vec<char>, Vec<char>) =
                (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(fits(iam_pattern(&pattern), &text), fits_plainly(&wanted, &found));
        }
    }
}
