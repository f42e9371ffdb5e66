//! Whole queries.

use super::*;

fn messages() -> Vec<Json> {
    let event = |name: &str, from: &str, size: i64| json!({"traceId": format!("t{size}"), "event": {"eventName": name, "from": from, "size": size}});
    vec![
        event("SENT", "ana@x", 1),
        event("SENT", "bob@x", 2),
        event("BOUNCED", "ana@x", 3),
        event("SENT", "ana@x", 4),
        json!({"traceId": "t5", "event": {"eventName": "SENT", "size": 5}}),
    ]
}

#[track_caller]
fn check(query: &str, expect: &Json) {
    assert_eq!(&Json::Array(ask_of(query, &messages())), expect, "{query}");
}

/// The values of the one column, for short.
fn column(query: &str) -> Vec<Json> {
    let values = |row: Json| row.as_object().unwrap().values().next().cloned().unwrap();
    ask_of(query, &messages()).into_iter().map(values).collect()
}

#[test]
fn fields_add_up_and_display_replaces_them() {
    check(
        "fields event.size | fields event.from as who | filter event.size < 3",
        &json!([{"event.size": "2", "who": "bob@x"}, {"event.size": "1", "who": "ana@x"}]),
    );
    check("fields event.size | display traceId | limit 1", &json!([{"traceId": "t5"}]));
    check("display event.size = 5 as isLast | limit 1", &json!([{"isLast": "1"}]));
    check("fields missing | limit 1", &json!([{"missing": null}]));
    let rows = ask_of("limit 1", &messages());
    assert_eq!(rows[0]["@timestamp"], "2026-11-23 21:34:04.000");
    assert_eq!(rows[0]["@message"], messages()[4].to_string());
    check("fields strlen( traceId ) | limit 1", &json!([{"strlen( traceId )": "2"}]));
    check("fields `event.size` | limit 1", &json!([{"event.size": "5"}]));
    check("fields event.size*2 as d, d+1 as e | limit 1", &json!([{"d": "10", "e": "11"}]));
}

#[test]
fn sort_and_limit_hold_wherever_they_stand() {
    let sizes = |query: &str| column(&format!("fields event.size | {query}"));
    assert_eq!(sizes("sort event.size"), ["1", "2", "3", "4", "5"]);
    assert_eq!(sizes("sort @timestamp desc"), ["5", "4", "3", "2", "1"]);
    assert_eq!(sizes("limit 2 | filter event.size < 4 | sort event.size asc"), ["1", "2"]);
    assert_eq!(sizes("sort event.from, event.size desc"), ["5", "4", "3", "1", "2"]);
    assert_eq!(sizes("sort event.from desc, event.size"), ["2", "1", "3", "4", "5"]);
    assert_eq!(sizes("limit 0"), [""; 0]);
    assert_eq!(sizes("limit any 1"), ["5"]);
}

#[test]
fn filters_behind_stats_that_ask_of_events_go_before_it() {
    check(
        "stats count(*) as c by event.from | filter event.eventName = \"SENT\" | sort c desc",
        &json!([{"event.from": "ana@x", "c": 2.0}, {"event.from": null, "c": 1.0}, {"event.from": "bob@x", "c": 1.0}]),
    );
    check(
        "stats count(*) as c by event.from | filter c > 1 and event.eventName = 'SENT'",
        &json!([{"event.from": "ana@x", "c": 2.0}]),
    );
    check(
        "stats count(*) by event.from | filter event.from like /bob/",
        &json!([{"event.from": "bob@x", "count(*)": 1.0}]),
    );
    check(
        "stats count(*) by event.from | filter count(*) > 1",
        &json!([{"event.from": "ana@x", "count(*)": 3.0}]),
    );
    check(
        "stats count(*) as c by event.from | filter event.from = 'ana@x' and event.size > 1 | filter c = 2",
        &json!([{"event.from": "ana@x", "c": 2.0}]),
    );
}

#[test]
fn stats_count_by_values_and_time() {
    check(
        "stats count(*), sum(event.size) as s by bin(2s) as t | sort t",
        &json!([
            {"t": "2026-11-23 21:34:00.000", "count(*)": 2.0, "s": 3.0},
            {"t": "2026-11-23 21:34:02.000", "count(*)": 2.0, "s": 7.0},
            {"t": "2026-11-23 21:34:04.000", "count(*)": 1.0, "s": 5.0},
        ]),
    );
    check(
        "stats count(*) as c, count(event.from) as f, c - f as without, sum(event.size) / count(*) as mean",
        &json!([{"c": 5.0, "f": 4.0, "without": 1.0, "mean": 3.0}]),
    );
    check(
        "filter event.size > 99 | stats count(*), max(event.size)",
        &json!([{"count(*)": 0.0, "max(event.size)": null}]),
    );
    check("filter event.size > 99 | stats count(*) by event.from", &json!([]));
    check(
        "stats earliest(traceId) as e, latest(traceId) as l, max(@timestamp) as m, sortsFirst(event.from) as f",
        &json!([{"e": "t1", "l": "t5", "m": "2026-11-23 21:34:04.000", "f": "ana@x"}]),
    );
    check(
        "stats count_distinct(event.from) as d, pct(event.size, 50) as p, min(event.size) as low, stddev(event.size) as s",
        &json!([{"d": 2.0, "p": 3.0, "low": 1.0, "s": 2_f64.sqrt()}]),
    );
    check(
        "stats count() by event.size > 2",
        &json!([{"event.size > 2": "0", "count()": 2.0}, {"event.size > 2": "1", "count()": 3.0}]),
    );
}

#[test]
fn stats_follow_each_other() {
    check(
        "stats count(*) as c by event.from, event.eventName | stats max(c) as most, count(*) as n by event.from | sort most desc, n | limit 1",
        &json!([{"event.from": "ana@x", "most": 2.0, "n": 2.0}]),
    );
    check(
        "STATS sum(event.size) BY bin(2s) as @t | STATS max(sum(event.size)) AS m BY dateceil(@t, 10s)",
        &json!([{"dateceil(@t, 10s)": "2026-11-23 21:34:00.000", "m": 3.0}, {"dateceil(@t, 10s)": "2026-11-23 21:34:10.000", "m": 7.0}]),
    );
    let ten = "stats count(*) as c | ".repeat(10) + "limit 5";
    check(&ten, &json!([{"c": 1.0}]));
}

#[test]
fn parse_takes_texts_apart() {
    check(
        "parse event.from \"*@*\" as user, domain | filter user = 'bob' | display user, domain",
        &json!([{"user": "bob", "domain": "x"}]),
    );
    check(
        "PARSE event.from /(?<user>[a-z]+)@/ | STATS count(*) AS c BY user",
        &json!([{"user": null, "c": 1.0}, {"user": "ana", "c": 3.0}, {"user": "bob", "c": 1.0}]),
    );
    check(
        "parse event.from /(\\w+)@(\\w+)/ as a, b | filter b = 'x' and a = 'bob' | display b, a",
        &json!([{"b": "x", "a": "bob"}]),
    );
    check("parse '\"size\":*}' as size | filter size > 4 | display size", &json!([{"size": "5"}]));
    check(
        "fields event.size | parse event.from '*@' as user | limit 2 | filter event.size in [1,5]",
        &json!([{"event.size": "5", "user": null}, {"event.size": "1", "user": "ana"}]),
    );
}

#[test]
fn dedup_keeps_the_first_and_all_without_a_value() {
    let sizes = |query: &str| column(&format!("fields event.size | {query}"));
    assert_eq!(sizes("dedup event.from"), ["5", "4", "2"]);
    assert_eq!(sizes("sort event.size asc | dedup event.from | limit 2"), ["1", "2"]);
    assert_eq!(sizes("dedup event.from, event.eventName"), ["5", "4", "3", "2"]);
    let twice: Vec<Json> = [messages(), messages()].concat();
    let rows = ask_of("fields event.size | dedup event.from", &twice);
    let rows: Vec<&Json> = rows.iter().map(|it| &it["event.size"]).collect();
    assert_eq!(rows, ["5", "4", "2", "5"], "two rows without a sender stay");
}

#[test]
fn lists_make_rows() {
    let messages = [
        json!({"id": 1, "to": ["a", "b"], "text": "[3,4]"}),
        json!({"id": 2, "to": [], "text": "none"}),
        json!({"id": 3, "to": [{"name": "c"}], "text": "x"}),
    ];
    let rows = |query: &str| Json::Array(ask_of(query, &messages));
    assert_eq!(
        rows("expand to | sort id | display id, to"),
        json!([{"id": "1", "to": "a"}, {"id": "1", "to": "b"}, {"id": "3", "to": "{\"name\":\"c\"}"}])
    );
    assert_eq!(
        rows("unnest to into one | stats count(*) as c by one.name"),
        json!([{"one.name": null, "c": 2.0}, {"one.name": "c", "c": 1.0}])
    );
    assert_eq!(
        rows(
            "fields jsonParse(text) as list | unnest list into item | filter item > 3 | display item"
        ),
        json!([{"item": "4"}])
    );
    assert_eq!(
        rows("unnest id into n | sort n | display n"),
        json!([{"n": "1"}, {"n": "2"}, {"n": "3"}])
    );
}

#[test]
fn structures_are_walked_into() {
    let messages =
        [json!({"m": "{\"users\":[{\"action\":\"Put\"},{\"action\":\"Get\"}],\"user.id\":\"7\"}"})];
    assert_eq!(
        Json::Array(ask_of(
            "fields jsonParse(m) as j | filter j.users[1].action = \"Get\" | display j.`user.id` as id, j.users.0.action",
            &messages
        )),
        json!([{"id": "7", "j.users.0.action": "Put"}])
    );
}

#[test]
fn comments_and_case_do_not_matter() {
    check(
        "# everything\nFIELDS event.size # not 'this\n| FILTER event.from LIKE \"a#\" OR event.size IN [2] | SORT event.size DESC",
        &json!([{"event.size": "2"}]),
    );
    check("fields event.size | where event.from =~ /b#?ob/", &json!([{"event.size": "2"}]));
    check(
        "source 'a' start=-3600s end=0s | source 'b' | fields event.size | limit 1",
        &json!([{"event.size": "5"}]),
    );
}

#[test]
fn the_examples_are_understood() {
    for example in EXAMPLES {
        assert!(ask_of(example.query, &messages()).len() <= 5, "{}", example.query);
    }
}
