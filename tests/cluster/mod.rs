//! A store brought into a cluster, whatever goes wrong on the way.

mod asking;
mod fake;
mod fake_query;
mod fronts;
mod http;
mod people;
mod publishing;
mod redacting;
mod refusals;
mod serving;

pub(crate) use asking::{assert_answered_alike, assert_traced_alike};
pub(crate) use fronts::assert_fronts_are_passed;
pub(crate) use people::{assert_people_are_known_alike, with_people};
pub(crate) use publishing::{Organization, publish};
pub(crate) use serving::assert_served_alike;
