//! The value that a message or a recipient has for a key, by the message table.

use super::GroupKey;
use super::group_values::{NOBODY, number, or_absent, outcome_number, pair};
use super::groups::GroupValue;
use crate::event::domain_of;
use crate::store::StoreError;
use crate::trace::{ColumnOf, ListedMessage, ListedRow, Listing, Outcome, SENDERS, TextNumbers};

/// What the values of one key are found by.
pub(super) struct ListedValues<'s> {
    key: GroupKey,
    listing: Listing<'s>,
    /// Numbers of the texts of a key's columns.
    numbers: TextNumbers,
    /// Numbers of addresses of recipients, where the key has senders too.
    recipients: Option<TextNumbers>,
}

impl<'s> ListedValues<'s> {
    pub(super) fn find(key: GroupKey, listing: Listing<'s>) -> Result<Self, StoreError> {
        let whole = |it: &str| Some(it.to_owned());
        let domain = |it: &str| domain_of(it).filter(|it| !it.is_empty()).map(str::to_owned);
        let recipients: [ColumnOf; 1] = [|it| &it.addresses];
        let numbers = match key {
            GroupKey::Sender | GroupKey::SenderRecipient => listing.numbers(&SENDERS, whole)?,
            GroupKey::SenderDomain => listing.numbers(&SENDERS, domain)?,
            GroupKey::Recipient => listing.numbers(&recipients, whole)?,
            GroupKey::RecipientDomain => listing.numbers(&recipients, domain)?,
            GroupKey::Folder => listing.numbers(&[|it| &it.folders], whole)?,
            GroupKey::Status => listing.numbers(&[|it| &it.statuses], whole)?,
            GroupKey::Rule => listing.numbers(&[|it| &it.rules], whole)?,
            _ => listing.numbers(&[], whole)?,
        };
        let recipients = match key {
            GroupKey::SenderRecipient => Some(listing.numbers(&recipients, whole)?),
            _ => None,
        };
        Ok(Self { key, listing, numbers, recipients })
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
