//! Splits a query into tokens: names, texts, numbers and operators.

use super::error::InsightsErrorKind;
use super::period::{Period, Unit};
use crate::query::Span;

/// One token of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name or keyword, by its parts. The text in backticks is one part.
    Name {
        parts: Vec<String>,
        is_quoted: bool,
    },
    Text(String),
    Number(f64),
    Period(Period),
    Sign(&'static str),
    End,
}

/// A fault, and its place.
pub(super) type Fault = (Span, InsightsErrorKind);

/// Operators and punctuation. A longer one comes before those that it begins with.
const SIGNS: [&str; 25] = [
    "=~", "==", "!=", "<=", ">=", "<>", "&&", "||", "=", "<", ">", "(", ")", "[", "]", ",", "|",
    "+", "-", "*", "/", "%", "^", ".", "!",
];

/// Walks over the text of a query.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'q> {
    text: &'q str,
    position: usize,
}

impl<'q> Lexer<'q> {
    pub(super) fn new(text: &'q str) -> Self {
        Self { text, position: 0 }
    }

    fn rest(&self) -> &'q str {
        self.text.split_at(self.position).1
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'q str {
        let rest = self.rest();
        let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
        self.position += end;
        rest.split_at(end).0
    }

    fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.position }
    }

    /// Skips blanks and comments.
    fn skip_blanks(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.peek() != Some('#') {
                return;
            }
            self.take_while(|it| it != '\n');
        }
    }

    /// The next token and its place.
    pub(super) fn next(&mut self) -> Result<(Token, Span), Fault> {
        self.skip_blanks();
        let start = self.position;
        let token = match self.peek() {
            None => Token::End,
            Some('"' | '\'') => self.quoted_text()?,
            Some(it) if it.is_ascii_digit() => self.number()?,
            Some('.') if self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                self.number()?
            }
            Some(it) if is_name_start(it) => self.name()?,
            Some(it) => {
                let sign = SIGNS.into_iter().find(|sign| self.rest().starts_with(sign));
                let end = start + it.len_utf8();
                let sign = sign.ok_or((
                    Span { start, end },
                    InsightsErrorKind::Expected { expected: "a name, a value or an operator" },
                ))?;
                self.position += sign.len();
                Token::Sign(sign)
            }
        };
        Ok((token, self.span_from(start)))
    }

    fn quoted_text(&mut self) -> Result<Token, Fault> {
        let start = self.position;
        let mut characters = self.rest().char_indices();
        let quote = characters.next().map_or('"', |it| it.1);
        let mut text = String::new();
        while let Some((index, character)) = characters.next() {
            match character {
                it if it == quote => {
                    self.position = start + index + it.len_utf8();
                    return Ok(Token::Text(text));
                }
                '\\' => match characters.next() {
                    Some((_, it @ ('"' | '\'' | '\\'))) => text.push(it),
                    // Unknown escapes stay as they are: the text may be a regular expression or a
                    // time pattern.
                    Some((_, it)) => text.extend(['\\', it]),
                    None => break,
                },
                it => text.push(it),
            }
        }
        Err((Span { start, end: start + 1 }, InsightsErrorKind::Unclosed { what: "this quote" }))
    }

    /// Reads a number, or a period if a unit follows directly.
    fn number(&mut self) -> Result<Token, Fault> {
        let start = self.position;
        self.take_while(|it| it.is_ascii_digit());
        let has_fraction = self.peek() == Some('.')
            && self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        if has_fraction {
            self.position += 1;
            self.take_while(|it| it.is_ascii_digit());
        }
        self.exponent();
        let digits = self.span_from(start).of(self.text);
        let unit = self.take_while(|it| it.is_alphanumeric() || it == '_');
        let span = self.span_from(start);
        let written = span.of(self.text).to_owned();
        // `5m` is one token, so that `m` is never taken for a field.
        if !unit.is_empty() {
            let period = Unit::from_name(unit)
                .and_then(|unit| Period::new(digits.parse().ok()?, unit))
                .ok_or((span, InsightsErrorKind::BadPeriod { text: written }))?;
            return Ok(Token::Period(period));
        }
        let number = digits.parse::<f64>().ok().filter(|it| it.is_finite());
        number.map(Token::Number).ok_or((span, InsightsErrorKind::BadNumber { text: written }))
    }

    fn exponent(&mut self) {
        let rest = self.rest().as_bytes();
        let sign = usize::from(matches!(rest.get(1), Some(b'+' | b'-')));
        let has_digits = rest.get(1 + sign).is_some_and(u8::is_ascii_digit);
        if matches!(rest.first(), Some(b'e' | b'E')) && has_digits {
            self.position += 1 + sign;
            self.take_while(|it| it.is_ascii_digit());
        }
    }

    fn name(&mut self) -> Result<Token, Fault> {
        let mut parts = vec![String::new()];
        let mut is_quoted = false;
        loop {
            match self.peek() {
                Some('`') => {
                    is_quoted = true;
                    let start = self.position;
                    self.position += 1;
                    let inside = self.take_while(|it| it != '`');
                    if self.peek() != Some('`') {
                        let span = Span { start, end: start + 1 };
                        return Err((span, InsightsErrorKind::Unclosed { what: "this backtick" }));
                    }
                    self.position += 1;
                    push(&mut parts, inside);
                }
                Some('.') => {
                    self.position += 1;
                    parts.push(String::new());
                }
                Some(it) if is_name_part(it) => {
                    let plain = self.take_while(is_name_part);
                    push(&mut parts, plain);
                }
                _ => return Ok(Token::Name { parts, is_quoted }),
            }
        }
    }

    /// Reads the regular expression whose opening slash is at `start`.
    pub(super) fn regex_at(&mut self, start: usize) -> Result<(String, Span), Fault> {
        // The lexer cannot tell this slash from a division, so the parser, which can, starts it
        // here.
        self.position = start + 1;
        let rest = self.rest();
        // A slash inside a class needs no backslash; but an opening bracket may be a plain
        // character.
        let end = slash(rest, true).or_else(|| slash(rest, false)).ok_or((
            Span { start, end: start + 1 },
            InsightsErrorKind::Unclosed { what: "this slash" },
        ))?;
        let regex = rest.split_at(end).0.replace("\\/", "/");
        self.position += end + 1;
        let flags_start = self.position;
        if !self.take_while(|it| it.is_alphanumeric()).is_empty() {
            let help = "write (?i) and other flags at the beginning: /(?i)error/";
            let what = "a flag after the regular expression";
            let span = self.span_from(flags_start);
            return Err((span, InsightsErrorKind::Unsupported { what, help }));
        }
        Ok((regex, self.span_from(start)))
    }
}

fn push(parts: &mut [String], text: &str) {
    if let Some(part) = parts.last_mut() {
        part.push_str(text);
    }
}

/// The position of the slash that ends a regular expression.
fn slash(text: &str, knows_classes: bool) -> Option<usize> {
    let (mut is_escaped, mut is_in_class) = (false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'/' if !is_in_class => return Some(index),
            b'[' if knows_classes => is_in_class = true,
            b']' => is_in_class = false,
            _ => {}
        }
    }
    None
}

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '@' | '_' | '`')
}

fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '@' | '_')
}
