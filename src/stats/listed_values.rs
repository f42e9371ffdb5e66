//! The value that a message or a recipient has for a key, by the message table.

use super::GroupKey;
use super::group_values::{NOBODY, number, or_absent, outcome_number, pair};
use super::groups::GroupValue;
use crate::event::domain_of;
use crate::store::{StoreError, TableSegment, TextColumn};
use crate::trace::{ListedMessage, ListedRow, Listing, Outcome, TextNumbers};

/// What the values of one key are found by.
pub(super) struct ListedValues<'s> {
    key: GroupKey,
    listing: Listing<'s>,
    /// Numbers of the texts of a key's columns.
    numbers: TextNumbers,
    /// Numbers of addresses of recipients, where the key has senders too.
    recipients: Option<TextNumbers>,
}

type ColumnOf = fn(&TableSegment) -> &TextColumn;

/// Where the sender of a message is looked for, in this order.
const SENDERS: [ColumnOf; 2] = [|it| &it.sender, |it| &it.from];

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
        let numbered = |column, text: Option<u32>| {
            let number = text.and_then(|it| self.numbers.get(column, segment_number, it));
            number.map_or(GroupValue::Absent, GroupValue::Number)
        };
        let sender = || {
            let sender = segment.sender.number(message.document);
            match sender {
                Some(sender) => numbered(0, Some(sender)),
                None => numbered(1, segment.from.number(message.document)),
            }
        };
        let of_row = |value: &dyn Fn(&ListedRow) -> GroupValue| {
            row.map(value).into_iter().collect::<Vec<_>>()
        };
        let bounced = |row: &ListedRow, text: Option<u32>| {
            if row.outcome == Outcome::Bounced { numbered(0, text) } else { GroupValue::Absent }
        };
        match self.key {
            GroupKey::Rule => {
                let rules = segment.rules.numbers(message.document);
                or_absent(rules.map(|it| numbered(0, Some(it))).collect())
            }
            GroupKey::RecipientCount => {
                let groups = message.rows.chunk_by(|a, b| a.address() == b.address());
                vec![GroupValue::Number(number(groups.count()))]
            }
            GroupKey::Sender | GroupKey::SenderDomain => vec![sender()],
            GroupKey::SenderRecipient => of_row(&|it| {
                let sender = match sender() {
                    GroupValue::Number(number) => number,
                    _ => NOBODY,
                };
                let recipients = self.recipients.as_ref();
                let number = recipients.and_then(|all| all.get(0, segment_number, it.address()));
                GroupValue::Pair(sender, number.unwrap_or(NOBODY))
            }),
            GroupKey::Recipient | GroupKey::RecipientDomain => {
                of_row(&|it| numbered(0, Some(it.address())))
            }
            GroupKey::Outcome => of_row(&|it| GroupValue::Number(outcome_number(it.outcome))),
            GroupKey::Folder => of_row(&|it| numbered(0, it.entry.folder)),
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
