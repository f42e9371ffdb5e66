//! Amazon's services, as far as mailtrace uses them: who we are, and CloudWatch Logs.
//!
//! The types of the AWS SDK stay within this module. Retries are ours: the SDK's are switched
//! off, so that the [`RateLimiter`] sees every throttled answer and a listing can begin again
//! where a page was lost.

mod error;
mod limiter;
mod logs;
mod retry;
mod session;

pub use error::{AwsError, Call, Failure};
pub use limiter::RateLimiter;
pub use logs::{EventPage, EventQuery, LogEvent, LogGroup, LogStream, LogsClient};
pub use retry::Retrier;
pub use session::{Session, SessionOptions};
