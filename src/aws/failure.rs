//! Classifies failures of the SDK by their type and code.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudwatchlogs::config::http::HttpResponse;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};

use super::credentials::of_credentials;
use super::error::{AwsError, Call, Failure};
use crate::causes::in_one_line;

/// Codes of calls that came too fast, of all services.
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

/// Classifies a failed call.
pub(crate) fn failure<E>(error: &SdkError<E, HttpResponse>, call: &Call) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let named = call.to_string();
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            // A success that the SDK cannot parse, such as a cut answer: the next may be whole.
            if context.raw().status().is_success() {
                let detail = causes(context.err());
                return Failure::Transient(AwsError::Incomprehensible { call: named, detail });
            }
            let metadata = context.err().meta();
            let code = metadata.code().unwrap_or("");
            let message = metadata.message().unwrap_or("");
            service_failure(status, code, message, call)
        }
        // The SDK fetches credentials as part of a call.
        SdkError::DispatchFailure(_) if find::<CredentialsError>(error).is_some() => {
            let error = find::<CredentialsError>(error).map(of_credentials);
            Failure::Permanent(error.unwrap_or(AwsError::NoCredentials))
        }
        SdkError::ConstructionFailure(_) => {
            Failure::Permanent(AwsError::Incomprehensible { call: named, detail: causes(error) })
        }
        SdkError::TimeoutError(_) => Failure::Transient(AwsError::Network {
            call: named,
            detail: "no response in time".to_owned(),
        }),
        // Permanent, unlike other connection failures: trying again changes no certificate.
        SdkError::DispatchFailure(_) if is_untrusted(error) => {
            let detail = causes(error);
            Failure::Permanent(AwsError::UntrustedCertificate { call: named, detail })
        }
        // Failed connections, and answers that are cut or garbled.
        _ => Failure::Transient(AwsError::Network { call: named, detail: causes(error) }),
    }
}

/// Finds an error of one type among an error and its causes.
pub(super) fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// True if the peer's certificate is not trusted.
pub(crate) fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    // The source of an I/O error is the cause of the error within it, not that error itself.
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    held.is_some_and(|it| is_untrusted(it)) || error.source().is_some_and(is_untrusted)
}

fn service_failure(status: u16, code: &str, message: &str, call: &Call) -> Failure {
    let named = call.to_string();
    let detail = message.to_owned();
    // Some protocols put a prefix before the code.
    let code = code.rsplit_once('#').map_or(code, |it| it.1);
    let is_about_time = message.contains("ignature expired")
        || message.contains("ignature not yet current")
        || message.contains("equest timestamp");
    match code {
        // Services also throttle with other codes, but with these words.
        _ if THROTTLED.contains(&code) || status == 429 || message.contains("Rate exceeded") => {
            Failure::Throttled(AwsError::Service { call: named, code: code.to_owned(), detail })
        }
        "RequestTimeTooSkewed" | "RequestExpired" => {
            Failure::Transient(AwsError::ClockSkew { call: named, detail })
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "AccessDenied" | "AuthFailure"
            if is_about_time =>
        {
            // The SDK learns the difference from the answer, so the next call may succeed.
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
        "InvalidOperationException" if call.permission == "logs:FilterLogEvents" => {
            Failure::Permanent(AwsError::InfrequentAccess { call: named, detail })
        }
        // Another client was changing the same resource.
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

/// Treats a missing resource as removed.
pub(crate) fn unless_gone(answer: Result<(), Failure>) -> Result<(), Failure> {
    match answer {
        Err(Failure::Permanent(AwsError::NotFound { .. })) => Ok(()),
        other => other,
    }
}

/// Returns the principal that the service refused, as ` for ARN`.
fn principal(message: &str) -> String {
    message
        .strip_prefix("User: ")
        .and_then(|it| it.split_once(" is not authorized"))
        .map_or_else(String::new, |(arn, _)| format!(" for {arn}"))
}

/// Returns the action that was refused and its resource, if it is not the call's own:
/// `iam:PassRole` is checked within calls of other services.
fn other_permission<'m>(message: &'m str, permission: &str) -> Option<(&'m str, &'m str)> {
    let (_, rest) = message.split_once("is not authorized to perform: ")?;
    let (action, rest) = rest.split_once(' ')?;
    let resource = rest.strip_prefix("on resource: ")?.split(' ').next()?;
    (action != permission && action.contains(':')).then_some((action, resource))
}

/// Returns an error and its causes in one line, without the layers that mean nothing to an
/// administrator.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    const LAYERS: &[&str] = &[
        "dispatch failure",
        "io error",
        "client error (Connect)",
        "the credential provider was not enabled",
        "an error occurred while loading credentials",
        "no credentials",
    ];
    in_one_line(error, LAYERS).replace(['\n', '\r'], " ")
}

/// Returns a text of an answer, or an empty one. AWS's models do not say which may be absent, and
/// an empty text names nothing either.
pub(crate) fn text(said: Option<String>) -> String {
    said.unwrap_or_default()
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
