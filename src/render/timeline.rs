//! The timeline of one person, for people and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::answer::{Answer, JsonWriter, write_csv};
use super::csv::csv_cell;
use super::sanitise::{fit, sanitise};
use super::style::{BAD, UNDECIDED};
use super::table::{Cell, Column, Table, TableOptions, wrap};
use crate::limits;
use crate::time::{Zone, human_duration};
use crate::timeline::{Candidate, NearEvent, Person, Side, Step, StepKind, Timeline};

/// The person, the counts by kind, and a row for each step.
impl Answer for Timeline {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        if self.step_count == 0 {
            return Ok(());
        }
        let who = &self.who;
        let names: Vec<&str> = who.addresses.iter().chain(&who.ids).map(String::as_str).collect();
        let name = who.name.as_deref().map_or_else(String::new, |it| format!("{it}: "));
        for line in wrap(&sanitise(&format!("{name}{}", names.join(", "))), options.width) {
            writeln!(out, "{line}")?;
        }
        for line in wrap(&self.counts_in_words(), options.width) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
        let mut table = Table::new([
            Column::whole("TIME"),
            Column::whole("FOR").optional(),
            Column::whole("WHAT"),
            Column::whole("FROM"),
            Column::wrapped("DETAILS"),
        ]);
        for step in &self.steps {
            let what = step.kind.in_words(step.count);
            let what = match step.kind {
                StepKind::LoginFailed | StepKind::Denied | StepKind::MailBounced => {
                    Cell::styled(&what, BAD)
                }
                StepKind::TokenCreated | StepKind::Rule | StepKind::Deleted => {
                    Cell::styled(&what, UNDECIDED)
                }
                _ => Cell::new(&what),
            };
            let lasted_ms = step.last.ms_since(step.first);
            let lasted = if lasted_ms == 0 { String::new() } else { human_duration(lasted_ms) };
            table.push([
                Cell::new(&step.first.in_zone(&options.zone)),
                Cell::new(&lasted),
                what,
                Cell::new(&step_origin(step)),
                Cell::new(&step_details(step)),
            ]);
        }
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let who = &self.who;
        let who = json!({
            "asked": who.asked, "name": who.name, "ids": who.ids, "addresses": who.addresses,
        });
        let behind = [
            ("total", json!(self.step_count)),
            ("events", json!(self.event_count)),
            ("truncated", json!(self.is_truncated)),
        ];
        let steps = self.steps.iter().map(|it| step_to_json(it, zone));
        out.list(&[("who", who)], "timeline", steps, &behind)
    }

    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        const HEADER: [&str; 15] = [
            "first",
            "last",
            "side",
            "kind",
            "count",
            "actor",
            "mailbox",
            "sourceIp",
            "isNewIp",
            "protocol",
            "userAgent",
            "folder",
            "text",
            "peers",
            "peerCount",
        ];
        let rows = self.steps.iter().map(|step| {
            let text = |it: &Option<String>| csv_cell(it.as_deref().unwrap_or(""));
            let person = |it: &Option<Person>| csv_cell(it.as_ref().map_or("", label));
            [
                step.first.in_zone(&options.zone),
                step.last.in_zone(&options.zone),
                step.kind.side().as_str().to_owned(),
                step.kind.as_str().to_owned(),
                step.count.to_string(),
                person(&step.actor),
                person(&step.mailbox),
                text(&step.source_ip),
                step.is_new_ip.to_string(),
                text(&step.protocol),
                text(&step.user_agent),
                text(&step.folder),
                text(&step.text),
                csv_cell(&step.peers.join(" ")),
                step.peer_count.to_string(),
            ]
        });
        write_csv(HEADER, rows, out)
    }
}

/// Describes the origin of a step.
pub fn step_origin(step: &Step) -> String {
    let ip = step.source_ip.as_deref().unwrap_or("");
    let new = if step.is_new_ip { " (new)" } else { "" };
    let protocol = step.protocol.as_deref().map_or_else(String::new, |it| format!(" {it}"));
    format!("{ip}{new}{protocol}").trim().to_owned()
}

fn label(person: &Person) -> &str {
    person.address.as_deref().unwrap_or(&person.id)
}

/// Maximum number of addresses that a table names.
const PEERS_SHOWN: usize = 3;

/// Describes further details of a step in one line.
pub fn step_details(step: &Step) -> String {
    let mut details = Vec::new();
    details.extend(step.actor.as_ref().map(|it| format!("by {}", label(it))));
    details.extend(step.mailbox.as_ref().map(|it| format!("in the mailbox of {}", label(it))));
    if let Some(text) = &step.text {
        details.push(match step.kind.side() {
            Side::Mail if step.kind != StepKind::Rule => format!("\"{text}\""),
            _ => text.clone(),
        });
    }
    if !step.peers.is_empty() {
        let way = match step.kind {
            StepKind::MailReceived | StepKind::MailRefused => "from",
            _ => "to",
        };
        let shown = step.peers.iter().take(PEERS_SHOWN).map(String::as_str).collect::<Vec<_>>();
        let more = step.peer_count.saturating_sub(shown.len() as u64);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        details.push(format!("{way} {}{more}", shown.join(", ")));
    }
    details.extend(step.folder.as_ref().map(|it| format!("in {it}")));
    details.extend(step.user_agent.clone());
    // A stranger's long subject must not push the rest out of sight.
    let part = |it: &String| fit(it, limits::TIMELINE_PART_COLUMNS_MAX);
    details.iter().map(part).collect::<Vec<_>>().join("; ")
}

fn step_to_json(step: &Step, zone: &Zone) -> Value {
    let person =
        |it: &Option<Person>| it.as_ref().map(|it| json!({"id": it.id, "address": it.address}));
    json!({
        "kind": step.kind.as_str(),
        "side": step.kind.side().as_str(),
        "first": step.first.in_zone(zone),
        "last": step.last.in_zone(zone),
        "count": step.count,
        "actor": person(&step.actor),
        "mailbox": person(&step.mailbox),
        "sourceIp": step.source_ip,
        "isNewIp": step.is_new_ip,
        "protocol": step.protocol,
        "userAgent": step.user_agent,
        "folder": step.folder,
        "text": step.text,
        "peers": step.peers,
        "peerCount": step.peer_count,
        "ids": step.ids,
    })
}

/// Writes the candidates of one message under a heading, which names the message if its ID is
/// given.
pub(super) fn write_candidates_table(
    id: Option<&str>,
    candidates: &[Candidate],
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    if candidates.is_empty() {
        return Ok(());
    }
    let of = id.map_or_else(String::new, |it| format!(" for {it}"));
    // Said in the heading itself: a table beneath a trace is easily taken for part of the trace.
    let heading = format!("Candidates from the audit logs{of}: near in time, not proven");
    writeln!(out)?;
    write_indented(&heading, options, out)?;
    // Candidates for the same event are adjacent, the nearest first.
    let is_of_same =
        |a: &Candidate, b: &Candidate| (a.near, a.at, &a.address) == (b.near, b.at, &b.address);
    for of_event in candidates.chunk_by(is_of_same) {
        let Some(first) = of_event.first() else { continue };
        let near = match first.near {
            NearEvent::Delivery => "Delivered to",
            NearEvent::Submission => "Submitted by",
        };
        let at = first.at.in_zone(&options.zone);
        let event = format!("{near} {} at {at}; {}", first.address, first.rule());
        write_indented(&event, options, out)?;
        let mut table = Table::new([
            Column::whole("TIME"),
            Column::whole("WHAT"),
            Column::whole("FROM"),
            Column::wrapped("DETAILS"),
        ])
        .indented(4);
        for (candidate, step) in
            of_event.iter().flat_map(|of| of.steps.iter().map(move |it| (of, it)))
        {
            let item = candidate.item_id.as_ref().filter(|_| of_event.len() > 1);
            let item = item.map_or_else(String::new, |it| format!("item {it}; "));
            table.push([
                Cell::new(&step.first.in_zone(&options.zone)),
                Cell::new(&step.kind.in_words(step.count)),
                Cell::new(&step_origin(step)),
                Cell::new(&format!("{item}{}", step_details(step))),
            ]);
        }
        table.write(options.width, out)?;
    }
    Ok(())
}

fn write_indented(text: &str, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
    let lines = wrap(&sanitise(text), options.width.saturating_sub(2));
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

/// Returns the JSON of one message's candidates, each with the message's ID.
pub(super) fn candidates_json(
    (id, candidates): &(Option<String>, Vec<Candidate>),
    zone: &Zone,
) -> Value {
    let to_json = |it: &Candidate| {
        let steps: Vec<Value> = it.steps.iter().map(|it| step_to_json(it, zone)).collect();
        json!({
            "message": id,
            "address": it.address,
            "near": it.near.as_str(),
            "at": it.at.in_zone(zone),
            "rule": it.rule(),
            "fitting": it.fitting,
            "itemId": it.item_id,
            "steps": steps,
        })
    };
    candidates.iter().map(to_json).collect()
}
