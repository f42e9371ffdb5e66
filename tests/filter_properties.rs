//! Which messages are asked for, by table, index and originals: all find what the definition does.

use mailtrace::internals::{
    Direction, Field, Language, OutcomeWord, Pattern, ValueSet, Verdict, select,
};
use mailtrace::{MessageFilter, Query, TimeRange, Timestamp, Zone, parse_query};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::messages::{all_messages, event, import_into, rules_of};

/// An event with all that filters ask for, here and there.
fn rich_event() -> impl Strategy<Value = (i64, Value)> {
    let maybe =
        |values: Vec<&'static str>| prop::option::weighted(0.5, prop::sample::select(values));
    let address = || maybe(vec!["ana@x", "Bob@x", "eve@y"]);
    let texts = (
        address(),
        address(),
        maybe(vec!["Invoice 4", "=?utf-8?q?Invoice?= 5", "hello"]),
        maybe(vec!["INBOX", "Junk E-mail", "spam", "Old mail"]),
        maybe(vec!["5.1.1", "5.2.2", "4.4.7", "what"]),
        maybe(vec!["mailbox full", "unknown user ana@x", ""]),
    );
    let more = (
        maybe(vec!["PASS", "FAIL", "gray"]),
        maybe(vec!["PASS", "FAIL"]),
        address(),
        maybe(vec!["INBOX", "Junk"]),
        maybe(vec!["Rule 1", "rule 2"]),
    );
    (event(), texts, more).prop_map(|((ms, mut message), texts, more)| {
        let event = &mut message["event"];
        let (from, sender, subject, folder, status, reason) = texts;
        let (spam, dmarc, target, target_folder, rule) = more;
        let fields = [
            ("from", from),
            ("sender", sender),
            ("subject", subject),
            ("folder", folder),
            ("spamVerdict", spam),
            ("dmarcVerdict", dmarc),
            ("targetRecipient", target),
            ("targetFolder", target_folder),
            ("ruleName", rule),
        ];
        for (key, value) in fields {
            if let Some(value) = value {
                event[key] = json!(value);
            }
        }
        if let Some(bounced) = event.get_mut("bouncedRecipient") {
            bounced["status"] = json!(status);
            bounced["reason"] = json!(reason);
        }
        (ms, message)
    })
}

fn filter() -> impl Strategy<Value = MessageFilter> {
    let pattern = |field: Field, values: Vec<&'static str>| {
        let pattern = prop::sample::select(values);
        prop::option::weighted(0.2, pattern.prop_map(move |it| Pattern::parse(field, it).unwrap()))
    };
    let address = |field| pattern(field, vec!["ana@x", "*@x", "b*", "y", "team@x"]);
    let watched = prop::sample::select(vec![vec!["ana@x"], vec!["*@y", "bob@x"]]);
    let watched =
        watched.prop_map(|it| Pattern::one_of(Field::To, ValueSet::parse(Field::To, it).unwrap()));
    let outcomes = prop::collection::vec(prop::sample::select(OutcomeWord::all()), 0..3);
    let recipients = (
        address(Field::To),
        pattern(Field::Folder, vec!["inbox", "*k*", "spam"]),
        pattern(Field::Status, vec!["5", "5.1.1", "*", "what"]),
        pattern(Field::Reason, vec!["mailbox", "unknown us*", "ana@x"]),
        prop::option::weighted(0.2, any::<bool>()),
        prop::option::weighted(0.2, 0i64..5),
    );
    let verdict = pattern(Field::Spam, vec!["pass", "FAIL", "*"]);
    let whole = (
        prop_oneof![2 => Just(Vec::new()), 1 => outcomes],
        address(Field::From),
        address(Field::To),
        prop::option::weighted(0.2, watched),
        verdict,
        prop::option::weighted(
            0.2,
            prop::sample::select(vec![Direction::Incoming, Direction::Outgoing]),
        ),
        prop::bool::weighted(0.1),
        0usize..3,
        prop::bool::weighted(0.1),
    );
    let events = prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec!["invoice", "invoice 4", "hello"])
                .prop_map(|it| Pattern::parse(Field::Subject, it).unwrap().query().clone()),
            prop::sample::select(vec!["m1", "<m2>"]).prop_map(|it| Pattern::parse(
                Field::MessageId,
                it
            )
            .unwrap()
            .query()
            .clone()),
            prop::sample::select(vec!["rule 1", "rule*"]).prop_map(|it| Pattern::parse(
                Field::Rule,
                it
            )
            .unwrap()
            .query()
            .clone()),
            // Of one and the same rule, and whatever --query asks of one event.
            prop::sample::select(vec![
                "rule:\"rule 1\" action:*o*",
                "rule-type:* NOT action:drop",
                "action:*o*",
                "event:received -from:ana@x",
                "to:b* OR status:5",
            ])
            .prop_map(|it| parse_query(it, Timestamp::UNIX_EPOCH, &Zone::UTC).unwrap()),
        ],
        0..3,
    );
    let since = prop::option::weighted(0.2, 0i64..4);
    let rows = prop_oneof![1 => Just(String::new()), 2 => row_query()];
    (recipients, whole, events, since, rows).prop_map(|(recipients, whole, events, since, rows)| {
        let (to, folder, status, reason, is_junk, slower_than_ms) = recipients;
        let (
            words,
            from,
            forwarded_to,
            addresses,
            spam,
            direction,
            is_internal,
            least,
            lacks_beginning,
        ) = whole;
        let since = since.and_then(|it| Timestamp::from_ms(1_795_469_640_000 + it));
        MessageFilter {
            first_seen: TimeRange { since, until: None },
            outcomes: words.into_iter().filter_map(OutcomeWord::from_name).collect(),
            from,
            to,
            folder,
            is_junk,
            status,
            reason,
            slower_than_ms,
            verdicts: spam.map(|it| (Verdict::Spam, it)).into_iter().collect(),
            direction,
            is_internal,
            lacks_beginning,
            recipients_min: least,
            forwarded_to,
            addresses,
            events,
            rows: rows_of(&rows),
        }
    })
}

fn rows_of(text: &str) -> Query {
    let now = Timestamp::from_ms(1_795_469_640_000).unwrap();
    Language::of_rows(now, &Zone::UTC).parse(text).unwrap_or_else(|it| panic!("{}", it.report()))
}

/// A query on rows, with fields that the table tells, that only the index tells, and that only
/// originals tell.
fn row_query() -> impl Strategy<Value = String> {
    let term = prop::sample::select(vec![
        "outcome:lost",
        "outcome:(delivered OR sent)",
        "outcome:*",
        "message-outcome:failed",
        "message-outcome:p*",
        "latency:>1s",
        "latency:0",
        "latency:*",
        "direction:outgoing",
        "direction:incoming",
        "junk:yes",
        "junk:no",
        "junk:*",
        "sender-domain:x",
        "sender-domain:*",
        "recipient-domain:y",
        "recipient-domain:*",
        "cause:mailbox",
        "cause:*",
        "recipients:>=2",
        "recipients:0",
        "first-seen:>=2026-11-23T21:34:00.002Z",
        "from:ana@x",
        "from:*",
        "sender:b*",
        "to:ana@x",
        "to:/^b/",
        "to:*",
        "subject:*voice*",
        "subject:/^hel/",
        "subject:invoice",
        "subject:*",
        "message-id:m1",
        "message-id:m*",
        "trace-id:*1",
        "event:received",
        "event:bounced",
        "event:*",
        "time:>=2026-11-23T21:34:00.002Z",
        "rule:\"rule 1\"",
        "rule:*",
        "rule-type:*",
        "action:*o*",
        "folder:inbox",
        "folder:j*",
        "spam:fail",
        "dmarc:*",
        "policy:*",
        "status:5",
        "status:5.1.1",
        "status:*",
        "reason:mailbox",
        "reason:*n*",
        "address:(ana@x OR b*)",
        "forwarded-to:*",
        "forwarded-to:*@x",
        "leg:outgoing",
        "leg:no-beginning",
        "leg:*",
        "final-status:5",
        "final-status:*",
        "one-event:(rule:* action:*o*)",
        "one-event:(NOT event:received)",
        "hello",
        "ana@x",
        "*",
    ]);
    let term = term.prop_map(str::to_owned);
    term.prop_recursive(3, 8, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            list.clone().prop_map(|it| format!("({})", it.join(" "))),
            list.prop_map(|it| format!("({})", it.join(" OR "))),
            inner.prop_map(|it| format!("NOT {it}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_columns_select_what_the_definition_does(
        events in prop::collection::vec(rich_event(), 1..40),
        commit_records in prop::sample::select(vec![1_u64, 5, 1_000]),
        filters in prop::collection::vec(filter(), 12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let line = |(ms, message): &(i64, Value)| {
            format!("{}\n", json!({"timestamp": ms, "message": message.to_string()}))
        };
        let log: String = events.iter().map(line).collect();
        let store = import_into(&dir, &[("log.ndjson", &log)], commit_records);
        let rules = rules_of(&store, 3_000);
        let all = all_messages(&store, &rules);
        for filter in filters {
            let key = |outcome: String, first: Timestamp, last: Timestamp, count: usize| {
                (outcome, first.as_ms(), last.as_ms(), count)
            };
            let mut expected: Vec<_> = all
                .iter()
                .filter(|it| filter.matches(it))
                .map(|it| {
                    let count = it.deciding_recipients().len();
                    key(it.outcome.to_string(), it.first_seen, it.last_seen, count)
                })
                .collect();
            let mut found: Vec<_> = select(&store, &rules, &filter)
                .unwrap()
                .iter()
                .map(|it| {
                    let count = it.recipient_count as usize;
                    key(it.outcome.to_string(), it.first_seen, it.last_seen, count)
                })
                .collect();
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected, "{:?}", filter);
            // What the options come to, as it is shown and read again, asks the same.
            let shown = filter.as_query().to_string();
            let lowered = MessageFilter { rows: rows_of(&shown), ..MessageFilter::default() };
            for message in &all {
                let (is_it, is_asked) = (lowered.matches(message), filter.matches(message));
                prop_assert_eq!(is_it, is_asked, "{:?} {}", filter, shown);
            }
        }
    }
}
