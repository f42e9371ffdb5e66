//! A local bucket for tests: lists and serves objects, and misbehaves on request.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A fault in place of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The body ends after so many bytes, and the connection with it.
    Cut(usize),
    /// The body stops after so many bytes until the server ends; then the flag is set.
    Hang(usize, Arc<AtomicBool>),
    /// An error: status, code, message, further headers.
    Refuse(u16, &'static str, &'static str, &'static str),
}

/// The bucket `bucket`.
pub(crate) struct ObjectServer {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    has_ended: Condvar,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    requests: Vec<String>,
    is_over: bool,
}

/// Keys in one page of a listing.
const PAGE_KEYS: usize = 3;

impl ObjectServer {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared { state: Mutex::default(), has_ended: Condvar::new() });
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&theirs);
                if shared.state().is_over {
                    return;
                }
                // A client that disconnects is not a failure of the server.
                std::thread::spawn(move || shared.serve(&stream.unwrap()).ok());
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        self.shared.state().objects.insert(key.to_owned(), bytes.to_vec());
    }

    /// Makes the next request for `key` (empty for the listing) fail, after the faults already
    /// queued for it.
    pub(crate) fn fail(&self, key: &str, fault: Fault) {
        self.shared.state().faults.entry(key.to_owned()).or_default().push_back(fault);
    }

    /// Takes the requests so far: `list` or `get KEY FROM`.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().requests)
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.has_ended.notify_all();
        // Wakes the listener, which then ends.
        drop(TcpStream::connect(&self.address));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Serves one request per connection.
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let mut headers = BTreeMap::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let target = request.split(' ').nth(1).unwrap_or("");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let key = decoded(path.strip_prefix("/bucket").unwrap_or("").trim_matches('/'));
        let from = headers.get("range").and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-'));
        let from: usize = from.map_or(0, |it| it.parse().unwrap());
        let fault = {
            let mut state = self.state();
            let request = if key.is_empty() { "list".into() } else { format!("get {key} {from}") };
            state.requests.push(request);
            state.faults.get_mut(&key).and_then(VecDeque::pop_front)
        };
        let (status, further, body) = match &fault {
            Some(Fault::Refuse(status, code, message, further)) => {
                (*status, (*further).to_owned(), error(code, message))
            }
            _ if key.is_empty() => (200, String::new(), self.list(query).into_bytes()),
            _ => self.object(&key, from, headers.get("if-match")),
        };
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n{further}\r\n",
            body.len()
        )?;
        match fault {
            Some(Fault::Cut(bytes)) => stream.write_all(&body[..bytes.min(body.len())]),
            Some(Fault::Hang(bytes, flag)) => {
                stream.write_all(&body[..bytes.min(body.len())])?;
                flag.store(true, Ordering::Relaxed);
                drop(self.has_ended.wait_while(self.state(), |it| !it.is_over).unwrap());
                Ok(())
            }
            _ => stream.write_all(&body),
        }
    }

    fn object(&self, key: &str, from: usize, if_match: Option<&String>) -> (u16, String, Vec<u8>) {
        let state = self.state();
        let Some(bytes) = state.objects.get(key) else {
            return (404, String::new(), error("NoSuchKey", "The specified key does not exist."));
        };
        if if_match.is_some_and(|it| *it != etag(bytes)) {
            return (412, String::new(), error("PreconditionFailed", "At least one did not hold"));
        }
        if from == 0 {
            return (200, String::new(), bytes.clone());
        }
        let (last, length) = (bytes.len() - 1, bytes.len());
        let range = format!("content-range: bytes {from}-{last}/{length}\r\n");
        (206, range, bytes[from..].to_vec())
    }

    fn list(&self, query: &str) -> String {
        let parameter = |name: &str| {
            let found = query.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
            decoded(found.unwrap_or(""))
        };
        let (prefix, after) = (parameter("prefix"), parameter("continuation-token"));
        let state = self.state();
        let mut keys = state.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
        let mut xml = String::new();
        let mut last = String::new();
        for (key, bytes) in keys.by_ref().filter(|(key, _)| **key > after).take(PAGE_KEYS) {
            write!(
                xml,
                "<Contents><Key>{}</Key><ETag>{}</ETag><Size>{}</Size>\
                 <LastModified>2026-11-20T12:00:00.000Z</LastModified></Contents>",
                escaped(key),
                escaped(&etag(bytes)),
                bytes.len()
            )
            .unwrap();
            last.clone_from(key);
        }
        let is_truncated = keys.next().is_some();
        if is_truncated {
            let token = escaped(&last);
            write!(xml, "<NextContinuationToken>{token}</NextContinuationToken>").unwrap();
        }
        format!(
            "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{is_truncated}</IsTruncated>{xml}</ListBucketResult>"
        )
    }
}

/// Returns the tag of an object's content.
pub(crate) fn etag(bytes: &[u8]) -> String {
    format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(bytes))
}

fn error(code: &str, message: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>")
        .into_bytes()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

/// Decodes percent-encoding.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
