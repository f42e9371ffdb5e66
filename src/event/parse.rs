//! Parses the event in a log message, whatever shape its fields have.
//!
//! simd-json reads the message first. serde_json reads again what simd-json refuses although JSON
//! allows it, such as a number beyond a double in a field that nobody needs. The only errors are a
//! message that is not JSON and one without both trace ID and event name.

use std::borrow::Cow;

use serde_json::value::RawValue;
use simd_json::prelude::ValueIntoString as _;

use super::json::{ADDRESS_MEMBERS, Json};
use super::raw_members::RawMembers;
use super::{Address, Event, EventName, MessageId, RuleAction, StatusCode};
use crate::json::Tokens;
use crate::limits;
use crate::time::{LoggedTime, Timestamp};

/// The reason why a message is not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    #[error("not JSON: {reason}")]
    NotJson { reason: String },
    #[error("JSON nested deeper than {} levels", limits::JSON_DEPTH_MAX)]
    TooDeep,
    #[error("not a JSON object")]
    NotAnObject,
    #[error("neither traceId nor eventName")]
    NoKeys,
}

/// Parses events, reusing its buffers. Each worker has its own.
///
/// # Example
/// ```
/// use mailtrace::{EventName, Parser};
/// let mut parser = Parser::new();
/// let message = r#"{"traceId":"t1","event":{"eventName":"OUTGOING_EMAIL_SENT","recipient":"Bob@acme.example"}}"#;
/// let event = parser.parse(message).unwrap();
/// assert_eq!(event.trace_id, "t1");
/// assert_eq!(event.name, EventName::OutgoingEmailSent);
/// assert_eq!(event.recipient[0].as_str(), "bob@acme.example");
/// ```
pub struct Parser {
    /// A copy of the message, because simd-json overwrites its input.
    copy: Vec<u8>,
    buffers: simd_json::Buffers,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// Creates a parser with empty buffers.
    pub fn new() -> Self {
        Self {
            copy: Vec::with_capacity(4 << 10),
            buffers: simd_json::Buffers::with_max_depth(4 << 10, limits::JSON_DEPTH_MAX),
        }
    }

    /// Parses one message. The event borrows from the parser until the next call.
    ///
    /// # Errors
    ///
    /// [`EventError`] if the message is not JSON or not an email event.
    pub fn parse<'p>(&'p mut self, message: &str) -> Result<Event<'p>, EventError> {
        self.copy.clear();
        self.copy.extend_from_slice(message.as_bytes());
        match simd_json::to_tape_with_buffers(&mut self.copy, &mut self.buffers) {
            Ok(tape) => from_tape(&tape),
            Err(_) if is_too_deep(message) => Err(EventError::TooDeep),
            Err(_) => from_serde(message),
        }
    }
}

fn from_tape<'a>(tape: &simd_json::Tape<'a>) -> Result<Event<'a>, EventError> {
    let top = tape.as_value().as_object().ok_or(EventError::NotAnObject)?;
    let mut event = Event::default();
    let mut nested = None;
    let mut quoted = None;
    for (key, value) in &top {
        match key {
            "event" => {
                nested = value.as_object();
                quoted = value.into_string();
            }
            _ => setter(key).into_iter().for_each(|set| set(&mut event, Json::from_tape(value))),
        }
    }
    // After the members beside `event`, so that those of the event win. Only the trace ID has its
    // documented place at the top.
    if let Some(nested) = nested {
        for (key, value) in &nested {
            if key != "traceId"
                && let Some(set) = setter(key)
            {
                set(&mut event, Json::from_tape(value));
            }
        }
        if event.trace_id.is_empty()
            && let Some(value) = nested.get("traceId")
        {
            event.set_trace_id(Json::from_tape(value));
        }
    }
    if let Some(quoted) = quoted {
        event.set_quoted(quoted);
    }
    event.require_a_key()
}

/// True if brackets nest too deep, whatever else is wrong with the text.
fn is_too_deep(message: &str) -> bool {
    Tokens::new(message.as_bytes()).any(|it| it.depth > limits::JSON_DEPTH_MAX)
}

/// Converts only the values that are needed, so that an unreadable one elsewhere does no harm.
fn from_serde(message: &str) -> Result<Event<'static>, EventError> {
    let not_json = |error: &serde_json::Error| EventError::NotJson { reason: error.to_string() };
    // Twice: the first pass fails only on bad JSON, the second only on a value that is no object.
    let top: &RawValue = serde_json::from_str(message).map_err(|error| not_json(&error))?;
    let top: RawMembers<'_> =
        serde_json::from_str(top.get()).map_err(|_| EventError::NotAnObject)?;
    let mut event = Event::default();
    let mut nested = RawMembers::default();
    let mut quoted: Option<String> = None;
    for (key, raw) in &top.0 {
        match key.as_str() {
            "event" => {
                quoted = serde_json::from_str(raw.get()).ok();
                // Only an object has members.
                nested = serde_json::from_str(raw.get()).unwrap_or_default();
            }
            _ => event.set_raw(key, raw),
        }
    }
    for (key, raw) in nested.0.iter().filter(|(key, _)| key != "traceId") {
        event.set_raw(key, raw);
    }
    if event.trace_id.is_empty()
        && let Some((key, raw)) = nested.0.iter().find(|(key, _)| key == "traceId")
    {
        event.set_raw(key, raw);
    }
    if let Some(quoted) = quoted {
        event.set_quoted(&quoted);
    }
    event.require_a_key()
}

type Setter<'a> = fn(&mut Event<'a>, Json<'a>);

/// Returns the function that sets the field of this name. Other members are not even converted.
fn setter<'a>(key: &str) -> Option<Setter<'a>> {
    let setter: Setter<'a> = match key {
        "traceId" => Event::set_trace_id,
        "eventName" => |event, value| {
            if let Some(text) = value.into_text(&[]) {
                event.name = EventName::from_text(trimmed(text));
            }
        },
        "messageId" => |event, value| {
            event.message_id = value.into_text(&[]).and_then(MessageId::parse);
        },
        "from" => |event, value| event.from = first_address(value),
        "sender" => |event, value| event.sender = first_address(value),
        "subject" => |event, value| event.subject = value.into_text(&[]),
        "recipients" => |event, value| value.into_addresses(&mut event.recipients),
        "recipient" => |event, value| value.into_addresses(&mut event.recipient),
        "bouncedRecipient" | "bouncedRecipients" => Event::set_bounced,
        // Older pages of the guide have this in place of `bouncedRecipient`.
        "destination" => |event, value| value.into_addresses(&mut event.bounced),
        // A status within `bouncedRecipient` wins over one beside it, whichever comes first.
        "status" => |event, value| {
            let status = value.into_text(&["status"]).map(status);
            event.status = event.status.take().or(status);
        },
        "reason" => |event, value| {
            event.reason = event.reason.take().or(value.into_text(&["reason"]));
        },
        "folder" => |event, value| event.folder = value.into_text(&["name"]),
        "ruleName" => |event, value| event.rule_name = value.into_text(&["name"]),
        "ruleType" => |event, value| event.rule_type = value.into_text(&[]),
        "ruleActions" => Event::set_rule_actions,
        "targetFolder" => |event, value| event.target_folder = value.into_text(&["name"]),
        "targetRecipient" => |event, value| value.into_addresses(&mut event.target_recipient),
        "journalingAddress" => |event, value| value.into_addresses(&mut event.journaling_address),
        "spamVerdict" => |event, value| event.verdicts.spam = value.into_text(VERDICT_MEMBERS),
        "dkimVerdict" => |event, value| event.verdicts.dkim = value.into_text(VERDICT_MEMBERS),
        "dmarcVerdict" => |event, value| event.verdicts.dmarc = value.into_text(VERDICT_MEMBERS),
        "spfVerdict" => |event, value| event.verdicts.spf = value.into_text(VERDICT_MEMBERS),
        "dmarcPolicy" => |event, value| event.verdicts.dmarc_policy = value.into_text(&["policy"]),
        "policy" => |event, value| event.policy = value.into_text(&["policy"]),
        "messageTimestamp" => |event, value| event.message_timestamp = into_timestamp(value),
        _ => return None,
    };
    Some(setter)
}

impl<'a> Event<'a> {
    fn set_raw(&mut self, key: &str, raw: &RawValue) {
        if let Some(set) = setter(key)
            // An unreadable value leaves its field empty. The original has it all the same.
            && let Ok(value) = serde_json::from_str::<Json<'static>>(raw.get())
        {
            set(self, value);
        }
    }

    /// Sets fields from an object that a text holds: some tools write JSON within JSON.
    fn set_quoted(&mut self, text: &str) {
        let Ok(members) = serde_json::from_str::<RawMembers<'_>>(text) else { return };
        for (key, raw) in &members.0 {
            if key != "traceId" || self.trace_id.is_empty() {
                self.set_raw(key, raw);
            }
        }
    }

    fn set_trace_id(&mut self, value: Json<'a>) {
        if let Some(text) = value.into_text(&[]) {
            self.trace_id = trimmed(text);
        }
    }

    fn set_bounced(&mut self, value: Json<'a>) {
        match value {
            Json::Object(pairs) => {
                for (key, value) in pairs {
                    match key.as_ref() {
                        "status" => self.status = value.into_text(&[]).map(status),
                        "reason" => self.reason = value.into_text(&[]),
                        it if ADDRESS_MEMBERS.contains(&it) => {
                            value.into_addresses(&mut self.bounced);
                        }
                        _ => {}
                    }
                }
            }
            Json::List(list) => list.into_iter().for_each(|it| self.set_bounced(it)),
            scalar => scalar.into_addresses(&mut self.bounced),
        }
    }

    fn set_rule_actions(&mut self, value: Json<'a>) {
        match value {
            Json::Nothing => {}
            Json::Text(action) | Json::Number(action) => {
                self.rule_actions.push(RuleAction { action, recipients: Vec::new() });
            }
            Json::List(list) => list.into_iter().for_each(|it| self.set_rule_actions(it)),
            Json::Object(pairs) => {
                let mut rule_action = RuleAction::default();
                for (key, value) in pairs {
                    match key.as_ref() {
                        "action" | "name" => {
                            rule_action.action = value.into_text(&[]).unwrap_or("".into());
                        }
                        "recipients" | "recipient" => {
                            value.into_addresses(&mut rule_action.recipients);
                        }
                        _ => {}
                    }
                }
                self.rule_actions.push(rule_action);
            }
        }
    }

    fn require_a_key(self) -> Result<Self, EventError> {
        if self.trace_id.is_empty() && self.name.as_str().is_empty() {
            return Err(EventError::NoKeys);
        }
        Ok(self)
    }
}

/// Members that may hold a verdict, which SES wraps: `{"status":"PASS"}`.
const VERDICT_MEMBERS: &[&str] = &["status", "verdict"];

fn first_address(value: Json<'_>) -> Option<Address<'_>> {
    let mut addresses = Vec::with_capacity(1);
    value.into_addresses(&mut addresses);
    (!addresses.is_empty()).then(|| addresses.swap_remove(0))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(it) => Cow::Borrowed(it.trim()),
        Cow::Owned(it) if it.trim().len() == it.len() => Cow::Owned(it),
        Cow::Owned(it) => Cow::Owned(it.trim().to_owned()),
    }
}

fn into_timestamp(value: Json<'_>) -> Option<Timestamp> {
    LoggedTime::parse(&value.into_text(&[])?).map(|it| it.at)
}

/// Returns the status in a text, or the text if there is none.
fn status(text: Cow<'_, str>) -> Cow<'_, str> {
    match StatusCode::find(&text).map(|it| it.to_string()) {
        Some(status) if status != text => Cow::Owned(status),
        Some(_) => text,
        None => trimmed(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(message: &str) -> Event<'static> {
        Parser::new()
            .parse(message)
            .map(Event::into_owned)
            .unwrap_or_else(|it| panic!("{message}: {it}"))
    }

    fn texts(addresses: &[Address<'_>]) -> Vec<String> {
        addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_documented_event_is_read_in_full() {
        let read = event(
            r#"{"traceId":"t1","event":{"eventName":"ORGANIZATION_EMAIL_RECEIVED","recipients":["Bob@acme.example","team@acme.example"],
            "from":"Ana <ana@far.example>","sender":"assistant@far.example","subject":"Hi","messageId":"<m1@far.example>","spamVerdict":"PASS","dkimVerdict":"GRAY",
            "dmarcVerdict":"FAIL","dmarcPolicy":"QUARANTINE","spfVerdict":"PASS","messageTimestamp":"2026-11-23T21:34:00.000Z"}}"#,
        );
        assert_eq!(read.name, EventName::OrganizationEmailReceived);
        assert_eq!(texts(&read.recipients), ["Bob@acme.example", "team@acme.example"]);
        assert_eq!(read.recipients[0].as_str(), "bob@acme.example");
        assert_eq!(read.message_id.as_ref().map(MessageId::as_str), Some("m1@far.example"));
        assert_eq!(read.from.as_ref().map(Address::as_str), Some("ana@far.example"));
        assert_eq!(read.verdicts.dmarc_policy.as_deref(), Some("QUARANTINE"));
        assert_eq!(read.message_timestamp, Timestamp::from_ms(1_795_469_640_000));
    }

    #[test]
    fn unusual_shapes_are_tolerated() {
        let read = event(
            r#"{"traceId":"t","event":{"eventName":"X","recipients":"one@a.example","recipient":["two@a.example"],
            "from":{"address":"ana@a.example","name":"Ana"},"sender":null,"spamVerdict":{"status":"PASS"},"messageTimestamp":1795469640000,"subject":["S"]}}"#,
        );
        assert_eq!(texts(&read.recipients), ["one@a.example"]);
        assert_eq!(texts(&read.recipient), ["two@a.example"]);
        assert_eq!(read.from.unwrap().as_str(), "ana@a.example");
        assert_eq!(read.sender, None);
        assert_eq!(read.verdicts.spam.as_deref(), Some("PASS"));
        assert_eq!(read.message_timestamp, Timestamp::from_ms(1_795_469_640_000));
        assert_eq!(read.subject.as_deref(), Some("S"));
    }

    #[test]
    fn both_documented_shapes_of_a_bounce_are_read() {
        let new = event(
            r#"{"traceId":"t","event":{"eventName":"OUTGOING_EMAIL_BOUNCED","bouncedRecipient":{"emailAddress":"Bob@far.example","action":"failed","status":"5.2.2","reason":"mailbox full"}}}"#,
        );
        let old = event(
            r#"{"traceId":"t","event":{"eventName":"OUTGOING_EMAIL_BOUNCED","destination":"bob@far.example","status":"5.2.2","reason":"mailbox full"}}"#,
        );
        assert_eq!(new, old);
        assert_eq!(new.status.as_deref(), Some("5.2.2"));
    }

    #[test]
    fn a_missing_event_object_is_tolerated() {
        assert_eq!(
            event(r#"{"eventName":"OUTGOING_EMAIL_SENT"}"#).name,
            EventName::OutgoingEmailSent
        );
        assert_eq!(event(r#"{"traceId":"t","event":null}"#).trace_id, "t");
        assert_eq!(event(r#"{"event":{"traceId":"t","eventName":"X"}}"#).trace_id, "t");
    }

    #[test]
    fn only_what_names_nothing_is_refused() {
        let mut parser = Parser::new();
        assert_eq!(parser.parse("{}"), Err(EventError::NoKeys));
        assert_eq!(parser.parse(r#"{"traceId":"","event":{}}"#), Err(EventError::NoKeys));
        assert_eq!(parser.parse("[1]"), Err(EventError::NotAnObject));
        assert_eq!(parser.parse("\"text\""), Err(EventError::NotAnObject));
        assert!(matches!(parser.parse("{\"traceId\":"), Err(EventError::NotJson { .. })));
        assert!(matches!(parser.parse(""), Err(EventError::NotJson { .. })));
    }

    #[test]
    fn numbers_beyond_a_double_do_no_harm() {
        for number in ["1e999", "123456789012345678901234567890", "-1e999"] {
            let message = format!(
                r#"{{"traceId":"t","x":{number},"event":{{"eventName":"X","subject":"s","y":{number}}}}}"#
            );
            let read = event(&message);
            assert_eq!(
                (read.trace_id.as_ref(), read.subject.as_deref()),
                ("t", Some("s")),
                "{number}"
            );
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_harm() {
        let deep =
            format!(r#"{{"traceId":"t","x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Parser::new().parse(&deep), Err(EventError::TooDeep));
        let brackets_in_text =
            format!(r#"{{"traceId":"t","x":1e999,"y":"{}"}}"#, "[".repeat(1_000));
        assert_eq!(Parser::new().parse(&brackets_in_text).unwrap().trace_id, "t");
    }

    #[test]
    fn repeated_and_reordered_members_are_read_alike_by_both_parsers() {
        let check = |body: &str| {
            let fast = event(&format!("{{{body}}}"));
            let slow = event(&format!(r#"{{"unread":1e999,{body}}}"#));
            assert_eq!(slow, fast, "{body}");
        };
        check(r#""traceId":"t","traceId":"u","event":{"eventName":"X","traceId":"v"}"#);
        check(r#""event":{"traceId":"t","traceId":"u","eventName":"X"}"#);
        check(r#""event":{"eventName":"X"},"event":{"eventName":"Y","folder":"f"}"#);
        check(r#""event":{"eventName":"X"},"event":null,"traceId":"t""#);
        check(r#""event":"{\"eventName\":\"X\",\"folder\":\"f\"}","folder":"g","traceId":"t""#);
        check(r#""event":"{\"eventName\":\"X\"}","event":{"folder":"f"},"traceId":"t""#);
        check(r#""traceId":"t","event":{"recipients":"a@b","recipients":["c@d"]}"#);
        check(r#""traceId":"t","event":{"status":"5.1.1","bouncedRecipient":{"status":null}}"#);
        check(r#""traceId":"t","event":{"destination":"z@b","bouncedRecipient":"a@b"}"#);
        check(r#""traceId":"t","event":{"bouncedRecipient":{"email":"a@b","email":"c@d"}}"#);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _unused = Parser::new().parse(&text);
        }

        #[test]
        fn both_parsers_read_the_same_event(
            trace in "[a-z0-9]{1,8}", subject in ".{0,40}", recipients in proptest::collection::vec("[a-zA-Z]{1,5}@[a-z]{1,5}\\.example", 0..4),
            status in proptest::option::of("[245]\\.[0-9]\\.[0-9]"), time in 0i64..4_000_000_000_000,
        ) {
            let message = serde_json::json!({"traceId": trace, "event": {"eventName": "INCOMING_EMAIL_BOUNCED", "subject": subject,
                "recipients": recipients, "messageTimestamp": time, "bouncedRecipient": {"emailAddress": "B@a.example", "status": status}}}).to_string();
            let simd = event(&message);
            let serde = from_serde(&message);
            prop_assert_eq!(Ok(simd), serde);
        }
    }
}
