//! The fields that a query may name: those of events, and those that only a row of a message has.

use std::fmt;

use super::AccessField;

/// A field of an event, or of a row: a message and one of its recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The address on whose behalf the message was sent.
    From,
    /// The address that really sent it.
    Sender,
    /// A recipient in any sense: [`crate::event::Event::all_recipients`].
    To,
    /// The subject, decoded.
    Subject,
    /// The message ID.
    MessageId,
    /// The trace ID.
    TraceId,
    /// The event's name.
    Event,
    /// The rule's name.
    Rule,
    /// The rule's type.
    RuleType,
    /// The action of a rule.
    Action,
    /// The folder of a delivery, or the target folder of a rule.
    Folder,
    /// The spam verdict.
    Spam,
    /// The DKIM verdict.
    Dkim,
    /// The DMARC verdict.
    Dmarc,
    /// The SPF verdict.
    Spf,
    /// The DMARC policy, as the verdict names it or as it was applied.
    Policy,
    /// The status of a bounce.
    Status,
    /// The reason of a bounce.
    Reason,
    /// The log group of the record.
    LogGroup,
    /// The time of the record.
    Time,
    /// The outcome for the recipient.
    Outcome,
    /// The outcome of the whole message.
    MessageOutcome,
    /// The time from the start of the leg to the recipient's outcome.
    Latency,
    /// The direction of the recipient's leg.
    Direction,
    /// Whether the recipient's folder is a junk folder.
    Junk,
    /// The sender's domain.
    SenderDomain,
    /// The recipient's domain.
    RecipientDomain,
    /// The reason of the recipient's bounce, without addresses, hosts and IDs.
    Cause,
    /// The number of recipients of the message.
    Recipients,
    /// The time at which the message was first seen.
    FirstSeen,
    /// The sender, the From address or a recipient.
    Address,
    /// The address to which a rule forwarded or redirected the message.
    ForwardedTo,
    /// The kinds of legs it has: their directions, and whether one has no beginning.
    Leg,
    /// The status of the bounce that decided the recipient's outcome.
    FinalStatus,
    /// One of its events, which a query on events describes.
    OneEvent,
    /// A field of an audit event.
    Access(AccessField),
}

/// The way in which values of a field compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Normalised by [`crate::event::Address`]: in lower case, without a display name.
    Address,
    /// Normalised by [`crate::store::words::folded`]: without regard to case.
    Keyword,
    /// By the words that [`crate::store::words::words`] finds.
    Words,
    /// Exactly, because the index holds only a hash. Message IDs come without their brackets.
    Id,
    /// By its numbers, or as a keyword.
    Status,
    /// By instant.
    Time,
    /// By duration, in milliseconds.
    Duration,
    /// As a number.
    Number,
    /// As one of a few known words.
    Choice,
    /// By a query on events.
    Event,
}

impl Field {
    /// The fields of events, in the order in which the help lists them.
    pub const ALL: [Self; 20] = [
        Self::From,
        Self::Sender,
        Self::To,
        Self::Subject,
        Self::MessageId,
        Self::TraceId,
        Self::Event,
        Self::Rule,
        Self::RuleType,
        Self::Action,
        Self::Folder,
        Self::Spam,
        Self::Dkim,
        Self::Dmarc,
        Self::Spf,
        Self::Policy,
        Self::Status,
        Self::Reason,
        Self::LogGroup,
        Self::Time,
    ];

    /// The fields that only rows have, in the order in which the help lists them.
    pub const OF_ROWS: [Self; 15] = [
        Self::Outcome,
        Self::MessageOutcome,
        Self::Latency,
        Self::Direction,
        Self::Junk,
        Self::SenderDomain,
        Self::RecipientDomain,
        Self::Cause,
        Self::Recipients,
        Self::FirstSeen,
        Self::Address,
        Self::ForwardedTo,
        Self::Leg,
        Self::FinalStatus,
        Self::OneEvent,
    ];

    /// True if only rows have it.
    pub fn is_of_rows(self) -> bool {
        Self::OF_ROWS.contains(&self)
    }

    /// The words that its values may be; empty if any text may be one.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Outcome => &[
                "delivered",
                "sent",
                "bounced",
                "dropped",
                "rejected",
                "quarantined",
                "expanded",
                "unclear",
                "pending",
                "lost",
            ],
            Self::MessageOutcome => &["delivered", "partial", "failed", "pending", "unknown"],
            Self::Direction => &["incoming", "outgoing"],
            Self::Junk => &["true", "false"],
            Self::Leg => &["incoming", "outgoing", "no-beginning"],
            _ => &[],
        }
    }

    /// The name in queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Sender => "sender",
            Self::To => "to",
            Self::Subject => "subject",
            Self::MessageId => "message-id",
            Self::TraceId => "trace-id",
            Self::Event => "event",
            Self::Rule => "rule",
            Self::RuleType => "rule-type",
            Self::Action => "action",
            Self::Folder => "folder",
            Self::Spam => "spam",
            Self::Dkim => "dkim",
            Self::Dmarc => "dmarc",
            Self::Spf => "spf",
            Self::Policy => "policy",
            Self::Status => "status",
            Self::Reason => "reason",
            Self::LogGroup => "log-group",
            Self::Time => "time",
            Self::Outcome => "outcome",
            Self::MessageOutcome => "message-outcome",
            Self::Latency => "latency",
            Self::Direction => "direction",
            Self::Junk => "junk",
            Self::SenderDomain => "sender-domain",
            Self::RecipientDomain => "recipient-domain",
            Self::Cause => "cause",
            Self::Recipients => "recipients",
            Self::FirstSeen => "first-seen",
            Self::Address => "address",
            Self::ForwardedTo => "forwarded-to",
            Self::Leg => "leg",
            Self::FinalStatus => "final-status",
            Self::OneEvent => "one-event",
            Self::Access(field) => field.name(),
        }
    }

    /// The way in which its values compare.
    pub fn kind(self) -> FieldKind {
        match self {
            Self::From | Self::Sender | Self::To | Self::Address | Self::ForwardedTo => {
                FieldKind::Address
            }
            Self::Subject | Self::Reason | Self::Cause => FieldKind::Words,
            Self::MessageId | Self::TraceId => FieldKind::Id,
            Self::Status | Self::FinalStatus => FieldKind::Status,
            Self::Time | Self::FirstSeen => FieldKind::Time,
            Self::Latency => FieldKind::Duration,
            Self::Recipients => FieldKind::Number,
            Self::Outcome | Self::MessageOutcome | Self::Direction | Self::Junk | Self::Leg => {
                FieldKind::Choice
            }
            Self::OneEvent => FieldKind::Event,
            _ => FieldKind::Keyword,
        }
    }

    /// Finds a field by its name or by WorkMail's name for it, in any case, with or without
    /// hyphens.
    pub fn from_name(name: &str) -> Option<Self> {
        let name: String =
            name.chars().filter(|it| !matches!(it, '-' | '_')).collect::<String>().to_lowercase();
        let field = match name.as_str() {
            "from" => Self::From,
            "sender" => Self::Sender,
            "to" | "recipient" | "rcpt" => Self::To,
            "subject" => Self::Subject,
            "messageid" | "msgid" => Self::MessageId,
            "traceid" | "trace" => Self::TraceId,
            "event" | "eventname" => Self::Event,
            "rule" | "rulename" => Self::Rule,
            "ruletype" => Self::RuleType,
            "action" | "ruleaction" | "ruleactions" => Self::Action,
            "folder" | "targetfolder" => Self::Folder,
            "spam" | "spamverdict" => Self::Spam,
            "dkim" | "dkimverdict" => Self::Dkim,
            "dmarc" | "dmarcverdict" => Self::Dmarc,
            "spf" | "spfverdict" => Self::Spf,
            "policy" | "dmarcpolicy" => Self::Policy,
            "status" => Self::Status,
            "reason" => Self::Reason,
            "loggroup" | "group" => Self::LogGroup,
            "time" | "timestamp" => Self::Time,
            "outcome" => Self::Outcome,
            "messageoutcome" => Self::MessageOutcome,
            "latency" => Self::Latency,
            "direction" => Self::Direction,
            "junk" => Self::Junk,
            "senderdomain" => Self::SenderDomain,
            "recipientdomain" => Self::RecipientDomain,
            "cause" => Self::Cause,
            "recipients" | "recipientcount" => Self::Recipients,
            "firstseen" => Self::FirstSeen,
            "address" => Self::Address,
            "forwardedto" => Self::ForwardedTo,
            "leg" => Self::Leg,
            "finalstatus" => Self::FinalStatus,
            "oneevent" => Self::OneEvent,
            _ => return None,
        };
        Some(field)
    }

    /// The field whose name is most like `name`, if any is similar enough.
    pub fn nearest(name: &str) -> Option<Self> {
        /// Names are short, and nothing longer resembles one. It also bounds the quadratic
        /// comparison.
        const NAME_CHARS_MAX: usize = 24;
        let name: Vec<char> = name.to_lowercase().chars().take(NAME_CHARS_MAX + 1).collect();
        if name.len() > NAME_CHARS_MAX {
            return None;
        }
        let all = Self::ALL.into_iter().chain(Self::OF_ROWS);
        let distances = all.map(|it| (edit_distance(&name, it.name()), it));
        let (distance, field) = distances.min_by_key(|(distance, _)| *distance)?;
        (distance <= 1 + field.name().len() / 4).then_some(field)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The number of letters to insert, delete, change or swap with the next one.
pub(super) fn edit_distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    for (row, left_char) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, right_char) in right.iter().enumerate() {
            let changed = at(&last, column) + usize::from(left_char != right_char);
            let mut best = changed.min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            let is_swap = row > 0
                && column > 0
                && left.get(row - 1) == Some(right_char)
                && right.get(column - 1) == Some(left_char);
            if is_swap {
                best = best.min(at(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    at(&last, right.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for field in Field::ALL.into_iter().chain(Field::OF_ROWS) {
            assert_eq!(Field::from_name(field.name()), Some(field));
        }
        assert_eq!(Field::from_name("messageId"), Some(Field::MessageId));
        assert_eq!(Field::from_name("RULE_NAME"), Some(Field::Rule));
        assert_eq!(Field::from_name("body"), None);
    }

    #[test]
    fn a_misspelt_name_finds_its_field() {
        assert_eq!(Field::nearest("form"), Some(Field::From));
        assert_eq!(Field::nearest("subjct"), Some(Field::Subject));
        assert_eq!(Field::nearest("mesage-id"), Some(Field::MessageId));
        assert_eq!(Field::nearest("zebra"), None);
        assert_eq!(Field::nearest(&"x".repeat(5_000)), None);
    }
}
