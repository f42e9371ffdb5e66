//! A store brought into a cluster, whatever goes wrong on the way.

mod fake;
mod http;
mod publishing;
mod refusals;

pub(crate) use publishing::{Organization, publish};
