//! The names of count keys, for people and for programs.

use crate::stats::CountKey;

/// Returns the title of the column with the key's values.
pub(super) fn title(key: CountKey) -> &'static str {
    match key {
        CountKey::Event => "EVENT",
        CountKey::Direction => "DIRECTION",
        CountKey::Sender => "SENDER",
        CountKey::SenderDomain => "SENDER DOMAIN",
        CountKey::Recipient => "RECIPIENT",
        CountKey::RecipientDomain => "RECIPIENT DOMAIN",
        CountKey::SenderRecipient => "SENDER → RECIPIENT",
        CountKey::Outcome => "OUTCOME",
        CountKey::Folder => "FOLDER",
        CountKey::Rule => "RULE",
        CountKey::Reason => "REASON",
        CountKey::Cause => "CAUSE",
        CountKey::Status => "STATUS",
        CountKey::Spam => "SPAM VERDICT",
        CountKey::Dkim => "DKIM VERDICT",
        CountKey::Dmarc => "DMARC VERDICT",
        CountKey::Spf => "SPF VERDICT",
        CountKey::Subject => "SUBJECT",
        CountKey::RecipientCount => "RECIPIENTS",
        CountKey::Hour | CountKey::HourOfDay => "HOUR",
        CountKey::Day | CountKey::Weekday => "DAY",
        CountKey::Week => "WEEK",
    }
}

/// Returns the key's name in JSON and CSV.
pub(super) fn camel(key: CountKey) -> &'static str {
    match key {
        CountKey::SenderDomain => "senderDomain",
        CountKey::RecipientDomain => "recipientDomain",
        CountKey::SenderRecipient => "senderRecipient",
        CountKey::RecipientCount => "recipientCount",
        CountKey::HourOfDay => "hourOfDay",
        other => other.as_str(),
    }
}
