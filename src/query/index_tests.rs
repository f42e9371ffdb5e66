//! The index finds exactly what [`Query::matches`] does.
//!
//! Random stores, written in random batches over several commits, are asked random queries. The
//! alphabets are small, so that every query has something to find and something to miss.

use std::borrow::Cow;
use std::cmp::Reverse;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::*;
use crate::event::Parser;
use crate::store::{Record, Store, StoreWriter, StoredEvent};
use crate::time::{Timestamp, Zone};

/// 2026-11-23T10:00:00Z
const START_MS: i64 = 1_795_428_000_000;

const ADDRESSES: &[&str] = &[
    "ana@acme.example",
    "Ana@ACME.example",
    "Bob <bob@far.example>",
    "bob@sub.far.example",
    "anabel@acme.example",
    "ÄRGER@acme.example",
    "ΟΔΟΣ@far.example",
    "İbo@far.example",
    "\u{212A}im@far.example",
    "a*b@acme.example",
    "postmaster",
    "",
];

const SUBJECTS: &[&str] = &[
    "Quarterly report",
    "quarterly sales report",
    "Re: report report quarterly",
    "reporting",
    "請求書 42 のご送付",
    "请求书",
    "청구서 안내",
    "안내 청구",
    "ใบแจ้งหนี้ 7",
    "فاتورة رقم 42",
    "Größenänderung der STRASSE",
    "gro\u{308}\u{df}ena\u{308}nderung",
    "ΟΔΟΣ οδός",
    "İstanbul",
    "=?UTF-8?B?R3LDvMOfZSBhdXMgTcO8bmNoZW4=?=",
    "🎉 Sale\u{200b}s 42",
    "--",
    "",
];

const TEXTS: &[(&str, &[&str])] = &[
    ("eventName", &["RULE_APPLIED", "OUTGOING_EMAIL_SENT", "outgoing_email_sent", "NEW Event", ""]),
    ("messageId", &["<m1@x>", "m1@x", "M1@x", "<m2(1)@x>", "a b", "<>", ""]),
    ("ruleName", &["Quarantine Büro", "quarantine BU\u{308}RO", "Move", " move ", "Mo*ve", ""]),
    ("ruleType", &["INBOUND_RULE", "MAILBOX_RULE"]),
    ("folder", &["INBOX", "Junk E-mail", "junk", "受信トレイ"]),
    ("targetFolder", &["INBOX", "Archive", ""]),
    ("spamVerdict", &["PASS", "FAIL", "pass", "GRAY"]),
    ("dkimVerdict", &["PASS", "FAIL"]),
    ("dmarcVerdict", &["PASS", "FAIL"]),
    ("spfVerdict", &["PASS", "GRAY"]),
    ("dmarcPolicy", &["NONE", "REJECT"]),
    ("policy", &["REJECT", "QUARANTINE"]),
    (
        "status",
        &["5.1.1", "5.10.2", "4.4.7", "5", "550", "5.7.26 (policy)", "unknown", "", "5.4294967296"],
    ),
    ("reason", &["550 5.1.1 user unknown", "Mailbox full", "mailbox is full: 満杯です", "..."]),
];

/// Terms without a field.
const BARE: &[&str] =
    &["t1", "t-2", "<m1@x>", "m1@x", "*", "ana@acme.example", "*@far.example", "kim@*"];

/// A record that is yet to be stored.
#[derive(Clone, Debug)]
struct Sample {
    ms: i64,
    is_time_approximate: bool,
    log_group: Option<&'static str>,
    message: String,
}

fn sample() -> impl Strategy<Value = Sample> {
    let texts: Vec<_> = TEXTS.iter().map(|(_, values)| select(*values)).collect();
    let present = proptest::collection::vec(prop::bool::weighted(0.4), TEXTS.len());
    let addresses = proptest::collection::vec(select(ADDRESSES), 8);
    (
        (0..20_i64, prop::bool::weighted(0.1), prop::option::of(select(&["/a/B", "/a/c"][..]))),
        (texts, present),
        (addresses, subsequence((0..8_usize).collect::<Vec<_>>(), 0..=5)),
        prop::option::of(select(SUBJECTS)),
        select(&["t1", "T1", "t-2", "  ", ""][..]),
    )
        .prop_map(|((ms, is_time_approximate, log_group), texts, addresses, subject, trace_id)| {
            let mut event = Map::new();
            for (((name, _), text), is_present) in TEXTS.iter().zip(texts.0).zip(texts.1) {
                if is_present {
                    event.insert((*name).to_owned(), json!(text));
                }
            }
            if let Some(subject) = subject {
                event.insert("subject".to_owned(), json!(subject));
            }
            add_addresses(&mut event, &addresses.0, &addresses.1);
            // What has neither is no event.
            event.entry("eventName").or_insert(json!("OTHER"));
            let message = json!({"traceId": trace_id, "event": event});
            Sample { ms, is_time_approximate, log_group, message: message.to_string() }
        })
        .prop_filter("an event", |it| Parser::new().parse(&it.message).is_ok())
}

fn add_addresses(event: &mut Map<String, Value>, addresses: &[&str], places: &[usize]) {
    for place in places {
        let value = json!(addresses[*place]);
        let (name, value) = match place {
            0 => ("from", value),
            1 => ("sender", value),
            2 => ("recipients", json!([value, addresses[7]])),
            3 => ("recipient", value),
            4 => ("bouncedRecipient", json!({"emailAddress": value, "status": "5.2.2"})),
            5 => ("targetRecipient", value),
            6 => ("journalingAddress", value),
            _ => (
                "ruleActions",
                json!([{"action": "Drop", "recipients": [value]}, {"action": "MOVE"}]),
            ),
        };
        event.insert(name.to_owned(), value);
    }
}

/// Stores samples in batches of some size, with a commit after every few of them.
fn stored(samples: &[Sample], batch_size: usize, batches_per_commit: usize) -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut writer = StoreWriter::open_or_create(&path).unwrap();
    writer.learn_messages().unwrap();
    for (number, batch) in samples.chunks(batch_size).enumerate() {
        let mut preparer = writer.preparers().preparer();
        for sample in batch {
            let record = Record {
                log_group: sample.log_group.map(Cow::Borrowed),
                log_stream: None,
                event_id: None,
                timestamp: Timestamp::from_ms(START_MS + sample.ms * 3_600_000).unwrap(),
                is_time_approximate: sample.is_time_approximate,
                ingestion_time: None,
                message: Cow::Borrowed(&sample.message),
            };
            preparer.add(&record, &Parser::new().parse(&sample.message).unwrap());
        }
        writer.append(vec![preparer.finish().unwrap()]).unwrap();
        if number % batches_per_commit == 0 {
            writer.commit().unwrap();
        }
    }
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    (dir, store)
}

/// Every event of the archive, in the order in which it lies there.
fn archived(store: &Store) -> Vec<StoredEvent> {
    let owned = |it: &Option<Cow<'_, str>>| it.as_ref().map(|it| Cow::Owned(it.to_string()));
    store
        .fold_records(
            Vec::new,
            |events, record| {
                let event = Parser::new().parse(&record.message).unwrap().into_owned();
                let record = Record {
                    log_group: owned(&record.log_group),
                    log_stream: owned(&record.log_stream),
                    event_id: owned(&record.event_id),
                    message: Cow::Owned(record.message.to_string()),
                    ..*record
                };
                events.push(StoredEvent { record, event });
            },
            |mut whole, part| {
                whole.extend(part);
                whole
            },
        )
        .unwrap()
}

const ADDRESS_TERMS: &[&str] = &[
    "ana@acme.example",
    "ANA@acme.EXAMPLE",
    "ana*",
    "*@far.example",
    "far.example",
    "@far.example",
    "*far*",
    "a*e*",
    "\"a*b@acme.example\"",
    "a\\*b*",
    "ärger@acme.example",
    "ÄRGER*",
    "ΟΔΟΣ@far.example",
    "İBO@far.example",
    "kim@*",
    "postmaster",
    "*",
    "nobody@x",
    "\"Bob <bob@far.example>\"",
    "*ana*ana*",
    "ana",
    "bob@",
    "an?@*",
    "*@?cme.example",
    "/^(ana|bob)@/",
    "/ärger/",
];

const WORD_TERMS: &[&str] = &[
    "report",
    "REPORT",
    "repor*",
    "\"quarterly report\"",
    "\"report quarterly\"",
    "\"quarterly rep*\"",
    "\"report report q*\"",
    "\"quarterly sales r*\"",
    "求書",
    "请求",
    "書",
    "청구*",
    "안내",
    "แจ้ง",
    "หนี้",
    "رقم",
    "فاتور*",
    "größenänderung",
    "strasse",
    "GRO\u{308}SSENÄNDERUNG",
    "οδοσ",
    "istanbul",
    "münchen",
    "mün*",
    "🎉",
    "42",
    "4*",
    "*",
    "5.1.1",
    "\"5 1*\"",
    "満",
    "mailbox",
    "\"mailbox full\"",
    "nothing",
    "\"x report\"",
    "*port*",
    "*eport",
    "q*ly",
    "repo?t",
    "*ly\\ rep*",
    "*rep*quart*",
    "*書*",
    "*ß*",
    "re?ort*g",
    "/quarterly.*report/",
    "/(?-i)^Q/",
    "/^$/",
    "/full/",
];

const OTHER_TERMS: &[(&str, &str)] = &[
    ("event", "RULE_APPLIED"),
    ("event", "outgoing_*"),
    ("event", "\"new event\""),
    ("event", "*"),
    ("event", "*_S*T"),
    ("rule", "\"quarantine büro\""),
    ("rule", "quarantine\\ BU\u{308}*"),
    ("rule", "move"),
    ("rule", "Mo\\*ve"),
    ("rule", "*"),
    ("rule-type", "inbound_rule"),
    ("action", "drop"),
    ("action", "*o*"),
    ("folder", "inbox"),
    ("folder", "junk*"),
    ("folder", "受信*"),
    ("folder", "*"),
    ("spam", "(PASS OR gray)"),
    ("spam", "fail"),
    ("dkim", "PASS"),
    ("dmarc", "*"),
    ("spf", "g*"),
    ("policy", "reject"),
    ("policy", "*"),
    ("log-group", "/A/b"),
    ("log-group", "*/c"),
    ("log-group", "*"),
    ("message-id", "m1@x"),
    ("message-id", "<M1@x>"),
    ("message-id", "\"<m2(1)@x>\""),
    ("message-id", "*"),
    ("message-id", "\"a b\""),
    ("message-id", "*@x"),
    ("message-id", "<m*"),
    ("message-id", "/^M\\d/"),
    ("trace-id", "t*"),
    ("trace-id", "/(?-i)T/"),
    ("event", "sent"),
    ("rule", "mov?"),
    ("rule", "/mo.?ve/"),
    ("folder", "/^j/"),
    ("status", "/^5\\.1/"),
    ("trace-id", "t1"),
    ("trace-id", "T1"),
    ("trace-id", "*"),
    ("trace-id", "t9"),
    ("status", "5.1.1"),
    ("status", "5"),
    ("status", "[5.1 TO 5.10]"),
    ("status", ">5"),
    ("status", "<=5.1"),
    ("status", "{4 TO 5.10.2}"),
    ("status", "5.*"),
    ("status", "*"),
    ("status", "unknown"),
    ("status", "*y\\)"),
    ("time", ">=2026-11-23T15:00:00Z"),
    ("time", "2026-11-24"),
    ("time", "<2h"),
    ("time", "[2026-11-23T12:00:00Z TO 2026-11-23T14:00:00Z}"),
    ("time", "*"),
    ("time", "{* TO 2026-11-23]"),
];

/// A term of the language, as people may write it.
fn term() -> impl Strategy<Value = String> {
    let of = |fields: &'static [&'static str], values| {
        (select(fields), select(values)).prop_map(|(field, value)| format!("{field}{value}"))
    };
    prop_oneof![
        of(&["from:", "sender:", "to:"], ADDRESS_TERMS),
        of(&["subject:", "reason:", ""], WORD_TERMS),
        select(OTHER_TERMS).prop_map(|(field, value)| format!("{field}:{value}")),
        select(BARE).prop_map(str::to_owned),
    ]
}

fn query() -> impl Strategy<Value = String> {
    term().prop_recursive(4, 12, 3, |inner| {
        let list = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            list.clone().prop_map(|it| format!("({})", it.join(" "))),
            list.prop_map(|it| format!("({})", it.join(" OR "))),
            inner.prop_map(|it| format!("NOT {it}")),
        ]
    })
}

fn range() -> impl Strategy<Value = TimeRange> {
    let bound = || {
        prop::option::weighted(0.3, -1..21_i64)
            .prop_map(|it| it.and_then(|it| Timestamp::from_ms(START_MS + it * 3_600_000)))
    };
    (bound(), bound()).prop_map(|(since, until)| TimeRange { since, until })
}

type Answer = Vec<(Timestamp, Option<String>, String)>;

fn answer<'e>(events: impl IntoIterator<Item = &'e StoredEvent>) -> Answer {
    let row = |it: &StoredEvent| {
        let log_group = it.record.log_group.as_deref().map(str::to_owned);
        (it.record.timestamp, log_group, it.record.message.to_string())
    };
    events.into_iter().map(row).collect()
}

/// The newest first, of one time what was archived last.
fn expected(events: &[StoredEvent], query: &Query, range: TimeRange) -> Answer {
    let mut found: Vec<(usize, &StoredEvent)> = events
        .iter()
        .enumerate()
        .filter(|(_, it)| query.matches(it) && range.contains(it.record.timestamp))
        .collect();
    found.sort_by_key(|(index, it)| Reverse((it.record.timestamp, *index)));
    answer(found.into_iter().map(|(_, it)| it))
}

fn check(store: &Store, events: &[StoredEvent], text: &str, range: TimeRange, limit: usize) {
    let now = Timestamp::from_ms(START_MS + 20 * 3_600_000).unwrap();
    let query = parse(text, now, &Zone::UTC).unwrap_or_else(|it| panic!("{}", it.report()));
    let mut expected = expected(events, &query, range);
    let hits = search(store, &query, range, limit).unwrap();
    assert_eq!(hits.total(), expected.len() as u64, "{text} in {range:?}");
    expected.truncate(limit);
    let found: Vec<StoredEvent> = hits.map(Result::unwrap).collect();
    assert_eq!(answer(&found), expected, "{text} in {range:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_the_definition_does(
        samples in proptest::collection::vec(sample(), 1..300),
        (batch_size, batches_per_commit) in (1..60_usize, 1..5_usize),
        questions in proptest::collection::vec((query(), range(), prop_oneof![Just(usize::MAX), 0..12_usize]), 150),
    ) {
        let (_dir, store) = stored(&samples, batch_size, batches_per_commit);
        let events = archived(&store);
        prop_assert_eq!(events.len() as u64, store.checkpoint().records);
        for (text, range, limit) in &questions {
            check(&store, &events, text, *range, *limit);
        }
    }
}

/// Every term of the alphabet finds something in a store of every sample, or the property would
/// compare nothing with nothing.
#[test]
fn the_questions_have_answers() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let tree = proptest::collection::vec(sample(), 400).new_tree(&mut runner).unwrap();
    let (_dir, store) = stored(&tree.current(), 50, 2);
    let events = archived(&store);
    let (mut found, mut count) = (0, 0);
    for _ in 0..300 {
        let text = query().new_tree(&mut runner).unwrap().current();
        let query = parse(&text, Timestamp::from_ms(START_MS).unwrap(), &Zone::UTC).unwrap();
        let answers = expected(&events, &query, TimeRange::default()).len();
        count += 1;
        found += usize::from(answers > 0 && answers < events.len());
    }
    assert!(found * 10 > count * 6, "{found} of {count} find some but not all");
}
