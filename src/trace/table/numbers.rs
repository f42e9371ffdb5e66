//! Numbers for the texts of the message table that hold across its segments.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::listing::Listing;
use super::texts::{NumberedTexts, TextNumbering};
use crate::event::domain_of;
use crate::store::{StoreError, TableSegment, TextColumn};
use crate::time::TimeRange;

pub(crate) type ColumnOf = fn(&TableSegment) -> &TextColumn;

/// The kinds of texts that messages are counted by.
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
    /// The columns of the texts: for each message, the first that has one counts.
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

    /// The kind of the addresses, if these are their domains.
    pub(in crate::trace) fn addresses(self) -> Option<Self> {
        match self {
            Self::SenderDomains => Some(Self::Senders),
            Self::RecipientDomains => Some(Self::Recipients),
            _ => None,
        }
    }

    /// Returns the part of a text that is counted.
    fn value(self, text: &str) -> Option<&str> {
        match self {
            Self::SenderDomains | Self::RecipientDomains => {
                domain_of(text).filter(|it| !it.is_empty())
            }
            _ => Some(text),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct TextNumbers {
    /// For each column and segment, the number of each text; [`NO_NUMBER`] if it does not count.
    // Shared: domains of the same addresses need no copy of it, only `of_numbers`.
    of_columns: Arc<Vec<Vec<Vec<u32>>>>,
    /// The numbers by which these are replaced, if any.
    of_numbers: Option<Vec<u32>>,
    /// The texts, by number.
    pub(crate) texts: NumberedTexts,
}

/// The number of a text that does not count.
const NO_NUMBER: u32 = TextNumbering::NONE;

impl TextNumbers {
    /// Returns the number of a text of a segment in the column at an index.
    pub(crate) fn get(&self, column: usize, segment: usize, text: u32) -> Option<u32> {
        let number = *self.of_columns.get(column)?.get(segment)?.get(text as usize)?;
        let number = match &self.of_numbers {
            Some(of_numbers) => *of_numbers.get(number as usize)?,
            None => number,
        };
        Some(number).filter(|it| *it != NO_NUMBER)
    }

    /// Returns numbers of the domains of the addresses that are numbered here.
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

/// A mark for each text of a column of each segment.
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
            // Workers only ever set marks, and they are read after all have finished.
            mark.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the marked texts of a segment, in order.
    fn of_segment(&self, segment: usize) -> Vec<u32> {
        let marks = self.0.get(segment).expect("a list for each segment");
        let is_set = |it: &(u32, &AtomicBool)| it.1.load(Ordering::Relaxed);
        (0..).zip(marks).filter(is_set).map(|(text, _)| text).collect()
    }
}

impl Listing<'_> {
    /// Numbers the texts of the messages whose first event is in range. Other texts may have no
    /// number.
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
                    // Few texts of a store occur in a day: only those are read.
                    Some(used) => {
                        let used = used.of_segment(place);
                        // `used` is sorted, so the list need not be longer than its last text.
                        let last = used.last().map_or(0, |it| *it as usize + 1);
                        let mut of_texts = vec![NO_NUMBER; last];
                        // The dictionary passes texts in the order of `used`, without their
                        // numbers.
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

    /// Returns the domains of the addresses whose mailboxes got something.
    pub(crate) fn mailbox_domains(&self) -> Result<HashSet<String>, StoreError> {
        // Kept with the commit, unless there are too many: reading every row for them would be a
        // third of a triage.
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
