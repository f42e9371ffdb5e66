//! What holds for any input.

use proptest::prelude::*;

use super::*;

/// Pieces of every format, whole and broken, so that random inputs reach deep.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        Just(record(1)),
        Just(event(1)),
        Just(data_message(0..2)),
        Just(CONTROL.to_owned()),
        Just(format!(r#"{{"events":[{},{}]}}"#, record(0), record(1))),
        Just(format!("{{\n \"events\": [\n  {},\n  {}\n ]\n}}", record(0), record(1))),
        Just(format!("[{}]", record(2))),
        Just(format!("2026-11-23T21:34:00.000Z {}", event(1))),
        Just("2026-11-23T21:34:00 s {\n  \"a\": 1\n}".to_owned()),
        Just("@timestamp,@message\n2026-11-23 21:34:00.000,\"{\"\"a\"\":\n1}\"".to_owned()),
        Just(base64_of_gzip(&record(3))),
        Just(r#"{"results":[[{"field":"@message","value":"m"}]]}"#.to_owned()),
        Just(r#"{"awslogs":{"data":"H4sIAA"}}"#.to_owned()),
    ];
    let cut =
        (whole, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(text, index, is_cut)| {
            let bytes = text.into_bytes();
            let end = if is_cut { index.index(bytes.len()) } else { bytes.len() };
            bytes[..end].to_vec()
        });
    prop_oneof![
        6 => cut,
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => "[\\[\\]{}\",:\n a1\\\\]{0,20}".prop_map(String::into_bytes),
    ]
}

fn input() -> impl Strategy<Value = Vec<u8>> {
    let separator = prop_oneof![Just("\n"), Just(""), Just("\r\n"), Just(","), Just(" ")];
    prop::collection::vec((piece(), separator), 0..8).prop_map(|pieces| {
        pieces
            .into_iter()
            .flat_map(|(piece, after)| [piece, after.as_bytes().to_vec()].concat())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_chunking_frames_alike(bytes in input(), sizes in prop::collection::vec(1_usize..40, 1..5)) {
        prop_assert_eq!(read_in_chunks(&bytes, &sizes), read(bytes.clone()));
        let packed = gzip(&bytes);
        // Layers are found by content: bytes that are a layer themselves are peeled either way.
        prop_assert_eq!(read_in_chunks(&packed, &sizes), read(packed));
    }

    #[test]
    fn places_are_true_and_units_do_not_overlap(bytes in input()) {
        // Places count in the decompressed input: leave out what is taken for compressed.
        if bytes.starts_with(b"H4sI") {
            return Ok(());
        }
        let result = read(bytes.clone());
        for seen in &result.found {
            let start = usize::try_from(seen.byte_offset).unwrap();
            let is_in_payload = !bytes[start..].starts_with(&seen.unit);
            let lines = bytes[..start].iter().filter(|it| **it == b'\n').count() as u64;
            prop_assert_eq!(seen.line, lines + 1);
            prop_assert!(!is_in_payload || bytes[start..].starts_with(b"H4sI"));
        }
        for reject in &result.rejected {
            let start = usize::try_from(reject.byte_offset).unwrap();
            let lines = bytes[..start].iter().filter(|it| **it == b'\n').count() as u64;
            prop_assert_eq!(reject.line, lines + 1);
        }
    }

    #[test]
    fn every_line_of_soup_ends_in_a_record_or_a_reject(text in "[a-z{}\\[\\]\":, \n]{0,60}") {
        let result = read(text.clone());
        let mut covered = vec![false; text.len()];
        let found = result.found.iter().map(|it| (it.byte_offset, it.unit.len()));
        let rejected = result.rejected.iter().map(|it| (it.byte_offset, it.bytes.len()));
        for (byte_offset, length) in found.chain(rejected) {
            let start = usize::try_from(byte_offset).unwrap();
            covered[start..start + length].fill(true);
        }
        for (index, byte) in text.bytes().enumerate() {
            let is_envelope = byte.is_ascii_whitespace() || b",[]{}".contains(&byte);
            prop_assert!(covered[index] || is_envelope, "byte {} of {:?}: {:?}", index, text, result);
        }
    }
}
