//! The page of addresses and IDs with their owners.

use askama::Template;

use super::facets::with_addresses;
use super::frame::{PageFrame, Tab};
use super::people::{directory_href, whole_timeline_href};
use super::recipients::Pager;
use super::words::{When, counted, grouped};
use super::{PageReply, PageRequest};
use crate::directory::{EntityKind, EntityState, Member};
use crate::limits;
use crate::render::{DirectoryAnswer, entity_counts, entity_facts, entity_state, fit};
use crate::serve::{ApiCommand, DirectoryQuestion, Parameters, QuestionError};
use crate::time::Timestamp;
use crate::time::workmail_end::LAST_DAY;

/// The parameter for the part of the list that is shown, which the command does not have.
const PAGE: &str = "page";

#[derive(Template)]
#[template(path = "directory.html", config = "src/serve/pages/askama.toml")]
struct DirectoryPage {
    frame: PageFrame,
    who: String,
    at: String,
    kind: String,
    kinds: Vec<(&'static str, String, bool)>,
    /// If the store has no directory: the last day on which one can be fetched.
    last_day: Option<String>,
    has_access: bool,
    as_of: Option<When>,
    taken: Option<When>,
    total: String,
    rows: Vec<EntityRow>,
    pager: Pager,
    only: Option<EntityView>,
    everybody: String,
}

struct EntityRow {
    kind: &'static str,
    address: String,
    name: String,
    state: String,
    more: String,
    id: String,
    href: String,
}

/// The details of a single entity.
struct EntityView {
    heading: String,
    facts: Vec<(&'static str, String)>,
    people: Vec<Relation>,
    timeline: Option<String>,
    mail: Option<String>,
}

/// The entities in one relation to another, such as its members.
struct Relation {
    name: &'static str,
    /// The label and the link of each.
    links: Vec<(String, String)>,
    more: Option<String>,
}

/// The kinds with their names in the list; `None` stands for all of them.
const KINDS: [(&str, Option<EntityKind>); 4] = [
    ("Everybody", None),
    ("Users", Some(EntityKind::User)),
    ("Groups", Some(EntityKind::Group)),
    ("Resources", Some(EntityKind::Resource)),
];

/// Lays out the page of the requested entities.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let parameters = request.parameters.without_empty();
    let asked = parameters.without(PAGE);
    let question = request.question(ApiCommand::Directory, &asked);
    let DirectoryQuestion { who, kind, at, zone } = request.questions.directory(&question)?;
    let frame = PageFrame::new(request, "Directory", Tab::People, &zone);
    let frame = frame.with_command(request, ApiCommand::Directory, &asked)?;
    let taken = request.store.directory();
    let directory = taken.clone().unwrap_or_default();
    // The directory's newest record may be later than `now`, which this machine's clock says.
    let moment = at.unwrap_or_else(|| directory.latest(request.now));
    let answer = DirectoryAnswer::of(&directory, (who.as_deref(), kind), moment, zone.clone());
    let total = answer.found.len();
    let (pager, start) =
        Pager::of(PAGE, total, limits::PAGE_ROWS, &parameters, "directory", "entries");
    let shown = answer.found.iter().skip(start).take(limits::PAGE_ROWS);
    // Details only for a person who was asked for, not for a list that happens to have one entry.
    let only = match (answer.found.as_slice(), &who) {
        ([only], Some(_)) => Some(view(&answer, only, at)),
        _ => None,
    };
    let get = |name: &str| parameters.text(name).to_owned();
    let page = DirectoryPage {
        frame,
        who: get("who"),
        at: get("at"),
        kind: get("kind"),
        kinds: kinds(&asked, kind),
        last_day: taken.is_none().then(|| LAST_DAY.to_string()),
        has_access: request.store.other_records() > 0,
        as_of: at.map(|it| When::new(it, &zone)),
        taken: directory.last_taken().map(|it| When::new(it, &zone)),
        total: counted(total as u64, "entry", "entries"),
        rows: shown.map(|it| row(it, at)).collect(),
        pager,
        only,
        everybody: format!("directory?{}", asked.without("who")),
    };
    PageReply::page(&page)
}

fn kinds(asked: &Parameters, chosen: Option<EntityKind>) -> Vec<(&'static str, String, bool)> {
    let others = asked.without("kind");
    let kind = |(words, kind): (&'static str, Option<EntityKind>)| {
        let question = match kind {
            Some(kind) => others.with("kind", kind.as_str()),
            None => others.clone(),
        };
        (words, format!("directory?{question}"), kind == chosen)
    };
    KINDS.into_iter().map(kind).collect()
}

fn text(it: &str) -> String {
    fit(it, limits::PAGE_TEXT_COLUMNS)
}

fn row(known: &EntityState<'_>, at: Option<Timestamp>) -> EntityRow {
    let entity = known.entity;
    let name = entity.display_name.as_deref().or(entity.name.as_deref());
    EntityRow {
        kind: entity.kind.as_str(),
        address: text(entity.address.as_deref().unwrap_or("(no address)")),
        name: text(name.unwrap_or("")),
        state: text(&entity_state(known)),
        more: entity_counts(known),
        id: text(&entity.id),
        href: directory_href(&entity.id, at),
    }
}

fn view(
    answer: &DirectoryAnswer<'_>,
    known: &EntityState<'_>,
    at: Option<Timestamp>,
) -> EntityView {
    let entity = known.entity;
    let link = |id: &str, more: &str| {
        let label = answer.label(id).unwrap_or_else(|| id.to_owned());
        (text(&format!("{label}{more}")), directory_href(id, at))
    };
    let members = |members: &[Member]| {
        let shown = members.iter().take(limits::PAGE_MEMBERS_MAX);
        let links: Vec<_> = shown.map(|it| link(&it.id, "")).collect();
        (links, more_than(limits::PAGE_MEMBERS_MAX, members.len()))
    };
    let permissions = entity.permissions.iter().take(limits::PAGE_MEMBERS_MAX);
    let permissions =
        permissions.map(|it| link(&it.id, &format!(": {}", it.values.join(" ")))).collect();
    let more = more_than(limits::PAGE_MEMBERS_MAX, entity.permissions.len());
    let (in_it, in_it_more) = members(&entity.members);
    let (delegates, delegates_more) = members(&entity.delegates);
    let people = [
        ("Members", in_it, in_it_more),
        ("Delegates", delegates, delegates_more),
        ("May use its mailbox", permissions, more),
    ];
    EntityView {
        heading: text(entity.display_name.as_deref().unwrap_or(entity.label())),
        facts: entity_facts(answer, known)
            .into_iter()
            .map(|(name, value)| (name, fit(&value, limits::PAGE_LONG_TEXT_COLUMNS)))
            .collect(),
        people: people
            .into_iter()
            .filter(|(_, links, _)| !links.is_empty())
            .map(|(name, links, more)| Relation { name, links, more })
            .collect(),
        // A group does nothing itself.
        timeline: (entity.kind != EntityKind::Group).then(|| whole_timeline_href(&entity.id)),
        mail: with_addresses(entity.addresses()),
    }
}

/// Says how many there are beyond those shown.
fn more_than(shown: usize, all: usize) -> Option<String> {
    let more = all.checked_sub(shown).filter(|it| *it > 0)?;
    Some(format!("and {} more", grouped(more as u64)))
}
