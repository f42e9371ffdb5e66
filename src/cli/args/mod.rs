//! Arguments that several commands share: each group of options once.

pub(crate) mod backend;
#[cfg(feature = "aws")]
pub(crate) mod cluster;
pub(crate) mod condition;
pub(crate) mod extract;
pub(crate) mod grace;
pub(crate) mod ids;
pub(crate) mod input;
pub(crate) mod password;
pub(crate) mod question;
pub(crate) mod range;
#[cfg(feature = "serve")]
pub(crate) mod serve;
#[cfg(feature = "aws")]
pub(crate) mod session;
pub(crate) mod shape;
pub(crate) mod watch;
pub(crate) mod watched;
pub(crate) mod which;
