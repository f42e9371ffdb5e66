//! Connections: their number, and the time that each may take.
//!
//! A client that sends nothing, half a request, or its head one byte at a time is closed after a
//! while; so is one that does not read its answer. At the maximum, the connection that has waited
//! longest for a request makes room.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;

use super::server::Server;
use crate::limits;
use crate::stop::Stop;

/// The open connections.
pub(super) struct Connections {
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    count_max: usize,
    turns: AtomicU64,
}

/// The state of one connection.
#[derive(Default)]
struct Connection {
    is_answered: AtomicBool,
    /// When it began to wait, in ticks of `turns`: a clock of requests and connections, which
    /// cannot stand still or run backwards.
    waits_since: AtomicU64,
    leave: Notify,
}

impl Connections {
    /// Starts without connections. Each takes a file descriptor; the store's come first.
    pub(super) fn new() -> Self {
        let files = raise_file_limit().saturating_sub(limits::SERVE_FILES_RESERVED);
        let most = usize::try_from(files).unwrap_or(usize::MAX).max(1);
        let count_max = limits::SERVE_CONNECTIONS_MAX.min(most);
        Self { open: Mutex::default(), count_max, turns: AtomicU64::new(0) }
    }

    pub(super) fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Registers a connection, evicting an idle one if need be. False if all are being answered.
    fn enter(&self, number: u64, connection: &Arc<Connection>) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.count_max {
            // A connection whose request is being answered is never closed for another.
            let is_idle = |it: &Connection| !it.is_answered.load(Ordering::Relaxed);
            let idle = open.iter().filter(|(_, it)| is_idle(it));
            let longest = idle.min_by_key(|(_, it)| it.waits_since.load(Ordering::Relaxed));
            let longest = longest.map(|(number, _)| *number);
            let Some(left) = longest.and_then(|it| open.remove(&it)) else { return false };
            left.leave.notify_one();
        }
        connection.waits_since.store(self.turn(), Ordering::Relaxed);
        open.insert(number, Arc::clone(connection));
        true
    }

    fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    fn leave(&self, number: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

/// Raises the limit of open files as far as needed and allowed, and returns it.
fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limits::SERVE_CONNECTIONS_MAX as u64 + limits::SERVE_FILES_RESERVED;
    let most = limit.maximum.map_or(wanted, |it| it.min(wanted));
    let now = limit.current.unwrap_or(u64::MAX);
    if now >= most {
        return now;
    }
    let raised = Rlimit { current: Some(most), maximum: limit.maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() { most } else { now }
}

/// Accepts connections until `stop`, then gives open ones a short time to finish.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    server: Arc<Server>,
    stop: Stop,
) {
    let mut tasks = JoinSet::new();
    let mut number = 0;
    loop {
        let stream = tokio::select! {
            stream = listener.accept() => stream,
            () = stop.requested() => break,
            // Reaps finished tasks, whose results the set would otherwise collect for ever.
            Some(_) = tasks.join_next() => continue,
        };
        let Ok((stream, _)) = stream else {
            // Most likely no descriptor is left. `accept` would fail again at once, so wait until
            // connections close instead of spinning.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        number += 1;
        let connection = Arc::new(Connection::default());
        if !server.connections.enter(number, &connection) {
            continue;
        }
        let (server, tls, stop) = (Arc::clone(&server), tls.clone(), stop.clone());
        tasks.spawn(async move {
            attend(stream, tls, &server, &connection, stop).await;
            server.connections.leave(number);
        });
    }
    // Before waiting: newcomers are refused at once rather than left in the backlog.
    drop(listener);
    let ends = async { while tasks.join_next().await.is_some() {} };
    let grace = Duration::from_millis(limits::SERVE_STOP_MS_MAX);
    // Dropping the set aborts whatever is unfinished by then.
    let _late = tokio::time::timeout(grace, ends).await;
}

async fn attend(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    server: &Arc<Server>,
    connection: &Arc<Connection>,
    stop: Stop,
) {
    // Answers are not written in small pieces, so Nagle's algorithm would only delay them. Failure
    // merely costs time.
    let _slower = stream.set_nodelay(true);
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(Duration::from_millis(limits::SERVE_WRITE_STALL_MS_MAX)));
    // The timeout's timer is not `Unpin`, which hyper demands of a stream.
    let stream = Box::pin(stream);
    let Some(tls) = tls else {
        return converse(stream, server, connection, stop).await;
    };
    let patience = Duration::from_millis(limits::SERVE_HEAD_MS_MAX);
    // The handshake comes before hyper's own header timeout, hence a bound for it here.
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(patience, tls.accept(stream)) => shaken,
        () = connection.leave.notified() => return,
    };
    if let Ok(Ok(stream)) = shaken {
        converse(stream, server, connection, stop).await;
    }
}

/// Marks a connection as being answered until it is dropped.
struct Attention(Arc<Connection>, Arc<Server>);

impl Attention {
    fn to(connection: &Arc<Connection>, server: &Arc<Server>) -> Self {
        connection.is_answered.store(true, Ordering::Relaxed);
        Self(Arc::clone(connection), Arc::clone(server))
    }
}

impl Drop for Attention {
    fn drop(&mut self) {
        let Self(connection, server) = self;
        connection.waits_since.store(server.connections.turn(), Ordering::Relaxed);
        connection.is_answered.store(false, Ordering::Relaxed);
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    server: &Arc<Server>,
    connection: &Arc<Connection>,
    stop: Stop,
) {
    let (responder, state) = (Arc::clone(server), Arc::clone(connection));
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, connection) = (Arc::clone(&responder), Arc::clone(&state));
        async move {
            let attention = Attention::to(&connection, &server);
            let response = server.respond(request).await;
            // A download is answered for as long as its body is: the body owns `attention`, and
            // this combinator, unlike `map_frame`, keeps its length known.
            Ok::<_, Infallible>(response.map(|body| {
                body.map_err(move |error| {
                    let _until_dropped = &attention;
                    error
                })
            }))
        }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits::SERVE_HEAD_MS_MAX))
        .max_buf_size(limits::SERVE_HEAD_BYTES_MAX)
        .max_headers(limits::SERVE_HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut conversation = std::pin::pin!(conversation);
    tokio::select! {
        // A client's errors concern that client alone.
        _ended = conversation.as_mut() => {}
        () = connection.leave.notified() => {}
        () = stop.requested() => {
            conversation.as_mut().graceful_shutdown();
            // A request in progress gets the whole grace time. Otherwise only the rest of an answer
            // may still be on its way out.
            if connection.is_answered.load(Ordering::Relaxed) {
                let _ended = conversation.await;
            } else {
                let moment = Duration::from_millis(limits::SERVE_STOP_MS_MAX / 10);
                let _ended = tokio::time::timeout(moment, conversation).await;
            }
        }
    }
}
