//! The page and the API: one process that answers over HTTP what the commands answer.
//!
//! A request arrives on one of [`run`]'s connections, passes the guard, and becomes a page or a
//! [`Question`] for the implementation of the commands ([`Questions`]). This module does not know
//! the commands' options, and no request can change anything: there is only reading.
//!
//! hyper is used directly. A router and its layers would sit between the guard and the answers, and
//! would have only eight paths to distinguish.

mod answers;
mod bundle;
mod connections;
mod guard;
mod metrics;
mod mirrors;
mod openapi;
mod opened;
pub mod pages;
mod parameters;
mod question;
mod respond;
mod server;
mod tls;
mod token;

pub use guard::Host;
pub use mirrors::{Mirrors, Needs, ServedStore};
pub use parameters::{ParameterError, Parameters};
pub use question::{
    AccessQuestion, ApiCommand, DirectoryQuestion, EventsQuestion, ExportQuestion,
    MessagesQuestion, ParameterDefinition, Question, QuestionError, Questions, TimelineQuestion,
    TraceQuestion,
};
pub use tls::TlsError;
pub use token::AccessToken;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use answers::Answers;
use connections::Connections;
use guard::Guard;
use opened::{OpenedStore, Stores};
use server::Server;

use crate::limits;
use crate::stop::Stop;

/// The configuration of a server.
pub struct Setup {
    /// The source of the answers.
    pub asked: Asked,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Names by which clients may address the server, besides those of the loopback.
    pub hosts: Vec<Host>,
    /// The prefix of all paths: empty, or such as `/mail`.
    pub base_path: String,
    /// Whether to trust a proxy's headers about its client, and to let other machines connect.
    pub is_behind_proxy: bool,
    /// The files with the certificate and its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The secret that every reader needs.
    pub token: AccessToken,
    /// The time that a question may take.
    pub timeout: Duration,
}

/// The source of the answers.
pub enum Asked {
    /// The store at a path.
    Store(PathBuf),
    /// A source that makes stores on demand.
    Mirrors(Arc<dyn Mirrors>),
}

/// The reason why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The traffic could be overheard.
    #[error(
        "{0} can be reached from other machines: give --tls-cert and --tls-key, or --behind-proxy if a proxy handles TLS"
    )]
    Open(SocketAddr),
    /// The source of the answers does not respond.
    #[error(transparent)]
    Asked(#[from] QuestionError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address is taken, or not allowed.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The address could not be announced.
    #[error("cannot print the server's address")]
    Announce(#[source] io::Error),
    /// The system refuses to start threads.
    #[error("cannot start")]
    Start(#[source] io::Error),
}

/// Serves until `stop`. Calls `announce` with the address once it accepts connections.
///
/// # Errors
///
/// [`ServeError`], always before `announce` is called, except for an error that `announce` returns.
pub fn run(
    setup: Setup,
    questions: Arc<dyn Questions>,
    announce: impl FnOnce(&str) -> io::Result<()>,
    stop: Stop,
) -> Result<(), ServeError> {
    // Canonical, since `::ffff:127.0.0.1` is the loopback too.
    let is_loopback = setup.listen.ip().to_canonical().is_loopback();
    if !is_loopback && setup.tls.is_none() && !setup.is_behind_proxy {
        return Err(ServeError::Open(setup.listen));
    }
    // The mirrors hold a runtime of their own, and dropping one on a worker thread, which must not
    // block, panics. This reference makes the last drop happen here.
    let mut kept = None;
    let opened = match setup.asked {
        Asked::Store(path) => Stores::Own(OpenedStore::new(path)),
        Asked::Mirrors(mirrors) => {
            kept = Some(Arc::clone(&mirrors));
            Stores::Mirrored(mirrors)
        }
    };
    // Opened once up front, so that a broken store fails the start and not the first request.
    opened.newest()?;
    let tls = setup.tls.as_ref().map(|(cert, key)| tls::acceptor(cert, key)).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .map_err(ServeError::Start)?;
    let served = runtime.block_on(async {
        let address = setup.listen;
        let listen = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let bound = listener.local_addr().map_err(listen)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let token = setup.token.as_str();
        let base = &setup.base_path;
        let url = format!("{scheme}://{bound}{base}/?token={token}");
        let server = Arc::new(Server {
            guard: Guard {
                hosts: setup.hosts,
                cookie: format!("mailtrace-{}", bound.port()),
                base_path: setup.base_path.clone(),
                is_tls: tls.is_some(),
                is_behind_proxy: setup.is_behind_proxy,
                token: setup.token,
            },
            answers: Arc::new(Answers::new(opened, setup.timeout)),
            questions,
            connections: Connections::new(),
            counts: server::RequestCounts::default(),
            exports: Arc::new(Semaphore::new(1)),
        });
        announce(&url).map_err(ServeError::Announce)?;
        connections::accept(listener, tls, server, stop).await;
        Ok(())
    });
    // Blocking threads cannot be aborted; a question that nobody awaits must not delay the exit.
    runtime.shutdown_timeout(Duration::from_millis(limits::SERVE_STOP_MS_MAX));
    drop(kept);
    served
}

/// Threads that talk to clients. Questions are answered on blocking threads.
const WORKER_THREADS: usize = 2;
