//! The pages: each a function from a question to HTML.

use super::{Parameters, QuestionError, Questions};
use crate::store::Store;
use crate::time::Timestamp;

/// What a page is asked for.
pub struct PageRequest<'r> {
    /// The path below the base path, such as `/messages`.
    pub path: &'r str,
    /// What stands behind it.
    pub parameters: &'r Parameters,
    /// The store as of one commit.
    pub store: &'r Store,
    /// Who reads the parameters.
    pub questions: &'r dyn Questions,
    /// When.
    pub now: Timestamp,
}

/// What comes of a request for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A page.
    Html(String),
    /// Another page answers it: its address, relative to the one that was asked for.
    Elsewhere(String),
    /// JSON for the script of a page.
    Json(String),
}

/// A file that pages name.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

/// Whether there is a page at a path.
#[must_use]
pub fn is_page(path: &str) -> bool {
    path == "/"
}

/// Lays out a page.
///
/// # Errors
///
/// [`QuestionError`], which [`refusal`] lays out.
pub fn page(request: &PageRequest<'_>) -> Result<Reply, QuestionError> {
    let records = request.store.checkpoint().records;
    Ok(Reply::Html(format!("<!doctype html><title>mailtrace</title><p>{records} events</p>")))
}

/// Lays out why there is no page. `text` may be the client's own words.
#[must_use]
pub fn refusal(status: u16, _text: &str, _report: Option<&str>) -> String {
    format!("<!doctype html><title>mailtrace</title><p>{status}</p>")
}

/// The file of a name, as it stands behind `/assets/`.
#[must_use]
pub fn asset(_name: &str) -> Option<Asset> {
    None
}
