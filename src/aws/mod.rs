//! Amazon's services, as far as mailtrace uses them: who we are, CloudWatch Logs, reading S3, and what
//! WorkMail's event logging takes of WorkMail and IAM.
//!
//! The types of the AWS SDK stay within this module. Retries are ours: the SDK's are switched
//! off, so that the [`RateLimiter`] sees every throttled answer and a listing can begin again
//! where a page was lost.

mod credentials;
mod deliveries;
mod directory;
mod download;
mod endpoint;
mod error;
mod failure;
mod http;
mod iam;
mod limiter;
mod logs;
mod names;
#[cfg(test)]
pub(crate) mod object_server;
mod profiles;
mod retry;
mod s3;
mod session;
mod signature;
mod workmail;

pub use deliveries::{Delivery, DeliveryDestination, DeliverySource};
pub use directory::Page;
pub use download::{ObjectReader, ObjectSink, download, object_stream};
pub(crate) use endpoint::check as check_endpoint;
pub use error::{AwsError, Call, Failure};
pub(crate) use failure::is_untrusted;
pub use iam::{AttachedPolicy, Deletion, IamClient, Role};
pub use limiter::RateLimiter;
pub use logs::{EventPage, EventQuery, LogEvent, LogGroup, LogStream, LogsClient, Subscription};
pub use names::{GROUP_PREFIX, LogGroupArn, default_group, partition};
pub use retry::Retrier;
pub use s3::{ObjectBody, ObjectsClient, S3Object, S3Url, S3UrlError};
pub use session::{Identity, Service, Session, SessionOptions};
pub use workmail::{Monitoring, Organization, OrganizationSummary, WorkMailClient};
