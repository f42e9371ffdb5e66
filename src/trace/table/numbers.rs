//! Numbers for the texts of the message table, the same ones in all of its segments.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::listing::Listing;
use super::texts::{NumberedTexts, TextNumbering};
use crate::event::domain_of;
use crate::store::{StoreError, TableSegment, TextColumn};
use crate::time::TimeRange;

/// A column of texts.
pub(crate) type ColumnOf = fn(&TableSegment) -> &TextColumn;

/// Texts that messages are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TextKind {
    Senders,
    SenderDomains,
    Recipients,
    RecipientDomains,
    Folders,
    Statuses,
    Causes,
    Rules,
}

impl TextKind {
    /// Where the texts stand: in the first column that a message has.
    fn columns(self) -> &'static [ColumnOf] {
        match self {
            Self::Senders | Self::SenderDomains => &[|it| &it.sender, |it| &it.from],
            Self::Recipients | Self::RecipientDomains => &[|it| &it.addresses],
            Self::Folders => &[|it| &it.folders],
            Self::Statuses => &[|it| &it.statuses],
            Self::Causes => &[|it| &it.causes],
            Self::Rules => &[|it| &it.rules],
        }
    }

    /// Whose domains these are, where they are domains.
    pub(in crate::trace) fn addresses(self) -> Option<Self> {
        match self {
            Self::SenderDomains => Some(Self::Senders),
            Self::RecipientDomains => Some(Self::Recipients),
            _ => None,
        }
    }

    /// What is counted of a text.
    fn value(self, text: &str) -> Option<&str> {
        match self {
            Self::SenderDomains | Self::RecipientDomains => {
                domain_of(text).filter(|it| !it.is_empty())
            }
            _ => Some(text),
        }
    }
}

/// Numbers for texts.
#[derive(Debug, Default)]
pub(crate) struct TextNumbers {
    /// For each column, the number of each text of each segment; [`NO_NUMBER`] if it does not count.
    of_columns: Arc<Vec<Vec<Vec<u32>>>>,
    /// The numbers that count in place of these, where others do.
    of_numbers: Option<Vec<u32>>,
    /// The texts by their numbers.
    pub(crate) texts: NumberedTexts,
}

/// The number of a text that does not count.
const NO_NUMBER: u32 = TextNumbering::NONE;

impl TextNumbers {
    /// The number of a text of a segment, in the column at a place.
    pub(crate) fn get(&self, column: usize, segment: usize, text: u32) -> Option<u32> {
        let number = *self.of_columns.get(column)?.get(segment)?.get(text as usize)?;
        let number = match &self.of_numbers {
            Some(of_numbers) => *of_numbers.get(number as usize)?,
            None => number,
        };
        Some(number).filter(|it| *it != NO_NUMBER)
    }

    /// The numbers of the domains of addresses that are numbered here.
    pub(in crate::trace) fn domains(&self) -> Self {
        let mut numbering = TextNumbering::default();
        let domain = |address: &str| {
            let domain = TextKind::SenderDomains.value(address);
            domain.map_or(NO_NUMBER, |it| numbering.number_of(it))
        };
        let of_numbers = Some(self.texts.iter().map(domain).collect());
        let of_columns = Arc::clone(&self.of_columns);
        Self { of_columns, of_numbers, texts: numbering.into_texts() }
    }
}

/// For each text of a column of each segment, whether something is true of it.
struct Marks(Vec<Vec<AtomicBool>>);

impl Marks {
    fn new(listing: &Listing<'_>, column: ColumnOf) -> Self {
        let of_segment = |segment: &TableSegment| {
            let count = column(segment).text_count();
            std::iter::repeat_with(AtomicBool::default).take(count).collect()
        };
        Self(listing.table().segments().iter().map(of_segment).collect())
    }

    fn set(&self, segment: usize, text: u32) {
        if let Some(mark) = self.0.get(segment).and_then(|it| it.get(text as usize)) {
            mark.store(true, Ordering::Relaxed);
        }
    }

    /// The texts of a segment of which it is true, in order.
    fn of_segment(&self, segment: usize) -> Vec<u32> {
        let marks = self.0.get(segment).expect("a list for each segment");
        let is_set = |it: &(u32, &AtomicBool)| it.1.load(Ordering::Relaxed);
        (0..).zip(marks).filter(is_set).map(|(text, _)| text).collect()
    }
}

impl Listing<'_> {
    /// Numbers the texts of the messages whose first event is in range; of others, texts may have
    /// none.
    pub(in crate::trace) fn numbers(
        &self,
        kind: TextKind,
        range: TimeRange,
    ) -> Result<TextNumbers, StoreError> {
        let mut numbering = TextNumbering::default();
        let mut number =
            |text: &str| kind.value(text).map_or(NO_NUMBER, |it| numbering.number_of(it));
        let mut of_columns = Vec::new();
        for column in kind.columns() {
            let used = (!range.is_unbounded()).then(|| self.used(*column, range));
            let mut of_segments = Vec::new();
            for (place, segment) in self.table().segments().iter().enumerate() {
                let column = column(segment);
                let of_texts = match &used {
                    // Most texts of a store are none of a day's.
                    Some(used) => {
                        let used = used.of_segment(place);
                        let last = used.last().map_or(0, |it| *it as usize + 1);
                        let mut of_texts = vec![NO_NUMBER; last];
                        let mut next = used.iter();
                        let take = |text: &str| {
                            let slot = next.next().and_then(|it| of_texts.get_mut(*it as usize));
                            slot.into_iter().for_each(|it| *it = number(text));
                        };
                        column.for_each_of(&used, take).map(|()| of_texts)
                    }
                    None => {
                        let mut of_texts = Vec::with_capacity(column.text_count());
                        column.for_each(|text| of_texts.push(number(text))).map(|()| of_texts)
                    }
                };
                of_segments.push(of_texts.map_err(self.table().failed())?);
            }
            of_columns.push(of_segments);
        }
        let texts = numbering.into_texts();
        Ok(TextNumbers { of_columns: Arc::new(of_columns), of_numbers: None, texts })
    }

    fn used(&self, column: ColumnOf, range: TimeRange) -> Marks {
        let used = Marks::new(self, column);
        self.parts(range).into_par_iter().for_each(|part| {
            for (document, _) in part.documents(range) {
                column(part.segment).numbers(document).for_each(|it| used.set(part.number, it));
            }
        });
        used
    }

    /// The domains of the addresses to whose mailboxes something was delivered.
    pub(crate) fn mailbox_domains(&self) -> Result<HashSet<String>, StoreError> {
        if let Some(domains) = self.table().mailbox_domains() {
            return Ok(domains.iter().cloned().collect());
        }
        let addresses: ColumnOf = |it| &it.addresses;
        let delivered = Marks::new(self, addresses);
        self.table().segments().par_iter().enumerate().for_each(|(number, segment)| {
            segment.for_each_delivered(|it| delivered.set(number, it));
        });
        let mut domains: HashSet<String> = HashSet::new();
        for (number, segment) in self.table().segments().iter().enumerate() {
            let take = |address: &str| {
                if let Some(domain) = domain_of(address).filter(|it| !domains.contains(*it)) {
                    domains.insert(domain.to_owned());
                }
            };
            let delivered = delivered.of_segment(number);
            addresses(segment).for_each_of(&delivered, take).map_err(self.table().failed())?;
        }
        Ok(domains)
    }
}
