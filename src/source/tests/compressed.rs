//! Layers of compression, and what becomes of broken ones.

use std::sync::Arc;

use super::*;
use crate::limits;
use crate::source::{DecodingBudget, Input};

fn lines(count: usize) -> String {
    (0..count).map(|number| record(number) + "\n").collect()
}

fn check(bytes: Vec<u8>, count: usize) {
    let result = read(bytes);
    assert_eq!(result.rejected, []);
    assert_eq!(result.messages(), events(count));
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

#[test]
fn gzip_with_members_padding_and_layers() {
    let (first, second) = (record(0) + "\n", record(1) + "\n");
    let members = [gzip(first.as_bytes()), gzip(b""), gzip(second.as_bytes())].concat();
    check(members.clone(), 2);
    check([members.clone(), vec![0; 1000]].concat(), 2);
    check(gzip(&members), 2);
    check(gzip(&zstd(&gzip(lines(3).as_bytes()))), 3);
    // Firehose: each payload is gzip of its own.
    let firehose = [data_message(0..1), data_message(1..3)].map(|it| gzip(it.as_bytes())).concat();
    check(gzip(&firehose), 3);
}

#[test]
fn zstd_with_frames_and_skippable_ones() {
    let text = lines(2);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    let (first, second) = text.split_at(text.find('\n').unwrap() + 1);
    check(
        [skippable.clone(), zstd(first.as_bytes()), skippable, zstd(second.as_bytes())].concat(),
        2,
    );
}

#[test]
fn base64_one_a_line_and_one_wrapped() {
    let one = base64_of_gzip(&record(0));
    let two = base64_of_gzip(&record(1));
    check(one.clone().into_bytes(), 1);
    check(format!("{one}\n{two}\n").into_bytes(), 2);
    check(format!("{}\n{}\n", one.trim_end_matches('='), two).into_bytes(), 2);

    // Noise makes it longer than a sample: one payload for the file.
    let noise: String = (0..20_000_u64)
        .map(|number| format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let long = format!("{}\n{{\"traceId\":\"{noise}\"}}\n", record(0));
    let payload = base64_of_gzip(&long);
    assert!(payload.len() > 128 << 10);
    assert_eq!(read(payload.clone()).found.len(), 2);
    let wrapped: String = payload
        .as_bytes()
        .chunks(76)
        .map(|it| std::str::from_utf8(it).unwrap().to_owned() + "\n")
        .collect();
    assert_eq!(read(wrapped.clone() + &wrapped).found.len(), 4);

    let broken = format!("{}!\n{two}\n", &one[..one.len() - 9]);
    let result = read(broken);
    assert_eq!((result.found.len(), result.reasons()), (1, vec![&RejectReason::BadBase64]));
}

#[test]
fn layers_are_bounded() {
    let mut bytes = record(0).into_bytes();
    for _ in 0..limits::COMPRESSION_LAYERS_MAX {
        bytes = gzip(&bytes);
    }
    check(bytes.clone(), 1);
    let result = read(gzip(&bytes));
    assert_eq!((result.found.len(), result.reasons()), (0, vec![&RejectReason::TooManyLayers]));

    let mut nested = record(0);
    for _ in 0..20 {
        nested = format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, base64_of_gzip(&nested));
    }
    assert_eq!(read(nested).reasons(), [&RejectReason::TooManyLayers]);
}

#[test]
fn a_truncated_stream_gives_what_came_before_and_one_reject() {
    // Noise keeps the compressed form long, so that cuts fall into many places.
    let text: String = (0..20_000_u64)
        .map(|number| {
            let noise = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!("{{\"timestamp\":{number},\"message\":\"{noise:x} {{}}\"}}\n")
        })
        .collect();
    for (layer, bytes) in [("gzip", gzip(text.as_bytes())), ("zstd", zstd(text.as_bytes()))] {
        let mut most = 0;
        for cut in (20..bytes.len()).step_by(9_973) {
            let result = read(&bytes[..cut]);
            assert_eq!(result.reasons(), [&RejectReason::Truncated { layer }], "{layer} {cut}");
            for (number, seen) in result.found.iter().enumerate() {
                assert_eq!(seen.timestamp_ms, Some(number as i64));
            }
            most = most.max(result.found.len());
        }
        assert!(most > 0, "{layer}: something came before a cut");
        let last = read(&bytes[..bytes.len() - 1]);
        assert_eq!(last.rejected.len(), 1, "{layer}");
        // Only gzip ends in a trailer; zstd lacks a part of its last block.
        if layer == "gzip" {
            assert_eq!((last.found.len(), &last.rejected[0].bytes[..]), (20_000, &b""[..]));
        }
    }
}

#[test]
fn the_last_line_of_a_truncated_stream_is_trusted_only_when_it_is_whole() {
    let truncated = |last: &str| {
        let mut bytes = gzip(format!("{}\n{last}", record(0)).as_bytes());
        bytes.pop();
        read(bytes)
    };
    for half in [
        r#"{"timestamp":1,"message":"{}"#,
        r#"2026-11-23T21:34:00.000Z {"a":{}"#,
        "H4sIAAAA",
        "half a line",
        r#"{"timestamp":1,"#,
    ] {
        let result = truncated(half);
        assert_eq!(result.messages(), events(1), "{half}");
        assert_eq!(result.reasons(), [&RejectReason::Truncated { layer: "gzip" }], "{half}");
        assert_eq!(result.rejected[0].bytes, half.as_bytes());
    }
    for whole in [record(1), format!("2026-11-23T21:34:00.000Z {}", event(1))] {
        let result = truncated(&whole);
        assert_eq!(result.messages(), events(2));
        assert_eq!(result.rejected[0].bytes, b"");
    }
}

#[test]
fn damage_is_named_and_what_came_before_is_kept() {
    let text = lines(5_000);
    for mut bytes in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let last = bytes.len() - 5;
        bytes[last] ^= 0x55;
        let result = read(bytes);
        assert!(
            matches!(result.reasons()[..], [RejectReason::Corrupt { .. }]),
            "{:?}",
            result.reasons()
        );
    }
    let mut trailing = gzip(text.as_bytes());
    trailing.extend_from_slice(b"garbage");
    let result = read(trailing);
    assert_eq!(result.found.len(), 5_000);
    assert!(matches!(result.reasons()[..], [RejectReason::Corrupt { .. }]));
}

/// Compresses `bytes` zeros without holding them.
fn zeros(bytes: u64) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::copy(&mut std::io::repeat(0).take(bytes), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_ends_early() {
    let mut reader =
        SourceReader::from_reader(Box::new(Cursor::new(zeros(1 << 30))), "bomb".to_owned())
            .unwrap();
    let (mut byte_count, mut reasons) = (0, Vec::new());
    while let Some(batch) = reader.next_batch().unwrap() {
        assert!(batch.byte_count() <= 2 << 20);
        byte_count += batch.byte_count() as u64;
        Decoder::new().decode(&batch, &mut |output| match output {
            Output::Rejected(reject) if !reject.is_continuation => reasons.push(reject.reason),
            _ => {}
        });
    }
    assert!(byte_count <= limits::EXPANSION_FREE_BYTES + (1 << 20), "{byte_count}");
    assert_eq!(reasons, [RejectReason::Binary, RejectReason::Expansion]);
    let payload = format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, STANDARD.encode(zeros(200 << 20)));
    assert_eq!(read(payload).reasons(), [&RejectReason::Binary, &RejectReason::Expansion]);
}

#[test]
fn a_bomb_is_no_larger_behind_much_else() {
    let bomb = zstd(&vec![b' '; 200 << 20]);
    let payload = format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, STANDARD.encode(bomb));
    let input = format!("{}\n{payload}\n{payload}\n{}\n", record(0), record(1));
    let mut reader =
        SourceReader::from_reader(Box::new(Cursor::new(input)), "bombs".to_owned()).unwrap();
    let batch = reader.next_batch().unwrap().unwrap();
    // As it would be behind gigabytes.
    let budget = Arc::new(DecodingBudget::new(u64::MAX, None));
    let (mut found_count, mut reasons) = (0, Vec::new());
    Decoder::new().decode_within_budget(&batch, &budget, &mut |output| match output {
        Output::Found(_) => found_count += 1,
        Output::Rejected(reject) if !reject.is_continuation => reasons.push(reject.reason),
        _ => {}
    });
    assert_eq!((found_count, reasons), (2, vec![RejectReason::Expansion; 2]));
    let expanded_bytes = budget.expanded_bytes();
    assert!(expanded_bytes <= 2 * (limits::EXPANSION_FREE_BYTES + (1 << 20)), "{expanded_bytes}");
}

/// A zip with a bundle's manifest, and its records in one deflate stream.
fn bundle_zip(records: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in
        [("manifest.json", r#"{"format":"mailtrace-bundle"}"#), ("records.ndjson", records)]
    {
        archive.start_file(name, options).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn read_file(bytes: &[u8]) -> Outcome {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let mut reader = SourceReader::open(&Input::File(file.path().to_owned())).unwrap();
    let (mut decoder, mut result) = (Decoder::new(), Outcome::default());
    while let Some(batch) = reader.next_batch().expect("damage is content") {
        decoder.decode(&batch, &mut |output| result.push(output));
    }
    result
}

#[test]
fn damage_in_the_zip_of_a_bundle_is_rejected_content() {
    let records: String = (0..50).map(|number| record(number) + "\n").collect();
    let whole = bundle_zip(&records);
    assert_eq!(read_file(&whole).messages(), events(50));
    let local = whole.windows(14).position(|it| it == b"records.ndjson").unwrap();
    let directory = whole.windows(14).rposition(|it| it == b"records.ndjson").unwrap();
    let with = |index: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[index] = byte;
        read_file(&bytes)
    };
    // Behind its name, the compressed bytes, which never begin so; before it in the directory, by
    // 22, its length.
    let damaged = with(local + 14, 0xff);
    assert!(matches!(damaged.reasons()[..], [RejectReason::Corrupt { layer: "zip", .. }]));
    let length_at = directory - 22;
    let longer = with(length_at + 1, whole[length_at + 1] + 1);
    assert_eq!(longer.messages(), events(50));
    assert_eq!(longer.reasons(), [&RejectReason::Truncated { layer: "zip" }]);
    let shorter = with(length_at + 1, whole[length_at + 1] - 1);
    assert!(shorter.found.len() > 40 && shorter.found.len() < 50);
    assert!(matches!(shorter.reasons()[..], [RejectReason::Corrupt { layer: "zip", .. }]));
}
