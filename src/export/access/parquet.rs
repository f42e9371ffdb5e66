//! Audit events as rows of Parquet.

use std::fmt::Write as _;
use std::io::Write;

use super::{AccessSink, PassingAccess};
use crate::access::People;
use crate::audit::{AuditField, Flag};
use crate::export::ExportError;
use crate::export::flat::rows::{FlatValue, RECORD_COLUMNS, Rows, record_cells};
use crate::render::{access_columns, access_owner, access_user};

pub(super) struct AccessRows<W: Write + Send> {
    rows: Rows<W>,
}

/// Returns the schema: the time, the type and the addresses of the IDs, then a column for each
/// field of the log under its name there, then the record.
fn schema() -> String {
    let mut schema = "message access {
        required int64 timestamp (TIMESTAMP(MILLIS,true));
        required binary type (STRING);
        optional binary user_address (STRING);
        optional binary owner_address (STRING);
        optional boolean allowed;"
        .to_owned();
    for column in access_columns().skip(4) {
        // Writing to memory cannot fail.
        let _infallible = write!(schema, "optional binary {column} (STRING);");
    }
    schema.push_str(
        "required int64 logged_timestamp (TIMESTAMP(MILLIS,true));
        optional int64 ingestion_time (TIMESTAMP(MILLIS,true));",
    );
    schema.push_str(RECORD_COLUMNS);
    schema.push('}');
    schema
}

impl<W: Write + Send> AccessRows<W> {
    pub(super) fn new(out: W) -> Result<Self, ExportError> {
        Ok(Self { rows: Rows::new(out, &schema())? })
    }

    /// Writes the remaining rows and the end of the file.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        self.rows.finish()
    }
}

impl<W: Write + Send> AccessSink for AccessRows<W> {
    fn take(&mut self, passing: &PassingAccess, people: &People) -> Result<(), ExportError> {
        let access = &passing.access;
        let (record, event) = (&access.record, &access.event);
        let allowed = match event.allowed() {
            Some(Flag::Yes) => Some(true),
            Some(Flag::No) => Some(false),
            Some(Flag::Other(_)) | None => None,
        };
        // In the order of the schema, which is not checked again.
        let mut cells = vec![
            FlatValue::Number(access.at().as_ms()),
            FlatValue::Text(event.kind.as_str()),
            FlatValue::MaybeText(access_user(access, people)),
            FlatValue::MaybeText(access_owner(access, people)),
            FlatValue::MaybeFlag(allowed),
        ];
        cells.extend(AuditField::ALL.into_iter().map(|it| FlatValue::MaybeText(event.get(it))));
        cells.extend([
            FlatValue::Number(record.timestamp.as_ms()),
            FlatValue::MaybeNumber(record.ingestion_time.map(|it| it.as_ms())),
        ]);
        cells.extend(record_cells(record, passing.source.as_ref()));
        self.rows.push(&cells)
    }
}
