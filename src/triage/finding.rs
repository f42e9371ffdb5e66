//! The findings of a triage.
/// One kind of thing that deserves attention, with its numbers and items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub kind: FindingKind,
    /// The number in the period.
    pub count: u64,
    /// The number in the period before, if known.
    pub before: Option<u64>,
    /// The most important items.
    pub items: Vec<Item>,
    /// The number of items, including those not given.
    pub item_count: usize,
}

/// The part of a finding that shares a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The value; `None` for things without one.
    pub value: Option<String>,
    /// The number in the period.
    pub count: u64,
    /// The number in the period before, if known.
    pub before: Option<u64>,
    /// An ID to trace.
    pub example: Option<String>,
    /// The latency in milliseconds.
    pub latency_ms: Option<i64>,
    /// Whether it never occurred before the period, as far as the store goes back.
    pub is_new: bool,
}

impl Item {
    pub(super) fn new(value: Option<String>) -> Self {
        Self { value, ..Self::default() }
    }
}

/// A kind of thing that deserves attention, in the order of urgency.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "kebab-case")]
pub enum FindingKind {
    /// Recipients whose message is lost, by domain.
    Lost,
    /// Recipients who are a group or whose message is lost, by domain.
    Unclear,
    /// Recipients whose message bounced, by cause.
    Bounced,
    /// Recipients whose message bounced, by domain.
    BouncedDomains,
    /// Addresses for which every message bounced.
    FailingMailboxes,
    /// Recipients whose message was slow.
    Slow,
    /// Messages that failed the spam check but went to a folder other than junk, by sender's
    /// domain.
    SpamInInbox,
    /// Messages that passed the spam check but went to a junk folder, by sender's domain.
    CleanInJunk,
    /// Messages that failed DMARC but were delivered, by sender's domain.
    DmarcFailed,
    /// Rules that drop mail or send it out of the organization.
    Rules,
    /// Senders with many more messages than before.
    Bursts,
    /// Messages with a leg whose beginning is not in the store, by day.
    NoBeginning,
}

impl FindingKind {
    /// Every kind, in order.
    pub const ALL: [Self; 12] = [
        Self::Lost,
        Self::Unclear,
        Self::Bounced,
        Self::BouncedDomains,
        Self::FailingMailboxes,
        Self::Slow,
        Self::SpamInInbox,
        Self::CleanInJunk,
        Self::DmarcFailed,
        Self::Rules,
        Self::Bursts,
        Self::NoBeginning,
    ];

    /// Returns the name that conditions and JSON use.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
