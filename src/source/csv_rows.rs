//! Rows of CSV: exports of the Logs Insights console, the viewer's "Download search results", and
//! what spreadsheets and databases make of either.

use std::borrow::Cow;

use super::insights::RowFields;
use super::shippers::{self, MemberRole};
use super::{Decoded, Format, RejectReason};

/// The columns of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CsvHeader {
    columns: Vec<String>,
    delimiter: u8,
    format: Format,
}

/// Bytes of a header line at most. Insights reads at most 200 fields.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Delimiters of columns: spreadsheets write semicolons where the comma is the decimal sign.
const DELIMITERS: [u8; 3] = *b",;\t";

impl CsvHeader {
    /// Reads a header. `None` for other lines: a header has a column that only Insights names, or
    /// one of messages.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let may_be = matches!(line.first(), Some(b'@' | b'"' | b'_' | b'a'..=b'z' | b'A'..=b'Z'))
            && line.len() <= HEADER_BYTES_MAX
            // Cheap, since a long line that is no header is most often a log line.
            && line.iter().all(|byte| is_name_byte(*byte) || b"\",;\t\r".contains(byte));
        if !may_be {
            return None;
        }
        DELIMITERS.into_iter().find_map(|delimiter| Self::parse_with(line, delimiter))
    }

    fn parse_with(line: &[u8], delimiter: u8) -> Option<Self> {
        let row = read_row(line, delimiter).ok()?;
        let columns: Vec<String> = row.iter().map(|column| column.trim().to_owned()).collect();
        let is_name = |column: &String| column.bytes().all(|it| is_name_byte(it) || it == b',');
        if !columns.iter().all(is_name) {
            return None;
        }
        let has = |role| columns.iter().any(|it| shippers::column_role(it) == Some(role));
        let is_insights = columns.iter().any(|column| is_own_column(column));
        let is_other = has(MemberRole::Message) && (has(MemberRole::Time) || columns.len() == 1);
        let format = match (is_insights, is_other) {
            (true, _) => Format::InsightsCsv,
            (false, true) => Format::Csv,
            (false, false) => return None,
        };
        Some(Self { columns, delimiter, format })
    }

    pub(super) fn has_message(&self) -> bool {
        self.columns.iter().any(|column| shippers::column_role(column) == Some(MemberRole::Message))
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Reads a row and hands its record to `take`.
    pub(super) fn decode(&self, row: &[u8], take: impl FnOnce(Result<Decoded<'_>, RejectReason>)) {
        if std::str::from_utf8(row).is_err() {
            return take(Err(RejectReason::InvalidUtf8));
        }
        let cells = match read_row(row, self.delimiter) {
            Ok(cells) => cells,
            Err(reason) => return take(Err(RejectReason::BrokenCsv { reason })),
        };
        if cells.len() > self.columns.len() {
            let reason = format!("{} cells under {} columns", cells.len(), self.columns.len());
            return take(Err(RejectReason::BrokenCsv { reason }));
        }
        let mut fields = RowFields::default();
        for (column, cell) in self.columns.iter().zip(cells.iter()) {
            // The viewer appends a newline to each message.
            let cell = if self.format == Format::Csv { cell.trim_end() } else { cell };
            fields.set(column, Cow::Borrowed(cell));
        }
        take(fields.decode());
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@_.-()*[] `".contains(&byte)
}

/// True for a column that only Logs Insights has.
fn is_own_column(column: &str) -> bool {
    matches!(
        column,
        "@message" | "@timestamp" | "@logStream" | "@log" | "@ingestionTime" | "@ptr" | "@entity"
    )
}

fn read_row(row: &[u8], delimiter: u8) -> Result<csv::StringRecord, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(row.len().clamp(64, 64 << 10))
        .from_reader(row);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record),
        Ok(false) => Err("no cells".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(header: &str, row: &str) -> Result<Decoded<'static>, RejectReason> {
        let header = CsvHeader::parse(header.as_bytes()).expect("a header");
        let mut result = Err(RejectReason::Cut);
        header.decode(row.as_bytes(), |it| {
            result = it.map(|decoded| match decoded {
                Decoded::Raw(text) => Decoded::Raw(Cow::Owned(text.into_owned())),
                Decoded::Record(record) => Decoded::Raw(Cow::Owned(format!(
                    "{} {:?} {:?} {}",
                    record.timestamp, record.log_group, record.log_stream, record.message
                ))),
                other @ Decoded::Undated { .. } => panic!("{other:?}"),
            });
        });
        result
    }

    #[test]
    fn a_row_becomes_a_record_by_its_header() {
        let decoded = decode(
            "@message,@log,\"@timestamp\",@logStream",
            "\"{\"\"a\"\":\n1}\",123456789012:/aws/g,2026-11-23 21:34:00.000,s",
        );
        let expect = "2026-11-23T21:34:00.000Z Some(\"/aws/g\") Some(\"s\") {\"a\":\n1}";
        assert_eq!(decoded, Ok(Decoded::Raw(expect.into())));
    }

    #[test]
    fn every_delimiter_and_everybodys_columns() {
        let expect = "2026-11-23T21:34:00.120Z Some(\"g\") Some(\"s\") {\"a\":1}";
        for (header, row) in [
            ("timestamp,message,log_group,log_stream", "1795469640120,\"{\"\"a\"\":1}\n\",g,s"),
            ("@timestamp;@message;@log;@logStream", "2026-11-23 21:34:00.120;{\"a\":1};1:g;s"),
            ("Time\tLine\tlogGroup\tlogStreamName", "2026-11-23T21:34:00.120Z\t{\"a\":1}\tg\ts"),
            ("\"_raw\",\"_time\",log_group,log_stream", "\"{\"\"a\"\":1}\",1795469640.120,g,s"),
        ] {
            assert_eq!(decode(header, row), Ok(Decoded::Raw(expect.into())), "{header}");
        }
        assert_eq!(decode("message", "\"{\"\"a\"\":1}\""), Ok(Decoded::Raw("{\"a\":1}".into())));
    }

    #[test]
    fn a_row_without_time_is_raw_and_one_without_message_is_rejected() {
        assert_eq!(decode("@message,x", "m,1"), Ok(Decoded::Raw("m".into())));
        assert_eq!(decode("@message,x", ",1"), Err(RejectReason::NoMessage));
        assert!(matches!(decode("@message", "m,1"), Err(RejectReason::BrokenCsv { .. })));
    }

    #[test]
    fn what_a_spreadsheet_made_of_a_time_is_refused_by_its_name() {
        for time in [
            "23/11/2026 15:02",
            "11/23/2026 3:02:11 PM",
            "23.11.2026 15:02",
            "02:11.1",
            "1.79545E+12",
            "46349,62652",
        ] {
            let row = format!("\"{time}\",m");
            let expect = RejectReason::SpreadsheetTime { text: time.to_owned() };
            assert_eq!(decode("timestamp,message", &row), Err(expect), "{time}");
        }
        let expect = RejectReason::BadTimestamp { text: "soon".to_owned() };
        assert_eq!(decode("@timestamp,@message", "soon,m"), Err(expect));
    }

    #[test]
    fn what_is_no_header_is_not_taken_for_one() {
        for line in [
            "hello",
            "ana@acme.example,bob",
            "{\"@message\":1}",
            "@",
            "",
            "a,\"@message",
            "a message, at a time",
            "message from ana",
        ] {
            let header = CsvHeader::parse(line.as_bytes());
            assert!(header.is_none() || line.contains("\"@message"), "{line}: {header:?}");
        }
        assert!(!CsvHeader::parse(b"@timestamp,count(*)").expect("a header").has_message());
    }
}
