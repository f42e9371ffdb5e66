//! Each known shape.

use super::*;

/// All messages are found as `format`, and nothing is rejected.
fn check(input: &str, format: Format, count: usize) -> Outcome {
    let result = read(input);
    assert_eq!(result.rejected, [], "{input}");
    assert_eq!(result.messages(), events(count), "{input}");
    assert!(result.found.iter().all(|it| it.format == format), "{:?}", result.found);
    result
}

#[test]
fn records_one_a_line() {
    let result =
        check(&format!("{}\n{}\r\n\n{}", record(0), record(1), record(2)), Format::Ndjson, 3);
    let second = &result.found[1];
    assert_eq!((second.line, second.byte_offset), (2, record(0).len() as u64 + 1));
    assert_eq!(second.unit, record(1).into_bytes());
    assert_eq!(second.log_stream.as_deref(), Some("s"));
    assert_eq!(second.event_id.as_deref(), Some("1"));
    assert_eq!(second.timestamp_ms, Some(1_795_469_640_001));
    assert_eq!(second.ingestion_ms, Some(1_795_469_640_001));
    assert_eq!(result.found[2].line, 4);
}

#[test]
fn records_of_our_own_archive() {
    let line = format!(
        r#"{{"logGroup":"g","logStream":"s","eventId":"e","timestamp":1795469640000,"ingestionTime":null,"timeApproximate":true,"message":{}}}"#,
        serde_json::to_string(&event(0)).unwrap()
    );
    let result = check(&line, Format::Ndjson, 1);
    assert_eq!(result.found[0].log_group.as_deref(), Some("g"));
    assert!(result.found[0].is_time_approximate);
}

#[test]
fn every_form_of_time_and_message() {
    for timestamp in
        ["1795469640000", "\"1795469640000\"", "\"2026-11-23T21:34:00Z\"", "1.79546964e12"]
    {
        let result = check(
            &format!(r#"{{"timestamp":{timestamp},"message":{}}}"#, event(0)),
            Format::Ndjson,
            1,
        );
        assert_eq!(result.found[0].timestamp_ms, Some(1_795_469_640_000), "{timestamp}");
    }
    let result = check(&format!(r#"{{"id":"x","message":{}}}"#, event(0)), Format::Ndjson, 1);
    assert_eq!(result.found[0].timestamp_ms, None);
    let result = read(r#"{"timestamp":"soon","message":"x"}"#);
    assert_eq!(result.reasons(), [&RejectReason::BadTimestamp { text: "soon".to_owned() }]);
}

#[test]
fn numbers_that_simd_json_refuses_do_no_harm() {
    check(
        &format!(r#"{{"x":1e999,"timestamp":1795469640000,"message":{}}}"#, event(0)),
        Format::Ndjson,
        1,
    );
}

#[test]
fn documents_of_the_command_line() {
    let list = [record(0), record(1)].join(",");
    let compact = format!(r#"{{"events":[{list}],"searchedLogStreams":[],"nextToken":"x"}}"#);
    let pretty = |text: &str| {
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(text).unwrap())
            .unwrap()
    };
    check(&compact, Format::Json, 2);
    let result = check(&pretty(&compact), Format::Json, 2);
    assert_eq!(result.found[0].line, 3);
    assert_eq!(result.found[1].line, 10);
    check(&pretty(&format!("[{list}]")), Format::Json, 2);
    check(&format!("[{list}]"), Format::Json, 2);

    let twice = format!("{}\n{}", pretty(&compact), pretty(&compact));
    assert_eq!(read(twice).found.len(), 4);
    assert_eq!(read(format!("{compact}{compact}")).found.len(), 4);
    let empty = read(r#"{"events":[],"searchedLogStreams":[]}"#);
    assert_eq!((empty.found.len(), empty.rejected.len()), (0, 0));

    let get = r#"{"events":[{"timestamp":1795469640000,"message":"m","ingestionTime":1795469640000}],"nextForwardToken":"f/1","nextBackwardToken":"b/1"}"#;
    let result = read(pretty(get));
    assert_eq!((result.messages(), result.found[0].event_id.as_deref()), (vec!["m"], None));
}

#[test]
fn what_lies_in_a_payload_stands_where_the_payload_does() {
    let documents = data_message(0..2).replace(',', ",\n") + "\n" + &data_message(2..3) + "\n!";
    let payload = base64_of_gzip(&documents);
    for line in [format!(r#"{{"awslogs":{{"data":"{payload}"}}}}"#), payload] {
        let result = read(format!("{}\n{line}\n", record(7)));
        let place = (2, record(7).len() as u64 + 1);
        let found = result.found.iter().skip(1).map(|it| (it.line, it.byte_offset));
        let rejected = result.rejected.iter().map(|it| (it.line, it.byte_offset));
        let places: Vec<(u64, u64)> = found.chain(rejected).collect();
        assert_eq!(places, [place; 4], "{line}");
    }
}

#[test]
fn a_document_larger_than_the_bound_is_read_element_by_element() {
    let filler = "x".repeat(1 << 20);
    let element = |number: usize| {
        format!("        {{\"timestamp\":{number},\n  \"message\":\"{number}{filler}\"}}")
    };
    let list: Vec<String> = (0..20).map(element).collect();
    let document = format!(
        "{{\n    \"logGroup\":\"g\",\"events\": [\n{}\n    ],\n    \"nextToken\": \"t\"\n}}\n{}",
        list.join(",\n"),
        record(0)
    );
    let result = read(document);
    assert_eq!(result.rejected, []);
    assert_eq!(result.found.len(), 21);
    assert_eq!(result.found[19].timestamp_ms, Some(19));
    assert_eq!(result.found[19].log_group.as_deref(), Some("g"));
    assert_eq!((result.found[19].line, result.found[20].line), (41, 46));
}

#[test]
fn subscriptions_of_each_carrier() {
    let message = data_message(0..2);
    let result = check(&message, Format::Subscription, 2);
    assert_eq!(result.found[0].log_group.as_deref(), Some("/aws/g"));
    assert_eq!(result.found[0].log_stream.as_deref(), Some("s"));
    assert_eq!(result.found[0].event_id.as_deref(), Some("0"));

    // Firehose puts them after one another, with test messages between.
    check(
        &format!("{}{CONTROL}{}", data_message(0..1), data_message(1..3)),
        Format::Subscription,
        3,
    );
    // `jq -S` sorts the keys: the list comes before the group.
    let sorted: std::collections::BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&message).unwrap();
    let sorted = serde_json::to_string_pretty(&sorted).unwrap();
    assert!(sorted.find("logEvents") < sorted.find("logGroup"));
    let result = check(&sorted, Format::Subscription, 2);
    assert_eq!(result.found[0].log_group.as_deref(), Some("/aws/g"));

    let payload = base64_of_gzip(&message);
    check(&format!(r#"{{"awslogs":{{"data":"{payload}"}}}}"#), Format::Subscription, 2);
    check(
        &format!(
            r#"{{"Records":[{{"kinesis":{{"data":"{payload}"}},"eventSource":"aws:kinesis"}}]}}"#
        ),
        Format::Subscription,
        2,
    );
    check(
        &format!(r#"{{"invocationId":"i","records":[{{"recordId":"r","data":"{payload}"}}]}}"#),
        Format::Subscription,
        2,
    );
    assert_eq!(read(CONTROL), Outcome::default());
}

#[test]
fn lines_of_an_export_take_the_stream_from_the_path() {
    let text =
        format!("2026-11-23T21:34:00.000Z {}\n2026-11-23T21:34:01.000Z {}\n", event(0), event(1));
    let result = check(&text, Format::S3Export, 2);
    assert_eq!(result.found[1].timestamp_ms, Some(1_795_469_641_000));
    assert!(!result.found[1].is_time_approximate);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d4b58d93-4b4c-4f3a-9d6b-0b8a6a0d6a11/mail-1/000000.gz");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, gzip(text.as_bytes())).unwrap();
    let mut reader = SourceReader::open(&crate::source::Input::File(path)).unwrap();
    let mut result = Outcome::default();
    while let Some(batch) = reader.next_batch().unwrap() {
        Decoder::new().decode(&batch, &mut |output| result.push(output));
    }
    assert_eq!(result.found[0].log_stream.as_deref(), Some("mail-1"));
    assert_eq!(reader.compression(), [crate::source::Compression::Gzip]);
    assert!(reader.bytes_read() > 0);
    assert_eq!(read("Permission Check Successful\n"), Outcome::default());
}

#[test]
fn the_text_of_aws_logs_tail() {
    let detailed = format!(
        "2026-11-23T21:34:00.000000+00:00 a b/[$LATEST]c {}\n\x1b[32m2026-11-23T21:34:00.000000+00:00\x1b[0m \x1b[36ms\x1b[0m {}\n",
        event(0),
        event(1)
    );
    let result = check(&detailed, Format::Tail, 2);
    assert_eq!(result.found[0].log_stream.as_deref(), Some("a b/[$LATEST]c"));
    assert_eq!(result.found[1].log_stream.as_deref(), Some("s"));

    let result = check(&format!("2026-11-23T21:34:00 {}", event(0)), Format::Tail, 1);
    assert!(result.found[0].is_time_approximate);

    let pretty = "{\n    \"traceId\": \"t\",\n    \"event\": {\n        \"a\": []\n    }\n}";
    let result = read(format!(
        "2026-11-23T21:34:00.000000+00:00 s {pretty}\n2026-11-23T21:34:01.000000+00:00 s {pretty}\n"
    ));
    assert_eq!(result.rejected, []);
    assert_eq!(result.messages(), [pretty, pretty]);
    assert_eq!(result.found[1].line, 7);
}

#[test]
fn rows_of_logs_insights() {
    let value = serde_json::to_string(&event(0)).unwrap();
    let row = format!(
        r#"[{{"field":"@timestamp","value":"2026-11-23 21:34:00.000"}},{{"field":"@message","value":{value}}},{{"field":"@log","value":"1:/aws/g"}},{{"field":"@ptr","value":"p"}}]"#
    );
    let document = format!(
        r#"{{"results":[{row}],"statistics":{{"recordsMatched":1.0}},"status":"Complete"}}"#
    );
    let result = check(&document, Format::InsightsJson, 1);
    assert_eq!(result.found[0].log_group.as_deref(), Some("/aws/g"));
    assert_eq!(result.found[0].timestamp_ms, Some(1_795_469_640_000));
    check(&format!("[{row}]"), Format::InsightsJson, 1);
    let console = format!(
        r#"[{{"@timestamp":"2026-11-23 21:34:00.000","@message":{},"@ptr":"p"}}]"#,
        event(0)
    );
    check(&console, Format::InsightsJson, 1);
    let undated = row.replace("@timestamp", "@x");
    let result = check(&format!("[{undated}]"), Format::InsightsJson, 1);
    let found = &result.found[0];
    assert_eq!((found.log_group.as_deref(), found.timestamp_ms), (Some("/aws/g"), None));
    let result = read(r#"{"results":[[{"field":"n","value":"1"}]],"status":"Complete"}"#);
    assert_eq!(result.reasons(), [&RejectReason::NoMessage]);

    let cell = |number| event(number).replace('"', "\"\"");
    let csv = format!(
        "@timestamp,@message,@logStream\r\n2026-11-23 21:34:00.000,\"{}\",s\r\n2026-11-23 21:34:00.000,\"{}\",s\r\n",
        cell(0),
        cell(1)
    );
    let result = check(&csv, Format::InsightsCsv, 2);
    assert_eq!(result.found[1].log_stream.as_deref(), Some("s"));
    assert_eq!(result.found[1].line, 3);
    let result = read("@timestamp,count\n2026-11-23 21:34:00.000,1\n");
    assert_eq!(result.reasons(), [&RejectReason::NoMessageColumn]);
}

#[test]
fn raw_events_and_mixed_files() {
    check(&events(2).join("\n"), Format::Raw, 2);
    check(&events(3).concat(), Format::Raw, 3);
    check(&format!("[{}]", events(2).join(",")), Format::Raw, 2);
    let mixed =
        format!("{}\n2026-11-23T21:34:00.000Z {}\n{}\n", record(0), event(1), data_message(2..3));
    let result = read(mixed);
    assert_eq!(result.messages(), events(3));
    let formats: Vec<Format> = result.found.iter().map(|it| it.format).collect();
    assert_eq!(formats, [Format::Ndjson, Format::S3Export, Format::Subscription]);
}

#[test]
fn nothing_comes_of_nothing() {
    for input in ["", "\n\r\n  \n", "\u{feff}"] {
        assert_eq!(read(input), Outcome::default());
    }
    check(&format!("\u{feff}{}", record(0)), Format::Ndjson, 1);
}

#[test]
fn byte_order_marks_between_files_that_were_put_together_are_blanks() {
    let record = |id: u32| format!(r#"{{"timestamp":{id},"message":"{{\"traceId\":\"t{id}\"}}"}}"#);
    let log = format!("\u{feff}{}\n\u{feff}{}\n \u{feff}{}\n", record(1), record(2), record(3));
    let outcome = read(log.as_bytes());
    assert_eq!((outcome.rejected.len(), outcome.found.len()), (0, 3));
}
