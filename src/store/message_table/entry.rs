//! What the table holds of a message.

use crate::store::archive::Location;

/// A message and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageEntry {
    /// Where the event lies that came into the store before its others.
    pub(crate) place: Location,
    /// The times of its first and its last event, in milliseconds since 1970.
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    /// Whether its originals must be read: a value is too long for the table, or not all that
    /// counts was known when it was made.
    pub(crate) needs_originals: bool,
    /// Whether a leg tells neither of its submission nor of its arrival.
    pub(crate) lacks_beginning: bool,
    /// On whose behalf it was sent, as addresses compare.
    pub(crate) from: Option<String>,
    /// Who really sent it, when that is somebody else.
    pub(crate) sender: Option<String>,
    /// What the checks on arrival said, in lower case: spam, DKIM, DMARC, SPF.
    pub(crate) verdicts: [Option<String>; VERDICTS],
    /// The names of the rules that acted, in lower case.
    pub(crate) rules: Vec<String>,
    /// Its legs, by their start.
    pub(crate) legs: Vec<LegEntry>,
    /// One for each recipient of each leg, by address; of each address the row that decides is the
    /// last.
    pub(crate) recipients: Vec<RecipientEntry>,
}

/// How many checks there are on arrival.
pub(crate) const VERDICTS: usize = 4;

/// One pass of a message through WorkMail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LegEntry {
    /// The time of its earliest event, in milliseconds since 1970.
    pub(crate) started_ms: i64,
    pub(crate) is_outgoing: bool,
}

impl LegEntry {
    pub(super) fn to_number(self) -> i64 {
        self.started_ms.saturating_mul(2) | i64::from(self.is_outgoing)
    }

    pub(super) fn from_number(number: i64) -> Self {
        Self { started_ms: number >> 1, is_outgoing: number & 1 == 1 }
    }
}

/// What became of a message for one recipient of one leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RecipientEntry {
    /// The address as addresses compare.
    pub(crate) address: String,
    pub(crate) bits: RowBits,
    /// From the leg's start to the event that decided, in milliseconds.
    pub(crate) latency_ms: Option<u64>,
    /// The folder, in lower case.
    pub(crate) folder: Option<String>,
    /// The status of the bounce, in lower case.
    pub(crate) status: Option<String>,
    /// Where the bounce lies, whose original tells the reason.
    pub(crate) bounce: Option<Location>,
}

/// What a row says besides texts and times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowBits {
    /// The number of the outcome; what it is where nothing has decided depends on the question.
    pub(crate) outcome: u8,
    /// Whether a folder is one for junk.
    pub(crate) is_junk: bool,
    /// Whether a mailbox of that address got it, whatever came later.
    pub(crate) was_delivered: bool,
    /// Where the leg stands among the message's.
    pub(crate) leg: u32,
}

const OUTCOME_BITS: u32 = 4;
const IS_JUNK: u64 = 1 << 4;
const WAS_DELIVERED: u64 = 1 << 5;
const HAS_LATENCY: u64 = 1 << 6;
const HAS_FOLDER: u64 = 1 << 7;
const HAS_STATUS: u64 = 1 << 8;
const HAS_BOUNCE: u64 = 1 << 9;
const LEG_SHIFT: u32 = 10;

/// Which columns have a value for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowColumns {
    pub(super) latency: bool,
    pub(super) folder: bool,
    pub(super) status: bool,
    pub(super) bounce: bool,
}

impl RecipientEntry {
    pub(super) fn to_number(&self) -> u64 {
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        let RowBits { outcome, is_junk, was_delivered, leg } = self.bits;
        u64::from(outcome) & ((1 << OUTCOME_BITS) - 1)
            | flag(is_junk, IS_JUNK)
            | flag(was_delivered, WAS_DELIVERED)
            | flag(self.latency_ms.is_some(), HAS_LATENCY)
            | flag(self.folder.is_some(), HAS_FOLDER)
            | flag(self.status.is_some(), HAS_STATUS)
            | flag(self.bounce.is_some(), HAS_BOUNCE)
            | u64::from(leg) << LEG_SHIFT
    }
}

impl RowBits {
    pub(super) fn from_number(number: u64) -> (Self, RowColumns) {
        let has = |flag: u64| number & flag != 0;
        let bits = Self {
            // Four bits of it.
            outcome: u8::try_from(number & ((1 << OUTCOME_BITS) - 1)).unwrap_or_default(),
            is_junk: has(IS_JUNK),
            was_delivered: has(WAS_DELIVERED),
            leg: u32::try_from(number >> LEG_SHIFT).unwrap_or(u32::MAX),
        };
        let columns = RowColumns {
            latency: has(HAS_LATENCY),
            folder: has(HAS_FOLDER),
            status: has(HAS_STATUS),
            bounce: has(HAS_BOUNCE),
        };
        (bits, columns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_hold_what_they_were_made_of(
            started_ms in -4_000_000_000_000_i64..300_000_000_000_000,
            is_outgoing: bool,
            outcome in 0_u8..16,
            is_junk: bool,
            was_delivered: bool,
            leg: u32,
            latency_ms: Option<u64>,
            folder: Option<String>,
        ) {
            let entry = LegEntry { started_ms, is_outgoing };
            prop_assert_eq!(LegEntry::from_number(entry.to_number()), entry);
            let bits = RowBits { outcome, is_junk, was_delivered, leg };
            let row = RecipientEntry {
                address: String::new(), bits, latency_ms, folder, status: None, bounce: None,
            };
            let (read, columns) = RowBits::from_number(row.to_number());
            prop_assert_eq!(read, bits);
            prop_assert_eq!(columns.latency, latency_ms.is_some());
            prop_assert_eq!(columns.folder, row.folder.is_some());
            prop_assert!(!columns.status && !columns.bounce);
        }
    }
}
