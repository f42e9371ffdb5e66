//! Answers before they are laid out, and the one printer that lays them out.
//!
//! An answer that fits into memory is an [`Answer`]. A long list is printed [part](Part) by part.
//! Only this module decides by [`AnswerFormat`] how something is laid out.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::facets::AnswerShape;
use super::json::{write_json, write_value};
use super::sanitise::sanitise;
use super::table::TableOptions;
use crate::time::Zone;

/// The format in which an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerFormat {
    /// Aligned columns for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
}

/// A value that can lay itself out.
pub trait Answer {
    /// Writes it for people, as columns or sentences.
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()>;

    /// Writes it for programs, as a document or a list.
    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()>;

    /// Writes it for spreadsheets. An answer that is no table is written as for people.
    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        self.table(options, out)
    }
}

/// Rows of a long list that are laid out together.
pub trait Part {
    /// Writes the rows for people.
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()>;

    /// Adds an element to the list for each row.
    fn json(&self, zone: &Zone, list: &mut JsonWriter<'_>) -> io::Result<()>;

    /// Writes rows of CSV without a header.
    fn csv(&self, zone: &Zone, out: &mut dyn Write) -> io::Result<()>;
}

/// A member of a JSON object.
pub type JsonMember = (&'static str, Value);

/// Makes an object of members.
pub(super) fn object(members: impl IntoIterator<Item = JsonMember>) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The head of a list, known before any of its rows.
#[derive(Clone, Debug)]
pub struct ListHead {
    /// Its name in a JSON document.
    pub name: &'static str,
    /// The members before it there.
    pub members: Vec<JsonMember>,
    /// The header of its CSV.
    pub columns: Vec<&'static str>,
}

/// Prints answers, all in the same way.
#[derive(Clone, Debug)]
pub struct Printer {
    /// The format.
    pub format: AnswerFormat,
    /// The terminal's width, and the time zone.
    pub options: TableOptions,
}

impl Printer {
    /// Prints an answer.
    pub fn print(&self, answer: &dyn Answer, out: &mut dyn Write) -> io::Result<()> {
        let Self { format, options } = self;
        match format {
            AnswerFormat::Table => answer.table(options, out),
            AnswerFormat::Json => answer.json(&options.zone, &mut JsonWriter::document(out)),
            AnswerFormat::Ndjson => answer.json(&options.zone, &mut JsonWriter::lines(out)),
            AnswerFormat::Csv => answer.csv(options, out),
        }?;
        // A buffered writer that is merely dropped swallows its errors, such as a full disk.
        out.flush()
    }

    /// Begins a list.
    pub fn list<'o>(
        &'o self,
        head: &ListHead,
        out: &'o mut dyn Write,
    ) -> io::Result<ListPrinter<'o>> {
        if self.format == AnswerFormat::Csv {
            write_csv_rows([&head.columns], out)?;
        }
        let mut json =
            JsonWriter { out, is_lines: self.format == AnswerFormat::Ndjson, is_first: true };
        if self.format == AnswerFormat::Json {
            json.begin(&head.members, head.name)?;
        }
        Ok(ListPrinter { printer: self, json })
    }
}

/// A list being printed. Only one of its parts is in memory at a time.
pub struct ListPrinter<'o> {
    printer: &'o Printer,
    json: JsonWriter<'o>,
}

impl ListPrinter<'_> {
    /// Prints the next rows.
    pub fn part(&mut self, part: &dyn Part) -> io::Result<()> {
        let options = &self.printer.options;
        match self.printer.format {
            AnswerFormat::Table => part.table(options, self.json.out),
            AnswerFormat::Json | AnswerFormat::Ndjson => part.json(&options.zone, &mut self.json),
            AnswerFormat::Csv => part.csv(&options.zone, self.json.out),
        }
    }

    /// Prints what follows the list: in a JSON document its last members.
    pub fn end(mut self, mut members: Vec<JsonMember>, shape: &AnswerShape) -> io::Result<()> {
        let options = &self.printer.options;
        match self.printer.format {
            AnswerFormat::Table => shape.table(options, self.json.out)?,
            AnswerFormat::Json => {
                members.extend(shape.members(&options.zone));
                self.json.end(&members)?;
            }
            AnswerFormat::Ndjson => shape.json(&options.zone, &mut self.json)?,
            // A CSV file holds one table, so the shape is left out.
            AnswerFormat::Csv => {}
        }
        self.json.out.flush()
    }
}

/// Writes JSON: a document, or lines that hold the elements of its list and nothing else.
pub struct JsonWriter<'o> {
    out: &'o mut dyn Write,
    is_lines: bool,
    is_first: bool,
}

impl<'o> JsonWriter<'o> {
    /// Writes one document.
    pub fn document(out: &'o mut dyn Write) -> Self {
        Self { out, is_lines: false, is_first: true }
    }

    /// Writes lines.
    pub fn lines(out: &'o mut dyn Write) -> Self {
        Self { out, is_lines: true, is_first: true }
    }

    /// True if each element is a line.
    pub fn is_lines(&self) -> bool {
        self.is_lines
    }

    /// Writes something that is no list; it is the same line in both forms.
    pub fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        write_json(value, self.out)
    }

    /// Writes a list: `{BEFORE…,"NAME":[ELEMENT…],BEHIND…}`, or only its elements.
    pub fn list<E: Serialize>(
        &mut self,
        before: &[JsonMember],
        name: &str,
        elements: impl IntoIterator<Item = E>,
        behind: &[JsonMember],
    ) -> io::Result<()> {
        self.begin(before, name)?;
        elements.into_iter().try_for_each(|it| self.push(&it))?;
        self.end(behind)
    }

    /// Writes up to the first element.
    pub(super) fn begin(&mut self, before: &[JsonMember], name: &str) -> io::Result<()> {
        if self.is_lines {
            return Ok(());
        }
        self.out.write_all(b"{")?;
        for (name, value) in before {
            write_value(name, self.out)?;
            self.out.write_all(b":")?;
            write_value(value, self.out)?;
            self.out.write_all(b",")?;
        }
        write_value(&name, self.out)?;
        self.out.write_all(b":[")
    }

    /// Writes an element.
    pub fn push(&mut self, element: &impl Serialize) -> io::Result<()> {
        self.separate()?;
        write_value(element, self.out)?;
        self.terminate()
    }

    /// Writes an element that is serialised already.
    pub(super) fn push_text(&mut self, element: &[u8]) -> io::Result<()> {
        self.separate()?;
        self.out.write_all(element)?;
        self.terminate()
    }

    fn separate(&mut self) -> io::Result<()> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        if self.is_lines || is_first { Ok(()) } else { self.out.write_all(b",") }
    }

    fn terminate(&mut self) -> io::Result<()> {
        if self.is_lines { self.out.write_all(b"\n") } else { Ok(()) }
    }

    /// Writes what follows the last element.
    pub(super) fn end(&mut self, behind: &[JsonMember]) -> io::Result<()> {
        if self.is_lines {
            return Ok(());
        }
        self.out.write_all(b"]")?;
        for (name, value) in behind {
            self.out.write_all(b",")?;
            write_value(name, self.out)?;
            self.out.write_all(b":")?;
            write_value(value, self.out)?;
        }
        self.out.write_all(b"}\n")
    }
}

/// Writes CSV: a header, and a row for each item. Texts of strangers must have passed through
/// [`csv_cell`](super::csv_cell).
pub fn write_csv<C: AsRef<[u8]>>(
    header: impl IntoIterator<Item = impl AsRef<[u8]>>,
    rows: impl IntoIterator<Item = impl IntoIterator<Item = C>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(header)?;
    rows.into_iter().try_for_each(|it| csv.write_record(it))?;
    csv.flush()
}

/// Writes rows of CSV that continue earlier ones.
pub fn write_csv_rows<C: AsRef<[u8]>>(
    rows: impl IntoIterator<Item = impl IntoIterator<Item = C>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    rows.into_iter().try_for_each(|it| csv.write_record(it))?;
    csv.flush()
}

/// An answer of a few lines for people, and of one object for programs.
#[derive(Clone, Debug)]
pub struct BriefAnswer {
    /// The lines.
    pub lines: Vec<String>,
    /// The object.
    pub json: Value,
}

impl Answer for BriefAnswer {
    fn table(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        self.lines.iter().try_for_each(|it| writeln!(out, "{}", sanitise(it)))
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        out.value(&self.json)
    }
}
