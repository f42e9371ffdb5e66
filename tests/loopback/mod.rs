//! Servers on loopback that stand in for AWS, with threads and blocking sockets only.

mod http;
mod server;

pub(crate) use http::{Ending, HttpRequest, Reply};
pub(crate) use server::{Server, Service};
