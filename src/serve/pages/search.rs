//! The page that lists events.

use askama::Template;

use super::facets::FacetView;
use super::frame::{PageFrame, Tab};
use super::message::href_of;
use super::nothing::Nothing;
use super::period::QuestionForm;
use super::steps::OriginalDetails;
use super::words::{Badge, When, counted};
use super::{PageReply, PageRequest, with_limit};
use crate::limits;
use crate::query::{self, Field};
use crate::render::{fit, marked_sentence};
use crate::serve::{ApiCommand, QuestionError};
use crate::stats::facets_of_events;
use crate::store::{ProvenanceReader, StoreError, StoredEvent};
use crate::time::Zone;

#[derive(Template)]
#[template(path = "search.html", config = "src/serve/pages/askama.toml")]
struct SearchPage {
    frame: PageFrame,
    form: QuestionForm,
    total: String,
    facets: Vec<FacetView>,
    /// True if there are too many events to count their values.
    too_many: bool,
    events: Vec<EventRow>,
    first: Option<String>,
    next: Option<String>,
    nothing: Option<Nothing>,
}

struct EventRow {
    when: When,
    badge: Badge,
    label: String,
    says: String,
    subject: String,
    href: Option<String>,
    original: OriginalDetails,
}

/// The fields whose values are counted next to the list.
const FACETS: [Field; 5] = [Field::Event, Field::From, Field::To, Field::Folder, Field::Status];

/// Lays out the page of the requested events.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let store = request.store;
    let parameters = request.parameters.without_empty();
    let limited = with_limit(&parameters);
    let asked = request.questions.events(&request.question(ApiCommand::Search, &limited), store)?;
    let zone = &asked.zone;
    let silent = |_, _| {};
    let mut hits =
        query::search_heard(store, &asked.query, asked.range, asked.after, asked.limit, &silent)?;
    let total = hits.total();
    let mut provenance = store.provenance();
    let mut events = Vec::new();
    for hit in hits.by_ref() {
        events.push(row(&hit?, &mut provenance, zone)?);
    }
    let next = hits.next_page().map(|it| it.to_string());
    let too_many = total > limits::PAGE_FACET_EVENTS_MAX;
    let facets = if total == 0 || too_many {
        Vec::new()
    } else {
        let shape = query::shape_of(store, &asked.query, asked.range, &FACETS, &silent)?;
        facets_of_events(&shape, &FACETS)
    };
    let frame = PageFrame::new(request, "Events", Tab::Search, zone);
    let page = SearchPage {
        frame: frame.with_command(request, ApiCommand::Search, &limited)?,
        form: QuestionForm::of(&parameters, "search"),
        total: counted(total, "event", "events"),
        facets: facets
            .iter()
            .filter(|it| !it.values.is_empty())
            .map(|it| FacetView::of(it, "search", &parameters))
            .collect(),
        too_many,
        events,
        first: asked.after.map(|_| format!("search?{}", parameters.without("cursor"))),
        next: next.map(|it| format!("search?{}", parameters.without("cursor").with("cursor", &it))),
        nothing: (total == 0)
            .then(|| Nothing::of(request, "event", asked.range, &parameters, zone)),
    };
    PageReply::page(&page)
}

fn row(
    stored: &StoredEvent,
    provenance: &mut ProvenanceReader<'_>,
    zone: &Zone,
) -> Result<EventRow, StoreError> {
    let event = &stored.event;
    let source = provenance.of_event(stored)?;
    let subject = event.subject.as_deref().map(crate::event::decoded_subject);
    let trace_id = event.trace_id.as_ref();
    let message_id = event.message_id.as_ref().map(ToString::to_string);
    // The trace ID first: it names one leg, while a message ID may belong to several messages.
    let id = if trace_id.is_empty() { message_id } else { Some(trace_id.to_owned()) };
    Ok(EventRow {
        when: When::new(stored.record.timestamp, zone),
        badge: Badge::of_step(event),
        label: fit(event.name.label(), LABEL_COLUMNS),
        says: fit(&marked_sentence(event).to_string(), limits::PAGE_TEXT_COLUMNS),
        subject: fit(subject.as_deref().unwrap_or(""), limits::PAGE_TEXT_COLUMNS),
        href: id.map(|it| href_of(&it)),
        original: OriginalDetails::of(stored, source.as_ref(), zone),
    })
}

/// Columns for an event's name: AWS's longest has 28.
const LABEL_COLUMNS: usize = 40;
