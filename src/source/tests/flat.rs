//! Flat envelopes: read as the general reader reads them, or left to it.

use proptest::prelude::*;

use crate::source::document::DocumentContext;
use crate::source::envelope::{EnvelopeReader, EnvelopeShape};
use crate::source::flat_envelope::FlatEnvelope;

/// The message, after a look whether the general reader reads the same. `None` where the
/// envelope is left to it.
fn message(bytes: &[u8]) -> Option<String> {
    let context = DocumentContext { log_group: Some("group".into()), ..DocumentContext::default() };
    let mut buffer = Vec::new();
    let flat = FlatEnvelope::read(bytes, &mut buffer)?.into_shape(&context);
    let mut reader = EnvelopeReader::new();
    let EnvelopeShape::Record(format, record, Some(escaped)) = flat else { panic!("no record") };
    let EnvelopeShape::Record(expected_format, expected, _) = reader.read(bytes, &context) else {
        panic!("{} is no record", String::from_utf8_lossy(bytes))
    };
    assert_eq!((format, &record), (expected_format, &expected));
    let json = [b"\"", escaped.as_bytes(), b"\""].concat();
    assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), record.message);
    assert!(!escaped.as_bytes().contains(&b'\n'));
    Some(record.message.into_owned())
}

/// Wants the envelope read, with this message.
fn check(envelope: impl AsRef<[u8]>, expect: &str) {
    let envelope = envelope.as_ref();
    assert_eq!(message(envelope).as_deref(), Some(expect), "{}", envelope.escape_ascii());
}

/// Wants the envelope left to the general reader.
fn check_left(envelope: impl AsRef<[u8]>) {
    let envelope = envelope.as_ref();
    assert_eq!(message(envelope), None, "{}", envelope.escape_ascii());
}

#[test]
fn the_usual_envelopes_are_read() {
    check(
        r#"{"logStreamName":"s","timestamp":1795469640000,"message":"{\"a\":\"b\"}","ingestionTime":1795469640001,"eventId":"39"}"#,
        r#"{"a":"b"}"#,
    );
    check(r#"{"message":"m","timestamp":1}"#, "m");
    check(
        "{ \"logGroup\" :\t\"g\" ,\n\"id\":\"é\",\r\n\"timestamp\": -1 , \"message\":\"m\" } \n",
        "m",
    );
    // It need not be an event: who parses it decides.
    check(r#"{"timestamp":1,"message":"no JSON"}"#, "no JSON");
    check(r#"{"timestamp":1,"message":""}"#, "");
}

#[test]
fn what_is_rare_or_wrong_is_left() {
    let rest = r#""timestamp":1,"message":"m""#;
    for before in [
        "",
        "[",
        "x{",
        "{,",
        "{\u{feff}",
        "\u{feff}{",
        "{null,",
        "{\"logGroup\":null,",
        "{\"logGroup\":1,",
        "{\"logGroup\":\"a\\u0041\",",
        "{\"logGroup\":\"a\\\"b\",",
        "{\"logGroup\":\"a\nb\",",
        "{\"logGroup\":\"a\"",
        "{\"logGroup\" \"a\",",
        "{\"timestamp\":2,",
        "{\"message\":\"n\",",
        "{\"logGroup\":\"a\",\"logGroupName\":\"b\",",
        "{\"id\":\"a\",\"eventId\":\"b\",",
        "{\"traceId\":\"t\",",
        "{\"messageType\":\"CONTROL_MESSAGE\",",
        "{\"timeApproximate\":true,",
        "{\"a\":{},",
        "{\"a\":[],",
        "{\"\":\"\",",
        "{\"message\\\":\":1,",
    ] {
        check_left(format!("{before}{rest}}}"));
    }
    for behind in ["", ",", ",}", "}}", "}x", "}{}", "},", "]", "}\0", "}\u{a0}"] {
        check_left(format!("{{{rest}{behind}"));
    }
    check_left("{}");
    check_left(r#"{"timestamp":1}"#);
    check_left(r#"{"message":"m"}"#);
    check_left(r#"{"timestamp":1,"message":{}}"#);
    check_left(r#"{"timestamp":1,"message":null}"#);
    check_left(b"{\"logGroup\":\"\xff\",\"timestamp\":1,\"message\":\"m\"}");
}

#[test]
fn times_are_whole_numbers_in_their_range() {
    let with = |time: &str| format!(r#"{{"timestamp":{time},"message":"m"}}"#);
    for time in ["1", "-1", "1795469640000", "253402207200000", "-377705023201000"] {
        check(with(time), "m");
    }
    for time in [
        "0",
        "-0",
        "01",
        "-01",
        "",
        "-",
        "+1",
        "--1",
        "1-",
        "1.0",
        "1e3",
        "1x",
        "0x1",
        "null",
        "true",
        "\"1795469640000\"",
        "253402207200001",
        "-377705023201001",
        "1000000000000000",
        "9223372036854775808",
        "100000000000000000000000000000",
    ] {
        check_left(with(time));
    }
}

#[test]
fn simple_escapes_are_read_and_numbered_ones_left() {
    let with = |text: &str| format!(r#"{{"timestamp":1,"message":"{text}"}}"#);
    check(with(r#"\"\\\/\n\t\r\b\f"#), "\"\\/\n\t\r\u{8}\u{c}");
    check(with(r#"\\\"\\"#), r#"\"\"#);
    check(with(r"\\u00e9 é 日本 \\n"), r"\u00e9 é 日本 \n");
    check(with("\u{7f}\u{85}\u{2028}"), "\u{7f}\u{85}\u{2028}");
    for text in [
        r"\u00e9",
        r"\u0000",
        r"\ud83d\ude00",
        r"\ud83d",
        r"\u12",
        r"\x41",
        r"\'",
        r"\",
        r"\\\",
        "a\nb",
        "a\tb",
        "a\0b",
        "\\\n",
        r#"\\""#,
        r#"a"b"#,
    ] {
        check_left(with(text));
    }
    for text in [&b"\xff"[..], b"\xc3\\\"", b"\xe2\x82\\n\xac", b"\xed\xa0\x80", b"\xc0\xaf"] {
        let parts: [&[u8]; 3] = [br#"{"timestamp":1,"message":""#, text, br#""}"#];
        check_left(parts.concat());
    }
}

#[test]
fn escapes_are_found_wherever_they_stand_in_a_block() {
    for length in 0..200 {
        let text = "é".repeat(length / 2) + &"a".repeat(length % 2);
        let backslashes = r"\\".repeat(length % 5);
        check(
            format!(r#"{{"timestamp":1,"message":"{text}\"{backslashes}b\n"}}"#),
            &format!("{text}\"{}b\n", r"\".repeat(length % 5)),
        );
        check_left(format!(r#"{{"timestamp":1,"message":"{text}{backslashes}\"}}"#));
    }
}

/// Envelopes of all kinds, most of them flat.
fn envelope() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        6 => "[-a-z0-9 {}:,/é日😀]{0,90}",
        1 => "([a-z]{0,9}[\"\\\\/\n\t\u{8}\u{c}é\u{0}😀]){0,30}",
    ];
    let time = prop_oneof![
        8 => (-400_000_000_000_000_i64..400_000_000_000_000).prop_map(|it| it.to_string()),
        1 => "-?[0-9.e]{1,20}",
    ];
    let key = prop::sample::select(vec![
        "logGroup",
        "logGroupName",
        "logStream",
        "logStreamName",
        "eventId",
        "id",
        "ingestionTime",
    ]);
    let is_odd = prop::bool::weighted(0.1);
    let member = (key, text, time.clone(), is_odd).prop_map(|(key, text, time, is_odd)| {
        let is_time = (key == "ingestionTime") != is_odd;
        let value = if is_time { time } else { serde_json::to_string(&text).unwrap() };
        format!("\"{key}\":{value}")
    });
    let blank = prop::sample::select(vec!["", "", "", " ", "\t", "\r\n"]);
    let text = "([a-z]{0,40}(\\\\[\"\\\\/nrtbf]|é|日本)){0,40}";
    (prop::collection::vec(member, 0..3), text, time, blank, any::<prop::sample::Index>()).prop_map(
        |(mut members, text, time, blank, index)| {
            members.insert(index.index(members.len() + 1), format!("\"timestamp\":{time}"));
            members.insert(index.index(members.len() + 1), format!("\"message\":\"{text}\""));
            format!("{{{blank}{}{blank}}}", members.join(&format!("{blank},{blank}"))).into_bytes()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn envelopes_are_read_as_the_general_reader_does(
        mut bytes in envelope(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4), 0..3),
    ) {
        message(&bytes);
        let signs = b"\"\\{}:,n \n0-\xc3\x80";
        for (index, byte, kind) in changes {
            let index = index.index(bytes.len());
            match kind {
                0 => bytes[index] = byte,
                1 => bytes[index] = signs[usize::from(byte) % signs.len()],
                2 => bytes.insert(index, signs[usize::from(byte) % signs.len()]),
                _ => drop(bytes.drain(index..bytes.len().min(index + usize::from(byte % 9)))),
            }
            if bytes.is_empty() {
                break;
            }
            message(&bytes);
        }
    }
}
