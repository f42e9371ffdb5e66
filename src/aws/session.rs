//! Who we are and where: region, credentials and endpoint from the usual chain.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;

use super::error::{self, AwsError, Call};
use super::http::http_client;
use crate::limits;

/// What the user says about where to go and as whom. What is not said comes from the environment,
/// the profile, or the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The region, such as `us-east-1`.
    pub region: Option<String>,
    /// An endpoint to talk to instead of the service's own, for every service.
    pub endpoint_url: Option<String>,
}

/// Whose credentials some are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The number of the account.
    pub account: String,
    /// The ARN of the user or of the role's session; empty where the service does not say it.
    pub arn: String,
}

/// A region and credentials that were there when it was opened.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) config: SdkConfig,
    region: String,
}

impl Session {
    /// Resolves region and credentials.
    ///
    /// # Errors
    ///
    /// [`AwsError::NoRegion`], [`AwsError::InsecureEndpoint`], and what is wrong with the
    /// credentials: [`AwsError::NoCredentials`], [`AwsError::SsoExpired`] or
    /// [`AwsError::Credentials`].
    pub async fn open(options: &SessionOptions) -> Result<Self, AwsError> {
        if let Some(url) = options.endpoint_url.as_deref().filter(|it| !is_url(it)) {
            return Err(AwsError::NotAnEndpoint { url: url.to_owned() });
        }
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(limits::AWS_CONNECT_SECONDS))
            .operation_attempt_timeout(Duration::from_secs(limits::AWS_ATTEMPT_SECONDS))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(profile) = &options.profile {
            // As the AWS CLI has it, a profile that is named goes before the environment.
            let client = ProviderConfig::without_region().with_http_client(http_client());
            let provider = ProfileFileCredentialsProvider::builder()
                .configure(&client)
                .profile_name(profile)
                .build();
            loader = loader.profile_name(profile).credentials_provider(provider);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint_url) = &options.endpoint_url {
            loader = loader.endpoint_url(endpoint_url);
        }
        let config = loader.load().await;
        let urls = SERVICES.iter().filter_map(|it| endpoint_of(&config, it));
        if let Some(url) = config
            .endpoint_url()
            .map(str::to_owned)
            .into_iter()
            .chain(urls)
            .find(|it| !is_private(it))
        {
            return Err(AwsError::InsecureEndpoint { url });
        }
        let provider = config.credentials_provider().ok_or(AwsError::NoCredentials)?;
        provider
            .provide_credentials()
            .await
            .map_err(|error| error::of_credentials(&error, options.profile.as_deref()))?;
        let region = config.region().map(ToString::to_string).filter(|it| !it.is_empty());
        let region = region.ok_or(AwsError::NoRegion)?;
        let is_letter = |it: char| it.is_ascii_alphanumeric() || it == '-';
        if !region.chars().all(is_letter) {
            return Err(AwsError::NotARegion { region });
        }
        Ok(Self { config, region })
    }

    /// A session with made-up credentials at an endpoint on this machine.
    #[cfg(test)]
    pub(crate) fn for_tests(endpoint_url: &str) -> Self {
        use aws_credential_types::Credentials;
        use aws_credential_types::provider::SharedCredentialsProvider;
        let credentials = Credentials::new("AKIDTEST", "secret", None, None, "tests");
        let region = "us-east-1".to_owned();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client())
            .endpoint_url(endpoint_url)
            .build();
        Self { config, region }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The endpoint that is used instead of the services' own.
    #[must_use]
    pub fn endpoint_url(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// The region, and the endpoint where it is not the service's own: for what is said of a call.
    pub(super) fn place(&self) -> String {
        match self.endpoint_url() {
            Some(url) => format!("{} at {url}", self.region),
            None => self.region.clone(),
        }
    }

    /// The same identity in another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        Self { config, region: region.to_owned() }
    }

    /// The number of the account whose credentials these are. Needs no permission.
    ///
    /// # Errors
    ///
    /// What the call came to.
    pub async fn account(&self) -> Result<String, AwsError> {
        Ok(self.identity().await?.account)
    }

    /// Whose credentials these are. Needs no permission.
    ///
    /// # Errors
    ///
    /// What the call came to.
    pub async fn identity(&self) -> Result<Identity, AwsError> {
        let call = Call::new("sts:GetCallerIdentity", format!("region {}", self.region));
        let client = aws_sdk_sts::Client::new(&self.config);
        let identity = client.get_caller_identity().send().await;
        let identity = identity.map_err(|error| error::failure(&error, &call).into_error())?;
        let account = identity.account.ok_or_else(|| AwsError::Incomprehensible {
            call: call.to_string(),
            detail: "an identity without an account".to_owned(),
        })?;
        Ok(Identity { account, arn: identity.arn.unwrap_or_default() })
    }
}

/// The services that are called, by their names in the AWS configuration.
const SERVICES: &[&str] = &["CloudWatch Logs", "IAM", "S3", "STS", "WorkMail"];

/// The endpoint that the environment or the profile gives to one service, as in
/// `AWS_ENDPOINT_URL_WORKMAIL`. It goes before the one for all, but not before an option.
fn endpoint_of(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service);
    let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    config.service_config()?.load_config(key)
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|it| {
        !it.is_empty() && !it.starts_with('/') && !it.contains(char::is_whitespace)
    })
}

/// Whether what is said to an endpoint stays between us: it is encrypted or does not leave the
/// machine.
fn is_private(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return true };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_spoken_to_in_the_clear() {
        for url in [
            "https://logs.example.com",
            "http://127.0.0.1:5000",
            "http://localhost:5000/x",
            "http://[::1]:5000",
        ] {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://logs.example.com",
            "http://127.0.0.1.example.com:80",
            "http://localhost@evil.example",
            "http://10.0.0.1",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }
}
