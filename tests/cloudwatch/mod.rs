//! A CloudWatch Logs of our own on loopback, which misbehaves when it is told to.
//!
//! It speaks the JSON 1.1 protocol of FilterLogEvents, DescribeLogGroups and DescribeLogStreams,
//! and the query protocol of STS GetCallerIdentity, with threads and blocking sockets only. What
//! it holds is a [`World`], what goes wrong is in [`Faults`]. No fault loses an event: whoever
//! asks on reaches everything. Signatures are not verified.

mod answer;
mod describe;
mod errors;
mod faults;
mod filter;
#[cfg(test)]
mod tests;
mod tokens;
mod world;

pub(crate) use answer::{Call, State};
pub(crate) use errors::Failure;
pub(crate) use faults::{Fault, Faults, PAGE_FAULTS, TRANSPORT_FAULTS};
pub(crate) use world::{Arrival, Event, Group, World};

use crate::loopback::Server;

/// A CloudWatch Logs that runs until it is dropped.
pub(crate) type CloudWatch = Server<State>;

impl CloudWatch {
    /// Begins with this world.
    pub(crate) fn start(world: World) -> Self {
        Self::listening(State::of(world))
    }
}

/// The account that everything belongs to.
pub(crate) const ACCOUNT: &str = "123456789012";

/// The region that everything is in.
pub(crate) const REGION: &str = "us-east-1";
