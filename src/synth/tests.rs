//! The generator as a whole.

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::event::{Event, EventName, Parser};

struct Log {
    bytes: Vec<u8>,
    events: Vec<(i64, Event<'static>)>,
    truths: Vec<Truth>,
    summary: SynthSummary,
}

fn log(options: &SynthOptions, shape: Shape) -> Log {
    let mut writer = Writer::new(Vec::new(), shape);
    let (mut events, mut truths) = (Vec::new(), Vec::new());
    let mut parser = Parser::new();
    let summary = generate(
        options,
        |record| {
            let event = parser.parse(&record.message).unwrap().into_owned();
            events.push((record.timestamp.as_ms(), event));
            writer.write(record)
        },
        |truth| {
            truths.push(truth.clone());
            Ok(())
        },
    )
    .unwrap();
    Log { bytes: writer.finish().unwrap(), events, truths, summary }
}

fn options(event_count: u64) -> SynthOptions {
    SynthOptions { event_count, ..SynthOptions::default() }
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    let first = log(&options(1_000), Shape::Ndjson);
    assert_eq!(first.bytes, log(&options(1_000), Shape::Ndjson).bytes);
    let other = SynthOptions { seed: 2, ..options(1_000) };
    assert_ne!(first.bytes, log(&other, Shape::Ndjson).bytes);
    // A change here changes every corpus that somebody wrote down by its seed.
    insta::assert_snapshot!(format!("{:016x}", xxh3_64(&first.bytes)), @"f0f6b07aff6c89b7");
}

#[test]
fn events_come_in_order_and_exactly_as_many_as_asked_for() {
    for count in [0, 1, 2, 999, 10_000] {
        let log = log(&options(count), Shape::Raw);
        assert_eq!(log.summary.event_count, count);
        assert_eq!(log.events.len() as u64, count);
        assert!(log.events.is_sorted_by_key(|(at_ms, _)| *at_ms));
    }
}

#[test]
fn every_documented_event_and_outcome_occurs() {
    let log = log(&options(10_000), Shape::Raw);
    for name in EventName::DOCUMENTED {
        assert!(log.events.iter().any(|(_, event)| event.name == name), "{name}");
    }
    let recipients = log.truths.iter().flat_map(|it| &it.recipients);
    let outcomes: HashSet<&str> = recipients.map(|it| it.outcome).collect();
    for outcome in [
        "delivered",
        "sent",
        "bounced",
        "dropped",
        "rejected",
        "quarantined",
        "expanded",
        "pending",
        "lost",
    ] {
        assert!(outcomes.contains(outcome), "{outcome}");
    }
    let outcomes: HashSet<&str> = log.truths.iter().map(|it| it.outcome).collect();
    for outcome in ["delivered", "partial", "failed", "pending", "unknown"] {
        assert!(outcomes.contains(outcome), "{outcome}");
    }
}

#[test]
fn the_log_fills_its_span() {
    let options = options(50_000);
    let log = log(&options, Shape::Raw);
    let spent_ms = log.events.last().unwrap().0 - options.since.as_ms();
    let share = spent_ms * 100 / options.span_ms;
    assert!((85..=108).contains(&share), "{share} % of the span");
}

/// Counts what the truth promises: every trace ID once, and for each recipient its events.
#[test]
fn the_truth_agrees_with_what_the_log_shows() {
    let log = log(&options(20_000), Shape::Raw);
    let mut by_trace: HashMap<&str, Vec<&Event<'_>>> = HashMap::new();
    for (_, event) in &log.events {
        by_trace.entry(event.trace_id.as_ref()).or_default().push(event);
    }
    let mut told = HashSet::new();
    for truth in &log.truths {
        let mut events: Vec<&Event<'_>> = Vec::new();
        for trace_id in &truth.trace_ids {
            assert!(told.insert(trace_id.clone()), "{trace_id} is told twice");
            events.extend(&by_trace[trace_id.as_str()]);
        }
        let shown: HashSet<String> = events
            .iter()
            .filter_map(|it| it.message_id.as_ref())
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, truth.message_ids.iter().cloned().collect());
        for recipient in &truth.recipients {
            let about: Vec<_> = events
                .iter()
                .filter(|it| {
                    let is_it =
                        |address: &crate::event::Address<'_>| address.as_str() == recipient.address;
                    it.recipient.iter().any(is_it) || it.bounced.iter().any(is_it)
                })
                .collect();
            let has = |name: EventName<'_>| about.iter().any(|it| it.name == name);
            match recipient.outcome {
                "delivered" => assert!(about.iter().any(|it| {
                    it.name == EventName::MailboxEmailDelivered
                        && it.folder.as_deref() == recipient.folder
                })),
                "sent" => assert!(has(EventName::OutgoingEmailSent)),
                "bounced" => {
                    assert!(about.iter().any(|it| {
                        it.name.is_bounce() && it.status.as_deref() == recipient.status
                    }));
                }
                _ => assert!(!has(EventName::MailboxEmailDelivered)),
            }
        }
    }
    assert_eq!(told.len(), by_trace.len());
    assert_eq!(log.truths.len() as u64, log.summary.message_count);
}

#[test]
fn a_crowded_log_stays_within_its_bound() {
    let crowded = SynthOptions { span_ms: 1, ..options(5_000) };
    let log = log(&crowded, Shape::Raw);
    assert_eq!(log.events.len(), 5_000);
    assert!(log.events.is_sorted_by_key(|(at_ms, _)| *at_ms));
}

#[test]
fn an_organization_of_one_is_no_problem() {
    log(&SynthOptions { user_count: 1, ..options(3_000) }, Shape::Raw);
}

#[test]
fn options_out_of_bounds_are_refused() {
    let refused = |options: SynthOptions| generate(&options, |_| Ok(()), |_| Ok(())).is_err();
    assert!(refused(SynthOptions { organization: "a b".to_owned(), ..options(1) }));
    assert!(refused(SynthOptions { user_count: 0, ..options(1) }));
    assert!(refused(SynthOptions { span_ms: 0, ..options(1) }));
    assert!(refused(SynthOptions { span_ms: i64::MAX, ..options(1) }));
}

#[test]
fn json_shapes_are_json_and_hold_every_message() {
    let raw = String::from_utf8(log(&options(500), Shape::Raw).bytes).unwrap();
    let messages: Vec<&str> = raw.lines().collect();
    let parse = |bytes: &[u8]| -> serde_json::Value { serde_json::from_slice(bytes).unwrap() };
    let pages = parse(&log(&options(500), Shape::Json).bytes);
    let insights = parse(&log(&options(500), Shape::InsightsJson).bytes);
    let ndjson = log(&options(500), Shape::Ndjson).bytes;
    let lines: Vec<_> = ndjson.split(|it| *it == b'\n').filter(|it| !it.is_empty()).collect();
    let firehose = log(&options(500), Shape::Firehose).bytes;
    let objects = serde_json::Deserializer::from_slice(&firehose).into_iter();
    let batches: Vec<serde_json::Value> = objects.map(Result::unwrap).collect();
    let batched: Vec<&str> = batches
        .iter()
        .flat_map(|it| it["logEvents"].as_array().unwrap())
        .map(|it| it["message"].as_str().unwrap())
        .collect();
    assert_eq!(batched, messages);
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(parse(lines[index])["message"], *message);
        assert_eq!(pages["events"][index]["message"], *message);
        assert_eq!(insights["results"][index][1]["value"], *message);
    }
    let csv = log(&options(500), Shape::InsightsCsv).bytes;
    let rows: Vec<_> = csv::Reader::from_reader(&*csv).into_records().map(Result::unwrap).collect();
    assert!(rows.iter().zip(&messages).all(|(row, message)| &row[1] == *message));
}
