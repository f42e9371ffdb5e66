//! The options of every command that talks to AWS: credentials, region and endpoint.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::aws::SessionOptions;

/// Profile, region and endpoint.
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    /// Profile of the AWS configuration [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) profile: Option<String>,
    /// Region [default: AWS_REGION, else the profile's]
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) region: Option<String>,
    /// Use this endpoint instead of the service's own
    #[arg(long, hide_short_help = true, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) endpoint_url: Option<String>,
}

impl SessionArgs {
    /// The session's options, from the command line alone.
    pub(crate) fn options(&self) -> SessionOptions {
        SessionOptions {
            profile: self.profile.clone(),
            region: self.region.clone(),
            endpoint_url: self.endpoint_url.clone(),
        }
    }
}
