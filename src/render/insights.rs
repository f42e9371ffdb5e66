//! Answers in CloudWatch Logs Insights' language, for people and for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::address::Marked;
use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::csv_cell;
use super::sanitise::sanitise;
use super::style::FAINT;
use super::table::{Cell, Column, Table, TableOptions};
use crate::insights::{self, Example};
use crate::time::Zone;

/// Texts above this width are prose: in the last column they are wrapped, elsewhere cut.
const WHOLE_WIDTH_MAX: usize = 48;

/// Maximum number of bytes of an address.
const ADDRESS_BYTES_MAX: usize = 320;

/// Number of rows that are laid out together.
const PAGE_ROWS: usize = 1_000;

/// Rows under the query's own column names.
impl Answer for insights::ResultRows {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        // Page by page, so that the cells of a long answer are not all in memory as text.
        for page in self.rows.chunks(PAGE_ROWS) {
            let columns = (0..self.columns.len()).map(|it| column(page, it, self.columns.len()));
            let mut table = Table::new(columns).titled(self.columns.iter().map(String::as_str));
            for row in page {
                table.push(row.iter().map(cell));
            }
            table.write(options.width, out)?;
        }
        Ok(())
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let statistics = json!({
            "recordsMatched": self.records_matched,
            "recordsScanned": self.records_scanned,
        });
        let rows = self.rows.iter().map(|it| row_json(self, it));
        out.list(&[], "rows", rows, &[("statistics", statistics)])
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.rows.iter().map(|row| row.iter().map(|it| csv_cell(&it.shown())));
        write_csv(self.columns.iter().map(|it| header_cell(it)), rows, out)
    }
}

/// Decides by the content of a column how it is laid out.
fn column(rows: &[Vec<insights::ResultCell>], index: usize, count: usize) -> Column {
    let cells = || rows.iter().filter_map(|it| it.get(index));
    let is_number = |it: &insights::ResultCell| !matches!(it, insights::ResultCell::Text(_));
    let is_wide = |it: &insights::ResultCell| match it {
        insights::ResultCell::Text(text) => text.len() > WHOLE_WIDTH_MAX,
        _ => false,
    };
    if cells().all(is_number) {
        Column::number("")
    } else if !cells().any(is_wide) {
        Column::whole("")
    } else if index + 1 == count {
        Column::wrapped("")
    } else {
        Column::shortened("")
    }
}

fn cell(cell: &insights::ResultCell) -> Cell {
    match cell {
        insights::ResultCell::Text(text) if is_address(text) => Cell::marked(Marked::address(text)),
        insights::ResultCell::Text(text) => Cell::new(text),
        other => Cell::new(&other.shown()),
    }
}

// The language has no types, so an address is recognised by its shape.
fn is_address(text: &str) -> bool {
    text.len() <= ADDRESS_BYTES_MAX
        && text.contains('@')
        && !text.contains(|it: char| it.is_whitespace() || matches!(it, '{' | '[' | '"'))
}

fn row_json(answer: &insights::ResultRows, row: &[insights::ResultCell]) -> Value {
    let values = row.iter().map(|it| match it {
        insights::ResultCell::Null => Value::Null,
        insights::ResultCell::Number(number) => number_json(*number),
        insights::ResultCell::Text(text) => Value::from(text.as_str()),
    });
    Value::Object(answer.columns.iter().cloned().zip(values).collect::<Map<_, _>>())
}

/// Returns a number, as an integer if it is whole.
fn number_json(number: f64) -> Value {
    /// Up to here a double represents every integer.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
        return Value::from(number as i64);
    }
    Value::from(number)
}

/// Returns the header of a column. CloudWatch's own field names stay unchanged, so that the file
/// can be imported.
fn header_cell(name: &str) -> String {
    let is_name = name.strip_prefix('@').is_some_and(|it| {
        it.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '@'))
    });
    if is_name { sanitise(name).into_owned() } else { csv_cell(name) }
}

/// Example queries.
#[derive(Clone, Copy, Debug)]
pub struct InsightsExamples<'e>(pub &'e [Example]);

/// Each example with its purpose, and our own command beneath.
impl Answer for InsightsExamples<'_> {
    fn table(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        for (index, example) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            let Example { purpose, query, command } = example;
            writeln!(out, "{:>2}  {purpose}", index + 1)?;
            writeln!(out, "    mailtrace insights '{query}'")?;
            writeln!(out, "    {FAINT}better:{FAINT:#} {command}")?;
        }
        Ok(())
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let examples = self
            .0
            .iter()
            .map(|it| json!({"purpose": it.purpose, "query": it.query, "command": it.command}));
        out.list(&[], "examples", examples, &[])
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.0.iter().map(|it| [it.purpose, it.query, it.command].map(csv_cell));
        write_csv(["purpose", "query", "command"], rows, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::ResultCell as Value;
    use crate::render::{AnswerFormat, Printer};

    fn text(format: AnswerFormat, answer: &dyn Answer) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        let options = TableOptions { width: 120, ..TableOptions::default() };
        Printer { format, options }.print(answer, &mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    fn answer() -> insights::ResultRows {
        let text = |it: &str| Value::Text(it.to_owned());
        insights::ResultRows {
            columns: ["@timestamp", "event.from", "c", "=a\u{1b}"].map(str::to_owned).to_vec(),
            rows: vec![
                vec![
                    text("2026-11-23 21:34:00.000"),
                    text("ana@аcme.example"),
                    Value::Number(12.0),
                    text("=cmd|'/C calc'!A0\n\u{1b}[35m"),
                ],
                vec![Value::Null, text("+4930@fax.example"), Value::Number(0.5), Value::Null],
            ],
            row_count: 2,
            records_matched: 7,
            records_scanned: 9,
        }
    }

    #[test]
    fn a_table_has_the_names_of_the_query() {
        let table = text(AnswerFormat::Table, &answer());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[0],
            "@timestamp               event.from                                          c  =a\\u{1b}"
        );
        assert!(lines[1].starts_with(
            "2026-11-23 21:34:00.000  ana@аcme.example [xn--cme-5cd.example] [mixed scripts]  12  =cmd|'/C calc'!A0\\n\\u{1b}[35m"
        ));
        assert!(lines[2].ends_with(" 0.5"));
    }

    #[test]
    fn programs_get_numbers_as_numbers_and_no_formula() {
        assert_eq!(
            text(AnswerFormat::Json, &answer()),
            concat!(
                r#"{"rows":[{"@timestamp":"2026-11-23 21:34:00.000","event.from":"ana@аcme.example","c":12,"=a\u001b":"=cmd|'/C calc'!A0\n\u001b[35m"},"#,
                r#"{"@timestamp":null,"event.from":"+4930@fax.example","c":0.5,"=a\u001b":null}],"#,
                r#""statistics":{"recordsMatched":7,"recordsScanned":9}}"#,
                "\n"
            )
        );
        assert_eq!(
            text(AnswerFormat::Csv, &answer()),
            "@timestamp,event.from,c,'=a\\u{1b}\n\
             2026-11-23 21:34:00.000,ana@аcme.example,12,'=cmd|'/C calc'!A0\\n\\u{1b}[35m\n\
             ,+4930@fax.example,0.5,\n"
        );
        let lines = text(AnswerFormat::Ndjson, &answer());
        assert_eq!(lines.lines().count(), 2);
    }

    #[test]
    fn examples_have_all_that_there_is_to_say() {
        let examples = &InsightsExamples(&insights::EXAMPLES[1..2]);
        assert_eq!(
            text(AnswerFormat::Table, examples),
            " 1  all events of one leg of a message\n    \
             mailtrace insights 'fields @timestamp, event.eventName | sort @timestamp asc | filter traceId = \"TRACEID\"'\n    \
             better: mailtrace trace TRACEID\n"
        );
        let csv = text(AnswerFormat::Csv, examples);
        assert!(csv.ends_with(",mailtrace trace TRACEID\n"), "{csv}");
        let json = text(AnswerFormat::Json, examples);
        assert!(json.ends_with("\"command\":\"mailtrace trace TRACEID\"}]}\n"), "{json}");
    }
}
