//! Rows of Parquet, written column by column without Arrow, as the schema is fixed.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::export::ExportError;
use crate::limits;
use crate::store::{Provenance, Record};

/// The last columns of each schema: where a record was logged, its source in the store, and the
/// original.
pub(in crate::export) const RECORD_COLUMNS: &str = "
    optional binary log_group (STRING);
    optional binary log_stream (STRING);
    optional binary event_id (STRING);
    optional binary source_kind (STRING);
    optional binary source_name (STRING);
    optional binary source_sha256 (STRING);
    optional int64 source_line (INTEGER(64,true));
    required binary message (STRING);";

/// The cells of [`RECORD_COLUMNS`].
pub(in crate::export) fn record_cells<'c>(
    record: &'c Record<'_>,
    source: Option<&'c Provenance>,
) -> [FlatValue<'c>; 8] {
    [
        FlatValue::MaybeText(record.log_group.as_deref()),
        FlatValue::MaybeText(record.log_stream.as_deref()),
        FlatValue::MaybeText(record.event_id.as_deref()),
        FlatValue::MaybeText(source.map(|it| it.origin.kind.as_str())),
        FlatValue::MaybeText(source.map(|it| it.origin.name.as_str())),
        FlatValue::MaybeText(source.and_then(|it| it.origin.sha256())),
        FlatValue::MaybeNumber(source.and_then(|it| it.line?.try_into().ok())),
        FlatValue::Text(record.message.as_ref()),
    ]
}

/// The pending values of a column. Parquet stores only values that are present: `levels` says for
/// each row whether there is one, and `repeats` whether a value continues the list before it.
enum RowsColumn {
    Flags { values: Vec<bool>, levels: Option<Vec<i16>> },
    Numbers { values: Vec<i64>, levels: Option<Vec<i16>> },
    Texts { values: Vec<ByteArray>, levels: Option<Vec<i16>> },
    Lists { values: Vec<ByteArray>, levels: Vec<i16>, repeats: Vec<i16> },
}

/// One value of a row.
pub(in crate::export) enum FlatValue<'c> {
    Flag(bool),
    MaybeFlag(Option<bool>),
    Number(i64),
    MaybeNumber(Option<i64>),
    Text(&'c str),
    MaybeText(Option<&'c str>),
    List(Vec<&'c str>),
}

impl FlatValue<'_> {
    /// Returns an empty column for values of this kind.
    fn column(&self) -> RowsColumn {
        match self {
            Self::Flag(_) => RowsColumn::Flags { values: Vec::new(), levels: None },
            Self::MaybeFlag(_) => {
                RowsColumn::Flags { values: Vec::new(), levels: Some(Vec::new()) }
            }
            Self::Number(_) => RowsColumn::Numbers { values: Vec::new(), levels: None },
            Self::MaybeNumber(_) => {
                RowsColumn::Numbers { values: Vec::new(), levels: Some(Vec::new()) }
            }
            Self::Text(_) => RowsColumn::Texts { values: Vec::new(), levels: None },
            Self::MaybeText(_) => {
                RowsColumn::Texts { values: Vec::new(), levels: Some(Vec::new()) }
            }
            Self::List(_) => {
                RowsColumn::Lists { values: Vec::new(), levels: Vec::new(), repeats: Vec::new() }
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Flag(_) | Self::MaybeFlag(_) => 1,
            Self::Number(_) | Self::MaybeNumber(_) => 8,
            Self::Text(text) => text.len(),
            Self::MaybeText(text) => text.map_or(0, str::len),
            Self::List(texts) => texts.iter().map(|it| it.len()).sum(),
        }
    }
}

impl RowsColumn {
    fn push(&mut self, cell: &FlatValue<'_>) {
        match (self, cell) {
            (Self::Flags { values, .. }, FlatValue::Flag(flag)) => values.push(*flag),
            (Self::Flags { values, levels: Some(levels) }, FlatValue::MaybeFlag(flag)) => {
                levels.push(i16::from(flag.is_some()));
                values.extend(flag);
            }
            (Self::Numbers { values, .. }, FlatValue::Number(number)) => values.push(*number),
            (Self::Numbers { values, levels: Some(levels) }, FlatValue::MaybeNumber(number)) => {
                levels.push(i16::from(number.is_some()));
                values.extend(number);
            }
            (Self::Texts { values, .. }, FlatValue::Text(text)) => {
                values.push(ByteArray::from(*text));
            }
            (Self::Texts { values, levels: Some(levels) }, FlatValue::MaybeText(text)) => {
                levels.push(i16::from(text.is_some()));
                values.extend(text.map(ByteArray::from));
            }
            (Self::Lists { values, levels, repeats }, FlatValue::List(texts)) => {
                // An empty list takes an entry too, one without a value.
                for index in 0..texts.len().max(1) {
                    repeats.push(i16::from(index > 0));
                    levels.push(i16::from(!texts.is_empty()));
                }
                values.extend(texts.iter().map(|it| ByteArray::from(*it)));
            }
            // Unreachable: every row has its cells in the order of the schema.
            _ => {}
        }
    }

    fn write<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> ParquetResult<()> {
        let lacking = || ParquetError::General("a row has more values than columns".to_owned());
        let mut column = group.next_column()?.ok_or_else(lacking)?;
        match self {
            Self::Flags { values, levels } => {
                column.typed::<BoolType>().write_batch(&values, levels.as_deref(), None)?;
            }
            Self::Numbers { values, levels } => {
                column.typed::<Int64Type>().write_batch(&values, levels.as_deref(), None)?;
            }
            Self::Texts { values, levels } => {
                column.typed::<ByteArrayType>().write_batch(&values, levels.as_deref(), None)?;
            }
            Self::Lists { values, levels, repeats } => {
                let column = column.typed::<ByteArrayType>();
                column.write_batch(&values, Some(&levels), Some(&repeats))?;
            }
        }
        column.close()
    }
}

/// Writes rows, one row group at a time.
pub(in crate::export) struct Rows<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<RowsColumn>,
    row_count: usize,
    bytes: usize,
}

impl<W: Write + Send> Rows<W> {
    /// Begins a file with this schema.
    pub(in crate::export) fn new(out: W, schema: &str) -> Result<Self, ExportError> {
        let schema = Arc::new(parse_message_type(schema).map_err(failed)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("mailtrace ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties));
        let writer = writer.map_err(failed)?;
        Ok(Self { writer, columns: Vec::new(), row_count: 0, bytes: 0 })
    }

    /// Writes the remaining rows and the end of the file.
    pub(in crate::export) fn finish(mut self) -> Result<(), ExportError> {
        self.write_group().map_err(failed)?;
        self.writer.close().map(|_| ()).map_err(failed)
    }

    fn write_group(&mut self) -> ParquetResult<()> {
        // A file may have no row group at all, but none should be empty.
        if self.row_count == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in self.columns.drain(..) {
            column.write(&mut group)?;
        }
        group.close()?;
        (self.row_count, self.bytes) = (0, 0);
        Ok(())
    }

    /// Adds a row, whose cells must be in the order of the schema.
    pub(in crate::export) fn push(&mut self, cells: &[FlatValue<'_>]) -> Result<(), ExportError> {
        if self.columns.is_empty() {
            self.columns.extend(cells.iter().map(FlatValue::column));
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
            self.bytes += cell.bytes();
        }
        self.row_count += 1;
        if self.row_count >= limits::PARQUET_GROUP_ROWS || self.bytes >= limits::PARQUET_GROUP_BYTES
        {
            self.write_group().map_err(failed)?;
        }
        Ok(())
    }
}

/// Unwraps the I/O error of the file below, if that is the cause.
fn failed(error: ParquetError) -> ExportError {
    let source = match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => *io,
            Err(other) => std::io::Error::other(other),
        },
        other => std::io::Error::other(other),
    };
    ExportError::Write { source }
}
