//! Texts on their own: what is shown of them, and what is read out of them.

use mailtrace::internals::{
    Interval, columns, csv_cell, each_address, fit, folded, html_text, human_duration,
    parse_duration_ms, parse_time_argument, shell_command, status_class, words, wrap,
};
use mailtrace::{
    Address, MessageId, StatusCode, TimeError, Timestamp, Zone, bounce_in_words, decoded_subject,
    pasted_id, sanitise,
};

use super::event::is_plain;

/// Shows the input everywhere, and reads it as everything that is one short text.
pub fn text(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    shown_does_not_act(&text);
    normalised_stays(&text);
    times_read_back(&text);
    each_address(&text, &mut |it| assert!(it.contains('@')));
    let _status = StatusCode::find(&text);
    let _class = (status_class(&text), bounce_in_words(Some(&text), Some(&text)), pasted_id(&text));
}

fn shown_does_not_act(text: &str) {
    let visible = sanitise(text);
    is_plain(&visible);
    assert!(!visible.contains(char::is_control));
    assert_eq!(sanitise(&visible), visible, "what is visible stays");
    for width in [0, 1, 2, 20] {
        let fitting = fit(text, width);
        is_plain(&fitting);
        assert!(columns(&fitting) <= width, "{fitting:?} in {width}");
    }
    let wrapped = wrap(&visible, 20).join(" ");
    let is_kept = wrapped.split(' ').filter(|it| !it.is_empty());
    assert!(is_kept.eq(visible.split(' ').filter(|it| !it.is_empty())), "{visible:?}");
    let cell = csv_cell(text);
    is_plain(&cell);
    assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell:?}");
    assert!(!html_text(text).contains(['<', '>', '"', '\'', '`']), "{text:?}");
    let command = shell_command(&[text.to_owned(), "--all".to_owned()]);
    assert_eq!(shell_words::split(&command).unwrap(), ["aws", text, "--all"]);
}

/// What has been normalised once stays as it is.
fn normalised_stays(text: &str) {
    if let Some(address) = Address::parse(text.into()) {
        assert_eq!(Address::parse(address.as_str().into()).as_ref(), Some(&address));
    }
    if let Some(id) = MessageId::parse(text.into()) {
        assert_eq!(MessageId::parse(id.to_string().into()).as_ref(), Some(&id));
    }
    let keyword = folded(text);
    assert_eq!(folded(&keyword), keyword);
    let subject = decoded_subject(text);
    let mut last = None;
    words(&subject, |word, position| {
        assert!(!word.is_empty());
        assert_eq!(position, last.map_or(0, |it: u32| it + 1));
        last = Some(position);
        let mut own = Vec::new();
        words(word, |it, _| own.push(it.to_owned()));
        assert_eq!(own, [word], "a word is its own only word");
    });
}

fn times_read_back(text: &str) {
    let now = Timestamp::from_ms(1_795_469_640_000).unwrap();
    let madrid = Zone::named("Europe/Madrid").unwrap();
    for zone in [&Zone::UTC, &madrid] {
        match parse_time_argument(text, now, zone) {
            // Clocks that went by the sun had offsets that RFC 3339 cannot write.
            Ok(time) if !zone.is_utc() && time < Timestamp::UNIX_EPOCH => {}
            Ok(time) => {
                let written = time.in_zone(zone);
                let again = parse_time_argument(&written, now, zone);
                assert_eq!(again, Ok(time), "{text:?} is {written}");
            }
            Err(TimeError::UnknownForm { .. } | TimeError::OutOfRange { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    if let Some(time) = Timestamp::parse_log_form(text) {
        assert_eq!(Timestamp::parse_log_form(&time.to_string()), Some(time), "{text:?}");
    }
    if let Some(ms) = parse_duration_ms(text) {
        assert!(ms >= 0 && !human_duration(ms).is_empty());
    }
    let _length = Interval::parse(text);
}
