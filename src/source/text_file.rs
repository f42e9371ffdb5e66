//! Opens the text files that a user names beside the logs: lists of IDs and addresses, policies,
//! keys.
//!
//! They come from the same programs as the logs, so they are opened alike: compression and encoding
//! are removed, and anything but text is refused with the same words.

use std::fs::File;
use std::io::{self, BufRead, Cursor, Read};
use std::path::Path;

use super::RejectReason;
use super::error::{RawFault, SourceError};
use super::expansion::{Expansion, InputExpansion};
use super::layers::{self, Lookahead};
use super::sniff;
use super::utf16::{self, Utf16Text};

/// Opens a text file, `-` for standard input, and removes compression, encoding and byte order
/// mark.
pub fn open_text(path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
    if path.as_os_str() == "-" {
        return text_of(Box::new(io::stdin()), "stdin");
    }
    let file =
        File::open(path).map_err(|source| SourceError::Open { path: path.to_owned(), source })?;
    text_of(Box::new(file), &path.display().to_string())
}

fn text_of(read: Box<dyn Read + Send>, name: &str) -> Result<Box<dyn BufRead + Send>, SourceError> {
    let failed = |source| SourceError::Read { name: name.to_owned(), byte_offset: 0, source };
    let foreign = |reason| SourceError::Foreign { name: name.to_owned(), reason };
    let mut peeled =
        layers::peel(read, &Expansion::Input(InputExpansion::default())).map_err(failed)?;
    if peeled.is_too_deep {
        return Err(foreign(RejectReason::TooManyLayers));
    }
    let sample = peeled.stream.peek(sniff::SAMPLE_BYTES);
    if let Some(reason) = sniff::foreign_text(sample) {
        return Err(foreign(reason));
    }
    if sample.starts_with(sniff::UTF8_BOM) {
        peeled.stream.consume(sniff::UTF8_BOM.len());
    }
    Ok(Box::new(Text { stream: peeled.stream }))
}

/// Returns the bytes of the key in a file: those of its text, in whatever encoding that was saved,
/// or the file's own bytes if it is not text, as random bytes are not.
pub fn key_of(file: Vec<u8>) -> Result<Vec<u8>, RejectReason> {
    // Other binary data is accepted, since a key may be random bytes.
    if let Some(reason @ RejectReason::Unsupported { .. }) = sniff::foreign_text(&file) {
        return Err(reason);
    }
    if let Some(order) = utf16::byte_order(&file) {
        let mut text = String::new();
        let input = Lookahead::new(Box::new(Cursor::new(file.clone())));
        let read = Utf16Text::new(input, order).read_to_string(&mut text);
        if read.is_ok() && text.chars().all(is_typed) {
            return Ok(text.into_bytes());
        }
    }
    Ok(file.strip_prefix(sniff::UTF8_BOM).map(<[u8]>::to_vec).unwrap_or(file))
}

/// The first character after the scripts in which keys are typed. Random bytes that look like
/// UTF-16 have later ones too.
const BEHIND_TYPED: char = '\u{2100}';

fn is_typed(character: char) -> bool {
    character < BEHIND_TYPED && (!character.is_control() || character.is_whitespace())
}

/// A text without its layers. Its read errors are unwrapped to the system's own.
struct Text {
    stream: Lookahead,
}

fn own_words(error: io::Error) -> io::Error {
    match error.downcast::<RawFault>() {
        Ok(fault) => fault.0,
        Err(error) => error,
    }
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer).map_err(own_words)
    }
}

impl BufRead for Text {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stream.fill_buf().map_err(own_words)
    }

    fn consume(&mut self, count: usize) {
        self.stream.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut text = open_text(file.path()).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        text.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn a_text_is_the_same_in_every_wrapping() {
        let text = "<ä@b.example>\r\n<c@d.example>\n";
        let utf16 = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            format!("{mark}{text}").encode_utf16().flat_map(bytes).collect()
        };
        let little = utf16("\u{feff}", u16::to_le_bytes);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        io::Write::write_all(&mut gzip, &little).unwrap();
        for bytes in [
            text.as_bytes().to_vec(),
            format!("\u{feff}{text}").into_bytes(),
            little.clone(),
            utf16("\u{feff}", u16::to_be_bytes),
            gzip.finish().unwrap(),
            zstd::encode_all(&little[..], 1).unwrap(),
        ] {
            assert_eq!(read(&bytes).as_deref(), Ok(text), "{bytes:?}");
        }
        assert_eq!(read(b"").as_deref(), Ok(""));
    }

    #[test]
    fn a_key_is_its_text_or_its_bytes() {
        let text = "correct hörse battery\r\n";
        let utf16 = |bytes: fn(u16) -> [u8; 2]| {
            format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect()
        };
        let marked = format!("\u{feff}{text}").into_bytes();
        for file in [text.into(), marked, utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
            assert_eq!(key_of(file), Ok(text.as_bytes().to_vec()));
        }
        let random = b"\xff\xfe\x93\x8e\x02\xd1\x44\x0f\x9a\x00\x31\x07\x5c\xe2\xa8\x66";
        for file in [&random[..], &random[..15], &random[2..], b"\x1f\x8b0123456789abcd"] {
            assert_eq!(key_of(file.to_vec()), Ok(file.to_vec()));
        }
        let picture = b"\x89PNG\r\n\x1a\n0123456789abcdef".to_vec();
        assert!(matches!(key_of(picture), Err(RejectReason::Unsupported { .. })));
    }

    #[test]
    fn what_is_no_text_is_refused_with_the_words_of_import() {
        for (bytes, words) in [
            (&b"%PDF-1.7\n"[..], "a PDF is not supported: copy its text into a file first"),
            (b"\x89PNG\r\n\x1a\n", "a picture is not supported: give the text itself"),
            (b"PK\x03\x04abc", "a zip archive is not supported: unpack it first"),
            (b"a\0\x01b", "binary data of no known format"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.ends_with(words), "{error}");
        }
        let gzip_cut = [0x1f, 0x8b, 8, 0];
        assert!(read(&gzip_cut).unwrap_err().contains("truncated gzip data"));
    }
}
