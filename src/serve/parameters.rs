//! The query string of a URL.

use std::borrow::Cow;
use std::fmt;

use crate::limits;

/// The parameters of a request, decoded and in their order. A name may occur more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

/// The reason why a URL's parameters cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// They are not UTF-8 once decoded.
    #[error("the parameters are not UTF-8")]
    NotUtf8,
    /// There are too many.
    #[error("more than {} parameters", limits::SERVE_PARAMETERS_MAX)]
    TooMany,
}

impl Parameters {
    /// Parses what follows the question mark.
    pub fn parse(query: &str) -> Result<Self, ParameterError> {
        let mut parameters = Vec::new();
        for part in query.split('&').filter(|it| !it.is_empty()) {
            if parameters.len() == limits::SERVE_PARAMETERS_MAX {
                return Err(ParameterError::TooMany);
            }
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            parameters.push((decoded(name)?, decoded(value)?));
        }
        Ok(Self(parameters))
    }

    /// Returns the first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(it, _)| *it == name).map(|(_, value)| value)
    }

    /// Returns the first value of a name, or the empty string. A form sends fields that were left
    /// empty as empty strings, which ask for nothing either.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// Iterates over all names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the parameters without those of a name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(it, _)| it != name).cloned().collect())
    }

    /// Returns the parameters with one appended.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut parameters = self.0.clone();
        parameters.push((name.to_owned(), value.to_owned()));
        Self(parameters)
    }
}

/// Formats the parameters for a URL, without the question mark.
impl fmt::Display for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = form_urlencoded::Serializer::new(String::new());
        formatter.write_str(&text.extend_pairs(&self.0).finish())
    }
}

/// Decodes a name or value. Forms encode a blank as `+`.
fn decoded(text: &str) -> Result<String, ParameterError> {
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| ParameterError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_written() {
        let parsed = Parameters::parse("q=from%3Aana+x&&to=a&to=%C3%A9&flag&p=100%").unwrap();
        assert_eq!(parsed.get("q"), Some("from:ana x"));
        let of_to = parsed.iter().filter(|(name, _)| *name == "to").map(|(_, value)| value);
        assert_eq!(of_to.collect::<Vec<_>>(), ["a", "é"]);
        assert_eq!((parsed.get("flag"), parsed.get("p")), (Some(""), Some("100%")));
        assert_eq!(parsed.get("none"), None);
        let written = parsed.to_string();
        assert_eq!(written, "q=from%3Aana+x&to=a&to=%C3%A9&flag=&p=100%25");
        assert_eq!(Parameters::parse(&written).unwrap(), parsed);
        assert_eq!(
            parsed.without("to").with("x", "&").to_string(),
            "q=from%3Aana+x&flag=&p=100%25&x=%26"
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert_eq!(Parameters::parse("q=%ff"), Err(ParameterError::NotUtf8));
        let many = "a=b&".repeat(limits::SERVE_PARAMETERS_MAX + 1);
        assert_eq!(Parameters::parse(&many), Err(ParameterError::TooMany));
    }
}
