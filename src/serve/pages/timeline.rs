//! The page of what one person did and what happened to their mail.

use askama::Template;

use super::facets::with_addresses;
use super::frame::{PageFrame, Tab};
use super::message::href_of;
use super::nothing::{Nothing, OF_PERSON};
use super::people::{directory_href, whole_timeline_href};
use super::period::QuestionForm;
use super::words::{When, counted, grouped};
use super::{PageReply, PageRequest};
use crate::limits;
use crate::render::{fit, human_duration, step_details, step_origin};
use crate::serve::{ApiCommand, Parameters, QuestionError, TimelineQuestion};
use crate::time::Zone;
use crate::timeline::{Person, Side, Step, StepKind, Timeline, timeline};

#[derive(Template)]
#[template(path = "timeline.html", config = "src/serve/pages/askama.toml")]
struct TimelinePage {
    frame: PageFrame,
    form: QuestionForm,
    person: Option<PersonView>,
    steps: Vec<StepRow>,
    sum: String,
    counts: String,
    earlier: Option<(String, String)>,
    nothing: Option<Nothing>,
}

/// The person whose timeline it is.
struct PersonView {
    heading: String,
    addresses: Vec<String>,
    /// IDs, each with the link to its entry in the directory.
    ids: Vec<(String, Option<String>)>,
    mail: Option<String>,
}

/// One step with its links.
pub(super) struct StepRow {
    pub(super) when: When,
    pub(super) class: &'static str,
    pub(super) what: String,
    pub(super) origin: String,
    pub(super) says: String,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) links: Vec<(String, String)>,
}

/// Lays out the requested timeline.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let parameters = request.parameters.without_empty();
    let form = QuestionForm::asking(&parameters, "timeline", "who", "Person: an address or an ID");
    if parameters.get("who").is_none() {
        let zone = request.questions.zone(&parameters)?;
        let page = TimelinePage {
            frame: PageFrame::new(request, "Timeline", Tab::People, &zone),
            form,
            person: None,
            steps: Vec::new(),
            sum: String::new(),
            counts: String::new(),
            earlier: None,
            nothing: None,
        };
        return PageReply::page(&page);
    }
    let question = request.question(ApiCommand::Timeline, &parameters);
    let TimelineQuestion { who, range, limit, zone } = request.questions.timeline(&question)?;
    let found = timeline(request.store, &who, range, limit)?;
    let frame = PageFrame::new(request, "Timeline", Tab::People, &zone);
    let page = TimelinePage {
        frame: frame.with_command(request, ApiCommand::Timeline, &parameters)?,
        form,
        counts: found.counts_in_words(),
        sum: counted(found.event_count, "event", "events"),
        earlier: earlier(&found, &parameters),
        nothing: (found.step_count == 0)
            .then(|| Nothing::of(request, OF_PERSON, range, &parameters, &zone)),
        steps: found.steps.iter().map(|it| StepRow::of(it, &who, &zone)).collect(),
        person: Some(view(&found, request)),
    };
    PageReply::page(&page)
}

/// Returns the words and the link for the steps before those shown.
fn earlier(found: &Timeline, parameters: &Parameters) -> Option<(String, String)> {
    let left = found.step_count.saturating_sub(found.steps.len());
    let first = found.steps.first().filter(|_| left > 0 || found.is_truncated)?;
    let words = match left {
        0 => "Before these".to_owned(),
        left => format!("{} before these", counted(left as u64, "line", "lines")),
    };
    let before = parameters.without("until").without("on");
    let before = before.with("until", &first.first.in_zone(&Zone::UTC));
    Some((words, format!("timeline?{before}")))
}

/// Maximum numbers of IDs and of addresses that the page names.
const NAMES_SHOWN: usize = 20;

fn view(found: &Timeline, request: &PageRequest<'_>) -> PersonView {
    let who = &found.who;
    let text = |it: &String| fit(it, limits::PAGE_TEXT_COLUMNS);
    let directory = request.store.directory();
    let id = |it: &String| {
        let is_known = directory.as_ref().is_some_and(|known| known.id_of(it).is_some());
        (text(it), is_known.then(|| directory_href(it, None)))
    };
    let address = who.addresses.first();
    PersonView {
        heading: text(who.name.as_ref().or(address).unwrap_or(&who.asked)),
        addresses: who.addresses.iter().take(NAMES_SHOWN).map(text).collect(),
        ids: who.ids.iter().take(NAMES_SHOWN).map(id).collect(),
        mail: with_addresses(who.addresses.iter().map(String::as_str)),
    }
}

impl StepRow {
    /// Describes a step of the person `asked` names.
    pub(super) fn of(step: &Step, asked: &str, zone: &Zone) -> Self {
        let lasted_ms = step.last.ms_since(step.first);
        let text = |it: &String| fit(it, limits::PAGE_LONG_TEXT_COLUMNS);
        let person = |it: &Person| match &it.address {
            Some(address) => text(&format!("{address} ({})", it.id)),
            None => text(&it.id),
        };
        let lasted = (lasted_ms > 0)
            .then(|| format!("{}, for {}", step.last.in_zone(zone), human_duration(lasted_ms)));
        let peers = (!step.peers.is_empty()).then(|| {
            let more = step.peer_count.saturating_sub(step.peers.len() as u64);
            let more =
                if more > 0 { format!(", and {} more", grouped(more)) } else { String::new() };
            format!("{}{more}", step.peers.iter().map(text).collect::<Vec<_>>().join(", "))
        });
        let facts = [
            ("Last", lasted),
            ("By", step.actor.as_ref().map(person)),
            ("In the mailbox of", step.mailbox.as_ref().map(person)),
            ("Text", step.text.as_ref().map(text)),
            ("With", peers),
            ("Folder", step.folder.as_ref().map(text)),
            ("Program", step.user_agent.as_ref().map(text)),
        ];
        Self {
            when: When::new(step.first, zone),
            class: class_of(step.kind),
            what: step.kind.in_words(step.count),
            origin: fit(&step_origin(step), limits::PAGE_TEXT_COLUMNS),
            says: fit(&step_details(step), limits::PAGE_TEXT_COLUMNS),
            facts: facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            links: links(step, asked),
        }
    }
}

fn class_of(kind: StepKind) -> &'static str {
    match kind {
        StepKind::LoginFailed
        | StepKind::Denied
        | StepKind::MailBounced
        | StepKind::MailRefused => "bad",
        StepKind::Login | StepKind::Granted | StepKind::MailSent | StepKind::MailReceived => "good",
        StepKind::TokenCreated | StepKind::TokenDeleted | StepKind::Rule | StepKind::Deleted => {
            "rule"
        }
        _ => "unknown",
    }
}

/// Maximum number of a step's messages that its row links to.
const MESSAGES_SHOWN: usize = 5;

/// Returns links to the originals of a step and to the other people in it.
fn links(step: &Step, asked: &str) -> Vec<(String, String)> {
    let mut links = Vec::new();
    match step.kind.side() {
        Side::Mail => {
            let ids = || step.ids.iter().take(MESSAGES_SHOWN);
            let is_one = step.count == 1;
            links.extend(ids().zip(1..).map(|(id, number)| {
                let words = if is_one { "The message".into() } else { format!("Message {number}") };
                (words, href_of(id))
            }));
        }
        Side::Access => {
            let user = step.actor.as_ref().map_or(asked, |it| it.id.as_str());
            // `until` is exclusive, and the last event belongs to the step.
            let until = step.last.saturating_add_ms(1);
            let question = Parameters::default()
                .with("user", user)
                .with("since", &step.first.in_zone(&Zone::UTC))
                .with("until", &until.in_zone(&Zone::UTC));
            links.push(("Audit events of this".to_owned(), format!("access?{question}")));
            if let Some(ip) = &step.source_ip {
                let question = Parameters::default().with("ip", ip);
                links.push(("All from this IP address".to_owned(), format!("access?{question}")));
            }
        }
    }
    for (words, person) in [("Who did it", &step.actor), ("Whose mailbox it is", &step.mailbox)] {
        links.extend(person.iter().map(|it| (words.to_owned(), whole_timeline_href(&it.id))));
    }
    links
}
