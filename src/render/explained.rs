//! Explanations of questions: the query in the query language, and what each part of it finds.

use std::io::{self, Write};

use serde_json::json;

use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::csv_cell;
use super::sanitise::sanitise;
use super::table::{Cell, Column, Table, TableOptions};
use super::words::counted;
use crate::time::Zone;

/// A question with the numbers that it finds.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The resulting query.
    pub query: String,
    /// The parts of it that must all hold, and the number that each finds by itself.
    pub terms: Vec<(String, u64)>,
    /// The number that all of them find together.
    pub found: u64,
    /// The unit of the numbers: `messages` or `events`.
    pub unit: &'static str,
}

/// The query, a row for each of its parts, and a row for all of it.
impl Answer for Explained {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", sanitise(&self.query))?;
        let mut table = Table::new([Column::shortened("TERM"), Column::number("FINDS")]);
        for (term, count) in &self.terms {
            table.push([Cell::new(term), Cell::new(&count.to_string())]);
        }
        // Terms that each find much may find nothing together, which the last row shows.
        let unit = self.unit.trim_end_matches('s');
        table.push(["all of it".into(), counted(self.found, unit).into()]);
        table.write(options.width, out)
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let terms = self.terms.iter().map(|(term, found)| json!({"term": term, "found": found}));
        out.value(&json!({
            "query": self.query,
            "terms": terms.collect::<Vec<_>>(),
            "unit": self.unit,
            "found": self.found,
        }))
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let terms = self.terms.iter().map(|(term, found)| (term, found));
        let rows = terms.chain([(&self.query, &self.found)]);
        let rows = rows.map(|(term, found)| [csv_cell(term), found.to_string()]);
        write_csv(["term", "found"], rows, out)
    }
}
