//! The report of audit events: one self-contained page, for people and for print.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::access::{AccessEvent, People};
use crate::audit::AuditField;
use crate::export::ExportError;
use crate::export::manifest::Manifest;
use crate::export::report::{
    code, mail, write_coverage, write_head, write_question, write_redaction, write_span,
    write_table_end, write_versions,
};
use crate::export::staging::HashedFile;
use crate::limits;
use crate::render::{access_details, access_result, access_user, access_what, html_text};
use crate::time::Zone;

/// The rows of the first events, as HTML.
#[derive(Default)]
pub(super) struct AccessReportBody {
    rows: String,
    events: usize,
}

impl AccessReportBody {
    pub(super) fn add(&mut self, access: &AccessEvent, people: &People, zone: &Zone) {
        // All are counted, so that the page can say how many it leaves out.
        self.events += 1;
        if self.events > limits::REPORT_ROWS_MAX {
            return;
        }
        let result = access_result(access);
        let class = match result {
            "ok" => "delivered",
            "failed" | "denied" => "failed",
            _ => "unknown",
        };
        let record = &access.record;
        let place = [record.log_stream.as_deref(), record.event_id.as_deref()];
        let place: Vec<String> = place.into_iter().flatten().map(code).collect();
        // Writing to memory cannot fail.
        let _infallible = writeln!(
            self.rows,
            "<tr><td class=\"n\">{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{}</td><td>{}</td><td>{}</td></tr>",
            access.at().in_zone(zone),
            mail(&access_what(access)),
            mail(access_user(access, people).unwrap_or("")),
            mail(access.event.get(AuditField::SourceIp).unwrap_or("")),
            mail(result),
            mail(&access_details(access, people)),
            place.join(" "),
        );
    }
}

/// Writes the whole page around the rows.
pub(super) fn write_access_report(
    manifest: &Manifest,
    zone: &Zone,
    body: &AccessReportBody,
    out: &mut HashedFile,
) -> Result<(), ExportError> {
    out.with(|out| {
        let logs = "audit logs";
        write_head(manifest, "Access evidence", logs, out)?;
        write_question(manifest, zone, "All audit events of the store.", out)?;
        write_answer(manifest, zone, out)?;
        out.write_all(b"<h2>Events</h2>\n<table><tr><th>Time</th><th>What</th><th>Who</th><th>From</th><th>Result</th><th>About</th><th>Log stream and event ID</th></tr>\n")?;
        out.write_all(body.rows.as_bytes())?;
        write_table_end(body.events, "events", "access.csv", out)?;
        write_method(manifest, out)?;
        write_coverage(&manifest.coverage, zone, out)?;
        write_versions(manifest, out)?;
        out.write_all(b"</body></html>\n")
    })
}

fn write_answer(manifest: &Manifest, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let counts = manifest.counts.access.clone().unwrap_or_default();
    let events = match counts.events {
        0 => "No event was found.".to_owned(),
        1 => "1 event was found.".to_owned(),
        count => format!("{count} events were found."),
    };
    writeln!(out, "<h2>Answer</h2>\n<p>{events}</p>")?;
    if counts.events == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "<p>Failed to sign in: {}. Denied access: {}.</p>",
        counts.failed, counts.denied,
    )?;
    out.write_all(b"<table><tr><th>Type</th><th>Events</th></tr>\n")?;
    for (kind, count) in &counts.by_type {
        writeln!(out, "<tr><td>{}</td><td>{count}</td></tr>", html_text(kind))?;
    }
    out.write_all(b"</table>\n")?;
    write_span(manifest, zone, out)
}

fn write_method(manifest: &Manifest, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<h2>Method</h2>\n\
        <p>Amazon WorkMail writes an audit event when somebody signs in, when a rule grants or denies access, when something is done in a mailbox, and when a personal access token is made or removed. Events name people by ID. The address beside an ID is the one that its owner signed in with, or that the organization's directory has for it.</p>\n\
        <p>Signing in to the web client leaves no authentication event, and a mailbox access does not say what was done with what was read. An IP address may belong to a network that many people share.</p>\n\
        <p>records.ndjson holds each event as it was logged, byte for byte. Everything else is derived from those and can be derived again: <code>mailtrace access --input records.ndjson</code>.</p>\n")?;
    write_redaction(manifest, out)
}
