//! Recognises by its first bytes an input that is not a log.

use super::RejectReason;
use super::csv_rows::CsvHeader;
use super::log_line;
use crate::text::first_line;

/// Bytes to examine.
pub(super) const SAMPLE_BYTES: usize = 8 << 10;

pub(super) const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

const UNPACK: &str = "unpack it first";
const AS_CSV: &str = "save it as CSV or text first";
const AS_TEXT: &str = "copy its text into a file first";
const THE_TEXT: &str = "give the text itself";

/// Formats that are not logs: the first bytes of their files, their name, and what to do.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"BZh", "bzip2", UNPACK),
    (b"\xfd7zXZ\0", "xz", UNPACK),
    (b"\x04\x22\x4d\x18", "lz4", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"PAR1", "a Parquet file", UNPACK),
    (b"Obj\x01", "an Avro file", UNPACK),
    (b"SQLite format 3\0", "an SQLite database", AS_CSV),
    // Compound files, of Office before 2007 and of Outlook.
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office or Outlook file", AS_CSV),
    (b"!BDN", "an Outlook data file", AS_CSV),
    (b"%PDF-", "a PDF", AS_TEXT),
    (b"{\\rtf", "an RTF document", AS_TEXT),
    (b"\x89PNG\r\n\x1a\n", "a picture", THE_TEXT),
    (b"\xff\xd8\xff", "a picture", THE_TEXT),
    (b"GIF87a", "a picture", THE_TEXT),
    (b"GIF89a", "a picture", THE_TEXT),
    (b"II*\0", "a picture", THE_TEXT),
    (b"MM\0*", "a picture", THE_TEXT),
    (b"\x7fELF", "a program", THE_TEXT),
];

/// The position of a tar's magic bytes.
const TAR_NAME: std::ops::Range<usize> = 257..262;

/// Returns why the whole input is not a log, if its first bytes show that.
pub(super) fn foreign(sample: &[u8]) -> Option<RejectReason> {
    named(sample).or_else(|| {
        (memchr::memchr(0, sample).is_some() && !looks_known(sample))
            .then_some(RejectReason::Binary)
    })
}

/// Returns why an input is not text, if its first bytes show that. A few zeros are allowed: they
/// spoil a line, and lists contain what strangers wrote.
pub(super) fn foreign_text(sample: &[u8]) -> Option<RejectReason> {
    let is_control = |byte: &&u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let control_count = sample.iter().filter(is_control).count();
    let is_binary = memchr::memchr(0, sample).is_some() && control_count * 3 > sample.len();
    named(sample).or_else(|| is_binary.then_some(RejectReason::Binary))
}

/// Recognises a foreign format by how its files begin.
fn named(sample: &[u8]) -> Option<RejectReason> {
    if matches!(sample, [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..]) {
        return Some(RejectReason::Utf32);
    }
    let is = |(magic, _, _): &&(&[u8], &str, &str)| sample.starts_with(magic);
    let found = FOREIGN.iter().find(is).map(|(_, name, advice)| (*name, *advice));
    let (name, advice) = found.or_else(|| zip(sample)).or_else(|| other(sample))?;
    Some(RejectReason::Unsupported { name, advice })
}

fn zip(sample: &[u8]) -> Option<(&'static str, &'static str)> {
    if !matches!(sample, [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..]) {
        return None;
    }
    // The name of the first file follows a header of 30 bytes.
    let begins = |it: &[u8]| sample.get(30..).is_some_and(|name| name.starts_with(it));
    // Office files are zips too, but need other advice than to unpack them.
    let is_office = [&b"[Content_Types].xml"[..], b"_rels/", b"word/", b"xl/", b"docProps/"];
    Some(match is_office.into_iter().any(begins) {
        true => ("an Excel or Word file", AS_CSV),
        false if begins(b"mimetype") => ("an OpenDocument file", AS_CSV),
        false => ("a zip archive", UNPACK),
    })
}

fn other(sample: &[u8]) -> Option<(&'static str, &'static str)> {
    if sample.get(TAR_NAME) == Some(b"ustar") {
        return Some(("a tar archive", UNPACK));
    }
    let start = sample.strip_prefix(UTF8_BOM).unwrap_or(sample).trim_ascii_start();
    let begins =
        |it: &[u8]| start.get(..it.len()).is_some_and(|head| head.eq_ignore_ascii_case(it));
    (begins(b"<!doctype html") || begins(b"<html")).then_some(("a web page", AS_TEXT))
}

/// True if the input begins like one of our formats, so that zeros in it spoil single lines only.
fn looks_known(sample: &[u8]) -> bool {
    let text = sample.trim_ascii_start();
    let line = first_line(text);
    matches!(text.first(), Some(b'{' | b'['))
        || log_line::stamp(line).is_some()
        || CsvHeader::parse(line).is_some()
}

/// True if this is all of the object with which an S3 export task tests its permissions.
pub(super) fn is_export_test(whole: &[u8]) -> bool {
    whole.trim_ascii() == b"Permission Check Successful"
}
