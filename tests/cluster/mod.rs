//! A store brought into a cluster, whatever goes wrong on the way.

mod asking;
mod fake;
mod fronts;
mod http;
mod publishing;
mod redacting;
mod refusals;

pub(crate) use asking::{assert_answered_alike, assert_traced_alike};
pub(crate) use fronts::assert_fronts_are_passed;
pub(crate) use publishing::{Organization, publish};
