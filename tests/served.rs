//! A running `mailtrace serve`, and talking to it byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::mailtrace;

/// How long anything may take before a test gives up: other tests run beside it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server. It ends with this.
pub(crate) struct Served {
    child: Child,
    /// What it printed.
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Served {
    /// Serves a store on a free port.
    pub(crate) fn start(store: &Path, arguments: &[&str]) -> Self {
        let mut command = mailtrace();
        command.arg("--store").arg(store).args(["serve", "--listen", "127.0.0.1:0"]);
        Self::spawn(command.args(arguments))
    }

    /// Runs a command that serves.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim_end().to_owned();
        let (place, token) = url.split_once("?token=").unwrap_or_else(|| panic!("{url}"));
        let authority = place.split('/').nth(2).unwrap();
        Self { child, address: authority.parse().unwrap(), token: token.to_owned(), url }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes as they are, and reads until the server closes.
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) -> Reply {
        let mut stream = self.connect();
        // A server that has seen enough does not read on.
        let _unread = stream.write_all(bytes.as_ref());
        Reply::read(&mut stream)
    }

    /// Asks for a target, with headers that are written as they are sent.
    pub(crate) fn ask(&self, target: &str, headers: &[&str]) -> Reply {
        self.send(request("GET", target, &self.host(), headers))
    }

    /// Asks with the token.
    pub(crate) fn get(&self, target: &str) -> Reply {
        self.ask(target, &[&format!("Authorization: Bearer {}", self.token)])
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Has it stop, and gives its exit status.
    pub(crate) fn stop(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A request's head as bytes.
pub(crate) fn request(method: &str, target: &str, host: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|it| format!("{it}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// 0 when nothing came.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Reads until the other side closes.
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        // A connection that is reset has said what it had to say.
        let _reset = stream.read_to_end(&mut bytes);
        Self::parse(&bytes)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n");
        let Some(end) = end else { return Self::default() };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |it: &str| {
            let (name, value) = it.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers: Vec<(String, String)> = lines.map(header).collect();
        let mut reply = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = dechunked(&reply.body);
        }
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Checks the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}: {}", self.headers, self.text());
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|it| panic!("{it}: {}", self.text()))
    }
}

fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|it| it == b"\r\n") {
        let length = std::str::from_utf8(&bytes[..end]).unwrap();
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 4 + length..];
    }
    whole
}
