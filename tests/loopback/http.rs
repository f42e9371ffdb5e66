//! HTTP/1.1 as far as an AWS client needs it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a request at most, head and body.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// How long to wait for the rest of a request of which a part is there.
const REST_WAIT: Duration = Duration::from_micros(200);

/// A request.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    /// With names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The first request in `bytes` and its length, if it is whole.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let head_end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..head_end]);
        let headers: Vec<(String, String)> = head
            .lines()
            .filter_map(|it| it.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut request = Self { headers, body: Vec::new() };
        let length = request.header("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        let end = head_end + 4 + length;
        request.body = bytes.get(head_end + 4..end)?.to_vec();
        Some((request, end))
    }
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It stays open for the next request.
    KeptOpen,
    /// It is closed in the middle of the body.
    CutBody,
    /// It is reset before anything is sent.
    Reset,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// The body's first part.
    pub(crate) start: Arc<[u8]>,
    /// The rest of the body.
    pub(crate) end: Vec<u8>,
    pub(crate) delay: Duration,
    pub(crate) ending: Ending,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            start: Arc::default(),
            end: body,
            delay: Duration::ZERO,
            ending: Ending::KeptOpen,
        }
    }

    fn head(&self) -> String {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            403 => "Forbidden",
            500 => "Internal Server Error",
            _ => "Service Unavailable",
        };
        let length = self.start.len() + self.end.len();
        let date = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
            .unwrap();
        format!(
            "HTTP/1.1 {} {reason}\r\nx-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\n\
             Content-Type: {}\r\nContent-Length: {length}\r\nDate: {date}\r\n\r\n",
            self.status, self.content_type
        )
    }
}

/// One connection of a client.
///
/// The last byte of a request stays in the socket until it is answered: one that is closed with
/// bytes unread is reset, not ended.
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Waits for at most `patience` at a time.
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> io::Result<Self> {
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Waits for the next request; none once the client is gone or `is_over`.
    pub(crate) fn next(&mut self, is_over: impl Fn() -> bool) -> io::Result<Option<HttpRequest>> {
        let mut bytes = vec![0; REQUEST_BYTES_MAX];
        loop {
            let length = match self.stream.peek(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(length) => length,
                Err(error) if is_timeout(&error) && !is_over() => continue,
                Err(error) => return Err(error),
            };
            if let Some((request, length)) = HttpRequest::parse(&bytes[..length]) {
                self.stream.read_exact(&mut bytes[..length - 1])?;
                return Ok(Some(request));
            }
            if length == bytes.len() || is_over() {
                return Err(io::Error::other("the request is too long or cut off"));
            }
            std::thread::sleep(REST_WAIT);
        }
    }

    /// Answers; says whether the connection stays open.
    pub(crate) fn answer(&mut self, reply: &Reply) -> io::Result<bool> {
        if reply.ending == Ending::Reset {
            return Ok(false);
        }
        self.stream.read_exact(&mut [0])?;
        let mut head = reply.head().into_bytes();
        if reply.ending == Ending::CutBody {
            let body = [&reply.start, reply.end.as_slice()].concat();
            head.extend_from_slice(&body[..body.len() / 2]);
            self.stream.write_all(&head)?;
            self.stream.shutdown(Shutdown::Both)?;
            return Ok(false);
        }
        if reply.start.is_empty() {
            head.extend_from_slice(&reply.end);
            self.stream.write_all(&head)?;
        } else {
            for part in [&head, &*reply.start, &reply.end] {
                self.stream.write_all(part)?;
            }
        }
        Ok(true)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
