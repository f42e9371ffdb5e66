//! `messages --group-by`, beside a plain count of every message.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::Value;

use crate::filters::rows;
use crate::messages::{import_into, log};
use crate::support::on;

/// The values of a message, or of one of its recipients, for a key.
fn values(key: &str, message: &Value, row: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("").trim().to_owned();
    let of_row = |name: &str| text(&row.unwrap()[name]);
    // Answers have addresses as they were logged.
    let address = |value: &Value| text(value).to_lowercase();
    let sender = || {
        let sender = address(&message["sender"]);
        if sender.is_empty() { address(&message["from"]) } else { sender }
    };
    let domain = |it: String| it.rsplit_once('@').map(|(_, it)| it.to_owned()).unwrap_or_default();
    vec![match key {
        "reason" | "status" | "outcome" | "folder" => of_row(key),
        "recipient" => address(&row.unwrap()["address"]),
        "recipient-domain" => domain(address(&row.unwrap()["address"])),
        "sender" => sender(),
        "sender-domain" => domain(sender()),
        "sender-recipient" => format!("{} → {}", sender(), address(&row.unwrap()["address"])),
        "recipient-count" => rows(message).len().to_string(),
        "hour" => format!("{}:00:00.000Z", &text(&message["firstSeen"])[..13]),
        "day" => format!("{}T00:00:00.000Z", &text(&message["firstSeen"])[..10]),
        "subject" => text(&message["subject"]),
        "week" | "weekday" | "hour-of-day" => {
            let seen = text(&message["firstSeen"]);
            let date: Date = seen[..10].parse().unwrap();
            let monday = date - date.weekday().to_monday_zero_offset().days();
            match key {
                "week" => format!("{monday}T00:00:00.000Z"),
                "weekday" => format!("{:?}", date.weekday()),
                _ => format!("{}:00", &seen[11..13]),
            }
        }
        "rule" => {
            let events = message["events"].as_array().unwrap();
            let mut rules: Vec<String> =
                events.iter().map(|it| text(&it["message"]["event"]["ruleName"])).collect();
            rules.retain(|it| !it.is_empty());
            rules.sort();
            rules.dedup();
            if rules.is_empty() {
                rules.push(String::new());
            }
            return rules;
        }
        other => panic!("{other}"),
    }]
}

const ABOUT_RECIPIENTS: [&str; 7] =
    ["reason", "status", "recipient", "recipient-domain", "sender-recipient", "outcome", "folder"];

/// Count, first and last time.
type Group = (u64, String, String);

fn plain(keys: &[&str], messages: &[Value]) -> BTreeMap<Vec<String>, Group> {
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    for message in messages {
        let seen = message["firstSeen"].as_str().unwrap().to_owned();
        let about_recipients = keys.iter().any(|it| ABOUT_RECIPIENTS.contains(it));
        let things: Vec<Option<&Value>> = if about_recipients {
            rows(message).into_iter().map(Some).collect()
        } else {
            vec![None]
        };
        for row in things {
            let mut all = vec![Vec::new()];
            for key in keys {
                let of_key = values(key, message, row);
                all = all
                    .into_iter()
                    .flat_map(|it: Vec<String>| {
                        of_key.iter().map(move |value| [it.clone(), vec![value.clone()]].concat())
                    })
                    .collect();
            }
            for values in all {
                let group = groups.entry(values).or_insert((0, seen.clone(), seen.clone()));
                group.0 += 1;
                group.1 = group.1.clone().min(seen.clone());
                group.2 = group.2.clone().max(seen.clone());
            }
        }
    }
    groups
}

#[test]
fn groups_count_what_a_plain_reading_counts() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(12_000);
    import_into(&dir, &[("log.ndjson", &log)], 3_000);
    let store = dir.path().join("store");
    let all: Vec<Value> = {
        let args = ["messages", "--format", "ndjson", "--limit", "100000", "--events"];
        let ran = on(&store, &args).expect(0);
        ran.stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    };
    for keys in [
        &["reason"][..],
        &["status"],
        &["sender"],
        &["sender-domain"],
        &["recipient"],
        &["recipient-domain"],
        &["sender-recipient"],
        &["rule"],
        &["outcome"],
        &["folder"],
        &["recipient-count"],
        &["hour"],
        &["day"],
        &["week"],
        &["weekday"],
        &["hour-of-day"],
        &["subject"],
        &["subject", "outcome"],
        &["status", "recipient-domain"],
        &["rule", "outcome"],
        &["day", "sender-domain"],
    ] {
        let by = keys.join(",");
        let args = ["messages", "--group-by", &by, "--format", "json", "--limit", "100000"];
        let found = on(&store, &args).expect(0).json();
        let rows = found["groups"].as_array().unwrap();
        let name = |key: &str| {
            let mut words = key.split('-');
            let first = words.next().unwrap().to_owned();
            words.fold(first, |name, it| format!("{name}{}{}", it[..1].to_uppercase(), &it[1..]))
        };
        let text = |it: &Value| it.as_str().unwrap_or("").to_owned();
        let groups: BTreeMap<Vec<String>, Group> = rows
            .iter()
            .map(|row| {
                let values = keys.iter().map(|it| text(&row[name(it)])).collect();
                let seen = (text(&row["firstSeen"]), text(&row["lastSeen"]));
                (values, (row["count"].as_u64().unwrap(), seen.0, seen.1))
            })
            .collect();
        assert_eq!(groups, plain(keys, &all), "{by}");
        assert_eq!(found["groupCount"], rows.len(), "{by}");
        assert_eq!(found["messages"], all.len(), "{by}");
        let counts: Vec<u64> = rows.iter().map(|it| it["count"].as_u64().unwrap()).collect();
        let is_in_order = matches!(keys[0], "weekday" | "hour-of-day");
        assert!(is_in_order || counts.is_sorted_by(|a, b| a >= b), "{by}");
        // The example is one of the group.
        let example = text(&rows[0]["example"]);
        assert_eq!(on(&store, &["trace", &example]).status, Some(0), "{example}");
    }
}

#[test]
fn groups_hold_only_the_recipients_that_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(6_000);
    import_into(&dir, &[("log.ndjson", &log)], 1_000_000);
    let store = dir.path().join("store");
    let by = |args: &[&str]| {
        let fixed = ["messages", "--format", "json", "--limit", "1000"];
        on(&store, &[&fixed, args].concat()).expect(0).json()
    };
    let bounced = by(&["--outcome", "bounced", "--group-by", "outcome"]);
    assert_eq!(bounced["groups"].as_array().unwrap().len(), 1);
    let causes = by(&["--outcome", "bounced", "--group-by", "cause"]);
    let reasons = by(&["--outcome", "bounced", "--group-by", "reason"]);
    assert_eq!(causes["total"], bounced["total"]);
    assert_eq!(reasons["total"], bounced["total"]);
    assert!(causes["groupCount"].as_u64() < reasons["groupCount"].as_u64(), "{causes}");

    let table = on(&store, &["messages", "--group-by", "outcome,folder"]).expect(0);
    let first = table.stdout.lines().next().unwrap();
    assert!(first.starts_with("COUNT") && first.contains("OUTCOME"), "{}", table.stdout);
    assert!(
        table.stderr.contains(" groups of ") && table.stderr.contains(" recipients"),
        "{}",
        table.stderr
    );
    let csv = on(&store, &["messages", "--group-by", "sender", "--format", "csv"]).expect(0);
    assert!(csv.stdout.starts_with("sender,count,share,firstSeen,lastSeen,example\n"), "{csv:?}");
    on(&store, &["messages", "--group-by", "day", "--until", "2020-01-01"]).expect(1);
    let three = on(&store, &["messages", "--group-by", "day,hour,rule"]);
    three.expect_error(&["--group-by", "2"]);
    assert_eq!(on(&store, &["messages", "--group-by", "mood"]).status, Some(2));
}
