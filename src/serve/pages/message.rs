//! The page of a message, the heart of the site; and that of one that was not found.

use askama::Template;

use super::candidates::{self, CandidateView};
use super::coverage::CoverageBar;
use super::frame::{PageFrame, Tab};
use super::lanes::Picture;
use super::people::PeopleLinks;
use super::recipients::RecipientTable;
use super::steps::Steps;
use super::words::{Badge, When, grouped};
use super::{PageReply, PageRequest};
use crate::event::Address;
use crate::limits;
use crate::query::ids_like;
use crate::render::{
    Answer, Marked, TableOptions, TraceAnswer, checks, fit, headline, human_duration,
    marked_sentence,
};
use crate::serve::{ApiCommand, Parameters, QuestionError};
use crate::time::Zone;
use crate::trace::{Direction, Message, trace_ids};

/// Parameters for the part of a message that its page shows; no command has them.
const OF_THE_PAGE: [&str; 4] = ["only", "recipient", "recipients", "steps"];

#[derive(Template)]
#[template(path = "message.html", config = "src/serve/pages/askama.toml")]
struct MessagePage {
    frame: PageFrame,
    id: String,
    message: MessageView,
    recipients: RecipientTable,
    picture: Picture,
    steps: Steps,
    /// Audit events that may belong to it.
    candidates: Vec<CandidateView>,
}

/// The facts about a message as a whole.
struct MessageView {
    headline: String,
    badge: Badge,
    subject: Option<String>,
    from: Option<String>,
    /// The link to the sender's page.
    from_href: Option<String>,
    sender: Option<String>,
    message_ids: Vec<String>,
    more_ids: Option<String>,
    first: When,
    lasted: Option<String>,
    verdicts: Vec<Verdict>,
    checks: Option<String>,
    rules: Vec<AppliedRule>,
    is_truncated: bool,
    events: String,
    as_text: Vec<String>,
    links: Vec<(&'static str, String)>,
    bundle: String,
    steps_parameters: String,
}

/// The verdict of one check.
struct Verdict {
    check: &'static str,
    word: String,
    class: &'static str,
}

struct AppliedRule {
    says: String,
    href: Option<String>,
}

#[derive(Template)]
#[template(path = "several.html", config = "src/serve/pages/askama.toml")]
struct SeveralPage {
    frame: PageFrame,
    id: String,
    total: String,
    messages: Vec<Candidate>,
}

/// One of several messages that share an ID.
struct Candidate {
    href: String,
    headline: String,
    badge: Badge,
    when: When,
    subject: String,
    from: String,
}

#[derive(Template)]
#[template(path = "missing.html", config = "src/serve/pages/askama.toml")]
struct MissingPage {
    frame: PageFrame,
    id: String,
    candidates: Vec<(String, String)>,
    is_beginning: bool,
    has_more: bool,
    coverage: CoverageBar,
    search: String,
}

/// Lays out the page of the requested message.
pub(super) fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    let parameters = asked(request.parameters);
    let id = parameters.text("id").trim().to_owned();
    if id.is_empty() {
        return Ok(PageReply::Elsewhere("./".to_owned()));
    }
    let question = request.question(ApiCommand::Trace, &parameters);
    let asked = request.questions.trace(&question, request.store)?;
    let ids = asked.ids.iter().map(String::as_str);
    let traced = trace_ids(request.store, ids, &asked.rules)?;
    let frame = |title: &str| {
        let frame = PageFrame::new(request, title, Tab::Message, &asked.zone);
        // A cluster does not know where a record came from.
        let has_sources = !request.store.is_mirror();
        let with_sources = || parameters.with("provenance", "");
        let parameters = if has_sources { with_sources() } else { parameters.clone() };
        frame.with_command(request, ApiCommand::Trace, &parameters)
    };
    match traced.messages.as_slice() {
        [] => missing(request, &id, frame("Not found")?, &asked.zone),
        [only] => Ok(found(request, only, frame(&title(only))?, &asked.zone)?),
        several => {
            let all = several.len();
            let shown = several.iter().take(limits::PAGE_MESSAGES_MAX);
            let page = SeveralPage {
                frame: frame("Several messages")?,
                id: fit(&id, limits::PAGE_TEXT_COLUMNS),
                total: grouped(all as u64),
                messages: shown.map(|it| candidate(it, &asked.zone)).collect(),
            };
            PageReply::page(&page)
        }
    }
}

/// Returns the parameters that the command takes.
pub(super) fn asked(parameters: &Parameters) -> Parameters {
    OF_THE_PAGE.iter().fold(parameters.clone(), |it, name| it.without(name))
}

fn title(message: &Message) -> String {
    let subject = message.subject.as_deref().map(|it| fit(it, TITLE_COLUMNS));
    subject.filter(|it| !it.trim().is_empty()).unwrap_or_else(|| "Message".to_owned())
}

/// Columns for a title, of which browsers show about thirty.
const TITLE_COLUMNS: usize = 60;

/// Describes one of several messages. Its link has a trace ID: each leg belongs to one message,
/// whereas the message ID is what they share.
fn candidate(message: &Message, zone: &Zone) -> Candidate {
    let id = message.trace_ids.first().cloned().or_else(|| message.any_id()).unwrap_or_default();
    let from = message.from.as_ref().or(message.sender.as_ref());
    Candidate {
        href: href_of(&id),
        headline: headline(message).to_string(),
        badge: Badge::of_message(message.outcome),
        when: When::new(message.first_seen, zone),
        subject: fit(message.subject.as_deref().unwrap_or(""), limits::PAGE_TEXT_COLUMNS),
        from: from.map_or_else(String::new, shown),
    }
}

/// Returns the link to the message with an ID.
pub(super) fn href_of(id: &str) -> String {
    format!("message?{}", Parameters::default().with("id", id))
}

fn shown(address: &Address<'_>) -> String {
    Marked::address(address.logged()).to_string()
}

fn missing(
    request: &PageRequest<'_>,
    id: &str,
    frame: PageFrame,
    zone: &Zone,
) -> Result<PageReply, QuestionError> {
    let found = ids_like(request.store, id, &|_, _| {})?.unwrap_or_default();
    let page = MissingPage {
        frame,
        id: fit(id, limits::PAGE_TEXT_COLUMNS),
        candidates: found.ids.iter().map(|it| (href_of(it), it.clone())).collect(),
        is_beginning: found.is_beginning,
        has_more: found.has_more,
        coverage: CoverageBar::of(request.store, request.now, zone),
        search: format!("messages?{}", Parameters::default().with("q", id)),
    };
    PageReply::page(&page)
}

fn found(
    request: &PageRequest<'_>,
    message: &Message,
    frame: PageFrame,
    zone: &Zone,
) -> Result<PageReply, QuestionError> {
    let parameters = request.parameters;
    let people = PeopleLinks::of(request.store, message.first_seen, message.last_seen);
    let page = MessagePage {
        frame,
        id: parameters.text("id").to_owned(),
        message: view(message, parameters, &people, zone),
        recipients: RecipientTable::of(message, parameters, &people, zone),
        picture: Picture::of(message, zone),
        steps: Steps::of(message, request.store, parameters, zone)?,
        candidates: candidates::of_message(request, message, parameters, zone)?,
    };
    PageReply::page(&page)
}

impl MessagePage {
    /// Returns the link to an event of the message, on this page of its steps or on another.
    fn step_href(&self, event: &usize) -> String {
        let number = event + 1;
        if self.steps.rows.iter().any(|it| it.number == number) {
            return format!("#step-{number}");
        }
        let page = Steps::page_of(*event);
        format!("message?{}&steps={page}#step-{number}", self.message.steps_parameters)
    }
}

/// Maximum number of message IDs that the page names.
const IDS_SHOWN: usize = 3;

/// Maximum number of applied rules that the page names.
const RULES_SHOWN: usize = 10;

fn view(
    message: &Message,
    parameters: &Parameters,
    people: &PeopleLinks,
    zone: &Zone,
) -> MessageView {
    let is_other = message.sender.is_some() && message.sender != message.from;
    let ids = &message.message_ids;
    let lasted = message.last_seen.ms_since(message.first_seen);
    let id = message.any_id().unwrap_or_default();
    let mut rules: Vec<AppliedRule> = Vec::new();
    for stored in &message.events {
        let event = &stored.event;
        if event.name != crate::event::EventName::RuleApplied {
            continue;
        }
        let says = marked_sentence(event).to_string();
        // Several events may say the same of a rule; the words are shown once.
        let is_new = rules.len() < RULES_SHOWN && rules.iter().all(|it| it.says != says);
        if is_new {
            let name = event.rule_name.as_deref().filter(|it| !it.trim().is_empty());
            let href = name.map(|it| super::facets::narrowed_to("rule", Some(it)));
            rules.push(AppliedRule { says, href: href.flatten() });
        }
    }
    MessageView {
        headline: headline(message).to_string(),
        badge: Badge::of_message(message.outcome),
        subject: message.subject.as_deref().map(|it| fit(it, limits::PAGE_LONG_TEXT_COLUMNS)),
        from: message.from.as_ref().or(message.sender.as_ref()).map(shown),
        from_href: message.from.as_ref().or(message.sender.as_ref()).and_then(|it| {
            let is_own = message.legs.iter().any(|it| it.direction == Direction::Outgoing);
            people.of_address(it, is_own)
        }),
        sender: message.sender.as_ref().filter(|_| is_other && message.from.is_some()).map(shown),
        message_ids: ids.iter().take(IDS_SHOWN).map(ToString::to_string).collect(),
        more_ids: ids
            .len()
            .checked_sub(IDS_SHOWN)
            .filter(|it| *it > 0)
            .map(|it| grouped(it as u64)),
        first: When::new(message.first_seen, zone),
        lasted: (lasted > 0).then(|| human_duration(lasted)),
        verdicts: verdicts(message),
        checks: checks(message),
        rules,
        is_truncated: message.is_truncated,
        events: grouped(message.events.len() as u64),
        as_text: as_text(message, zone),
        links: related(message),
        bundle: format!("export/trace.zip?{}", Parameters::default().with("id", &id)),
        steps_parameters: parameters.without("steps").to_string(),
    }
}

fn verdicts(message: &Message) -> Vec<Verdict> {
    let verdicts = &message.verdicts;
    let all = [
        ("spam", &verdicts.spam),
        ("DKIM", &verdicts.dkim),
        ("DMARC", &verdicts.dmarc),
        ("SPF", &verdicts.spf),
    ];
    let known = all.into_iter().filter_map(|(check, verdict)| Some((check, verdict.as_deref()?)));
    let verdict = |(check, word): (&'static str, &str)| Verdict {
        check,
        word: fit(word, TITLE_COLUMNS),
        class: match word {
            "PASS" => "good",
            "FAIL" => "bad",
            _ => "unknown",
        },
    };
    known.map(verdict).collect()
}

/// Returns what the command prints, line by line, for copying: headline, facts, recipients and
/// steps.
fn as_text(message: &Message, zone: &Zone) -> Vec<String> {
    const WIDTH: usize = 100;
    let options = TableOptions { width: WIDTH, zone: zone.clone(), lists_all: false };
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let answer = TraceAnswer { messages: std::slice::from_ref(message), ..TraceAnswer::default() };
    let _infallible = answer.table(&options, &mut text);
    let text = String::from_utf8_lossy(&text);
    // Tables are written with ANSI colours, which mean nothing on a page.
    let plain = anstream::adapter::strip_str(&text).to_string();
    plain.lines().map(str::to_owned).collect()
}

/// Returns links to what else may be of interest about a message.
fn related(message: &Message) -> Vec<(&'static str, String)> {
    let mut links = Vec::new();
    let (field, sender) = match &message.sender {
        Some(sender) => ("sender", Some(sender)),
        None => ("from", message.from.as_ref()),
    };
    let from_sender = sender.and_then(|it| super::facets::narrowed_to(field, Some(it.as_str())));
    links.extend(from_sender.map(|it| ("More of this sender", it)));
    let domain = sender.and_then(|it| crate::event::domain_of(it.as_str()));
    let from_domain = domain.and_then(|it| super::facets::narrowed_to("sender-domain", Some(it)));
    links.extend(from_domain.map(|it| ("More of this domain", it)));
    links
}
