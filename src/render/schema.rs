//! The fields of events, without their values.

use std::io::{self, Write};

use serde_json::json;

use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::csv_cell;
use super::table::{Column, Table, TableOptions};
use crate::schema::{Shapes, ValueShape};
use crate::time::Zone;

impl Answer for Shapes {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new([
            Column::whole("EVENT"),
            Column::whole("PATH"),
            Column::whole("TYPE"),
            Column::number("EVENTS"),
        ]);
        for (shape, count) in &self.counts {
            let path = shape.path.as_str().into();
            let event = event_name(shape).into();
            table.push([event, path, shape.json_type.into(), count.to_string().into()]);
        }
        table.write(options.width, out)
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let shapes = self.counts.iter().map(|(shape, count)| {
            json!({
                "eventName": shape.event_name,
                "documented": shape.is_documented,
                "path": shape.path,
                "type": shape.json_type,
                "events": count,
            })
        });
        out.list(&[], "shapes", shapes, &[("truncated", json!(self.is_truncated))])
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.counts.iter().map(|(shape, count)| {
            [
                csv_cell(&shape.event_name),
                shape.is_documented.to_string(),
                csv_cell(&shape.path),
                shape.json_type.to_owned(),
                count.to_string(),
            ]
        });
        write_csv(["eventName", "documented", "path", "type", "events"], rows, out)
    }
}

// Marked for people only: JSON and CSV have a field for it.
fn event_name(shape: &ValueShape) -> String {
    match (shape.event_name.as_str(), shape.is_documented) {
        ("", _) => "(none)".to_owned(),
        (name, true) => name.to_owned(),
        (name, false) => format!("{name} (not documented)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_the_log_are_no_formulas_in_csv() {
        let shape = ValueShape {
            is_documented: false,
            event_name: "=cmd|' /C calc'!A0".to_owned(),
            path: "event.@SUM(A1)\u{202e}".to_owned(),
            json_type: "string",
        };
        let shapes = Shapes { counts: [(shape, 2)].into(), is_truncated: false };
        let mut csv = Vec::new();
        shapes.csv(&TableOptions::default(), &mut csv).unwrap();
        assert_eq!(
            String::from_utf8(csv).unwrap(),
            "eventName,documented,path,type,events\n'=cmd|' /C calc'!A0,false,event.@SUM(A1)\\u{202e},string,2\n"
        );
    }
}
