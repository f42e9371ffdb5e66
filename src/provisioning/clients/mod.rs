//! The calls that only setting up, checking and taking down need: IAM, WorkMail's organizations, and
//! what changes log groups and deliveries.

mod deliveries;
mod iam;
mod log_groups;
mod organizations;

pub use deliveries::{Delivery, DeliveryDestination, DeliverySource};
pub use iam::{AttachedPolicy, Deletion, IamClient};
pub use log_groups::Subscription;
pub use organizations::{Monitoring, Organization, OrganizationSummary};
