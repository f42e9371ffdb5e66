//! Resolves silent recipients, those without an event of their own, by the directory.
//!
//! An address may be an alias or a group, whose mailboxes get the message under other addresses.
//! Without a directory, mailboxes that no recipient names are the only hint.

use std::collections::HashMap;
use std::io;

use super::message::Outcome;
use crate::directory::{Directory, Meaning};
use crate::store::{MessageTable, TableSegment};
use crate::time::Timestamp;

/// The relation of a silent recipient to the mailboxes that its leg was delivered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// The directory does not know the address.
    Unknown,
    /// One of the mailboxes belongs to it or is its member.
    Reached,
    /// A group of which, as far as the directory knows, none of the mailboxes is a member.
    Group,
    /// A mailbox or its alias that did not get the message.
    Mailbox,
}

impl Lead {
    /// Returns the relation of `address` to mailboxes, all in their normal forms.
    pub(super) fn of<'m>(
        address: &str,
        mut mailboxes: impl Iterator<Item = &'m str>,
        directory: &Directory,
        at: Timestamp,
    ) -> Self {
        match directory.meaning(address, at) {
            None => Self::Unknown,
            // Asked before its kind: a group that reached a mailbox needs no guess.
            Some(_) if mailboxes.any(|it| directory.leads_to(address, it, at)) => Self::Reached,
            Some(Meaning::Group(_)) => Self::Group,
            Some(_) => Self::Mailbox,
        }
    }
}

/// The silent recipients of one leg.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// The number of those that the directory does not know.
    unknown_count: usize,
    /// True if it knows any.
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

    /// Returns the outcome for one of them; `None` if it is lost or pending. `has_unexplained` is
    /// true if the leg was delivered to mailboxes that no recipient names and to which no recipient
    /// that the directory knows leads.
    pub(super) fn outcome(self, lead: Lead, has_unexplained: bool) -> Option<Outcome> {
        match lead {
            Lead::Reached => Some(Outcome::Expanded),
            // Its members at that time may have been others than the directory knows.
            Lead::Group if has_unexplained => Some(Outcome::Expanded),
            Lead::Unknown if has_unexplained => {
                // With another candidate for the unexplained mailbox, this one may be lost.
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
    /// Looks up the addresses of the directory in the table.
    pub(super) fn find(table: &MessageTable, directory: &Directory) -> io::Result<Self> {
        let of_segment = |segment: &TableSegment| {
            let mut known = HashMap::new();
            // By number, so that rows are resolved without reading their texts.
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

    /// Returns the address with this number, if the directory ever knew it.
    pub(super) fn get(&self, segment: usize, address: u32) -> Option<&str> {
        self.of_segments.get(segment)?.get(&address).map(String::as_str)
    }
}
