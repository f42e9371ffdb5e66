//! The page and the API: one process that answers over HTTP what the commands answer.
//!
//! A request comes in by [`run`]'s connections, is let in by the guard, and becomes a
//! [`Question`] for whoever knows the commands ([`Questions`]), or a page. It knows nothing of the
//! commands' options, and nothing of what is asked can change anything: there is only reading.
//!
//! hyper is used as it is. A router and its layers would stand between the guard and the answers,
//! and have eight paths to tell apart.

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

/// Where and for whom to serve.
pub struct Setup {
    /// What is asked.
    pub asked: Asked,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Names by which the server may be asked, besides those of the loopback.
    pub hosts: Vec<Host>,
    /// What all paths begin with: nothing, or `/mail`.
    pub base_path: String,
    /// Whether what a proxy says of its client is believed, and others than the loopback may
    /// connect.
    pub is_behind_proxy: bool,
    /// The files with certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// What whoever asks must have.
    pub token: AccessToken,
    /// How long a question may take.
    pub timeout: Duration,
}

/// What is asked.
pub enum Asked {
    /// The store at a path.
    Store(PathBuf),
    /// What makes stores for questions.
    Mirrors(Arc<dyn Mirrors>),
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could listen in.
    #[error(
        "{0} can be reached from other machines: give --tls-cert and --tls-key, or say --behind-proxy where a proxy does TLS"
    )]
    Open(SocketAddr),
    /// What is asked does not answer.
    #[error(transparent)]
    Asked(#[from] QuestionError),
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Somebody else listens there.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The address cannot be told.
    #[error("cannot say where it listens")]
    Announce(#[source] io::Error),
    /// The system refuses threads.
    #[error("cannot start")]
    Start(#[source] io::Error),
}

/// Serves until told to stop. `announce` gets the address to open, once it is open.
///
/// # Errors
///
/// [`ServeError`], all of it before `announce` is called but for what that says.
pub fn run(
    setup: Setup,
    questions: Arc<dyn Questions>,
    announce: impl FnOnce(&str) -> io::Result<()>,
    stop: Stop,
) -> Result<(), ServeError> {
    let is_loopback = setup.listen.ip().to_canonical().is_loopback();
    if !is_loopback && setup.tls.is_none() && !setup.is_behind_proxy {
        return Err(ServeError::Open(setup.listen));
    }
    // What it holds may not be let go on a thread that must not wait.
    let mut kept = None;
    let opened = match setup.asked {
        Asked::Store(path) => Stores::Own(OpenedStore::new(path)),
        Asked::Mirrors(mirrors) => {
            kept = Some(Arc::clone(&mirrors));
            Stores::Mirrored(mirrors)
        }
    };
    // What is wrong with it is said at once.
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
    // A question that nobody waits for any more does not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(limits::SERVE_STOP_MS_MAX));
    drop(kept);
    served
}

/// Threads that talk to clients. What is asked is answered on others.
const WORKER_THREADS: usize = 2;
