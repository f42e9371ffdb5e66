//! The fields of the index.

use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};

use super::tokens::WORDS_TOKENIZER;

/// The fields that have terms. All else of a document is in its [`super::Columns`].
///
/// Addresses are whole values in lower case; `SUBJECT` and `REASON` hold words with their
/// positions.
#[derive(Clone, Copy, Debug)]
pub struct Fields;

impl Fields {
    /// The `from` address.
    pub const FROM: Field = Field::from_field_id(0);
    /// The `sender` address.
    pub const SENDER: Field = Field::from_field_id(1);
    /// Every address that is a recipient in any sense.
    pub const TO: Field = Field::from_field_id(2);
    /// The values that are each one of few: [`super::Attribute`].
    pub const ATTRIBUTES: Field = Field::from_field_id(3);
    /// The words of the subject.
    pub const SUBJECT: Field = Field::from_field_id(4);
    /// The words of a bounce's reason.
    pub const REASON: Field = Field::from_field_id(5);

    /// Every field.
    pub(super) const ALL: [Field; 6] =
        [Self::FROM, Self::SENDER, Self::TO, Self::ATTRIBUTES, Self::SUBJECT, Self::REASON];

    /// Builds the schema.
    pub(super) fn schema() -> Schema {
        let whole = || BytesOptions::default().set_indexed();
        let words = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer(WORDS_TOKENIZER)
                // Results are sorted by time and never scored, so lengths of fields are of no use.
                .set_fieldnorms(false)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions),
        );
        let mut builder = Schema::builder();
        // In the order of the constants.
        builder.add_bytes_field("from", whole());
        builder.add_bytes_field("sender", whole());
        builder.add_bytes_field("to", whole());
        builder.add_bytes_field("attributes", whole());
        builder.add_text_field("subject", words.clone());
        builder.add_text_field("reason", words);
        builder.build()
    }

    /// True if the field holds words with positions rather than whole values.
    pub(super) fn is_words(field: Field) -> bool {
        field == Self::SUBJECT || field == Self::REASON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_those_of_the_schema() {
        let schema = Fields::schema();
        let names: Vec<_> = Fields::ALL.iter().map(|it| schema.get_field_name(*it)).collect();
        assert_eq!(names, ["from", "sender", "to", "attributes", "subject", "reason"]);
    }
}
