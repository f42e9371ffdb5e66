//! Slow clients, half requests and idle connections do not stop others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::serve::sample_store;
use crate::served::{Reply, Served, request};
use crate::support::{import, synth};

/// Connections that say nothing.
const IDLE: usize = 2_000;

/// Lets this process have the connections that it needs.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _refused = setrlimit(Resource::Nofile, raised);
}

#[test]
fn idle_and_half_requests_do_not_stop_others() {
    raise_file_limit();
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let idle: Vec<TcpStream> = (0..IDLE).map(|_| served.connect()).collect();
    let mut halves: Vec<TcpStream> = (0..50)
        .map(|index| {
            let mut stream = served.connect();
            let whole = request("GET", "/api/v1/status", &served.host(), &[]);
            let end = 1 + index * (whole.len() - 3) / 50;
            stream.write_all(&whole.as_bytes()[..end]).unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        served.get("/api/v1/messages?outcome=bounced").expect(200);
    }
    // A head that comes a byte at a time is as good as none.
    let mut dripping = served.connect();
    let dripped = thread::spawn(move || {
        for _ in 0..600 {
            if dripping.write_all(b"X").is_err() {
                return true;
            }
            thread::sleep(Duration::from_millis(100));
        }
        false
    });
    // They are let go of in the end: none is read from for ever.
    for stream in idle.iter().take(5).chain(&halves) {
        let mut bytes = Vec::new();
        let mut stream = stream;
        let _reset = stream.read_to_end(&mut bytes);
        assert!(bytes.is_empty() || Reply::parse(&bytes).status >= 400, "{bytes:?}");
    }
    assert!(dripped.join().unwrap());
    halves.clear();
    drop(idle);
    served.get("/api/v1/status").expect(200);
}

/// Starts a server that the system allows few files: the reserve, and so many for connections.
fn few_connections(store: &Path) -> Option<Served> {
    if std::process::Command::new("prlimit").arg("--version").output().is_err() {
        crate::support::skip("prlimit");
        return None;
    }
    let mut command = crate::support::wrapped(&["prlimit", "--nofile=288:288"]);
    command.arg("--store").arg(store).args(["serve", "--listen", "127.0.0.1:0"]);
    Some(Served::spawn(&mut command))
}

#[test]
fn whoever_waits_longest_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let Some(served) = few_connections(&store) else { return };
    let mut first = served.connect();
    let others: Vec<TcpStream> = (0..60).map(|_| served.connect()).collect();
    for _ in 0..5 {
        served.get("/api/v1/status").expect(200);
    }
    let mut bytes = Vec::new();
    let _reset = first.read_to_end(&mut bytes);
    assert!(bytes.is_empty());
    drop(others);
}

/// Bytes that the system may hold of an answer on both sides of a connection, and more.
const BEYOND_BUFFERS: usize = 12 << 20;

#[test]
fn an_answer_on_its_way_makes_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, &synth(dir.path(), 40_000, 3, "ndjson").path).expect(0);
    let Some(served) = few_connections(&store) else { return };
    let bearer = format!("Authorization: Bearer {}", served.token);
    let target = "/api/v1/messages?events=true&limit=5000";
    let ask = request("GET", target, &served.host(), &[&bearer]);
    let mut slow = served.connect();
    slow.write_all(ask.as_bytes()).unwrap();
    let mut bytes = vec![0; 1 << 10];
    slow.read_exact(&mut bytes).unwrap();
    let others: Vec<TcpStream> = (0..60).map(|_| served.connect()).collect();
    for _ in 0..5 {
        served.get("/api/v1/status").expect(200);
    }
    slow.read_to_end(&mut bytes).unwrap();
    let reply = Reply::parse(&bytes).expect(200);
    assert!(reply.body.len() > BEYOND_BUFFERS, "{}", reply.body.len());
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
    drop(others);
}

#[test]
fn clients_that_do_not_read_do_not_stop_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, &synth(dir.path(), 5_000, 3, "ndjson").path).expect(0);
    let served = Served::start(&store, &[]);
    let bearer = format!("Authorization: Bearer {}", served.token);
    let target = "/api/v1/messages?events=true&limit=1000";
    let whole = served.get(target).expect(200);
    assert!(whole.body.len() > 1 << 20, "{}", whole.body.len());
    let deaf: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = served.connect();
            // Each asks again and again, and reads nothing.
            let ask =
                request("GET", target, &served.host(), &[&bearer]).replace("close", "keep-alive");
            stream.write_all(ask.repeat(4).as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        served.get("/api/v1/messages?outcome=bounced").expect(200);
    }
    // One that has read slowly gets all of it.
    let mut slow = served.connect();
    slow.write_all(request("GET", target, &served.host(), &[&bearer]).as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let mut portion = vec![0; 64 << 10];
    loop {
        match slow.read(&mut portion).unwrap() {
            0 => break,
            count => bytes.extend_from_slice(&portion[..count]),
        }
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(Reply::parse(&bytes).body, whole.body);
    drop(deaf);
}

#[test]
fn several_requests_come_over_one_connection() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let bearer = format!("Authorization: Bearer {}", served.token);
    let last = request("GET", "/api/v1/status", &served.host(), &[&bearer]);
    let first = last.replace("close", "keep-alive");
    let reply = served.send(format!("{first}{first}{last}"));
    let count = reply.text().matches("HTTP/1.1 200").count();
    assert_eq!((reply.status, count), (200, 2));
}
