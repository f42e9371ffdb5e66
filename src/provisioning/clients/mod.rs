//! The calls that only setup, doctor and teardown need: IAM, WorkMail's organizations, and
//! changes to log groups and deliveries.

mod deliveries;
mod iam;
mod log_groups;
mod organizations;

pub use deliveries::{Delivery, DeliveryDestination, DeliverySource};
pub use iam::{AttachedPolicy, Deletion, IamClient};
pub use log_groups::Subscription;
pub use organizations::{Monitoring, Organization, OrganizationSummary};
