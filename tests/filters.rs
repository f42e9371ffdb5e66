//! The filters of `messages`, beside a plain reading of every message.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::messages::{import_into, log};
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
                && text(row, "outcome") == "delivered"
        })
    }),
    (&["--direction", "outgoing"], |it| {
        it["recipients"].as_array().unwrap().iter().any(|it| text(it, "direction") == "outgoing")
            || any_event(it, |it| {
                text(it, "eventName").starts_with("OUTGOING_")
                    || text(it, "ruleType") == "OUTBOUND_RULE"
            })
    }),
    (&["--direction", "outgoing", "--outcome", "bounced"], |it| {
        any_row(it, |row| text(row, "direction") == "outgoing" && text(row, "outcome") == "bounced")
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

/// The events of a row's leg that name nobody else.
fn any_leg_event(message: &Value, row: &Value, is_it: impl Fn(&Value) -> bool) -> bool {
    message["events"].as_array().unwrap().iter().any(|it| {
        let event = &it["message"]["event"];
        let bounced = &event["bouncedRecipient"]["emailAddress"];
        let named = event["recipient"].as_str().or(bounced.as_str());
        it["traceId"] == row["traceId"]
            && named.is_none_or(|it| it.to_lowercase() == lower(row, "address"))
            && is_it(event)
    })
}

/// Queries on rows, and what they ask for.
const QUERIES: &[(&str, Plain)] = &[
    ("outcome:lost", |it| any_row(it, |row| text(row, "outcome") == "lost")),
    ("NOT outcome:delivered", |it| {
        any_row(it, |row| text(row, "outcome") != "delivered")
            || it["recipients"].as_array().unwrap().is_empty()
    }),
    ("message-outcome:partial OR message-outcome:failed", |it| {
        ["partial", "failed"].contains(&text(it, "outcome"))
    }),
    ("outcome:bounced status:5.* direction:outgoing", |it| {
        any_row(it, |row| {
            text(row, "outcome") == "bounced"
                && text(row, "status").starts_with("5.")
                && text(row, "direction") == "outgoing"
        })
    }),
    ("latency:>5m", |it| any_row(it, |row| row["latencyMs"].as_i64() > Some(300_000))),
    ("latency:[1m TO 5m] recipients:>=2", |it| {
        any_row(it, |row| (60_000..=300_000).contains(&row["latencyMs"].as_i64().unwrap_or(-1)))
            && rows(it).len() >= 2
    }),
    ("junk:yes spam:PASS", |it| {
        text(&it["verdicts"], "spam") == "PASS" && any_row(it, |row| row["junk"] == true)
    }),
    ("subject:*voice*", |it| {
        any_event(it, |event| {
            let subject = lower(event, "subject");
            !subject.contains("=?") && subject.contains("voice")
        })
    }),
    ("subject:/invoice.*[0-9]{3}/", |it| {
        any_event(it, |event| {
            let subject = lower(event, "subject");
            let digits =
                |text: &str| text.as_bytes().windows(3).any(|it| it.iter().all(u8::is_ascii_digit));
            !subject.contains("=?")
                && subject.split_once("invoice").is_some_and(|(_, after)| digits(after))
        })
    }),
    ("recipient-domain:/example$/ -to:a*", |it| {
        any_row(it, |row| {
            lower(row, "address").ends_with("example") && !lower(row, "address").starts_with('a')
        })
    }),
    ("event:OUTGOING_EMAIL_SENT outcome:sent", |it| {
        any_row(it, |row| {
            text(row, "outcome") == "sent"
                && any_leg_event(it, row, |it| text(it, "eventName") == "OUTGOING_EMAIL_SENT")
        })
    }),
    ("rule:* outcome:(lost OR dropped)", |it| {
        any_event(it, |it| it["ruleName"].is_string())
            && any_row(it, |row| ["lost", "dropped"].contains(&text(row, "outcome")))
    }),
    ("first-seen:[2026-11-02T06:00:00Z TO 2026-11-03}", |it| {
        ("2026-11-02T06:00:00.000Z".."2026-11-03T00:00:00.000Z").contains(&text(it, "firstSeen"))
    }),
    ("reason:*box* OR cause:unknown", |it| {
        any_row(it, |row| {
            let reason = lower(row, "reason");
            let has =
                |word: &str| reason.split(|it: char| !it.is_alphanumeric()).any(|it| it == word);
            reason.contains("box") || has("unknown")
        })
    }),
];

/// The messages of a store, as lines of JSON.
fn messages_of(store: &Path, args: &[&str]) -> Vec<Value> {
    let fixed = ["messages", "--format", "ndjson", "--limit", "100000"];
    let ran = on(store, &[&fixed, args].concat());
    assert!(matches!(ran.status, Some(0 | 1)), "{ran:#?}");
    ran.stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn ids(message: &Value) -> String {
    message["traceIds"].to_string()
}

/// Checks what was found, and shows no more than the first differences.
fn assert_found(found: &BTreeSet<String>, expected: &BTreeSet<String>, asked: &str) {
    let missed: Vec<_> = expected.difference(found).take(2).collect();
    let wrong: Vec<_> = found.difference(expected).take(2).collect();
    assert_eq!((missed, wrong), (vec![], vec![]), "{asked}");
}

#[test]
fn each_query_finds_what_a_plain_reading_finds() {
    let dir = tempfile::tempdir().unwrap();
    import_into(&dir, &[("log.ndjson", &log(20_000))], 3_000);
    let store = dir.path().join("store");
    let lines = |args: &[&str]| messages_of(&store, args);
    let all = lines(&["--events"]);
    let mut empty = Vec::new();
    for (query, plain) in QUERIES {
        let expected: BTreeSet<String> = all.iter().filter(|it| plain(it)).map(ids).collect();
        let found: BTreeSet<String> = lines(&[query]).iter().map(ids).collect();
        assert_found(&found, &expected, query);
        empty.extend(expected.is_empty().then_some(*query));
    }
    assert!(empty.len() <= 1, "{empty:?} find nothing");
}

#[test]
fn each_filter_finds_what_a_plain_reading_finds() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(20_000);
    // A leg began before what is there.
    let delivery = log.match_indices("MAILBOX_EMAIL_DELIVERED").nth(100).unwrap().0;
    let start = log[..delivery].rfind('\n').unwrap() + 1;
    import_into(&dir, &[("log.ndjson", &log[start..])], 3_000);
    let store = dir.path().join("store");
    let lines = |args: &[&str]| messages_of(&store, args);
    let all = lines(&["--events"]);
    assert!(all.len() > 2_000, "{}", all.len());
    for (args, plain) in FILTERS {
        let expected: BTreeSet<String> = all.iter().filter(|it| plain(it)).map(ids).collect();
        let found: BTreeSet<String> = lines(args).iter().map(ids).collect();
        assert!(!expected.is_empty(), "{args:?} finds nothing");
        assert_found(&found, &expected, &args.join(" "));
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
        // Which rows matched depends on how it was asked.
        let plain =
            |it: &str| it.replace(",\"matched\":true", "").replace(",\"matched\":false", "");
        ran.stdout.lines().map(plain).collect()
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
    on(&store, &["messages", "--ids-from", empty.to_str().unwrap()])
        .expect_error(&["lists nothing"]);
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
