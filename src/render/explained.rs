//! What a question asks, in the words of the query language, and what each part of it finds.

use std::io::{self, Write};

use serde_json::json;

use super::csv::csv_cell;
use super::json::write_json;
use super::sanitise::sanitise;
use super::table::{Cell, Column, Table, TableOptions};

/// A question, with what it finds.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The query that it comes to.
    pub query: String,
    /// The parts of it that must all hold, and how many each finds by itself.
    pub terms: Vec<(String, u64)>,
    /// How many all of them find.
    pub found: u64,
    /// What is found: `messages`, `events`.
    pub unit: &'static str,
}

/// Writes the query, and a row for each of its parts.
pub fn write_explained_table(
    explained: &Explained,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", sanitise(&explained.query))?;
    writeln!(out)?;
    let mut table = Table::new([Column::shortened("TERM"), Column::number("FINDS")]);
    for (term, count) in &explained.terms {
        table.push([Cell::new(term), Cell::new(&count.to_string())]);
    }
    table.push([
        Cell::new("all of it"),
        Cell::new(&format!("{} {}", explained.found, explained.unit)),
    ]);
    table.write(options.width, out)
}

/// Writes one JSON document.
pub fn write_explained_json(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    let terms = explained.terms.iter().map(|(term, found)| json!({"term": term, "found": found}));
    let json = json!({
        "query": explained.query,
        "terms": terms.collect::<Vec<_>>(),
        "unit": explained.unit,
        "found": explained.found,
    });
    write_json(&json, out)
}

/// Writes a row for each part, and one for all of it.
pub fn write_explained_csv(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["term", "found"])?;
    for (term, found) in &explained.terms {
        csv.write_record([csv_cell(term), found.to_string()])?;
    }
    csv.write_record([csv_cell(&explained.query), explained.found.to_string()])?;
    csv.flush()
}
