//! Failures of calls, in words for the person who has to fix them.

use std::fmt;

/// A failed call to AWS, by cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    #[error("no AWS region: give --region, or set AWS_REGION or a region in the profile")]
    NoRegion,
    #[error("\"{region}\" is not an AWS region: give one such as eu-west-1 with --region")]
    NotARegion { region: String },
    #[error("\"{url}\" is not an endpoint: give a URL such as https://logs.example.com")]
    NotAnEndpoint { url: String },
    #[error(
        "{url} is not encrypted and not on this machine: mail data is sent over https only, except to loopback"
    )]
    InsecureEndpoint { url: String },
    #[error(
        "no AWS credentials: give --profile, set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, run `aws sso login`, or run on an instance with a role"
    )]
    NoCredentials,
    #[error("there is no AWS profile {profile} in {files}{near}: check --profile and AWS_PROFILE")]
    NoProfile { profile: String, files: String, near: String },
    #[error("the AWS configuration cannot be used: {detail}")]
    ConfigFile { detail: String },
    #[error("{named_by} names {path}, which cannot be used: {detail}")]
    CaBundle { named_by: &'static str, path: String, detail: String },
    #[error("STS does not let this identity assume the role {role} ({detail}): {remedy}")]
    RoleRefused { role: String, detail: String, remedy: String },
    #[error("the console sign-in has expired or was never made: run `{command}`")]
    LoginExpired { command: String },
    #[error("the SSO session has expired or was never started: run `{command}`")]
    SsoExpired { command: String },
    #[error(
        "cannot get AWS credentials: {detail}: check the profile, or give another with --profile"
    )]
    Credentials { detail: String },
    #[error(
        "{call}: the AWS credentials have expired: get new ones, then run the same command again"
    )]
    ExpiredCredentials { call: String },
    #[error(
        "{call}: AWS rejected the credentials ({detail}): check the access key and its secret, or the profile"
    )]
    RejectedCredentials { call: String, detail: String },
    #[error(
        "{call}: this machine's clock is wrong ({detail}): set it (`timedatectl` shows it), then run the same command again"
    )]
    ClockSkew { call: String, detail: String },
    #[error(
        "{permission} on {resource} is not allowed{principal}: grant it in the IAM policy of that identity"
    )]
    Denied { permission: String, resource: String, principal: String },
    #[error("{call}: not found: {detail}")]
    NotFound { call: String, detail: String },
    #[error("{call}: already exists: {detail}")]
    AlreadyExists { call: String, detail: String },
    #[error("the bucket {bucket} is not in {asked}: give --region {}", .region.as_deref().unwrap_or("with the bucket's region"))]
    WrongRegion { bucket: String, asked: String, region: Option<String> },
    #[error("{call}: the object changed after it was listed: run the same command again")]
    ObjectChanged { call: String },
    #[error(
        "{call}: the object is archived: restore it in S3 first, then run the same command again"
    )]
    ObjectArchived { call: String },
    #[error(
        "{call}: cannot reach the service: {detail}: check the network, the region and --endpoint-url"
    )]
    Network { call: String, detail: String },
    #[error(
        "{call}: the server's certificate is not trusted: {detail}: if a proxy inspects connections, name its CA certificates with AWS_CA_BUNDLE or ca_bundle in the profile"
    )]
    UntrustedCertificate { call: String, detail: String },
    #[error(
        "{call}: the service refused ({detail}). A log group of class INFREQUENT_ACCESS cannot be read this way: query it with CloudWatch Logs Insights (`aws logs start-query`, `aws logs get-query-results`) and `mailtrace import` the results, or copy its events to a bucket and `mailtrace pull --s3`; log future events to a group of class STANDARD, because a group's class cannot be changed"
    )]
    InfrequentAccess { call: String, detail: String },
    #[error(
        "{call}: still throttled after {seconds} s: another program uses up the account's quota; run the same command again later"
    )]
    Throttled { call: String, seconds: u64 },
    #[error("{call}: {code}: {detail}")]
    Service { call: String, code: String, detail: String },
    #[error("there are more {what} than the {count} that were listed: deciding needs all of them")]
    CutListing { what: &'static str, count: usize },
    #[error("{call}: invalid response: {detail}")]
    Incomprehensible { call: String, detail: String },
}

impl AwsError {
    /// True if the failure may pass without anybody doing anything.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Network { .. }
                | Self::Throttled { .. }
                | Self::Service { .. }
                | Self::ClockSkew { .. }
        )
    }
}

/// A call to a service: the IAM action that allows it, and the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub(super) permission: &'static str,
    pub(super) resource: String,
}

impl Call {
    /// Describes a call that the IAM action `permission` allows, on `resource` in words.
    pub fn new(permission: &'static str, resource: String) -> Self {
        Self { permission, resource }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on {}", self.permission, self.resource)
    }
}

/// A failed call, classified by what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls: slow down.
    Throttled(AwsError),
    /// May well succeed the next time.
    Transient(AwsError),
    /// A parameter was refused; in a call with a page's token, most likely the token.
    BadParameter(AwsError),
    /// Will not succeed by itself.
    Permanent(AwsError),
}

impl Failure {
    /// Returns the error of any class.
    pub fn into_error(self) -> AwsError {
        match self {
            Self::Throttled(error)
            | Self::Transient(error)
            | Self::BadParameter(error)
            | Self::Permanent(error) => error,
        }
    }
}
