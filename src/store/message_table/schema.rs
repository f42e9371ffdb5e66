//! The columns of the table.

use tantivy::TantivyDocument;
use tantivy::schema::{Field, NumericOptions, Schema, TextOptions};

use super::entry::{LegEntry, MessageEntry};
use super::mailbox_domains::MailboxDomains;

/// The columns. The comment of each says how many values a document has in it.
pub(super) struct TableFields;

impl TableFields {
    /// The bits of the first event's location.
    pub(super) const PLACE: &str = "place";
    /// The time of the first event.
    pub(super) const FIRST: &str = "first";
    /// Milliseconds from the first to the last event.
    pub(super) const SPAN: &str = "span";
    /// The flags that are set, if any: [`NEEDS_ORIGINALS`] and [`LACKS_BEGINNING`].
    pub(super) const FLAGS: &str = "flags";
    /// One, if known.
    pub(super) const FROM: &str = "from";
    /// One, if known.
    pub(super) const SENDER: &str = "sender";
    /// One, if there are verdicts: [`super::entry::joined_verdicts`].
    pub(super) const VERDICTS: &str = "verdicts";
    /// One for each rule.
    pub(super) const RULE: &str = "rule";
    /// One for each leg; none for a message whose only leg came in with its first event.
    pub(super) const LEG: &str = "leg";
    /// One for each row: its [`super::RowBits`], its latency, and which of the columns below have a
    /// value for it.
    pub(super) const ROW: &str = "row";
    /// One for each row.
    pub(super) const ADDRESS: &str = "address";
    /// One for each row that has one.
    pub(super) const FOLDER: &str = "folder";
    /// One for each row that has one.
    pub(super) const STATUS: &str = "status";
    /// One for each row that has one.
    pub(super) const CAUSE: &str = "cause";
    /// One for each row that has one: the bits of the location of the bounce that decided.
    pub(super) const BOUNCE: &str = "bounce";
}

pub(super) const NEEDS_ORIGINALS: u64 = 1;
pub(super) const LACKS_BEGINNING: u64 = 1 << 1;

/// Converts entries into documents.
#[derive(Clone)]
pub(crate) struct EntryDocuments {
    pub(super) mailbox_domains: MailboxDomains,
    place: Field,
    first: Field,
    span: Field,
    flags: Field,
    from: Field,
    sender: Field,
    verdicts: Field,
    rule: Field,
    leg: Field,
    row: Field,
    address: Field,
    folder: Field,
    status: Field,
    cause: Field,
    bounce: Field,
}

/// An entry as a document of the table.
pub(crate) struct EntryDocument(pub(super) TantivyDocument);

impl EntryDocuments {
    /// The schema, and the converter for it.
    pub(super) fn new(mailbox_domains: MailboxDomains) -> (Schema, Self) {
        let mut builder = Schema::builder();
        // Columns only, neither terms nor stored documents: no entry is looked up by a word, and a
        // question about many messages is one pass over a few columns.
        let number = || NumericOptions::default().set_fast();
        let text = || TextOptions::default().set_fast("raw");
        let fields = Self {
            mailbox_domains,
            place: builder.add_u64_field(TableFields::PLACE, number()),
            first: builder.add_i64_field(TableFields::FIRST, number()),
            span: builder.add_u64_field(TableFields::SPAN, number()),
            flags: builder.add_u64_field(TableFields::FLAGS, number()),
            from: builder.add_text_field(TableFields::FROM, text()),
            sender: builder.add_text_field(TableFields::SENDER, text()),
            verdicts: builder.add_text_field(TableFields::VERDICTS, text()),
            rule: builder.add_text_field(TableFields::RULE, text()),
            leg: builder.add_u64_field(TableFields::LEG, number()),
            row: builder.add_u64_field(TableFields::ROW, number()),
            address: builder.add_text_field(TableFields::ADDRESS, text()),
            folder: builder.add_text_field(TableFields::FOLDER, text()),
            status: builder.add_text_field(TableFields::STATUS, text()),
            cause: builder.add_text_field(TableFields::CAUSE, text()),
            bounce: builder.add_u64_field(TableFields::BOUNCE, number()),
        };
        (builder.build(), fields)
    }

    /// Converts an entry into a document.
    pub(crate) fn document(&self, entry: &MessageEntry<'_>) -> EntryDocument {
        // Sized up front: growing would copy the buffer several times for each message.
        let texts = entry.recipients.iter().map(|it| it.address.len() + BYTES_BESIDE_TEXT);
        let mut document = TantivyDocument::with_capacity(BYTES_BESIDE_TEXT + texts.sum::<usize>());
        let span = entry.last_ms.saturating_sub(entry.first_ms).max(0).cast_unsigned();
        document.add_u64(self.place, entry.place.to_bits());
        document.add_i64(self.first, entry.first_ms);
        document.add_u64(self.span, span);
        let flags = if entry.needs_originals { NEEDS_ORIGINALS } else { 0 }
            | if entry.lacks_beginning { LACKS_BEGINNING } else { 0 };
        if flags != 0 {
            document.add_u64(self.flags, flags);
        }
        let texts = [
            (self.from, &entry.from),
            (self.sender, &entry.sender),
            (self.verdicts, &entry.verdicts),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                document.add_text(field, text);
            }
        }
        entry.rules.iter().for_each(|it| document.add_text(self.rule, it));
        // The reader makes up the leg that is left out here: most messages have just that one.
        if entry.legs != [LegEntry::only(entry.first_ms)] {
            for leg in &entry.legs {
                document.add_u64(self.leg, leg.to_number(entry.first_ms));
            }
        }
        for row in &entry.recipients {
            self.mailbox_domains.take(row);
            // tantivy keeps the order of a document's values, so the n-th row has the n-th address.
            // Optional texts have fewer values; the bits of each row say which rows they belong to.
            document.add_u64(self.row, row.to_number());
            document.add_text(self.address, &row.address);
            if let Some(folder) = &row.folder {
                document.add_text(self.folder, folder);
            }
            if let Some(status) = &row.status {
                document.add_text(self.status, status);
            }
            if let Some(cause) = &row.cause {
                document.add_text(self.cause, cause);
            }
            if let Some(bounce) = row.bounce {
                document.add_u64(self.bounce, bounce.to_bits());
            }
        }
        EntryDocument(document)
    }
}

/// Approximate bytes of a message besides addresses, and of a recipient besides theirs.
const BYTES_BESIDE_TEXT: usize = 64;
