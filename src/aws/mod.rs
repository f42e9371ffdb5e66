//! Amazon's services as far as mailtrace uses them: sessions, CloudWatch Logs, S3, and WorkMail's
//! directory.
//!
//! The types of the AWS SDK stay within this module, and within the clients of `provisioning`.
//! Retries are ours: the SDK's are off, so that the [`RateLimiter`] sees every throttled answer and
//! a listing can begin again where a page was lost.

mod credentials;
mod directory;
mod download;
mod endpoint;
mod error;
pub(crate) mod failure;
mod http;
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

pub use directory::{Page, WorkMailClient};
pub use download::{ObjectReader, ObjectSink, download, object_stream};
pub(crate) use endpoint::check as check_endpoint;
pub use error::{AwsError, Call, Failure};
pub(crate) use failure::is_untrusted;
pub use limiter::RateLimiter;
pub use logs::{EventPage, EventQuery, LogEvent, LogGroup, LogStream, LogsClient};
pub use names::{GROUP_PREFIX, LogGroupArn, default_group, partition};
pub use retry::Retrier;
pub use s3::{ObjectsClient, S3Object, S3Url};
pub use session::{Service, Session, SessionOptions};
