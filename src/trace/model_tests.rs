//! The rules of the design's section 4 once more, slowly and straight from its text, over the
//! messages' JSON: the model shares nothing with the implementation. Random small logs, in which
//! addresses, IDs and times collide often, must give the same answers from both.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::samples::{START_MS, stored};
use super::silence_tests::{Reading, Spec};
use super::{JoinRules, Message, join};
use crate::store::StoredEvent;
use crate::time::Timestamp;

const GRACE_MS: i64 = 4;

/// One line of a random log.
#[derive(Clone, Debug)]
pub(super) struct Line {
    ms: i64,
    is_approximate: bool,
    body: Value,
}

fn text<'v>(line: &'v Line, key: &str) -> &'v str {
    line.body["event"][key].as_str().unwrap_or("")
}

fn name(line: &Line) -> &str {
    text(line, "eventName")
}

fn trace_id(line: &Line) -> &str {
    line.body["traceId"].as_str().unwrap_or("")
}

/// The message ID, empty where it is none.
fn message_id(line: &Line) -> String {
    let id = text(line, "messageId").trim_start_matches('<').trim_end_matches('>').to_owned();
    if ["", "null", "****"].contains(&id.to_lowercase().as_str()) { String::new() } else { id }
}

fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().cloned().unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_lowercase).collect()
}

/// Whom the event is about, by the table of section 3.
fn about(line: &Line) -> String {
    let event = &line.body["event"];
    let address = if name(line).ends_with("BOUNCED") {
        &event["bouncedRecipient"]["emailAddress"]
    } else {
        &event["recipient"]
    };
    address.as_str().unwrap_or("").to_lowercase()
}

fn rank(line: &Line) -> usize {
    NAMES.iter().position(|it| *it == name(line)).unwrap_or(9)
}

/// The names by a step's place on a message's way.
const NAMES: [&str; 9] = [
    "OUTGOING_EMAIL_SUBMITTED",
    "ORGANIZATION_EMAIL_RECEIVED",
    "DMARC_POLICY_APPLIED",
    "RULE_APPLIED",
    "JOURNALING_INITIATED",
    "OUTGOING_EMAIL_SENT",
    "OUTGOING_EMAIL_BOUNCED",
    "MAILBOX_EMAIL_DELIVERED",
    "INCOMING_EMAIL_BOUNCED",
];

/// A message's rows as sorted lines of text, and its outcome.
pub(super) type Answer = (BTreeSet<String>, Vec<String>, String);

fn model(log: &[Line], newest: i64) -> Vec<Answer> {
    model_with(log, newest, &Spec::default())
}

/// The same, with a directory.
pub(super) fn model_with(log: &[Line], newest: i64, spec: &Spec) -> Vec<Answer> {
    let mut lines: Vec<Line> = Vec::new();
    for line in log {
        let is_repeated = lines.iter().any(|it| it.ms == line.ms && it.body == line.body);
        let has_exact =
            line.is_approximate && log.iter().any(|it| !it.is_approximate && it.body == line.body);
        if !is_repeated && !has_exact {
            lines.push(line.clone());
        }
    }
    lines.sort_by_key(|it| (it.ms, rank(it), it.body.to_string()));
    let legs = legs_of(&lines);
    // Which legs are one message, and again until nothing changes.
    let mut message_of_leg: Vec<usize> = (0..legs.len()).collect();
    let ids: BTreeSet<String> = lines.iter().map(message_id).filter(|it| !it.is_empty()).collect();
    for id in ids {
        for group in groups_with(&id, &legs) {
            for pair in group.windows(2) {
                let (one, other) = (message_of_leg[pair[0]], message_of_leg[pair[1]]);
                message_of_leg.iter_mut().filter(|it| **it == other).for_each(|it| *it = one);
            }
        }
    }
    let mut messages: Vec<Vec<Line>> = Vec::new();
    let distinct: BTreeSet<usize> = message_of_leg.iter().copied().collect();
    for message in distinct {
        let of_it = legs.iter().zip(&message_of_leg).filter(|(_, it)| **it == message);
        let mut lines: Vec<Line> = of_it.flat_map(|((_, lines), _)| lines.clone()).collect();
        lines.sort_by_key(|it| (it.ms, rank(it), it.body.to_string()));
        messages.push(lines);
    }
    messages.sort_by_key(|it| (it[0].ms, rank(&it[0]), it[0].body.to_string()));
    messages.iter().map(|it| model_of_message(it, newest, spec)).collect()
}

type ModelLeg = (String, Vec<Line>);

fn legs_of(lines: &[Line]) -> Vec<ModelLeg> {
    let mut legs: Vec<ModelLeg> = Vec::new();
    for line in lines {
        let id = trace_id(line).to_owned();
        match legs.iter_mut().find(|(known, _)| !id.is_empty() && *known == id) {
            Some((_, lines)) => lines.push(line.clone()),
            None => legs.push((id, vec![line.clone()])),
        }
    }
    legs
}

/// The groups of the legs that have a message ID, by the rules of section 3a, word for word.
fn groups_with(id: &str, legs: &[ModelLeg]) -> Vec<Vec<usize>> {
    let start = |it: usize| legs[it].1.iter().map(|it| it.ms).min().unwrap();
    let subject = |it: usize| {
        let subject = legs[it].1.iter().find_map(|it| it.body["event"]["subject"].as_str());
        subject.map(|it| it.trim().to_lowercase())
    };
    let named = |it: usize| named_in(&legs[it].1);
    let mut having: Vec<usize> = (0..legs.len())
        .filter(|it| legs[*it].1.iter().any(|line| message_id(line) == id))
        .collect();
    having.sort_by_key(|it| (start(*it), legs[*it].0.clone()));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for leg in having {
        let fits = |group: &Vec<usize>| {
            let incoming = || group.iter().copied().filter(|it| !is_outgoing(&legs[*it].1));
            start(leg) - start(group[0]) <= 5 * DAY
                && (is_outgoing(&legs[leg].1)
                    || (incoming().all(|it| {
                        subject(it).is_none()
                            || subject(leg).is_none()
                            || subject(it) == subject(leg)
                    }) && incoming()
                        .filter(|it| start(leg) - start(*it) > HOUR)
                        .all(|it| named(it).intersection(&named(leg)).next().is_none())))
        };
        match groups.iter_mut().find(|it| fits(it)) {
            Some(group) => group.push(leg),
            None => groups.push(vec![leg]),
        }
    }
    groups
}

const HOUR: i64 = 60 * 60 * 1_000;
const DAY: i64 = 24 * HOUR;

fn is_outgoing(lines: &[Line]) -> bool {
    lines
        .iter()
        .any(|it| name(it).starts_with("OUTGOING_") || text(it, "ruleType") == "OUTBOUND_RULE")
}

fn named_in(lines: &[Line]) -> BTreeSet<String> {
    let naming =
        ["OUTGOING_EMAIL_SUBMITTED", "ORGANIZATION_EMAIL_RECEIVED", "DMARC_POLICY_APPLIED"];
    let naming = lines.iter().filter(|it| naming.contains(&name(it)));
    naming.flat_map(|it| list(&it.body["event"]["recipients"])).collect()
}

fn model_of_message(message: &[Line], newest: i64, spec: &Spec) -> Answer {
    let legs = legs_of(message);
    let rows: Vec<Row> =
        legs.iter().flat_map(|(id, lines)| model_of_leg(id, lines, newest, spec)).collect();
    let addresses: BTreeSet<&String> = rows.iter().map(|it| &it.address).collect();
    let mut finals: Vec<&str> = Vec::new();
    for address in addresses {
        let all: Vec<&Row> = rows.iter().filter(|it| it.address == *address).collect();
        let incoming: Vec<&Row> = all.iter().copied().filter(|it| !it.is_outgoing).collect();
        let counted = if incoming.is_empty() { all } else { incoming };
        let last = counted.into_iter().max_by_key(|it| (it.start, it.trace_id.clone()));
        finals.push(&last.unwrap().outcome);
    }
    let good = finals.iter().filter(|it| is_good(it)).count();
    let pending = finals.iter().filter(|it| **it == "pending").count();
    let bad = finals.len() - good - pending;
    let outcome = if finals.is_empty() {
        "unknown"
    } else if good == finals.len() {
        "delivered"
    } else if good == 0 && pending == 0 {
        "failed"
    } else if bad == 0 && pending > 0 {
        "pending"
    } else {
        "partial"
    };
    let mut texts: Vec<String> = rows.iter().map(|it| it.text.clone()).collect();
    texts.sort();
    (message.iter().map(|it| format!("{} {}", it.ms, it.body)).collect(), texts, outcome.to_owned())
}

fn is_good(outcome: &str) -> bool {
    ["delivered", "sent", "expanded"].contains(&outcome)
}

struct Row {
    address: String,
    start: i64,
    trace_id: String,
    is_outgoing: bool,
    outcome: String,
    text: String,
}

fn model_of_leg(id: &str, lines: &[Line], newest: i64, spec: &Spec) -> Vec<Row> {
    let is_outgoing = is_outgoing(lines);
    let start = lines.iter().map(|it| it.ms).min().unwrap();
    let fates = [
        "MAILBOX_EMAIL_DELIVERED",
        "OUTGOING_EMAIL_SENT",
        "OUTGOING_EMAIL_BOUNCED",
        "INCOMING_EMAIL_BOUNCED",
    ];
    let named = named_in(lines);
    let drops = |line: &Line, address: &str, is_for_all: bool| {
        let actions = line.body["event"]["ruleActions"].as_array().cloned().unwrap_or_default();
        actions.iter().any(|action| {
            let what = action["action"].as_str().unwrap_or("").to_lowercase();
            let whom = list(&action["recipients"]);
            (what.contains("drop") || what.contains("bounce"))
                && ((is_for_all && whom.is_empty()) || whom.iter().any(|it| it == address))
        })
    };
    let silent: Vec<&String> = named
        .iter()
        .filter(|address| {
            !lines.iter().any(|it| fates.contains(&name(it)) && about(it) == **address)
                && !lines.iter().any(|it| drops(it, address, false))
        })
        .collect();
    let mut addresses = named.clone();
    addresses.extend(lines.iter().filter(|it| fates.contains(&name(it))).map(about));
    let mailboxes: BTreeSet<String> = lines
        .iter()
        .filter(|it| name(it) == "MAILBOX_EMAIL_DELIVERED" && !named.contains(&about(it)))
        .map(about)
        .collect();
    let got: Vec<String> =
        lines.iter().filter(|it| name(it) == "MAILBOX_EMAIL_DELIVERED").map(about).collect();
    let reading = Reading::of(spec, &silent, &got, &mailboxes);
    let mut rows = Vec::new();
    for address in addresses {
        let last = |names: &[&str]| {
            lines.iter().rfind(|it| names.contains(&name(it)) && about(it) == address)
        };
        let delivered = last(&["MAILBOX_EMAIL_DELIVERED"]);
        let sent = last(&["OUTGOING_EMAIL_SENT"]);
        let arrived = last(&["MAILBOX_EMAIL_DELIVERED", "OUTGOING_EMAIL_SENT"]);
        let bounced = last(&["OUTGOING_EMAIL_BOUNCED", "INCOMING_EMAIL_BOUNCED"]);
        let bounce_is_later = match (bounced, arrived) {
            (Some(bounced), Some(arrived)) => bounced.ms >= arrived.ms,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let drop = lines.iter().find(|it| drops(it, &address, true));
        let policy = |policy: &str| {
            lines
                .iter()
                .find(|it| name(it) == "DMARC_POLICY_APPLIED" && text(it, "policy") == policy)
        };
        let (outcome, decided) = if let (Some(it), false) = (delivered, bounce_is_later) {
            ("delivered", Some(it))
        } else if let (Some(it), false) = (sent, bounce_is_later) {
            ("sent", Some(it))
        } else if let (Some(it), true) = (bounced, bounce_is_later) {
            ("bounced", Some(it))
        } else if let Some(it) = drop {
            ("dropped", Some(it))
        } else if let Some(it) = policy("REJECT") {
            ("rejected", Some(it))
        } else if let Some(it) = policy("QUARANTINE") {
            ("quarantined", Some(it))
        } else if let Some(outcome) = reading.outcome(spec, &address) {
            (outcome, None)
        } else if newest - start < GRACE_MS {
            ("pending", None)
        } else {
            ("lost", None)
        };
        let folder = decided.filter(|_| outcome == "delivered").map_or("", |it| text(it, "folder"));
        let is_junk =
            folder.to_lowercase().contains("junk") || folder.to_lowercase().contains("spam");
        let status = decided
            .filter(|_| outcome == "bounced")
            .and_then(|it| it.body["event"]["bouncedRecipient"]["status"].as_str())
            .unwrap_or("");
        let rule = decided.filter(|_| outcome == "dropped").map_or("", |it| text(it, "ruleName"));
        let latency = decided
            .filter(|_| ["delivered", "sent", "bounced"].contains(&outcome))
            .map(|it| it.ms - start);
        let at = decided.map(|it| it.ms);
        let boxes = reading.mailboxes(&address);
        let boxes: Vec<_> = boxes.iter().filter(|_| outcome == "expanded").collect();
        rows.push(Row {
            text: format!(
                "{id} {address} {is_outgoing} {outcome} {folder} {is_junk} {status} {rule} {boxes:?} {at:?} {latency:?}"
            ),
            address,
            start,
            trace_id: id.to_owned(),
            is_outgoing,
            outcome: outcome.to_owned(),
        });
    }
    rows
}

/// The implementation's answer in the same form.
pub(super) fn answer(message: &Message) -> Answer {
    let since_start = |it: Timestamp| it.as_ms() - START_MS;
    let mut rows: Vec<String> = message
        .recipients
        .iter()
        .map(|it| {
            let boxes: Vec<_> = it.mailboxes.iter().map(|it| it.as_str()).collect();
            format!(
                "{} {} {} {} {} {} {} {} {boxes:?} {:?} {:?}",
                it.trace_id.as_deref().unwrap_or(""),
                it.address.as_str(),
                it.direction == super::Direction::Outgoing,
                it.outcome,
                it.folder.as_deref().unwrap_or(""),
                it.is_junk,
                it.status.as_deref().unwrap_or(""),
                it.rule.as_deref().unwrap_or(""),
                it.at.map(since_start),
                it.latency_ms,
            )
        })
        .collect();
    rows.sort();
    let events = message
        .events
        .iter()
        .map(|it| format!("{} {}", since_start(it.record.timestamp), it.record.message))
        .collect();
    (events, rows, message.outcome.to_string())
}

pub(super) fn events(log: &[Line]) -> Vec<StoredEvent> {
    log.iter()
        .map(|it| {
            let mut event = stored(it.ms, &it.body.to_string());
            event.record.is_time_approximate = it.is_approximate;
            event
        })
        .collect()
}

fn joined(log: &[Line], newest: i64) -> Vec<Message> {
    let newest = Timestamp::from_ms(START_MS + newest);
    join(events(log), &JoinRules { grace_ms: GRACE_MS, newest, directory: None })
}

/// Mostly close together; sometimes about an hour or five days apart, where groups end.
fn any_ms() -> impl Strategy<Value = i64> {
    let far = prop::sample::select(vec![0, 0, 0, 0, HOUR, HOUR + 3, 5 * DAY, 5 * DAY + 3]);
    (0..8_i64, far).prop_map(|(ms, far)| ms + far)
}

pub(super) fn any_line() -> impl Strategy<Value = Line> {
    let address = || prop::sample::select(vec!["a@x", "B@x", "b@x", "c@x", "g@x"]);
    let names = prop::sample::select(
        NAMES.iter().copied().chain(["OUTGOING_EMAIL_QUEUED", "NEWS"]).collect::<Vec<_>>(),
    );
    (
        (any_ms(), prop::bool::weighted(0.1), names),
        prop::sample::select(vec!["", "t1", "t1", "t2", "t3", "t4"]),
        prop::sample::select(vec!["", "<>", "m1", "<m1>", "M1", "<m2>", "<NULL>", "<****>"]),
        (address(), prop::collection::vec(address(), 0..3)),
        prop::sample::select(vec!["INBOX", "Junk E-mail", "my SPAM"]),
        prop::sample::select(vec!["DROP", "Send Bounce", "MOVE_TO_JUNK", "DEFAULT"]),
        prop::sample::select(vec!["INBOUND_RULE", "INBOUND_RULE", "OUTBOUND_RULE"]),
        prop::sample::select(vec!["NONE", "QUARANTINE", "REJECT"]),
        prop::sample::select(vec![None, None, Some("One"), Some(" ONE "), Some("two")]),
    )
        .prop_map(|((ms, is_approximate, name), trace, id, (one, many), folder, action, kind, policy, subject)| {
            let event = match name {
                "OUTGOING_EMAIL_SUBMITTED" => json!({"eventName": name, "recipients": many}),
                "ORGANIZATION_EMAIL_RECEIVED" => {
                    json!({"eventName": name, "recipients": many, "messageId": id, "subject": subject})
                }
                "DMARC_POLICY_APPLIED" => json!({"eventName": name, "recipients": many, "policy": policy}),
                "RULE_APPLIED" => json!({"eventName": name, "ruleName": "r", "ruleType": kind,
                    "ruleActions": [{"action": action, "recipients": many}]}),
                "OUTGOING_EMAIL_SENT" => json!({"eventName": name, "recipient": one, "messageId": id}),
                "MAILBOX_EMAIL_DELIVERED" => json!({"eventName": name, "recipient": one, "folder": folder}),
                "INCOMING_EMAIL_BOUNCED" | "OUTGOING_EMAIL_BOUNCED" => {
                    json!({"eventName": name, "bouncedRecipient": {"emailAddress": one, "status": "5.1.1"}})
                }
                _ => json!({"eventName": name}),
            };
            Line { ms, is_approximate, body: json!({"traceId": trace, "event": event}) }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_join_gives_the_answers_of_the_designs_text(log in prop::collection::vec(any_line(), 0..14), newest in 0..12_i64) {
        let answers: Vec<Answer> = joined(&log, newest).iter().map(answer).collect();
        prop_assert_eq!(answers, model(&log, newest));
    }

    #[test]
    fn order_and_repetition_change_nothing(
        (log, shuffled) in prop::collection::vec(any_line(), 0..14).prop_flat_map(|log| {
            let twice: Vec<Line> = log.iter().chain(&log).cloned().collect();
            (Just(log), Just(twice).prop_shuffle())
        }),
        extra in 0..14_usize,
    ) {
        let shuffled: Vec<Line> = log.iter().take(extra).chain(&shuffled).cloned().collect();
        prop_assert_eq!(joined(&log, 6), joined(&shuffled, 6));
    }

    #[test]
    fn every_distinct_event_is_in_exactly_one_message(log in prop::collection::vec(any_line(), 0..14)) {
        let messages = joined(&log, 6);
        let kept: usize = messages.iter().map(|it| it.events.len()).sum();
        let in_legs: usize = messages.iter().flat_map(|it| &it.legs).map(|it| it.event_indexes.len()).sum();
        prop_assert_eq!(kept, in_legs);
        prop_assert!(messages.is_sorted_by_key(|it| it.first_seen));
    }
}
