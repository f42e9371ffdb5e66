//! The report: one self-contained page, for people and for print.
//!
//! It has no scripts, no links and nothing from elsewhere, and it forbids all of that to the
//! browser, so that even text that got past the escaping would stay text.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::ExportError;
use super::facts::CoveredGroup;
use super::manifest::{Manifest, TimeBound};
use super::staging::HashedFile;
use crate::event::Address;
use crate::limits;
use crate::render::{
    Marked, checks, fit, headline, html_text, human_duration, marked_sentence, why,
};
use crate::time::{Timestamp, Zone};
use crate::trace::{Leg, Message};

const STYLE: &str = "\
body{font:14px/1.45 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#111;background:#fff}\
h1{font-size:1.6em}h2{margin-top:2em;border-bottom:1px solid #999}h3{margin:2em 0 .3em}\
table{border-collapse:collapse;margin:.6em 0;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.2em .6em;border-bottom:1px solid #ddd;overflow-wrap:anywhere}\
th{border-bottom:1px solid #999}td.n{white-space:nowrap}code{font:12px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}\
.delivered,.sent,.expanded{color:#060}.failed,.partial,.bounced,.dropped,.rejected,.quarantined,.lost{color:#a00}\
.pending,.unknown,.warn{color:#850}dt{font-weight:600}dd{margin:0 0 .4em 1em;overflow-wrap:anywhere}\
@media print{body{max-width:none;margin:0;font-size:10pt}h3,tr{break-inside:avoid}h2,h3{break-after:avoid}}";

/// Collects the report's sections as messages pass: one for each of the first messages.
pub(super) struct ReportBody {
    file: HashedFile,
    zone: Zone,
}

impl ReportBody {
    pub(super) fn new(file: HashedFile, zone: &Zone) -> Self {
        Self { file, zone: zone.clone() }
    }

    pub(super) fn add(&mut self, number: u64, message: &Message) -> Result<(), ExportError> {
        if number > limits::REPORT_MESSAGES_MAX as u64 {
            return Ok(());
        }
        let zone = &self.zone;
        self.file.with(|out| write_message(number, message, zone, out))
    }

    pub(super) fn finish(self) -> Result<(), ExportError> {
        self.file.finish().map(|_| ())
    }
}

/// Writes the whole page around the sections of the messages, which are in the file at `body`.
pub(super) fn write_report(
    manifest: &Manifest,
    zone: &Zone,
    body: &Path,
    out: &mut HashedFile,
) -> Result<(), ExportError> {
    let sections = File::open(body).map_err(ExportError::io("open", body))?;
    out.with(|out| {
        write_head(manifest, "Email evidence", "email event logs", out)?;
        write_question(manifest, zone, "All messages of the store.", out)?;
        write_answer(manifest, zone, out)?;
        io::copy(&mut BufReader::new(sections), out)?;
        write_method(manifest, zone, out)?;
        write_coverage(&manifest.coverage, zone, out)?;
        write_versions(manifest, out)?;
        out.write_all(b"</body></html>\n")
    })
}

/// Formats a text from a mail, cut to a maximum and isolated from the text direction around it.
pub(super) fn mail(text: &str) -> String {
    format!("<bdi>{}</bdi>", html_text(&fit(text, limits::TABLE_TEXT_COLUMNS_MAX)))
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", mail(text))
}

/// Begins the page with its title, the name of the case, and the kind of logs that it is made from.
pub(super) fn write_head(
    manifest: &Manifest,
    title: &str,
    logs: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    // Allowing this style by its hash forbids every other, such as one injected by a mail.
    let style_hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let title = match manifest.question.case_name.as_deref() {
        Some(name) => format!("{title}: {name}"),
        None => title.to_owned(),
    };
    let title = html_text(&fit(&title, limits::TABLE_TEXT_COLUMNS_MAX));
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n\
         <p>From the {logs} of Amazon WorkMail, by {}. Times are in {}.</p>\n",
        html_text(&manifest.tool),
        html_text(&manifest.rules.time_zone),
    )?;
    if manifest.redaction.is_some() {
        out.write_all(b"<p class=\"warn\">This extract is redacted: see Method.</p>\n")?;
    }
    Ok(())
}

/// Writes a list of terms, each with a value that is HTML already.
fn write_pairs(pairs: &[(&str, String)], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<dl>\n")?;
    for (term, html) in pairs {
        writeln!(out, "<dt>{}</dt><dd>{html}</dd>", html_text(term))?;
    }
    out.write_all(b"</dl>\n")
}

/// Converts a time of the manifest, which is in UTC, to the page's zone.
fn in_zone(text: &str, zone: &Zone) -> String {
    Timestamp::parse_log_form(text).map_or_else(|| text.to_owned(), |it| it.in_zone(zone))
}

/// Names the first of some IDs and counts the rest.
fn named(ids: &[String], count: u64) -> String {
    let names: Vec<String> =
        ids.iter().take(limits::TABLE_RECIPIENTS_MAX).map(|it| code(it)).collect();
    let rest = count.saturating_sub(names.len() as u64);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Writes the question, or `all` if nothing narrowed it.
pub(super) fn write_question(
    manifest: &Manifest,
    zone: &Zone,
    all: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(b"<h2>Question</h2>\n")?;
    let question = &manifest.question;
    let bound = |it: &TimeBound| {
        format!("{} (given as {})", html_text(&in_zone(&it.resolved, zone)), code(&it.given))
    };
    let mut pairs = Vec::new();
    if question.id_count > 0 {
        let text = format!("What happened to {}?", named(&question.ids, question.id_count));
        pairs.push(("Messages", text));
        if question.ids.len() > limits::TABLE_RECIPIENTS_MAX {
            let text = format!("manifest.json has the first {}", question.ids.len());
            pairs.push(("Their IDs", text));
        }
    }
    pairs.extend(question.query.as_deref().map(|it| ("Events", code(it))));
    pairs.extend(question.resolved_query.as_deref().map(|it| ("Read as", code(it))));
    pairs.extend(question.filters.iter().map(|it| ("Filter", code(it))));
    pairs.extend(question.since.as_ref().map(|it| ("From", bound(it))));
    pairs.extend(question.until.as_ref().map(|it| ("Before", bound(it))));
    if question.withheld {
        pairs.push((
            "Asked",
            "The words of the question are left out of this redacted extract.".to_owned(),
        ));
    }
    if pairs.is_empty() {
        pairs.push(("Asked", all.to_owned()));
    }
    write_pairs(&pairs, out)
}

fn write_answer(manifest: &Manifest, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let counts = &manifest.counts;
    out.write_all(b"<h2>Answer</h2>\n")?;
    let events = if counts.records == 1 { "event" } else { "events" };
    let messages = match counts.messages {
        0 => "No message was found.".to_owned(),
        1 => format!("1 message found ({} {events}).", counts.records),
        count => format!("{count} messages found ({} {events}).", counts.records),
    };
    writeln!(out, "<p>{messages}</p>")?;
    let outcomes = [
        ("delivered", counts.delivered, "all recipients have it"),
        ("partial", counts.partial, "some recipients have it"),
        ("failed", counts.failed, "no recipient has it"),
        ("pending", counts.pending, "not everything is known yet"),
        ("unknown", counts.unknown, "no event names a recipient"),
    ];
    out.write_all(b"<table><tr><th>Outcome</th><th>Messages</th><th>Meaning</th></tr>\n")?;
    for (outcome, count, meaning) in outcomes.into_iter().filter(|it| it.1 > 0) {
        writeln!(
            out,
            "<tr><td class=\"{outcome}\">{outcome}</td><td>{count}</td><td>{meaning}</td></tr>"
        )?;
    }
    out.write_all(b"</table>\n")?;
    write_span(manifest, zone, out)?;
    if counts.not_found > 0 {
        let ids = named(&manifest.not_found, counts.not_found);
        writeln!(
            out,
            "<p class=\"warn\">No event was found for {ids}. That does not prove that nothing was sent: the mail may have been refused before WorkMail saw it, logging may have been off, or the records may not go back that far (see Coverage).</p>"
        )?;
    }
    if counts.truncated > 0 {
        writeln!(
            out,
            "<p class=\"warn\">{} of the messages have more than {} events each; only that many are included, and their outcomes may be incomplete.</p>",
            counts.truncated,
            limits::TRACE_EVENTS_MAX
        )?;
    }
    out.write_all(b"<h2>Messages</h2>\n")?;
    let most = limits::REPORT_MESSAGES_MAX as u64;
    if counts.messages > most {
        writeln!(
            out,
            "<p class=\"warn\">The first {most} of {} messages are shown; messages.csv and timeline.csv have all.</p>",
            counts.messages
        )?;
    }
    Ok(())
}

/// Writes the times of the first and the last event.
pub(super) fn write_span(manifest: &Manifest, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    match (&manifest.first_event, &manifest.last_event) {
        (Some(first), Some(last)) => {
            let (first, last) = (in_zone(first, zone), in_zone(last, zone));
            writeln!(out, "<p>First event {first}, last event {last}.</p>")
        }
        _ => Ok(()),
    }
}

fn write_message(
    number: u64,
    message: &Message,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let outcome = message.outcome;
    writeln!(
        out,
        "<h3 class=\"{outcome}\">{number}. {}</h3>",
        mail(&headline(message).to_string())
    )?;
    let at = |it: Timestamp| it.in_zone(zone);
    let address = |it: &Address<'_>| mail(&Marked::address(it.logged()).to_string());
    let mut pairs = Vec::new();
    pairs.extend(message.subject.as_deref().map(|it| ("Subject", mail(it))));
    pairs.extend(message.from.as_ref().map(|it| ("From", address(it))));
    let is_other = message.sender.is_some() && message.sender != message.from;
    pairs.extend(message.sender.as_ref().filter(|_| is_other).map(|it| ("Sent by", address(it))));
    if !message.message_ids.is_empty() {
        let ids: Vec<String> = message.message_ids.iter().map(ToString::to_string).collect();
        pairs.push(("Message ID", named(&ids, ids.len() as u64)));
    }
    pairs.push(("First seen", at(message.first_seen)));
    pairs.push(("Last seen", at(message.last_seen)));
    pairs.extend(checks(message).map(|it| ("Checks", mail(&it))));
    write_pairs(&pairs, out)?;
    write_recipients(message, zone, out)?;
    message.legs.iter().try_for_each(|it| write_leg(it, message, zone, out))
}

fn write_recipients(message: &Message, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    if message.recipients.is_empty() {
        return Ok(());
    }
    out.write_all(b"<table><tr><th>Recipient</th><th>Direction</th><th>Outcome</th><th>Folder</th><th>At</th><th>After</th><th>Why</th></tr>\n")?;
    for row in message.recipients.iter().take(limits::REPORT_ROWS_MAX) {
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"{outcome}\">{outcome}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            mail(&Marked::address(row.address.logged()).to_string()),
            row.direction,
            mail(row.folder.as_deref().unwrap_or("")),
            row.at.map_or_else(String::new, |it| it.in_zone(zone)),
            row.latency_ms.map_or_else(String::new, human_duration),
            mail(&why(row).to_string()),
            outcome = row.outcome,
        )?;
    }
    write_table_end(message.recipients.len(), "recipients", "messages.csv", out)
}

fn write_leg(leg: &Leg, message: &Message, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let trace_id = leg.trace_id.as_deref().unwrap_or("(none)");
    writeln!(
        out,
        "<table><tr><th colspan=\"4\">{}, trace ID {}</th></tr>\n<tr><th>Time</th><th></th><th>Step</th><th>Log stream and event ID</th></tr>",
        if leg.direction.as_str() == "outgoing" { "Outgoing" } else { "Incoming" },
        code(trace_id),
    )?;
    let mut previous: Option<Timestamp> = None;
    let events = leg.event_indexes.iter().filter_map(|it| message.events.get(*it));
    for stored in events.take(limits::REPORT_ROWS_MAX) {
        let record = &stored.record;
        let gap = previous.map(|it| human_duration(record.timestamp.ms_since(it)));
        let place = [record.log_stream.as_deref(), record.event_id.as_deref()];
        let place: Vec<String> = place.into_iter().flatten().map(code).collect();
        writeln!(
            out,
            "<tr><td class=\"n\">{}{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            if record.is_time_approximate { "about " } else { "" },
            record.timestamp.in_zone(zone),
            gap.map_or_else(String::new, |it| format!("+{it}")),
            mail(&marked_sentence(&stored.event).to_string()),
            place.join(" "),
        )?;
        previous = Some(record.timestamp);
    }
    write_table_end(leg.event_indexes.len(), "steps", "timeline.csv", out)
}

/// Ends a table, and names the file that has the rows left out.
pub(super) fn write_table_end(
    count: usize,
    what: &str,
    file: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(b"</table>\n")?;
    match count.saturating_sub(limits::REPORT_ROWS_MAX) {
        0 => Ok(()),
        rest => writeln!(out, "<p class=\"warn\">{rest} more {what} are in {file}.</p>"),
    }
}

fn write_method(manifest: &Manifest, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<h2>Method</h2>\n")?;
    let grace = human_duration(manifest.rules.grace_ms);
    let newest = manifest.rules.newest_record.as_deref();
    let newest = newest.map_or_else(|| "none".to_owned(), |it| in_zone(it, zone));
    writeln!(
        out,
        "<p>Amazon WorkMail writes an event for each step of a message. Events that share a trace ID are one pass of a message through WorkMail (a leg); legs that share a message ID are one message. All events that are connected in this way, directly or through others, belong to a message.</p>\n\
         <p>For each recipient of each leg: <b>delivered</b> to a mailbox; <b>sent</b>, accepted by the next server; <b>bounced</b>; <b>dropped</b> by a rule; <b>rejected</b> or <b>quarantined</b> by the sender's DMARC policy; <b>expanded</b>, an alias or a group whose mailboxes have it; <b>pending</b>, the leg began less than {} before the newest record of the store ({}); <b>lost</b>, there is a beginning and no end.</p>\n\
         <p>records.ndjson holds each event as CloudWatch Logs gave it, its message byte for byte. Everything else is derived from those and can be derived again: <code>mailtrace trace ID --input records.ndjson</code>. An event that was read twice, once with an approximate time, is listed once.</p>",
        html_text(&grace),
        html_text(&newest),
    )?;
    if let Some(taken) = &manifest.rules.directory_taken {
        writeln!(
            out,
            "<p>For a recipient that no event mentions, the organization's directory says whether it is a group or an alias, whose mailboxes have the message, or a mailbox, for which the message is lost. The directory was last fetched at {}. Records that are imported elsewhere, without the directory, may give <b>unclear</b> instead.</p>",
            html_text(&in_zone(taken, zone)),
        )?;
    }
    write_redaction(manifest, out)?;
    if !manifest.counts.in_order {
        out.write_all(b"<p class=\"warn\">Records and timelines are not entirely in order of time: too many events had to be held back.</p>\n")?;
    }
    Ok(())
}

pub(super) fn write_redaction(manifest: &Manifest, out: &mut dyn Write) -> io::Result<()> {
    match &manifest.redaction {
        Some(redaction) => {
            writeln!(out, "<p>Redaction: {}</p>", html_text(&redaction.in_words()))
        }
        None => Ok(()),
    }
}

pub(super) fn write_coverage(
    groups: &[CoveredGroup],
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(b"<h2>Coverage and its gaps</h2>\n<p>Periods covered. No conclusion can be drawn about any other time. A file covers the time from its first to its last event.</p>\n")?;
    if groups.is_empty() {
        return out.write_all(b"<p class=\"warn\">The store covers nothing.</p>\n");
    }
    out.write_all(
        b"<table><tr><th>Log group</th><th>From</th><th>To</th><th>Then a gap of</th></tr>\n",
    )?;
    let mut left = limits::REPORT_RANGES_MAX;
    for group in groups {
        let mut next = group.ranges.iter().skip(1);
        for range in group.ranges.iter().take(left) {
            let end = Timestamp::parse_log_form(&range.last);
            let start = next.next().and_then(|it| Timestamp::parse_log_form(&it.first));
            let gap = start.zip(end).map(|(start, end)| human_duration(start.ms_since(end)));
            writeln!(
                out,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                mail(group.log_group.as_deref().unwrap_or("(log group unknown)")),
                html_text(&in_zone(&range.first, zone)),
                html_text(&in_zone(&range.last, zone)),
                html_text(gap.as_deref().unwrap_or("")),
            )?;
        }
        left = left.saturating_sub(group.ranges.len());
    }
    let count: usize = groups.iter().map(|it| it.ranges.len()).sum();
    write_table_end(count, "ranges", "manifest.json", out)
}

pub(super) fn write_versions(manifest: &Manifest, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<h2>Versions and hashes</h2>\n")?;
    let store = &manifest.store;
    write_pairs(
        &[
            ("Program", html_text(&manifest.tool)),
            ("Bundle", format!("{} {}", html_text(&manifest.format), manifest.version)),
            ("Store", format!("{} records", store.records)),
            ("Head", code(store.head.as_deref().unwrap_or("none"))),
        ],
        out,
    )?;
    out.write_all(b"<table><tr><th>File</th><th>Bytes</th><th>SHA-256</th></tr>\n")?;
    for file in &manifest.files {
        writeln!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td><td><code>{}</code></td></tr>",
            html_text(&file.name),
            file.bytes,
            html_text(&file.sha256)
        )?;
    }
    out.write_all(b"</table>\n<p>manifest.json has the hash of this page too, and SHA256SUMS that of every file. <code>sha256sum -c SHA256SUMS</code> or <code>mailtrace verify --bundle</code> checks them.</p>\n")
}
