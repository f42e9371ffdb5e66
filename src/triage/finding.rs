//! What was found.

/// One kind of thing that deserves attention, and what there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which kind.
    pub kind: FindingKind,
    /// How many there are in the period.
    pub count: u64,
    /// How many there were in the period before, where it is known.
    pub before: Option<u64>,
    /// The most important ones.
    pub items: Vec<Item>,
    /// How many items there are, those that are not given too.
    pub item_count: usize,
}

/// Some of what was found, by a value that they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The value; none for those that have none.
    pub value: Option<String>,
    /// How many there are in the period.
    pub count: u64,
    /// How many there were in the period before, where it is known.
    pub before: Option<u64>,
    /// An ID to trace.
    pub example: Option<String>,
    /// How long it took, in milliseconds.
    pub latency_ms: Option<i64>,
    /// Whether there was nothing of it before the period, as far as the store goes back.
    pub is_new: bool,
}

impl Item {
    pub(super) fn new(value: Option<String>) -> Self {
        Self { value, ..Self::default() }
    }
}

/// What deserves attention. The order is that of urgency.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "kebab-case")]
pub enum FindingKind {
    /// Recipients for whom a message is lost, by domain.
    Lost,
    /// Recipients who are a group or for whom a message is lost, by domain.
    Unclear,
    /// Recipients for whom a message bounced, by cause.
    Bounced,
    /// The same, by domain.
    BouncedDomains,
    /// Addresses for which every message bounced.
    FailingMailboxes,
    /// Recipients for whom a message took long.
    Slow,
    /// Messages that were found to be spam and went to a folder that is none for junk, by sender's
    /// domain.
    SpamInInbox,
    /// Messages that were found to be none and went to a folder for junk, by sender's domain.
    CleanInJunk,
    /// Messages that failed DMARC and were delivered, by sender's domain.
    DmarcFailed,
    /// Rules that drop mail, or send it out of the organization.
    Rules,
    /// Senders who sent much more than before.
    Bursts,
    /// Messages with a leg of which the store has no beginning, by day.
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

    /// The name, as conditions and JSON use it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
