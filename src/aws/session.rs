//! A session: region, credentials and endpoint from the usual chain.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;
use strum::VariantArray as _;

use super::credentials::Chain;
use super::endpoint;
use super::error::{AwsError, Call};
use super::failure::{self, text};
use super::http::{CaBundle, http_client};
use super::profiles::Profiles;
use crate::limits;

/// The user's choice of profile, region and endpoint. What is not chosen comes from the
/// environment, the profile, or the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The region, such as `us-east-1`.
    pub region: Option<String>,
    /// An endpoint to talk to instead of the service's own, for every service.
    pub endpoint_url: Option<String>,
}

/// The owner of credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The number of the account.
    pub account: String,
    /// The ARN of the user or of the role's session; empty if the service does not return it.
    pub arn: String,
}

/// A region, and credentials that existed when it was opened.
#[derive(Clone, Debug)]
pub struct Session {
    pub(crate) config: SdkConfig,
    region: String,
    /// The endpoint for every service that the command names.
    endpoint_url: Option<String>,
}

impl Session {
    /// Resolves region and credentials.
    pub async fn open(options: &SessionOptions) -> Result<Self, AwsError> {
        if let Some(url) = &options.endpoint_url {
            endpoint::check(url)?;
        }
        let profiles = Profiles::read(options.profile.as_deref()).await?;
        let http_client = http_client(ca_bundle(&profiles)?.as_ref())?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(limits::AWS_CONNECT_SECONDS))
            .operation_attempt_timeout(Duration::from_secs(limits::AWS_ATTEMPT_SECONDS))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.clone())
            .profile_files(profiles.files.clone())
            .profile_name(&profiles.name)
            // `Chain` provides them instead, in the AWS CLI's order.
            .no_credentials();
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint_url) = &options.endpoint_url {
            loader = loader.endpoint_url(endpoint_url);
        }
        // Before any request: getting credentials may take calls.
        for service in Service::ALL {
            if let Some(url) = profiles.endpoint(service.id()) {
                endpoint::check(&url)?;
            }
        }
        let config = loader.load().await;
        let region = config.region().map(ToString::to_string).filter(|it| !it.is_empty());
        let region = region.ok_or(AwsError::NoRegion)?;
        // The region becomes part of host names.
        let is_letter = |it: char| it.is_ascii_alphanumeric() || it == '-';
        if !region.chars().all(is_letter) {
            return Err(AwsError::NotARegion { region });
        }
        let provided = ProviderConfig::without_region()
            .with_behavior_version(Some(BehaviorVersion::latest()))
            .with_region(config.region().cloned())
            .with_use_fips(config.use_fips())
            .with_use_dual_stack(config.use_dual_stack())
            .with_timeout_config(timeouts)
            .with_http_client(http_client);
        let chain = Chain::new(&profiles, &provided)?;
        chain.find().await?;
        let credentials = SharedCredentialsProvider::new(chain);
        let config = config.to_builder().credentials_provider(credentials).build();
        Ok(Self { config, region, endpoint_url: options.endpoint_url.clone() })
    }

    /// Makes a session with made-up credentials at an endpoint on this machine.
    #[cfg(test)]
    pub(crate) fn for_tests(endpoint_url: &str) -> Self {
        use aws_credential_types::Credentials;
        let credentials = Credentials::new("AKIDTEST", "secret", None, None, "tests");
        let region = "us-east-1".to_owned();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client(None).unwrap())
            .endpoint_url(endpoint_url)
            .build();
        Self { config, region, endpoint_url: Some(endpoint_url.to_owned()) }
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the endpoint that is used instead of a service's own.
    pub fn endpoint_url(&self, service: Service) -> Option<String> {
        self.endpoint_url.clone().or_else(|| endpoint_of(&self.config, service))
    }

    /// Returns the region, and the endpoint if it is not the service's own, for messages about a
    /// call.
    pub(crate) fn place(&self, service: Service) -> String {
        match self.endpoint_url(service) {
            Some(url) => format!("{} at {url}", self.region),
            None => self.region.clone(),
        }
    }

    /// Returns a session of the same identity in another region.
    pub fn in_region(&self, region: &str) -> Self {
        let config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        Self { config, region: region.to_owned(), endpoint_url: self.endpoint_url.clone() }
    }

    /// Returns the number of the credentials' account. Needs no permission.
    pub async fn account(&self) -> Result<String, AwsError> {
        Ok(self.identity().await?.account)
    }

    /// Returns the owner of the credentials. Needs no permission.
    pub async fn identity(&self) -> Result<CallerIdentity, AwsError> {
        let call = Call::new("sts:GetCallerIdentity", format!("region {}", self.region));
        let client = aws_sdk_sts::Client::new(&self.config);
        let identity = client.get_caller_identity().send().await;
        let identity = identity.map_err(|error| failure::failure(&error, &call).into_error())?;
        let account = identity.account.ok_or_else(|| AwsError::Incomprehensible {
            call: call.to_string(),
            detail: "an identity without an account".to_owned(),
        })?;
        Ok(CallerIdentity { account, arn: text(identity.arn) })
    }
}

/// A service that is called, including those that issue credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Service {
    /// CloudWatch Logs.
    Logs,
    Iam,
    /// S3.
    S3,
    /// The security token service.
    Sts,
    WorkMail,
    /// Single sign-on.
    Sso,
    /// The service that renews tokens of single sign-on.
    SsoOidc,
    /// The sign-in to the console.
    Signin,
}

impl Service {
    const ALL: [Self; 8] = *Self::VARIANTS.as_array().expect("each of them, once");

    /// Returns the SDK's name of the service, from which the names of its settings derive.
    fn id(self) -> &'static str {
        match self {
            Self::Logs => "CloudWatch Logs",
            Self::Iam => "IAM",
            Self::S3 => "S3",
            Self::Sts => "STS",
            Self::WorkMail => "WorkMail",
            Self::Sso => "SSO",
            Self::SsoOidc => "SSO OIDC",
            Self::Signin => "Signin",
        }
    }
}

/// Returns the endpoint that the environment or the profile sets for one service, as in
/// `AWS_ENDPOINT_URL_WORKMAIL`, or for all. An option goes before it.
fn endpoint_of(config: &SdkConfig, service: Service) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service.id());
    let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    config.service_config()?.load_config(key)
}

/// Reads the certificate authorities that the environment or the profile names.
fn ca_bundle(profiles: &Profiles) -> Result<Option<CaBundle>, AwsError> {
    let named = std::env::var_os("AWS_CA_BUNDLE").filter(|it| !it.is_empty()).map(PathBuf::from);
    if let Some(path) = named {
        return CaBundle::read(&path, "AWS_CA_BUNDLE").map(Some);
    }
    let path = profiles.get("ca_bundle").map(PathBuf::from);
    path.map(|it| CaBundle::read(&it, "ca_bundle of the profile")).transpose()
}
