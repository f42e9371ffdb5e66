//! Files as people hold them: what consoles, the AWS CLI, other tools, shippers and spreadsheets
//! make of a log.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::program::{Ended, Filled, START_MS, line, on, received, run, sample};

/// A message of two events, as two records: its time and its text.
fn records() -> Vec<(i64, String)> {
    let received = json!({"traceId": "t1", "event": {"eventName": "ORGANIZATION_EMAIL_RECEIVED",
        "recipients": ["bob@acme.example"], "from": "ana@far.example", "subject": "Grüße 17",
        "messageId": "<offer-17@far.example>"}});
    let delivered = json!({"traceId": "t1", "event": {"eventName": "MAILBOX_EMAIL_DELIVERED",
        "recipient": "bob@acme.example", "folder": "INBOX"}});
    vec![(START_MS + 120, received.to_string()), (START_MS + 932, delivered.to_string())]
}

fn iso(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn csv_cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// What the events of a file are, once they are in a store of their own.
struct Read {
    dir: tempfile::TempDir,
    report: Value,
    ended: Ended,
}

fn import(bytes: impl AsRef<[u8]>) -> Read {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, bytes).unwrap();
    let store = dir.path().join("store");
    let ended = on(&store, &["import", "--format", "json", path.to_str().unwrap()]);
    Read { report: ended.json(), ended, dir }
}

impl Read {
    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Time, group and stream of each event, in order.
    fn events(&self) -> Vec<(String, Value, Value)> {
        let mut events = on(&self.store(), &["search", "--format", "ndjson"]).json_lines();
        events.reverse();
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        let of =
            |it: &Value| (text(&it["timestamp"]), it["logGroup"].clone(), it["logStream"].clone());
        events.iter().map(of).collect()
    }

    fn coverage(&self) -> Value {
        on(&self.store(), &["status", "--format", "json"]).json()["coverage"].clone()
    }
}

/// Both records come out of the text, with exact times, and of this group and stream.
#[track_caller]
fn check(file: &str, log_group: Option<&str>, log_stream: Option<&str>) {
    let read = import(file);
    assert_eq!(
        (&read.report["rejected"], read.ended.status),
        (&json!(0), Some(0)),
        "{file}\n{read:?}",
        read = read.ended
    );
    let expect: Vec<_> =
        records().iter().map(|(ms, _)| (iso(*ms), json!(log_group), json!(log_stream))).collect();
    assert_eq!(read.events(), expect, "{file}");
    let traced = on(&read.store(), &["trace", "offer-17@far.example", "--format", "json"]).json();
    assert_eq!(traced["messages"][0]["recipients"][0]["latencyMs"], 812, "{file}");
}

/// Both records come out of the text, with times that are borrowed.
#[track_caller]
fn check_undated(file: &str, log_group: Option<&str>, log_stream: Option<&str>) {
    let read = import(file);
    assert_eq!((&read.report["rejected"], read.ended.status), (&json!(0), Some(0)), "{file}");
    let names: Vec<_> =
        read.events().into_iter().map(|(_, group, stream)| (group, stream)).collect();
    assert_eq!(names, vec![(json!(log_group), json!(log_stream)); 2], "{file}");
    assert_eq!(read.coverage(), json!([]), "{file}");
}

fn each(form: impl Fn(i64, &str) -> String) -> Vec<String> {
    records().iter().map(|(ms, message)| form(*ms, message)).collect()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn the_console_and_spreadsheets_write_csv() {
    let rows = each(|ms, it| format!("{ms},{}", csv_cell(&format!("{it}\n"))));
    check(&format!("timestamp,message\n{}\n", rows.join("\n")), None, None);
    let rows =
        each(|ms, it| format!("{};{}", iso(ms).replace('T', " ").replace('Z', ""), csv_cell(it)));
    check(&format!("\u{feff}@timestamp;@message\r\n{}\r\n", rows.join("\r\n")), None, None);
    let rows = each(|ms, it| format!("{}\t{}\t1:/aws/g", iso(ms), csv_cell(it)));
    check(&format!("@timestamp\t@message\t@log\n{}\n", rows.join("\n")), Some("/aws/g"), None);

    let rows = each(|_, it| format!("23/11/2026 10:00,{}", csv_cell(it)));
    let refused = import(format!("@timestamp,@message\n{}\n", rows.join("\n")));
    assert_eq!((&refused.report["added"], refused.ended.status), (&json!(0), Some(3)));
    assert!(refused.ended.stderr.contains("as Excel and other spreadsheets write it"));
}

#[test]
fn queries_of_the_command_line_give_lists_and_rows() {
    let messages = each(|_, it| quoted(it));
    check_undated(&format!("[\n    {}\n]\n", messages.join(",\n    ")), None, None);
    check_undated(&format!("[{}]\n", messages.join(", ")), None, None);
    check_undated(&messages.join("\n"), None, None);
    check_undated(&each(|_, it| it.to_owned()).join("\t"), None, None);

    let pairs = each(|ms, it| format!("[\n  {ms},\n  {}\n]", quoted(it)));
    check(&format!("[{}]", pairs.join(",")), None, None);
    check(&pairs.join("\n"), None, None);
    check(&each(|ms, it| format!("[{ms},{}]", quoted(it))).join("\n"), None, None);
    check(&each(|ms, it| format!("{ms}\t{it}")).join("\n"), None, None);
    check(&each(|ms, it| format!("{it}\t{ms}")).join("\n"), None, None);
    check(&each(|ms, it| format!("[\"s\",{ms},{}]", quoted(it))).join("\n"), None, Some("s"));
}

#[test]
fn the_command_lines_text_is_read() {
    let id = "39".repeat(28);
    let rows = each(|ms, it| format!("EVENTS\t{id}\t{}\ts\t{it}\t{ms}", ms + 900));
    check(&format!("{}\nSEARCHEDLOGSTREAMS\ts\tTrue\n", rows.join("\n")), None, Some("s"));
    let cut = import(format!("{}\nNEXTTOKEN\teyJuZXh0VG9rZW4iOiBudWxsfQ==\n", rows.join("\n")));
    assert_eq!((&cut.report["added"], cut.ended.status), (&json!(2), Some(3)));

    let table = import("-----\n|  FilterLogEvents  |\n+-----+\n");
    assert!(table.ended.stderr.contains("ask again with --output json"), "{:?}", table.ended);
    let python = import("{'timestamp': 1, 'message': '{}'}\n");
    assert!(python.ended.stderr.contains("json.dumps"), "{:?}", python.ended);
}

#[test]
fn tail_begins_json_on_a_line_of_its_own() {
    let pretty = |it: &str| {
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(it).unwrap()).unwrap()
    };
    let plain = |ms: i64| iso(ms).replace('Z', "000+00:00");
    let lines = each(|ms, it| format!("{} mail 1 \n{}", plain(ms), pretty(it)));
    check(&(lines.join("\n") + "\n"), None, Some("mail 1"));
}

#[test]
fn other_tools_print_lines_of_their_own() {
    check(
        &each(|ms, it| format!("/aws/g s  {} {it}", iso(ms))).join("\n"),
        Some("/aws/g"),
        Some("s"),
    );
    check(&each(|ms, it| format!("{} {it}", iso(ms))).join("\n"), None, None);
    check_undated(&each(|_, it| format!("/aws/g s {it}")).join("\n"), Some("/aws/g"), Some("s"));
    let seconds = |ms: i64| iso(ms).split('.').next().unwrap().to_owned();
    for line in [
        each(|ms, it| format!("[{}Z] (s) {it}", seconds(ms))),
        each(|ms, it| format!("{} - /aws/g - s - {it}", seconds(ms))),
    ] {
        let read = import(line.join("\n"));
        assert_eq!((&read.report["added"], read.ended.status), (&json!(2), Some(0)), "{line:?}");
        assert_eq!(read.events()[0].2, "s");
    }
}

#[test]
fn shippers_and_stores_have_envelopes_of_their_own() {
    let (group, stream) = (Some("/aws/g"), Some("s"));
    let sources = each(|ms, it| {
        json!({"_index": "i", "_id": "1", "_source": {"@timestamp": iso(ms), "message": it,
            "aws": {"cloudwatch": {"log_group": "/aws/g", "log_stream": "s"}}}})
        .to_string()
    });
    check(&sources.join("\n"), group, stream);
    check(
        &format!(r#"{{"took":1,"hits":{{"total":{{"value":2}},"hits":[{}]}}}}"#, sources.join(",")),
        group,
        stream,
    );
    let bulk = each(|ms, it| {
        let document = json!({"@timestamp": iso(ms), "@message": it, "@log_group": "/aws/g", "@log_stream": "s"});
        format!("{{\"index\":{{\"_index\":\"i\"}}}}\n{document}")
    });
    check(&bulk.join("\n"), group, stream);
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let resource = json!({"attributes": [attribute("cloudwatch.log.group.name", "/aws/g"),
        attribute("cloudwatch.log.stream", "s")]});
    let otlp = each(|ms, it| {
        json!({"timeUnixNano": format!("{ms}000000"), "body": {"stringValue": it}}).to_string()
    });
    check(
        &format!(
            r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"scope":{{}},"logRecords":[{}]}}]}}]}}"#,
            otlp.join(",")
        ),
        group,
        stream,
    );
    let live = each(|ms, it| {
        json!({"sessionUpdate": {"sessionMetadata": {"sampled": false}, "sessionResults": [
            {"logStreamName": "s", "logGroupIdentifier": "1:/aws/g", "message": it,
             "timestamp": ms, "ingestionTime": ms}]}})
        .to_string()
    });
    check(&format!("{{\"sessionStart\":{{}}}}\n{}", live.join("\n")), group, stream);
    let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
    let fluent = each(|ms, it| {
        format!(
            r#"{{"date":{},"log":{},"log_group":"/aws/g","log_stream":"s"}}"#,
            seconds(ms),
            quoted(it)
        )
    });
    check(&fluent.join("\n"), group, stream);
    let splunk = each(|ms, it| {
        format!(
            r#"{{"time":{},"source":"/aws/g","event":{it},"fields":{{"log_stream":"s"}}}}"#,
            seconds(ms)
        )
    });
    check(&splunk.join("\n"), group, stream);
}

/// Both records as a subscription sends them: base64 of gzip.
fn subscription_payload() -> String {
    let events = each(|ms, it| json!({"id": "1", "timestamp": ms, "message": it}).to_string());
    let message = format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/aws/g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{}]}}"#,
        events.join(",")
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(message.as_bytes()).unwrap();
    STANDARD.encode(gzip.finish().unwrap())
}

#[test]
fn what_a_subscription_left_on_its_way_is_unpacked() {
    let payload = subscription_payload();
    let record = json!({"SequenceNumber": "49600", "PartitionKey": "p", "Data": payload,
        "ApproximateArrivalTimestamp": "2026-11-23T10:00:02.000000+00:00"});
    let read = json!({"Records": [record], "NextShardIterator": "AAAA", "MillisBehindLatest": 0});
    check(&serde_json::to_string_pretty(&read).unwrap(), Some("/aws/g"), Some("s"));
    let failed = json!({"attemptsMade": 4, "arrivalTimestamp": START_MS + 2_000,
        "errorCode": "Lambda.FunctionError", "errorMessage": "It returned an error result.",
        "attemptEndingTimestamp": START_MS + 9_000, "rawData": payload, "lambdaArn": "arn:x"});
    check(&failed.to_string(), Some("/aws/g"), Some("s"));
}

#[test]
fn single_records_are_read_and_other_spellings_of_keys_are_not() {
    let records = each(|ms, it| {
        json!({"logRecord": {"@ptr": "C", "@timestamp": ms.to_string(), "@message": it,
            "@logStream": "s", "@log": "1:/aws/g", "traceId": "t1"}})
        .to_string()
    });
    check(&records.join("\n"), Some("/aws/g"), Some("s"));
    let lower = each(|ms, it| {
        json!({"timestamp": ms, "message": it.replace("traceId", "traceid").replace("eventName", "eventname")})
            .to_string()
    });
    let refused = import(lower.join("\n"));
    assert_eq!((&refused.report["added"], refused.ended.status), (&json!(0), Some(3)));
    let stderr = &refused.ended.stderr;
    assert!(stderr.contains("neither traceId nor eventName"), "{stderr}");
}

/// `aws logs tail --format json` writes with escapes what `filter-log-events` writes without.
#[test]
fn the_same_event_from_another_command_is_no_other() {
    let filtered = each(|ms, it| json!({"timestamp": ms, "message": it}).to_string()).join("\n");
    let read = import(&filtered);
    let tail = each(|ms, it| {
        let escaped = it.replace('\u{fc}', "\\u00fc").replace('\u{df}', "\\u00df");
        assert!(escaped.is_ascii());
        format!("{} s {escaped}", iso(ms).replace('Z', "000+00:00"))
    });
    let path = read.dir.path().join("tail.txt");
    fs::write(&path, tail.join("\n")).unwrap();
    let again =
        on(&read.store(), &["import", "--format", "json", path.to_str().unwrap()]).with(0).json();
    assert_eq!((&again["added"], &again["duplicates"]), (&json!(0), &json!(2)), "{again}");
}

#[test]
fn json_within_json_is_taken_out() {
    let twice = each(|ms, it| json!({"timestamp": ms, "message": quoted(it)}).to_string());
    check(&twice.join("\n"), None, None);
    let record = |ms: i64, it: &str| json!({"timestamp": ms, "message": it}).to_string();
    let carried =
        each(|ms, it| json!({"timestamp": ms + 5, "message": record(ms, it)}).to_string());
    check(&carried.join("\n"), None, None);
    let as_text = each(|ms, it| {
        let mut message: Value = serde_json::from_str(it).unwrap();
        message["event"] = json!(message["event"].to_string());
        record(ms, &message.to_string())
    });
    check(&as_text.join("\n"), None, None);
}

#[test]
fn utf16_is_text_like_any_other() {
    let text = each(|ms, it| json!({"timestamp": ms, "message": it}).to_string()).join("\r\n");
    for (mark, is_big) in [("\u{feff}", false), ("\u{feff}", true), ("", false)] {
        let bytes = if is_big { u16::to_be_bytes } else { u16::to_le_bytes };
        let utf16: Vec<u8> = format!("{mark}{text}").encode_utf16().flat_map(bytes).collect();
        let read = import(utf16);
        assert_eq!((&read.report["added"], read.ended.status), (&json!(2), Some(0)));
        assert_eq!(read.report["files"][0]["compression"], "utf-16");
    }
}

fn answer(members: &str) -> String {
    let events =
        each(|ms, it| json!({"logStreamName": "s", "timestamp": ms, "message": it}).to_string());
    format!(r#"{{"events":[{}],"searchedLogStreams":[]{members}}}"#, events.join(","))
}

fn results(members: &str) -> String {
    let rows = each(|ms, it| {
        json!([{"field": "@timestamp", "value": iso(ms)}, {"field": "@message", "value": it}])
            .to_string()
    });
    format!(r#"{{"results":[{}],{members}}}"#, rows.join(","))
}

#[test]
fn what_says_that_it_is_not_all_is_warned_of_and_covers_nothing() {
    for (file, words) in [
        (answer(r#","nextToken":"x""#), "token for the next page"),
        (answer(r#","NextToken":"x""#), "token for the next page"),
        (results(r#""status":"Running""#), "Running"),
        (results(r#""statistics":{"recordsMatched":48211.0},"status":"Complete""#), "2 of 48211"),
    ] {
        let read = import(&file);
        assert_eq!((&read.report["added"], read.ended.status), (&json!(2), Some(3)), "{file}");
        assert!(read.ended.stderr.contains(words), "{:?}", read.ended);
        assert!(read.report["files"][0]["incomplete"].is_string());
        assert_eq!(read.coverage(), json!([]), "{file}");
    }
    let pages = import(format!("{}\n{}", answer(r#","nextToken":"x""#), answer("")));
    assert_eq!(pages.ended.status, Some(0), "{:?}", pages.ended);
    assert_ne!(pages.coverage(), json!([]));
}

#[test]
fn only_what_can_promise_it_is_covered() {
    let whole = import(answer(""));
    assert_ne!(whole.coverage(), json!([]));
    assert_eq!(
        (&whole.report["files"][0]["noCoverage"], whole.ended.stderr.as_str()),
        (&Value::Null, "")
    );
    for file in [
        results(r#""statistics":{"recordsMatched":2.0},"status":"Complete""#),
        answer(r#","nextForwardToken":"f/1","nextBackwardToken":"b/1""#),
        each(|_, it| it.to_owned()).join("\n"),
    ] {
        let read = import(&file);
        assert_eq!((read.ended.status, read.coverage()), (Some(0), json!([])), "{file}");
        assert!(read.report["files"][0]["noCoverage"].is_string(), "{file}");
        assert!(read.ended.stderr.contains("adds no coverage"), "{:?}", read.ended);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, answer("")).unwrap();
    let store = dir.path().join("store");
    on(&store, &["import", "--no-coverage", path.to_str().unwrap()]).with(0);
    assert_eq!(on(&store, &["status", "--format", "json"]).json()["coverage"], json!([]));
}

#[test]
fn an_export_that_comes_back_covers_nothing() {
    let store =
        Filled::with(&[line(0, "t1", "OUTGOING_EMAIL_SENT", json!({})), received(1, "t2", "x")]);
    for name in ["bundle", "bundle.zip"] {
        let bundle = store.dir.path().join(name);
        store.run(&["export", "t1", "--out", bundle.to_str().unwrap()]).with(0);
        let other = store.dir.path().join(format!("from-{name}"));
        let paths = match bundle.is_dir() {
            true => vec![bundle.clone(), bundle.join("records.ndjson")],
            false => vec![bundle],
        };
        for path in paths {
            on(&other, &["import", path.to_str().unwrap()]).with(0);
        }
        let status = on(&other, &["status", "--format", "json"]).json();
        assert_eq!((&status["records"], &status["coverage"]), (&json!(1), &json!([])), "{name}");
    }
    let found = store.run(&["search", "--format", "ndjson"]).with(0).stdout;
    let read = import(found);
    assert_eq!((&read.report["added"], read.coverage()), (&json!(2), json!([])));
}

fn in_utf16(dir: &Path, name: &str, text: &str) -> String {
    let bytes: Vec<u8> =
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn lists_are_opened_as_logs_are() {
    let dir = tempfile::tempdir().unwrap();
    let log = sample("filter-log-events.ndjson");
    let log = log.to_str().unwrap();
    let ids = in_utf16(dir.path(), "ids.txt", "<news.42@shop.example>\r\n");
    let table = in_utf16(dir.path(), "ids.csv", "n;message_id\r\n1;<news.42@shop.example>\r\n");
    let addresses = in_utf16(dir.path(), "addresses.txt", "carl@acme.example\r\n");
    let traced = |arguments: &[&str]| {
        run(&[&["trace"], arguments, &["--input", log, "--format", "json"]].concat()).with(0).json()
    };
    let expect = traced(&["news.42@shop.example"])["messages"].clone();
    assert_eq!(traced(&["--batch", &ids])["messages"], expect);
    assert_eq!(traced(&["--batch", &table, "--column", "message_id"])["messages"], expect);
    run(&["messages", "--input", log, "--ids-from", &ids]).with(0);
    run(&["messages", "--input", log, "--addresses-from", &addresses]).with(0);

    let out = dir.path().join("bundle");
    let out = out.to_str().unwrap();
    run(&["export", "--ids-from", &ids, "--input", log, "--out", out]).with(0);

    let foreign = dir.path().join("list.xlsx");
    let mut zip = b"PK\x03\x04".to_vec();
    zip.resize(30, 0);
    zip.extend(b"[Content_Types].xml");
    fs::write(&foreign, zip).unwrap();
    let foreign = foreign.to_str().unwrap();
    let words = "an Excel or Word file is not supported: save it as CSV or text first";
    for arguments in [
        &["trace", "--input", log, "--batch", foreign][..],
        &["messages", "--input", log, "--ids-from", foreign],
        &["messages", "--input", log, "--addresses-from", foreign],
        &["export", "--input", log, "--ids-from", foreign, "--out", "x"],
        &["doctor", "--trust-policy", foreign],
    ] {
        let ended = run(arguments).with(2);
        assert!(ended.stderr.contains(words), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn an_export_of_nothing_that_was_asked_with_a_list_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let ids = dir.path().join("ids.txt");
    fs::write(&ids, "<nobody@nowhere.example>\n").unwrap();
    let out = dir.path().join("bundle");
    let log = sample("filter-log-events.ndjson");
    let (log, ids) = (log.to_str().unwrap(), ids.to_str().unwrap());
    for list in ["--ids-from", "--addresses-from"] {
        let ended = run(&["export", list, ids, "--input", log, "--out", out.to_str().unwrap()]);
        let ended = ended.with(2);
        assert!(ended.stderr.contains("nothing is exported"), "{ended:?}");
        assert!(!out.exists());
    }
}
