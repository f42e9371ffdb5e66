//! Functions on texts.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Arguments, Function, Prepared, Value, size, whole};

pub(super) fn call<'r>(
    function: Function,
    arguments: Arguments<'r, '_>,
    prepared: &Prepared,
) -> Option<Value<'r>> {
    let value = match function {
        Function::IsEmpty => Value::flag(arguments.text(0).is_none_or(|it| it.is_empty())),
        Function::IsBlank => Value::flag(arguments.text(0).is_none_or(|it| it.trim().is_empty())),
        Function::Length => size(arguments.text(0).map(|it| it.chars().count())),
        Function::Contains => contains(arguments),
        Function::StartsWith => compared(arguments, |text, part| text.starts_with(part)),
        Function::EndsWith => compared(arguments, |text, part| text.ends_with(part)),
        Function::HexToDec => {
            let text = arguments.text(0);
            let number = text.and_then(|it| u64::from_str_radix(hex_digits(&it), 16).ok());
            #[expect(clippy::cast_precision_loss, reason = "numbers are doubles here")]
            number.map_or(Value::Null, |it| Value::Number(it as f64))
        }
        Function::DecToHex => {
            let number = arguments.number(0).and_then(whole);
            number.map_or(Value::Null, |it| Value::text(format!("{it:x}")))
        }
        _ => return made(function, arguments, prepared),
    };
    Some(value)
}

/// Functions that make a text from a text.
fn made<'r>(
    function: Function,
    arguments: Arguments<'r, '_>,
    prepared: &Prepared,
) -> Option<Value<'r>> {
    let scope = arguments.scope;
    if function == Function::Concat {
        return Some(concatenated(arguments));
    }
    let make: &dyn Fn(Cow<'r, str>) -> Option<Value<'r>> = match function {
        Function::TrimStart => &|it| Some(trimmed(it, arguments, true, false)),
        Function::TrimEnd => &|it| Some(trimmed(it, arguments, false, true)),
        Function::Trim => &|it| Some(trimmed(it, arguments, true, true)),
        Function::ToUpper => &|it| Some(scope.made(it.to_uppercase())),
        Function::ToLower => &|it| Some(scope.made(it.to_lowercase())),
        Function::Substring => &|it| substring(&it, arguments),
        Function::Replace => &|it| replaced(&it, arguments),
        Function::RegexReplace => &|it| regex_replaced(&it, arguments, prepared),
        Function::UrlEncode => {
            &|it| Some(scope.made(utf8_percent_encode(&it, UNRESERVED).to_string()))
        }
        Function::UrlDecode => {
            &|it| Some(scope.made(percent_decode_str(&it).decode_utf8_lossy().into_owned()))
        }
        Function::Base64Encode => &|it| Some(scope.made(STANDARD.encode(it.as_bytes()))),
        Function::Base64Decode => &|it| {
            let bytes = STANDARD.decode(it.trim()).ok()?;
            Some(scope.made(String::from_utf8_lossy(&bytes).into_owned()))
        },
        Function::HexToAscii => &|it| {
            let bytes = hex::decode(hex_digits(&it)).ok()?;
            Some(scope.made(String::from_utf8_lossy(&bytes).into_owned()))
        },
        _ => return None,
    };
    Some(arguments.text(0).and_then(make).unwrap_or(Value::Null))
}

fn contains<'r>(arguments: Arguments<'r, '_>) -> Value<'r> {
    let ignores_case = arguments.has(2) && arguments.value(2).holds();
    compared(arguments, |text, part| match ignores_case {
        true => text.to_lowercase().contains(&part.to_lowercase()),
        false => text.contains(part),
    })
}

fn compared<'r>(arguments: Arguments<'r, '_>, is_so: impl Fn(&str, &str) -> bool) -> Value<'r> {
    match (arguments.text(0), arguments.text(1)) {
        (Some(text), Some(part)) => Value::flag(is_so(&text, &part)),
        _ => Value::flag(false),
    }
}

/// Concatenates texts; a missing one adds nothing.
fn concatenated<'r>(arguments: Arguments<'r, '_>) -> Value<'r> {
    let mut whole = String::new();
    for index in 0..arguments.nodes.len() {
        if let Some(text) = arguments.text(index) {
            // Checked before each append, so that memory never exceeds the bound.
            if arguments.scope.is_too_long(whole.len() + text.len()) {
                return Value::Null;
            }
            whole.push_str(&text);
        }
    }
    arguments.scope.made(whole)
}

fn trimmed<'r>(
    text: Cow<'r, str>,
    arguments: Arguments<'r, '_>,
    at_start: bool,
    at_end: bool,
) -> Value<'r> {
    let characters = arguments.text(1);
    let is_out = |it: char| match &characters {
        Some(characters) => characters.contains(it),
        None => it.is_whitespace(),
    };
    let mut kept: &str = &text;
    if at_start {
        kept = kept.trim_start_matches(is_out);
    }
    if at_end {
        kept = kept.trim_end_matches(is_out);
    }
    // An unchanged text keeps its borrow.
    if kept.len() == text.len() { Value::Text(text) } else { Value::text(kept.to_owned()) }
}

/// The text from a character on, counted from 0, up to a length.
fn substring<'r>(text: &str, arguments: Arguments<'r, '_>) -> Option<Value<'r>> {
    let count = |index| {
        let number = arguments.number(index).and_then(whole)?;
        // A negative position counts as 0.
        Some(usize::try_from(number).unwrap_or(0))
    };
    let start = count(1)?;
    let length = if arguments.has(2) { count(2)? } else { usize::MAX };
    Some(Value::text(text.chars().skip(start).take(length).collect::<String>()))
}

fn replaced<'r>(text: &str, arguments: Arguments<'r, '_>) -> Option<Value<'r>> {
    let (wanted, other) = (arguments.text(1)?, arguments.text(2)?);
    // An empty text would be found between any two characters.
    if wanted.is_empty() {
        return Some(Value::text(text.to_owned()));
    }
    // The size is computed in advance, because `replace` has no bound of its own.
    let count = text.matches(wanted.as_ref()).count();
    if arguments.scope.is_too_long(text.len().saturating_add(count.saturating_mul(other.len()))) {
        return None;
    }
    Some(Value::text(text.replace(wanted.as_ref(), &other)))
}

fn regex_replaced<'r>(
    text: &str,
    arguments: Arguments<'r, '_>,
    prepared: &Prepared,
) -> Option<Value<'r>> {
    let Prepared::Regex(regex) = prepared else { return None };
    let other = arguments.text(2)?;
    let mut whole = String::new();
    let mut end = 0;
    // Done by hand instead of `replace_all`, to stop as soon as the text gets too long.
    for captures in regex.captures_iter(text) {
        let found = captures.get(0)?;
        whole.push_str(text.get(end..found.start()).expect("matches follow one another"));
        captures.expand(&other, &mut whole);
        end = found.end();
        if arguments.scope.is_too_long(whole.len()) {
            return None;
        }
    }
    whole.push_str(text.split_at(end).1);
    Some(arguments.scope.made(whole))
}

/// The characters that RFC 3986 leaves unencoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn hex_digits(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text)
}
