//! Compression around an input, whole and cut off.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::choice;
use super::reading::{Reading, read, read_slowly};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Base64 as tools print it, so that it is one payload and not one a line.
fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(bytes);
    let lines: Vec<&[u8]> = text.as_bytes().chunks(20).collect();
    lines.join(&b'\n')
}

/// An input in layers reads as it does without them; where it is cut off, what was whole before
/// the cut is found, and the cut is told.
pub fn layers(input: &[u8]) {
    let (variant, input) = choice(input);
    let (cut, input) = choice(input);
    let content = read(input);
    if !content.layers.is_empty() {
        return;
    }
    let packed = match variant % 6 {
        0 => gzip(input),
        1 => zstd(input),
        2 => base64_lines(&gzip(input)),
        3 => gzip(&zstd(input)),
        4 => zstd(&gzip(&gzip(input))),
        _ => {
            let (left, right) = input.split_at(input.len() / 2);
            [gzip(left), gzip(right)].concat()
        }
    };
    let reading = read(packed.as_slice());
    assert!(!reading.layers.is_empty());
    assert_eq!(reading.pieces, content.pieces);
    assert_eq!(read_slowly(packed.as_slice(), 11), reading);
    let kept = packed.len() - 1 - cut % packed.len();
    match variant % 6 {
        // What ends base64 may be left out, and what joins two parts is no cut.
        2 | 5 => {}
        _ => check_cut(&packed[..kept], input, &content),
    }
    damage_does_no_harm(packed, cut);
}

fn check_cut(packed: &[u8], input: &[u8], content: &Reading) {
    let reading = read(packed);
    assert!(packed.is_empty() || !reading.rejects().is_empty(), "{reading:?}");
    // A whole input may show by its end that it is no text, or that its documents are no logs.
    let says = |it: &str| input.windows(it.len()).any(|window| window == it.as_bytes());
    if says("\0") || says("CONTROL") || says("Permission Check") {
        return;
    }
    let found = |it: &Reading| -> Vec<(u64, String)> {
        let pieces = it.pieces.iter();
        pieces.filter_map(|it| Some((it.byte_offset, it.message()?.to_owned()))).collect()
    };
    let (before, whole) = (found(&reading), found(content));
    assert!(whole.starts_with(&before), "{before:#?} of {whole:#?}");
}

/// A changed byte may make anything of an input, and must not do harm.
fn damage_does_no_harm(mut packed: Vec<u8>, at: usize) {
    let index = at.wrapping_mul(31) % packed.len();
    packed[index] ^= 0x20;
    let reading = read(packed.as_slice());
    assert_eq!(read_slowly(packed.as_slice(), 11), reading);
}
