//! Long lists of values, any of which will do.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Field, Glob, Matcher, Pattern, Query, QueryError, Regexp};

/// A list of values, some of which may be patterns. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueSet(Arc<Values>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Values {
    exact: HashSet<String>,
    globs: Vec<Glob>,
    regexps: Vec<Regexp>,
}

impl ValueSet {
    /// Parses each value with [`Pattern::parse`].
    pub fn parse<'v>(
        field: Field,
        values: impl IntoIterator<Item = &'v str>,
    ) -> Result<Self, (usize, QueryError)> {
        let mut set = Values::default();
        for (place, value) in values.into_iter().enumerate() {
            let pattern = Pattern::parse(field, value).map_err(|error| (place, error))?;
            set.take(pattern.query());
        }
        Ok(Self(Arc::new(set)))
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.0.exact.len() + self.0.globs.len() + self.0.regexps.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if none of the values is a pattern.
    pub(super) fn is_exact(&self) -> bool {
        self.0.globs.is_empty() && self.0.regexps.is_empty()
    }

    /// The values that are not patterns.
    pub(super) fn exact(&self) -> impl Iterator<Item = &str> {
        self.0.exact.iter().map(String::as_str)
    }

    /// A matcher for each of the values.
    pub(super) fn matchers(&self) -> impl Iterator<Item = Matcher> {
        let exact = self.0.exact.iter().cloned().map(Matcher::Exact);
        let globs = self.0.globs.iter().cloned().map(Matcher::Glob);
        exact.chain(globs).chain(self.0.regexps.iter().cloned().map(Matcher::Regex))
    }

    /// True if a value, normalised for its field, is in the list.
    pub fn contains(&self, value: &str) -> bool {
        self.0.exact.contains(value)
            || self.0.globs.iter().any(|it| it.matches(value))
            || self.0.regexps.iter().any(|it| it.matches(value))
    }
}

impl Values {
    fn take(&mut self, query: &Query) {
        match query {
            Query::Or(queries) => queries.iter().for_each(|it| self.take(it)),
            Query::Clause(clause) => match &clause.matcher {
                Matcher::Exact(text) => _ = self.exact.insert(text.clone()),
                // Lists repeat patterns, and each one costs every value a comparison.
                Matcher::Glob(glob) if !self.globs.contains(glob) => self.globs.push(glob.clone()),
                Matcher::Regex(regexp) if !self.regexps.contains(regexp) => {
                    self.regexps.push(regexp.clone());
                }
                _ => {}
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_values_and_patterns() {
        let lines = ["Ana <ana@x.example>", "*@far.example", "near.example"];
        let set = ValueSet::parse(Field::To, lines).unwrap();
        for (value, expect) in [
            ("ana@x.example", true),
            ("bob@far.example", true),
            ("eve@near.example", true),
            ("eve@x.example", false),
        ] {
            assert_eq!(set.contains(value), expect, "{value}");
        }
        assert!(ValueSet::default().is_empty() && !set.is_empty());
        let (place, _) = ValueSet::parse(Field::To, ["ana@x.example", ""]).unwrap_err();
        assert_eq!(place, 1);
    }
}
