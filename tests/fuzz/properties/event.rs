//! Messages as events: parsed, joined, asked for and shown.

use std::io;

use mailtrace::internals::{
    Answer, AnswerFormat, EventLines, FoundEvents, JsonWriter, Part, Printer, Shapes, TableOptions,
    TraceAnswer, event_cells, sentence,
};
use mailtrace::{
    Address, Event, JoinRules, MessageId, Parser, Record, StoredEvent, Timestamp, Zone, headline,
    join, parse_query, pasted_id,
};

use super::shapes::messages;

/// Parses the input's messages, and asks and shows what they say.
pub fn event(input: &[u8]) {
    let mut parser = Parser::new();
    let mut stored = Vec::new();
    for (at, message) in messages(input).into_iter().enumerate() {
        let parsed = parser.parse(&message).map(Event::into_owned);
        assert_eq!(parsed, Parser::new().parse(&message).map(Event::into_owned), "buffers matter");
        if let Ok(event) = parsed {
            both_parsers_agree(&message, &event);
            stored.push(of_time(i64::try_from(at).unwrap(), message, event));
        }
    }
    for event in &stored {
        shown_is_visible(event);
        stored_is_found(event);
    }
    joined_is_the_same_in_any_order(&stored);
}

/// What holds of one message wherever it was found.
pub fn event_holds(message: &str) {
    let mut parser = Parser::new();
    match parser.parse(message) {
        Ok(event) => shown_is_visible(&of_time(0, message.to_owned(), event.into_owned())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// An event that is stored.
pub fn of_time(ms: i64, message: String, event: Event<'static>) -> StoredEvent {
    let record = Record {
        log_group: Some("/acme".into()),
        log_stream: None,
        event_id: None,
        timestamp: Timestamp::from_ms(ms).unwrap(),
        is_time_approximate: false,
        ingestion_time: None,
        message: message.into(),
    };
    StoredEvent { record, event }
}

/// A number that no double holds sends the message to the other parser, which reads the same.
fn both_parsers_agree(message: &str, event: &Event<'_>) {
    let Some(rest) = message.trim_start().strip_prefix('{') else { return };
    // The parsers round fractions differently, and differ about the sign of nothing.
    if has_fraction(message) {
        return;
    }
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    let other = format!("{{\"unread\":1e999{comma}{rest}");
    let mut parser = Parser::new();
    assert_eq!(parser.parse(&other).as_ref(), Ok(event), "{other}");
}

fn has_fraction(message: &str) -> bool {
    fn within(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Number(it) => it.is_f64(),
            serde_json::Value::Array(list) => list.iter().any(within),
            serde_json::Value::Object(map) => map.values().any(within),
            _ => false,
        }
    }
    serde_json::from_str(message).map_or(true, |it| within(&it))
}

/// What is stored is found by asking for what it says.
fn stored_is_found(stored: &StoredEvent) {
    /// Longer texts make longer queries than there may be.
    const TEXT_BYTES_MAX: usize = 2_000;
    let event = &stored.event;
    let check = |field: &str, text: &str| {
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return;
        }
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let asked = format!("{field}:\"{quoted}\"");
        let query = parse_query(&asked, Timestamp::MIN, &Zone::UTC).unwrap();
        assert!(query.matches(stored), "{asked} does not find {stored:?}");
    };
    check("trace-id", &event.trace_id);
    check("event", event.name.as_str());
    if let Some(id) = &event.message_id {
        // Of what looks like more than an ID, the ID within is meant.
        if MessageId::parse(pasted_id(&id.to_string())).as_ref() == Some(id) {
            check("message-id", &id.to_string());
        }
        assert_eq!(MessageId::parse(id.to_string().into()).as_ref(), Some(id));
    }
    for (field, address) in [("from", &event.from), ("sender", &event.sender)] {
        check(field, address.as_ref().map_or("", Address::as_str));
    }
    for address in event.all_recipients() {
        check("to", address.as_str());
    }
    let keywords = [
        ("folder", &event.folder),
        ("folder", &event.target_folder),
        ("rule", &event.rule_name),
        ("rule-type", &event.rule_type),
        ("spam", &event.verdicts.spam),
        ("policy", &event.policy),
        ("status", &event.status),
    ];
    for (field, text) in keywords {
        check(field, text.as_deref().unwrap_or_default());
    }
}

/// Nothing of an event acts where it is shown.
fn shown_is_visible(stored: &StoredEvent) {
    let zone = &Zone::UTC;
    let options = TableOptions::default();
    for cell in event_cells(stored, zone) {
        assert!(std::str::from_utf8(cell.as_bytes()).is_ok(), "{:?}", cell.as_bytes());
        is_plain(&cell);
        let starts_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        // What calls nothing, as an address of a fax gateway does not, may begin so.
        let is_call = cell.contains(['(', '|', '!', '"', '\'', ' ']) || !cell.contains('@');
        assert!(!(starts_formula && is_call), "a spreadsheet takes {cell:?} for a formula");
    }
    let _prose = sentence(&stored.event);
    let events = std::slice::from_ref(stored);
    is_plain(&written(|out| EventLines(events).table(&options, out)));
    is_plain(&written(|out| FoundEvents(events).table(&options, out)));
    let json = written(|out| FoundEvents(events).json(zone, &mut JsonWriter::lines(out)));
    is_plain(&json);
    // Not as numbers, of which the original may have some that no double holds.
    let _value: &serde_json::value::RawValue = serde_json::from_str(&json).unwrap();
    Shapes::default().add(&stored.event.name, &stored.record.message);
}

fn joined_is_the_same_in_any_order(stored: &[StoredEvent]) {
    let rules = JoinRules::default();
    let messages = join(stored.to_vec(), &rules);
    let mut reversed = stored.to_vec();
    reversed.reverse();
    assert_eq!(join(reversed, &rules), messages);
    let options = TableOptions { width: 60, ..TableOptions::default() };
    let answer = TraceAnswer { messages: &messages, ..TraceAnswer::default() };
    for format in [AnswerFormat::Table, AnswerFormat::Csv, AnswerFormat::Ndjson] {
        let printer = Printer { format, options: options.clone() };
        is_plain(&written(|out| printer.print(&answer, out)));
    }
    for message in &messages {
        let _answer = headline(message);
    }
}

fn written(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Only newlines and our own colours are left of what could act on a terminal.
pub fn is_plain(shown: &str) {
    let mut rest = shown;
    while let Some(at) = rest.find(|it: char| it.is_control() && it != '\n') {
        rest = &rest[at..];
        let colour = rest.strip_prefix("\x1b[").and_then(|it| {
            it.trim_start_matches(|it: char| it.is_ascii_digit() || it == ';').strip_prefix('m')
        });
        rest = colour.unwrap_or_else(|| panic!("a control character in {shown:?}"));
    }
    assert!(!shown.contains(['\u{202e}', '\u{200b}', '\u{2028}', '\u{feff}']), "{shown:?}");
}
