//! Rows of CloudWatch Logs Insights: the console's CSV and the JSON of `get-query-results`.

use std::borrow::Cow;

use super::{Decoded, Record, RejectReason};
use crate::time::Timestamp;

/// The columns of a CSV export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CsvHeader {
    columns: Vec<String>,
}

const MESSAGE: &str = "@message";

/// Bytes of a line that may be a header. Insights reads at most 200 fields.
const HEADER_BYTES_MAX: usize = 64 << 10;

impl CsvHeader {
    /// Reads a header. `None` for a line that is none: it needs a column that Insights names.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let may_be = matches!(line.first(), Some(b'@' | b'"' | b'_' | b'a'..=b'z' | b'A'..=b'Z'))
            && line.len() <= HEADER_BYTES_MAX
            && memchr::memchr(b'@', line).is_some();
        if !may_be {
            return None;
        }
        let row = read_row(line).ok()?;
        let columns: Vec<String> = row.iter().map(|column| column.trim().to_owned()).collect();
        let is_name = |column: &String| {
            column
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"@_.-()*[] ,`".contains(&byte))
        };
        let is_header =
            columns.iter().all(is_name) && columns.iter().any(|column| is_own_column(column));
        is_header.then_some(Self { columns })
    }

    pub(super) fn has_message(&self) -> bool {
        self.columns.iter().any(|column| column == MESSAGE)
    }

    /// Reads a row into a record, and hands it to `take`.
    pub(super) fn decode(&self, row: &[u8], take: impl FnOnce(Result<Decoded<'_>, RejectReason>)) {
        if std::str::from_utf8(row).is_err() {
            return take(Err(RejectReason::InvalidUtf8));
        }
        let cells = match read_row(row) {
            Ok(cells) => cells,
            Err(reason) => return take(Err(RejectReason::BrokenCsv { reason })),
        };
        let mut fields = Fields::default();
        for (column, cell) in self.columns.iter().zip(cells.iter()) {
            fields.set(column, Cow::Borrowed(cell));
        }
        if cells.len() > self.columns.len() {
            let reason = format!("{} cells under {} columns", cells.len(), self.columns.len());
            return take(Err(RejectReason::BrokenCsv { reason }));
        }
        take(fields.decode());
    }
}

/// Columns that only Logs Insights has.
fn is_own_column(column: &str) -> bool {
    matches!(
        column,
        "@message" | "@timestamp" | "@logStream" | "@log" | "@ingestionTime" | "@ptr" | "@entity"
    )
}

fn read_row(row: &[u8]) -> Result<csv::StringRecord, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(row.len().clamp(64, 64 << 10))
        .from_reader(row);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record),
        Ok(false) => Err("no cells".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(serde::Deserialize)]
struct Cell<'a> {
    #[serde(borrow)]
    field: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
}

/// Reads a row of `results`: a list of fields and values.
pub(super) fn decode_json_row(row: &str) -> Result<Decoded<'_>, RejectReason> {
    let cells: Vec<Cell<'_>> = serde_json::from_str(row).map_err(|_| RejectReason::UnknownShape)?;
    let mut fields = Fields::default();
    for cell in cells {
        if let Some(value) = cell.value {
            fields.set(&cell.field, value);
        }
    }
    fields.decode()
}

/// The fields of a row that make a record.
#[derive(Default)]
struct Fields<'a> {
    timestamp: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    log_group: Option<Cow<'a, str>>,
    log_stream: Option<Cow<'a, str>>,
    ingestion_time: Option<Timestamp>,
}

impl<'a> Fields<'a> {
    fn set(&mut self, name: &str, value: Cow<'a, str>) {
        if value.trim().is_empty() {
            return;
        }
        match name {
            "@timestamp" => self.timestamp = Some(value),
            "@message" => self.message = Some(value),
            "@logStream" => self.log_stream = Some(value),
            "@log" => self.log_group = Some(group_of(value)),
            "@ingestionTime" => self.ingestion_time = read_time(&value),
            _ => {}
        }
    }

    fn decode(self) -> Result<Decoded<'a>, RejectReason> {
        let message = self.message.ok_or(RejectReason::NoMessage)?;
        let Some(text) = self.timestamp else { return Ok(Decoded::Raw(message)) };
        let timestamp = read_time(&text).ok_or_else(|| bad_timestamp(&text))?;
        Ok(Decoded::Record(Record {
            log_group: self.log_group,
            log_stream: self.log_stream,
            event_id: None,
            timestamp,
            is_time_approximate: false,
            ingestion_time: self.ingestion_time,
            message,
        }))
    }
}

/// The group in `account:group`.
pub(super) fn group_of(log: Cow<'_, str>) -> Cow<'_, str> {
    match log {
        Cow::Borrowed(text) => {
            Cow::Borrowed(text.split_once(':').map_or(text, |(_account, group)| group))
        }
        Cow::Owned(text) => match text.split_once(':') {
            Some((_account, group)) => Cow::Owned(group.to_owned()),
            None => Cow::Owned(text),
        },
    }
}

/// Reads milliseconds since 1970, or a date and time.
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(ms) => Timestamp::from_ms(ms),
        Err(_) => Timestamp::parse_log_form(text),
    }
}

pub(super) fn bad_timestamp(text: &str) -> RejectReason {
    RejectReason::BadTimestamp { text: text.chars().take(64).collect() }
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
    fn a_row_without_time_is_raw_and_one_without_message_is_rejected() {
        assert_eq!(decode("@message,x", "m,1"), Ok(Decoded::Raw("m".into())));
        assert_eq!(decode("@message,x", ",1"), Err(RejectReason::NoMessage));
        assert!(matches!(decode("@message", "m,1"), Err(RejectReason::BrokenCsv { .. })));
        assert_eq!(decode("@timestamp,@message", "soon,m"), Err(bad_timestamp("soon")));
    }

    #[test]
    fn what_is_no_header_is_not_taken_for_one() {
        for line in ["hello", "ana@acme.example,bob", "{\"@message\":1}", "@", "", "a,\"@message"] {
            let header = CsvHeader::parse(line.as_bytes());
            assert!(header.is_none() || line.contains("\"@message"), "{line}: {header:?}");
        }
        assert!(!CsvHeader::parse(b"@timestamp,count(*)").expect("a header").has_message());
    }
}
