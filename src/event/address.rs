//! Mail addresses: shown as logged, compared in one normal form.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::address_text::{each_mailbox, normal_address};

/// A mail address without display name, comments, prefix or route.
///
/// Addresses are equal if their normal forms are: the domain in lower case and IDNA (A-labels)
/// without a trailing dot, the local part in NFC and lower case without unnecessary quotes.
///
/// A text that is not an address at all, such as a name, is kept, trimmed and in lower case, so
/// that nothing in an event becomes unreachable.
#[derive(Clone, Debug)]
pub struct Address<'a> {
    logged: Cow<'a, str>,
    /// The normal form, if it differs from `logged`. Most do not, and then nothing is allocated.
    normal: Option<Box<str>>,
}

impl<'a> Address<'a> {
    /// Returns the first address in `text`; `None` if there are only blanks.
    ///
    /// # Example
    /// ```
    /// use mailtrace::Address;
    /// let address = Address::parse("Ana Ruiz <Ana@Bücher.example> (home)".into()).unwrap();
    /// assert_eq!(address.logged(), "Ana@Bücher.example");
    /// assert_eq!(address.as_str(), "ana@xn--bcher-kva.example");
    /// ```
    pub fn parse(text: Cow<'a, str>) -> Option<Self> {
        let mut first = None;
        Self::each(text, |it| _ = first.get_or_insert(it));
        first
    }

    /// Calls `visit` with every address in a text, which may be a list.
    pub fn each(text: Cow<'a, str>, mut visit: impl FnMut(Self)) {
        if is_plain_address(&text) {
            let has_upper = text.bytes().any(|it| it.is_ascii_uppercase());
            let normal = has_upper.then(|| text.to_ascii_lowercase().into_boxed_str());
            visit(Self { logged: text, normal });
            return;
        }
        match text {
            Cow::Borrowed(text) => each_mailbox(text, &mut |it| visit(Self::bare(it))),
            Cow::Owned(text) => {
                each_mailbox(&text, &mut |it| visit(Self::bare(Cow::Owned(it.into_owned()))));
            }
        }
    }

    /// Makes an address of a text with nothing around it.
    fn bare(logged: Cow<'a, str>) -> Self {
        let normal = match normal_address(&logged) {
            Cow::Borrowed(_) => None,
            Cow::Owned(normal) => Some(normal.into_boxed_str()),
        };
        Self { logged, normal }
    }

    /// Returns the normal form, by which addresses are compared, counted and looked up.
    pub fn as_str(&self) -> &str {
        self.normal.as_deref().unwrap_or(&self.logged)
    }

    /// Returns the address as logged, to be shown to people and programs.
    pub fn logged(&self) -> &str {
        &self.logged
    }

    /// True if asterisks replace the address, as CloudWatch's data protection writes them. Whose it
    /// is cannot be known, so it is nobody's.
    pub fn is_masked(&self) -> bool {
        // Searching for one byte is much faster than for two.
        self.logged.contains('*')
            && (self.logged.contains("**") || self.logged.starts_with("*@") || self.logged == "*")
    }

    /// Detaches the address from the buffer it was parsed from.
    pub fn into_owned(self) -> Address<'static> {
        Address { logged: Cow::Owned(self.logged.into_owned()), normal: self.normal }
    }
}

/// True if a text is a plain address and nothing else, as nearly all are: an `@` between letters
/// and digits. Its normal form is its lower case. Texts that are not ASCII, or might have something
/// around an address, are examined more closely.
pub(crate) fn is_plain_address(text: &str) -> bool {
    let text = text.as_bytes();
    let is_edge = |it: Option<&u8>| it.is_some_and(u8::is_ascii_alphanumeric);
    let is_part = |it: &u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_' | b'+');
    let at = memchr::memchr(b'@', text);
    at.and_then(|it| Some((text.get(..it)?, text.get(it + 1..)?))).is_some_and(|(local, domain)| {
        is_edge(local.first())
            && is_edge(local.last())
            && is_edge(domain.first())
            && is_edge(domain.last())
            && local.iter().all(is_part)
            && domain.iter().all(is_part)
    })
}

impl PartialEq for Address<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Address<'_> {}

impl Hash for Address<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.as_str().hash(hasher);
    }
}

impl PartialOrd for Address<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Address<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.logged)
    }
}

/// Returns the part after the last `@` of an address.
pub fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what is logged and the normal form of each address of a text.
    fn check(text: &str, expect: &[(&str, &str)]) {
        let mut found = Vec::new();
        Address::each(Cow::Borrowed(text), |it| {
            found.push((it.logged().to_owned(), it.as_str().to_owned()));
        });
        let expect: Vec<(String, String)> =
            expect.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, expect, "{text:?}");
        let mut owned = Vec::new();
        Address::each(Cow::Owned(text.to_owned()), |it| owned.push(it.as_str().to_owned()));
        assert_eq!(owned, found.into_iter().map(|(_, it)| it).collect::<Vec<_>>(), "{text:?}");
    }

    /// Checks the normal form of the one address of a text.
    fn check_one(text: &str, expect: &str) {
        let mut found = Vec::new();
        Address::each(Cow::Borrowed(text), |it| found.push(it.as_str().to_owned()));
        assert_eq!(found, [expect], "{text:?}");
    }

    proptest::proptest! {
        #[test]
        fn a_plain_address_has_the_normal_form_that_any_has(text in "[a-zA-Z0-9._+-]{1,6}@?[a-zA-Z0-9._@-]{1,6}") {
            Address::each(Cow::Borrowed(&text), |it| {
                assert_eq!(it.as_str(), normal_address(it.logged()));
            });
        }
    }

    #[test]
    fn display_names_brackets_and_case_go() {
        check_one("ana@acme.example", "ana@acme.example");
        check(" Ana@Acme.Example ", &[("Ana@Acme.Example", "ana@acme.example")]);
        check_one("<ana@acme.example>", "ana@acme.example");
        check_one("\"Ruiz, Ana\" <ana@acme.example>", "ana@acme.example");
        check_one("Ruiz, Ana <ana@acme.example>", "ana@acme.example");
        check_one("Evil <boss@acme.example> <mallory@evil.example>", "mallory@evil.example");
        check_one("ana@acme.example <ana@acme.example>", "ana@acme.example");
        check_one("Ana <ana@acme.example> via list", "ana@acme.example");
        check_one("'ana@acme.example'", "ana@acme.example");
        check_one("Ana\r\n <ana@acme.example>", "ana@acme.example");
        check_one("Ana <ana@acme.example", "ana@acme.example");
    }

    #[test]
    fn comments_prefixes_routes_and_dots_go() {
        check_one("ana@acme.example (Ana (at) home)", "ana@acme.example");
        check_one("(a, b) ana@acme.example", "ana@acme.example");
        check_one("ana(x)@(y)acme.example", "ana@acme.example");
        check_one("ana @ acme.example", "ana@acme.example");
        check("rfc822;Bob@Far.example", &[("Bob@Far.example", "bob@far.example")]);
        check_one("RFC822; bob@far.example", "bob@far.example");
        check_one("SMTP:bob@far.example", "bob@far.example");
        check_one("mailto:bob@far.example", "bob@far.example");
        check_one("<@relay.example,@b.example:bob@far.example>", "bob@far.example");
        check_one("@relay.example,@b.example:bob@far.example", "bob@far.example");
        check_one("bob@far.example.", "bob@far.example");
        check_one("<bob@far.example.>", "bob@far.example");
        check_one("<<bob@far.example>>", "bob@far.example");
    }

    #[test]
    fn one_form_for_each_spelling_of_a_character() {
        check_one("ana@Bücher.example", "ana@xn--bcher-kva.example");
        check_one("ana@XN--BCHER-KVA.example", "ana@xn--bcher-kva.example");
        check_one("ana@bu\u{308}cher。example", "ana@xn--bcher-kva.example");
        check_one("ÄRGER@acme.example", "ärger@acme.example");
        check_one("a\u{308}rger@acme.example", "ärger@acme.example");
        check_one("ana＠acme.example", "ana@acme.example");
        check_one("\"ana\"@acme.example", "ana@acme.example");
        check_one("\"ana ruiz\"@acme.example", "\"ana ruiz\"@acme.example");
        check_one("\"a@b\"@acme.example", "\"a@b\"@acme.example");
        check_one("bob@[IPv6:2001:DB8::1]", "bob@[ipv6:2001:db8::1]");
        check_one("bob@_dmarc.far.example", "bob@_dmarc.far.example");
    }

    #[test]
    fn several_addresses_are_several() {
        let both = [("a@x.example", "a@x.example"), ("B@y.example", "b@y.example")];
        for text in [
            "a@x.example,B@y.example",
            "a@x.example; B@y.example;",
            "a@x.example B@y.example",
            "<a@x.example>, Bo <B@y.example>",
            "Team: a@x.example, B@y.example;",
            "\"A, a\" <a@x.example>, B, b <B@y.example>",
            "rfc822;a@x.example, rfc822;B@y.example",
            "a@x.example\nB@y.example",
            "a@x.example (one, two), B@y.example",
        ] {
            check(text, &both);
        }
        check("Ana <a@x.example>\nBo <B@y.example>", &both);
    }

    #[test]
    fn what_is_no_address_is_kept() {
        check("postmaster", &[("postmaster", "postmaster")]);
        check("Mail Delivery, System", &[("Mail Delivery, System", "mail delivery, system")]);
        check("(nobody)", &[("(nobody)", "(nobody)")]);
        check("<>", &[("<>", "<>")]);
        check("", &[]);
        check("   ", &[]);
    }

    #[test]
    fn masked_addresses_are_told_from_others() {
        let is_masked = |text: &str| Address::parse(Cow::Borrowed(text)).unwrap().is_masked();
        for text in
            ["****************", "***@acme.example", "a***@acme.example", "*@x.example", "ana@***"]
        {
            assert!(is_masked(text), "{text}");
        }
        for text in ["ana@acme.example", "a*b@acme.example", "<>"] {
            assert!(!is_masked(text), "{text}");
        }
    }

    #[test]
    fn the_domain_follows_the_last_at_sign() {
        let address = Address::parse(Cow::Borrowed("\"a@b\"@acme.example")).unwrap();
        assert_eq!(domain_of(address.as_str()), Some("acme.example"));
    }

    #[test]
    fn long_texts_take_their_time_once() {
        for part in ["(", "<", "\"", "@", ",", "a@b ", "a@b,", "a <", "@a:", "\\", "x;"] {
            Address::each(part.repeat(300_000).into(), |_| {});
        }
    }
}
