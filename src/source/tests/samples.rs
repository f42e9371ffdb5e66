//! The files under `samples/` tell of the same events, each in its shape.

use std::path::Path;

use super::*;
use crate::source::{Input, walk};

fn read_sample(name: &str) -> Outcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    let mut result = Outcome::default();
    for input in walk(&[path]).unwrap() {
        let mut reader = SourceReader::open(&input).unwrap();
        while let Some(batch) = reader.next_batch().unwrap() {
            Decoder::new().decode(&batch, &mut |output| result.push(output));
        }
    }
    result
}

fn parsed(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn each_sample_holds_the_same_events() {
    let expect = read_sample("filter-log-events.ndjson");
    assert_eq!((expect.found.len(), expect.rejected.len()), (16, 0));
    for (name, format) in [
        ("filter-log-events.json", Format::Json),
        ("get-log-events.json", Format::Json),
        ("s3-export", Format::S3Export),
        ("firehose.gz", Format::Subscription),
        ("lambda.json", Format::Subscription),
        ("kinesis.json", Format::Subscription),
        ("tail-detailed.txt", Format::Tail),
        ("tail-short.txt", Format::Tail),
        ("tail-json.txt", Format::Tail),
        ("insights.json", Format::InsightsJson),
        ("insights.csv", Format::InsightsCsv),
        ("insights-utf16.csv", Format::InsightsCsv),
        ("log-events-viewer-result.csv", Format::Csv),
        ("output-text.txt", Format::Rows),
        ("query-pairs.json", Format::Rows),
        ("awslogs.txt", Format::LogLine),
        ("opensearch.json", Format::Shipper),
        ("otlp.json", Format::Shipper),
        ("raw.ndjson", Format::Raw),
        ("records.ndjson.zst", Format::Ndjson),
    ] {
        let result = read_sample(name);
        assert_eq!(result.rejected, [], "{name}");
        assert_eq!(result.found.len(), expect.found.len(), "{name}");
        for (seen, expect) in result.found.iter().zip(&expect.found) {
            assert_eq!(seen.format, format, "{name}");
            let (seen_ms, expect_ms) = (seen.timestamp_ms, expect.timestamp_ms.unwrap());
            match name {
                "raw.ndjson" => assert_eq!(seen_ms, None),
                "tail-short.txt" => assert_eq!(seen_ms, Some(expect_ms / 1000 * 1000)),
                _ => assert_eq!(seen_ms, Some(expect_ms), "{name}"),
            }
            match name {
                "tail-json.txt" => assert_eq!(parsed(&seen.message), parsed(&expect.message)),
                _ => assert_eq!(seen.message, expect.message, "{name}"),
            }
            let has_stream = !matches!(
                name,
                "raw.ndjson"
                    | "tail-short.txt"
                    | "get-log-events.json"
                    | "log-events-viewer-result.csv"
                    | "query-pairs.json"
            );
            assert_eq!(seen.log_stream.is_some(), has_stream, "{name}");
        }
    }
}

#[test]
fn the_broken_sample_keeps_its_good_lines() {
    let result = read_sample("broken.ndjson");
    assert_eq!(result.found.len(), 3);
    let lines: Vec<u64> = result.rejected.iter().map(|it| it.line).collect();
    assert_eq!(lines, [2, 4, 5]);
    assert_eq!(
        result.reasons(),
        [
            &RejectReason::Broken,
            &RejectReason::UnknownLine,
            &RejectReason::BadTimestamp { text: "soon".to_owned() }
        ]
    );
}

#[test]
fn an_input_that_is_a_problem_stays_one() {
    assert!(SourceReader::open(&Input::File("/no/such/file".into())).is_err());
}
