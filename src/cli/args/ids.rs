//! The IDs for `trace --batch`, read in portions.

use std::io::{self, BufRead, Read};
use std::path::Path;

use anyhow::Context as _;

use crate::event::is_bare_label;
use crate::limits;
use crate::source::{SourceError, open_text};
use crate::text::first_line;

/// IDs from arguments, and then from a file.
pub(crate) struct Ids {
    given: std::vec::IntoIter<String>,
    source: IdSource,
    name: String,
    count: usize,
}

enum IdSource {
    /// One ID on each line.
    Lines(Box<dyn BufRead>),
    /// One column of CSV.
    Column(Box<csv::Reader<Metered>>, usize),
}

impl Ids {
    /// Opens a list of IDs: lines, or the column with this name or number in a CSV file.
    pub(crate) fn open(
        given: Vec<String>,
        path: &Path,
        column: Option<&str>,
    ) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let buffered: Box<dyn BufRead> = open_text(path).map_err(|error| named(error, path))?;
        let source = match column {
            None => IdSource::Lines(buffered),
            Some(column) => open_column(buffered, &name, column)?,
        };
        Ok(Self { given: given.into_iter(), source, name, count: 0 })
    }

    /// IDs from arguments alone.
    pub(crate) fn given(given: Vec<String>) -> Self {
        let source = IdSource::Lines(Box::new(io::empty()));
        Self { given: given.into_iter(), source, name: String::new(), count: 0 }
    }

    /// The next IDs, at most `count`; none at the end.
    pub(crate) fn next_ids(&mut self, count: usize) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let Some(id) = self.next()? else { break };
            self.count += 1;
            anyhow::ensure!(
                self.count <= limits::BATCH_IDS_MAX,
                "{}: more than {} IDs: split the file",
                self.name,
                limits::BATCH_IDS_MAX
            );
            ids.push(id);
        }
        Ok(ids)
    }

    fn next(&mut self) -> anyhow::Result<Option<String>> {
        if let Some(id) = self.given.next() {
            return Ok(Some(id));
        }
        loop {
            let read = match &mut self.source {
                IdSource::Lines(reader) => next_line(reader.as_mut()),
                IdSource::Column(reader, index) => next_cell(reader, *index),
            };
            let Some(text) = read.with_context(|| format!("cannot read {}", self.name))? else {
                return Ok(None);
            };
            // Concatenated files bring a byte order mark each.
            let id = text.trim_start_matches('\u{feff}').trim();
            // A header may be folded: then the ID is on the next line.
            if !id.is_empty() && !is_bare_label(id) {
                return Ok(Some(shortened(id)));
            }
        }
    }
}

/// The error for a file that is no list: the file is at fault, not the option.
pub(crate) fn named(error: SourceError, path: &Path) -> anyhow::Error {
    match error {
        SourceError::Foreign { reason, .. } => {
            anyhow::anyhow!("{}: {reason}", path.display())
        }
        other => other.into(),
    }
}

/// Bytes of a line that are kept: more than any ID has.
const LINE_BYTES: usize = limits::TERM_BYTES_MAX * 8;

/// An ID as it is looked up and reported. Anything longer than an ID is cut: it finds nothing,
/// and takes little memory.
fn shortened(id: &str) -> String {
    if id.len() < LINE_BYTES {
        return id.to_owned();
    }
    let kept = id.char_indices().nth(limits::TABLE_TEXT_COLUMNS_MAX).map_or(id.len(), |it| it.0);
    format!("{}…", id.split_at(kept).0)
}

/// The next line, or the beginning of one that is too long; invalid UTF-8 is replaced.
fn next_line(reader: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut is_any = false;
    loop {
        let bytes = match reader.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            break;
        }
        is_any = true;
        let end = memchr::memchr(b'\n', bytes);
        let (part, _) = bytes.split_at(end.unwrap_or(bytes.len()));
        // The rest of a long line is read but not kept.
        let room = LINE_BYTES.saturating_sub(line.len());
        line.extend(part.iter().take(room));
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(is_any.then(|| String::from_utf8_lossy(&line).into_owned()))
}

fn next_cell(reader: &mut csv::Reader<Metered>, index: usize) -> io::Result<Option<String>> {
    let mut row = csv::ByteRecord::new();
    // For each row anew: the bound is that of a row, not of the file.
    reader.get_mut().left = limits::RECORD_BYTES_MAX;
    if !reader.read_byte_record(&mut row).map_err(io::Error::from)? {
        return Ok(None);
    }
    // A row that ends before the column has no ID.
    let cell = row.get(index).unwrap_or(&[]);
    let (cell, _) = cell.split_at(cell.len().min(LINE_BYTES));
    Ok(Some(String::from_utf8_lossy(cell).into_owned()))
}

/// Reads no more than is left, so that an unclosed quote does not fill the memory.
struct Metered {
    reader: Box<dyn BufRead>,
    left: usize,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let most = limits::RECORD_BYTES_MAX;
            let reason = format!("a CSV row has more than {most} bytes: is a quote left open?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let count = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(count);
        Ok(count)
    }
}

/// Opens CSV at the column with a number, counted from 1, or else with a name in its header.
fn open_column(mut reader: Box<dyn BufRead>, name: &str, column: &str) -> anyhow::Result<IdSource> {
    let start = reader.fill_buf().with_context(|| format!("cannot read {name}"))?;
    let delimiter = delimiter_of(first_line(start));
    let number = column.parse::<usize>().ok();
    let mut csv = csv::ReaderBuilder::new()
        .has_headers(number.is_none())
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(Metered { reader, left: limits::RECORD_BYTES_MAX });
    if let Some(number) = number {
        let index = number.checked_sub(1).context("--column: columns are counted from 1")?;
        return Ok(IdSource::Column(Box::new(csv), index));
    }
    let header = csv.byte_headers().with_context(|| format!("cannot read {name}"))?;
    let titles: Vec<String> = header
        .iter()
        .map(|it| String::from_utf8_lossy(it).trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    let is_it = |it: &&String| it.as_str() == column;
    let is_like = |it: &&String| it.eq_ignore_ascii_case(column.trim());
    // An exact title wins over one that differs in case.
    let index = titles.iter().position(|it| is_it(&it));
    let index = index.or_else(|| titles.iter().position(|it| is_like(&it))).with_context(|| {
        let shown: Vec<&str> = titles.iter().take(TITLES_SHOWN).map(String::as_str).collect();
        let shown = crate::render::fit(&shown.join(", "), limits::TABLE_TEXT_COLUMNS_MAX);
        format!(
            "{name}: no column \"{column}\": give a name from the header ({shown}), or a number"
        )
    })?;
    Ok(IdSource::Column(Box::new(csv), index))
}

/// The number of titles that an error names.
const TITLES_SHOWN: usize = 20;

/// The delimiter, judged by the first line: spreadsheets write semicolons where the comma is the
/// decimal sign.
fn delimiter_of(line: &[u8]) -> u8 {
    let count = |delimiter: u8| line.iter().filter(|it| **it == delimiter).count();
    // If equally frequent, the last of them; if there is none, the comma.
    *b"\t;,".iter().max_by_key(|it| count(**it)).unwrap_or(&b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl AsRef<[u8]>, column: Option<&str>) -> anyhow::Result<Vec<String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Ids::open(Vec::new(), file.path(), column)?.next_ids(1_000)
    }

    fn check(text: impl AsRef<[u8]>, column: Option<&str>, expect: &[&str]) {
        assert_eq!(read(text, column).unwrap(), expect);
    }

    #[test]
    fn lines_are_ids_whatever_they_hold() {
        check("", None, &[]);
        check(
            "\u{feff}<a@b>\r\n\n   \nMessage-ID: \r\n <e@f>\r\nMessage-ID: <c@d>\n\u{1}x",
            None,
            &["<a@b>", "<e@f>", "Message-ID: <c@d>", "\u{1}x"],
        );
        check(b"<a@b>\xff\nb", None, &["<a@b>\u{fffd}", "b"]);
        let long = format!("a\n{}\nb", "x".repeat(50_000_000));
        let ids = read(&long, None).unwrap();
        assert_eq!((ids.len(), ids[0].as_str(), ids[2].as_str()), (3, "a", "b"));
        assert!(ids[1].len() < 1_000 && ids[1].ends_with('…'));
        let just = "x".repeat(LINE_BYTES - 1);
        check(&just, None, &[&just]);
    }

    #[test]
    fn a_column_is_found_by_name_or_number() {
        let table = "\u{feff}from,Message ID\nana,\"<a@b>\"\nshort\nbob,\"<c\"\"d>\"\n";
        for column in ["Message ID", "message id"] {
            check(table, Some(column), &["<a@b>", "<c\"d>"]);
        }
        check(table, Some("from"), &["ana", "short", "bob"]);
        check("1;<a@b>\n2;<c@d>", Some("2"), &["<a@b>", "<c@d>"]);
        check("id\tx\n<a@b>\ty", Some("id"), &["<a@b>"]);
        check("<a@b>\n<c@d>", Some("1"), &["<a@b>", "<c@d>"]);
        let error = read(table, Some("id")).unwrap_err().to_string();
        assert!(
            error.ends_with(
                "no column \"id\": give a name from the header (from, Message ID), or a number"
            ),
            "{error}"
        );
        assert!(read(table, Some("0")).is_err());
    }

    #[test]
    fn a_list_is_the_same_in_every_encoding_and_a_picture_is_none() {
        let text = "\u{feff}id;n\r\n<ä@b>;1\r\n<c@d>;2\r\n";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&utf16, Some("id"), &["<ä@b>", "<c@d>"]);
        check(zstd::encode_all(&utf16[..], 1).unwrap(), Some("1"), &["id", "<ä@b>", "<c@d>"]);
        let error = read(b"\x89PNG\r\n\x1a\n\0\0", None).unwrap_err().to_string();
        assert!(error.ends_with("a picture is not supported: give the text itself"), "{error}");
    }

    #[test]
    fn a_quote_that_is_never_closed_is_an_error() {
        let text = format!("id\n\"{}", "x\n".repeat(limits::RECORD_BYTES_MAX));
        let error = read(text, Some("id")).unwrap_err();
        assert!(format!("{error:#}").contains("is a quote left open?"), "{error:#}");
    }
}
