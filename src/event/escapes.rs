//! Escapes of texts that are quoted within other texts.

use std::borrow::Cow;

use crate::json::escape;

/// Removes one layer of escapes of JSON (`\u0040`, `\n`), HTML (`&#64;`, `&lt;`) and URLs (`%40`).
/// Anything else stays.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if memchr::memchr3(b'\\', b'&', b'%', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '&', '%']) {
        let (before, from) = rest.split_at(at);
        plain.extend_from_slice(before.as_bytes());
        // A byte, not a character: several escapes of a URL may make up one character.
        rest = if let Some((byte, after)) = percent(from) {
            plain.push(byte);
            after
        } else if let Some((character, after)) = json(from).or_else(|| html(from)) {
            plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            after
        } else {
            let (sign, after) = from.split_at(1);
            plain.extend_from_slice(sign.as_bytes());
            after
        };
    }
    plain.extend_from_slice(rest.as_bytes());
    // Bytes escaped in a URL may be of another charset than UTF-8.
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

fn percent(text: &str) -> Option<(u8, &str)> {
    let digits = text.strip_prefix('%')?;
    let (digits, after) = digits.split_at_checked(2)?;
    // Checked apart, because `from_str_radix` accepts a sign.
    let is_escape = digits.bytes().all(|it| it.is_ascii_hexdigit());
    Some((u8::from_str_radix(digits, 16).ok().filter(|_| is_escape)?, after))
}

fn json(text: &str) -> Option<(char, &str)> {
    let (length, character) = escape(text)?;
    Some((character.unwrap_or(char::REPLACEMENT_CHARACTER), text.get(length..)?))
}

/// Bytes of a character's name or number in HTML at most; those that matter here have fewer.
const ENTITY_BYTES_MAX: usize = 12;

fn html(text: &str) -> Option<(char, &str)> {
    let entity = text.strip_prefix('&')?;
    let end = entity.bytes().take(ENTITY_BYTES_MAX).position(|it| it == b';')?;
    let name = entity.get(..end)?;
    let character = match name.to_ascii_lowercase().as_str() {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "commat" => '@',
        "period" => '.',
        "colon" => ':',
        "equals" => '=',
        "plus" => '+',
        "lowbar" => '_',
        it => {
            let number = it.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((character, entity.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_layer_is_taken_off() {
        let check = |text: &str, expect: &str| assert_eq!(unescaped(text), expect, "{text}");
        check("plain", "plain");
        check(r"a\u0040b\/c\n\\u0040", "a@b/c\n\\u0040");
        check(r"\ud83d\ude00 \ud83d \u00FC", "😀 \u{fffd} ü");
        check("a&#64;b&#x40;c&commat;d&lt;&AMP;lt;", "a@b@c@d<&lt;");
        check("a%40b%C3%BC%2540 100% %zz", "a@bü%40 100% %zz");
        check(r"\x & &; &unknown; % \", r"\x & &; &unknown; % \");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\\\u?|&#?x?|%|;|[0-9a-f]|ü|\\PC){0,40}") {
            let _unused = unescaped(&text);
        }
    }
}
