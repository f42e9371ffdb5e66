//! The columns of the table.

use std::collections::HashMap;

use tantivy::Document;
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf, Value};
use tantivy::schema::{Field, NumericOptions, Schema, TextOptions};

use super::MessageEntry;

/// The columns, each of which has as many values as its comment says.
pub(super) struct TableFields;

impl TableFields {
    /// The bits of the first event's location.
    pub(super) const PLACE: &str = "place";
    /// The time of the first event.
    pub(super) const FIRST: &str = "first";
    /// Milliseconds from the first to the last event.
    pub(super) const SPAN: &str = "span";
    /// What is true of the message, where anything is: [`NEEDS_ORIGINALS`] and
    /// [`LACKS_BEGINNING`].
    pub(super) const FLAGS: &str = "flags";
    /// One, where it is known.
    pub(super) const FROM: &str = "from";
    /// One, where it is known.
    pub(super) const SENDER: &str = "sender";
    /// All four with [`SEPARATOR`] between them, where there is any.
    pub(super) const VERDICTS: &str = "verdicts";
    /// One for each rule.
    pub(super) const RULE: &str = "rule";
    /// One for each leg.
    pub(super) const LEG: &str = "leg";
    /// One for each row: its [`super::RowBits`] and which of the columns below have a value for it.
    pub(super) const ROW: &str = "row";
    /// One for each row.
    pub(super) const ADDRESS: &str = "address";
    /// One for each row that has one.
    pub(super) const LATENCY: &str = "latency";
    /// One for each row that has one.
    pub(super) const FOLDER: &str = "folder";
    /// One for each row that has one.
    pub(super) const STATUS: &str = "status";
    /// One for each row that has one: the bits of the location of the bounce that decided.
    pub(super) const BOUNCE: &str = "bounce";

    const NUMBERS: [&str; 6] =
        [Self::PLACE, Self::SPAN, Self::FLAGS, Self::ROW, Self::LATENCY, Self::BOUNCE];
    const SIGNED: [&str; 2] = [Self::FIRST, Self::LEG];
    const TEXTS: [&str; 7] = [
        Self::FROM,
        Self::SENDER,
        Self::VERDICTS,
        Self::RULE,
        Self::ADDRESS,
        Self::FOLDER,
        Self::STATUS,
    ];

    pub(super) fn schema() -> Schema {
        let mut builder = Schema::builder();
        let fast = || NumericOptions::default().set_fast();
        for name in Self::NUMBERS {
            builder.add_u64_field(name, fast());
        }
        for name in Self::SIGNED {
            builder.add_i64_field(name, fast());
        }
        for name in Self::TEXTS {
            builder.add_text_field(name, TextOptions::default().set_fast("raw"));
        }
        builder.build()
    }
}

pub(super) const NEEDS_ORIGINALS: u64 = 1;
pub(super) const LACKS_BEGINNING: u64 = 1 << 1;

/// Stands between verdicts, none of which holds a control character that counts.
pub(super) const SEPARATOR: char = '\u{1f}';

/// A value of a message, on its way to a column.
#[derive(Debug)]
pub(super) enum ColumnValue {
    Number(u64),
    Signed(i64),
    Text(String),
}

/// A message as tantivy takes it.
#[derive(Debug)]
pub(super) struct EntryDocument(Vec<(Field, ColumnValue)>);

impl<'a> Value<'a> for &'a ColumnValue {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::iter::Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match self {
            ColumnValue::Number(number) => ReferenceValueLeaf::U64(*number),
            ColumnValue::Signed(number) => ReferenceValueLeaf::I64(*number),
            ColumnValue::Text(text) => ReferenceValueLeaf::Str(text),
        })
    }
}

impl Document for EntryDocument {
    type Value<'a> = &'a ColumnValue;
    type FieldsValuesIter<'a> = std::iter::Map<
        std::slice::Iter<'a, (Field, ColumnValue)>,
        fn(&'a (Field, ColumnValue)) -> (Field, &'a ColumnValue),
    >;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.0.iter().map(|(field, value)| (*field, value))
    }
}

/// The fields by their columns.
pub(super) struct DocumentFields(HashMap<&'static str, Field>);

impl DocumentFields {
    pub(super) fn new(schema: &Schema) -> Self {
        let names = [&TableFields::NUMBERS[..], &TableFields::SIGNED, &TableFields::TEXTS].concat();
        let field = |it: &'static str| Some((it, schema.get_field(it).ok()?));
        Self(names.into_iter().filter_map(field).collect())
    }

    /// The document that stands for a message.
    pub(super) fn document(&self, entry: MessageEntry) -> EntryDocument {
        use ColumnValue::{Number, Signed, Text};
        let mut values = Vec::with_capacity(8 + entry.legs.len() + 4 * entry.recipients.len());
        let mut add = |name, value| values.extend(self.0.get(name).map(|it| (*it, value)));
        let flags = if entry.needs_originals { NEEDS_ORIGINALS } else { 0 }
            | if entry.lacks_beginning { LACKS_BEGINNING } else { 0 };
        let span = entry.last_ms.saturating_sub(entry.first_ms).max(0).cast_unsigned();
        add(TableFields::PLACE, Number(entry.place.to_bits()));
        add(TableFields::FIRST, Signed(entry.first_ms));
        add(TableFields::SPAN, Number(span));
        if flags != 0 {
            add(TableFields::FLAGS, Number(flags));
        }
        if entry.verdicts.iter().any(Option::is_some) {
            let verdicts = entry.verdicts.each_ref().map(|it| it.as_deref().unwrap_or_default());
            let joined = verdicts.join(SEPARATOR.encode_utf8(&mut [0; 4]));
            add(TableFields::VERDICTS, Text(joined));
        }
        for (name, value) in [(TableFields::FROM, entry.from), (TableFields::SENDER, entry.sender)]
        {
            if let Some(value) = value {
                add(name, Text(value));
            }
        }
        entry.rules.into_iter().for_each(|it| add(TableFields::RULE, Text(it)));
        entry.legs.iter().for_each(|it| add(TableFields::LEG, Signed(it.to_number())));
        for row in entry.recipients {
            add(TableFields::ROW, Number(row.to_number()));
            add(TableFields::ADDRESS, Text(row.address));
            if let Some(ms) = row.latency_ms {
                add(TableFields::LATENCY, Number(ms));
            }
            if let Some(folder) = row.folder {
                add(TableFields::FOLDER, Text(folder));
            }
            if let Some(status) = row.status {
                add(TableFields::STATUS, Text(status));
            }
            if let Some(bounce) = row.bounce {
                add(TableFields::BOUNCE, Number(bounce.to_bits()));
            }
        }
        EntryDocument(values)
    }
}
