//! The only way by which text reaches a page.

use std::fmt;

use askama::filters::Escaper;

use crate::render::html_text;

/// Escapes whatever a template prints, so that nothing in it is markup and nothing is hidden. As
/// the templates are configured with no other escaper, a stranger's text cannot bypass it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Door;

impl Escaper for Door {
    fn write_escaped_str<W: fmt::Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        dest.write_str(&html_text(string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_acts() {
        let mut page = String::new();
        Door.write_escaped_str(&mut page, "<b a='\u{202e}'>\u{1b}\n").unwrap();
        assert_eq!(page, "&lt;b a=&#39;\\u{202e}&#39;&gt;\\u{1b}\\n");
    }
}
