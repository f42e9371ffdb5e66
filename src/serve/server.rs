//! The way from a request to its response.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;

use super::answers::{Answers, Keeping, Length, NoAnswer, Reply};
use super::connections::Connections;
use super::guard::{Admitted, Guard};
use super::metrics::{self, OPEN_METRICS};
use super::mirrors::Needs;
use super::pages::{self, PageRequest};
use super::respond::{self, Body, HTML, JSON, Reader, TEXT};
use super::{ApiCommand, Parameters, Question, QuestionError, Questions};
use super::{bundle, openapi};
use crate::limits;
use crate::store::Store;
use crate::time::Timestamp;

/// The state that all connections share.
pub(super) struct Server {
    pub(super) guard: Guard,
    pub(super) answers: Arc<Answers>,
    pub(super) questions: Arc<dyn Questions>,
    pub(super) connections: Connections,
    pub(super) counts: RequestCounts,
    /// Admits one export at a time, as each may take all there is; a second one is refused as busy.
    pub(super) exports: Arc<Semaphore>,
}

/// Counts requests by the first digit of their status. Places 1 to 5 are used.
#[derive(Default)]
pub(super) struct RequestCounts([AtomicU64; 6]);

impl RequestCounts {
    fn count(&self, status: StatusCode) {
        if let Some(count) = self.0.get(usize::from(status.as_u16() / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Iterates over the classes that have occurred, such as 2 for `2xx`.
    pub(super) fn classes(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().map(|it| it.load(Ordering::Relaxed)).enumerate().filter(|it| it.1 > 0)
    }
}

impl Server {
    pub(super) async fn respond<B: hyper::body::Body>(
        &self,
        request: Request<B>,
    ) -> Response<Body> {
        let is_head = request.method() == Method::HEAD;
        let mut response = match self.guard.check(&request) {
            Ok(admitted) => self.answer(admitted).await,
            Err(refusal) => refusal.into_response(Reader::of_path(request.uri().path())),
        };
        self.counts.count(response.status());
        if is_head {
            // The length stated is that of the body left out, which the empty one does not know.
            let length = hyper::body::Body::size_hint(response.body()).exact();
            if let Some(length) = length {
                response.headers_mut().insert(hyper::header::CONTENT_LENGTH, length.into());
            }
            *response.body_mut() = respond::empty();
        }
        response
    }

    async fn answer(&self, admitted: Admitted) -> Response<Body> {
        let path = admitted.path.as_str();
        if let Some(name) = path.strip_prefix("/assets/") {
            return match pages::asset(name) {
                Some(asset) => respond::whole(StatusCode::OK, asset.content_type, asset.bytes),
                None => nothing_here(Reader::Person),
            };
        }
        if path == "/api/v1/openapi.json" {
            let document = openapi::document(self.questions.as_ref());
            return respond::whole(StatusCode::OK, JSON, document);
        }
        if let Some(name) = path.strip_prefix("/export/") {
            return match name.strip_suffix(".zip").and_then(ApiCommand::from_name) {
                Some(command @ (ApiCommand::Messages | ApiCommand::Trace)) => {
                    self.export(command, admitted.parameters).await
                }
                _ => nothing_here(Reader::Person),
            };
        }
        if let Some(name) = path.strip_prefix("/api/v1/") {
            return match ApiCommand::from_name(name) {
                Some(command) => self.api(command, admitted.parameters).await,
                None => nothing_here(Reader::Program),
            };
        }
        match path {
            "/healthz" => match self.answers.health().await {
                Ok(()) => respond::whole(StatusCode::OK, TEXT, "ok\n"),
                Err(error) => no_answer(&error, Reader::Program),
            },
            "/metrics" => self.metrics().await,
            _ if pages::is_page(path) => self.page(admitted).await,
            _ => nothing_here(Reader::of_path(path)),
        }
    }

    async fn page(&self, admitted: Admitted) -> Response<Body> {
        let asked = format!("{}?{}", admitted.path, admitted.parameters);
        let keeping = keeping(&admitted.path, &admitted.parameters);
        let length = length(&admitted.path);
        let questions = Arc::clone(&self.questions);
        let needs = pages::needs(&admitted.path, &admitted.parameters);
        let now = questions.now();
        let work = move |store: Result<&Store, QuestionError>| {
            let store = match store {
                Ok(store) => store,
                Err(error) => return refused_page(&error),
            };
            let request = PageRequest {
                path: &admitted.path,
                parameters: &admitted.parameters,
                store,
                questions: questions.as_ref(),
                now,
            };
            match pages::page(&request) {
                Ok(reply) => {
                    let (status, content_type, body) = match reply {
                        pages::PageReply::Html(html) => (StatusCode::OK, HTML, html),
                        pages::PageReply::Json(json) => (StatusCode::OK, JSON, json),
                        pages::PageReply::Elsewhere(page) => (StatusCode::SEE_OTHER, TEXT, page),
                    };
                    Reply { status, content_type, body: Bytes::from(body) }
                }
                Err(error) => refused_page(&error),
            }
        };
        self.made(asked, (needs, now), (keeping, length), Reader::Person, work).await
    }

    async fn api(&self, command: ApiCommand, parameters: Parameters) -> Response<Body> {
        // The prefix keeps the cache's keys apart from those of pages with the same name.
        let asked = format!("/api/{}?{parameters}", command.as_str());
        let keeping = keeping(command.as_str(), &parameters);
        let length = length(command.as_str());
        let questions = Arc::clone(&self.questions);
        let needs = Needs::Question(command, parameters.clone());
        let now = questions.now();
        let work = move |store: Result<&Store, QuestionError>| {
            let store = match store {
                Ok(store) => store,
                Err(error) => return refused_object(&error),
            };
            let question = Question { command, parameters: &parameters, now };
            let mut out = Bounded::default();
            match questions.answer(&question, store, &mut out) {
                Ok(()) => Reply {
                    status: StatusCode::OK,
                    content_type: JSON,
                    body: Bytes::from(out.bytes),
                },
                Err(_) if out.is_full => {
                    let text = format!(
                        "the answer has more than {} bytes: ask for less with limit, since and until, and continue with cursor",
                        limits::SERVE_ANSWER_BYTES_MAX
                    );
                    error_object(StatusCode::SERVICE_UNAVAILABLE, &text, None)
                }
                Err(error) => refused_object(&error),
            }
        };
        self.made(asked, (needs, now), (keeping, length), Reader::Program, work).await
    }

    async fn export(&self, command: ApiCommand, parameters: Parameters) -> Response<Body> {
        let reader = Reader::Person;
        let Ok(turn) = Arc::clone(&self.exports).try_acquire_owned() else {
            return no_answer(&NoAnswer::Busy, reader);
        };
        let snapshot = match self.answers.snapshot().await {
            Ok(snapshot) => snapshot,
            Err(error) => return no_answer(&error, reader),
        };
        let questions = Arc::clone(&self.questions);
        let stop = Arc::new(AtomicBool::new(false));
        let told_to_stop = Arc::clone(&stop);
        let made = tokio::task::spawn_blocking(move || {
            let question = Question { command, parameters: &parameters, now: questions.now() };
            // Moved in, so that the slot stays taken until the work ends, even after a timeout.
            let _turn = turn;
            let store =
                snapshot.store(&Needs::Question(command, parameters.clone()), question.now)?;
            bundle::make(questions.as_ref(), &question, &store.stoppable(&told_to_stop))
        });
        let patience = Duration::from_millis(limits::SERVE_EXPORT_MS_MAX);
        let made = tokio::time::timeout(patience, made).await;
        // After a timeout the thread still runs, and stops at its next read. After success it is
        // harmless.
        stop.store(true, Ordering::Relaxed);
        match made {
            Ok(Ok(Ok(made))) => download(made),
            Ok(Ok(Err(error))) => {
                let (status, text, report) = told(&error);
                respond::refused(status, &text, report, reader)
            }
            Ok(Err(_)) => no_answer(&NoAnswer::Fault, reader),
            Err(_) => no_answer(&NoAnswer::TooLong(patience.as_secs()), reader),
        }
    }

    async fn metrics(&self) -> Response<Body> {
        let questions = Arc::clone(&self.questions);
        let now = questions.now();
        let work = move |store: Result<&Store, QuestionError>| {
            let of_store =
                store.and_then(|it| metrics::of_store(it, now, limits::GRACE_MS_DEFAULT));
            match of_store {
                Ok(text) => {
                    let body = Bytes::from(text);
                    Reply { status: StatusCode::OK, content_type: OPEN_METRICS, body }
                }
                Err(error) => error_object(told(&error).0, &error.to_string(), None),
            }
        };
        let asked = "/metrics".to_owned();
        let how = (Keeping::Moment, Length::Long);
        match self.answers.answer(asked, (Needs::LastDay, now), how, work).await {
            Ok(answer) if answer.status == StatusCode::OK => {
                // Only the store's part is cached; the server's counters are added on each request.
                let mut text = answer.body.to_vec();
                text.extend_from_slice(metrics::of_server(self).as_bytes());
                respond::whole(StatusCode::OK, OPEN_METRICS, text)
            }
            Ok(answer) => respond::whole(answer.status, answer.content_type, answer.body),
            Err(error) => no_answer(&error, Reader::Program),
        }
    }

    async fn made(
        &self,
        asked: String,
        needs: (Needs, Timestamp),
        how: (Keeping, Length),
        reader: Reader,
        work: impl FnOnce(Result<&Store, QuestionError>) -> Reply + Send + 'static,
    ) -> Response<Body> {
        match self.answers.answer(asked, needs, how, work).await {
            Ok(answer) if answer.status.is_redirection() => respond::elsewhere(&answer.body),
            Ok(answer) => respond::whole(answer.status, answer.content_type, answer.body),
            Err(error) => no_answer(&error, reader),
        }
    }
}

/// Returns a bundle as a download whose file name contains the head of its archive.
fn download(made: bundle::FinishedBundle) -> Response<Body> {
    let head = made.head.clone().unwrap_or_default();
    let name = format!("mailtrace-{}.zip", head.get(..HEAD_CHARS).unwrap_or("empty"));
    let mut response = respond::with_body(StatusCode::OK, "application/zip", made.into_body());
    let headers = [
        ("content-disposition", format!("attachment; filename=\"{name}\"")),
        ("mailtrace-head", head),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Characters of a head that a file name shows.
const HEAD_CHARS: usize = 16;

fn no_answer(error: &NoAnswer, reader: Reader) -> Response<Body> {
    let status = match error {
        NoAnswer::TooLong(_) | NoAnswer::Busy => StatusCode::SERVICE_UNAVAILABLE,
        NoAnswer::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        NoAnswer::Question(error) => told(error).0,
    };
    let mut response = respond::refused(status, &error.to_string(), None, reader);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

fn nothing_here(reader: Reader) -> Response<Body> {
    respond::refused(StatusCode::NOT_FOUND, "there is nothing here", None, reader)
}

fn refused_object(error: &QuestionError) -> Reply {
    let (status, text, report) = told(error);
    error_object(status, &text, report)
}

fn refused_page(error: &QuestionError) -> Reply {
    let (status, text, report) = told(error);
    let html = pages::refusal(status.as_u16(), &text, report);
    Reply { status, content_type: HTML, body: Bytes::from(html) }
}

fn error_object(status: StatusCode, text: &str, report: Option<&str>) -> Reply {
    let json = serde_json::json!({"error": text, "report": report});
    Reply { status, content_type: JSON, body: Bytes::from(format!("{json}\n")) }
}

/// Returns the status, the message and the report for an error.
fn told(error: &QuestionError) -> (StatusCode, String, Option<&str>) {
    match error {
        QuestionError::Refused { summary, report } => {
            (StatusCode::BAD_REQUEST, summary.clone(), report.as_deref())
        }
        QuestionError::Failed(text) => (StatusCode::INTERNAL_SERVER_ERROR, text.clone(), None),
        QuestionError::TooMuch(text) => (StatusCode::UNPROCESSABLE_ENTITY, text.clone(), None),
        QuestionError::Unavailable(text) => (StatusCode::BAD_GATEWAY, text.clone(), None),
    }
}

/// Classifies a question by the time that it usually takes.
fn length(path: &str) -> Length {
    match path.trim_start_matches('/') {
        "trace" | "message" | "directory" | "status" | "sources" => Length::Short,
        _ => Length::Long,
    }
}

/// Decides how long an answer stays valid. Relative times such as `2h` or `today` move with the
/// clock.
fn keeping(path: &str, parameters: &Parameters) -> Keeping {
    const OF_NOW: [&str; 3] = ["since", "until", "on"];
    let is_settled = matches!(
        path.trim_start_matches('/'),
        "trace" | "message" | "messages" | "groups" | "search" | "access" | "timeline" | "stats"
    );
    let names_time = |(name, value): (&str, &str)| {
        // A guess on the safe side: a query is not parsed here, and a wrong yes only renews more
        // often.
        let is_query = matches!(name, "q" | "query") && value.contains(':');
        OF_NOW.contains(&name) || is_query && (value.contains("time") || value.contains("seen"))
    };
    match is_settled && !parameters.iter().any(names_time) {
        true => Keeping::Settled,
        false => Keeping::Moment,
    }
}

/// Collects an answer up to the maximum size.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > limits::SERVE_ANSWER_BYTES_MAX {
            // The error alone would reach the caller as any failed write; the flag tells it apart.
            self.is_full = true;
            return Err(io::Error::other("the answer is too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
