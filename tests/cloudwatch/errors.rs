//! What the service answers when it refuses.

use serde_json::json;

use super::answer::Call;
use super::{ACCOUNT, REGION};

/// An error answer.
#[derive(Debug)]
pub(super) struct AwsError {
    pub(super) status: u16,
    /// The name of the exception.
    kind: &'static str,
    message: String,
}

impl AwsError {
    pub(super) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterException", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(400, "ResourceNotFoundException", message)
    }

    /// The same words for tokens that are made up, of another request, or older than 24 hours.
    pub(super) fn invalid_token() -> Self {
        Self::invalid("The specified nextToken is invalid.")
    }

    pub(super) fn json(&self) -> Vec<u8> {
        // The layer that authorizes writes its messages with a capital.
        let key = if self.kind == "AccessDeniedException" { "Message" } else { "message" };
        let body = match self.kind {
            "InternalFailure" => json!({ "__type": self.kind }),
            _ => json!({ "__type": self.kind, key: self.message }),
        };
        body.to_string().into_bytes()
    }

    /// In the query protocol, where the kinds have no suffix.
    pub(super) fn xml(&self) -> Vec<u8> {
        let code = self.kind.trim_end_matches("Exception");
        let message = self.message.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
             <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
        )
        .into_bytes()
    }
}

/// A refusal that has nothing to do with what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Too many requests.
    Throttling,
    /// 500.
    Internal,
    /// 503.
    Unavailable,
    /// The caller may not do this.
    AccessDenied,
    /// The session's token is too old.
    ExpiredCredentials,
    /// The access key is nobody's.
    UnknownCredentials,
    /// The caller's clock is wrong.
    ClockSkew,
    /// The log group is of a class that has no such operation.
    InfrequentAccess,
}

impl Failure {
    /// The answer to a call on `resource`, which is an ARN.
    pub(super) fn answer(self, call: Call, resource: &str) -> AwsError {
        let action = call.permission();
        match self {
            Self::Throttling => AwsError::new(400, "ThrottlingException", "Rate exceeded"),
            Self::Internal => AwsError::new(500, "InternalFailure", ""),
            Self::Unavailable => AwsError::new(
                503,
                "ServiceUnavailableException",
                "The service cannot complete the request.",
            ),
            Self::AccessDenied => AwsError::new(
                400,
                "AccessDeniedException",
                format!(
                    "User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: {action} \
                     on resource: {resource} because no identity-based policy allows the {action} \
                     action"
                ),
            ),
            Self::InfrequentAccess => AwsError::new(
                400,
                "InvalidOperationException",
                "This operation is not supported for the INFREQUENT_ACCESS log group class.",
            ),
            Self::ExpiredCredentials => AwsError::new(
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            Self::UnknownCredentials => AwsError::new(
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Self::ClockSkew => AwsError::new(
                400,
                "InvalidSignatureException",
                "Signature expired: 20261120T110000Z is now earlier than 20261120T115500Z \
                 (20261120T120000Z - 5 min.)",
            ),
        }
    }
}

/// What a denied call that names no group asked about.
pub(super) fn every_group() -> String {
    format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group::log-stream:")
}
