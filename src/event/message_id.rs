//! Message IDs, compared exactly, with or without their angle brackets.

use std::borrow::Cow;
use std::fmt;

/// The value of a `Message-ID` header without its angle brackets. Case matters.
///
/// Displays with the brackets, as in mail headers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId<'a>(Cow<'a, str>);

impl<'a> MessageId<'a> {
    /// Normalises `text`; `None` if it is not an ID: empty, a placeholder for a missing value, or
    /// masked. Many people's mail may share such a text, so as a key it would join strangers' mail.
    pub fn parse(text: Cow<'a, str>) -> Option<Self> {
        let bare = match text {
            Cow::Borrowed(text) => Cow::Borrowed(strip_brackets(text)),
            Cow::Owned(text) => Cow::Owned(strip_brackets(&text).to_owned()),
        };
        is_id(&bare).then_some(Self(bare))
    }

    /// Returns the ID without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Detaches the ID from the buffer it was parsed from.
    pub fn into_owned(self) -> MessageId<'static> {
        MessageId(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for MessageId<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{}>", self.0)
    }
}

/// Words that programs write in place of a missing ID.
const PLACEHOLDERS: [&str; 10] =
    ["null", "none", "nil", "undefined", "unknown", "n/a", "na", "-", "(null)", "(none)"];

/// This many asterisks in a row are a mask: CloudWatch's data protection replaces each character,
/// so IDs of the same length become equal.
const MASK: &str = "****";

fn is_id(bare: &str) -> bool {
    bare.chars().any(char::is_alphanumeric)
        && !bare.contains(MASK)
        && !PLACEHOLDERS.iter().any(|it| bare.eq_ignore_ascii_case(it))
}

fn strip_brackets(text: &str) -> &str {
    let mut bare = text.trim();
    // All pairs of brackets: any left over would keep legs from joining.
    while let Some(inner) = bare.strip_prefix('<').and_then(|it| it.strip_suffix('>')) {
        bare = inner.trim();
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let id = MessageId::parse(Cow::Borrowed(text));
        assert_eq!(id.as_ref().map(MessageId::as_str), expect, "{text:?}");
    }

    #[test]
    fn brackets_and_blanks_go_and_case_stays() {
        check("<Abc@mail.example>", Some("Abc@mail.example"));
        check(" Abc@mail.example ", Some("Abc@mail.example"));
        check("< <a@b>>", Some("a@b"));
        check("<>", None);
        check("", None);
        check("<a", Some("<a"));
    }

    #[test]
    fn what_stands_for_no_id_is_none() {
        for placeholder in PLACEHOLDERS {
            check(placeholder, None);
            check(&format!(" <{}> ", placeholder.to_uppercase()), None);
        }
        for masked in ["****", "<**************>", "<****@acme.example>", "***", "<--->", "<@>"] {
            check(masked, None);
        }
        check("<null@acme.example>", Some("null@acme.example"));
        check("<a**b@acme.example>", Some("a**b@acme.example"));
        check("<0>", Some("0"));
    }

    #[test]
    fn it_displays_with_brackets() {
        let id = MessageId::parse(Cow::Borrowed("a@b")).unwrap();
        assert_eq!(id.to_string(), "<a@b>");
    }
}
