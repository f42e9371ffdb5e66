//! Responses, and the headers that all of them carry.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::guard::Refusal;
use super::pages;
use crate::limits;

/// The body of a response.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The media type of a JSON document as the commands print it.
pub(super) const JSON: &str = "application/json";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// Restricts what a browser may do with an answer: show it, and load more from here only.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("x-frame-options", "DENY"),
];

/// Returns a response whose body is complete.
pub(super) fn whole(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    with_body(status, content_type, Slices(body.into()).boxed_unsync())
}

/// A complete body that is handed over in slices. Handed over at once, it would be gone from here
/// with all of it still to be sent, and its connection would pass for idle.
struct Slices(Bytes);

impl HttpBody for Slices {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let slice_bytes = self.0.len().min(limits::SERVE_SLICE_BYTES);
        let slice = self.0.split_to(slice_bytes);
        Poll::Ready((slice_bytes > 0).then(|| Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// Redirects to another page, whose address is relative to the requested one.
pub(super) fn elsewhere(page: &[u8]) -> Response<Body> {
    let mut response = whole(StatusCode::SEE_OTHER, TEXT, "");
    // Cannot fail: parameters are percent-encoded, hence ASCII.
    if let Ok(page) = HeaderValue::from_bytes(page) {
        response.headers_mut().insert(LOCATION, page);
    }
    response
}

/// Returns a response with all common headers.
pub(super) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// The recipient of an answer: a person, who gets a page, or a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Person,
    Program,
}

impl Reader {
    /// Returns the reader of a path, with or without the base path.
    pub(super) fn of_path(path: &str) -> Self {
        let is_for_programs = ["/api/", "/metrics", "/healthz"];
        // Contained, not leading: a refused request's path may still have its base path.
        let is_program = is_for_programs.iter().any(|it| path.contains(it));
        if is_program { Self::Program } else { Self::Person }
    }
}

/// Returns the response that explains why there is no answer.
pub(super) fn refused(
    status: StatusCode,
    text: &str,
    report: Option<&str>,
    reader: Reader,
) -> Response<Body> {
    match reader {
        Reader::Person => whole(status, HTML, pages::refusal(status.as_u16(), text, report)),
        Reader::Program => {
            let json = json!({"error": text, "report": report});
            whole(status, JSON, format!("{json}\n"))
        }
    }
}

impl Refusal {
    pub(super) fn into_response(self, reader: Reader) -> Response<Body> {
        let mut response = match self.status.is_redirection() {
            true => whole(self.status, TEXT, ""),
            false => refused(self.status, self.text, None, reader),
        };
        response.headers_mut().extend(self.headers);
        response
    }
}

/// Returns a body without bytes.
pub(super) fn empty() -> Body {
    Slices(Bytes::new()).boxed_unsync()
}
