//! The page that lists audit events.

use askama::Template;

use super::facets::{FacetView, narrowed_to};
use super::frame::{PageFrame, Tab};
use super::nothing::Nothing;
use super::people::timeline_href;
use super::period::QuestionForm;
use super::steps::OriginalDetails;
use super::words::{Badge, When, counted};
use super::{PageReply, PageRequest, with_limit};
use crate::access::{AccessEvent, AccessHits, AccessKey, AccessOrder, People};
use crate::audit::{AuditField, Flag};
use crate::limits;
use crate::render::{access_details, access_user, access_what, fit};
use crate::serve::{AccessQuestion, ApiCommand, Parameters, QuestionError};
use crate::store::Provenance;
use crate::time::Zone;

#[derive(Template)]
#[template(path = "access.html", config = "src/serve/pages/askama.toml")]
struct AccessPage {
    frame: PageFrame,
    form: QuestionForm,
    total: String,
    order: &'static str,
    /// The questions that responders ask first: their words, their links, and whether each is
    /// active.
    leads: Vec<(&'static str, String, bool)>,
    facets: Vec<FacetView>,
    events: Vec<AccessRow>,
    first: Option<String>,
    next: Option<String>,
    nothing: Option<Nothing>,
}

struct AccessRow {
    when: When,
    badge: Badge,
    what: String,
    who: String,
    says: String,
    /// Links to the user's mail, and to everything else that they did around then.
    mail: Option<String>,
    timeline: Option<String>,
    original: OriginalDetails,
}

/// Parameters for the questions that responders ask first, with their words.
const LEADS: [(&str, &str); 5] = [
    ("failed", "Failed to sign in"),
    ("denied", "Refused"),
    ("failed-then-ok", "Failed, then signed in"),
    ("new-ip", "From a new address"),
    ("not-owner", "In somebody else's mailbox"),
];

/// Lays out the page of the requested audit events.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let store = request.store;
    let parameters = request.parameters.without_empty();
    let limited = with_limit(&parameters);
    let AccessQuestion { request: asked, order, after, limit, zone } =
        request.questions.access(&request.question(ApiCommand::Access, &limited), store)?;
    let hits = AccessHits::find(store, &asked)?;
    let total = hits.total();
    let (places, next) = hits.page(order, after, limit);
    let mut provenance = store.provenance();
    let mut events = Vec::with_capacity(places.len());
    let people = hits.people()?;
    for (event, place) in hits.read(&places)?.iter().zip(&places) {
        let source = provenance.of(place.location)?;
        events.push(row(event, source.as_ref(), people, &zone));
    }
    let facets = match total {
        0 => Vec::new(),
        _ => hits.facets(&AccessKey::USUAL_FACETS, &zone)?,
    };
    let rest = parameters.without("cursor");
    let frame = PageFrame::new(request, "Access", Tab::Access, &zone);
    let page = AccessPage {
        frame: frame.with_command(request, ApiCommand::Access, &limited)?,
        form: QuestionForm::of(&parameters, "access"),
        total: counted(total, "event", "events"),
        order: if order == AccessOrder::Newest { "newest first" } else { "oldest first" },
        leads: leads(&rest),
        facets: facets
            .iter()
            .filter(|it| !it.values.is_empty())
            .map(|it| FacetView::of_access(it, &parameters))
            .collect(),
        events,
        // Cursors only lead forward, so the way back is to the first page.
        first: after.map(|_| format!("access?{rest}")),
        next: next.map(|it| format!("access?{}", rest.with("cursor", &it.to_string()))),
        nothing: (total == 0)
            .then(|| Nothing::of(request, "audit event", asked.range, &parameters, &zone)),
    };
    PageReply::page(&page)
}

fn leads(parameters: &Parameters) -> Vec<(&'static str, String, bool)> {
    let lead = |(name, words): (&str, &'static str)| {
        let is_asked = parameters.get(name).is_some();
        let question =
            if is_asked { parameters.without(name) } else { parameters.with(name, "yes") };
        (words, format!("access?{question}"), is_asked)
    };
    LEADS.into_iter().map(lead).collect()
}

fn row(
    access: &AccessEvent,
    source: Option<&Provenance>,
    people: &People,
    zone: &Zone,
) -> AccessRow {
    let badge = match access.event.allowed() {
        Some(Flag::Yes) => Badge { word: "ok", class: "good" },
        Some(Flag::No) if access.event.is_failed() => Badge { word: "failed", class: "bad" },
        Some(Flag::No) => Badge { word: "refused", class: "bad" },
        Some(Flag::Other(_)) | None => Badge { word: "", class: "unknown" },
    };
    let who = access_user(access, people).unwrap_or("");
    let is_address = who.contains('@');
    let ip = access.event.get(AuditField::SourceIp).unwrap_or("");
    let details = access_details(access, people);
    let separator = if ip.is_empty() || details.is_empty() { "" } else { " · " };
    AccessRow {
        when: When::new(access.at(), zone),
        badge,
        what: fit(&access_what(access), LABEL_COLUMNS),
        who: fit(who, LABEL_COLUMNS),
        says: fit(&format!("{ip}{separator}{details}"), limits::PAGE_TEXT_COLUMNS),
        timeline: access
            .event
            .get(AuditField::UserId)
            .or(Some(who).filter(|_| is_address))
            .map(|it| timeline_href(it, access.at(), access.at())),
        mail: Some(who).filter(|_| is_address).and_then(|it| narrowed_to("from", Some(it))),
        original: OriginalDetails::of_record(
            &access.record,
            access.event.kind.as_str(),
            source,
            zone,
        ),
    }
}

/// Columns for what was done, and for who did it.
const LABEL_COLUMNS: usize = 60;
