//! The answers of a cluster, and what they mean.

use hyper::body::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::client::Cluster;
use super::error::ClusterError;
use crate::limits;

/// An answer with its status.
pub(super) struct Response {
    pub(super) call: String,
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// The way to treat an answer.
#[derive(Debug, PartialEq)]
pub(super) enum AnswerVerdict {
    /// Take it.
    Final,
    /// Ask again later, for this reason.
    Later(String),
    /// Something other than OpenSearch answered.
    NotACluster,
}

/// An error of OpenSearch, or of AWS's front, which says `message`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    error: Option<ErrorText>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// An error, as an object or a text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ErrorText {
    Whole(ErrorParts),
    Text(String),
}

impl ErrorText {
    pub(super) fn into_parts(self) -> ErrorParts {
        match self {
            Self::Whole(parts) => parts,
            Self::Text(kind) => ErrorParts { kind, ..ErrorParts::default() },
        }
    }
}

/// An error, as OpenSearch writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorParts {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) reason: Option<String>,
    caused_by: Option<Box<ErrorParts>>,
}

impl ErrorParts {
    /// The reason with its cause, in one line.
    pub(super) fn text(&self) -> String {
        let mut text = match &self.reason {
            Some(reason) => format!("{}: {reason}", self.kind),
            None => self.kind.clone(),
        };
        if let Some(cause) = self.caused_by.as_ref().and_then(|it| it.reason.clone()) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        text
    }

    /// True if the error is about one document's content.
    pub(super) fn is_of_a_document(&self) -> bool {
        OF_A_DOCUMENT.contains(&self.kind.as_str())
    }

    /// True if an index is blocked for writing, which waiting does not cure.
    pub(super) fn is_block(&self) -> bool {
        self.kind == "cluster_block_exception"
            // A cluster that is still starting blocks everything as well, which passes by itself.
            && self.reason.as_ref().is_none_or(|it| !it.contains("not recovered"))
    }
}

/// Errors about one document alone. Any other refusal would hit the next document as well: a
/// closed index, a field that a mapping has lost.
const OF_A_DOCUMENT: [&str; 4] = [
    "mapper_parsing_exception",
    "document_parsing_exception",
    "illegal_argument_exception",
    "max_bytes_length_exceeded_exception",
];

/// The statuses of a server that may do better later.
pub(super) fn is_for_now(status: u16) -> bool {
    matches!(status, 408 | 429 | 502 | 503 | 504)
}

impl Response {
    fn problem(&self) -> Option<Problem> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The error in it, if any.
    pub(super) fn error(&self) -> Option<ErrorParts> {
        self.problem()?.error.map(ErrorText::into_parts)
    }

    /// The reason, in the cluster's words.
    pub(super) fn reason(&self) -> String {
        let message = || self.problem().and_then(|it| it.message);
        let told = self.error().map(|it| it.text()).or_else(message);
        told.unwrap_or_else(|| self.excerpt())
    }

    fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        text.chars().take(limits::CLUSTER_EXCERPT_CHARS).collect()
    }

    /// Judges the answer.
    pub(super) fn verdict(&self) -> AnswerVerdict {
        let is_json = self.problem().is_some();
        if is_for_now(self.status) {
            let kind = self.error().map(|it| it.kind).unwrap_or_default();
            // A question with too many buckets has too many later, though its status is 503.
            if kind == "too_many_buckets_exception" || self.error().is_some_and(|it| it.is_block())
            {
                return AnswerVerdict::Final;
            }
            return AnswerVerdict::Later(format!("status {}: {}", self.status, self.reason()));
        }
        // A proxy in front may answer these statuses, in any form.
        match is_json || matches!(self.status, 401 | 403 | 413) || self.body.is_empty() {
            true => AnswerVerdict::Final,
            false => AnswerVerdict::NotACluster,
        }
    }

    /// The error for an answer of something other than OpenSearch.
    pub(super) fn not_a_cluster(&self, cluster: &Cluster) -> ClusterError {
        ClusterError::NotACluster {
            url: cluster.url().to_owned(),
            status: self.status,
            excerpt: self.excerpt(),
        }
    }

    /// The answer if it is a success, else its error.
    pub(super) fn checked(self, cluster: &Cluster) -> Result<Self, ClusterError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(self.refusal(cluster))
    }

    pub(super) fn refusal(&self, cluster: &Cluster) -> ClusterError {
        let (call, status, reason) = (self.call.clone(), self.status, self.reason());
        if self.error().is_some_and(|it| it.is_block()) {
            let index = call.split(['/', ' ']).nth(2).unwrap_or("").to_owned();
            return ClusterError::Blocked { index, reason };
        }
        match status {
            401 | 403 => {
                ClusterError::Denied { url: cluster.url().to_owned(), call, status, reason }
            }
            _ => ClusterError::Refused { call, status, reason },
        }
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ClusterError> {
        serde_json::from_slice(&self.body).map_err(|error| ClusterError::Incomprehensible {
            call: self.call.clone(),
            detail: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response { call: "GET /".to_owned(), status, body: Bytes::from(body.to_owned()) }
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        let later =
            |status, body: &str| matches!(answer(status, body).verdict(), AnswerVerdict::Later(_));
        assert!(later(503, "<html>Service Unavailable</html>"));
        assert!(later(
            429,
            r#"{"error":{"type":"es_rejected_execution_exception","reason":"full"}}"#
        ));
        assert!(!later(503, r#"{"error":{"type":"too_many_buckets_exception","reason":"many"}}"#));
        let blocked =
            r#"{"error":{"type":"cluster_block_exception","reason":"index [a] blocked"}}"#;
        assert_eq!(answer(429, blocked).verdict(), AnswerVerdict::Final);
        // A cluster that has just started.
        let starting = r#"{"error":{"type":"cluster_block_exception","reason":"blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];"}}"#;
        assert!(later(503, starting));
        assert_eq!(answer(200, "<html>Sign in</html>").verdict(), AnswerVerdict::NotACluster);
        assert_eq!(answer(404, "<html>Not here</html>").verdict(), AnswerVerdict::NotACluster);
        assert_eq!(answer(200, "{}").verdict(), AnswerVerdict::Final);
    }

    #[test]
    fn errors_are_read_in_the_forms_of_both() {
        assert_eq!(answer(403, r#"{"Message":"no"}"#).reason(), "no");
        assert_eq!(
            answer(403, r#"{"message":"The request signature"}"#).reason(),
            "The request signature"
        );
        let nested = r#"{"error":{"type":"a","reason":"b","caused_by":{"type":"c","reason":"d"}},"status":400}"#;
        assert_eq!(answer(400, nested).reason(), "a: b: d");
        assert_eq!(answer(400, r#"{"error":"no handler found"}"#).reason(), "no handler found");
        assert_eq!(answer(403, "<b>\n Forbidden</b>").reason(), "<b> Forbidden</b>");
    }
}
