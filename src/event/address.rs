//! Mail addresses, normalised so that equal ones compare equal.

use std::borrow::Cow;
use std::fmt;

/// A mail address without display name or angle brackets, in lower case.
///
/// What is not an address at all (a free-text name, say) is kept as it is, trimmed and in lower
/// case, so that nothing in an event becomes unreachable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address<'a>(Cow<'a, str>);

impl<'a> Address<'a> {
    /// Normalises `text`; `None` when nothing but blanks remains.
    ///
    /// # Example
    /// ```
    /// use mailtrace::event::Address;
    /// let address = Address::parse("Ana Ruiz <Ana@ACME.example>".into()).unwrap();
    /// assert_eq!(address.as_str(), "ana@acme.example");
    /// ```
    #[must_use]
    pub fn parse(text: Cow<'a, str>) -> Option<Self> {
        let bare = match text {
            Cow::Borrowed(text) => Cow::Borrowed(strip_display_name(text)),
            Cow::Owned(text) => Cow::Owned(strip_display_name(&text).to_owned()),
        };
        if bare.is_empty() {
            return None;
        }
        let is_lower = bare.bytes().all(|it| it.is_ascii() && !it.is_ascii_uppercase());
        Some(Self(if is_lower { bare } else { Cow::Owned(bare.to_lowercase()) }))
    }

    /// The normalised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the last `@`, or nothing.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        domain_of(self.as_str())
    }

    /// Detaches the address from the buffer it was parsed from.
    #[must_use]
    pub fn into_owned(self) -> Address<'static> {
        Address(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Takes `address` out of `Display Name <address>`.
fn strip_display_name(text: &str) -> &str {
    let text = text.trim();
    if let Some(inner) = text.strip_suffix('>')
        && let Some((_, address)) = inner.rsplit_once('<')
        && !address.trim().is_empty()
    {
        return address.trim();
    }
    text
}

/// What stands after the last `@` of an address, or nothing.
#[must_use]
pub fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let address = Address::parse(Cow::Borrowed(text));
        assert_eq!(address.as_ref().map(Address::as_str), expect, "{text:?}");
    }

    #[test]
    fn display_names_brackets_and_case_go() {
        check("ana@acme.example", Some("ana@acme.example"));
        check(" Ana@Acme.Example ", Some("ana@acme.example"));
        check("<ana@acme.example>", Some("ana@acme.example"));
        check("\"Ruiz, Ana\" <ana@acme.example>", Some("ana@acme.example"));
        check("Evil <boss@acme.example> <mallory@evil.example>", Some("mallory@evil.example"));
        check("ÄRGER@acme.example", Some("ärger@acme.example"));
    }

    #[test]
    fn what_is_no_address_is_kept() {
        check("postmaster", Some("postmaster"));
        check("<>", Some("<>"));
        check("", None);
        check("   ", None);
    }

    #[test]
    fn the_domain_follows_the_last_at_sign() {
        let address = Address::parse(Cow::Borrowed("\"a@b\"@acme.example")).unwrap();
        assert_eq!(address.domain(), Some("acme.example"));
    }
}
