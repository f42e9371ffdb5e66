//! A store brought into a cluster, whatever goes wrong on the way.

mod asking;
mod fake;
mod http;
mod publishing;
mod refusals;

pub(crate) use asking::assert_traced_alike;
pub(crate) use publishing::{Organization, publish};
