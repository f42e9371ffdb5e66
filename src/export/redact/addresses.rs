//! Finds mail addresses in any text.

use std::ops::Range;

/// How an `@` is written within texts that quote or encode addresses.
const AT_SIGNS: [&str; 8] = ["@", "＠", "﹫", "%40", "&#64;", "&#x40;", "&commat;", "\\u0040"];

/// Bytes of an address of a network in brackets, more than any has.
const LITERAL_BYTES_MAX: usize = 64;

/// The first address in a text: where it stands, and what it is with a plain `@`.
pub(super) fn first_address(text: &str) -> Option<(Range<usize>, String)> {
    let mut from = 0;
    while let Some((at, sign)) = next_at_sign(text, from) {
        // Most signs have no domain behind them, and looking backwards is the long way.
        let domain = domain_part(text.get(at + sign.len()..)?);
        let local = if domain.is_empty() { "" } else { local_part(text.get(..at)?) };
        if !local.is_empty() {
            let range = at - local.len()..at + sign.len() + domain.len();
            return Some((range, format!("{local}@{domain}")));
        }
        from = at + sign.len();
    }
    None
}

/// The first sign at or after `from`.
fn next_at_sign(text: &str, from: usize) -> Option<(usize, &'static str)> {
    // Each of them begins with one of these.
    let mut rest = text.get(from..)?;
    let mut offset = from;
    loop {
        let at = rest.find(['@', '＠', '﹫', '%', '&', '\\'])?;
        let tail = rest.get(at..)?;
        let starts =
            |sign: &&&str| tail.get(..sign.len()).is_some_and(|it| it.eq_ignore_ascii_case(sign));
        if let Some(sign) = AT_SIGNS.iter().find(starts) {
            return Some((offset + at, sign));
        }
        let skipped = at + tail.chars().next().map_or(1, char::len_utf8);
        rest = rest.get(skipped..)?;
        offset += skipped;
    }
}

/// What before an `@` belongs to its address: a quoted text, or as much as may stand there.
fn local_part(before: &str) -> &str {
    if let Some(quoted) = before.strip_suffix('"')
        && let Some(start) = quoted.rfind('"')
    {
        return before.get(start..).unwrap_or_default();
    }
    let is_part =
        |it: char| it.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.\\".contains(it) || !it.is_ascii();
    let start = before
        .char_indices()
        .rev()
        .take_while(|(_, it)| is_part(*it) && !it.is_whitespace())
        .last()
        .map_or(before.len(), |(index, _)| index);
    before.get(start..).unwrap_or_default()
}

/// What after an `@` belongs to its address: a host, or an address of a network in brackets.
fn domain_part(after: &str) -> &str {
    if after.starts_with('[')
        && let Some(end) = after.bytes().take(LITERAL_BYTES_MAX).position(|it| it == b']')
    {
        return after.get(..=end).unwrap_or_default();
    }
    let is_part = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-' | '_');
    let end = after.find(|it| !is_part(it)).unwrap_or(after.len());
    after.get(..end).unwrap_or_default().trim_end_matches(['.', '-', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(&str, &str)]) {
        let mut found = Vec::new();
        let mut rest = text;
        while let Some((range, address)) = first_address(rest) {
            found.push((rest.get(range.clone()).unwrap().to_owned(), address));
            rest = rest.get(range.end..).unwrap();
        }
        let expect: Vec<(String, String)> =
            expect.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn addresses_are_found_however_they_are_quoted() {
        let plain = |it| (it, it);
        check("550 5.1.1 <bob@acme.example>: unknown.", &[plain("bob@acme.example")]);
        check(
            "(bob.o'hara+x@acme.example, eve@x)",
            &[plain("bob.o'hara+x@acme.example"), plain("eve@x")],
        );
        check("\"bob ross\"@acme.example.", &[plain("\"bob ross\"@acme.example")]);
        check("ärger@bücher.example!", &[plain("ärger@bücher.example")]);
        check("bob@[192.0.2.1]", &[plain("bob@[192.0.2.1]")]);
        check("mailto:bob%40acme.example?x", &[("bob%40acme.example", "bob@acme.example")]);
        check("bob＠acme.example", &[("bob＠acme.example", "bob@acme.example")]);
        check("bob&#X40;acme.example", &[("bob&#X40;acme.example", "bob@acme.example")]);
        check("a @ b, @x, y@, 100% & 2=2 \\", &[]);
    }

    #[test]
    fn long_texts_take_their_time_once() {
        let text = "%&@[\\".repeat(500_000);
        assert_eq!(first_address(&text), None);
        let text = format!("{}@", "a".repeat(2_000_000));
        assert_eq!(first_address(&text), None);
    }
}
