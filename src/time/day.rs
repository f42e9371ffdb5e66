//! Days by their date or their name.

use jiff::civil::{Date, Weekday};

use super::{Timestamp, Zone};

/// Returns the first instant of a day in `zone` and the first after it. The day is a date
/// (`2026-11-23`), `today`, `yesterday`, or the latest day of a name that is not after today
/// (`monday`, `mon`).
pub fn day_of(text: &str, now: Timestamp, zone: &Zone) -> Option<(Timestamp, Timestamp)> {
    let text = text.trim().to_lowercase();
    let today = zone.0.to_datetime(now.to_jiff()).date();
    let is_date = text.len() == 10 && text.bytes().all(|it| it.is_ascii_digit() || it == b'-');
    let date = match text.as_str() {
        _ if is_date => text.parse().ok()?,
        "today" => today,
        "yesterday" => today.yesterday().ok()?,
        _ => {
            let weekday = weekday(&text)?;
            let days_ago = today.weekday().since(weekday);
            today.checked_sub(jiff::Span::new().try_days(days_ago).ok()?).ok()?
        }
    };
    Some((first_instant(date, zone)?, first_instant(date.tomorrow().ok()?, zone)?))
}

/// The days of the week in order.
pub const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The hours of the day, named by their first minute.
pub const HOURS_OF_DAY: [&str; 24] = [
    "00:00", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00", "07:00", "08:00", "09:00",
    "10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00", "17:00", "18:00", "19:00",
    "20:00", "21:00", "22:00", "23:00",
];

/// Returns the day of the week and the hour of the day of an instant (milliseconds since 1970) in
/// `zone`, both counted from 0.
pub fn calendar_place(ms: i64, zone: &Zone) -> Option<(u32, u32)> {
    let civil = zone.0.to_datetime(Timestamp::from_ms(ms)?.to_jiff());
    let weekday = u32::try_from(civil.weekday().to_monday_zero_offset()).ok()?;
    Some((weekday, u32::try_from(civil.hour()).ok()?))
}

fn first_instant(date: Date, zone: &Zone) -> Option<Timestamp> {
    // Where clocks skip midnight, jiff takes the first instant after the gap.
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    let zoned = midnight.to_zoned_datetime(zone.0.clone()).ok()?;
    Timestamp::from_ms(zoned.timestamp().as_millisecond())
}

fn weekday(text: &str) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let is_it =
        |name: &&(&str, Weekday)| name.0 == text || (text.len() == 3 && name.0.starts_with(text));
    NAMES.iter().find(is_it).map(|(_, weekday)| *weekday)
}

/// Explains what is wrong with text that is nearly a day, or which day is meant.
pub(super) fn hint(text: &str) -> Option<String> {
    let numbers: Vec<&str> = text.split(['-', '.', '/']).collect();
    let [first, second, third] = numbers.as_slice() else { return None };
    let is_number =
        |it: &&str| (1..=4).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
    if ![first, second, third].into_iter().all(is_number) {
        return None;
    }
    let date = |year: &str, month: &str, day: &str| {
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    };
    if first.len() == 4 {
        if let Some(date) = date(first, second, third) {
            return Some(format!("did you mean {date}?"));
        }
        let month = date(first, second, "1")?;
        return Some(format!("{} has {} days", month.strftime("%B %Y"), month.days_in_month()));
    }
    if third.len() == 4 {
        // Most of the world begins with the day; if that is not a date, the month comes first.
        let date = date(third, second, first).or_else(|| date(third, first, second))?;
        return Some(format!("did you mean {date}?"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Monday.
    fn now() -> Timestamp {
        Timestamp::parse_log_form("2026-11-23T12:00:00Z").unwrap()
    }

    #[test]
    fn days_have_names() {
        let check = |text: &str, expect: &str| {
            let (first, after) = day_of(text, now(), &Zone::UTC).unwrap();
            assert!(first.to_string().starts_with(expect), "{text}: {first}");
            assert_eq!(after.ms_since(first), 86_400_000, "{text}");
        };
        check("today", "2026-11-23");
        check("Yesterday", "2026-11-22");
        check("monday", "2026-11-23");
        check("tue", "2026-11-17");
        check("SUNDAY", "2026-11-22");
        check("2026-02-03", "2026-02-03");
        for text in ["", "mo", "someday", "2026-13-01", "2026-11-31", "tod"] {
            assert_eq!(day_of(text, now(), &Zone::UTC), None, "{text}");
        }
    }

    #[test]
    fn a_day_is_one_of_the_zone() {
        let zone = Zone::named("Pacific/Kiritimati").unwrap();
        let (first, _) = day_of("today", now(), &zone).unwrap();
        assert_eq!(first.to_string(), "2026-11-23T10:00:00.000Z");
        // The clocks go back on that day, so it has 25 hours.
        let zone = Zone::named("Europe/Madrid").unwrap();
        let (first, after) = day_of("2026-10-25", now(), &zone).unwrap();
        assert_eq!(after.ms_since(first), 25 * 3_600_000);
    }

    #[test]
    fn an_instant_has_a_place_in_its_week() {
        let place = |zone: &str| calendar_place(now().as_ms(), &Zone::named(zone).unwrap());
        assert_eq!(place("UTC"), Some((0, 12)));
        assert_eq!(place("Pacific/Kiritimati"), Some((1, 2)));
        assert_eq!(calendar_place(i64::MAX, &Zone::UTC), None);
    }

    #[test]
    fn what_is_nearly_a_day_is_told() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(hint(text).as_deref(), expect);
        check("12.11.2026", Some("did you mean 2026-11-12?"));
        check("11/23/2026", Some("did you mean 2026-11-23?"));
        check("2026-11-31", Some("November 2026 has 30 days"));
        check("2026/11/3", Some("did you mean 2026-11-03?"));
        for text in ["", "1.2", "99.99.2026", "a.b.c", "1.2.3", "2026-99-99"] {
            check(text, None);
        }
    }
}
