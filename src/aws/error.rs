//! What can go wrong with a call, in the words of whoever has to mend it.

use std::fmt;

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
    /// A profile that is not there.
    #[error("there is no AWS profile {profile} in {files}{near}: check --profile and AWS_PROFILE")]
    NoProfile {
        /// As it was given.
        profile: String,
        /// Where it was looked for.
        files: String,
        /// Which there are, or how it has to be written.
        near: String,
    },
    /// A configuration file of AWS that cannot be read.
    #[error("the AWS configuration cannot be used: {detail}")]
    ConfigFile {
        /// Which file, where in it, and what is wrong.
        detail: String,
    },
    /// A bundle of certificates that cannot be used.
    #[error("{named_by} names {path}, which cannot be used: {detail}")]
    CaBundle {
        /// The variable or the setting.
        named_by: &'static str,
        /// The file.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The identity may not become the role that the profile wants.
    #[error("STS does not let this identity assume the role {role} ({detail}): {remedy}")]
    RoleRefused {
        /// The ARN of the role.
        role: String,
        /// The words of STS, which name the identity.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// The sign-in to the console has to be done again.
    #[error("the sign-in to the console has expired or was never done: run `{command}`")]
    LoginExpired {
        /// The command that does it.
        command: String,
    },
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
    /// Whoever answered is nobody whom we trust.
    #[error(
        "{call}: the certificate of who answered is not trusted: {detail}: where a proxy looks into connections, name its authority's certificates with AWS_CA_BUNDLE or ca_bundle in the profile"
    )]
    UntrustedCertificate {
        /// The call.
        call: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A log group whose class has no FilterLogEvents.
    #[error(
        "{call}: the service refuses ({detail}). A log group of the class INFREQUENT_ACCESS cannot be read this way: query it with CloudWatch Logs Insights (`aws logs start-query`, `aws logs get-query-results`) and `mailtrace import` the results, or bring its events to a bucket and `mailtrace pull --s3`; have events logged to a group of the class STANDARD, for a class cannot be changed"
    )]
    InfrequentAccess {
        /// The call.
        call: String,
        /// The service's words.
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
    /// A listing that goes on beyond its bound.
    #[error(
        "there are more {what} than the {count} that were listed: nothing can be decided on a part of them"
    )]
    CutListing {
        /// What was listed, in the plural.
        what: &'static str,
        /// How many were listed.
        count: usize,
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
        matches!(
            self,
            Self::Network { .. }
                | Self::Throttled { .. }
                | Self::Service { .. }
                | Self::ClockSkew { .. }
        )
    }
}

/// A call to a service: the IAM action that allows it, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub(super) permission: &'static str,
    pub(super) resource: String,
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
