//! What the directory makes of recipients of whom no event speaks.
//!
//! An address may be an alias or a group, whose mailboxes get the message under other names. Without
//! a directory the mailboxes that nobody names are all that hints at it.

use std::collections::HashMap;
use std::io;

use super::message::Outcome;
use crate::directory::{Directory, Meaning};
use crate::store::{MessageTable, TableSegment};
use crate::time::Timestamp;

/// How a silent recipient stands to the mailboxes that its leg was delivered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// The directory does not know the address.
    Unknown,
    /// One of the mailboxes is its own, or is in it.
    Reached,
    /// A group, and none of the mailboxes is in it as far as the directory knows.
    Group,
    /// A mailbox or its alias, which did not get the message.
    Mailbox,
}

impl Lead {
    /// How `address` stands to mailboxes, all in their normal forms.
    pub(super) fn of<'m>(
        address: &str,
        mut mailboxes: impl Iterator<Item = &'m str>,
        directory: &Directory,
        at: Timestamp,
    ) -> Self {
        match directory.meaning(address, at) {
            None => Self::Unknown,
            Some(_) if mailboxes.any(|it| directory.leads_to(address, it, at)) => Self::Reached,
            Some(Meaning::Group(_)) => Self::Group,
            Some(_) => Self::Mailbox,
        }
    }
}

/// The silent recipients of one leg.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// How many the directory does not know.
    unknown_count: usize,
    /// Whether it knows any.
    pub(super) is_any_known: bool,
    has_group: bool,
}

impl Silence {
    pub(super) fn of(leads: impl IntoIterator<Item = Lead>) -> Self {
        let mut silence = Self::default();
        for lead in leads {
            silence.unknown_count += usize::from(lead == Lead::Unknown);
            silence.is_any_known |= lead != Lead::Unknown;
            silence.has_group |= lead == Lead::Group;
        }
        silence
    }

    /// What became of the message for one of them; nothing where it is lost, or pending. The leg
    /// `has_unexplained` mailboxes where it was delivered to some that nobody names, and to which
    /// none of those that the directory knows leads.
    pub(super) fn outcome(self, lead: Lead, has_unexplained: bool) -> Option<Outcome> {
        match lead {
            Lead::Reached => Some(Outcome::Expanded),
            // Its members may have been others then.
            Lead::Group if has_unexplained => Some(Outcome::Expanded),
            Lead::Unknown if has_unexplained => {
                let is_only_one = self.unknown_count == 1 && !self.has_group;
                Some(if is_only_one { Outcome::Expanded } else { Outcome::Unclear })
            }
            _ => None,
        }
    }
}

/// The addresses in the message table that a directory knows.
#[derive(Debug)]
pub(super) struct KnownAddresses {
    of_segments: Vec<HashMap<u32, String>>,
}

impl KnownAddresses {
    /// Looks them up.
    pub(super) fn find(table: &MessageTable, directory: &Directory) -> io::Result<Self> {
        let of_segment = |segment: &TableSegment| {
            let mut known = HashMap::new();
            for address in directory.addresses() {
                if let Some(number) = segment.addresses.number_of(address)? {
                    known.insert(number, address.to_owned());
                }
            }
            Ok(known)
        };
        let of_segments = table.segments().iter().map(of_segment).collect::<io::Result<_>>()?;
        Ok(Self { of_segments })
    }

    /// The address of a number, if the directory ever knew it.
    pub(super) fn get(&self, segment: usize, address: u32) -> Option<&str> {
        self.of_segments.get(segment)?.get(&address).map(String::as_str)
    }
}
