//! The threads that listen and answer.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::http::{Connection, HttpRequest, Reply};

/// Connections at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 64;

/// How soon an idle connection notices that the server stops.
const PATIENCE: Duration = Duration::from_millis(100);

/// What stands behind a server: from a request to its answer.
pub(crate) trait Service: Send + 'static {
    fn answer(&mut self, request: &HttpRequest) -> Reply;

    /// That a connection was turned away because too many were open.
    fn refused(&mut self) {}
}

/// A service that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server<S> {
    shared: Arc<Shared<S>>,
    address: SocketAddr,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared<S> {
    state: Mutex<S>,
    is_stopping: AtomicBool,
    connection_count: AtomicUsize,
}

impl<S: Service> Server<S> {
    /// Listens on a free loopback port.
    pub(crate) fn listening(state: S) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            is_stopping: AtomicBool::new(false),
            connection_count: AtomicUsize::new(0),
        });
        let listening = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || listen(&listener, &shared)
        });
        Self { shared, address, listening: Some(listening) }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it holds and how it behaves; no request is answered meanwhile.
    pub(crate) fn lock(&self) -> MutexGuard<'_, S> {
        self.shared.lock()
    }
}

impl<S> Drop for Server<S> {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _woken = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ended = listening.join();
        }
    }
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, S> {
        // A test that failed while it held the lock must not hide behind others that fail for it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }
}

fn listen<S: Service>(listener: &TcpListener, shared: &Arc<Shared<S>>) {
    for stream in listener.incoming() {
        if shared.is_stopping() {
            return;
        }
        let Ok(stream) = stream else { continue };
        if shared.connection_count.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
            shared.connection_count.fetch_sub(1, Ordering::SeqCst);
            shared.lock().refused();
            continue;
        }
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // The client may vanish at any time; killing it is what some tests are about.
            let _gone = serve(stream, &shared);
            shared.connection_count.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn serve<S: Service>(stream: TcpStream, shared: &Shared<S>) -> std::io::Result<()> {
    let mut connection = Connection::new(stream, PATIENCE)?;
    while let Some(request) = connection.next(|| shared.is_stopping())? {
        let reply = shared.lock().answer(&request);
        if !reply.delay.is_zero() {
            std::thread::sleep(reply.delay);
        }
        if shared.is_stopping() || !connection.answer(&reply)? {
            break;
        }
    }
    Ok(())
}
