//! Parses `parse` and `SOURCE`.

use regex::{Regex, RegexBuilder};

use super::ast::{CommandKind, Expr, Source, SourceTime};
use super::error::InsightsErrorKind;
use super::lexer::{Fault, Token};
use super::parse::Parser;
use crate::limits;
use crate::query::Span;
use crate::time::LoggedTime;

/// Compiles a regular expression within its bounds.
pub(super) fn compiled(regex: &str) -> Result<Regex, InsightsErrorKind> {
    let depth_max = u32::try_from(limits::QUERY_DEPTH_MAX).unwrap_or(u32::MAX);
    RegexBuilder::new(regex)
        .size_limit(limits::INSIGHTS_REGEX_BYTES_MAX)
        .dfa_size_limit(limits::INSIGHTS_REGEX_CACHE_BYTES_MAX)
        .nest_limit(depth_max)
        .build()
        .map_err(|error| InsightsErrorKind::BadRegex { reason: in_a_line(&error) })
}

/// The fault in one line; the crate's own text draws the expression and marks the place.
fn in_a_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().next_back().unwrap_or(&text).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl Parser<'_> {
    pub(super) fn parse_command(&mut self) -> Result<CommandKind, Fault> {
        let is_pattern = |it: &Token| matches!(it, Token::Text(_) | Token::Sign("/"));
        // A whole expression would take the slash of the regular expression for a division.
        let source = if is_pattern(&self.token) { None } else { Some(self.postfix()?) };
        match self.token {
            Token::Text(_) => self.parse_glob(source),
            Token::Sign("/") => self.parse_regex(source),
            _ => Err(self.expected("a pattern in quotes, or a regular expression between slashes")),
        }
    }

    fn parse_glob(&mut self, source: Option<Expr>) -> Result<CommandKind, Fault> {
        let span = self.span;
        let Token::Text(text) = self.advance()? else { return Err(self.expected("a pattern")) };
        let glob: Vec<String> = text.split('*').map(str::to_owned).collect();
        let names = if self.take_keyword("as")? { self.separated(Self::name)? } else { Vec::new() };
        let stars = glob.len().saturating_sub(1);
        if stars != names.len() || stars == 0 {
            let kind = InsightsErrorKind::StarsAndNames { stars, names: names.len() };
            return Err((span, kind));
        }
        Ok(CommandKind::ParseGlob { source, glob, names })
    }

    fn parse_regex(&mut self, source: Option<Expr>) -> Result<CommandKind, Fault> {
        let (text, span) = self.regex()?;
        let regex = compiled(&text).map_err(|it| (span, it))?;
        let groups = regex.capture_names().enumerate();
        let named: Vec<(String, usize)> =
            groups.filter_map(|(index, name)| Some((name?.to_owned(), index))).collect();
        let names = if self.take_keyword("as")? {
            // Names after the expression stand for its groups in order.
            let given = self.separated(Self::name)?;
            let groups = regex.captures_len().saturating_sub(1);
            if given.len() != groups {
                let kind = InsightsErrorKind::StarsAndNames { stars: groups, names: given.len() };
                return Err((span, kind));
            }
            given.into_iter().zip(1..).collect()
        } else {
            named
        };
        if names.is_empty() {
            return Err((
                span,
                InsightsErrorKind::Expected { expected: "a group with a name, (?<name>…)" },
            ));
        }
        Ok(CommandKind::ParseRegex { source, regex, names })
    }

    /// Parses the log groups before the first command.
    pub(super) fn sources(&mut self) -> Result<Vec<Source>, Fault> {
        let mut sources = Vec::new();
        while self.take_keyword("source")? {
            let Token::Text(_) = self.token else {
                return Err((
                    self.span,
                    InsightsErrorKind::Unsupported {
                        what: "a SOURCE that is not a log group in quotes",
                        help: "write SOURCE '/aws/workmail/emailevents/*', or use --log-group",
                    },
                ));
            };
            let Token::Text(log_group) = self.advance()? else { continue };
            let mut source = Source { log_group, start: None, end: None };
            loop {
                if self.take_keyword("start")? {
                    source.start = Some(self.source_time()?);
                } else if self.take_keyword("end")? {
                    source.end = Some(self.source_time()?);
                } else {
                    break;
                }
            }
            sources.push(source);
            self.expect_sign("|", "| and a command")?;
        }
        Ok(sources)
    }

    /// Parses `=-3600s`, `=0s`, or a number since 1970.
    fn source_time(&mut self) -> Result<SourceTime, Fault> {
        self.expect_sign("=", "=")?;
        let span = self.span;
        let is_negative = self.take_sign("-")?;
        let span = Span { start: span.start, end: self.span.end };
        let text = self.span.of(self.text).to_owned();
        let bad = (span, InsightsErrorKind::BadPeriod { text: text.clone() });
        let time = match &self.token {
            // A period counts back from now, so it needs its minus; only 0 is the same without.
            Token::Period(period) if is_negative || period.count == 0 => {
                period.ms().map(SourceTime::BeforeNow)
            }
            Token::Number(_) => {
                let number = text.parse::<i64>().ok();
                match number {
                    Some(0) => Some(SourceTime::BeforeNow(0)),
                    Some(_) if is_negative => None,
                    Some(it) => LoggedTime::from_number(it).map(|it| SourceTime::At(it.at.as_ms())),
                    None => None,
                }
            }
            _ => None,
        };
        let time = time.ok_or(bad)?;
        self.advance()?;
        Ok(time)
    }
}
