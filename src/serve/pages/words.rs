//! Instants, numbers and outcomes in the form in which pages show them.

use crate::event::{Event, EventName};
use crate::time::{Timestamp, Zone};
use crate::trace::{MessageOutcome, Outcome};

/// An instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct When {
    /// The complete instant, with milliseconds and offset.
    pub(super) exact: String,
    pub(super) date: String,
    pub(super) clock: String,
    /// The milliseconds, with the leading point.
    pub(super) fraction: String,
}

impl When {
    /// Returns empty strings if there is no time.
    pub(super) fn of(at: Option<Timestamp>, zone: &Zone) -> Self {
        at.map(|it| Self::new(it, zone)).unwrap_or_default()
    }

    pub(super) fn new(at: Timestamp, zone: &Zone) -> Self {
        const CLOCK_CHARACTERS: usize = "21:34:00".len();
        const FRACTION_CHARACTERS: usize = ".000".len();
        let exact = at.in_zone(zone);
        let (date, rest) = exact.split_once('T').unwrap_or((&exact, ""));
        let (clock, rest) = rest.split_at_checked(CLOCK_CHARACTERS).unwrap_or((rest, ""));
        let fraction = rest.get(..FRACTION_CHARACTERS).unwrap_or("");
        Self {
            date: date.to_owned(),
            clock: clock.to_owned(),
            fraction: fraction.to_owned(),
            exact,
        }
    }
}

/// Groups a number's digits in thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a number and what it counts.
pub(super) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { several })
}

/// Returns a share of the maximum as SVG takes a width, at least 1 %, so that it is visible.
pub(super) fn share(count: u64, most: u64) -> String {
    format!("{}%", (count.saturating_mul(100) / most.max(1)).max(1))
}

/// An outcome as a word, with the CSS class of its colour and mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Badge {
    pub(super) word: &'static str,
    pub(super) class: &'static str,
}

impl Badge {
    pub(super) fn of_recipient(outcome: Outcome) -> Self {
        let class = match outcome {
            Outcome::Delivered | Outcome::Sent | Outcome::Expanded => "good",
            Outcome::Bounced | Outcome::Dropped | Outcome::Rejected | Outcome::Quarantined => "bad",
            Outcome::Lost => "lost",
            Outcome::Unclear | Outcome::Pending => "wait",
        };
        Self { word: outcome.as_str(), class }
    }

    pub(super) fn of_message(outcome: MessageOutcome) -> Self {
        let class = match outcome {
            MessageOutcome::Delivered => "good",
            MessageOutcome::Partial => "partial",
            MessageOutcome::Failed => "bad",
            MessageOutcome::Pending => "wait",
            MessageOutcome::Unknown => "unknown",
        };
        Self { word: outcome.as_str(), class }
    }

    /// Returns the badge of a step of a message.
    pub(super) fn of_step(event: &Event<'_>) -> Self {
        let (word, class) = match &event.name {
            EventName::OutgoingEmailSubmitted => ("submitted", "start"),
            EventName::OrganizationEmailReceived => ("received", "start"),
            EventName::MailboxEmailDelivered => ("delivered", "good"),
            EventName::OutgoingEmailSent => ("sent", "good"),
            EventName::IncomingEmailBounced | EventName::OutgoingEmailBounced => ("bounced", "bad"),
            EventName::RuleApplied => ("rule", "rule"),
            EventName::JournalingInitiated => ("journal", "rule"),
            EventName::DmarcPolicyApplied => match event.policy.as_deref() {
                Some("REJECT" | "QUARANTINE") => ("DMARC", "bad"),
                _ => ("DMARC", "rule"),
            },
            EventName::Other(_) => ("other", "unknown"),
        };
        Self { word, class }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_taken_apart() {
        let at = Timestamp::parse_log_form("2026-11-23T21:34:00.123Z").unwrap();
        let shown = When::new(at, &Zone::named("Europe/Madrid").unwrap());
        assert_eq!((shown.date.as_str(), shown.clock.as_str()), ("2026-11-23", "22:34:00"));
        assert_eq!(shown.fraction, ".123");
        assert_eq!(shown.exact, "2026-11-23T22:34:00.123+01:00");
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            let shown = When::new(extreme, &Zone::UTC);
            assert_eq!(shown.clock.len(), 8, "{shown:?}");
        }
    }

    #[test]
    fn thousands_stand_apart() {
        let check = |number, expect: &str| assert_eq!(grouped(number), expect);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(12_345_678, "12,345,678");
        assert_eq!(counted(1, "event", "events"), "1 event");
    }
}
