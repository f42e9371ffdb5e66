//! The values of messages and recipients for a key, from the message table.

use std::sync::Arc;

use super::CountKey;
use super::group_part::GroupValue;
use super::group_values::{NOBODY, number, or_absent, outcome_number, pair};
use crate::store::StoreError;
use crate::time::TimeRange;
use crate::trace::{
    ListedMessage, ListedRow, Listing, Outcome, Overview, TextKind, TextNumbers, deciding,
};

/// The source of the values of one key.
pub(super) struct ListedValues<'s> {
    key: CountKey,
    listing: &'s Listing<'s>,
    /// The numbers of the texts of the key's columns.
    numbers: Arc<TextNumbers>,
    /// The numbers of recipients' addresses, if the key has senders too.
    recipients: Option<Arc<TextNumbers>>,
}

impl<'s> ListedValues<'s> {
    /// Numbers the values of the messages whose first event is in range.
    pub(super) fn find(
        key: CountKey,
        overview: &'s Overview<'_>,
        range: TimeRange,
    ) -> Result<Self, StoreError> {
        let kind = match key {
            CountKey::Sender | CountKey::SenderRecipient => Some(TextKind::Senders),
            CountKey::SenderDomain => Some(TextKind::SenderDomains),
            CountKey::Recipient => Some(TextKind::Recipients),
            CountKey::RecipientDomain => Some(TextKind::RecipientDomains),
            CountKey::Folder => Some(TextKind::Folders),
            CountKey::Status => Some(TextKind::Statuses),
            CountKey::Cause => Some(TextKind::Causes),
            CountKey::Rule => Some(TextKind::Rules),
            _ => None,
        };
        let numbers = |kind| overview.numbers(kind, range);
        let recipients = (key == CountKey::SenderRecipient).then_some(TextKind::Recipients);
        Ok(Self {
            key,
            listing: overview.listing(),
            numbers: kind.map(numbers).transpose()?.unwrap_or_default(),
            recipients: recipients.map(numbers).transpose()?,
        })
    }

    /// Adds the values of a message, or of one of its recipients.
    pub(super) fn add(
        &self,
        message: &ListedMessage,
        row: Option<&ListedRow>,
        values: &mut Vec<GroupValue>,
    ) {
        let as_value = |number: Option<u32>| number.map_or(GroupValue::Absent, GroupValue::Number);
        let numbered = |text: Option<u32>| {
            as_value(text.and_then(|it| self.numbers.get(0, message.segment, it)))
        };
        let sender = || self.listing.sender(message, &self.numbers);
        let value = match (self.key, row) {
            (CountKey::Rule, _) => {
                let Some(segment) = self.listing.segment(message.segment) else { return };
                let first = values.len();
                let rules = segment.rules.numbers(message.document);
                values.extend(rules.map(|it| numbered(Some(it))));
                return or_absent(values, first);
            }
            (CountKey::RecipientCount, _) => {
                GroupValue::Number(number(deciding(&message.rows).count()))
            }
            (CountKey::Sender | CountKey::SenderDomain, _) => as_value(sender()),
            (_, None) => return,
            (CountKey::SenderRecipient, Some(row)) => {
                let recipients = self.recipients.as_ref();
                let recipient = recipients.and_then(|it| it.get(0, message.segment, row.address()));
                GroupValue::Pair(sender().unwrap_or(NOBODY), recipient.unwrap_or(NOBODY))
            }
            (CountKey::Recipient | CountKey::RecipientDomain, Some(row)) => {
                numbered(Some(row.address()))
            }
            (CountKey::Outcome, Some(row)) => GroupValue::Number(outcome_number(row.outcome)),
            (CountKey::Folder, Some(row)) => numbered(row.entry.folder),
            (CountKey::Status, Some(row)) => {
                numbered(row.entry.status.filter(|_| row.outcome == Outcome::Bounced))
            }
            (CountKey::Cause, Some(row)) => numbered(row.entry.cause),
            // Keys that only the originals have, or that do not come from the table.
            (_, Some(_)) => return,
        };
        values.push(value);
    }

    /// Returns a value as it is shown.
    pub(super) fn label(&self, value: &GroupValue) -> Option<String> {
        let of = |numbers: &TextNumbers, number: u32| numbers.texts.get(number).map(str::to_owned);
        match (value, self.key) {
            (GroupValue::Number(it), CountKey::Outcome) => {
                Outcome::ALL.get(*it as usize).map(ToString::to_string)
            }
            (GroupValue::Number(it), CountKey::RecipientCount) => Some(it.to_string()),
            (GroupValue::Number(it), _) => of(&self.numbers, *it),
            (GroupValue::Pair(sender, recipient), _) => {
                let recipient = of(self.recipients.as_ref()?, *recipient)?;
                Some(pair(of(&self.numbers, *sender).as_deref(), &recipient))
            }
            (GroupValue::Text(text), _) => Some(text.to_string()),
            (GroupValue::Absent, _) => None,
        }
    }
}
