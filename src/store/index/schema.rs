//! The fields of the index.

use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};

use super::tokens::WORDS_TOKENIZER;

/// Every field of the index.
///
/// Text fields hold whole values in lower case, but for `subject` and `reason`, which hold words
/// with their positions. `timestamp` and `location` are columns.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// [`super::IdTerm`] of the trace ID.
    pub trace_id: Field,
    /// [`super::IdTerm`] of the message where there is no trace ID, so that its duplicates are found.
    pub untraced: Field,
    /// [`super::IdTerm`] of the message ID.
    pub message_id: Field,
    /// The `from` address.
    pub from: Field,
    /// The `sender` address.
    pub sender: Field,
    /// Every address that is a recipient in any sense.
    pub to: Field,
    /// The event's name.
    pub event: Field,
    /// `ruleName`.
    pub rule: Field,
    /// `ruleType`.
    pub rule_type: Field,
    /// The actions of `ruleActions`.
    pub action: Field,
    /// The folder of a delivery or of a rule's target.
    pub folder: Field,
    /// `spamVerdict`.
    pub spam: Field,
    /// `dkimVerdict`.
    pub dkim: Field,
    /// `dmarcVerdict`.
    pub dmarc: Field,
    /// `spfVerdict`.
    pub spf: Field,
    /// `policy` and `dmarcPolicy`.
    pub policy: Field,
    /// The status of a bounce.
    pub status: Field,
    /// The words of a bounce's reason.
    pub reason: Field,
    /// The words of the subject.
    pub subject: Field,
    /// The log group.
    pub log_group: Field,
    /// The record's time in milliseconds since 1970.
    pub timestamp: Field,
    /// Where the record lies in the archive.
    pub location: Field,
}

/// The name of the column with the record's time.
pub(super) const TIMESTAMP: &str = "timestamp";
/// The name of the column with the record's location.
pub(super) const LOCATION: &str = "location";

impl Fields {
    /// Builds the schema.
    pub(super) fn schema() -> (Schema, Self) {
        let hash = || BytesOptions::default().set_indexed();
        let column = || NumericOptions::default().set_fast();
        let whole = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_fieldnorms(false)
                .set_index_option(IndexRecordOption::Basic),
        );
        let words = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer(WORDS_TOKENIZER)
                .set_fieldnorms(false)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions),
        );
        let mut builder = Schema::builder();
        let fields = Self {
            trace_id: builder.add_bytes_field("trace_id", hash()),
            untraced: builder.add_bytes_field("untraced", hash()),
            message_id: builder.add_bytes_field("message_id", hash()),
            from: builder.add_text_field("from", whole.clone()),
            sender: builder.add_text_field("sender", whole.clone()),
            to: builder.add_text_field("to", whole.clone()),
            event: builder.add_text_field("event", whole.clone()),
            rule: builder.add_text_field("rule", whole.clone()),
            rule_type: builder.add_text_field("rule_type", whole.clone()),
            action: builder.add_text_field("action", whole.clone()),
            folder: builder.add_text_field("folder", whole.clone()),
            spam: builder.add_text_field("spam", whole.clone()),
            dkim: builder.add_text_field("dkim", whole.clone()),
            dmarc: builder.add_text_field("dmarc", whole.clone()),
            spf: builder.add_text_field("spf", whole.clone()),
            policy: builder.add_text_field("policy", whole.clone()),
            status: builder.add_text_field("status", whole.clone()),
            reason: builder.add_text_field("reason", words.clone()),
            subject: builder.add_text_field("subject", words),
            log_group: builder.add_text_field("log_group", whole),
            timestamp: builder.add_i64_field(TIMESTAMP, column()),
            location: builder.add_u64_field(LOCATION, column()),
        };
        (builder.build(), fields)
    }

    /// Whether the field holds words with positions rather than whole values.
    pub(super) fn is_words(&self, field: Field) -> bool {
        field == self.subject || field == self.reason
    }

    /// Every field that has terms.
    pub(super) fn indexed(&self) -> [Field; 20] {
        [
            self.trace_id,
            self.untraced,
            self.message_id,
            self.from,
            self.sender,
            self.to,
            self.event,
            self.rule,
            self.rule_type,
            self.action,
            self.folder,
            self.spam,
            self.dkim,
            self.dmarc,
            self.spf,
            self.policy,
            self.status,
            self.reason,
            self.subject,
            self.log_group,
        ]
    }
}
