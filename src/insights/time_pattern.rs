//! Patterns for reading and writing times.

use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

/// A pattern in the form of strftime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimePattern(String);

impl TimePattern {
    /// Parses a pattern with `%`. The error is the part that is not understood.
    pub(super) fn of_strftime(pattern: &str) -> Result<Self, String> {
        // jiff checks a pattern only while it formats, so an example shows the fault before any row
        // does.
        let example = jiff::Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
        match strtime::format(pattern, &example) {
            Ok(_) => Ok(Self(pattern.to_owned())),
            Err(_) => Err(pattern.to_owned()),
        }
    }

    /// Parses a pattern of Java's letters. The error is the part that is not understood.
    pub(super) fn of_java(pattern: &str) -> Result<Self, String> {
        let mut strftime = String::new();
        let mut rest = pattern;
        while let Some(letter) = rest.chars().next() {
            let end = rest.find(|it| it != letter).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            rest = after;
            if letter == '\'' {
                rest = quoted(run, after, &mut strftime).ok_or_else(|| run.to_owned())?;
            } else if letter.is_ascii_alphabetic() {
                let part = java_part(letter, run.len()).ok_or_else(|| run.to_owned())?;
                strftime.push_str(part);
            } else {
                push_literal(run, &mut strftime);
            }
        }
        // jiff reads a fraction of any length with `%.f`, which includes the point.
        Ok(Self(strftime.replace(".%f", "%.f")))
    }

    /// Reads a time, in milliseconds since 1970. If the text has no offset, the time is in `zone`.
    pub(super) fn read(&self, text: &str, zone: &TimeZone) -> Option<i64> {
        let time = BrokenDownTime::parse(&self.0, text).ok()?;
        if let Ok(instant) = time.to_timestamp() {
            return Some(instant.as_millisecond());
        }
        let named = time.iana_time_zone().map(|it| zone_of(Some(it)));
        let zone = match &named {
            Some(named) => named.as_ref()?,
            None => zone,
        };
        let civil = time.to_datetime().ok()?;
        civil.to_zoned_datetime(zone.clone()).ok().map(|it| it.timestamp().as_millisecond())
    }

    /// Writes a time in milliseconds since 1970 as the clocks of `zone` show it.
    pub(super) fn write(&self, ms: i64, zone: &TimeZone) -> Option<String> {
        let instant = jiff::Timestamp::from_millisecond(ms).ok()?;
        strtime::format(&self.0, &instant.to_zoned_datetime(zone.clone())).ok()
    }
}

/// The time zone of a name or an offset such as `+02:00`; UTC without one.
pub(super) fn zone_of(name: Option<&str>) -> Option<TimeZone> {
    let Some(name) = name else { return Some(TimeZone::UTC) };
    if matches!(name, "UTC" | "Z" | "GMT") {
        return Some(TimeZone::UTC);
    }
    let name = name.strip_prefix("UTC").or_else(|| name.strip_prefix("GMT")).unwrap_or(name);
    TimeZone::get(name).ok().or_else(|| {
        let format = if name.contains(':') { "%:z" } else { "%z" };
        Some(TimeZone::fixed(BrokenDownTime::parse(format, name).ok()?.offset()?))
    })
}

/// The strftime equivalent of a repeated letter in Java's patterns.
fn java_part(letter: char, count: usize) -> Option<&'static str> {
    Some(match (letter, count) {
        ('y' | 'u', 1 | 3 | 4) => "%Y",
        ('y' | 'u', 2) => "%y",
        ('M' | 'L', 1 | 2) => "%m",
        ('M' | 'L', 3) => "%b",
        ('M' | 'L', 4) => "%B",
        ('d', 1 | 2) => "%d",
        ('D', 1..=3) => "%j",
        ('H', 1 | 2) => "%H",
        ('h', 1 | 2) => "%I",
        ('m', 1 | 2) => "%M",
        ('s', 1 | 2) => "%S",
        ('S' | 'n', 1..=9) => "%f",
        ('a', _) => "%p",
        ('E', 1..=3) => "%a",
        ('E', 4) => "%A",
        ('X' | 'x', 3) => "%:z",
        ('X' | 'x' | 'Z', 1..=4) => "%z",
        ('V', 2) => "%Q",
        _ => return None,
    })
}

/// Reads a text between apostrophes, in which two apostrophes stand for one, and returns what
/// follows it.
fn quoted<'p>(run: &str, after: &'p str, strftime: &mut String) -> Option<&'p str> {
    // Each pair stands for an apostrophe, and an odd one begins a text.
    for _ in 0..run.len() / 2 {
        strftime.push('\'');
    }
    if run.len().is_multiple_of(2) {
        return Some(after);
    }
    let (literal, after) = after.split_once('\'')?;
    push_literal(literal, strftime);
    Some(after)
}

fn push_literal(text: &str, strftime: &mut String) {
    strftime.push_str(&text.replace('%', "%%"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str, zone: Option<&str>) -> Option<String> {
        let ms = TimePattern::of_java(pattern).unwrap().read(text, &zone_of(zone)?)?;
        Some(crate::time::Timestamp::from_ms(ms)?.to_string())
    }

    #[test]
    fn javas_patterns_are_read() {
        let check = |pattern, text, zone, expect: &str| {
            assert_eq!(read(pattern, text, zone).as_deref(), Some(expect), "{pattern} {text}");
        };
        check("yyyy-MM-dd HH:mm:ss", "2026-11-23 21:34:00", None, "2026-11-23T21:34:00.000Z");
        check("yyyy-MM-dd", "2026-11-23", None, "2026-11-23T00:00:00.000Z");
        check(
            "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
            "2026-11-23T21:34:00.120+01:00",
            None,
            "2026-11-23T20:34:00.120Z",
        );
        check(
            "dd/MMM/yyyy:HH:mm:ss Z",
            "23/Nov/2026:21:34:00 -0500",
            None,
            "2026-11-24T02:34:00.000Z",
        );
        check(
            "yyyy-MM-dd HH:mm",
            "2026-11-23 21:34",
            Some("Europe/Madrid"),
            "2026-11-23T20:34:00.000Z",
        );
        check("yyyy-MM-dd HH:mm", "2026-11-23 21:34", Some("+02:00"), "2026-11-23T19:34:00.000Z");
        check("yyyy-MM-dd 'at' hh a", "2026-11-23 at 09 PM", None, "2026-11-23T21:00:00.000Z");
    }

    #[test]
    fn what_is_no_pattern_names_the_part() {
        assert_eq!(TimePattern::of_java("yyyy-QQ"), Err("QQ".to_owned()));
        assert_eq!(TimePattern::of_java("yyyy 'open"), Err("'".to_owned()));
        assert!(TimePattern::of_strftime("%Y-%!").is_err());
        assert_eq!(read("yyyy-MM-dd", "soon", None), None);
        assert_eq!(zone_of(Some("Nowhere/At all")), None);
    }

    #[test]
    fn times_are_written() {
        let pattern = TimePattern::of_strftime("%Y-%m-%d %H:%M").unwrap();
        let madrid = zone_of(Some("Europe/Madrid")).unwrap();
        assert_eq!(pattern.write(1_795_469_640_000, &madrid).unwrap(), "2026-11-23 22:34");
        assert_eq!(pattern.write(i64::MAX, &madrid), None);
    }
}
