//! Parses ranges and comparisons: `>=a`, `[a TO b]`.

use super::{Parsed, Parser, clause};
use crate::query::error::QueryErrorKind;
use crate::query::status::StatusBound;
use crate::query::time_value::InstantBound;
use crate::query::value::{WrittenValue, number};
use crate::query::{Field, FieldKind, Matcher, NumberRange, Query, StatusRange};

impl Parser<'_> {
    /// `>=a`, `>a`, `<=a` or `<a`.
    pub(super) fn comparison(&mut self, field: Field, start: usize) -> Parsed<Query> {
        let is_low = self.cursor.take('>');
        if !is_low {
            self.cursor.advance();
        }
        let is_inside = self.cursor.take('=');
        // A value cannot begin with a parenthesis, and an empty one would match nothing.
        if self.cursor.peek().is_none_or(|it| it.is_whitespace() || matches!(it, '(' | ')')) {
            return Err((self.cursor.span_from(start), QueryErrorKind::EmptyValue { field }));
        }
        let text = WrittenValue::read(&mut self.cursor)?.text();
        let span = self.cursor.span_from(start);
        let end = Some((text, is_inside));
        let (low, high) = if is_low { (end, None) } else { (None, end) };
        let matcher = self.between(field, low, high).map_err(|kind| (span, kind))?;
        Ok(clause(field, matcher, span))
    }

    /// `[a TO b]`, `{a TO b}`, or one bracket of each kind.
    pub(super) fn range(&mut self, field: Field, start: usize) -> Parsed<Query> {
        let is_low_inside = self.cursor.take('[');
        if !is_low_inside {
            self.cursor.advance();
        }
        let low = self.range_end()?;
        self.cursor.skip_blanks();
        if !self.cursor.take_keyword("TO") && !self.cursor.take_keyword("to") {
            return Err((self.cursor.span_from(start), QueryErrorKind::BadRange));
        }
        let high = self.range_end()?;
        self.cursor.skip_blanks();
        let is_high_inside = self.cursor.take(']');
        let is_closed = is_high_inside || self.cursor.take('}');
        let span = self.cursor.span_from(start);
        if !is_closed {
            return Err((span, QueryErrorKind::BadRange));
        }
        let low = low.map(|it| (it, is_low_inside));
        let high = high.map(|it| (it, is_high_inside));
        let matcher = self.between(field, low, high).map_err(|kind| (span, kind))?;
        Ok(clause(field, matcher, span))
    }

    /// One end of a range; `None` for `*`.
    fn range_end(&mut self) -> Parsed<Option<String>> {
        self.cursor.skip_blanks();
        let text = if self.cursor.peek() == Some('"') {
            WrittenValue::read(&mut self.cursor)?.text()
        } else {
            // `WrittenValue` would take the closing bracket as part of the value.
            let rest = self.cursor.rest();
            let end = rest.find(|it: char| it.is_whitespace() || matches!(it, ']' | '}'));
            let (text, _) = rest.split_at(end.unwrap_or(rest.len()));
            self.cursor.take_text(text);
            text.to_owned()
        };
        Ok((text != "*").then_some(text))
    }

    pub(super) fn between(
        &self,
        field: Field,
        low: Option<(String, bool)>,
        high: Option<(String, bool)>,
    ) -> Result<Matcher, QueryErrorKind> {
        if field.kind() == FieldKind::Time {
            let bound = |(text, is_inside): (String, bool)| {
                self.time_bound(&text).map(|it| (it, is_inside))
            };
            let (low, high) = (low.map(bound).transpose()?, high.map(bound).transpose()?);
            return Ok(Matcher::Time(InstantBound::between(low, high)));
        }
        if matches!(field.kind(), FieldKind::Duration | FieldKind::Number) {
            let bound =
                |(text, is_inside): (String, bool)| number(field, &text).map(|it| (it, is_inside));
            let (low, high) = (low.map(bound).transpose()?, high.map(bound).transpose()?);
            return Ok(Matcher::Number(NumberRange::between(low, high)));
        }
        let bound = |(text, is_inside): (String, bool)| {
            let bound = StatusBound::parse(&text);
            bound.map(|it| (it, is_inside)).ok_or(QueryErrorKind::BadStatus { text })
        };
        let (low, high) = (low.map(bound).transpose()?, high.map(bound).transpose()?);
        Ok(Matcher::Status(StatusRange::between(low, high)))
    }

    /// True if a range comes next rather than a `[tag]`.
    pub(super) fn is_range(&self) -> bool {
        let rest = self.cursor.rest();
        let end = rest.find([']', '}']).unwrap_or(rest.len());
        rest.get(..end).is_some_and(|it| it.contains(" TO "))
    }
}
