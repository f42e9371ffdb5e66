//! The entry of a message, and the numbers that it is packed into.

use std::borrow::Cow;

use crate::store::archive::Location;

/// A message and its outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageEntry<'e> {
    /// The location of the event that came into the store first.
    pub(crate) place: Location,
    /// The times of its first and its last event, in milliseconds since 1970.
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    /// Whether its originals must be read: a value is too long for the table, or something that
    /// matters was missing when the entry was made.
    pub(crate) needs_originals: bool,
    /// Whether a leg has neither a submission nor an arrival.
    pub(crate) lacks_beginning: bool,
    /// The `from` address, in the form in which addresses compare.
    pub(crate) from: Option<Cow<'e, str>>,
    /// The `sender` address, where that is somebody else.
    pub(crate) sender: Option<Cow<'e, str>>,
    /// The verdicts of the checks on arrival, in the form of [`joined_verdicts`].
    pub(crate) verdicts: Option<Cow<'e, str>>,
    /// The names of the rules that acted, in lower case.
    pub(crate) rules: Vec<Cow<'e, str>>,
    /// Its legs, by their start.
    pub(crate) legs: Vec<LegEntry>,
    /// One for each recipient of each leg, sorted by address; of each address, the row that decides
    /// comes last.
    pub(crate) recipients: Vec<RecipientEntry<'e>>,
}

/// The number of checks on arrival.
const VERDICTS: usize = 4;

/// The separator between verdicts. A verdict that itself has a control character makes the entry
/// need its originals.
const SEPARATOR: char = '\u{1f}';

/// Joins the verdicts of the checks on arrival, in lower case, into one text: spam, DKIM, DMARC,
/// SPF.
pub(crate) fn joined_verdicts(verdicts: [Option<&str>; VERDICTS]) -> Option<String> {
    let texts = verdicts.map(|it| it.unwrap_or(""));
    verdicts.iter().any(Option::is_some).then(|| texts.join(SEPARATOR.encode_utf8(&mut [0; 4])))
}

/// The four verdicts of a joined text; empty ones are missing.
pub(crate) fn verdicts_of(joined: &str) -> [&str; VERDICTS] {
    let mut parts = joined.split(SEPARATOR);
    [(); VERDICTS].map(|()| parts.next().unwrap_or(""))
}

/// One pass of a message through WorkMail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LegEntry {
    /// The time of its earliest event, in milliseconds since 1970.
    pub(crate) started_ms: i64,
    pub(crate) is_outgoing: bool,
}

impl LegEntry {
    /// The leg of a message that has a single one, which came in with its first event.
    pub(super) fn only(first_ms: i64) -> Self {
        Self { started_ms: first_ms, is_outgoing: false }
    }

    /// The milliseconds by which it starts after the message's first event, and its direction: most
    /// legs are the first of their messages, and small numbers take little room.
    pub(super) fn to_number(self, first_ms: i64) -> u64 {
        let behind = self.started_ms.saturating_sub(first_ms).max(0).cast_unsigned();
        behind.saturating_mul(2) | u64::from(self.is_outgoing)
    }

    pub(super) fn from_number(number: u64, first_ms: i64) -> Self {
        let started_ms = first_ms.saturating_add_unsigned(number >> 1);
        Self { started_ms, is_outgoing: number & 1 == 1 }
    }
}

/// The outcome of a message for one recipient of one leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RecipientEntry<'e> {
    /// The address, in the form in which addresses compare.
    pub(crate) address: Cow<'e, str>,
    pub(crate) bits: RowBits,
    /// Milliseconds from the leg's start to the event that decided.
    pub(crate) latency_ms: Option<u64>,
    /// The folder, in lower case.
    pub(crate) folder: Option<Cow<'e, str>>,
    /// The status of the bounce, in lower case.
    pub(crate) status: Option<Cow<'e, str>>,
    /// The cause of the bounce, in its original case.
    pub(crate) cause: Option<Cow<'e, str>>,
    /// The location of the bounce, whose original holds the reason.
    pub(crate) bounce: Option<Location>,
}

/// The part of a row that is neither text nor time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowBits {
    /// The number of the outcome; whether an undecided one is pending or lost depends on the
    /// question.
    pub(crate) outcome: u8,
    /// Whether the folder is one for junk.
    pub(crate) is_junk: bool,
    /// Whether a mailbox of that address received it, whatever came later.
    pub(crate) was_delivered: bool,
    /// The position of the leg among the message's.
    pub(crate) leg: u8,
}

/// The number of legs of a message that a row can distinguish.
pub(crate) const LEGS_MAX: usize = u8::MAX as usize;
/// The latency, in milliseconds, that stands for all longer ones: more than two thousand years.
pub(crate) const LATENCY_MAX_MS: u64 = (1 << 46) - 2;

// A row is one number: from the lowest bit, outcome, flags, leg, latency. A pass over outcomes then
// reads a single column, and the flags let columns of texts omit rows without one.
const OUTCOME_BITS: u32 = 4;
const IS_JUNK: u64 = 1 << 4;
const WAS_DELIVERED: u64 = 1 << 5;
const HAS_FOLDER: u64 = 1 << 6;
const HAS_STATUS: u64 = 1 << 7;
const HAS_BOUNCE: u64 = 1 << 8;
const HAS_CAUSE: u64 = 1 << 9;
const LEG_SHIFT: u32 = 10;
/// The position of the latency plus one, or of 0 for none.
const LATENCY_SHIFT: u32 = 18;

/// The latency of a row's number, and which columns of texts have a value for the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowColumns {
    pub(super) latency_ms: Option<u64>,
    pub(super) folder: bool,
    pub(super) status: bool,
    pub(super) cause: bool,
    pub(super) bounce: bool,
}

impl RecipientEntry<'_> {
    pub(super) fn to_number(&self) -> u64 {
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        let RowBits { outcome, is_junk, was_delivered, leg } = self.bits;
        u64::from(outcome) & ((1 << OUTCOME_BITS) - 1)
            | flag(is_junk, IS_JUNK)
            | flag(was_delivered, WAS_DELIVERED)
            | flag(self.folder.is_some(), HAS_FOLDER)
            | flag(self.status.is_some(), HAS_STATUS)
            | flag(self.cause.is_some(), HAS_CAUSE)
            | flag(self.bounce.is_some(), HAS_BOUNCE)
            | u64::from(leg) << LEG_SHIFT
            | self.latency_ms.map_or(0, |it| it.min(LATENCY_MAX_MS) + 1) << LATENCY_SHIFT
    }
}

impl RowBits {
    pub(super) fn from_number(number: u64) -> (Self, RowColumns) {
        let has = |flag: u64| number & flag != 0;
        let [low, ..] = (number >> LEG_SHIFT).to_le_bytes();
        let bits = Self {
            outcome: Self::outcome_of(number),
            is_junk: has(IS_JUNK),
            was_delivered: has(WAS_DELIVERED),
            leg: low,
        };
        let columns = RowColumns {
            latency_ms: (number >> LATENCY_SHIFT).checked_sub(1),
            folder: has(HAS_FOLDER),
            status: has(HAS_STATUS),
            cause: has(HAS_CAUSE),
            bounce: has(HAS_BOUNCE),
        };
        (bits, columns)
    }

    /// Reads from a row's number only whether a mailbox received it.
    pub(super) fn was_delivered(number: u64) -> bool {
        number & WAS_DELIVERED != 0
    }

    /// Reads only the outcome from a row's number.
    pub(super) fn outcome_of(number: u64) -> u8 {
        let [low, ..] = number.to_le_bytes();
        low & ((1 << OUTCOME_BITS) - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_hold_what_they_were_made_of(
            first_ms in -4_000_000_000_000_i64..300_000_000_000_000,
            behind_ms in 0..400_000_000_000_000_i64,
            is_outgoing: bool,
            outcome in 0_u8..16,
            is_junk: bool,
            was_delivered: bool,
            leg: u8,
            latency_ms in prop::option::of(0..=LATENCY_MAX_MS),
            folder: Option<String>,
        ) {
            let entry = LegEntry { started_ms: first_ms + behind_ms, is_outgoing };
            prop_assert_eq!(LegEntry::from_number(entry.to_number(first_ms), first_ms), entry);
            let bits = RowBits { outcome, is_junk, was_delivered, leg };
            let folder = folder.map(Cow::Owned);
            let row = RecipientEntry {
                address: Cow::Borrowed(""), bits, latency_ms, folder, status: None, cause: None,
                bounce: None,
            };
            let (read, columns) = RowBits::from_number(row.to_number());
            prop_assert_eq!(read, bits);
            prop_assert_eq!(columns.latency_ms, latency_ms);
            prop_assert_eq!(RowBits::outcome_of(row.to_number()), outcome);
            prop_assert_eq!(columns.folder, row.folder.is_some());
            prop_assert!(!columns.status && !columns.cause && !columns.bounce);
        }
    }
}
