//! Rows of CloudWatch Logs Insights, as `get-query-results` prints them.

use std::borrow::Cow;

use super::shippers::{self, MemberRole};
use super::when::read_time;
use super::{Decoded, Record, RejectReason};

#[derive(serde::Deserialize)]
struct InsightsCell<'a> {
    #[serde(borrow)]
    field: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
}

/// Reads a row of `results`: a list of fields and values.
pub(super) fn decode_json_row(row: &str) -> Result<Decoded<'_>, RejectReason> {
    let cells: Vec<InsightsCell<'_>> =
        serde_json::from_str(row).map_err(|_| RejectReason::UnknownShape)?;
    let mut fields = RowFields::default();
    for cell in cells {
        if let Some(value) = cell.value {
            fields.set(&cell.field, value);
        }
    }
    fields.decode()
}

/// The fields of a row that make up a record.
#[derive(Default)]
pub(super) struct RowFields<'a> {
    time: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    log_group: Option<Cow<'a, str>>,
    log_stream: Option<Cow<'a, str>>,
    event_id: Option<Cow<'a, str>>,
    ingestion_time: Option<Cow<'a, str>>,
}

impl<'a> RowFields<'a> {
    /// Sets the field for a column. The first non-blank value of a field wins.
    pub(super) fn set(&mut self, name: &str, value: Cow<'a, str>) {
        if value.trim().is_empty() {
            return;
        }
        let slot = match shippers::column_role(name) {
            Some(MemberRole::Message) => &mut self.message,
            Some(MemberRole::Time) => &mut self.time,
            Some(MemberRole::LogGroup) => &mut self.log_group,
            Some(MemberRole::LogStream) => &mut self.log_stream,
            Some(MemberRole::EventId) => &mut self.event_id,
            Some(MemberRole::IngestionTime) => &mut self.ingestion_time,
            None => return,
        };
        slot.get_or_insert(value);
    }

    pub(super) fn decode(self) -> Result<Decoded<'a>, RejectReason> {
        let message = self.message.ok_or(RejectReason::NoMessage)?;
        let Some(text) = self.time else {
            let log_group = self.log_group.map(group_of);
            return Ok(Decoded::undated(log_group, self.log_stream, message));
        };
        let when = read_time(&text)?;
        Ok(Decoded::Record(Record {
            log_group: self.log_group.map(group_of),
            log_stream: self.log_stream,
            event_id: self.event_id,
            timestamp: when.at,
            is_time_approximate: when.is_to_the_second,
            // Optional, so a bad one does not make the record bad.
            ingestion_time: self.ingestion_time.and_then(|it| Some(read_time(&it).ok()?.at)),
            message,
        }))
    }
}

/// Returns the group's name in `account:group` or in its ARN.
pub(super) fn group_of(log: Cow<'_, str>) -> Cow<'_, str> {
    fn name(text: &str) -> &str {
        match text.split_once(":log-group:") {
            Some((_, name)) => name.trim_end_matches(":*"),
            None => text.split_once(':').map_or(text, |(_account, group)| group),
        }
    }
    match log {
        Cow::Borrowed(text) => Cow::Borrowed(name(text)),
        Cow::Owned(text) => Cow::Owned(name(&text).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_without_its_account() {
        for (text, expect) in [
            ("/aws/g", "/aws/g"),
            ("123456789012:/aws/g", "/aws/g"),
            ("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/g:*", "/aws/g"),
            ("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/g", "/aws/g"),
        ] {
            assert_eq!(group_of(Cow::Borrowed(text)), expect);
            assert_eq!(group_of(Cow::Owned(text.to_owned())), expect);
        }
    }
}
