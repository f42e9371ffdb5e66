//! The queries in the WorkMail administrator guide ("Using CloudWatch Insights with Amazon
//! WorkMail"), each with our command that answers the same question.

/// An example query. The words in capitals are placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    pub purpose: &'static str,
    /// The query in the guide.
    pub query: &'static str,
    /// Our command that answers the question.
    pub command: &'static str,
}

const EVENTS_OF_TRACE: &str =
    "fields @timestamp, event.eventName | sort @timestamp asc | filter traceId = \"TRACEID\"";

/// All sixteen, in the order of the guide.
pub const EXAMPLES: [Example; 16] = [
    Example {
        purpose: "messages that one user has sent to another",
        query: "fields @timestamp, traceId | sort @timestamp asc | filter (event.from like /(?i)USERA/ and event.eventName = \"OUTGOING_EMAIL_SUBMITTED\" and event.recipients.0 like /(?i)USERB/)",
        command: "mailtrace messages --from USERA --to USERB",
    },
    Example {
        purpose: "all events of one leg of a message",
        query: EVENTS_OF_TRACE,
        command: "mailtrace trace TRACEID",
    },
    Example {
        purpose: "both legs of a message",
        query: "fields @timestamp, event.eventName | sort @timestamp asc | filter event.messageId like \"MESSAGEID\"",
        command: "mailtrace trace '<MESSAGEID>'",
    },
    Example {
        purpose: "how the received leg was delivered",
        query: EVENTS_OF_TRACE,
        command: "mailtrace trace '<MESSAGEID>'",
    },
    Example {
        purpose: "messages received from a user",
        query: "fields @timestamp, event.eventName | sort @timestamp asc | filter (event.from like /(?i)USER/ and event.eventName = \"ORGANIZATION_EMAIL_RECEIVED\")",
        command: "mailtrace messages --from USER --direction incoming",
    },
    Example {
        purpose: "messages received from a domain",
        query: "fields @timestamp, event.eventName | sort @timestamp asc | filter (event.from like \"DOMAIN\" and event.eventName = \"ORGANIZATION_EMAIL_RECEIVED\")",
        command: "mailtrace messages --from '*@DOMAIN' --direction incoming",
    },
    Example {
        purpose: "which sent messages bounced, and why",
        query: "fields @timestamp, event.destination, event.reason | sort @timestamp desc | filter event.eventName = \"OUTGOING_EMAIL_BOUNCED\"",
        command: "mailtrace messages --outcome bounced --direction outgoing",
    },
    Example {
        purpose: "which received messages bounced, and why",
        query: "fields @timestamp, event.bouncedRecipient.emailAddress, event.bouncedRecipient.reason, event.bouncedRecipient.status | sort @timestamp desc | filter event.eventName = \"INCOMING_EMAIL_BOUNCED\"",
        command: "mailtrace messages --outcome bounced --direction incoming",
    },
    Example {
        purpose: "who sends spam",
        query: "fields @timestamp, event.recipients.0, event.sender, event.from | sort @timestamp asc | filter (event.spamVerdict = \"FAIL\")",
        command: "mailtrace messages --spam FAIL --group-by sender",
    },
    Example {
        purpose: "who receives spam",
        query: "stats count(*) as c by event.recipients.0 | filter (event.eventName = \"ORGANIZATION_EMAIL_RECEIVED\" and event.spamVerdict = \"FAIL\") | sort c desc",
        command: "mailtrace messages --spam FAIL --group-by recipient",
    },
    Example {
        purpose: "why a message went to the junk folder",
        query: "fields @timestamp, event.recipients.0, event.spamVerdict, event.spfVerdict, event.dkimVerdict, event.dmarcVerdict | sort @timestamp asc | filter event.subject like /(?i)SUBJECT/ and event.eventName = \"ORGANIZATION_EMAIL_RECEIVED\"",
        command: "mailtrace messages --subject SUBJECT --junk yes",
    },
    Example {
        purpose: "all events of the message that went there",
        query: EVENTS_OF_TRACE,
        command: "mailtrace trace TRACEID",
    },
    Example {
        purpose: "which outbound rules were applied",
        query: "fields @timestamp, event.ruleName, event.ruleActions.0.action | sort @timestamp desc | filter event.ruleType = \"OUTBOUND_RULE\"",
        command: "mailtrace messages --rule-type OUTBOUND_RULE --group-by rule",
    },
    Example {
        purpose: "which inbound rules were applied",
        query: "fields @timestamp, event.ruleName, event.ruleActions.0.action, event.ruleActions.0.recipients.0 | sort @timestamp desc | filter event.ruleType = \"INBOUND_RULE\"",
        command: "mailtrace messages --rule-type INBOUND_RULE --group-by rule",
    },
    Example {
        purpose: "how many messages each mailbox received",
        query: "stats count(*) as c by event.recipient | filter event.eventName = \"MAILBOX_EMAIL_DELIVERED\" | sort c desc",
        command: "mailtrace messages --outcome delivered --group-by recipient",
    },
    Example {
        purpose: "how many messages each user sent",
        query: "stats count(*) as c by event.from | filter event.eventName = \"OUTGOING_EMAIL_SUBMITTED\" | sort c desc",
        command: "mailtrace messages --direction outgoing --group-by sender",
    },
];
