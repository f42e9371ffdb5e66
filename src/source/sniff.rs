//! Tells from its first bytes what an input is not.

use super::RejectReason;
use super::insights::CsvHeader;
use super::log_line;

/// Bytes that are looked at.
pub(super) const SAMPLE_BYTES: usize = 8 << 10;

pub(super) const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Why the whole input is none of ours, if its first bytes say so.
pub(super) fn foreign(sample: &[u8]) -> Option<RejectReason> {
    let unsupported = |name| Some(RejectReason::Unsupported { name });
    match sample {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some(RejectReason::Utf16),
        [b'{' | b'[' | b'0'..=b'9', 0, _, 0, ..] | [0, b'{' | b'[' | b'0'..=b'9', 0, ..] => {
            return Some(RejectReason::Utf16);
        }
        [b'P', b'K', 3, 4, ..] => return unsupported("a zip archive"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, ..] => return unsupported("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => return unsupported("xz"),
        [b'P', b'A', b'R', b'1', ..] => return unsupported("a Parquet file"),
        _ => {}
    }
    (memchr::memchr(0, sample).is_some() && !looks_known(sample)).then_some(RejectReason::Binary)
}

/// Whether the input begins as one of the formats, so that zeros in it are one line's trouble.
fn looks_known(sample: &[u8]) -> bool {
    let text = sample.trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    matches!(text.first(), Some(b'{' | b'['))
        || log_line::stamp(line).is_some()
        || CsvHeader::parse(line).is_some()
}

/// Whether this is the whole of the object by which an S3 export task tests its permissions.
pub(super) fn is_export_test(whole: &[u8]) -> bool {
    whole.trim_ascii() == b"Permission Check Successful"
}
