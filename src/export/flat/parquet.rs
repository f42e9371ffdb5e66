//! Events as rows of Parquet.

use std::io::Write;

use super::rows::{FlatValue, RECORD_COLUMNS, Rows, record_cells};
use crate::export::ExportError;
use crate::export::passage::{PassingEvent, Sink};
use crate::trace::{Direction, Message};

/// The columns, with one row for each event. `message` is the original; `message_number` and
/// `message_outcome` are the same for all events of one message.
const COLUMNS: &str = "message event {
    required int64 timestamp (TIMESTAMP(MILLIS,true));
    required boolean time_approximate;
    optional int64 ingestion_time (TIMESTAMP(MILLIS,true));
    required int64 message_number (INTEGER(64,true));
    required binary message_outcome (STRING);
    optional binary direction (STRING);
    required binary event_name (STRING);
    optional binary trace_id (STRING);
    optional binary message_id (STRING);
    optional binary from_address (STRING);
    optional binary sender (STRING);
    optional binary subject (STRING);
    required group recipients (LIST) { repeated group list { required binary element (STRING); } }
    optional binary status (STRING);
    optional binary reason (STRING);
    optional binary folder (STRING);
    optional binary rule_name (STRING);
    optional binary rule_type (STRING);
    required group rule_actions (LIST) { repeated group list { required binary element (STRING); } }
    optional binary target_folder (STRING);
    optional binary policy (STRING);
    optional binary spam_verdict (STRING);
    optional binary dkim_verdict (STRING);
    optional binary dmarc_verdict (STRING);
    optional binary dmarc_policy (STRING);
    optional binary spf_verdict (STRING);
    optional int64 message_timestamp (TIMESTAMP(MILLIS,true));";

pub(super) struct EventRows<W: Write + Send> {
    rows: Rows<W>,
}

impl<W: Write + Send> EventRows<W> {
    pub(super) fn new(out: W) -> Result<Self, ExportError> {
        Ok(Self { rows: Rows::new(out, &format!("{COLUMNS}{RECORD_COLUMNS}}}"))? })
    }

    /// Writes the remaining rows and the end of the file.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        self.rows.finish()
    }
}

impl<W: Write + Send> Sink for EventRows<W> {
    fn message(&mut self, _number: u64, _message: &Message) -> Result<(), ExportError> {
        Ok(())
    }

    fn event(&mut self, passing: &PassingEvent) -> Result<(), ExportError> {
        let (record, event) = (&passing.stored.record, &passing.stored.event);
        let subject = passing.subject();
        let verdicts = &event.verdicts;
        let known = |it: &'_ str| !it.is_empty();
        // In the order of the schema, which is not checked again.
        let mut cells = vec![
            FlatValue::Number(record.timestamp.as_ms()),
            FlatValue::Flag(record.is_time_approximate),
            FlatValue::MaybeNumber(record.ingestion_time.map(|it| it.as_ms())),
            FlatValue::Number(i64::try_from(passing.message.number).unwrap_or(i64::MAX)),
            FlatValue::Text(passing.message.outcome.as_str()),
            FlatValue::MaybeText(passing.direction.map(Direction::as_str)),
            FlatValue::Text(event.name.as_str()),
            FlatValue::MaybeText(Some(event.trace_id.as_ref()).filter(|it| known(it))),
            FlatValue::MaybeText(passing.message_id()),
            FlatValue::MaybeText(passing.from()),
            FlatValue::MaybeText(passing.sender()),
            FlatValue::MaybeText(subject.as_deref()),
            FlatValue::List(passing.recipients()),
            FlatValue::MaybeText(event.status.as_deref()),
            FlatValue::MaybeText(event.reason.as_deref()),
            FlatValue::MaybeText(event.folder.as_deref()),
            FlatValue::MaybeText(event.rule_name.as_deref()),
            FlatValue::MaybeText(event.rule_type.as_deref()),
            FlatValue::List(event.rule_actions.iter().map(|it| it.action.as_ref()).collect()),
            FlatValue::MaybeText(event.target_folder.as_deref()),
            FlatValue::MaybeText(event.policy.as_deref()),
            FlatValue::MaybeText(verdicts.spam.as_deref()),
            FlatValue::MaybeText(verdicts.dkim.as_deref()),
            FlatValue::MaybeText(verdicts.dmarc.as_deref()),
            FlatValue::MaybeText(verdicts.dmarc_policy.as_deref()),
            FlatValue::MaybeText(verdicts.spf.as_deref()),
            FlatValue::MaybeNumber(event.message_timestamp.map(|it| it.as_ms())),
        ];
        cells.extend(record_cells(record, passing.source.as_ref()));
        self.rows.push(&cells)
    }
}
