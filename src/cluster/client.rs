//! Talking to a cluster: one request and its answer, repeated while there is hope.
//!
//! The client is hyper's, which the AWS SDK and `serve` bring along already.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use super::answer::{AnswerVerdict, Response};
use super::error::ClusterError;
use crate::aws::{Session, SessionOptions, check_endpoint, is_untrusted};
use crate::causes::in_one_line;
use crate::limits;
use crate::stop::Stop;

/// The address of a cluster and the credentials for it.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    pub url: String,
    /// A user, and the file that holds the password.
    pub user: Option<(String, PathBuf)>,
    /// Certificates of authorities, in PEM, which are trusted instead of the system's.
    pub authorities: Option<PathBuf>,
    pub aws: Option<SessionOptions>,
    /// Milliseconds without success after which we give up.
    pub timeout_ms: u64,
}

/// A connection to a cluster.
pub struct Cluster {
    options: ClusterOptions,
    url: String,
    authorization: Option<String>,
    session: Option<Session>,
    timeout: Duration,
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    retried: std::cell::Cell<u64>,
}

/// AWS's name of the service that runs managed domains.
const AWS_SERVICE: &str = "es";

/// The end of every host name of OpenSearch Serverless.
const SERVERLESS: &str = ".aoss.amazonaws.com";

#[derive(Clone, Copy)]
pub(super) enum ContentType {
    Json,
    Lines,
}

impl ContentType {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => "application/x-ndjson",
        }
    }
}

impl Cluster {
    /// Prepares a client. Sends nothing to the cluster; with AWS credentials, AWS is asked who we
    /// are.
    pub fn open(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let url = address(&options.url)?;
        let authorization = match &options.user {
            Some((user, path)) => Some(basic(user, path)?),
            None => None,
        };
        let unusable = |error: &dyn std::fmt::Display| ClusterError::File {
            path: options.authorities.clone().unwrap_or_default(),
            detail: error.to_string(),
        };
        let provider = rustls::crypto::ring::default_provider();
        let builder = HttpsConnectorBuilder::new();
        let builder = match &options.authorities {
            Some(path) => {
                let config = ClientConfig::builder_with_provider(provider.into())
                    .with_safe_default_protocol_versions()
                    .map_err(|error| unusable(&error))?
                    .with_root_certificates(authorities(path)?)
                    .with_no_client_auth();
                builder.with_tls_config(config)
            }
            None => builder
                .with_provider_and_native_roots(provider)
                .map_err(|error| unusable(&format!("the system's certificates: {error}")))?,
        };
        let connector = builder.https_or_http().enable_http1().build();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unusable(&error))?;
        let session = match &options.aws {
            Some(session) => Some(runtime.block_on(Session::open(session))?),
            None => None,
        };
        Ok(Self {
            options: options.clone(),
            url,
            authorization,
            session,
            timeout: Duration::from_millis(options.timeout_ms),
            runtime,
            client: Client::builder(TokioExecutor::new()).build(connector),
            retried: std::cell::Cell::new(0),
        })
    }

    /// The address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Milliseconds without success after which we give up.
    pub fn timeout_ms(&self) -> u64 {
        self.options.timeout_ms
    }

    /// The options for a second connection, with another timeout.
    pub fn options_for(&self, timeout_ms: u64) -> ClusterOptions {
        ClusterOptions { timeout_ms, ..self.options.clone() }
    }

    /// The number of requests that were repeated.
    pub fn retried(&self) -> u64 {
        self.retried.get()
    }

    /// Asks for something that must exist.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, ClusterError> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.call(method, path, ContentType::Json, &Bytes::from(body))?;
        answer.checked(self)?.json()
    }

    /// Repeats a request until the answer is final.
    pub(super) fn call(
        &self,
        method: &Method,
        path: &str,
        content: ContentType,
        body: &Bytes,
    ) -> Result<Response, ClusterError> {
        let mut patience = self.patience();
        loop {
            let failed = match self.attempt(method, path, content, body) {
                Ok(answer) => match answer.verdict() {
                    AnswerVerdict::Final => return Ok(answer),
                    AnswerVerdict::Later(reason) => Later::Busy(reason),
                    AnswerVerdict::NotACluster => return Err(answer.not_a_cluster(self)),
                },
                Err(Attempt::Unreachable(detail)) => Later::Unreachable(detail),
                Err(Attempt::Hopeless(error)) => return Err(error),
            };
            // The body is `Bytes`, so a repetition copies nothing. Writes may be repeated since
            // their versions are external: the second one is a 409 and changes nothing.
            patience.wait(failed)?;
        }
    }

    /// Deletes something that is no longer needed. Fire and forget.
    pub(super) fn tell(&self, path: &str, body: &serde_json::Value) {
        let body = Bytes::from(body.to_string());
        // It expires by itself; an error here must not hide the answer of the question.
        let _whatever = self.attempt(&Method::DELETE, path, ContentType::Json, &body);
    }

    /// Waits for `duration`, or less when a stop is requested.
    pub fn wait(&self, duration: Duration, stop: &Stop) {
        self.runtime.block_on(stop.wait(duration));
    }

    /// A back-off that ends after the timeout.
    pub(super) fn patience(&self) -> Backoff<'_> {
        Backoff { cluster: self, begun: Instant::now(), failed: 0 }
    }

    fn attempt(
        &self,
        method: &Method,
        path: &str,
        content: ContentType,
        body: &Bytes,
    ) -> Result<Response, Attempt> {
        let (path_alone, _) = path.split_once('?').unwrap_or((path, ""));
        let call = format!("{method} {path_alone}");
        // One attempt must not use up the whole timeout: a connection to a node that died in
        // silence would never be replaced.
        let seconds = Duration::from_secs(limits::CLUSTER_ATTEMPT_SECONDS).min(self.timeout);
        self.runtime.block_on(async {
            let request = self.request(method, path, content, body).await?;
            let exchange = async {
                let response = self.client.request(request).await.map_err(|it| self.failed(&it))?;
                let (head, body) = response.into_parts();
                // Bounded: a proxy or a stranger may answer with any number of bytes.
                let body = Limited::new(body, limits::CLUSTER_ANSWER_BYTES_MAX).collect().await;
                let body = body
                    .map_err(|error| Attempt::Unreachable(in_one_line(&*error, &[])))?
                    .to_bytes();
                Ok(Response { call, status: head.status.as_u16(), body })
            };
            match tokio::time::timeout(seconds, exchange).await {
                Ok(answered) => answered,
                Err(_) => Err(Attempt::Unreachable(format!("no answer within {seconds:?}"))),
            }
        })
    }

    async fn request(
        &self,
        method: &Method,
        path: &str,
        content: ContentType,
        body: &Bytes,
    ) -> Result<Request<Full<Bytes>>, Attempt> {
        let uri = format!("{}{path}", self.url);
        let media_type = content.media_type();
        let mut request = Request::builder().method(method).uri(&uri);
        request = request.header("content-type", media_type);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(session) = &self.session {
            let headers = [("content-type", media_type)];
            let signed = session
                .signature(AWS_SERVICE, method.as_str(), &uri, &headers, body)
                .await
                .map_err(|error| Attempt::Hopeless(error.into()))?;
            for (name, value) in signed {
                request = request.header(name, value);
            }
        }
        let reason = "no request can be sent to it";
        let url = self.url.clone();
        let error = |_| Attempt::Hopeless(ClusterError::Address { url, reason });
        request.body(Full::new(body.clone())).map_err(error)
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error) -> Attempt {
        let detail = in_one_line(error, &[]);
        if is_untrusted(error) {
            let url = self.url.clone();
            return Attempt::Hopeless(ClusterError::Certificate { url, detail });
        }
        Attempt::Unreachable(detail)
    }
}

/// Why an attempt has no answer.
enum Attempt {
    Unreachable(String),
    Hopeless(ClusterError),
}

/// Why a request is repeated.
pub(super) enum Later {
    Busy(String),
    Unreachable(String),
}

/// Waits between attempts, longer each time, within the timeout.
pub(super) struct Backoff<'c> {
    cluster: &'c Cluster,
    begun: Instant,
    failed: u32,
}

impl Backoff<'_> {
    pub(super) fn wait(&mut self, why: Later) -> Result<(), ClusterError> {
        let pause_ms = limits::CLUSTER_PAUSE_MS_MIN.saturating_mul(1 << self.failed.min(16));
        let pause = Duration::from_millis(pause_ms.min(limits::CLUSTER_PAUSE_MS_MAX));
        let elapsed = self.begun.elapsed();
        if elapsed + pause > self.cluster.timeout {
            let seconds = elapsed.as_secs();
            return Err(match why {
                Later::Busy(reason) => ClusterError::Busy { seconds, reason },
                Later::Unreachable(detail) => {
                    let url = self.cluster.url.clone();
                    ClusterError::Unreachable { url, detail, seconds }
                }
            });
        }
        std::thread::sleep(pause);
        self.failed += 1;
        self.cluster.retried.set(self.cluster.retried.get() + 1);
        Ok(())
    }

    /// Starts over, because something got through.
    pub(super) fn renew(&mut self) {
        self.begun = Instant::now();
        self.failed = 0;
    }
}

/// Checks an address, and strips the slashes at its end.
fn address(url: &str) -> Result<String, ClusterError> {
    check_endpoint(url)?;
    let refused = |reason| ClusterError::Address { url: url.to_owned(), reason };
    let bare = url.trim_end_matches('/');
    let rest = bare.split_once("://").map_or(bare, |(_, rest)| rest);
    if rest.contains('@') {
        // It would appear in every error, the password included.
        let reason = "give the user with --user and the password with --password-file";
        return Err(ClusterError::Address { url: "the address given".to_owned(), reason });
    }
    if rest.contains(['?', '#']) {
        return Err(refused("leave out what follows the path"));
    }
    let host = rest.split_once(['/', ':']).map_or(rest, |it| it.0);
    if host.to_ascii_lowercase().ends_with(SERVERLESS) {
        return Err(ClusterError::Serverless { url: url.to_owned() });
    }
    Ok(bare.to_owned())
}

/// The `Authorization` header. The password is the first line of a file.
fn basic(user: &str, path: &Path) -> Result<String, ClusterError> {
    let text = read(path)?;
    let password = text.lines().next().unwrap_or("");
    if password.is_empty() {
        return Err(unusable(path, "its first line must be the password"));
    }
    Ok(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn read(path: &Path) -> Result<String, ClusterError> {
    let file = fs::File::open(path).map_err(|error| unusable(path, error))?;
    let mut text = String::new();
    let read = file.take(limits::CLUSTER_FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| unusable(path, error))?;
    Ok(text)
}

fn unusable(path: &Path, detail: impl std::fmt::Display) -> ClusterError {
    ClusterError::File { path: path.to_owned(), detail: detail.to_string() }
}

fn authorities(path: &Path) -> Result<RootCertStore, ClusterError> {
    let text = read(path)?;
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| unusable(path, error))?;
        authorities.add(certificate).map_err(|error| unusable(path, error))?;
    }
    if authorities.is_empty() {
        return Err(unusable(path, "it contains no CA certificate in PEM"));
    }
    Ok(authorities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_is_sent() {
        let check = |url: &str, expect: &str| {
            let found = address(url).unwrap_or_else(|error| error.to_string());
            assert!(found.contains(expect), "{url}: {found}");
        };
        check("https://search.example:9200/", "https://search.example:9200");
        check("http://127.0.0.1:9200", "http://127.0.0.1:9200");
        check("http://search.example", "not encrypted");
        check("search.example", "not an endpoint");
        check("https://u:secret@search.example", "--password-file");
        check("https://search.example/?a=b", "follows the path");
        check("https://x.eu-west-1.aoss.amazonaws.com", "Serverless");
        let hidden = address("https://u:secret@search.example").unwrap_err().to_string();
        assert!(!hidden.contains("secret"), "{hidden}");
    }

    #[test]
    fn a_password_is_the_first_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "secret\nnote\n").unwrap();
        assert_eq!(basic("me", &path).unwrap(), format!("Basic {}", STANDARD.encode("me:secret")));
        fs::write(&path, "\n").unwrap();
        assert!(basic("me", &path).unwrap_err().to_string().contains("first line"));
        let error = authorities(&path).unwrap_err().to_string();
        assert!(error.contains("no CA certificate"), "{error}");
    }
}
