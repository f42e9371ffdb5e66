//! `mailtrace serve` behind nginx under a path, and with a certificate of its own.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::serve::sample_store;
use crate::served::{Reply, Served, request};
use crate::support::skip;

fn has(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|it| it.success())
}

/// A port that nobody has at the moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// nginx, until it is dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it only when it ends by itself.
        let pid = self.0.id().to_string();
        let _gone = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let _reaped = self.0.wait();
    }
}

fn nginx(dir: &Path, port: u16, location: &str) -> Nginx {
    let place = dir.join("nginx");
    fs::create_dir_all(&place).unwrap();
    let path = |name: &str| place.join(name).display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|it| format!("{it}_temp_path {};\n", path(it)))
        .collect();
    let config = format!(
        "worker_processes 1;\ndaemon off;\npid {};\nerror_log {} error;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}server {{\nlisten 127.0.0.1:{port};\n{location}\n}}\n}}\n",
        path("pid"),
        path("error.log"),
    );
    let file = place.join("nginx.conf");
    fs::write(&file, config).unwrap();
    let child = Command::new("nginx")
        .args(["-p", place.to_str().unwrap(), "-c", file.to_str().unwrap()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let nginx = Nginx(child);
    for _ in 0..600 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return nginx;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{}", fs::read_to_string(path("error.log")).unwrap_or_default());
}

/// Asks the proxy.
fn ask(port: u16, target: &str, headers: &[&str]) -> Reply {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let sent = request("GET", target, "mail.example", headers);
    std::io::Write::write_all(&mut stream, sent.as_bytes()).unwrap();
    Reply::read(&mut stream)
}

#[test]
fn it_works_under_a_path_of_nginx() {
    if !has("nginx", "-v") {
        skip("nginx");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let arguments = ["--behind-proxy", "--base-path", "/mail", "--host", "mail.example"];
    let served = Served::start(&store, &arguments);
    let port = free_port();
    // As docs/browser.md has it.
    let location = format!(
        "location /mail/ {{\nproxy_pass http://{};\nproxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-Proto https;\n}}",
        served.address
    );
    let _nginx = nginx(dir.path(), port, &location);
    let signed_in =
        ask(port, &format!("/mail/messages?token={}&q=x", served.token), &[]).expect(303);
    // nginx leaves what is relative as it is.
    assert_eq!(signed_in.header("location"), Some("./messages?q=x"));
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.contains("; Path=/mail;") && cookie.ends_with("; Secure"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let status = ask(port, "/mail/api/v1/status", &[&cookie]).expect(200);
    assert_eq!(status.json()["records"], 16);
    ask(port, "/mail/", &[&cookie]).expect(200);
    ask(port, "/mail/", &[]).expect(401);
    ask(port, "/mail/export/messages.zip", &[&cookie]).expect(200);
    assert_eq!(ask(port, "/mail", &[&cookie]).status, 301);
    // Links lead nowhere else: none begins at the root.
    for page in ["/mail/", "/mail/messages", "/mail/status"] {
        let html = ask(port, page, &[&cookie]).text();
        for bad in ["href=\"/", "src=\"/", "action=\"/"] {
            assert!(!html.contains(bad), "{page} has {bad}");
        }
    }
}

#[test]
fn it_works_where_nginx_takes_the_path_away() {
    if !has("nginx", "-v") {
        skip("nginx");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &["--behind-proxy"]);
    let port = free_port();
    let location = format!("location /mail/ {{\nproxy_pass http://{}/;\n}}", served.address);
    let _nginx = nginx(dir.path(), port, &location);
    let signed_in = ask(port, &format!("/mail/messages?token={}", served.token), &[]).expect(303);
    assert_eq!(signed_in.header("location"), Some("./messages"));
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let status = ask(port, "/mail/api/v1/status", &[&format!("Cookie: {cookie}")]).expect(200);
    assert_eq!(status.json()["records"], 16);
}

#[test]
fn it_speaks_tls() {
    if !has("openssl", "version") || !has("curl", "--version") {
        skip("openssl and curl");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (cert, key, other) = (path("cert.pem"), path("key.pem"), path("other.pem"));
    let make = |cert: &str, key: &str| {
        let arguments = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-out",
            cert,
            "-keyout",
            key,
        ];
        let made = Command::new("openssl").args(arguments).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    };
    make(&cert, &key);
    make(&other, &path("other-key.pem"));
    let served = Served::start(&store, &["--tls-cert", &cert, "--tls-key", &key]);
    assert!(served.url.starts_with("https://127.0.0.1:"), "{}", served.url);
    let place = served.url.split("/?").next().unwrap();
    let curl = |authority: &str, arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--include", "--noproxy", "*", "--cacert", authority]);
        command.args(arguments).output().unwrap()
    };
    let bearer = format!("Authorization: Bearer {}", served.token);
    let output = curl(&cert, &["-H", &bearer, &format!("{place}/api/v1/status")]);
    let reply = Reply::parse(&output.stdout).expect(200);
    assert_eq!(reply.json()["records"], 16);
    let reply = Reply::parse(&curl(&cert, &[&served.url]).stdout).expect(303);
    assert!(reply.header("set-cookie").unwrap().ends_with("; Secure"));
    assert!(!curl(&other, &[place]).status.success());
    // Whoever does not speak TLS is not answered, and stops nobody.
    assert_eq!(served.get("/api/v1/status").status, 0);
    let _silent = served.connect();
    let output = curl(&cert, &["-H", &bearer, &format!("{place}/api/v1/status")]);
    Reply::parse(&output.stdout).expect(200);

    for (cert, key, words) in [
        (cert.as_str(), other.as_str(), "a key"),
        (&other, &key, "cannot be used with its key"),
        (&path("missing"), &key, "a certificate"),
    ] {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key];
        crate::support::on(&store, &arguments).expect_error(&[words]);
    }
}
