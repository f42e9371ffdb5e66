//! Numbers for the texts of the message table, the same ones in all of its segments.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::listing::Listing;
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
    /// For each column, the number of each text of each segment, if it counts.
    of_columns: Vec<Vec<Vec<Option<u32>>>>,
    /// The texts by their numbers.
    pub(crate) texts: Vec<String>,
}

impl TextNumbers {
    /// The number of a text of a segment, in the column at a place.
    pub(crate) fn get(&self, column: usize, segment: usize, text: u32) -> Option<u32> {
        self.of_columns.get(column)?.get(segment)?.get(text as usize).copied().flatten()
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

    fn has(&self, segment: usize, text: usize) -> bool {
        let mark = self.0.get(segment).and_then(|it| it.get(text));
        mark.is_some_and(|it| it.load(Ordering::Relaxed))
    }
}

impl Listing<'_> {
    /// Numbers the texts of the messages whose first event is in range; of others, texts may have
    /// none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(in crate::trace) fn numbers(
        &self,
        kind: TextKind,
        range: TimeRange,
    ) -> Result<TextNumbers, StoreError> {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut of_columns = Vec::new();
        for column in kind.columns() {
            let used = (!range.is_unbounded()).then(|| self.used(*column, range));
            let mut of_segments = Vec::new();
            for (number, segment) in self.table().segments().iter().enumerate() {
                let is_used = |text| used.as_ref().is_none_or(|it| it.has(number, text));
                let mut of_texts = Vec::with_capacity(column(segment).text_count());
                let take = |text: &str| {
                    let value = Some(text).filter(|_| is_used(of_texts.len()));
                    of_texts.push(value.and_then(|it| kind.value(it)).map(|value| {
                        if let Some(known) = numbers.get(value) {
                            return *known;
                        }
                        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                        numbers.insert(value.to_owned(), next);
                        next
                    }));
                };
                column(segment).for_each(take).map_err(self.table().failed())?;
                of_segments.push(of_texts);
            }
            of_columns.push(of_segments);
        }
        let mut texts = vec![String::new(); numbers.len()];
        for (text, number) in numbers {
            if let Some(slot) = texts.get_mut(number as usize) {
                *slot = text;
            }
        }
        Ok(TextNumbers { of_columns, texts })
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
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(in crate::trace) fn mailbox_domains(&self) -> Result<HashSet<String>, StoreError> {
        let addresses: ColumnOf = |it| &it.addresses;
        let delivered = Marks::new(self, addresses);
        self.table().segments().par_iter().enumerate().for_each(|(number, segment)| {
            segment.for_each_delivered(|it| delivered.set(number, it));
        });
        let mut domains: HashSet<String> = HashSet::new();
        for (number, segment) in self.table().segments().iter().enumerate() {
            let mut text_number = 0;
            let take = |address: &str| {
                let domain = domain_of(address).filter(|_| delivered.has(number, text_number));
                text_number += 1;
                if let Some(domain) = domain.filter(|it| !domains.contains(*it)) {
                    domains.insert(domain.to_owned());
                }
            };
            addresses(segment).for_each(take).map_err(self.table().failed())?;
        }
        Ok(domains)
    }
}
