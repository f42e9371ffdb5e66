//! Input that is no format, or was cut: its neighbours stay.

use super::*;
use crate::limits;

#[test]
fn half_lines_at_any_cut_keep_their_neighbours() {
    type Shape = fn(usize) -> String;
    let shapes: [(&str, Shape); 4] = [
        ("record", record),
        ("event", event),
        ("export", |number| format!("2026-11-23T21:34:00.000Z {}", event(number))),
        ("subscription", |number| data_message(number..number + 1)),
    ];
    for (name, shape) in shapes {
        let line = shape(1);
        for cut in 1..line.len() {
            let result = read(format!("{}\n{}\n{}\n", shape(0), &line[..cut], shape(2)));
            let messages = result.messages();
            assert_eq!(messages.first(), Some(&event(0).as_str()), "{name} {cut}");
            assert_eq!(messages.last(), Some(&event(2).as_str()), "{name} {cut}");
            assert!(result.rejected.len() <= 1, "{name} {cut} {:?}", result.rejected);
            let is_whole_line = result.found.len() == 3;
            assert!(is_whole_line || result.rejected.len() == 1, "{name} {cut}");
            // The second half likewise.
            let result = read(format!("{}\n{}\n{}\n", shape(0), &line[cut..], shape(2)));
            let messages = result.messages();
            assert_eq!(messages.first(), Some(&event(0).as_str()), "{name} {cut}");
            assert_eq!(messages.last(), Some(&event(2).as_str()), "{name} {cut}");
        }
    }
}

#[test]
fn a_cut_csv_row_keeps_its_neighbours() {
    let row =
        |number| format!("2026-11-23 21:34:00.000,\"{}\"", event(number).replace('"', "\"\""));
    let header = "@timestamp,@message";
    let whole = row(1);
    for cut in 26..whole.len() {
        let result = read(format!("{header}\n{}\n{}\n{}\n", row(0), &whole[..cut], row(2)));
        let messages = result.messages();
        assert_eq!(messages.first(), Some(&event(0).as_str()), "{cut}");
        assert_eq!(messages.last(), Some(&event(2).as_str()), "{cut} {result:?}");
    }
}

#[test]
fn a_truncated_document_gives_its_whole_elements() {
    let list: Vec<String> = (0..3).map(record).collect();
    let compact = format!(r#"{{"events":[{}],"nextToken":"x"}}"#, list.join(","));
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&compact).unwrap())
            .unwrap();
    for document in [compact, pretty] {
        let third = document.find("\"eventId\"").unwrap();
        for cut in third..document.len() - 1 {
            let result = read(&document[..cut]);
            assert!(result.rejected.len() <= 2, "{cut} {result:?}");
            assert!(!result.rejected.is_empty(), "{cut} a cut is told: {result:?}");
            assert_eq!(result.messages(), events(result.found.len()), "{cut}");
        }
        let result = read(&document[..document.len() - 1]);
        assert_eq!(result.messages(), events(3));
        // What comes after a truncated one is read.
        let result = read(format!("{}\n{document}", &document[..third]));
        assert_eq!(result.messages()[result.found.len() - 3..], events(3));
    }
}

#[test]
fn a_broken_element_costs_only_itself() {
    let compact = format!(r#"{{"events":[{},{{"a":tru e}},{}]}}"#, record(0), record(1));
    let result = read(compact);
    assert_eq!(result.messages(), events(2));
    assert_eq!(result.rejected.len(), 1);
    assert_eq!(result.rejected[0].bytes, br#"{"a":tru e},"#);

    let pretty =
        format!("{{\n\"events\": [\n{},\n{{\n\"a\": \"x\n}},\n{}\n]\n}}\n", record(0), record(1));
    let result = read(pretty);
    assert_eq!(result.messages(), events(2));
    assert_eq!(result.rejected.len(), 1);
    assert_eq!(result.rejected[0].line, 4);

    let strange = format!(r#"{{"events":[{},{{"a":1}},7,{}]}}"#, record(0), record(1));
    let result = read(strange);
    assert_eq!(result.messages(), events(2));
    assert_eq!(result.rejected[0].bytes, br#"{"a":1}"#);
    assert_eq!(result.rejected[1].bytes, b"7");
    assert_eq!(result.reasons(), [&RejectReason::UnknownShape; 2]);
}

#[test]
fn a_broken_value_on_a_line_of_several_costs_only_itself() {
    let result = read(format!("{}{{\"a\" \"b\"}}{}", event(0), event(1)));
    assert_eq!(result.messages(), events(2));
    assert_eq!(result.rejected.len(), 1);
    assert_eq!(result.rejected[0].bytes, b"{\"a\" \"b\"}");
    assert_eq!(result.rejected[0].byte_offset, event(0).len() as u64);
}

#[test]
fn what_is_no_text_is_one_reject_and_utf16_is_text() {
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(record(0).encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    for utf16 in [utf16.clone(), utf16[2..].to_vec(), gzip(&utf16)] {
        let result = read(utf16);
        assert_eq!(result.messages(), [event(0)]);
        assert_eq!(result.rejected, []);
    }

    let binary: Vec<u8> = (0..3_000_000_u32).map(|it| (it.wrapping_mul(31) >> 3) as u8).collect();
    let result = read(binary.clone());
    assert_eq!(result.reasons(), [&RejectReason::Binary]);
    assert_eq!((result.rejected[0].parts, &result.rejected[0].bytes), (3, &binary));
    assert_eq!(
        read("PK\u{3}\u{4}abc").reasons(),
        [&RejectReason::Unsupported { name: "a zip archive", advice: "unpack it first" }]
    );
}

#[test]
fn a_bad_byte_costs_its_unit() {
    for bad in [&b"\x00"[..], b"\xff", b"\xed\xa0\x80"] {
        let line = [br#"{"timestamp":1,"message":"a"#, bad, br#"b"}"#].concat();
        let input = [record(0).as_bytes(), b"\n", &line, b"\n", record(1).as_bytes()].concat();
        let result = read(input);
        assert_eq!(result.messages(), events(2));
        assert_eq!(result.rejected.len(), 1);
        assert_eq!((result.rejected[0].line, &result.rejected[0].bytes), (2, &line));
    }
}

#[test]
fn unknown_lines_are_rejected_one_by_one() {
    let result = read(format!("hello\n{}\n{} trailing\n\"text\"\n17\n", record(0), event(1)));
    assert_eq!(result.messages(), events(2));
    let bytes: Vec<&[u8]> = result.rejected.iter().map(|it| it.bytes.as_slice()).collect();
    assert_eq!(bytes, [&b"hello"[..], b"trailing", b"\"text\"", b"17"]);
    let lines: Vec<u64> = result.rejected.iter().map(|it| it.line).collect();
    assert_eq!(lines, [1, 3, 4, 5]);
}

#[test]
fn nothing_vanishes_because_it_looks_like_an_envelope() {
    // The parsers take escapes out of names, so whoever looks for the list has to as well.
    let result = read(format!("{{\"ev\\u0065nts\":[{}]}}\n", record(0)));
    assert_eq!(result.messages(), events(1));
    let blank = STANDARD.encode(" \n");
    for line in [
        r#"{"user":"ana","data":""}"#.to_owned(),
        format!(r#"{{"awslogs":{{"data":"{blank}"}}}}"#),
        base64_of_gzip(""),
    ] {
        let result = read(format!("{line}\n{}\n", record(0)));
        assert_eq!(result.messages(), events(1), "{line}");
        assert_eq!(result.reasons(), [&RejectReason::UnknownShape], "{line}");
        assert_eq!(result.rejected[0].bytes, line.as_bytes());
    }
}

#[test]
fn a_line_that_lost_its_message_with_the_stream_is_no_record() {
    let line = "2026-11-23T21:34:00.000Z ";
    let whole = gzip(format!("{line}{}\n{line}{}\n", event(0), event(1)).as_bytes());
    for kept in 0..whole.len() - 8 {
        let result = read(&whole[..kept]);
        let messages = result.messages();
        assert_eq!(messages, events(2)[..messages.len()], "{kept}");
        assert!(kept == 0 || !result.rejected.is_empty(), "{kept}");
    }
}

#[test]
fn deep_nesting_is_rejected() {
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        let input = format!("{}\n{}\n", open.repeat(100_000), record(0));
        let result = read(input);
        assert_eq!(result.messages(), events(1), "{open}");
        assert_eq!(result.rejected[0].reason, RejectReason::TooDeep, "{open}");
    }
    let closed = format!("{}1{}\n{}\n", "{\"a\":".repeat(50_000), "}".repeat(50_000), record(0));
    assert_eq!(read(closed).messages(), events(1));
}

/// A line of `length` bytes that nobody holds, between two records.
fn long_line(start: &str, length: u64) -> Box<dyn Read + Send> {
    let before = Cursor::new(format!("{}\n{start}", record(0)));
    let after = Cursor::new(format!("\n{}\n", record(1)));
    Box::new(before.chain(std::io::repeat(b'x').take(length)).chain(after))
}

#[test]
fn a_long_line_is_rejected_in_parts_and_bounded_memory() {
    for start in [
        "{\"a\":\"",
        "{\"events\":[{\"a\":\"",
        "text ",
        "2026-11-23T21:34:00.000Z {\"a\":\"",
        "[{\"a\":\"",
    ] {
        let mut reader =
            SourceReader::from_reader(long_line(start, 64 << 20), "x".to_owned()).unwrap();
        let (mut messages, mut byte_count, mut count) = (Vec::new(), 0, 0);
        while let Some(batch) = reader.next_batch().unwrap() {
            assert!(batch.byte_count() <= 2 << 20, "{start}");
            Decoder::new().decode(&batch, &mut |output| match output {
                Output::Found(found) => {
                    messages.push(found.decoded.message().to_owned());
                }
                Output::Claimed(_) => {}
                Output::Rejected(reject) => {
                    assert_eq!(reject.reason, RejectReason::TooLong, "{start}");
                    byte_count += reject.bytes.len();
                    count += usize::from(!reject.is_continuation);
                }
            });
        }
        assert_eq!(messages, events(2), "{start}");
        assert_eq!(count, 1, "{start}");
        assert!(byte_count >= 64 << 20, "{start}");
    }
}

#[test]
fn a_record_at_the_bound_is_kept() {
    let fixed = r#"{"timestamp":1,"message":""}"#.len();
    let line =
        |length: usize| format!(r#"{{"timestamp":1,"message":"{}"}}"#, "x".repeat(length - fixed));
    for (length, count) in [(limits::RECORD_BYTES_MAX, 1), (limits::RECORD_BYTES_MAX + 1, 0)] {
        let result = read(line(length) + "\n");
        assert_eq!((result.found.len(), result.rejected.len()), (count, 1 - count), "{length}");
    }
}

/// Fails after some bytes, as a broken disk does.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::other("bad sector")),
            count => Ok(count),
        }
    }
}

#[test]
fn a_failing_disk_is_an_error_after_what_came_before() {
    for bytes in [format!("{}\n{}", record(0), &record(1)[..9]).into_bytes(), {
        let whole = gzip((record(0) + "\n").as_bytes());
        whole[..whole.len() - 1].to_vec()
    }] {
        let mut reader =
            SourceReader::from_reader(Box::new(Failing(Cursor::new(bytes))), "disk".to_owned())
                .unwrap();
        assert_eq!(reader.next_batch().unwrap().map(|it| it.unit_count()), Some(1));
        let error = reader.next_batch().map(|it| it.is_some()).unwrap_err();
        assert!(error.to_string().starts_with("cannot read disk beyond byte"), "{error}");
        assert!(reader.next_batch().unwrap().is_none());
    }
}

#[test]
fn thousands_of_documents_on_a_line_take_no_stack() {
    let count = 18_000;
    let closed = read(format!("{}\n{}\n", r#"{"events":[,]}"#.repeat(count), record(1)));
    assert_eq!((closed.messages(), closed.rejected.len()), (vec![event(1).as_str()], 0));

    let half_payload = r#"{"Records":[{"kinesis":{"data":"eyJ9"}},]}"#;
    let nested = read(format!("{}\n{}\n", half_payload.repeat(6_000), record(1)));
    assert_eq!(nested.messages(), [event(1)]);
    assert_eq!(nested.rejected.len(), 6_000);
    assert!(nested.rejected.iter().all(|it| it.line == 1));

    let within = base64_of_gzip(&r#"{"events":[,]}"#.repeat(count));
    let payload = read(format!("{{\"data\":\"{within}\"}}\n{}\n", record(1)));
    assert_eq!(payload.messages(), [event(1)]);

    let mixed = format!(r#"{{"events":[,{}]}}, x {}"#, record(2), record(3));
    let mixed = read(mixed.repeat(100));
    assert_eq!((mixed.found.len(), mixed.rejected.len()), (100, 100));
}
