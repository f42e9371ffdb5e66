//! Parses values and conditions.

use super::ast::{Comparison, Expr, ExprKind, Operator, Pattern, Step};
use super::error::InsightsErrorKind;
use super::function::{Aggregate, Arity, Function};
use super::lexer::{Fault, Token};
use super::parse::Parser;
use super::parse_source::compiled;
use super::time_pattern::TimePattern;
use crate::limits;
use crate::query::Span;

impl Expr {
    /// The name of the field, if this is one.
    pub(super) fn field_name(&self) -> Option<String> {
        match &self.kind {
            ExprKind::Field(parts) => Some(parts.join(".")),
            _ => None,
        }
    }
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<Expr, Fault> {
        self.nested(Self::or)
    }

    /// Parses one level deeper.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > limits::QUERY_DEPTH_MAX {
            return Err((self.span, InsightsErrorKind::TooDeep));
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn made(&self, start: usize, kind: ExprKind) -> Expr {
        Expr { kind, span: Span { start, end: self.previous_end } }
    }

    fn or(&mut self) -> Result<Expr, Fault> {
        self.joined("or", Self::and, ExprKind::Or)
    }

    fn and(&mut self) -> Result<Expr, Fault> {
        self.joined("and", Self::negation, ExprKind::And)
    }

    /// Parses conditions with a keyword between them; a single one stays as it is.
    fn joined(
        &mut self,
        keyword: &str,
        part: fn(&mut Self) -> Result<Expr, Fault>,
        kind: fn(Vec<Expr>) -> ExprKind,
    ) -> Result<Expr, Fault> {
        let start = self.span.start;
        let first = part(self)?;
        if !self.is_keyword(keyword) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_keyword(keyword)? {
            parts.push(part(self)?);
        }
        Ok(self.made(start, kind(parts)))
    }

    fn negation(&mut self) -> Result<Expr, Fault> {
        let start = self.span.start;
        if self.take_keyword("not")? {
            let inner = self.nested(Self::negation)?;
            return Ok(self.made(start, ExprKind::Not(Box::new(inner))));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, Fault> {
        let start = self.span.start;
        let left = self.sum()?;
        let comparison = match self.token {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            Token::Sign("=~") => {
                self.advance()?;
                return self.like(start, left, false);
            }
            _ => return self.worded_comparison(start, left),
        };
        self.advance()?;
        let right = self.sum()?;
        // Logs Insights takes no written dates, and comparing them as texts would be silently
        // wrong.
        if is_written_date(&left, &right) || is_written_date(&right, &left) {
            return Err((
                self.made(start, ExprKind::Bool(false)).span,
                InsightsErrorKind::WrittenDate,
            ));
        }
        let kind = ExprKind::Compare(comparison, Box::new(left), Box::new(right));
        Ok(self.made(start, kind))
    }

    /// `like`, `in`, and their negations.
    fn worded_comparison(&mut self, start: usize, left: Expr) -> Result<Expr, Fault> {
        let is_negated = self.take_keyword("not")?;
        if self.take_keyword("like")? {
            return self.like(start, left, is_negated);
        }
        if self.take_keyword("in")? {
            let value = Box::new(left);
            let list = self.list()?;
            return Ok(self.made(start, ExprKind::In { value, list, is_negated }));
        }
        if is_negated { Err(self.expected("like or in")) } else { Ok(left) }
    }

    fn like(&mut self, start: usize, value: Expr, is_negated: bool) -> Result<Expr, Fault> {
        let pattern = match self.token {
            Token::Sign("/") => {
                let (text, span) = self.regex()?;
                Pattern::Regex(compiled(&text).map_err(|it| (span, it))?)
            }
            // Taken in two steps, because the token cannot be moved out while it is matched.
            Token::Text(_) => match self.advance()? {
                Token::Text(text) => Pattern::Substring(text),
                _ => return Err(self.expected("a text")),
            },
            _ => {
                let expected = "a text in quotes, or a regular expression between slashes";
                return Err(self.expected(expected));
            }
        };
        let value = Box::new(value);
        Ok(self.made(start, ExprKind::Like { value, pattern, is_negated }))
    }

    fn list(&mut self) -> Result<Vec<Expr>, Fault> {
        if self.is_sign("(") {
            let (what, help) =
                ("a query within a query", "write its values as a list: in [\"a\", \"b\"]");
            return Err((self.span, InsightsErrorKind::Unsupported { what, help }));
        }
        self.expect_sign("[", "a list such as [\"a\", \"b\"]")?;
        self.up_to("]", ", or ]")
    }

    /// Parses values between commas up to the closing sign; `expected` names what may follow a
    /// value.
    fn up_to(&mut self, close: &str, expected: &'static str) -> Result<Vec<Expr>, Fault> {
        let mut values = Vec::new();
        if self.take_sign(close)? {
            return Ok(values);
        }
        loop {
            values.push(self.expr()?);
            if self.take_sign(close)? {
                return Ok(values);
            }
            self.expect_sign(",", expected)?;
        }
    }

    /// Parses operators of one precedence from left to right. Each one nests the value one level
    /// deeper.
    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Expr, Fault>,
        operator: fn(&Token) -> Option<Operator>,
    ) -> Result<Expr, Fault> {
        let (start, depth) = (self.span.start, self.depth);
        let mut left = operand(self)?;
        while let Some(it) = operator(&self.token) {
            // The chain is a loop here, but evaluating its left-leaning tree recurses.
            self.depth += 1;
            if self.depth > limits::QUERY_DEPTH_MAX {
                return Err((self.span, InsightsErrorKind::TooDeep));
            }
            self.advance()?;
            let right = operand(self)?;
            left = self.made(start, ExprKind::Arithmetic(it, Box::new(left), Box::new(right)));
        }
        self.depth = depth;
        Ok(left)
    }

    fn sum(&mut self) -> Result<Expr, Fault> {
        self.chain(Self::product, |it| match it {
            Token::Sign("+") => Some(Operator::Add),
            Token::Sign("-") => Some(Operator::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Expr, Fault> {
        self.chain(Self::power, |it| match it {
            Token::Sign("*") => Some(Operator::Multiply),
            Token::Sign("/") => Some(Operator::Divide),
            Token::Sign("%") => Some(Operator::Remainder),
            _ => None,
        })
    }

    fn power(&mut self) -> Result<Expr, Fault> {
        let start = self.span.start;
        // `-2^2` is `-(2^2)`.
        if self.take_sign("-")? {
            let inner = self.nested(Self::power)?;
            return Ok(self.made(start, ExprKind::Negative(Box::new(inner))));
        }
        let base = self.postfix()?;
        if !self.take_sign("^")? {
            return Ok(base);
        }
        // Right-associative: `2^3^2` is `2^9`.
        let exponent = self.nested(Self::power)?;
        let kind = ExprKind::Arithmetic(Operator::Power, Box::new(base), Box::new(exponent));
        Ok(self.made(start, kind))
    }

    /// A value, and the steps into it.
    pub(super) fn postfix(&mut self) -> Result<Expr, Fault> {
        let start = self.span.start;
        let value = self.primary()?;
        let mut steps = Vec::new();
        loop {
            if self.take_sign("[")? {
                let expected = "the number of an item";
                let Token::Number(number) = self.token else { return Err(self.expected(expected)) };
                let index = self.span.of(self.text).parse().map_err(|_| self.expected(expected))?;
                debug_assert!(number >= 0.0);
                self.advance()?;
                self.expect_sign("]", "]")?;
                steps.push(Step::Index(index));
            } else if self.take_sign(".")? {
                let Token::Name { .. } = self.token else { return Err(self.expected("a name")) };
                if let Token::Name { parts, .. } = self.advance()? {
                    steps.extend(parts.into_iter().map(Step::Member));
                }
            } else {
                break;
            }
        }
        if steps.is_empty() {
            return Ok(value);
        }
        Ok(self.made(start, ExprKind::Part(Box::new(value), steps)))
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let start = self.span.start;
        if self.take_sign("(")? {
            let mut inner = self.expr()?;
            // The span includes the parentheses, so that errors underline them too.
            self.expect_sign(")", ")")?;
            inner.span = Span { start, end: self.previous_end };
            return Ok(inner);
        }
        match self.token {
            Token::Text(_) | Token::Number(_) | Token::Name { .. } => {}
            Token::Sign("!") => {
                let kind = InsightsErrorKind::ForeignOperator { operator: "!", ours: "not" };
                return Err((self.span, kind));
            }
            _ => return Err(self.expected("a value")),
        }
        let span = self.span;
        let kind = match self.advance()? {
            Token::Text(text) => ExprKind::Text(text),
            Token::Number(number) => ExprKind::Number(number),
            Token::Name { parts, is_quoted } => {
                // A name in backticks is always a field, even before a parenthesis.
                if !is_quoted && self.is_sign("(") {
                    return self.call(&parts.join("."), span);
                }
                match parts.as_slice() {
                    [name] if !is_quoted && name.eq_ignore_ascii_case("true") => {
                        ExprKind::Bool(true)
                    }
                    [name] if !is_quoted && name.eq_ignore_ascii_case("false") => {
                        ExprKind::Bool(false)
                    }
                    _ => ExprKind::Field(parts),
                }
            }
            _ => return Err(self.expected("a value")),
        };
        Ok(Expr { kind, span })
    }

    /// Parses the call of a function, whose opening parenthesis comes next.
    fn call(&mut self, name: &str, span: Span) -> Result<Expr, Fault> {
        self.advance()?;
        let lower = name.to_ascii_lowercase();
        let kind = match lower.as_str() {
            "bin" => self.rounded(None, false, name, span)?,
            "datefloor" | "dateceil" => {
                let time = self.expr()?;
                self.expect_sign(",", ", and a period")?;
                self.rounded(Some(Box::new(time)), lower == "dateceil", name, span)?
            }
            _ => match (Aggregate::from_name(name), Function::from_name(name)) {
                (Some(aggregate), _) => self.aggregate(aggregate, name, span)?,
                (None, Some((function, arity))) => {
                    let arguments = self.up_to(")", ", or )")?;
                    check_arguments(function, arity, &arguments, name, span)?;
                    ExprKind::Call(function, arguments)
                }
                (None, None) => {
                    let kind = InsightsErrorKind::UnknownFunction { name: name.to_owned() };
                    return Err((span, kind));
                }
            },
        };
        Ok(self.made(span.start, kind))
    }

    fn rounded(
        &mut self,
        time: Option<Box<Expr>>,
        is_up: bool,
        name: &str,
        span: Span,
    ) -> Result<ExprKind, Fault> {
        let Token::Period(period) = self.token else {
            return Err(match self.token {
                Token::Sign(")") => {
                    let arity = Arity { least: 1, most: 1 };
                    (span, InsightsErrorKind::Arguments { name: name.to_owned(), arity })
                }
                _ => self.expected("a period such as 5m or 1h"),
            });
        };
        if period.count == 0 {
            let text = self.span.of(self.text).to_owned();
            return Err((self.span, InsightsErrorKind::BadPeriod { text }));
        }
        self.advance()?;
        self.expect_sign(")", ")")?;
        Ok(ExprKind::Round { time, period, is_up })
    }

    fn aggregate(
        &mut self,
        aggregate: Aggregate,
        name: &str,
        span: Span,
    ) -> Result<ExprKind, Fault> {
        let wrong = |least, most| {
            let arity = Arity { least, most };
            Err((span, InsightsErrorKind::Arguments { name: name.to_owned(), arity }))
        };
        if aggregate == Aggregate::Count && self.take_sign("*")? {
            self.expect_sign(")", ")")?;
            return Ok(ExprKind::Aggregate(aggregate, None));
        }
        let mut arguments = self.up_to(")", ", or )")?;
        let is_percentile = matches!(aggregate, Aggregate::Percentile(_));
        match arguments.len() {
            0 if aggregate == Aggregate::Count => Ok(ExprKind::Aggregate(aggregate, None)),
            1 if !is_percentile => {
                Ok(ExprKind::Aggregate(aggregate, arguments.pop().map(Box::new)))
            }
            2 if is_percentile => {
                let percent = arguments.pop();
                let number = percent.as_ref().and_then(|it| match it.kind {
                    ExprKind::Number(number) if (0.0..=100.0).contains(&number) => Some(number),
                    _ => None,
                });
                let Some(number) = number else {
                    let expected = "a number from 0 to 100";
                    let span = percent.map_or(span, |it| it.span);
                    return Err((span, InsightsErrorKind::Expected { expected }));
                };
                let value = arguments.pop().map(Box::new);
                Ok(ExprKind::Aggregate(Aggregate::Percentile(number), value))
            }
            _ if is_percentile => wrong(2, 2),
            _ if aggregate == Aggregate::Count => wrong(0, 1),
            _ => wrong(1, 1),
        }
    }
}

fn check_arguments(
    function: Function,
    arity: Arity,
    arguments: &[Expr],
    name: &str,
    span: Span,
) -> Result<(), Fault> {
    // AWS takes that many branches; a default is one argument more.
    let most = match function {
        Function::Case => 2 * limits::INSIGHTS_BRANCHES_MAX + 1,
        _ => arity.most,
    };
    let arity = Arity { most, ..arity };
    if !arity.takes(arguments.len()) {
        return Err((span, InsightsErrorKind::Arguments { name: name.to_owned(), arity }));
    }
    let text = |index: usize| match arguments.get(index) {
        Some(Expr { kind: ExprKind::Text(text), span }) => Some((text.as_str(), *span)),
        _ => None,
    };
    let bad_pattern = |span, at| Err((span, InsightsErrorKind::BadTimePattern { at }));
    match (function, text(1)) {
        (Function::RegexReplace, Some((regex, span))) => {
            compiled(regex).map(drop).map_err(|it| (span, it))
        }
        (Function::ParseDate, Some((pattern, span))) => match TimePattern::of_java(pattern) {
            Ok(_) => Ok(()),
            Err(at) => bad_pattern(span, at),
        },
        (Function::FormatDate, Some((pattern, span))) => match TimePattern::of_strftime(pattern) {
            Ok(_) => Ok(()),
            Err(at) => bad_pattern(span, at),
        },
        _ => Ok(()),
    }
}

/// True if a time is compared with a text that is not a number.
fn is_written_date(time: &Expr, text: &Expr) -> bool {
    let is_time = match &time.kind {
        ExprKind::Field(parts) => {
            matches!(parts.as_slice(), [it] if it == "@timestamp" || it == "@ingestionTime")
        }
        ExprKind::Round { .. } => true,
        _ => false,
    };
    is_time && matches!(&text.kind, ExprKind::Text(text) if text.trim().parse::<f64>().is_err())
}
