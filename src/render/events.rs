//! Events found by a search, one per row.

use std::io::{self, Write};

use super::address::Marked;
use super::answer::{Answer, JsonWriter, Part, write_csv_rows};
use super::csv::event_cells;
use super::json::EventJson;
use super::sanitise::{fit, sanitise};
use super::step::{self, cause, event_style};
use super::table::{Cell, Column, Table, TableOptions};
use crate::event::{Event, EventName, decoded_subject};
use crate::limits;
use crate::store::StoredEvent;
use crate::time::Zone;

/// Below this width a row has no room for both the details and the trace ID.
const WIDE_COLUMNS_MIN: usize = 130;

/// Events that were found: time, event, addresses, details, and the trace ID to continue with. On a
/// narrow terminal the last two go beneath the row.
#[derive(Clone, Copy, Debug)]
pub struct FoundEvents<'e>(pub &'e [StoredEvent]);

impl Part for FoundEvents<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let is_wide = options.width >= WIDE_COLUMNS_MIN;
        let start = [Column::whole("TIME"), Column::whole("EVENT"), Column::shortened("FROM → TO")];
        let end: &[Column] = if is_wide {
            &[Column::shortened("DETAIL"), Column::wrapped("TRACE ID")]
        } else {
            &[Column::beneath()]
        };
        let mut table = Table::new(start.into_iter().chain(end.iter().copied()));
        for stored in self.0 {
            let event = &stored.event;
            let start = [
                Cell::new(&stored.record.timestamp.in_zone(&options.zone)),
                Cell::styled(event.name.label(), event_style(event)),
                Cell::marked(from_and_to(event)),
            ];
            let (detail, trace_id) = (detail(event), event.trace_id.as_ref());
            let end = if is_wide {
                vec![Cell::new(&detail), Cell::new(trace_id)]
            } else {
                vec![Cell::new(&beneath(trace_id, &detail))]
            };
            table.push(start.into_iter().chain(end));
        }
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, list: &mut JsonWriter<'_>) -> io::Result<()> {
        self.0.iter().try_for_each(|it| list.push(&EventJson::new(it, zone)))
    }

    fn csv(&self, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
        write_csv_rows(self.0.iter().map(|it| event_cells(it, zone)), out)
    }
}

/// Events that arrive one after another, each on a line.
#[derive(Clone, Copy, Debug)]
pub struct EventLines<'e>(pub &'e [StoredEvent]);

impl Answer for EventLines<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        self.0.iter().try_for_each(|it| write_line(it, &options.zone, out))
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        FoundEvents(self.0).json(zone, out)
    }
}

fn write_line(stored: &StoredEvent, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let event = &stored.event;
    let style = event_style(event);
    let time = stored.record.timestamp.in_zone(zone);
    let beneath = fit(&beneath(&event.trace_id, &detail(event)), limits::TABLE_TEXT_COLUMNS_MAX);
    let rest = [from_and_to(event).to_string(), beneath];
    let rest = rest.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("  ");
    writeln!(out, "{time}  {style}{:<11}{style:#} {rest}", sanitise(event.name.label()))
}

fn beneath(trace_id: &str, detail: &str) -> String {
    let known = [trace_id, detail].into_iter().filter(|it| !it.is_empty());
    known.collect::<Vec<_>>().join(" · ")
}

fn from_and_to(event: &Event<'_>) -> Marked {
    let mut recipients = event.all_recipients();
    let (first, others) = (recipients.next(), recipients.count());
    step::from_and_to(event.from.as_ref().or(event.sender.as_ref()), first, others)
}

fn detail(event: &Event<'_>) -> String {
    if event.name.is_bounce() {
        return cause(event.status.as_deref(), event.reason.as_deref());
    }
    if event.name == EventName::RuleApplied {
        let actions: Vec<&str> = event.rule_actions.iter().map(|it| it.action.as_ref()).collect();
        let name = event.rule_name.as_deref().unwrap_or("");
        return [name, &actions.join(", ")].join(": ").trim_matches([':', ' ']).to_owned();
    }
    // Bounces and rules come first above: there the cause or the action matters more.
    if let Some(subject) = &event.subject {
        return decoded_subject(subject).into_owned();
    }
    let other = event.folder.as_deref().or(event.policy.as_deref());
    other.unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::trace::samples::*;

    fn drawn(width: usize) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        let options = TableOptions { width, ..TableOptions::default() };
        FoundEvents(&report_to_four()).table(&options, &mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn events_read_as_rows() {
        assert_snapshot!(drawn(140), @r#"
        TIME                      EVENT       FROM → TO                               DETAIL                                                TRACE ID
        2026-11-23T21:34:00.000Z  submitted   ana@acme.example → bob@acme.example +2  Quarterly report                                      out-1
        2026-11-23T21:34:00.800Z  sent        ana@acme.example → bob@acme.example                                                           out-1
        2026-11-23T21:34:00.810Z  sent        ana@acme.example → team@acme.example                                                          out-1
        2026-11-23T21:34:02.300Z  sent        ana@acme.example → zoe@far.example                                                            out-1
        2026-11-23T21:34:01.200Z  received    ana@acme.example → bob@acme.example +1  Quarterly report                                      in-1
        2026-11-23T21:34:01.500Z  rule        → carl@acme.example                     Quarantine: MOVE_TO_JUNK                              in-1
        2026-11-23T21:34:02.000Z  delivered   → carl@acme.example                     Junk E-mail                                           in-1
        2026-11-23T21:34:02.100Z  delivered   → dora@acme.example                     INBOX                                                 in-1
        2026-11-23T21:34:02.600Z  bounced in  → bob@acme.example                      5.2.2 mailbox full: "552 5.2.2 The mailbox is over …  in-1
        "#);
    }

    #[test]
    fn a_narrow_terminal_shortens_what_is_not_copied() {
        assert_snapshot!(drawn(80), @r#"
        TIME                      EVENT       FROM → TO
        2026-11-23T21:34:00.000Z  submitted   ana@acme.example → bob@acme.example +2
            out-1 · Quarterly report
        2026-11-23T21:34:00.800Z  sent        ana@acme.example → bob@acme.example
            out-1
        2026-11-23T21:34:00.810Z  sent        ana@acme.example → team@acme.example
            out-1
        2026-11-23T21:34:02.300Z  sent        ana@acme.example → zoe@far.example
            out-1
        2026-11-23T21:34:01.200Z  received    ana@acme.example → bob@acme.example +1
            in-1 · Quarterly report
        2026-11-23T21:34:01.500Z  rule        → carl@acme.example
            in-1 · Quarantine: MOVE_TO_JUNK
        2026-11-23T21:34:02.000Z  delivered   → carl@acme.example
            in-1 · Junk E-mail
        2026-11-23T21:34:02.100Z  delivered   → dora@acme.example
            in-1 · INBOX
        2026-11-23T21:34:02.600Z  bounced in  → bob@acme.example
            in-1 · 5.2.2 mailbox full: "552 5.2.2 The mailbox is over quota"
        "#);
    }
}
