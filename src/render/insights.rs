//! Answers of CloudWatch Logs Insights' language, for people and for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::address::Marked;
use super::csv::csv_cell;
use super::json::{write_json, write_value};
use super::sanitise::sanitise;
use super::style::FAINT;
use super::table::{Cell, Column, Table, TableOptions};
use crate::insights::{self, Answer, Example};

/// Texts above this width are prose: the last column is wrapped, the others are cut.
const WHOLE_WIDTH_MAX: usize = 48;

/// Bytes that an address may have.
const ADDRESS_BYTES_MAX: usize = 320;

/// Rows that are laid out together.
const PAGE_ROWS: usize = 1_000;

/// Writes the rows under the query's own names.
pub fn write_insights_table(
    answer: &Answer,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    for page in answer.rows.chunks(PAGE_ROWS) {
        let columns = (0..answer.columns.len()).map(|it| column(page, it, answer.columns.len()));
        let mut table = Table::new(columns).titled(answer.columns.iter().map(String::as_str));
        for row in page {
            table.push(row.iter().map(cell));
        }
        table.write(options.width, out)?;
    }
    Ok(())
}

/// How a column is laid out, by what stands in it.
fn column(rows: &[Vec<insights::Cell>], index: usize, count: usize) -> Column {
    let cells = || rows.iter().filter_map(|it| it.get(index));
    let is_number = |it: &insights::Cell| !matches!(it, insights::Cell::Text(_));
    let is_wide = |it: &insights::Cell| match it {
        insights::Cell::Text(text) => text.len() > WHOLE_WIDTH_MAX,
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

fn cell(cell: &insights::Cell) -> Cell {
    match cell {
        insights::Cell::Text(text) if is_address(text) => Cell::marked(Marked::address(text)),
        insights::Cell::Text(text) => Cell::new(text),
        other => Cell::new(&other.shown()),
    }
}

fn is_address(text: &str) -> bool {
    text.len() <= ADDRESS_BYTES_MAX
        && text.contains('@')
        && !text.contains(|it: char| it.is_whitespace() || matches!(it, '{' | '[' | '"'))
}

/// Writes `{"rows":[…],"statistics":{"recordsMatched":N,"recordsScanned":N}}`.
pub fn write_insights_json(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"rows\":[")?;
    for (index, row) in answer.rows.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        write_value(&row_json(answer, row), out)?;
    }
    let statistics = json!({
        "recordsMatched": answer.records_matched,
        "recordsScanned": answer.records_scanned,
    });
    out.write_all(b"],\"statistics\":")?;
    write_value(&statistics, out)?;
    out.write_all(b"}\n")
}

/// Writes a row a line.
pub fn write_insights_ndjson(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    answer.rows.iter().try_for_each(|row| write_json(&row_json(answer, row), out))
}

fn row_json(answer: &Answer, row: &[insights::Cell]) -> Value {
    let values = row.iter().map(|it| match it {
        insights::Cell::Null => Value::Null,
        insights::Cell::Number(number) => number_json(*number),
        insights::Cell::Text(text) => Value::from(text.as_str()),
    });
    Value::Object(answer.columns.iter().cloned().zip(values).collect::<Map<_, _>>())
}

/// A number without a point where it is whole.
fn number_json(number: f64) -> Value {
    /// Up to here a double holds each whole number.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
        return Value::from(number as i64);
    }
    Value::from(number)
}

/// Writes the rows under a header.
pub fn write_insights_csv(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(answer.columns.iter().map(|it| header_cell(it)))?;
    for row in &answer.rows {
        csv.write_record(row.iter().map(|it| csv_cell(&it.shown())))?;
    }
    csv.flush()
}

/// The names of CloudWatch's own fields stay as they are, so that the file can be imported.
fn header_cell(name: &str) -> String {
    let is_name = name.strip_prefix('@').is_some_and(|it| {
        it.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '@'))
    });
    if is_name { sanitise(name).into_owned() } else { csv_cell(name) }
}

/// Writes queries to try, each with what it tells and the command of ours beneath.
pub fn write_examples_table(examples: &[Example], out: &mut dyn Write) -> io::Result<()> {
    for (index, example) in examples.iter().enumerate() {
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

fn example_json(example: &Example) -> Value {
    json!({"purpose": example.purpose, "query": example.query, "command": example.command})
}

/// Writes `{"examples":[{"purpose":"…","query":"…","command":"…"}…]}`.
pub fn write_examples_json(examples: &[Example], out: &mut dyn Write) -> io::Result<()> {
    let examples: Vec<Value> = examples.iter().map(example_json).collect();
    write_json(&json!({"examples": examples}), out)
}

/// Writes an example a line.
pub fn write_examples_ndjson(examples: &[Example], out: &mut dyn Write) -> io::Result<()> {
    examples.iter().try_for_each(|it| write_json(&example_json(it), out))
}

/// Writes the examples under a header.
pub fn write_examples_csv(examples: &[Example], out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["purpose", "query", "command"])?;
    for Example { purpose, query, command } in examples {
        csv.write_record([purpose, query, command].map(|it| csv_cell(it)))?;
    }
    csv.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::Cell as Value;

    fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        write(&mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    fn answer() -> Answer {
        let text = |it: &str| Value::Text(it.to_owned());
        Answer {
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
        let options = TableOptions { width: 120, ..TableOptions::default() };
        let table = text(|out| write_insights_table(&answer(), &options, out));
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
            text(|out| write_insights_json(&answer(), out)),
            concat!(
                r#"{"rows":[{"@timestamp":"2026-11-23 21:34:00.000","event.from":"ana@аcme.example","c":12,"=a\u001b":"=cmd|'/C calc'!A0\n\u001b[35m"},"#,
                r#"{"@timestamp":null,"event.from":"+4930@fax.example","c":0.5,"=a\u001b":null}],"#,
                r#""statistics":{"recordsMatched":7,"recordsScanned":9}}"#,
                "\n"
            )
        );
        assert_eq!(
            text(|out| write_insights_csv(&answer(), out)),
            "@timestamp,event.from,c,'=a\\u{1b}\n\
             2026-11-23 21:34:00.000,ana@аcme.example,12,'=cmd|'/C calc'!A0\\n\\u{1b}[35m\n\
             ,+4930@fax.example,0.5,\n"
        );
        let lines = text(|out| write_insights_ndjson(&answer(), out));
        assert_eq!(lines.lines().count(), 2);
    }

    #[test]
    fn examples_have_all_that_there_is_to_say() {
        let examples = &insights::EXAMPLES[1..2];
        assert_eq!(
            text(|out| write_examples_table(examples, out)),
            " 1  all events of one leg of a message\n    \
             mailtrace insights 'fields @timestamp, event.eventName | sort @timestamp asc | filter traceId = \"TRACEID\"'\n    \
             better: mailtrace trace TRACEID\n"
        );
        let csv = text(|out| write_examples_csv(examples, out));
        assert!(csv.ends_with(",mailtrace trace TRACEID\n"), "{csv}");
        let json = text(|out| write_examples_json(examples, out));
        assert!(json.ends_with("\"command\":\"mailtrace trace TRACEID\"}]}\n"), "{json}");
    }
}
