//! Words as a POSIX shell takes them.

use std::borrow::Cow;

/// A word for a shell: bare where nothing in it could act, else in single quotes.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,@+".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_word_acts_in_a_shell() {
        let check = |word: &str, expect: &str| assert_eq!(quoted(word), expect);
        check("/aws/workmail-x_1.2", "/aws/workmail-x_1.2");
        check("", "''");
        check("a b", "'a b'");
        check("$(id)`id`;#*~", "'$(id)`id`;#*~'");
        check("it's", r"'it'\''s'");
        check("arn:aws:logs:x:1:log-group:/g:*", "'arn:aws:logs:x:1:log-group:/g:*'");
    }
}
