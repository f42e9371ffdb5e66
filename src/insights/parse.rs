//! Parses commands.

use super::ast::{Command, CommandKind, Item, Query, SortKey};
use super::error::{InsightsError, InsightsErrorKind, is_unsupported};
use super::lexer::{Fault, Lexer, Token};
use crate::limits;
use crate::query::Span;

/// Parses a query of CloudWatch Logs Insights.
///
/// # Errors
///
/// [`InsightsError`], which locates what is wrong or not supported: nothing is ever skipped.
pub fn parse(text: &str) -> Result<Query, InsightsError> {
    if text.len() > limits::QUERY_BYTES_MAX {
        return Err(InsightsError::new(text, Span::default(), InsightsErrorKind::TooLong));
    }
    let error = |(span, kind): Fault| InsightsError::new(text, span, kind);
    Parser::new(text).and_then(Parser::query).map_err(error)
}

/// A query that is being parsed, with one token of lookahead.
pub(super) struct Parser<'q> {
    pub(super) text: &'q str,
    lexer: Lexer<'q>,
    pub(super) token: Token,
    pub(super) span: Span,
    /// The end of the previous token.
    pub(super) previous_end: usize,
    /// The nesting depth of expressions at this point.
    pub(super) depth: usize,
}

impl<'q> Parser<'q> {
    fn new(text: &'q str) -> Result<Self, Fault> {
        let mut lexer = Lexer::new(text);
        let (token, span) = lexer.next()?;
        Ok(Self { text, lexer, token, span, previous_end: 0, depth: 0 })
    }

    /// Moves on to the next token and returns the current one.
    pub(super) fn advance(&mut self) -> Result<Token, Fault> {
        let (token, span) = self.lexer.next()?;
        self.previous_end = self.span.end;
        self.span = span;
        Ok(std::mem::replace(&mut self.token, token))
    }

    /// Reads the regular expression whose opening slash is the current token.
    pub(super) fn regex(&mut self) -> Result<(String, Span), Fault> {
        let (regex, span) = self.lexer.regex_at(self.span.start)?;
        let (token, next_span) = self.lexer.next()?;
        self.previous_end = span.end;
        (self.token, self.span) = (token, next_span);
        Ok((regex, span))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.token, Token::Sign(it) if it == sign)
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> Result<bool, Fault> {
        let is_it = self.is_sign(sign);
        if is_it {
            self.advance()?;
        }
        Ok(is_it)
    }

    pub(super) fn expect_sign(&mut self, sign: &str, expected: &'static str) -> Result<(), Fault> {
        if self.take_sign(sign)? { Ok(()) } else { Err(self.expected(expected)) }
    }

    /// The current keyword, in lower case.
    pub(super) fn keyword(&self) -> Option<String> {
        match &self.token {
            // A name in backticks is a field, even if it is spelled like a keyword.
            Token::Name { parts, is_quoted: false } => match parts.as_slice() {
                [name] => Some(name.to_ascii_lowercase()),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        self.keyword().as_deref() == Some(keyword)
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> Result<bool, Fault> {
        let is_it = self.is_keyword(keyword);
        if is_it {
            self.advance()?;
        }
        Ok(is_it)
    }

    /// The error that something else is expected here.
    pub(super) fn expected(&self, expected: &'static str) -> Fault {
        (self.span, InsightsErrorKind::Expected { expected })
    }

    fn query(mut self) -> Result<Query, Fault> {
        let sources = self.sources()?;
        let mut commands = Vec::new();
        loop {
            let span = self.span;
            let kind = self.command()?;
            commands.push(Command { kind, span });
            match self.token {
                Token::End => break,
                Token::Sign("|") => drop(self.advance()?),
                _ => return Err(self.unexpected()),
            }
        }
        Ok(Query { text: self.text.to_owned(), sources, commands })
    }

    /// The error for a token that follows a complete command and is not `|`.
    fn unexpected(&self) -> Fault {
        let foreign =
            |operator, ours| (self.span, InsightsErrorKind::ForeignOperator { operator, ours });
        match self.token {
            Token::Sign("==") => foreign("==", "="),
            Token::Sign("<>") => foreign("<>", "!="),
            Token::Sign("&&") => foreign("&&", "and"),
            Token::Sign("||") => foreign("||", "or"),
            Token::Sign("!") => foreign("!", "not"),
            _ => self.expected("| or the end of the query"),
        }
    }

    fn command(&mut self) -> Result<CommandKind, Fault> {
        let span = self.span;
        let Some(name) = self.keyword() else { return Err(self.expected("a command")) };
        let written = span.of(self.text).to_owned();
        // A command of the service gets advice of its own; any other name may be a typo.
        let unknown = if is_unsupported(&name) {
            InsightsErrorKind::UnsupportedCommand { name: name.clone() }
        } else {
            InsightsErrorKind::UnknownCommand { name: written }
        };
        self.advance()?;
        match name.as_str() {
            "fields" => Ok(CommandKind::Fields(self.items()?)),
            "display" => Ok(CommandKind::Display(self.items()?)),
            "filter" | "where" | "filterindex" => Ok(CommandKind::Filter(self.expr()?)),
            "sort" => Ok(CommandKind::Sort(self.separated(Self::sort_key)?)),
            "limit" => self.limit(),
            "stats" => self.stats(),
            "parse" => self.parse_command(),
            "dedup" => Ok(CommandKind::Dedup(self.separated(Self::expr)?)),
            "unnest" => self.unnest(),
            "expand" => self.expand(),
            _ => Err((span, unknown)),
        }
    }

    /// Parses one or more parts between commas.
    pub(super) fn separated<T>(
        &mut self,
        part: impl Fn(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut parts = vec![part(self)?];
        while self.take_sign(",")? {
            parts.push(part(self)?);
        }
        Ok(parts)
    }

    /// Parses values with their names, between commas.
    fn items(&mut self) -> Result<Vec<Item>, Fault> {
        self.separated(Self::item)
    }

    fn item(&mut self) -> Result<Item, Fault> {
        let start = self.span.start;
        let expr = self.expr()?;
        if self.take_keyword("as")? {
            let name = self.name()?;
            return Ok(Item { expr, name });
        }
        let name = match expr.field_name() {
            Some(name) => name,
            None => {
                let written = Span { start, end: self.previous_end }.of(self.text);
                written.split_whitespace().collect::<Vec<_>>().join(" ")
            }
        };
        Ok(Item { expr, name })
    }

    /// Parses a name that the query gives to something.
    pub(super) fn name(&mut self) -> Result<String, Fault> {
        match self.token {
            Token::Name { .. } => match self.advance()? {
                Token::Name { parts, .. } => Ok(parts.join(".")),
                _ => Err(self.expected("a name")),
            },
            _ => Err(self.expected("a name")),
        }
    }

    fn sort_key(&mut self) -> Result<SortKey, Fault> {
        let expr = self.expr()?;
        let is_descending = self.take_keyword("desc")?;
        if !is_descending {
            self.take_keyword("asc")?;
        }
        Ok(SortKey { expr, is_descending })
    }

    fn limit(&mut self) -> Result<CommandKind, Fault> {
        // `limit any n` stops at the first n rows found; the n rows in order are as good an answer.
        self.take_keyword("any")?;
        let span = self.span;
        let text = span.of(self.text).to_owned();
        let count = text.parse::<usize>().ok().filter(|it| *it <= limits::RESULT_ROWS_MAX);
        match (&self.token, count) {
            (Token::Number(_), Some(count)) => {
                self.advance()?;
                Ok(CommandKind::Limit(count))
            }
            (Token::Number(_), None) => Err((span, InsightsErrorKind::BadNumber { text })),
            _ => Err(self.expected("a number of rows")),
        }
    }

    fn stats(&mut self) -> Result<CommandKind, Fault> {
        let items = self.items()?;
        let keys = if self.take_keyword("by")? { self.items()? } else { Vec::new() };
        Ok(CommandKind::Stats { items, keys })
    }

    fn unnest(&mut self) -> Result<CommandKind, Fault> {
        let list = self.expr()?;
        if !self.take_keyword("into")? {
            return Err(self.expected("into and a name"));
        }
        Ok(CommandKind::Unnest { list, name: self.name()? })
    }

    /// Parses `expand`: an `unnest` under the field's own name.
    fn expand(&mut self) -> Result<CommandKind, Fault> {
        let list = self.expr()?;
        match list.field_name() {
            Some(name) => Ok(CommandKind::Unnest { list, name }),
            None => Err((list.span, InsightsErrorKind::Expected { expected: "a field" })),
        }
    }
}
