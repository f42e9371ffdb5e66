//! The shape of an answer: facets and histogram.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::answer::{Answer, JsonMember, JsonWriter, write_csv};
use super::counts::write_chart;
use super::csv::csv_cell;
use super::share::share_in_words;
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{Facet, Histogram};
use crate::time::Zone;

/// The requested parts of an answer's shape; the others are `None`.
#[derive(Clone, Debug, Default)]
pub struct AnswerShape {
    /// The most frequent values.
    pub facets: Option<Vec<Facet>>,
    /// The histogram over time; the inner `None` means that nothing was found.
    pub histogram: Option<Option<Histogram>>,
    /// The field that gives answers their time.
    pub time: &'static str,
}

impl AnswerShape {
    fn all(&self) -> (&[Facet], Option<&Histogram>) {
        let histogram = self.histogram.as_ref().and_then(Option::as_ref);
        (self.facets.as_deref().unwrap_or(&[]), histogram)
    }

    /// Returns it as members of a JSON object.
    pub fn members(&self, zone: &Zone) -> Vec<JsonMember> {
        let value =
            |(value, count): &(Option<String>, u64)| json!({"value": value, "count": count});
        let of_field = |facet: &Facet| {
            let values: Vec<Value> = facet.values.iter().map(value).collect();
            (facet.field.clone(), json!({"values": values, "valueCount": facet.value_count}))
        };
        let facets = |all: &Vec<Facet>| all.iter().map(of_field).collect::<Map<_, _>>();
        let bars = |it: &Histogram| {
            let bars = it.intervals.starts().zip(&it.counts);
            let bars =
                bars.map(|(start, count)| json!({"start": start.in_zone(zone), "count": count}));
            json!({"interval": it.interval, "intervals": bars.collect::<Vec<_>>()})
        };
        let facets = self.facets.as_ref().map(|it| ("facets", Value::Object(facets(it))));
        let histogram = self.histogram.as_ref();
        let histogram = histogram.map(|it| ("histogram", json!(it.as_ref().map(bars))));
        facets.into_iter().chain(histogram).collect()
    }
}

impl Answer for AnswerShape {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let (facets, histogram) = self.all();
        for facet in facets {
            writeln!(out)?;
            let mut table = Table::new([
                Column::shortened("VALUE"),
                Column::number("COUNT"),
                Column::number("SHARE"),
            ]);
            writeln!(out, "{} ({} in all)", facet.field, facet.value_count)?;
            for (value, count) in &facet.values {
                table.push([
                    Cell::new(value.as_deref().unwrap_or("(none)")),
                    Cell::new(&count.to_string()),
                    Cell::new(&share_in_words(*count, facet.total)),
                ]);
            }
            table.write(options.width, out)?;
        }
        if let Some(histogram) = histogram {
            writeln!(out)?;
            write_chart(&histogram.intervals, &histogram.counts, options, out)?;
        }
        Ok(())
    }

    /// Writes a line for each part. A document has them as members after its list instead.
    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        self.members(zone)
            .into_iter()
            .try_for_each(|(name, value)| out.value(&json!({name: value})))
    }

    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let (facets, histogram) = self.all();
        let values = facets.iter().flat_map(|facet| {
            facet.values.iter().map(|(value, count)| {
                let value = csv_cell(value.as_deref().unwrap_or(""));
                [facet.field.clone(), value, count.to_string()]
            })
        });
        let bars = histogram.into_iter().flat_map(|it| it.intervals.starts().zip(&it.counts));
        // One table for both: an interval is a value of the field that has the time.
        let bars = bars.map(|(start, count)| {
            [self.time.to_owned(), start.in_zone(&options.zone), count.to_string()]
        });
        write_csv(["field", "value", "count"], values.chain(bars), out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attackers write subjects: one that turns the direction of a terminal's text is visible.
    #[test]
    fn hidden_characters_are_escaped_in_json() {
        let values = vec![(Some("\u{202e}exe.pdf\u{7f}".to_owned()), 2)];
        let facet = Facet { field: "subject".to_owned(), values, value_count: 1, total: 2 };
        let shape = AnswerShape { facets: Some(vec![facet]), ..AnswerShape::default() };
        let mut lines = Vec::new();
        shape.json(&Zone::UTC, &mut JsonWriter::lines(&mut lines)).unwrap();
        assert_eq!(
            String::from_utf8(lines).unwrap(),
            "{\"facets\":{\"subject\":{\"values\":[{\"value\":\"\\u202eexe.pdf\\u007f\",\"count\":2}],\"valueCount\":1}}}\n"
        );
    }
}
