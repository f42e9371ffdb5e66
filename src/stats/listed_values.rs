//! The value that a message or a recipient has for a key, by the message table.

use std::sync::Arc;

use super::GroupKey;
use super::group_values::{NOBODY, number, or_absent, outcome_number, pair};
use super::groups::GroupValue;
use crate::store::StoreError;
use crate::time::TimeRange;
use crate::trace::{ListedMessage, ListedRow, Listing, Outcome, Overview, TextKind, TextNumbers};

/// What the values of one key are found by.
pub(super) struct ListedValues<'s> {
    key: GroupKey,
    listing: Listing<'s>,
    /// Numbers of the texts of a key's columns.
    numbers: Arc<TextNumbers>,
    /// Numbers of addresses of recipients, where the key has senders too.
    recipients: Option<Arc<TextNumbers>>,
}

impl<'s> ListedValues<'s> {
    /// Numbers what messages are grouped by whose first event is in range.
    pub(super) fn find(
        key: GroupKey,
        overview: &Overview<'s>,
        listing: Listing<'s>,
        range: TimeRange,
    ) -> Result<Self, StoreError> {
        let kind = match key {
            GroupKey::Sender | GroupKey::SenderRecipient => Some(TextKind::Senders),
            GroupKey::SenderDomain => Some(TextKind::SenderDomains),
            GroupKey::Recipient => Some(TextKind::Recipients),
            GroupKey::RecipientDomain => Some(TextKind::RecipientDomains),
            GroupKey::Folder => Some(TextKind::Folders),
            GroupKey::Status => Some(TextKind::Statuses),
            GroupKey::Rule => Some(TextKind::Rules),
            _ => None,
        };
        let numbers = |kind| overview.numbers(listing, kind, range);
        let recipients = (key == GroupKey::SenderRecipient).then_some(TextKind::Recipients);
        Ok(Self {
            key,
            listing,
            numbers: kind.map(numbers).transpose()?.unwrap_or_default(),
            recipients: recipients.map(numbers).transpose()?,
        })
    }

    /// The values of a message, or of one of its recipients.
    pub(super) fn of(&self, message: &ListedMessage, row: Option<&ListedRow>) -> Vec<GroupValue> {
        let segment_number = message.segment;
        let Some(segment) = self.listing.segment(segment_number) else { return Vec::new() };
        let as_value = |number: Option<u32>| number.map_or(GroupValue::Absent, GroupValue::Number);
        let numbered = |text: Option<u32>| {
            as_value(text.and_then(|it| self.numbers.get(0, segment_number, it)))
        };
        let sender = || self.listing.sender(message, &self.numbers);
        let of_row = |value: &dyn Fn(&ListedRow) -> GroupValue| {
            row.map(value).into_iter().collect::<Vec<_>>()
        };
        let bounced = |row: &ListedRow, text: Option<u32>| {
            if row.outcome == Outcome::Bounced { numbered(text) } else { GroupValue::Absent }
        };
        match self.key {
            GroupKey::Rule => {
                let rules = segment.rules.numbers(message.document);
                or_absent(rules.map(|it| numbered(Some(it))).collect())
            }
            GroupKey::RecipientCount => {
                let groups = message.rows.chunk_by(|a, b| a.address() == b.address());
                vec![GroupValue::Number(number(groups.count()))]
            }
            GroupKey::Sender | GroupKey::SenderDomain => vec![as_value(sender())],
            GroupKey::SenderRecipient => of_row(&|it| {
                let recipients = self.recipients.as_ref();
                let number = recipients.and_then(|all| all.get(0, segment_number, it.address()));
                GroupValue::Pair(sender().unwrap_or(NOBODY), number.unwrap_or(NOBODY))
            }),
            GroupKey::Recipient | GroupKey::RecipientDomain => {
                of_row(&|it| numbered(Some(it.address())))
            }
            GroupKey::Outcome => of_row(&|it| GroupValue::Number(outcome_number(it.outcome))),
            GroupKey::Folder => of_row(&|it| numbered(it.entry.folder)),
            GroupKey::Status => of_row(&|it| bounced(it, it.entry.status)),
            // The first two are in the originals, the others no matter of the table.
            GroupKey::Reason | GroupKey::Cause | GroupKey::Hour | GroupKey::Day => Vec::new(),
        }
    }

    /// How a value reads.
    pub(super) fn label(&self, value: &GroupValue) -> Option<String> {
        let of = |numbers: &TextNumbers, number: u32| numbers.texts.get(number as usize).cloned();
        match (value, self.key) {
            (GroupValue::Number(it), GroupKey::Outcome) => {
                Outcome::ALL.get(*it as usize).map(ToString::to_string)
            }
            (GroupValue::Number(it), GroupKey::RecipientCount) => Some(it.to_string()),
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
