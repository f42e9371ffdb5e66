//! A position in the text of a query.

use super::Span;

/// Reads a text from front to back.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    rest: std::str::Chars<'t>,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, rest: text.chars() }
    }

    /// The number of bytes before the next character.
    pub(super) fn position(&self) -> usize {
        self.text.len() - self.rest.as_str().len()
    }

    pub(super) fn rest(&self) -> &'t str {
        self.rest.as_str()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        self.rest.next()
    }

    pub(super) fn advance(&mut self) {
        self.rest.next();
    }

    /// Takes the next character if it is this one.
    pub(super) fn take(&mut self, character: char) -> bool {
        let is_it = self.peek() == Some(character);
        if is_it {
            self.advance();
        }
        is_it
    }

    /// Takes `text` if it comes next.
    pub(super) fn take_text(&mut self, text: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(text) else { return false };
        self.rest = after.chars();
        true
    }

    /// Takes a keyword such as AND if it comes next as a whole word.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(keyword) else { return false };
        let ends = |it: char| it.is_whitespace() || matches!(it, '(' | ')' | '"');
        if !after.chars().next().is_none_or(ends) {
            return false;
        }
        self.rest = after.chars();
        true
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest().trim_start().chars();
    }

    /// The bytes from `start` to here.
    pub(super) fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.position() }
    }
}
