//! The page about the store: its content and its sources.

use askama::Template;

use super::coverage::CoverageBar;
use super::frame::{PageFrame, Tab};
use super::words::{When, counted, grouped};
use super::{PageReply, PageRequest};
use crate::limits;
use crate::render::{bytes_in_words, fit, human_duration};
use crate::serve::{ApiCommand, QuestionError};
use crate::store::{OriginHistory, Standing, Store};
use crate::time::workmail_end::days_left;
use crate::time::{DAY_MS, Timestamp, Zone};

#[derive(Template)]
#[template(path = "status.html", config = "src/serve/pages/askama.toml")]
struct StatusPage {
    frame: PageFrame,
    facts: Vec<(&'static str, String)>,
    head: Option<String>,
    coverage: CoverageBar,
    groups: Vec<Group>,
    pulls: Vec<Pull>,
    sources: Vec<StatusSource>,
    more_sources: Option<String>,
    days_left: i64,
}

/// A log group and its coverage.
struct Group {
    name: String,
    bar: CoverageBar,
}

/// The progress of a log group's pulls.
struct Pull {
    name: String,
    facts: Vec<(&'static str, String)>,
    is_losing: bool,
}

/// A file, object or pull that added records.
struct StatusSource {
    began: When,
    kind: &'static str,
    name: String,
    read: String,
    added: String,
    duplicates: String,
    rejected: String,
    sha256: Option<String>,
}

/// Maximum number of sources that are listed, the newest.
const SOURCES_SHOWN: usize = 30;

/// Lays out the page of the store.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let store = request.store;
    let zone = &request.questions.zone(request.parameters)?;
    let shown = |it: Timestamp| {
        let when = When::new(it, zone);
        format!("{} {}", when.date, when.clock)
    };
    let mut facts = vec![("Events", grouped(store.mail_records()))];
    if store.other_records() > 0 {
        facts.push(("Audit events and directory records", grouped(store.other_records())));
    }
    if let Some((first, last)) = store.time_span() {
        facts.push(("First event", shown(first)));
        facts.push(("Newest event", shown(last)));
    }
    match store.mirrored() {
        Some((source, published)) => {
            facts.extend(published.map(|it| ("Published", shown(it))));
            facts.push(("Organization", fit(source, limits::PAGE_TEXT_COLUMNS)));
            if store.has_removals() {
                facts.push(("Removed on purpose", "some records".to_owned()));
            }
        }
        None => facts.extend(facts_on_disk(store)?),
    }
    let coverage = store.checkpoint().ledger.coverage.until(request.now);
    let groups = coverage.groups().map(|(name, ranges)| Group {
        name: if name.is_empty() {
            "(log group unknown)".to_owned()
        } else {
            fit(name, limits::PAGE_TEXT_COLUMNS)
        },
        bar: CoverageBar::of_ranges(ranges, request.now, zone),
    });
    // What a cluster was filled from is not known.
    let mut origins = if store.is_mirror() { Vec::new() } else { store.origins()? };
    origins.reverse();
    let more = origins.len().saturating_sub(SOURCES_SHOWN);
    let mut frame = PageFrame::new(request, "Status", Tab::Status, zone);
    if !store.is_mirror() {
        frame = frame.with_command(request, ApiCommand::Status, request.parameters)?;
        frame.add_command("sources", request, ApiCommand::Sources, request.parameters)?;
    }
    let page = StatusPage {
        frame,
        facts,
        head: if store.is_mirror() { None } else { store.head()? },
        coverage: CoverageBar::of(store, request.now, zone),
        groups: groups.take(GROUPS_SHOWN).collect(),
        pulls: store
            .checkpoint()
            .ledger
            .pulls
            .groups()
            .take(GROUPS_SHOWN)
            .map(|(_, group)| {
                pull(&group.facts.name, &Standing::of(group, request.now), request.now, &shown)
            })
            .collect(),
        sources: origins.iter().take(SOURCES_SHOWN).map(|it| source(it, zone)).collect(),
        more_sources: (more > 0).then(|| counted(more as u64, "older source", "older sources")),
        days_left: days_left(request.now),
    };
    PageReply::page(&page)
}

/// Returns the store's size on disk, and what was rejected or removed.
fn facts_on_disk(store: &Store) -> Result<Vec<(&'static str, String)>, QuestionError> {
    let sizes = store.sizes()?;
    let mut facts = vec![
        ("Archive", bytes_in_words(sizes.archive_bytes)),
        ("Index", bytes_in_words(sizes.index_bytes)),
    ];
    if sizes.rejected_count > 0 {
        let pieces = counted(sizes.rejected_count, "piece", "pieces");
        facts.push((
            "Rejected input",
            format!("{pieces}, {}", bytes_in_words(sizes.rejected_bytes)),
        ));
    }
    let removed = store.checkpoint().tombstones.len();
    if removed > 0 {
        facts.push(("Removed on purpose", counted(removed as u64, "time", "times")));
    }
    facts.push(("Store", store.path().display().to_string()));
    Ok(facts)
}

/// Maximum number of log groups that are listed.
const GROUPS_SHOWN: usize = 50;

fn pull(
    name: &str,
    standing: &Standing,
    now: Timestamp,
    shown: &dyn Fn(Timestamp) -> String,
) -> Pull {
    let ago =
        |it: Timestamp| format!("{}, {} ago", shown(it), human_duration(now.ms_since(it).max(0)));
    let left_ms = standing.deleted_at.map(|it| it.ms_since(now));
    let loss = match left_ms {
        None => "none known: no retention is set".to_owned(),
        Some(left) if left <= 0 => {
            "now: the oldest events not yet pulled are being deleted".to_owned()
        }
        Some(left) => format!("in {}", human_duration(left)),
    };
    let optional = |it: Option<String>| it.unwrap_or_else(|| "never".to_owned());
    Pull {
        name: fit(name, limits::PAGE_TEXT_COLUMNS),
        facts: vec![
            ("Last look", optional(standing.last_look.map(ago))),
            ("Complete to", optional(standing.complete_until.map(shown))),
            ("No late events before", optional(standing.final_until.map(shown))),
            ("Next deletion", loss),
        ],
        is_losing: left_ms.is_some_and(|it| it < limits::LOSS_WARNING_DAYS * DAY_MS),
    }
}

fn source(history: &OriginHistory, zone: &Zone) -> StatusSource {
    let origin = &history.origin;
    let counts = origin.counts;
    StatusSource {
        began: When::new(origin.began(), zone),
        kind: origin.kind.as_str(),
        name: fit(&origin.name, limits::PAGE_TEXT_COLUMNS),
        read: grouped(counts.read),
        added: grouped(counts.added),
        duplicates: grouped(counts.duplicates),
        rejected: grouped(counts.rejected),
        sha256: origin.sha256().map(str::to_owned),
    }
}
