//! The pages, each a function from a question to HTML.
//!
//! A page is made in three steps: the library answers the question as it does for the command of
//! the same name; the answer becomes a view, in which everything is text ready to be printed; a
//! template prints it. Templates print through [`escape::Door`] only, and every picture is SVG with
//! positions in percent, so that it fits a telephone and a wall. Everything works without script;
//! `page.js` adds keys, the brush, and the check for new events.

mod access;
mod axis;
mod bars;
mod candidates;
mod coverage;
mod directory;
mod escape;
mod facets;
mod frame;
mod lanes;
mod lead;
mod lines;
mod message;
mod messages;
mod nothing;
mod people;
mod period;
mod recipients;
mod search;
mod start;
mod statistics;
mod status;
mod steps;
mod timeline;
mod words;

use askama::Template;

use self::frame::PageFrame;
use super::{ApiCommand, Needs, Parameters, Question, QuestionError, Questions};
use crate::event::pasted_id;
use crate::limits;
use crate::store::Store;
use crate::time::Timestamp;

/// A request for a page.
pub struct PageRequest<'r> {
    /// The path below the base path, such as `/messages`.
    pub path: &'r str,
    /// The parameters.
    pub parameters: &'r Parameters,
    /// The store as of one commit.
    pub store: &'r Store,
    /// Parses the parameters.
    pub questions: &'r dyn Questions,
    /// The time of asking.
    pub now: Timestamp,
}

impl PageRequest<'_> {
    fn question<'q>(&self, command: ApiCommand, parameters: &'q Parameters) -> Question<'q> {
        Question { command, parameters, now: self.now }
    }
}

/// The result of a request for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageReply {
    /// A page.
    Html(String),
    /// A redirect: the address of another page, relative to the requested one.
    Elsewhere(String),
    /// JSON for the script of a page.
    Json(String),
}

impl PageReply {
    fn page(page: &impl Template) -> Result<Self, QuestionError> {
        let html = page.render().map_err(|error| QuestionError::Failed(error.to_string()))?;
        Ok(Self::Html(html))
    }
}

/// A file that pages refer to.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// True if there is a page at a path.
pub fn is_page(path: &str) -> bool {
    PATHS.contains(&path)
}

const PATHS: [&str; 11] = [
    "/",
    "/find",
    "/messages",
    "/message",
    "/search",
    "/access",
    "/timeline",
    "/directory",
    "/statistics",
    "/status",
    "/pulse",
];

/// Returns the data that a page is made of.
pub fn needs(path: &str, parameters: &Parameters) -> Needs {
    let question = |command| Needs::Question(command, parameters.without_empty());
    match path {
        "/" => question(ApiCommand::Triage),
        "/find" => {
            let id = pasted_id(parameters.text("q"));
            let is_one_word = !id.is_empty() && !id.contains(char::is_whitespace);
            let is_id = is_one_word && id.len() <= limits::TERM_BYTES_MAX;
            Needs::Ids(if is_id { vec![id.into_owned()] } else { Vec::new() })
        }
        "/messages" => question(ApiCommand::Messages),
        // Redirected to the start page, which needs no data here.
        "/message" if parameters.get("id").is_none_or(|it| it.trim().is_empty()) => Needs::Nothing,
        "/message" => Needs::Question(ApiCommand::Trace, message::asked(parameters)),
        "/search" => question(ApiCommand::Search),
        "/access" => question(ApiCommand::Access),
        "/timeline" if parameters.without_empty().get("who").is_none() => Needs::Nothing,
        "/timeline" => question(ApiCommand::Timeline),
        "/statistics" => question(ApiCommand::Stats),
        _ => Needs::Nothing,
    }
}

/// Lays out a page.
///
/// # Errors
///
/// [`QuestionError`], which [`refusal`] lays out.
pub fn page(request: &PageRequest<'_>) -> Result<PageReply, QuestionError> {
    match request.path {
        "/" => start::page(request),
        "/find" => {
            let text = request.parameters.text("q");
            Ok(PageReply::Elsewhere(lead::lead(text, request.store, request.now)?))
        }
        "/messages" => messages::page(request),
        "/message" => message::page(request),
        "/search" => search::page(request),
        "/access" => access::page(request),
        "/timeline" => timeline::page(request),
        "/directory" => directory::page(request),
        "/statistics" => statistics::page(request),
        "/status" => status::page(request),
        "/pulse" => {
            let records = request.store.mail_records();
            Ok(PageReply::Json(format!("{{\"records\":{records}}}\n")))
        }
        _ => Err(QuestionError::refused("there is no such page")),
    }
}

#[derive(Template)]
#[template(path = "refusal.html", config = "src/serve/pages/askama.toml")]
struct RefusalPage<'r> {
    frame: PageFrame,
    status: u16,
    heading: &'static str,
    text: &'r str,
    report: Vec<&'r str>,
}

/// Lays out the reason why there is no page. `text` may contain the client's own words.
pub fn refusal(status: u16, text: &str, report: Option<&str>) -> String {
    let heading = match status {
        400 => "This question cannot be read",
        401 => "Token required",
        403 => "Request refused",
        404 => "Not found",
        422 => "Too much at once",
        502 => "The cluster does not answer",
        503 => "This took too long",
        _ => "Something went wrong",
    };
    let page = RefusalPage {
        frame: PageFrame::bare(heading),
        status,
        heading,
        text,
        report: report.into_iter().flat_map(str::lines).collect(),
    };
    page.render().expect("a template of texts alone")
}

/// Returns the file with a name, as it follows `/assets/`.
pub fn asset(name: &str) -> Option<Asset> {
    let (content_type, text) = match name {
        "page.css" => ("text/css; charset=utf-8", include_str!("assets/page.css")),
        "page.js" => ("text/javascript; charset=utf-8", include_str!("assets/page.js")),
        "icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return None,
    };
    Some(Asset { content_type, bytes: text.as_bytes() })
}

/// Limits a list to the length of a page, unless its question has a limit.
fn with_limit(parameters: &Parameters) -> Parameters {
    match parameters.get("limit") {
        Some(_) => parameters.clone(),
        None => parameters.with("limit", &limits::PAGE_ROWS.to_string()),
    }
}

impl Parameters {
    /// Returns the same question without its period, from its first answer on.
    fn timeless(&self) -> Self {
        let times = ["since", "until", "on", "cursor"];
        times.into_iter().fold(self.clone(), |it, name| it.without(name))
    }

    /// Turns the question of a page of numbers into one for messages: the query and the period.
    fn of_messages(&self) -> Self {
        let is_kept = |name: &str| ["q", "internal", "since", "until", "on", "tz"].contains(&name);
        let kept = self.iter().filter(|(name, _)| is_kept(name));
        kept.fold(Self::default(), |it, (name, value)| it.with(name, value))
    }

    /// Removes empty form fields, which browsers send too.
    fn without_empty(&self) -> Self {
        const FIELDS: [&str; 7] = ["q", "who", "since", "until", "on", "at", "cursor"];
        let is_empty = |name: &&str| self.get(name).is_some_and(|it| it.trim().is_empty());
        FIELDS.iter().filter(|it| is_empty(it)).fold(self.clone(), |it, name| it.without(name))
    }
}
