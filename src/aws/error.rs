//! What can go wrong with a call, in the words of whoever has to mend it.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudwatchlogs::config::http::HttpResponse;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};

/// Why AWS did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// No region is configured.
    #[error("no AWS region: give --region, or set AWS_REGION or a region in the profile")]
    NoRegion,
    /// A region that cannot be one.
    #[error("\"{region}\" is no AWS region: give one such as eu-west-1 with --region")]
    NotARegion {
        /// As it was given.
        region: String,
    },
    /// An endpoint that cannot be one.
    #[error("\"{url}\" is no endpoint: give a URL such as https://logs.example.com")]
    NotAnEndpoint {
        /// As it was given.
        url: String,
    },
    /// An endpoint in the clear.
    #[error(
        "{url} is not encrypted and not on this machine: mail data is sent over https only, except to loopback"
    )]
    InsecureEndpoint {
        /// As it was given.
        url: String,
    },
    /// Nothing in the chain has credentials.
    #[error(
        "no AWS credentials: give --profile, set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, run `aws sso login`, or run on an instance with a role"
    )]
    NoCredentials,
    /// Single sign-on has to be done again.
    #[error("the SSO session has expired or was never begun: run `{command}`")]
    SsoExpired {
        /// The command that begins it.
        command: String,
    },
    /// A provider in the chain failed.
    #[error(
        "cannot get AWS credentials: {detail}: check the profile, or give another with --profile"
    )]
    Credentials {
        /// The provider's words.
        detail: String,
    },
    /// The credentials were good once.
    #[error(
        "{call}: the AWS credentials have expired: get new ones, then run the same command again"
    )]
    ExpiredCredentials {
        /// The call that was refused.
        call: String,
    },
    /// The service does not know them.
    #[error(
        "{call}: AWS does not accept the credentials ({detail}): check the access key and its secret, or the profile"
    )]
    RejectedCredentials {
        /// The call that was refused.
        call: String,
        /// The service's words.
        detail: String,
    },
    /// Our clock and the service's differ.
    #[error(
        "{call}: this machine's clock is wrong ({detail}): set it (`timedatectl` shows it), then run the same command again"
    )]
    ClockSkew {
        /// The call that was refused.
        call: String,
        /// The service's words.
        detail: String,
    },
    /// A permission is missing.
    #[error(
        "{permission} on {resource} is not allowed{principal}: grant it in the IAM policy of that identity"
    )]
    Denied {
        /// The IAM action.
        permission: String,
        /// What it was asked for.
        resource: String,
        /// ` for ARN`, where the service says it.
        principal: String,
    },
    /// The service does not know what was named.
    #[error("{call}: not found: {detail}")]
    NotFound {
        /// The call.
        call: String,
        /// The service's words.
        detail: String,
    },
    /// What was to be made is there already.
    #[error("{call}: it exists already: {detail}")]
    AlreadyExists {
        /// The call.
        call: String,
        /// The service's words.
        detail: String,
    },
    /// The bucket is somewhere else.
    #[error("the bucket {bucket} is not in {asked}: give --region {}", .region.as_deref().unwrap_or("with the region that it is in"))]
    WrongRegion {
        /// The bucket.
        bucket: String,
        /// The region that was asked.
        asked: String,
        /// The bucket's own, where the service says it.
        region: Option<String>,
    },
    /// An object is another than it was when it was listed.
    #[error("{call}: it changed after it was listed: run the same command again")]
    ObjectChanged {
        /// The call.
        call: String,
    },
    /// An object that S3 does not give out as it is.
    #[error("{call}: it is archived: restore it in S3 first, then run the same command again")]
    ObjectArchived {
        /// The call.
        call: String,
    },
    /// No connection, or it broke again and again.
    #[error(
        "{call}: cannot reach the service: {detail}: check the network, the region and --endpoint-url"
    )]
    Network {
        /// The call.
        call: String,
        /// What the connection came to.
        detail: String,
    },
    /// Throttled for too long.
    #[error(
        "{call}: still throttled after {seconds} s: another program uses up the account's quota; run the same command again later"
    )]
    Throttled {
        /// The call.
        call: String,
        /// How long we went on trying.
        seconds: u64,
    },
    /// The service failed, or refused for a reason of its own.
    #[error("{call}: {code}: {detail}")]
    Service {
        /// The call.
        call: String,
        /// The service's code for it.
        code: String,
        /// The service's words.
        detail: String,
    },
    /// An answer that we cannot read.
    #[error("{call}: the answer makes no sense: {detail}")]
    Incomprehensible {
        /// The call.
        call: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl AwsError {
    /// Whether it may go better in a while, with nobody doing anything about it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::Throttled { .. } | Self::Service { .. })
    }
}

/// A call to a service: the IAM action that allows it, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    permission: &'static str,
    resource: String,
}

impl Call {
    /// A call that the IAM action `permission` allows, on `resource` in words.
    #[must_use]
    pub fn new(permission: &'static str, resource: String) -> Self {
        Self { permission, resource }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on {}", self.permission, self.resource)
    }
}

/// How a call failed, and so what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls: go slower.
    Throttled(AwsError),
    /// May well go better the next time.
    Transient(AwsError),
    /// A parameter was refused; with a page's token, most likely the token.
    BadParameter(AwsError),
    /// Will not go better by itself.
    Permanent(AwsError),
}

impl Failure {
    /// The error, whatever is to be done about it.
    #[must_use]
    pub fn into_error(self) -> AwsError {
        match self {
            Self::Throttled(error)
            | Self::Transient(error)
            | Self::BadParameter(error)
            | Self::Permanent(error) => error,
        }
    }
}

/// Codes of calls that came too fast, over all services.
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
];

/// Reads what became of a call.
pub(super) fn failure<E>(error: &SdkError<E, HttpResponse>, call: &Call) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let named = call.to_string();
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            if context.raw().status().is_success() {
                let detail = causes(context.err());
                return Failure::Transient(AwsError::Incomprehensible { call: named, detail });
            }
            let metadata = context.err().meta();
            let code = metadata.code().unwrap_or_default();
            let message = metadata.message().unwrap_or_default();
            service_failure(status, code, message, call)
        }
        // Credentials are fetched as part of a call, and may fail then.
        SdkError::DispatchFailure(_) if credentials_error(error).is_some() => {
            let error = credentials_error(error).map(|it| of_credentials(it, None));
            Failure::Permanent(error.unwrap_or(AwsError::NoCredentials))
        }
        SdkError::ConstructionFailure(_) => {
            Failure::Permanent(AwsError::Incomprehensible { call: named, detail: causes(error) })
        }
        SdkError::TimeoutError(_) => Failure::Transient(AwsError::Network {
            call: named,
            detail: "no answer in time".to_owned(),
        }),
        // Beside connections that fail, this is answers that break off or are garbled.
        _ => Failure::Transient(AwsError::Network { call: named, detail: causes(error) }),
    }
}

fn credentials_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CredentialsError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn service_failure(status: u16, code: &str, message: &str, call: &Call) -> Failure {
    let named = call.to_string();
    let detail = message.to_owned();
    // Some protocols give a code with a prefix and a suffix.
    let code = code.rsplit('#').next().unwrap_or_default();
    let is_about_time = message.contains("ignature expired")
        || message.contains("ignature not yet current")
        || message.contains("equest timestamp");
    match code {
        _ if THROTTLED.contains(&code) || status == 429 || message.contains("Rate exceeded") => {
            Failure::Throttled(AwsError::Service { call: named, code: code.to_owned(), detail })
        }
        "RequestTimeTooSkewed" | "RequestExpired" => {
            Failure::Transient(AwsError::ClockSkew { call: named, detail })
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "AccessDenied" | "AuthFailure"
            if is_about_time =>
        {
            // The SDK learns the difference from the answer: the next call may do.
            Failure::Transient(AwsError::ClockSkew { call: named, detail })
        }
        "AccessDeniedException"
        | "AccessDenied"
        | "UnauthorizedOperation"
        | "AuthorizationError" => {
            let (permission, resource) = other_permission(message, call.permission)
                .unwrap_or((call.permission, call.resource.as_str()));
            Failure::Permanent(AwsError::Denied {
                permission: permission.to_owned(),
                resource: resource.to_owned(),
                principal: principal(message),
            })
        }
        "ExpiredTokenException" | "ExpiredToken" => {
            Failure::Permanent(AwsError::ExpiredCredentials { call: named })
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "AuthFailure"
        | "IncompleteSignature"
        | "MissingAuthenticationTokenException" => {
            Failure::Permanent(AwsError::RejectedCredentials { call: named, detail })
        }
        "ResourceNotFoundException"
        | "OrganizationNotFoundException"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "NoSuchEntity" => Failure::Permanent(AwsError::NotFound { call: named, detail }),
        "ResourceAlreadyExistsException" | "EntityAlreadyExists" => {
            Failure::Permanent(AwsError::AlreadyExists { call: named, detail })
        }
        // Somebody else was changing the same thing.
        "OperationAbortedException" | "ConcurrentModification" => {
            Failure::Transient(AwsError::Service { call: named, code: code.to_owned(), detail })
        }
        "InvalidParameterException" | "ValidationException" | "InvalidArgument" => {
            Failure::BadParameter(AwsError::Service { call: named, code: code.to_owned(), detail })
        }
        _ => {
            let code =
                if code.is_empty() { format!("HTTP status {status}") } else { code.to_owned() };
            let detail = if detail.is_empty() {
                "no reason given; try again later, and check --endpoint-url".to_owned()
            } else {
                detail
            };
            let error = AwsError::Service { call: named, code, detail };
            if status >= 500 || status == 408 || status < 400 {
                Failure::Transient(error)
            } else {
                Failure::Permanent(error)
            }
        }
    }
}

/// What was to be taken away and is not there has been taken away.
pub(super) fn unless_gone(answer: Result<(), Failure>) -> Result<(), Failure> {
    match answer {
        Err(Failure::Permanent(AwsError::NotFound { .. })) => Ok(()),
        other => other,
    }
}

/// Whom the service says it refused, as ` for ARN`.
fn principal(message: &str) -> String {
    message
        .strip_prefix("User: ")
        .and_then(|it| it.split_once(" is not authorized"))
        .map(|(arn, _)| format!(" for {arn}"))
        .unwrap_or_default()
}

/// The action that the service says is not allowed, and on what, where it is another than that of
/// the call: `iam:PassRole` is checked within calls of other services.
fn other_permission<'m>(message: &'m str, permission: &str) -> Option<(&'m str, &'m str)> {
    let (_, rest) = message.split_once("is not authorized to perform: ")?;
    let (action, rest) = rest.split_once(' ')?;
    let resource = rest.strip_prefix("on resource: ")?.split(' ').next()?;
    (action != permission && action.contains(':')).then_some((action, resource))
}

/// Reads why there are no credentials.
pub(super) fn of_credentials(error: &CredentialsError, profile: Option<&str>) -> AwsError {
    let detail = causes(error);
    let is_sso = detail.contains("SSO") || detail.to_lowercase().contains("sso token");
    match error {
        _ if is_sso => AwsError::SsoExpired {
            command: match profile {
                Some(profile) => format!("aws sso login --profile {profile}"),
                None => "aws sso login".to_owned(),
            },
        },
        CredentialsError::CredentialsNotLoaded(_) if profile.is_none() => AwsError::NoCredentials,
        // The instance's service is asked last, when nothing else has credentials.
        _ if detail.contains("IMDS") && profile.is_none() => AwsError::NoCredentials,
        _ if detail == NOT_ENABLED => {
            let profile = profile.unwrap_or("default");
            AwsError::Credentials { detail: format!("the profile {profile} has none") }
        }
        _ => AwsError::Credentials { detail },
    }
}

/// What the SDK says when a place simply has no credentials.
const NOT_ENABLED: &str = "the credential provider was not enabled";

/// An error and its causes in one line, without the layers that say nothing to an administrator.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    const LAYERS: &[&str] =
        &["dispatch failure", "io error", "client error (Connect)", NOT_ENABLED];
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if LAYERS.contains(&line.as_str()) {
            line = text;
        } else if !line.contains(&text) && !LAYERS.contains(&text.as_str()) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call::new("logs:FilterLogEvents", "log group /g in us-east-1".to_owned())
    }

    fn text(status: u16, code: &str, message: &str) -> String {
        service_failure(status, code, message, &call()).into_error().to_string()
    }

    #[test]
    fn a_missing_permission_is_named_with_what_it_is_missing_on() {
        let message = "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: logs:FilterLogEvents on resource: arn";
        assert_eq!(
            text(400, "AccessDeniedException", message),
            "logs:FilterLogEvents on log group /g in us-east-1 is not allowed for arn:aws:iam::123456789012:user/ana: grant it in the IAM policy of that identity"
        );
    }

    #[test]
    fn a_permission_that_is_checked_within_a_call_is_the_one_that_is_named() {
        let message = "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/x because no identity-based policy allows the iam:PassRole action";
        assert_eq!(
            text(400, "AccessDeniedException", message),
            "iam:PassRole on arn:aws:iam::123456789012:role/x is not allowed for arn:aws:iam::123456789012:user/ana: grant it in the IAM policy of that identity"
        );
    }

    #[test]
    fn each_kind_of_failure_says_what_to_do_next() {
        let of = |status, code| service_failure(status, code, "", &call());
        assert!(matches!(of(400, "ThrottlingException"), Failure::Throttled(_)));
        assert!(matches!(of(400, "com.amazon#ThrottlingException"), Failure::Throttled(_)));
        assert!(matches!(of(500, "InternalFailure"), Failure::Transient(_)));
        assert!(matches!(of(503, ""), Failure::Transient(_)));
        assert!(matches!(of(400, "InvalidParameterException"), Failure::BadParameter(_)));
        assert!(matches!(of(400, "ResourceNotFoundException"), Failure::Permanent(_)));
        assert!(matches!(of(403, ""), Failure::Permanent(_)));
    }

    #[test]
    fn a_wrong_clock_is_not_taken_for_a_wrong_key() {
        let message = "Signature expired: 20261120T000000Z is now earlier than 20261120T115500Z";
        assert!(text(403, "InvalidSignatureException", message).contains("clock is wrong"));
        let message = "The request signature we calculated does not match";
        assert!(text(403, "InvalidSignatureException", message).contains("check the access key"));
    }
}
