//! The shape of answers, what happened around them, and what has to do with a message.

use serde_json::{Value, json};

use crate::program::{Filled, line};

/// Ten messages of ana, an hour apart, the last of which bounces; an answer to one; one of eve.
fn store() -> Filled {
    let mut log = Vec::new();
    for hour in 0..10 {
        let trace = format!("trace-{hour:04}");
        let fields = json!({
            "from": "ana@acme.example", "subject": format!("Report {hour}"),
            "messageId": format!("<m{hour}@acme.example>"), "recipients": ["bob@far.example"]
        });
        log.push(line(hour * 3_600_000, &trace, "ORGANIZATION_EMAIL_RECEIVED", fields));
        let bob = json!({"recipient": "bob@far.example", "folder": "INBOX"});
        if hour < 9 {
            log.push(line(hour * 3_600_000 + 1_000, &trace, "MAILBOX_EMAIL_DELIVERED", bob));
        }
    }
    let bounced = json!({"bouncedRecipient": {
        "emailAddress": "bob@far.example", "status": "5.2.2", "reason": "552 mailbox full"
    }});
    log.push(line(9 * 3_600_000 + 1_000, "trace-0009", "INCOMING_EMAIL_BOUNCED", bounced));
    let answer = json!({
        "from": "bob@far.example", "subject": "Re: Report 3",
        "messageId": "<answer@far.example>", "recipients": ["ana@acme.example"]
    });
    log.push(line(3 * 3_600_000 + 300_000, "trace-answer", "ORGANIZATION_EMAIL_RECEIVED", answer));
    Filled::with(&log)
}

#[test]
fn facets_and_histograms_count_all_that_is_found() {
    let store = store();
    let arguments = ["messages", "from:ana", "--limit", "1", "--format", "json", "--histogram"];
    let answer = store.run(&[&arguments[..], &["--facets=outcome,sender-domain"]].concat());
    let answer = answer.with(0).json();
    assert_eq!((&answer["total"], answer["messages"].as_array().unwrap().len()), (&json!(10), 1));
    let outcomes = json!([{"value": "delivered", "count": 9}, {"value": "bounced", "count": 1}]);
    assert_eq!(answer["facets"]["outcome"], json!({"values": outcomes, "valueCount": 2}));
    assert_eq!(answer["facets"]["sender-domain"]["values"][0]["value"], "acme.example");
    let bars = answer["histogram"]["intervals"].as_array().unwrap();
    let sum: u64 = bars.iter().map(|it| it["count"].as_u64().unwrap()).sum();
    assert_eq!((&answer["histogram"]["interval"], sum), (&json!("15m"), 10));

    let answer = store.run(&["search", "to:bob", "--facets", "event,status", "--format", "json"]);
    let answer = answer.with(0).json();
    let events = answer["facets"]["event"]["values"].as_array().unwrap();
    let count = |it: &Value| it["count"].as_u64().unwrap();
    assert_eq!(events.iter().map(count).sum::<u64>(), answer["total"].as_u64().unwrap());
    assert_eq!(answer["facets"]["status"]["values"], json!([{"value": "5.2.2", "count": 1}]));
    assert!(answer.get("histogram").is_none());

    // A message has two recipients, who are half of all each.
    let two = json!({
        "from": "eve@far.example", "messageId": "<two@far.example>",
        "recipients": ["ana@acme.example", "bob@acme.example"]
    });
    let ana = json!({"recipient": "ana@acme.example", "folder": "INBOX"});
    let log = [
        line(0, "trace-two", "ORGANIZATION_EMAIL_RECEIVED", two),
        line(1_000, "trace-two", "MAILBOX_EMAIL_DELIVERED", ana),
        line(90_000_000, "trace-late", "JOURNALING_INITIATED", json!({})),
    ];
    let ended = Filled::with(&log).run(&["messages", "to:*", "--facets", "outcome"]).with(0);
    assert_eq!(ended.stdout.matches("50.0 %").count(), 2, "{ended:#?}");

    // What stands behind the option may be the query.
    let ended = store.run(&["search", "--facets", "event:bounced"]).with(0);
    assert!(ended.stdout.contains("event (1 in all)"), "{ended:#?}");
    let refused = store.run(&["messages", "--facets", "colour"]).with(2);
    assert!(refused.stderr.contains("not one of reason, cause"), "{refused:#?}");
}

#[test]
fn lines_and_tables_of_cells_have_a_place_for_the_shape() {
    let store = store();
    let arguments = ["from:ana", "--facets=outcome", "--histogram", "--limit", "2", "--format"];
    let of = |command, format| store.run(&[&[command][..], &arguments, &[format]].concat()).with(0);
    let lines = of("messages", "ndjson").json_lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[2]["facets"]["outcome"]["values"][0]["count"], 9);
    assert!(lines[3]["histogram"]["intervals"].is_array() && lines[1].get("facets").is_none());

    let ended = of("messages", "csv");
    let cells: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(cells[..3], ["field,value,count", "outcome,delivered,9", "outcome,bounced,1"]);
    let bars = cells[3..].iter().map(|it| it.split(',').collect::<Vec<_>>());
    let bars: Vec<(&str, u64)> = bars.map(|it| (it[0], it[2].parse().unwrap())).collect();
    assert!(bars.iter().all(|it| it.0 == "first-seen"), "{bars:?}");
    assert_eq!(bars.iter().map(|it| it.1).sum::<u64>(), 10);
    assert!(!ended.stderr.contains("next page"), "{ended:#?}");

    let ended = store.run(&["search", "to:bob", "--histogram", "--format", "csv"]).with(0);
    assert!(ended.stdout.lines().skip(1).all(|it| it.starts_with("time,2026")), "{ended:#?}");
}

#[test]
fn what_happened_around_an_answer_is_shown() {
    let store = store();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let lines = store.run(&[arguments, &["--format", "ndjson"]].concat()).json_lines();
        lines.iter().map(|it| it["traceId"].as_str().unwrap().to_owned()).collect()
    };
    let around = ids(&["search", "trace-id:trace-answer", "--around", "10m"]);
    assert_eq!(around, ["trace-answer", "trace-0003", "trace-0003"]);
    let lines =
        store.run(&["messages", "re", "--around", "10m", "--format", "ndjson"]).json_lines();
    assert_eq!(lines.len(), 2);
    store.run(&["search", "nothing", "--around", "10m"]).with(1);
    store.run(&["search", "--around", "ten"]).with(2);
}

#[test]
fn what_has_to_do_with_a_message_is_listed_with_the_reason() {
    let store = store();
    let related = |id: &str| store.run(&["related", id, "--format", "json"]).with(0).json();
    let reasons = |answer: &Value| -> Vec<String> {
        let all = answer["related"].as_array().unwrap();
        all.iter().map(|it| format!("{} {}", it["reason"].as_str().unwrap(), it["total"])).collect()
    };
    assert_eq!(reasons(&related("m3@acme.example")), ["sender 9", "thread 1"]);
    let answer = related("answer@far.example");
    assert_eq!(reasons(&answer), ["thread 1"]);
    let thread = &answer["related"][0]["messages"][0];
    assert_eq!(thread["traceIds"], json!(["trace-0003"]));
    let table = store.run(&["related", "m3@acme.example"]).with(0).stdout;
    assert!(table.contains("all of them: mailtrace messages 'from:"), "{table}");
    store.run(&["related", "nobody@acme.example"]).with(1);
}

#[test]
fn a_period_stands_beside_the_one_before() {
    let store = store();
    let arguments = ["stats", "from:ana", "--by", "outcome", "--compare", "--format", "json"];
    let period = ["--since", "2026-11-23T15:00:00Z", "--until", "2026-11-23T20:00:00Z"];
    let compared = store.run(&[&arguments[..], &period[..]].concat()).with(0).json();
    assert_eq!(compared["periodBefore"]["since"], "2026-11-23T10:00:00.000Z");
    assert_eq!(
        compared["rows"],
        json!([
            {"outcome": "delivered", "count": 4, "before": 5, "change": -1},
            {"outcome": "bounced", "count": 1, "before": 0, "change": 1},
        ])
    );
    assert_eq!((&compared["total"], &compared["totalBefore"]), (&json!(5), &json!(5)));
    let table = store.run(&["stats", "--compare", "--on", "2026-11-23"]).with(0);
    assert!(table.stderr.contains("numbers for it are incomplete"), "{table:#?}");
    assert!(table.stdout.contains("new"), "{table:#?}");
    let refused = store.run(&["stats", "--compare"]).with(2);
    assert!(refused.stderr.contains("--since"), "{refused:#?}");
}

#[test]
fn days_of_the_week_and_hours_come_in_their_order() {
    let store = store();
    let rows = |arguments: &[&str]| -> Vec<Value> {
        let json = store.run(&[&["stats", "--format", "json"], arguments].concat()).with(0).json();
        json["rows"].as_array().unwrap().clone()
    };
    let days = rows(&["--by", "weekday"]);
    assert_eq!(
        (days.len(), &days[0]["weekday"], &days[0]["count"]),
        (1, &json!("Monday"), &json!(11))
    );
    let hours = rows(&["--by", "hour-of-day", "from:ana", "--tz", "Europe/Madrid"]);
    let hours: Vec<&str> = hours.iter().map(|it| it["hourOfDay"].as_str().unwrap()).collect();
    assert_eq!((hours.len(), hours[0], hours[9]), (10, "11:00", "20:00"));
    let groups = ["messages", "from:ana", "--group-by", "hour-of-day", "--format", "json"];
    let groups = store.run(&groups).json();
    let groups = groups["groups"].as_array().unwrap();
    let named: Vec<&str> = groups.iter().map(|it| it["hourOfDay"].as_str().unwrap()).collect();
    assert!(named.len() == 10 && named.is_sorted(), "{named:?}");
}

#[test]
fn latencies_go_by_the_day_of_the_week_and_the_hour_of_the_day() {
    let store = store();
    let of = |by: &str, format: &str| {
        let arguments = ["stats", "to:bob", "--latency", "--by", by, "--format", format];
        store.run(&arguments).with(0)
    };
    let days = of("weekday", "json").json();
    let rows = json!([
        {"weekday": "Monday", "outcome": "delivered", "count": 9, "p50Ms": 1000, "p90Ms": 1000, "p99Ms": 1000, "maxMs": 1000},
        {"weekday": "Monday", "outcome": "bounced", "count": 1, "p50Ms": 1000, "p90Ms": 1000, "p99Ms": 1000, "maxMs": 1000},
    ]);
    assert_eq!((&days["interval"], &days["intervals"]), (&json!("weekday"), &rows));
    let hours = of("hour-of-day", "csv").stdout;
    assert_eq!(hours.lines().next().unwrap().split(',').next(), Some("hourOfDay"));
    assert_eq!(hours.lines().filter(|it| it.contains(":00,delivered,1,")).count(), 9, "{hours}");
    let table = of("weekday", "table").stdout;
    assert!(table.contains("DAY") && table.contains("Monday"), "{table}");
    let refused = store.run(&["stats", "--latency", "--by", "sender"]).with(2);
    assert!(refused.stderr.contains("weekday or hour-of-day"), "{refused:#?}");
}
