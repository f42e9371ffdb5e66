//! The stand-in itself: what it promises, seen through a client of a few lines.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::json_client::{Answered, JsonClient};

const GROUP: &str = "/aws/workmail/emailevents/acme";

const FILTER: Call = Call::FilterLogEvents;

/// A service with one group.
fn service(events: impl IntoIterator<Item = Event>) -> CloudWatch {
    CloudWatch::start(World::with([Group::new(GROUP, events)]))
}

/// Events of which three share each millisecond, in three streams.
fn numbered(count: i64) -> Vec<Event> {
    let event = |it: i64| Event::new(it / 3, &format!("s{}", it % 3), format!("m{it}"));
    (0..count).map(event).collect()
}

fn call(service: &CloudWatch, action: &str, parameters: &Value) -> Answered {
    JsonClient::connect(service.address()).unwrap().call(action, parameters).unwrap()
}

fn ask(service: &CloudWatch, action: &str, parameters: &Value) -> Value {
    let answered = call(service, action, parameters);
    assert_eq!(answered.status, 200, "{answered:?}");
    answered.json()
}

#[track_caller]
fn assert_refuses(service: &CloudWatch, action: &str, parameters: &Value, status: u16, kind: &str) {
    let answered = call(service, action, parameters);
    assert_eq!((answered.status, answered.json()["__type"].as_str()), (status, Some(kind)));
}

fn messages(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().unwrap().iter();
    events.map(|it| it["message"].as_str().unwrap().to_owned()).collect()
}

/// Follows the tokens of a listing that has no faults.
fn pages(service: &CloudWatch, parameters: &Value) -> Vec<Vec<String>> {
    let mut parameters = parameters.clone();
    let mut pages = Vec::new();
    loop {
        let page = ask(service, "FilterLogEvents", &parameters);
        pages.push(messages(&page));
        match &page["nextToken"] {
            Value::Null => return pages,
            token => parameters["nextToken"] = token.clone(),
        }
    }
}

/// Follows the tokens of a listing whatever goes wrong.
fn everything(service: &CloudWatch) -> BTreeSet<String> {
    let mut token = Value::Null;
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let parameters = json!({ "logGroupName": GROUP, "nextToken": token });
        let answered = JsonClient::connect(service.address())
            .and_then(|mut it| it.call("FilterLogEvents", &parameters));
        let Ok(answered) = answered else { continue };
        let Ok(body) = serde_json::from_slice::<Value>(&answered.body) else { continue };
        if answered.status == 200 {
            seen.extend(messages(&body));
            token = body["nextToken"].clone();
            if token.is_null() {
                return seen;
            }
        } else if body["__type"] == "InvalidParameterException" {
            token = Value::Null;
        }
    }
    panic!("no end after 500 requests, {} messages", seen.len());
}

#[test]
fn events_come_sorted_in_pages_and_none_is_left_out() {
    let service = service([
        Event::new(5, "b", "late in time"),
        Event::new(3, "b", "third").ingested_at(9),
        Event::new(3, "a", "second").ingested_at(8),
        Event::new(1, "a", "first"),
        Event::new(3, "a", "fourth").ingested_at(9),
    ]);
    let expected = ["first", "second", "third", "fourth", "late in time"];
    assert_eq!(pages(&service, &json!({ "logGroupName": GROUP })), [expected]);
    let by_two = json!({ "logGroupName": GROUP, "limit": 2 });
    assert_eq!(pages(&service, &by_two).concat(), expected);
    let newest = json!({ "logGroupName": GROUP, "limit": 2, "startFromHead": false });
    let reversed: Vec<&str> = expected.into_iter().rev().collect();
    assert_eq!(pages(&service, &newest).concat(), reversed);
    let of_b = json!({ "logGroupName": GROUP, "logStreamNames": ["b"] });
    assert_eq!(pages(&service, &of_b).concat(), ["third", "late in time"]);
    let page = ask(&service, "FilterLogEvents", &json!({ "logGroupName": GROUP, "limit": 1 }));
    let event = &page["events"][0];
    assert_eq!(
        (&event["timestamp"], &event["ingestionTime"], &event["logStreamName"]),
        (&json!(1), &json!(1_501), &json!("a"))
    );
    assert_eq!(event["eventId"].as_str().unwrap().len(), 56);
    assert_eq!(page["searchedLogStreams"], json!([]));
}

#[test]
fn a_page_has_ten_thousand_events_or_a_megabyte() {
    let many = service(numbered(10_001));
    let sizes = |service: &CloudWatch| {
        let pages = pages(service, &json!({ "logGroupName": GROUP }));
        pages.iter().map(Vec::len).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&many), [10_000, 1]);
    let message = "x".repeat(300_000);
    let large = service((0..7).map(|it| Event::new(it, "s", message.clone())));
    assert_eq!(sizes(&large), [3, 3, 1]);
}

#[test]
fn the_end_of_a_range_is_inside_or_outside() {
    let service = service((1..=4).map(|it| Event::new(it, "s", it.to_string())));
    let range = json!({ "logGroupName": GROUP, "startTime": 2, "endTime": 3 });
    assert_eq!(pages(&service, &range), [["2", "3"]]);
    service.lock().world.end_time_is_exclusive = true;
    assert_eq!(pages(&service, &range), [["2"]]);
}

#[test]
fn a_token_holds_for_its_own_request() {
    let service = service(numbered(9));
    let page = ask(&service, "FilterLogEvents", &json!({ "logGroupName": GROUP, "limit": 3 }));
    let token = &page["nextToken"];
    let with = |parameters: Value| {
        let mut parameters = parameters;
        parameters["nextToken"] = token.clone();
        parameters["logGroupName"] = GROUP.into();
        parameters
    };
    let twice = [(); 2].map(|()| ask(&service, "FilterLogEvents", &with(json!({ "limit": 3 }))));
    assert_eq!(messages(&twice[0]), messages(&twice[1]), "a token may be used again");
    for parameters in [with(json!({ "startTime": 1 })), with(json!({ "logStreamNames": ["s1"] }))] {
        assert_refuses(&service, "FilterLogEvents", &parameters, 400, "InvalidParameterException");
    }
    let made_up = json!({ "logGroupName": GROUP, "nextToken": "x" });
    assert_refuses(&service, "FilterLogEvents", &made_up, 400, "InvalidParameterException");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let service = service(numbered(1));
    let refuses = |parameters: Value, kind: &str| {
        assert_refuses(&service, "FilterLogEvents", &parameters, 400, kind);
    };
    refuses(json!({ "logGroupName": "/no/such" }), "ResourceNotFoundException");
    refuses(json!({}), "InvalidParameterException");
    let invalid = [
        json!({ "startTime": -1 }),
        json!({ "limit": 10_001 }),
        json!({ "limit": 0 }),
        json!({ "logGroupIdentifier": GROUP }),
        json!({ "logStreamNames": ["s0"], "logStreamNamePrefix": "s" }),
    ];
    for mut parameters in invalid {
        parameters["logGroupName"] = GROUP.into();
        refuses(parameters, "InvalidParameterException");
    }
    let stream = json!({ "logGroupName": GROUP, "logStreamNames": ["none"] });
    refuses(stream, "ResourceNotFoundException");
    assert_refuses(&service, "StartLiveTail", &json!({}), 400, "UnknownOperationException");
}

#[test]
fn late_events_appear_when_they_arrive() {
    let service = service([
        Event::new(1, "s", "prompt"),
        Event::new(2, "s", "after two requests").arriving(Arrival::AfterRequests(3)),
        Event::new(3, "s", "in the first wave").arriving(Arrival::Wave(1)),
    ]);
    let all = json!({ "logGroupName": GROUP });
    let stream = || {
        ask(&service, "DescribeLogStreams", &json!({ "logGroupName": GROUP }))["logStreams"][0]
            .clone()
    };
    assert_eq!(stream()["lastEventTimestamp"], 1);
    assert_eq!(pages(&service, &all), [["prompt"]]);
    assert_eq!(pages(&service, &all), [["prompt"]]);
    assert_eq!(pages(&service, &all), [["prompt", "after two requests"]]);
    service.lock().world.wave = 1;
    assert_eq!(pages(&service, &all).concat().len(), 3);
    assert_eq!(stream()["lastIngestionTime"], 1_503);
    service.lock().world.stream_lag_ms = 2;
    assert_eq!(stream()["lastIngestionTime"], 1_501, "it stays behind");
}

#[test]
fn groups_and_streams_are_listed_in_pages() {
    let names = ["/b/2", "/a", "/b/1"];
    let service = CloudWatch::start(World::with(names.map(|it| Group::new(it, numbered(3)))));
    service.lock().world.groups[0].retention_days = Some(30);
    let page =
        ask(&service, "DescribeLogGroups", &json!({ "logGroupNamePrefix": "/b", "limit": 1 }));
    assert_eq!(page["logGroups"][0]["logGroupName"], "/b/1");
    let rest = json!({ "logGroupNamePrefix": "/b", "limit": 1, "nextToken": page["nextToken"] });
    let page = ask(&service, "DescribeLogGroups", &rest);
    let group = &page["logGroups"][0];
    assert_eq!((&group["logGroupName"], &group["retentionInDays"]), (&json!("/b/2"), &json!(30)));
    assert_eq!(group["arn"], "arn:aws:logs:us-east-1:123456789012:log-group:/b/2:*");
    assert_eq!((&group["storedBytes"], &page["nextToken"]), (&json!(84), &Value::Null));

    let by_time = json!({ "logGroupIdentifier": group["arn"], "orderBy": "LastEventTime",
        "descending": true, "limit": 2 });
    let page = ask(&service, "DescribeLogStreams", &by_time);
    assert_eq!(page["logStreams"][0]["logStreamName"], "s2");
    assert!(page["nextToken"].is_string());
}

#[test]
fn no_fault_loses_an_event() {
    let expected: BTreeSet<String> = (0..60).map(|it| format!("m{it}")).collect();
    for fault in PAGE_FAULTS.into_iter().chain(TRANSPORT_FAULTS) {
        for indexes in [0..1, 3..5, 8..9] {
            let service = service(numbered(60));
            {
                let mut state = service.lock();
                state.world.page_events_max = 7;
                state.faults = Faults::default().during(FILTER, indexes.clone(), fault);
            }
            assert_eq!(everything(&service), expected, "{fault:?} at {indexes:?}");
        }
    }
    for seed in 0..10 {
        let service = service(numbered(60));
        {
            let mut state = service.lock();
            state.world.page_events_max = 7;
            let kinds = [PAGE_FAULTS, TRANSPORT_FAULTS].concat();
            state.faults = Faults::default().by_chance(seed, 400, &kinds);
        }
        assert_eq!(everything(&service), expected, "seed {seed}");
    }
}

#[test]
fn page_faults_are_what_they_are_called() {
    let answers = |fault: Fault| {
        let service = service(numbered(9));
        {
            let mut state = service.lock();
            state.world.page_events_max = 4;
            state.faults = Faults::default().at(FILTER, 1, fault);
        }
        let mut parameters = json!({ "logGroupName": GROUP });
        let mut answers = Vec::new();
        for _ in 0..2 {
            answers.push(ask(&service, "FilterLogEvents", &parameters));
            parameters["nextToken"] = answers[answers.len() - 1]["nextToken"].clone();
        }
        (messages(&answers[1]), answers[0]["nextToken"] == answers[1]["nextToken"])
    };
    let due: Vec<String> = (4..8).map(|it| format!("m{it}")).collect();
    assert_eq!(answers(Fault::EmptyPage), (vec![], false));
    assert_eq!(answers(Fault::PartPage), (due[..2].to_vec(), false));
    assert_eq!(answers(Fault::RepeatedPage), (due.clone(), false));
    assert_eq!(answers(Fault::RepeatedToken), (due.clone(), true));
    let (mut shuffled, _) = answers(Fault::Shuffled);
    assert_ne!(shuffled, due);
    shuffled.sort();
    assert_eq!(shuffled, due);

    let service = service(numbered(1));
    service.lock().faults = Faults::default().at(FILTER, 0, Fault::TokenAtTheEnd);
    assert_eq!(pages(&service, &json!({ "logGroupName": GROUP })), [vec!["m0"], vec![]]);
}

#[test]
fn connections_are_kept_cut_and_reset() {
    let service = service(numbered(3));
    let all = json!({ "logGroupName": GROUP });
    let mut kept = JsonClient::connect(service.address()).unwrap();
    for _ in 0..3 {
        assert_eq!(kept.call("FilterLogEvents", &all).unwrap().status, 200);
    }
    service.lock().faults =
        Faults::default().at(FILTER, 0, Fault::CutBody).at(FILTER, 1, Fault::Reset);
    let fails = || {
        let mut client = JsonClient::connect(service.address()).unwrap();
        client.call("FilterLogEvents", &all).unwrap_err().kind()
    };
    assert_eq!(fails(), ErrorKind::UnexpectedEof, "after a part of the body");
    assert_eq!(fails(), ErrorKind::ConnectionReset);
    let mut clients: Vec<_> =
        (0..70).map(|_| JsonClient::connect(service.address()).unwrap()).collect();
    let answered = clients.iter_mut().map(|it| it.call("FilterLogEvents", &all));
    assert!(answered.filter(Result::is_ok).count() <= 64);
    assert!(service.lock().refused_connections >= 6);
}

#[test]
fn a_quota_throttles_and_a_latency_delays() {
    let service = service(numbered(3));
    service.lock().quota = Some(10.0);
    let mut client = JsonClient::connect(service.address()).unwrap();
    let mut status = || {
        let answered = client.call("FilterLogEvents", &json!({ "logGroupName": GROUP })).unwrap();
        answered.status
    };
    let statuses: Vec<u16> = (0..20).map(|_| status()).collect();
    assert!((10..14).contains(&statuses.iter().filter(|it| **it == 200).count()), "{statuses:?}");
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!([status(), status()], [200, 200]);

    service.lock().latency = Duration::from_millis(150);
    let started = Instant::now();
    status();
    assert!(started.elapsed() >= Duration::from_millis(150));
    let state = service.lock();
    let throttled = Some(Fault::Error(Failure::Throttling));
    assert!(state.requests.iter().any(|it| it.fault == throttled && it.status == 400));
    assert!(state.requests.iter().all(|it| it.parameters["logGroupName"] == GROUP));
    assert!(state.requests[0].at < state.requests[19].at && state.requests[0].event_count == 3);
}

#[test]
fn refusals_are_worded_as_the_service_words_them() {
    let service = service(numbered(3));
    let cases = [
        (Failure::Throttling, 400, "ThrottlingException"),
        (Failure::Internal, 500, "InternalFailure"),
        (Failure::Unavailable, 503, "ServiceUnavailableException"),
        (Failure::ExpiredCredentials, 400, "ExpiredTokenException"),
        (Failure::UnknownCredentials, 400, "UnrecognizedClientException"),
        (Failure::ClockSkew, 400, "InvalidSignatureException"),
        (Failure::AccessDenied, 400, "AccessDeniedException"),
    ];
    let all = json!({ "logGroupName": GROUP });
    for (failure, status, kind) in cases {
        service.lock().faults = Faults::default().always(FILTER, Fault::Error(failure));
        assert_refuses(&service, "FilterLogEvents", &all, status, kind);
    }
    let denied = call(&service, "FilterLogEvents", &all).json();
    assert_eq!(
        denied["Message"],
        "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: \
         logs:FilterLogEvents on resource: arn:aws:logs:us-east-1:123456789012:log-group:\
         /aws/workmail/emailevents/acme:log-stream: because no identity-based policy allows the \
         logs:FilterLogEvents action"
    );
    assert_eq!(call(&service, "DescribeLogGroups", &json!({})).status, 200, "only one call fails");
}

#[test]
fn the_caller_is_identified() {
    let service = service([]);
    let mut client = JsonClient::connect(service.address()).unwrap();
    let mut identity = || {
        let form = "application/x-www-form-urlencoded";
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        let answered = client.post(form, "", body).unwrap();
        (answered.status, String::from_utf8(answered.body).unwrap())
    };
    let (status, body) = identity();
    assert!(status == 200 && body.contains("<Account>123456789012</Account>"), "{body}");
    service.lock().faults = Faults::default()
        .always(Call::GetCallerIdentity, Fault::Error(Failure::ExpiredCredentials));
    let (status, body) = identity();
    assert!(status == 403 && body.contains("<Code>ExpiredToken</Code>"), "{body}");
}

#[test]
fn kept_pages_are_the_pages() {
    let service = service(numbered(100));
    let by_ten = json!({ "logGroupName": GROUP, "limit": 10 });
    let fresh = pages(&service, &by_ten);
    service.lock().keeps_pages = true;
    assert_eq!(pages(&service, &by_ten), fresh);
    assert_eq!(pages(&service, &by_ten), fresh);
    assert_eq!(service.lock().count(FILTER), 30);
}
