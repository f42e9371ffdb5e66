use std::collections::{BTreeMap, HashSet};
use std::fs;

use mailtrace::internals::{
    CountKey, CountKey::Cause, CountKey::Reason, Counts, Interval, StatsRequest, cause_of,
    count_by, folded, latencies, metrics,
};
use mailtrace::{
    Event, EventName, JoinRules, Message, Parser, Store, StoredEvent, TimeRange, Timestamp, Zone,
    join,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::messages::{event, import_into, log, rules_of};
use crate::program::{Filled, line, on, received, run};

/// Every original of a store, and the messages that they make.
struct Originals {
    events: Vec<StoredEvent>,
    messages: Vec<Message>,
}

impl Originals {
    fn of(store: &Store, rules: &JoinRules) -> Self {
        let take = |events: &mut Vec<StoredEvent>, record: &mailtrace::Record<'_>| {
            let event = Parser::new().parse(&record.message).map(Event::into_owned).unwrap();
            events.push(StoredEvent { record: record.clone().into_owned(), event });
        };
        let events = store.fold_records(Vec::new, take, |all, part| [all, part].concat()).unwrap();
        let messages = join(events.clone(), rules);
        Self { events, messages }
    }

    /// What counts by a key: its value as it compares, and its time.
    fn things(&self, key: CountKey) -> Vec<(Option<String>, i64)> {
        let mut things = Vec::new();
        for StoredEvent { record, event } in &self.events {
            let verdicts = &event.verdicts;
            let is_arrival = event.name == EventName::OrganizationEmailReceived;
            let (is_counted, value) = match key {
                CountKey::Event => (true, Some(event.name.as_str())),
                CountKey::Rule => (event.rule_name.is_some(), event.rule_name.as_deref()),
                Reason | Cause => (event.name.is_bounce(), event.reason.as_deref()),
                CountKey::Status => (event.name.is_bounce(), event.status.as_deref()),
                CountKey::Spam => (is_arrival, verdicts.spam.as_deref()),
                CountKey::Dkim => (is_arrival, verdicts.dkim.as_deref()),
                CountKey::Dmarc => (is_arrival, verdicts.dmarc.as_deref()),
                CountKey::Spf => (is_arrival, verdicts.spf.as_deref()),
                CountKey::Folder => (
                    event.name == EventName::MailboxEmailDelivered,
                    event.folder.as_deref().or(event.target_folder.as_deref()),
                ),
                _ => (false, None),
            };
            let value = value.map(|it| as_compared(key, it)).filter(|it| !it.is_empty());
            if is_counted && (key != CountKey::Rule || value.is_some()) {
                things.push((value, record.timestamp.as_ms()));
            }
        }
        for message in &self.messages {
            let ms = message.first_seen.as_ms();
            let domain =
                |it: &str| Some(it.rsplit_once('@')?.1.to_owned()).filter(|it| !it.is_empty());
            let sender = message.sender.as_ref().or(message.from.as_ref()).map(|it| it.as_str());
            match key {
                CountKey::Sender => things.push((sender.map(str::to_owned), ms)),
                CountKey::SenderDomain => things.push((sender.and_then(domain), ms)),
                CountKey::Direction => things.extend(
                    message
                        .legs
                        .iter()
                        .map(|it| (Some(it.direction.to_string()), it.started.as_ms())),
                ),
                _ => {}
            }
            for recipient in message.deciding_recipients() {
                let address = recipient.address.as_str();
                match key {
                    CountKey::Recipient => things.push((Some(address.to_owned()), ms)),
                    CountKey::RecipientDomain => things.push((domain(address), ms)),
                    CountKey::Outcome => things.push((Some(recipient.outcome.to_string()), ms)),
                    _ => {}
                }
            }
        }
        things
    }

    /// The metrics, with the time of the first event of each.
    fn metrics(&self) -> Vec<(usize, i64)> {
        let names = [
            "ORGANIZATION_EMAIL_RECEIVED",
            "MAILBOX_EMAIL_DELIVERED",
            "INCOMING_EMAIL_BOUNCED",
            "OUTGOING_EMAIL_BOUNCED",
            "OUTGOING_EMAIL_SENT",
        ];
        let mut found = Vec::new();
        for message in &self.messages {
            for leg in &message.legs {
                let mut seen = HashSet::new();
                // They stand as they happened.
                for index in &leg.event_indexes {
                    let StoredEvent { record, event } = &message.events[*index];
                    let Some(metric) = names.iter().position(|it| *it == event.name.as_str())
                    else {
                        continue;
                    };
                    let mut whom: Vec<String> =
                        event.addressees().iter().map(|it| it.as_str().to_owned()).collect();
                    if metric == 0 {
                        whom = vec![String::new()];
                    } else if whom.is_empty() {
                        whom = vec![format!("nobody {index}")];
                    }
                    for whom in whom {
                        if seen.insert((metric, whom)) {
                            found.push((metric, record.timestamp.as_ms()));
                        }
                    }
                }
            }
        }
        found
    }
}

/// A value in the form in which it is told from others: addresses have theirs already.
fn as_compared(key: CountKey, value: &str) -> String {
    match key {
        Reason => value.trim().to_owned(),
        Cause => cause_of(value),
        _ => folded(value).into_owned(),
    }
}

/// The counts of each value: in all, and by the interval's start.
type Told = BTreeMap<Option<String>, (u64, BTreeMap<i64, u64>)>;

fn told(counts: &Counts) -> Told {
    let starts: Vec<i64> = match &counts.intervals {
        Some(it) => it.starts().map(Timestamp::as_ms).collect(),
        None => Vec::new(),
    };
    let of = |series: &[u64]| -> BTreeMap<i64, u64> {
        let pairs = starts.iter().copied().zip(series.iter().copied());
        pairs.filter(|(_, count)| *count > 0).collect()
    };
    let told: Told = counts
        .rows
        .iter()
        .map(|it| {
            let value = it.value.as_deref().map(|it| as_compared(counts.key, it));
            (value, (it.count, of(&it.series)))
        })
        .collect();
    assert_eq!(told.len(), counts.rows.len(), "each value has one row");
    assert_eq!(counts.value_count, counts.rows.len());
    let sum: u64 = counts.rows.iter().map(|it| it.count).sum();
    assert_eq!(counts.total, sum);
    assert!(counts.rows.is_sorted_by(|a, b| a.count >= b.count));
    if !starts.is_empty() {
        assert_eq!(counts.series.iter().sum::<u64>(), counts.total);
    }
    told
}

const HOUR_MS: i64 = 3_600_000;

/// Compares every number with that of the originals.
fn check_all(store: &Store, request: &StatsRequest) {
    let originals = Originals::of(store, &request.rules);
    let is_inside = |ms: i64| request.range.contains(Timestamp::from_ms(ms).unwrap());
    let start = |ms: i64| ms.div_euclid(HOUR_MS) * HOUR_MS;
    let has_intervals = request.interval.is_some();
    for key in CountKey::COUNTED.into_iter().filter(|it| !it.is_in_order()) {
        let mut expected = Told::new();
        for (value, ms) in originals.things(key).into_iter().filter(|(_, ms)| is_inside(*ms)) {
            let counts = expected.entry(value).or_default();
            counts.0 += 1;
            if has_intervals {
                *counts.1.entry(start(ms)).or_default() += 1;
            }
        }
        let counts = count_by(store, key, request, usize::MAX).unwrap();
        assert_eq!(told(&counts), expected, "by {key}");
    }

    let mut totals = [0; 5];
    let mut series: BTreeMap<i64, [u64; 5]> = BTreeMap::new();
    for (metric, ms) in originals.metrics().into_iter().filter(|(_, ms)| is_inside(*ms)) {
        totals[metric] += 1;
        series.entry(start(ms)).or_default()[metric] += 1;
    }
    let found = metrics(store, request).unwrap();
    assert_eq!(found.totals, totals);
    if let Some(intervals) = &found.intervals {
        let pairs = intervals.starts().map(Timestamp::as_ms).zip(found.series.iter().copied());
        let found: BTreeMap<i64, [u64; 5]> = pairs.filter(|(_, it)| *it != [0; 5]).collect();
        assert_eq!(found, series);
    }

    let mut measured: BTreeMap<(Option<i64>, String), Vec<i64>> = BTreeMap::new();
    for recipient in originals.messages.iter().flat_map(|it| &it.recipients) {
        let (Some(at), Some(latency_ms)) = (recipient.at, recipient.latency_ms) else { continue };
        let started_ms = at.as_ms() - latency_ms;
        if is_inside(started_ms) {
            let outcome = recipient.outcome.to_string();
            measured.entry((None, outcome.clone())).or_default().push(latency_ms);
            if has_intervals {
                measured.entry((Some(start(started_ms)), outcome)).or_default().push(latency_ms);
            }
        }
    }
    // The least one that so many percent do not exceed.
    let percentile = |all: &[i64], percent: usize| {
        let is_enough =
            |it: &&i64| all.iter().filter(|other| other <= it).count() * 100 >= percent * all.len();
        *all.iter().filter(is_enough).min().unwrap()
    };
    let expected: BTreeMap<_, (u64, [i64; 4])> = measured
        .into_iter()
        .map(|(key, all)| {
            let most = *all.iter().max().unwrap();
            let [p50, p90, p99] = [50, 90, 99].map(|it| percentile(&all, it));
            (key, (all.len() as u64, [p50, p90, p99, most]))
        })
        .collect();
    let found = latencies(store, request, None).unwrap();
    let found = found.whole.iter().chain(&found.by_interval).map(|it| {
        let key = (it.start.map(Timestamp::as_ms), it.outcome.to_string());
        (key, (it.count, [it.p50_ms, it.p90_ms, it.p99_ms, it.max_ms]))
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
}

fn request(store: &Store, grace_ms: i64) -> StatsRequest {
    StatsRequest {
        range: TimeRange::default(),
        interval: None,
        zone: Zone::UTC,
        rules: rules_of(store, grace_ms),
        rows: mailtrace::Query::All,
    }
}

#[test]
fn every_number_of_a_whole_log_is_what_its_originals_say() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(6_000);
    // In one segment, and in many that have not been merged.
    for commit_records in [1_000_000, 300] {
        let dir = tempfile::TempDir::new_in(dir.path()).unwrap();
        let store = import_into(&dir, &[("log.ndjson", &log)], commit_records);
        let (first, last) = store.time_span().unwrap();
        let third = last.ms_since(first) / 3;
        let range = TimeRange {
            since: Some(first.saturating_add_ms(third)),
            until: Some(last.saturating_add_ms(-third)),
        };
        let whole = request(&store, 4 * HOUR_MS);
        let hourly = StatsRequest { interval: Interval::parse("hour"), ..whole.clone() };
        let part = StatsRequest { range, ..hourly.clone() };
        for request in [whole, hourly, part] {
            check_all(&store, &request);
        }
    }
}

/// More that events say, documented or not quite.
fn decorated() -> impl Strategy<Value = (i64, Value)> {
    let text = |words: &[&'static str]| prop::sample::select(words.to_vec());
    let senders = text(&["ana@far.example", "Ana <ANA@far.example>", "bob@x", "nobody", "", "@"]);
    let from = prop::option::of(senders.clone());
    let sender = prop::option::weighted(0.2, senders);
    let words = text(&["PASS", "pass ", "FAIL", "", "Größe", "GRÖSSE", "=1", "5.1.1"]);
    let words = prop::collection::vec(prop::option::weighted(0.7, words), 5);
    (event(), from, sender, words, 0_u8..6).prop_map(
        |((ms, mut message), from, sender, words, odd)| {
            let event = message["event"].as_object_mut().unwrap();
            for (key, value) in [("from", from), ("sender", sender)] {
                if let Some(value) = value {
                    let value = if odd == 0 { json!([value]) } else { json!(value) };
                    event.insert(key.to_owned(), value);
                }
            }
            let names = ["spamVerdict", "dmarcVerdict", "folder", "ruleName", "reason"];
            for (name, word) in names.into_iter().zip(words) {
                let value = if odd == 1 { json!([word]) } else { json!(word) };
                event.insert(name.to_owned(), value.clone());
                if name == "reason" && event.contains_key("bouncedRecipient") {
                    event["bouncedRecipient"]["status"] = value;
                }
            }
            (ms, message)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_number_of_any_log_is_what_its_originals_say(
        events in prop::collection::vec(decorated(), 1..40),
        raw_count in 0_usize..4,
        commit_records in prop::sample::select(vec![1_u64, 5, 1_000]),
        is_hourly in any::<bool>(),
        since in prop::option::of(0_i64..20_000_000),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let record = |(ms, message): &(i64, Value)| {
            format!("{}\n", json!({"timestamp": ms, "message": message.to_string()}))
        };
        let log: String = events.iter().map(record).collect();
        let raw: String =
            events.iter().take(raw_count).map(|(_, message)| format!("{message}\n")).collect();
        let files = [("1.ndjson", log.as_str()), ("2.ndjson", raw.as_str())];
        let files: Vec<(&str, &str)> = files.into_iter().filter(|it| !it.1.is_empty()).collect();
        let store = import_into(&dir, &files, commit_records);
        let since = since.and_then(|it| Timestamp::from_ms(1_795_469_640_000 + it));
        let request = StatsRequest {
            range: TimeRange { since, until: None },
            // What was copied without its time has that of its file: years may lie between.
            interval: Interval::parse("hour").filter(|_| is_hourly && raw.is_empty()),
            ..request(&store, HOUR_MS)
        };
        check_all(&store, &request);
    }
}

#[test]
fn counts_agree_with_the_truth_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (log, truth, store) = (at("log"), at("truth"), at("store"));
    run(&["synth", "--events", "20000", "--out", &log, "--truth", &truth]).with(0);
    run(&["import", "--store", &store, &log]).with(0);
    let (mut senders, mut outcomes) = (BTreeMap::new(), BTreeMap::new());
    for truth in fs::read_to_string(truth).unwrap().lines() {
        let truth: Value = serde_json::from_str(truth).unwrap();
        let sender = truth["sender"].as_str().or(truth["from"].as_str()).unwrap().to_owned();
        *senders.entry(sender).or_insert(0_u64) += 1;
        for recipient in truth["recipients"].as_array().unwrap() {
            *outcomes.entry(recipient["outcome"].as_str().unwrap().to_owned()).or_insert(0_u64) +=
                1;
        }
    }
    for (key, expected) in [("sender", senders), ("outcome", outcomes)] {
        let arguments = ["stats", "--by", key, "--format", "json", "--limit", "100000"];
        let answer = on(store.as_ref(), &arguments).with(0).json();
        let rows = answer["rows"].as_array().unwrap();
        // A message that was cut off by the end of the log may have lost its sender's event.
        let found: BTreeMap<String, u64> = rows
            .iter()
            .filter_map(|it| Some((it[key].as_str()?.to_owned(), it["count"].as_u64()?)))
            .collect();
        assert_eq!(found, expected, "{key}");
        assert_eq!(answer["total"].as_u64().unwrap(), expected.values().sum::<u64>());
    }
}

/// A log in which everything is told by hand.
fn by_hand() -> Filled {
    let delivered = |ms, trace, whom: Value, folder| {
        line(ms, trace, "MAILBOX_EMAIL_DELIVERED", json!({"recipient": whom, "folder": folder}))
    };
    let bounced = |ms, trace, whom: Value| {
        let bounced =
            json!({"emailAddress": whom, "status": "5.1.1", "reason": "No such user <x>"});
        line(ms, trace, "INCOMING_EMAIL_BOUNCED", json!({"bouncedRecipient": bounced}))
    };
    Filled::with(&[
        received(0, "t1", "one"),
        // Told again, for two at once, and for nobody.
        received(500, "t1", "one"),
        delivered(1_000, "t1", json!("bob@acme.example"), "INBOX"),
        delivered(2_000, "t1", json!("bob@acme.example"), "Inbox"),
        delivered(3_000, "t1", json!(["carl@acme.example", "dora@acme.example"]), "Junk"),
        delivered(4_000, "t1", Value::Null, "INBOX"),
        received(86_400_000, "t2", "two"),
        bounced(86_401_000, "t2", json!("bob@acme.example")),
        bounced(86_402_000, "t2", json!("BOB@acme.example")),
        line(86_403_000, "t2", "Something_New", json!({})),
    ])
}

#[test]
fn metrics_count_messages_once_and_recipients_once_each() {
    let store = by_hand();
    let answer =
        store.run(&["stats", "--metrics", "--format", "json", "--interval", "day"]).with(0);
    let numbers = |it: [u64; 5]| {
        json!({"OrganizationEmailReceived": it[0], "MailboxEmailDelivered": it[1],
            "IncomingEmailBounced": it[2], "OutgoingEmailBounced": it[3], "OutgoingEmailSent": it[4]})
    };
    let answer = answer.json();
    assert_eq!(answer["metrics"], numbers([2, 4, 1, 0, 0]));
    let mut first = numbers([1, 4, 0, 0, 0]);
    first["start"] = json!("2026-11-23T00:00:00.000Z");
    assert_eq!(answer["intervals"][0], first);
    let csv = store.run(&["stats", "--metrics", "--format", "csv"]).with(0).stdout;
    assert!(
        csv.starts_with("metric,count\nOrganizationEmailReceived,2\nMailboxEmailDelivered,4\n"),
        "{csv}"
    );
    let table = store.run(&["stats", "--metrics", "--interval", "day"]).with(0).stdout;
    assert!(table.contains("MailboxEmailDelivered") && table.contains("BOUNCED IN"), "{table}");
}

#[test]
fn values_are_written_as_the_log_has_them() {
    let store = by_hand();
    let rows = |key: &str| {
        let answer = store.run(&["stats", "--by", key, "--format", "json"]).with(0).json();
        answer["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| json!([it[key], it["count"]]))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows("folder"), [json!(["INBOX", 3]), json!(["Junk", 1])]);
    assert_eq!(rows("reason"), [json!(["No such user <x>", 2])]);
    assert_eq!(rows("spam"), [json!([null, 3])]);
    let plain = store.run(&["stats", "--format", "json"]).with(0).json();
    let events = json!({"MAILBOX_EMAIL_DELIVERED": 4, "ORGANIZATION_EMAIL_RECEIVED": 3,
        "INCOMING_EMAIL_BOUNCED": 2, "Something_New": 1});
    assert_eq!(
        plain,
        json!({"total": 10, "firstSeen": "2026-11-23T10:00:00.000Z",
        "lastSeen": "2026-11-24T10:00:03.000Z", "events": events})
    );
    let later = store.run(&["stats", "--format", "json", "--since", "2026-11-24"]).with(0).json();
    assert_eq!(
        (&later["total"], &later["firstSeen"]),
        (&json!(4), &json!("2026-11-24T10:00:00.000Z"))
    );
}

#[test]
fn a_chart_fits_the_terminal_and_has_colours_where_they_are_wanted() {
    let store = by_hand();
    let chart = |arguments: &[&str]| {
        store.run(&[&["stats", "--interval", "day"], arguments].concat()).with(0).stdout
    };
    let plain = chart(&[]);
    insta::assert_snapshot!(plain, @r"
    FROM                      COUNT
    2026-11-23T00:00:00.000Z      6  ███████████████████████████████████████████████████████████████████
    2026-11-24T00:00:00.000Z      4  ████████████████████████████████████████████▋
    ");
    assert!(plain.lines().all(|it| it.chars().count() <= 100), "{plain}");
    let coloured = chart(&["--color", "always"]);
    assert!(coloured.contains("\u{1b}[36m"), "{coloured}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
    let csv = chart(&["--format", "csv"]);
    assert_eq!(csv, "start,count\n2026-11-23T00:00:00.000Z,6\n2026-11-24T00:00:00.000Z,4\n");
    insta::assert_snapshot!(chart(&["--by", "folder"]), @r"
    4 events
    2 intervals from 2026-11-23T00:00:00.000Z on

    COUNT   SHARE  OVER TIME  FOLDER
        3  75.0 %  █·         INBOX
        1  25.0 %  █·         Junk
    ");
    insta::assert_snapshot!(store.run(&["stats", "--latency"]).with(0).stdout, @r"
    OUTCOME    COUNT  P50  P90  P99  MAX
    delivered      3  3 s  3 s  3 s  3 s
    bounced        1  2 s  2 s  2 s  2 s

    FROM                      OUTCOME    COUNT  P50  P90  P99  MAX
    2026-11-23T00:00:00.000Z  delivered      3  3 s  3 s  3 s  3 s
    2026-11-24T00:00:00.000Z  bounced        1  2 s  2 s  2 s  2 s
    ");
}

#[test]
fn limits_cut_the_rows_and_not_the_numbers() {
    let store = by_hand();
    let answer =
        store.run(&["stats", "--by", "event", "--limit", "1", "--format", "json"]).with(0).json();
    assert_eq!((&answer["total"], &answer["valueCount"]), (&json!(10), &json!(4)));
    assert_eq!(
        answer["rows"],
        json!([{"event": "MAILBOX_EMAIL_DELIVERED", "count": 4, "share": 0.4}])
    );
    let table = store.run(&["stats", "--by", "event", "--limit", "1"]).with(0);
    assert_eq!(table.stderr, "1 of 4 values shown (--limit shows more)\n");
    store.run(&["stats", "--by", "rule"]).with(1);
    store.run(&["stats", "--since", "2030-01-01", "--by", "sender", "--interval", "day"]).with(1);
    let ended = store.run(&["stats", "--interval", "1ms"]).with(2);
    assert!(ended.stderr.contains("choose a longer --interval"), "{ended:#?}");
    store.run(&["stats", "--interval", "often"]).with(2);
    store.run(&["stats", "--by", "colour"]).with(2);
    store.run(&["stats", "--by", "event", "--latency"]).with(2);
}
