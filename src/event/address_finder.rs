//! Finds mail addresses in any text. Erasing and redacting share it, so that both find the same.

use std::ops::Range;

use super::address_text::normal_address;
use super::escapes::unescaped;
use super::subject::decoded_subject;

/// Layers of escapes that are removed from a text: JSON in JSON, links in links.
const LAYERS_MAX: usize = 8;

/// Calls `visit` with the normal form of everything in a text that may be a mail address, and with
/// its mere lower case if that differs.
///
/// Addresses are found beneath several layers of JSON, HTML and URL escapes, and in encoded words.
/// A text need be neither JSON nor whole. `ana@x.example` is not found in `diana@x.example`.
pub fn each_address(text: &str, visit: &mut dyn FnMut(&str)) {
    // Unescaped first, as in JSON the letter of an escape would look like part of the next word.
    let is_json = text.trim_start().starts_with(['{', '[', '"']);
    let mut layer = if is_json { unescaped(text) } else { text.into() };
    for _ in 0..LAYERS_MAX {
        each_in_layer(&layer, visit);
        if layer.contains("=?") {
            let decoded = decoded_subject(&layer);
            each_in_layer(&decoded, visit);
            each_in_layer(&unescaped(&decoded), visit);
        }
        let next = unescaped(&layer);
        if *next == *layer {
            break;
        }
        layer = next.into_owned().into();
    }
}

fn each_in_layer(text: &str, visit: &mut dyn FnMut(&str)) {
    let mut from = 0;
    while let Some((range, address)) = text.get(from..).and_then(first_address) {
        from += range.end;
        // Every reading of a text is offered: an address that is missed would stay after an
        // erasure.
        let mut offer = |address: &str| {
            let normal = normal_address(address);
            visit(&normal);
            let lower = address.to_lowercase();
            if *normal != lower {
                visit(&lower);
            }
        };
        offer(&address);
        let Some((local, domain)) = address.rsplit_once('@') else { continue };
        // A quoted local part has only one reading.
        if local.starts_with('"') {
            continue;
        }
        // Quoted, or after a sign that an address may contain but seldom begins with.
        let bare = local.trim_start_matches(|it: char| !it.is_alphanumeric());
        if bare != local && !bare.is_empty() {
            offer(&format!("{bare}@{domain}"));
        }
        // `to=ana@x.example`, `?cc=ana@x.example`, and an address after an escape.
        if let Some((_, last)) = bare.rsplit_once(['=', '&', '?', '/', '|', '{', '\\'])
            && !last.is_empty()
        {
            offer(&format!("{last}@{domain}"));
        }
        if let Some((_, escape)) = local.rsplit_once('\\')
            && let Some(last) = escape.strip_prefix(['n', 'r', 't', 'b', 'f'])
            && !last.is_empty()
        {
            offer(&format!("{last}@{domain}"));
        }
    }
}

/// Spellings of `@` in texts that quote or encode addresses.
const AT_SIGNS: [&str; 8] = ["@", "＠", "﹫", "%40", "&#64;", "&#x40;", "&commat;", "\\u0040"];

/// Bytes of an IP address in brackets at most; none has as many.
const LITERAL_BYTES_MAX: usize = 64;

/// Returns the range of the first address in a text, and the address with a plain `@`.
pub fn first_address(text: &str) -> Option<(Range<usize>, String)> {
    let mut from = 0;
    while let Some((at, sign)) = next_at_sign(text, from) {
        // Most signs have no domain after them, and the search backwards is the expensive one.
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

/// Returns the first `@` in any spelling at or after `from`.
fn next_at_sign(text: &str, from: usize) -> Option<(usize, &'static str)> {
    // Each spelling begins with one of these.
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

/// Returns the local part before an `@`: a quoted text, or all characters that may be in one.
fn local_part(before: &str) -> &str {
    if let Some(quoted) = before.strip_suffix('"')
        && let Some(start) = quoted.rfind('"')
    {
        return before.split_at(start).1;
    }
    let is_part =
        |it: char| it.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.\\".contains(it) || !it.is_ascii();
    let start = before
        .char_indices()
        .rev()
        .take_while(|(_, it)| is_part(*it) && !it.is_whitespace())
        .last()
        .map_or(before.len(), |(index, _)| index);
    before.split_at(start).1
}

/// Returns the domain after an `@`: a host, or an IP address in brackets.
fn domain_part(after: &str) -> &str {
    if after.starts_with('[')
        && let Some(end) = after.bytes().take(LITERAL_BYTES_MAX).position(|it| it == b']')
    {
        return after.split_at(end + 1).0;
    }
    let is_part = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-' | '_');
    let end = after.find(|it| !is_part(it)).unwrap_or(after.len());
    after.split_at(end).0.trim_end_matches(['.', '-', '_'])
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

    fn check_each(text: &str, expect: &str) {
        let mut found = Vec::new();
        each_address(text, &mut |it| found.push(it.to_owned()));
        assert!(found.iter().any(|it| it == expect), "{text}: {found:?}");
    }

    #[test]
    fn addresses_are_found_beneath_every_layer() {
        for text in [
            r#"{"to":["Ana@X.example","diana@x.example"]}"#,
            r#"{"reason":"550 <ana@x.example>: mailbox full."}"#,
            r#"{"subject":"write to ana@x.example."}"#,
            r#"{"to":"ana\u0040x.example"}"#,
            r#"{"to":"\u0061na\u0040x\u002eexample","n":1e999}"#,
            r#"{"reason":"no 'ana@x.example'"}"#,
            r#"{"reason":"550\nana@x.example"}"#,
            r#"{"half":"550\tana@x.example"#,
            r#"{"message":"{\"to\":\"\\nana@x.example\"}"}"#,
            r#"{"message":"{\"to\":\"ana\\u0040x.example\"}"}"#,
            r#"{"link":"https://x/?a=b&to=ana%40x.example&c=d"}"#,
            r#"{"link":"https://x/?to=ana%2540x.example"}"#,
            r#"{"html":"ana&#64;x.example, ana&commat;x.example"}"#,
            r#"{"html":"&lt;a href=&quot;mailto:ana@x.example&quot;&gt;"}"#,
            r#"{"to":"ana＠x.example"}"#,
            r#"{"to":"ana@x.example."}"#,
            r#"{"to":"\"ana\"@x.example"}"#,
            r#"{"subject":"=?UTF-8?B?Zm9yIGFuYUB4LmV4YW1wbGU=?="}"#,
            r#"{"subject":"=?UTF-8?Q?for_ana=40x.ex?= =?UTF-8?Q?ample?="}"#,
            "to=ana@x.example, from=bob@y.example",
            "rejected: ana@x.example",
        ] {
            check_each(text, "ana@x.example");
        }
        check_each(r#"{"to":"ANA@Bücher.example"}"#, "ana@xn--bcher-kva.example");
        check_each(r#"{"to":"ANA@Bücher.example"}"#, "ana@bücher.example");
        let mut found = Vec::new();
        each_address(r#"{"a":"550\nana@x.example","b":"diana@y.example"}"#, &mut |it| {
            found.push(it.to_owned());
        });
        assert_eq!(found, ["ana@x.example", "diana@y.example"]);
    }

    #[test]
    fn long_texts_take_their_time_once() {
        let text = "%&@[\\".repeat(500_000);
        assert_eq!(first_address(&text), None);
        let text = format!("{}@", "a".repeat(2_000_000));
        assert_eq!(first_address(&text), None);
        each_address(&"a%2540b\\u0040c&#64;=?".repeat(20_000), &mut |_| {});
    }
}
