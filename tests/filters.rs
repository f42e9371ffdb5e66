//! The filters of `messages`, beside a plain reading of every message.

use std::collections::BTreeSet;
use std::path::Path;

use mailtrace::query::{Field, Pattern, ValueSet};
use mailtrace::time::{TimeRange, Timestamp};
use mailtrace::trace::{Direction, MessageFilter, OutcomeWord, Verdict, select};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::messages::{all_messages, event, import_into, log, rules_of};
use crate::support::on;

/// What a plain reading says of a message as JSON.
type Plain = fn(&Value) -> bool;

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

fn lower(value: &Value, key: &str) -> String {
    text(value, key).to_lowercase()
}

/// The rows that decide, as section 3a of the design words it: one for each address, that of the
/// incoming leg that started last, or of the outgoing one. Rows come leg by leg.
pub(crate) fn rows(message: &Value) -> Vec<&Value> {
    let mut decide: Vec<&Value> = Vec::new();
    for row in message["recipients"].as_array().unwrap() {
        let weight = |it: &Value| text(it, "direction") == "incoming";
        match decide.iter_mut().find(|it| lower(it, "address") == lower(row, "address")) {
            Some(known) if weight(known) <= weight(row) => *known = row,
            Some(_) => {}
            None => decide.push(row),
        }
    }
    decide
}

/// Whether a row is what is asked for, be it one that decides or not.
fn any_row(message: &Value, is_it: impl Fn(&Value) -> bool) -> bool {
    message["recipients"].as_array().unwrap().iter().any(is_it)
}

fn any_event(message: &Value, is_it: impl Fn(&Value) -> bool) -> bool {
    message["events"].as_array().unwrap().iter().any(|it| is_it(&it["message"]["event"]))
}

fn sent_by(message: &Value, is_it: impl Fn(&str) -> bool) -> bool {
    is_it(&lower(message, "from")) || is_it(&lower(message, "sender"))
}

/// Options of `messages` and what they ask for.
const FILTERS: &[(&[&str], Plain)] = &[
    (&["--outcome", "lost"], |it| any_row(it, |row| text(row, "outcome") == "lost")),
    (&["--outcome", "failed,pending"], |it| {
        ["failed", "pending"].contains(&text(it, "outcome"))
            || any_row(it, |row| text(row, "outcome") == "pending")
    }),
    (&["--outcome", "partial", "--recipients-min", "3"], |it| {
        text(it, "outcome") == "partial" && rows(it).len() >= 3
    }),
    (&["--from", "*@*.example"], |it| {
        sent_by(it, |it| it.contains('@') && it.ends_with(".example"))
    }),
    (&["--from", "a*", "--from", "b*"], |it| {
        sent_by(it, |it| it.starts_with('a') || it.starts_with('b'))
    }),
    (&["--to", "*e@*", "--outcome", "bounced"], |it| {
        any_row(it, |row| lower(row, "address").contains("e@") && text(row, "outcome") == "bounced")
    }),
    (&["--status", "5.*"], |it| {
        any_row(it, |row| {
            text(row, "outcome") == "bounced" && text(row, "status").starts_with("5.")
        })
    }),
    (&["--status", "4"], |it| any_row(it, |row| text(row, "status").starts_with("4."))),
    (&["--reason", "mailbox"], |it| {
        any_row(it, |row| {
            lower(row, "reason").split(|it: char| !it.is_alphanumeric()).any(|it| it == "mailbox")
        })
    }),
    (&["--folder", "junk*"], |it| any_row(it, |row| lower(row, "folder").starts_with("junk"))),
    (&["--junk", "no", "--spam", "FAIL"], |it| {
        text(&it["verdicts"], "spam") == "FAIL"
            && any_row(it, |row| row["folder"].is_string() && row["junk"] == false)
    }),
    (&["--junk", "yes", "--verdict", "spam=pass"], |it| {
        text(&it["verdicts"], "spam") == "PASS" && any_row(it, |row| row["junk"] == true)
    }),
    (&["--dmarc", "fail", "--dkim", "*"], |it| {
        text(&it["verdicts"], "dmarc") == "FAIL" && it["verdicts"]["dkim"].is_string()
    }),
    (&["--spf", "GRAY", "--spf", "FAIL"], |it| {
        ["GRAY", "FAIL"].contains(&text(&it["verdicts"], "spf"))
    }),
    (&["--slower-than", "5m"], |it| {
        any_row(it, |row| row["latencyMs"].as_i64().is_some_and(|it| it > 300_000))
    }),
    (&["--slower-than", "1m", "--to", "*@*", "--outcome", "delivered"], |it| {
        any_row(it, |row| {
            row["latencyMs"].as_i64().is_some_and(|it| it > 60_000)
                && (text(row, "outcome") == "delivered" || text(it, "outcome") == "delivered")
        })
    }),
    (&["--direction", "outgoing"], |it| {
        it["recipients"].as_array().unwrap().iter().any(|it| text(it, "direction") == "outgoing")
            || any_event(it, |it| {
                text(it, "eventName").starts_with("OUTGOING_")
                    || text(it, "ruleType") == "OUTBOUND_RULE"
            })
    }),
    (&["--internal"], |it| {
        any_event(it, |it| text(it, "eventName").starts_with("OUTGOING_"))
            && any_event(it, |it| text(it, "eventName") == "ORGANIZATION_EMAIL_RECEIVED")
    }),
    (&["--no-beginning"], |it| {
        let events = it["events"].as_array().unwrap();
        let begins = |name: &str| {
            ["OUTGOING_EMAIL_SUBMITTED", "ORGANIZATION_EMAIL_RECEIVED"].contains(&name)
        };
        it["traceIds"].as_array().unwrap().iter().any(|id| {
            let mut of_leg = events.iter().filter(|it| it["traceId"] == *id);
            !of_leg.any(|it| begins(text(it, "eventName")))
        })
    }),
    (&["--rule-type", "MAILBOX_RULE", "--action", "*move*"], |it| {
        any_event(it, |event| {
            let actions = event["ruleActions"].as_array();
            text(event, "ruleType") == "MAILBOX_RULE"
                && actions
                    .is_some_and(|it| it.iter().any(|it| lower(it, "action").contains("move")))
        })
    }),
    (&["--forwarded-to", "*@*"], |it| any_event(it, |it| it["targetRecipient"].is_string())),
    (&["--subject", "invoice"], |it| {
        any_event(it, |event| {
            let subject = lower(event, "subject");
            !subject.contains("=?")
                && subject.split(|it: char| !it.is_alphanumeric()).any(|it| it == "invoice")
        })
    }),
    (&["--query", "event:JOURNALING_INITIATED"], |it| {
        any_event(it, |it| text(it, "eventName") == "JOURNALING_INITIATED")
    }),
    (&["--since", "2026-11-02T06:00:00Z", "--until", "2026-11-03"], |it| {
        ("2026-11-02T06:00:00.000Z".."2026-11-03T00:00:00.000Z").contains(&text(it, "firstSeen"))
    }),
];

#[test]
fn each_filter_finds_what_a_plain_reading_finds() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(20_000);
    // A leg began before what is there.
    let delivery = log.match_indices("MAILBOX_EMAIL_DELIVERED").nth(100).unwrap().0;
    let start = log[..delivery].rfind('\n').unwrap() + 1;
    import_into(&dir, &[("log.ndjson", &log[start..])], 3_000);
    let store = dir.path().join("store");
    let lines = |args: &[&str]| -> Vec<Value> {
        let fixed = ["messages", "--format", "ndjson", "--limit", "100000"];
        let ran = on(&store, &[&fixed, args].concat());
        assert!(matches!(ran.status, Some(0 | 1)), "{ran:#?}");
        ran.stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    };
    let ids = |it: &Value| it["traceIds"].to_string();
    let all = lines(&["--events"]);
    assert!(all.len() > 2_000, "{}", all.len());
    for (args, plain) in FILTERS {
        let expected: BTreeSet<String> = all.iter().filter(|it| plain(it)).map(ids).collect();
        let found: BTreeSet<String> = lines(args).iter().map(ids).collect();
        assert!(!expected.is_empty(), "{args:?} finds nothing");
        let missed: Vec<_> = expected.difference(&found).take(2).collect();
        let wrong: Vec<_> = found.difference(&expected).take(2).collect();
        assert_eq!((missed, wrong), (vec![], vec![]), "{args:?}");
    }
}

#[test]
fn watch_lists_find_what_their_lines_find() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(5_000);
    import_into(&dir, &[("log.ndjson", &log)], 1_000);
    let store = dir.path().join("store");
    let found = |command: &str, args: &[&str]| -> BTreeSet<String> {
        let fixed = [command, "--format", "ndjson", "--limit", "100000"];
        let ran = on(&store, &[&fixed, args].concat());
        ran.stdout.lines().map(str::to_owned).collect()
    };
    let all: Vec<Value> =
        found("messages", &[]).iter().map(|it| serde_json::from_str(it).unwrap()).collect();
    let some = |place: usize| &all[place * all.len() / 10];
    let ids = [
        some(1)["messageIds"][0].as_str().unwrap_or("-").trim_matches(['<', '>']).to_owned(),
        some(3)["traceIds"][0].as_str().unwrap().to_owned(),
        format!("Message-ID: {}", text(&json!({"id": some(5)["messageIds"][0]}), "id")),
        "nobody@nowhere".to_owned(),
    ];
    let list = dir.path().join("ids.txt");
    std::fs::write(&list, ids.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    let listed = found("messages", &["--ids-from", list]);
    assert!((2..=3).contains(&listed.len()), "{listed:#?}");
    assert!(!found("search", &["--ids-from", list, "*"]).is_empty());

    let from = text(some(2), "from").to_owned();
    let to = some(7)["recipients"][0]["address"].as_str().unwrap().to_owned();
    let list = dir.path().join("addresses.txt");
    std::fs::write(&list, format!("{}\n\n {to}\n", from.to_uppercase())).unwrap();
    let list = list.to_str().unwrap();
    let mut expected = found("messages", &["--from", &from, "--from", &to]);
    expected.extend(found("messages", &["--to", &from, "--to", &to]));
    assert_eq!(found("messages", &["--addresses-from", list]), expected);
    let query = format!("{from} OR {to}");
    assert_eq!(found("search", &["--addresses-from", list, "*"]), found("search", &[&query]));

    let empty = dir.path().join("empty.txt");
    std::fs::write(&empty, "\n").unwrap();
    on(&store, &["messages", "--ids-from", empty.to_str().unwrap()]).expect_error(&["no line"]);
    on(&store, &["messages", "--ids-from", "/nowhere"]).expect_error(&["/nowhere"]);
    on(&store, &["messages", "--ids-from", "-", "--addresses-from", "-"])
        .expect_error(&["standard input"]);
}

#[test]
fn a_filter_that_says_nothing_is_refused() {
    let store = Path::new("/nowhere");
    for (args, words) in [
        (["--from", ""], ["--from", "needs a value"]),
        (["--subject", "--"], ["--subject", "no word"]),
        (["--verdict", "spam"], ["--verdict", "needs a value"]),
        (["--verdict", "smell=bad"], ["--verdict", "CHECK=VERDICT"]),
        (["--slower-than", "soon"], ["--slower-than", "soon"]),
        (["--query", "a AND"], ["term is missing", "query"]),
        (["--cursor", "x.y"], ["--cursor", "x.y"]),
        (["--cursor", "oldest.0.1.a"], ["--cursor", "--sort newest"]),
    ] {
        let ran = on(store, &["messages", &format!("{}={}", args[0], args[1])]).expect(2);
        for word in words {
            assert!(ran.stderr.contains(word), "{args:?}: {ran:#?}");
        }
    }
}

#[test]
fn pages_go_on_while_the_store_grows() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(4_000);
    // The newest come with the second import.
    let half = log.len() / 2 + log[log.len() / 2..].find('\n').unwrap() + 1;
    import_into(&dir, &[("1.ndjson", &log[..half])], 1_000);
    let store = dir.path().join("store");
    let page = |cursor: Option<&str>, sort: &str| {
        let mut args = vec!["messages", "--format", "json", "--limit", "100", "--sort", sort];
        args.extend(cursor.map(|it| ["--cursor", it]).into_iter().flatten());
        on(&store, &args).expect(0).json()
    };
    let ids = |page: &Value| -> Vec<String> {
        page["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["traceIds"][0].to_string())
            .collect()
    };
    let first = page(None, "newest");
    let before = page(first["next"].as_str(), "newest");
    import_into(&dir, &[("2.ndjson", &log[half..])], 1_000);
    let after = page(first["next"].as_str(), "newest");
    // Messages that were cut in two by the halves may have become other ones.
    let same = ids(&before).iter().filter(|it| ids(&after).contains(it)).count();
    assert!(same > 95, "{same} of 100");
    assert!(after["total"].as_u64() > before["total"].as_u64());

    for sort in ["newest", "oldest", "slowest", "recipients"] {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = page(cursor.as_deref(), sort);
            all.extend(ids(&page));
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                assert_eq!(page["total"], all.len(), "{sort}");
                break;
            }
        }
        let once: BTreeSet<&String> = all.iter().collect();
        assert_eq!(once.len(), all.len(), "{sort}");
    }
}

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
        ],
        0..2,
    );
    let since = prop::option::weighted(0.2, 0i64..4);
    (recipients, whole, events, since).prop_map(|(recipients, whole, events, since)| {
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
        }
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
        }
    }
}
