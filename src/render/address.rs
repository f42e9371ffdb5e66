//! Addresses for people: those that look like another are marked.
//!
//! `ana@аcme.example` with a Cyrillic а reads as the organization's own. A domain that is not ASCII
//! is followed by the form that name servers use, and a label or local part in scripts that nobody
//! mixes by a mark. Programs get addresses unchanged.

use std::borrow::Cow;
use std::fmt;

use icu_properties::props::Script;
use icu_properties::script::{ScriptExtensionsSet, ScriptWithExtensions};
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use super::sanitise::{columns, fit, fit_whole};
use crate::limits;

const MIXED_SCRIPTS: &str = "[mixed scripts]";
const NO_DOMAIN: &str = "[not a domain name]";

/// Minimum columns that an address keeps when there is no room for it and its marks.
const BARE_COLUMNS_MIN: usize = 9;

/// Sets of scripts that are written together, by the level "Highly Restrictive" of
/// [UTS 39](https://www.unicode.org/reports/tr39/#Restriction_Level_Detection).
const WRITTEN_TOGETHER: [&[Script]; 3] = [
    &[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana],
    &[Script::Latin, Script::Han, Script::Bopomofo],
    &[Script::Latin, Script::Han, Script::Hangul],
];

/// A text for people in which marks follow the addresses that need them. When it is cut, the marks
/// stay, each next to its address as long as there is room.
///
/// Its `Display` is fit for a terminal: sanitised, and cut to [`limits::TABLE_TEXT_COLUMNS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    whole: String,
    /// The text in pieces, if it has marks.
    pieces: Vec<AddressPiece>,
}

/// A part of a text that may be cut, and what follows it that may not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AddressPiece {
    text: String,
    marks: String,
    separator: &'static str,
}

/// The separator between a sender and a recipient.
const TO: &str = " → ";

impl Marked {
    /// Marks an address.
    #[must_use]
    pub fn address(address: &str) -> Self {
        Self::new(|namer| namer.address(address).into_owned())
    }

    /// Marks the domain of an address.
    #[must_use]
    pub fn domain(domain: &str) -> Self {
        Self::new(|namer| namer.domain(domain).into_owned())
    }

    /// Makes a text with `say`, which passes each address to the namer.
    pub(super) fn new(say: impl Fn(&mut Namer) -> String) -> Self {
        let mut namer = Namer { is_exact: false, marked: Vec::new() };
        let whole = say(&mut namer);
        let pieces =
            if namer.marked.is_empty() { Vec::new() } else { pieces(&whole, &namer.marked) };
        Self { whole, pieces }
    }

    /// Returns the text, sanitised and cut to `width` columns. The text has priority over the
    /// marks.
    pub(super) fn fit(&self, width: usize) -> String {
        if self.pieces.is_empty() {
            return fit(&self.whole, width);
        }
        let whole = fit_whole(&self.whole, width).map(Cow::into_owned);
        whole
            // A mark belongs next to its address, but even apart from it it is a warning.
            .or_else(|| self.fit_pieces(width))
            .unwrap_or_else(|| self.fit_with_marks_behind(width))
    }

    /// Puts each mark next to its address; `None` if that leaves too little of the addresses.
    fn fit_pieces(&self, width: usize) -> Option<String> {
        let fixed = self.pieces.iter().map(|it| {
            let blank = usize::from(!it.marks.is_empty());
            blank + columns(&it.marks) + columns(it.separator)
        });
        let mut room = width.checked_sub(fixed.sum())?;
        let lengths: Vec<usize> =
            self.pieces.iter().map(|it| columns(&fit(&it.text, width))).collect();
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        // Shortest first: what a short piece does not use goes to the longer ones after it.
        order.sort_by_key(|it| lengths.get(*it));
        let mut widths = vec![0; lengths.len()];
        for (done, index) in order.iter().enumerate() {
            let (Some(length), Some(width)) = (lengths.get(*index), widths.get_mut(*index)) else {
                continue;
            };
            *width = room.checked_div(order.len() - done)?.min(*length);
            if *width < *length && *width < BARE_COLUMNS_MIN {
                return None;
            }
            room -= *width;
        }
        let mut fitting = String::new();
        for (piece, width) in self.pieces.iter().zip(widths) {
            fitting.push_str(&fit(&piece.text, width));
            if !piece.marks.is_empty() {
                fitting.push(' ');
                fitting.push_str(&piece.marks);
            }
            fitting.push_str(piece.separator);
        }
        Some(fitting)
    }

    fn fit_with_marks_behind(&self, width: usize) -> String {
        let mut bare = String::new();
        let mut marks: Vec<&str> = Vec::new();
        for piece in &self.pieces {
            bare.push_str(&piece.text);
            bare.push_str(piece.separator);
            if !piece.marks.is_empty() && !marks.contains(&piece.marks.as_str()) {
                marks.push(&piece.marks);
            }
        }
        // Marks go to the end, where they are visible, though it is no longer clear whose they are.
        let marks = fit(&marks.join(" "), width.saturating_sub(BARE_COLUMNS_MIN + 1));
        if marks.is_empty() {
            return fit(&bare, width);
        }
        format!("{} {marks}", fit(&bare, width.saturating_sub(columns(&marks) + 1)))
    }
}

/// Splits a text at its marked addresses, and at the separator between sender and recipient.
fn pieces(whole: &str, marked: &[(String, String)]) -> Vec<AddressPiece> {
    let mut pieces = Vec::new();
    let mut rest = whole;
    for (address, marks) in marked {
        // The address was named but did not get into the text.
        let Some((before, after)) = rest.split_once(&format!("{address} {marks}")) else {
            continue;
        };
        push_plain(before, &mut pieces);
        let (text, marks) = (address.clone(), marks.clone());
        pieces.push(AddressPiece { text, marks, separator: "" });
        rest = after;
    }
    push_plain(rest, &mut pieces);
    pieces
}

fn push_plain(text: &str, pieces: &mut Vec<AddressPiece>) {
    for part in text.split_inclusive(TO) {
        let (text, separator) = part.strip_suffix(TO).map_or((part, ""), |it| (it, TO));
        pieces.push(AddressPiece { text: text.to_owned(), marks: String::new(), separator });
    }
}

impl fmt::Display for Marked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.fit(limits::TABLE_TEXT_COLUMNS_MAX))
    }
}

/// Names addresses, and remembers those that got marks.
pub(super) struct Namer {
    is_exact: bool,
    /// The marked addresses, each with its marks.
    marked: Vec<(String, String)>,
}

impl Namer {
    /// Makes a namer that leaves addresses unchanged.
    pub(super) fn exact() -> Self {
        Self { is_exact: true, marked: Vec::new() }
    }

    pub(super) fn address<'a>(&mut self, address: &'a str) -> Cow<'a, str> {
        self.name(address, |address| match address.rsplit_once('@') {
            Some((local, domain)) => marks_of(Some(local), Some(domain)),
            None => marks_of(Some(address), None),
        })
    }

    pub(super) fn domain<'a>(&mut self, domain: &'a str) -> Cow<'a, str> {
        self.name(domain, |domain| marks_of(None, Some(domain)))
    }

    fn name<'a>(&mut self, text: &'a str, marks_of: fn(&str) -> Vec<String>) -> Cow<'a, str> {
        // ASCII is its own ASCII form, and has a single script.
        if self.is_exact || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let marks = marks_of(text);
        if marks.is_empty() {
            return Cow::Borrowed(text);
        }
        let marks = marks.join(" ");
        let marked = format!("{text} {marks}");
        self.marked.push((text.to_owned(), marks));
        Cow::Owned(marked)
    }
}

fn marks_of(local: Option<&str>, domain: Option<&str>) -> Vec<String> {
    let mut marks = Vec::new();
    if let Some(domain) = domain.filter(|it| !it.is_ascii()) {
        marks.push(match ascii_form(domain) {
            Some(ascii) => format!("[{ascii}]"),
            None => NO_DOMAIN.to_owned(),
        });
    }
    let labels = domain.into_iter().flat_map(|it| it.split('.'));
    if local.into_iter().chain(labels).any(mixes_scripts) {
        marks.push(MIXED_SCRIPTS.to_owned());
    }
    marks
}

/// Returns the form of a domain that name servers use; `None` if it is no domain.
///
/// Text that becomes a domain only when letters are replaced or dropped (full-width or zero-width
/// ones) is none: naming the result would claim that it was that domain.
fn ascii_form(domain: &str) -> Option<String> {
    if domain.len() > limits::DOMAIN_BYTES_MAX {
        return None;
    }
    let (rules, deny) = (Uts46::new(), AsciiDenyList::URL);
    let length = DnsLength::VerifyAllowRootDot;
    let ascii = rules.to_ascii(domain.as_bytes(), deny, Hyphens::Allow, length).ok()?;
    let is_same = |(written, ascii): (&str, &str)| {
        let read = || rules.to_unicode(ascii.as_bytes(), deny, Hyphens::Allow).0;
        written.is_ascii() || written.nfc().eq(read().chars())
    };
    let is_as_written = domain.split('.').count() == ascii.split('.').count()
        && domain.split('.').zip(ascii.split('.')).all(is_same);
    is_as_written.then(|| ascii.into_owned())
}

/// True if a text has letters of scripts that are not written together.
fn mixes_scripts(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    let scripts = ScriptWithExtensions::new();
    // Digits, punctuation and combining marks go with every script.
    let is_anyones = |it: &ScriptExtensionsSet<'_>| {
        it.contains(&Script::Common) || it.contains(&Script::Inherited)
    };
    let letters = || {
        let sets = text.chars().map(|it| scripts.get_script_extensions_val(it));
        sets.filter(|it| !is_anyones(it))
    };
    let is_in = |some: &[Script]| letters().all(|set| some.iter().any(|it| set.contains(it)));
    letters().next().is_some_and(|first| {
        // A letter may belong to several scripts, so one that all letters share is looked for, then
        // a set of which each letter has one.
        !first.iter().any(|it| is_in(&[it])) && !WRITTEN_TOGETHER.into_iter().any(is_in)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::sanitise::is_hidden;

    #[test]
    fn what_looks_like_another_address_is_marked() {
        let check = |address: &str, marks: &str| {
            let expect = format!("{address} {marks}");
            assert_eq!(Marked::address(address).to_string(), expect.trim_end(), "{address}");
        };
        check("ana@acme.example", "");
        check("ana@xn--cme-5cd.example", "");
        check("ana@аcme.example", "[xn--cme-5cd.example] [mixed scripts]");
        check("müller@münchen.example", "[xn--mnchen-3ya.example]");
        check("иван@почта.example", "[xn--80a1acny.example]");
        check("иван@acme.example", "");
        check("аna@acme.example", "[mixed scripts]");
        check("αna", "[mixed scripts]");
        // Japanese is written in three scripts, and Latin among them.
        check("info@日本のabcテスト.example", "[xn--abc-kc4b2orcp3889hdoc.example]");
        check("김abc漢@acme.example", "");
        check("김の@acme.example", "[mixed scripts]");
        // One label may be in one script and the next in another.
        check("ana@почта.münchen.example", "[xn--80a1acny.xn--mnchen-3ya.example]");
        check("ana@mu\u{308}nchen.example", "[xn--mnchen-3ya.example]");
        check("ana@münchen.xn--mnchen-3ya.example", "[xn--mnchen-3ya.xn--mnchen-3ya.example]");
        check("ana@münchen.example.", "[xn--mnchen-3ya.example.]");
        check("ana@straße.example", "[xn--strae-oqa.example]");
    }

    #[test]
    fn what_is_no_domain_is_not_given_as_one() {
        for domain in [
            "ａcme.example",
            "acme。example",
            "mün chen.example",
            "аcme.example [acme.example]",
            "mün]chen.example",
            &"ü".repeat(300),
            &format!("{}.example", "ü".repeat(64)),
            &"ü.".repeat(1_000_000),
        ] {
            let shown = Marked::domain(domain).to_string();
            assert!(shown.contains(NO_DOMAIN), "{shown}");
        }
        let hidden = Marked::address("ana@ac\u{200b}me.example").to_string();
        assert_eq!(hidden, "ana@ac\\u{200b}me.example [not a domain name]");
    }

    #[test]
    fn a_cut_leaves_the_mark() {
        let address = Marked::address("ana.maria.ruiz@аcme.example");
        for (width, expect) in [
            (66, "ana.maria.ruiz@аcme.example [xn--cme-5cd.example] [mixed scripts]"),
            (60, "ana.maria.ruiz@аcme.e… [xn--cme-5cd.example] [mixed scripts]"),
            (47, "ana.mari… [xn--cme-5cd.example] [mixed scripts]"),
            (20, "ana.mari… [xn--cme-…"),
            (9, "ana.mari…"),
            (0, ""),
        ] {
            assert_eq!(address.fit(width), expect);
        }
        let padded = Marked::address(&format!("{}@аcme.example", "x".repeat(1_000_000)));
        assert!(padded.to_string().ends_with("x… [xn--cme-5cd.example] [mixed scripts]"));
        let two = Marked::new(|namer| {
            format!("{} → {}", namer.address("ana@аcme.example"), namer.address("bob@аcme.example"))
        });
        assert_eq!(two.fit(60), "ana@аcme.example → bo… [xn--cme-5cd.example] [mixed scripts]");
    }

    #[test]
    fn a_mark_stays_with_its_address() {
        let fit = |from: &str, to: &str| {
            let both =
                |namer: &mut Namer| format!("{} → {}", namer.address(from), namer.address(to));
            Marked::new(both).fit(68)
        };
        assert_eq!(
            fit("ana@аcme.example", "bob@acme.example"),
            "ana@аcme.exa… [xn--cme-5cd.example] [mixed scripts] → bob@acme.exam…"
        );
        assert_eq!(
            fit("ana@acme.example", "bob@аcme.example"),
            "ana@acme.exa… → bob@аcme.exam… [xn--cme-5cd.example] [mixed scripts]"
        );
        assert_eq!(
            fit("a@b.example", "bob@аcme.example"),
            "a@b.example → bob@аcme.example [xn--cme-5cd.example] [mixed scripts]"
        );
    }

    proptest! {
        #[test]
        fn whatever_the_address_it_fits_and_does_not_act(
            address in "(\\p{Cc}|\\p{Cf}|\\PC|[a-z.@]|xn--){0,40}@(\\p{Cf}|\\PC|[a-zа-яα-ω.@]|xn--){0,40}",
            width in 0..90_usize,
        ) {
            let shown = Marked::address(&address).fit(width);
            prop_assert!(!shown.contains(is_hidden), "{shown:?}");
            prop_assert!(columns(&shown) <= width, "{shown:?}");
        }

        #[test]
        fn plain_addresses_are_left_alone(address in "[ -~]{0,60}") {
            prop_assert_eq!(Marked::address(&address).to_string(), address);
        }
    }
}
