//! Kinds of words in a bounce's reason: those that state its cause, and those that differ from
//! bounce to bounce.

use super::StatusCode;
use super::cause::Word;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordKind {
    /// A word like any other.
    Plain,
    /// A status, or a reply code with one.
    Status,
    /// A number of three digits that could be a reply code.
    Reply,
    Number,
    /// Letters followed by a number.
    Numbered,
    Link,
    Address,
    Ip,
    Host,
    Id,
    Size,
    /// Bytes and their multiples.
    SizeUnit,
    Time,
    /// Seconds, minutes and so on.
    TimeUnit,
    /// The name of a month, which is part of a time only beside a number or a time.
    Month,
    /// The short name of a day, with the same condition.
    DayName,
    /// A time zone, `AM` or `PM`, with the same condition.
    Zone,
}

impl WordKind {
    /// Returns the word that replaces this kind, if it differs from bounce to bounce.
    pub(super) fn mark(self) -> Option<&'static str> {
        match self {
            Self::Number => Some("number"),
            Self::Link => Some("link"),
            Self::Address => Some("address"),
            Self::Ip => Some("ip"),
            Self::Host => Some("host"),
            Self::Id => Some("id"),
            Self::Size => Some("size"),
            Self::Time => Some("time"),
            _ => None,
        }
    }

    fn is_of_time(self) -> bool {
        matches!(self, Self::Time | Self::Month | Self::DayName)
    }
}

/// Classifies a word on its own.
pub(super) fn kind_of(word: &str) -> WordKind {
    if word.is_empty() {
        return WordKind::Plain;
    }
    // From the surest to the vaguest: a link may hold an address, and an address holds a host.
    if word.contains("://") {
        return WordKind::Link;
    }
    if word.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty()) {
        return WordKind::Address;
    }
    if is_ip(word) {
        return WordKind::Ip;
    }
    if is_host(word.rsplit_once(':').filter(|(_, it)| is_digits(it)).map_or(word, |(it, _)| it)) {
        return WordKind::Host;
    }
    if is_status(word) {
        return WordKind::Status;
    }
    if word.starts_with(|it: char| it.is_ascii_digit() || it == '+' || it == '-') {
        return number_like(word);
    }
    word_of_time(word).unwrap_or_else(|| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if digits > 0 && word.len() >= ID_BYTES_MIN && digits * 8 >= word.len() {
            return WordKind::Id;
        }
        let letters = word.trim_end_matches(|it: char| it.is_ascii_digit());
        let is_numbered = letters.len() < word.len() && letters.chars().all(char::is_alphabetic);
        let is_name = NAMES.iter().any(|it| word.eq_ignore_ascii_case(it));
        if is_numbered && !is_name { WordKind::Numbered } else { WordKind::Plain }
    })
}

/// Bytes of an ID at least: shorter words with digits are something else.
const ID_BYTES_MIN: usize = 6;

/// Names that end in digits that are part of the name.
const NAMES: [&str; 8] = ["IPv4", "IPv6", "SHA1", "MD5", "UTF8", "X400", "TLS1", "SMTP8"];

/// Classifies a word that begins with a digit or the sign of a number.
fn number_like(word: &str) -> WordKind {
    let bare = word.trim_start_matches(['+', '-']);
    let has_letter = bare.chars().any(char::is_alphabetic);
    if is_clock(bare) || is_date(bare) {
        return WordKind::Time;
    }
    if !has_letter {
        // First and second digits of final SMTP replies (RFC 5321, section 4.2.1).
        let is_reply = matches!(bare.as_bytes(), [b'2' | b'4' | b'5', b'0'..=b'5', b'0'..=b'9']);
        return if is_reply && bare == word { WordKind::Reply } else { WordKind::Number };
    }
    let figures = bare.trim_start_matches(|it: char| it.is_ascii_digit() || ".,".contains(it));
    if is_digits_only(bare, figures) {
        match unit_of(figures) {
            Some(WordKind::SizeUnit) => return WordKind::Size,
            Some(_) => return WordKind::Time,
            None => {}
        }
    }
    // `1h30m`
    let is_unit = |it: char| "wdhmsz".contains(it);
    if bare.split_inclusive(is_unit).all(|it| it.strip_suffix(is_unit).is_some_and(is_digits)) {
        return WordKind::Time;
    }
    if word.len() >= ID_BYTES_MIN { WordKind::Id } else { WordKind::Plain }
}

fn is_digits_only(bare: &str, figures: &str) -> bool {
    figures.len() < bare.len() && figures.chars().all(char::is_alphabetic)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

/// Classifies the words again, each by its neighbours.
pub(super) fn resolved(words: &[Word<'_>], kinds: &[WordKind]) -> Vec<WordKind> {
    // From left to right, because what a word turned out to be decides about the next one.
    let mut resolved: Vec<WordKind> = Vec::with_capacity(kinds.len());
    for (index, (word, kind)) in words.iter().zip(kinds).enumerate() {
        let last = index.checked_sub(1).and_then(|it| Some((words.get(it)?, *resolved.get(it)?)));
        let next = kinds.get(index + 1).copied().filter(|_| is_spaced(word));
        let before = last.filter(|(it, _)| is_spaced(it)).map(|(_, kind)| kind);
        let next_word = words.get(index + 1);
        let is_dated = |it: Option<WordKind>| {
            it.is_some_and(|it| it.is_of_time() || matches!(it, WordKind::Number | WordKind::Reply))
        };
        let name = last.filter(|(it, _)| is_spaced(it)).map_or("", |(it, _)| it.text);
        resolved.push(match kind {
            WordKind::Number | WordKind::Reply if next == Some(WordKind::SizeUnit) => {
                WordKind::Size
            }
            WordKind::Number | WordKind::Reply if next == Some(WordKind::TimeUnit) => {
                WordKind::Time
            }
            WordKind::Number | WordKind::Reply
                if matches!(next, Some(WordKind::Month)) || before == Some(WordKind::Time) =>
            {
                WordKind::Time
            }
            WordKind::SizeUnit if before == Some(WordKind::Size) => WordKind::Size,
            WordKind::TimeUnit | WordKind::Zone if before == Some(WordKind::Time) => WordKind::Time,
            WordKind::Zone if is_after_time(last) => WordKind::Time,
            WordKind::Month | WordKind::DayName if is_dated(before) || is_dated(next) => {
                WordKind::Time
            }
            WordKind::Reply if is_reply(last, next_word) => WordKind::Reply,
            WordKind::Number | WordKind::Plain | WordKind::Numbered
                if is_id_name(name) && word.text.contains(|it: char| it.is_ascii_digit()) =>
            {
                WordKind::Id
            }
            WordKind::Reply => WordKind::Number,
            it => *it,
        });
    }
    resolved
}

/// True if only blanks, commas and dots separate a word from the next.
fn is_spaced(word: &Word<'_>) -> bool {
    word.after.chars().all(|it| it.is_whitespace() || matches!(it, ',' | '.'))
}

/// True if a zone in parentheses follows a time.
fn is_after_time(last: Option<(&Word<'_>, WordKind)>) -> bool {
    last.is_some_and(|(word, kind)| word.after.trim() == "(" && kind == WordKind::Time)
}

/// True if a number of three digits is a reply code: at the beginning, after a sign, or before a
/// status.
fn is_reply(last: Option<(&Word<'_>, WordKind)>, next: Option<&Word<'_>>) -> bool {
    let is_before_status = next.is_some_and(|it| is_status(it.text));
    let is_after_sign = last.is_none_or(|(it, _)| {
        it.after.trim_end().ends_with([':', ';', '(', '[', '<', '"', '\''])
            || it.text.eq_ignore_ascii_case("said")
    });
    is_before_status || is_after_sign
}

/// True for a word that an ID follows.
fn is_id_name(word: &str) -> bool {
    ["id", "as", "queue", "ticket", "ref", "reference", "session", "transaction"]
        .iter()
        .any(|it| word.eq_ignore_ascii_case(it))
}

/// Three numbers separated by dots, perhaps after a reply code.
fn is_status(word: &str) -> bool {
    let bare = word.trim_start_matches('#').trim_end_matches('#');
    let bare = match bare.split_once('-') {
        Some((reply, status)) if reply.len() == 3 && is_digits(reply) => status,
        _ => bare,
    };
    let is_code = |it: &str| bare == it;
    StatusCode::find(bare).is_some_and(|it| is_code(&it.to_string())) && bare.len() <= 9
}

fn is_ip(word: &str) -> bool {
    let is_one = |it: &str| it.parse::<std::net::IpAddr>().is_ok();
    let is_number = |it: &str| is_digits(it) && it.len() <= 5;
    is_one(word)
        || word.parse::<std::net::SocketAddr>().is_ok()
        || word.rsplit_once('/').is_some_and(|(it, bits)| is_one(it) && is_number(bits))
        || word.get(..5).is_some_and(|it| it.eq_ignore_ascii_case("ipv6:"))
            && word.get(5..).is_some_and(is_one)
}

/// Two or more names separated by dots, the last of which could be a top-level domain.
fn is_host(word: &str) -> bool {
    let is_name = |it: &str| {
        !it.is_empty() && it.chars().all(|it| it.is_alphanumeric() || it == '-' || it == '_')
    };
    let Some((names, top)) = word.rsplit_once('.') else { return false };
    let is_top = top.len() >= 2 && top.chars().all(|it| it.is_alphabetic() || it == '-')
        || top.get(..4).is_some_and(|it| it.eq_ignore_ascii_case("xn--"));
    // A single dot may also separate two sentences, but then a capital follows.
    let is_lower = |it: &str| !it.bytes().any(|it| it.is_ascii_uppercase());
    is_top
        && names.split('.').all(is_name)
        && (names.contains('.') || (is_lower(names) && is_lower(top)))
}

/// `15:02`, `15:02:11.120Z`, `3:02pm`.
fn is_clock(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let bare = lower.trim_end_matches(|it: char| "zapm".contains(it));
    let bare = bare.split_once(['+', '-']).map_or(bare, |it| it.0);
    let mut parts = bare.split(':');
    let is_part = |it: &str| {
        let whole = it.split_once('.').map_or(it, |it| it.0);
        is_digits(whole) && whole.len() <= 2 && it.split('.').all(is_digits)
    };
    bare.contains(':') && parts.clone().count() <= 3 && parts.all(is_part)
}

/// `2026-11-23`, `2026-11-23T15:02:11Z`, `23.11.2026`, `11/23/2026`.
fn is_date(word: &str) -> bool {
    let (date, clock) = word.split_once(['T', 't']).unwrap_or((word, ""));
    if !clock.is_empty() && !is_clock(clock) {
        return false;
    }
    ['-', '/', '.'].iter().any(|sign| {
        let parts: Vec<&str> = date.split(*sign).collect();
        let is_short = |it: &&str| is_digits(it) && it.len() <= 2;
        let is_year = |it: &&str| is_digits(it) && it.len() == 4;
        match parts.as_slice() {
            [year, month, day] if is_year(year) => is_short(month) && is_short(day),
            [day, month, year] => is_short(day) && is_short(month) && is_year(year),
            _ => false,
        }
    })
}

fn unit_of(word: &str) -> Option<WordKind> {
    const SIZES: [&str; 16] = [
        "b",
        "byte",
        "bytes",
        "octets",
        "k",
        "kb",
        "mb",
        "gb",
        "tb",
        "kib",
        "mib",
        "gib",
        "tib",
        "kilobytes",
        "megabytes",
        "gigabytes",
    ];
    const TIMES: [&str; 23] = [
        "ms", "msec", "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute",
        "minutes", "h", "hr", "hrs", "hour", "hours", "d", "day", "days", "week", "weeks",
        "months",
    ];
    let is_in = |units: &[&str]| units.iter().any(|it| word.eq_ignore_ascii_case(it));
    if is_in(&SIZES) {
        return Some(WordKind::SizeUnit);
    }
    is_in(&TIMES).then_some(WordKind::TimeUnit)
}

fn word_of_time(word: &str) -> Option<WordKind> {
    const DAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const ZONES: [&str; 20] = [
        "AM", "PM", "UTC", "GMT", "CET", "CEST", "EET", "EEST", "WET", "WEST", "BST", "EST", "EDT",
        "CST", "CDT", "MST", "MDT", "PST", "PDT", "JST",
    ];
    let is_in = |names: &[&str]| {
        names.iter().any(|it| *it == word || it.get(..3).is_some_and(|it| it == word))
    };
    if DAYS.iter().any(|it| it.eq_ignore_ascii_case(word)) {
        return Some(WordKind::Time);
    }
    if is_in(&DAYS) {
        return Some(WordKind::DayName);
    }
    if is_in(&MONTHS) {
        return Some(WordKind::Month);
    }
    if ZONES.contains(&word) {
        return Some(WordKind::Zone);
    }
    unit_of(word)
}
