//! The only way by which text from mails reaches a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(super) use crate::text::is_hidden;
pub use crate::text::sanitise;

/// Sanitises `text` and cuts it to `columns` of a terminal. A cut text ends in an ellipsis.
pub fn fit(text: &str, columns: usize) -> String {
    if let Some(visible) = fit_whole(text, columns) {
        return visible.into_owned();
    }
    let visible = sanitise(start(text, columns));
    let mut fitting = String::new();
    let mut used = 0_usize;
    for character in visible.chars() {
        used += character.width().unwrap_or(0);
        // The last column is kept for the ellipsis; a wide character may leave another one empty.
        if used >= columns {
            break;
        }
        fitting.push(character);
    }
    if columns > 0 {
        fitting.push('…');
    }
    fitting
}

/// Returns the sanitised `text` if all of it fits into `columns` of a terminal.
pub(super) fn fit_whole(text: &str, columns: usize) -> Option<Cow<'_, str>> {
    let start = start(text, columns);
    let visible = (start.len() == text.len()).then(|| sanitise(start))?;
    (visible.width() <= columns).then_some(visible)
}

/// Returns as much of `text` as can matter to `columns` of a terminal. Each column takes at least
/// one character with a width, and more than a few without one (accents) on each are not writing.
/// This cheap cut keeps a huge text cheap.
fn start(text: &str, columns: usize) -> &str {
    const CHARACTERS_PER_COLUMN_MAX: usize = 8;
    let end = columns.saturating_add(1).saturating_mul(CHARACTERS_PER_COLUMN_MAX);
    let end = text.char_indices().nth(end).map_or(text.len(), |(index, _)| index);
    text.get(..end).unwrap_or(text)
}

/// Returns the columns of a terminal that a sanitised text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Writes a hidden character as a JSON escape, in UTF-16.
pub(super) fn push_json_escape(character: char, escaped: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _infallible = write!(escaped, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_is_shown_instead() {
        let check = |text: &str, expect: &str| assert_eq!(sanitise(text), expect);
        check("Grüße 👋 日本", "Grüße 👋 日本");
        check("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}");
        check("a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}");
        check("\u{9b}31m", "\\u{9b}31m");
        check("safe\u{202e}fdp.exe", "safe\\u{202e}fdp.exe");
        check("a\u{200b}b\u{feff}\u{2028}", "a\\u{200b}b\\u{feff}\\u{2028}");
    }

    #[test]
    fn a_cut_text_ends_in_an_ellipsis_and_fits() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdef", 5), "abcd…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 1), "…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(columns(&fit(&"x".repeat(10_000_000), 80)), 80);
    }

    proptest! {
        #[test]
        fn sanitised_text_has_nothing_hidden(text in "(\\p{Cc}|\\p{Cf}|\\p{Zl}|\\p{Zp}|\\PC|[a-z]){0,40}", columns in 0..60_usize) {
            for visible in [sanitise(&text).into_owned(), fit(&text, columns)] {
                prop_assert!(!visible.contains(is_hidden), "{visible:?}");
                prop_assert!(!visible.contains(char::is_control));
            }
            prop_assert!(fit(&text, columns).width() <= columns);
        }

        #[test]
        fn every_format_character_of_unicode_is_hidden(text in "(\\p{Cc}|\\p{Cf}|\\p{Zl}|\\p{Zp}){1,20}") {
            prop_assert!(sanitise(&text).is_ascii(), "{:?}", sanitise(&text));
        }
    }
}
