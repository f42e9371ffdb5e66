//! Who may ask `mailtrace serve`, over plain TCP.

use std::fs;
use std::path::{Path, PathBuf};

use crate::served::{Reply, Served, request};
use crate::support::{import, mailtrace, on, run};

/// A store with the samples.
pub(crate) fn sample_store(dir: &Path) -> PathBuf {
    let store = dir.join("store");
    import(&store, Path::new("samples/filter-log-events.ndjson")).expect(0);
    store
}

/// What every answer carries, whatever it says.
fn assert_headers(reply: &Reply, what: &str) {
    let csp = reply.header("content-security-policy").unwrap_or_default();
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(csp.contains(part), "{what}: {reply:?}");
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{what}: {name}");
    }
    assert_eq!(reply.header("access-control-allow-origin"), None, "{what}");
}

#[test]
fn a_host_is_one_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &["--host", "mail.example", "--host", "desk.example:8443"]);
    let bearer = format!("Authorization: Bearer {}", served.token);
    let port = served.address.port();
    let check = |target: &str, host_lines: &str, expect: u16| {
        let sent =
            format!("GET {target} HTTP/1.1\r\n{host_lines}Connection: close\r\n{bearer}\r\n\r\n");
        let reply = served.send(sent);
        assert_eq!(reply.status, expect, "{target} {host_lines:?}: {}", reply.text());
        assert_headers(&reply, host_lines);
    };
    let status = "/api/v1/status";
    for host in [
        "localhost",
        &format!("localhost:{port}"),
        // Whatever port SSH forwards.
        "localhost:1234",
        "LocalHost",
        "127.0.0.1",
        "127.1.2.3:80",
        "[::1]",
        "[::1]:99",
        "mail.example",
        "mail.example:444",
        "desk.example:8443",
    ] {
        check(status, &format!("Host: {host}\r\n"), 200);
    }
    for host in [
        "evil.example",
        &format!("evil.example:{port}"),
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost.",
        "evil@localhost",
        "0.0.0.0",
        "[::]",
        "10.0.0.1",
        "desk.example",
        "desk.example:8444",
        "mail.example.",
        "localhost:x",
        "",
        "localhost evil.example",
        "localhost,evil.example",
    ] {
        check(status, &format!("Host: {host}\r\n"), 403);
        // Whoever asks under a wrong name learns not even this.
        check("/healthz", &format!("Host: {host}\r\n"), 403);
    }
    check(status, "", 400);
    check(status, "Host: localhost\r\nHost: evil.example\r\n", 400);
    check(status, "Host: localhost\r\nHost: localhost\r\n", 400);
    // A target that names the host too must name the same one.
    check(&format!("http://localhost:{port}{status}"), &format!("Host: localhost:{port}\r\n"), 200);
    check(&format!("http://evil.example{status}"), "Host: localhost\r\n", 403);
    check(&format!("http://localhost{status}"), "Host: evil.example\r\n", 403);
    check(&format!("http://evil.example{status}"), "Host: evil.example\r\n", 403);
}

#[test]
fn nothing_but_reading_is_possible() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let bearer = format!("Authorization: Bearer {}", served.token);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"] {
        for target in ["/", "/api/v1/status", "/nothing"] {
            let reply = served.send(request(method, target, &served.host(), &[&bearer]));
            assert_eq!(reply.status, 405, "{method} {target}");
            assert_eq!(reply.header("allow"), Some("GET, HEAD"));
            assert_headers(&reply, method);
        }
    }
    let with_body = [bearer.as_str(), "Content-Length: 5"];
    let reply = served.send(request("GET", "/", &served.host(), &with_body) + "hello");
    assert_eq!(reply.status, 400);
    let whole = served.get("/api/v1/status").expect(200);
    let head = served.send(request("HEAD", "/api/v1/status", &served.host(), &[&bearer]));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_headers(&head, "HEAD");
}

#[test]
fn other_sites_pages_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let bearer = format!("Authorization: Bearer {}", served.token);
    for (site, expect) in [
        ("same-origin", 200),
        ("none", 200),
        ("same-site", 403),
        ("cross-site", 403),
        ("Same-Origin", 403),
        ("", 403),
    ] {
        let site = format!("Sec-Fetch-Site: {site}");
        let reply = served.ask("/api/v1/status", &[&bearer, &site]);
        assert_eq!(reply.status, expect, "{site}");
        assert_headers(&reply, &site);
    }
    let both = ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site", &bearer];
    served.ask("/api/v1/status", &both).expect(403);
}

#[test]
fn whoever_asks_has_the_token() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let token = served.token.clone();
    assert_eq!(token.len(), 64);
    let cookie = format!("mailtrace-{}", served.address.port());
    let check = |headers: &[&str], expect: u16| {
        for target in ["/", "/messages", "/api/v1/status", "/metrics", "/assets/style.css", "/x"] {
            let reply = served.ask(target, headers);
            let is_let_in = reply.status != 401;
            assert_eq!(is_let_in, expect == 200, "{target} {headers:?}: {}", reply.status);
            assert_headers(&reply, target);
            if !is_let_in {
                assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
                assert!(!reply.text().contains(&token), "{target}");
            }
        }
    };
    check(&[], 401);
    check(&[&format!("Authorization: Bearer {token}")], 200);
    check(&[&format!("Authorization: bearer {token}")], 200);
    check(&[&format!("Cookie: {cookie}={token}")], 200);
    check(&[&format!("Cookie: a=b; {cookie}=stale; {cookie}={token}; c=d")], 200);
    check(&["Cookie: a=b", &format!("Cookie: {cookie}={token}")], 200);
    for wrong in ["", "x", &token[1..], &format!("{token}0"), &token.to_uppercase()] {
        check(&[&format!("Authorization: Bearer {wrong}")], 401);
        check(&[&format!("Cookie: {cookie}={wrong}")], 401);
    }
    check(&[&format!("Authorization: Basic {token}")], 401);
    // A proxy in front may pass on what is meant for it.
    check(&["Authorization: Basic dTpw", &format!("Cookie: {cookie}={token}")], 200);
    check(&["Authorization: Bearer x", &format!("Cookie: {cookie}={token}")], 401);
    check(&[&format!("Cookie: mailtrace={token}; mailtrace-1={token}")], 401);
    check(&[&format!("X-Token: {token}")], 401);
    // A page says so to people, the API to programs.
    let page = served.ask("/messages", &[]).expect(401);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let api = served.ask("/api/v1/status", &[]).expect(401);
    assert!(api.json()["error"].as_str().unwrap().contains("token"));
    served.ask("/healthz", &[]).expect(200);
}

#[test]
fn a_token_in_the_address_becomes_a_cookie() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let (token, port) = (&served.token, served.address.port());
    let expected = format!("mailtrace-{port}={token}; Path=/; HttpOnly; SameSite=Strict");
    for (target, location) in [
        (format!("/?token={token}"), "./"),
        (format!("/messages?token={token}&outcome=lost&q=a%20b"), "./messages?outcome=lost&q=a+b"),
        (format!("/messages?outcome=lost&tok%65n={token}"), "./messages?outcome=lost"),
        (format!("/api/v1/status?token={token}"), "./status"),
        // Not a place elsewhere, whatever is asked for.
        (format!("//evil.example/?token={token}"), "./"),
        (format!("/http://evil.example?token={token}"), "./evil.example"),
        (format!("/a%0d%0aX:y?token={token}"), "./a%0d%0aX:y"),
        (format!("/\u{e4}?token={token}"), "./\u{e4}"),
    ] {
        let reply = served.ask(&target, &[]).expect(303);
        assert_eq!(reply.header("location"), Some(location), "{target}");
        assert_eq!(reply.header("set-cookie"), Some(expected.as_str()), "{target}");
        assert!(reply.body.is_empty());
        assert_headers(&reply, &target);
    }
    for wrong in ["", "x", &token[..63]] {
        let reply = served.ask(&format!("/?token={wrong}"), &[]).expect(401);
        assert_eq!(reply.header("set-cookie"), None);
    }
    // Nobody is signed in by a page of another site.
    let cross = ["Sec-Fetch-Site: cross-site"];
    let reply = served.ask(&format!("/?token={token}"), &cross).expect(403);
    assert_eq!(reply.header("set-cookie"), None);
    // What a proxy says is not believed unless there is one.
    let reply = served.ask(&format!("/?token={token}"), &["X-Forwarded-Proto: https"]);
    assert!(!reply.header("set-cookie").unwrap().contains("Secure"));
}

#[test]
fn two_servers_keep_their_cookies() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let (one, other) = (Served::start(&store, &[]), Served::start(&store, &[]));
    assert_ne!(one.token, other.token);
    // A browser sends the cookies of both to both.
    let cookie_of = |served: &Served| {
        let reply = served.ask(&format!("/?token={}", served.token), &[]).expect(303);
        reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    };
    let jar = format!("Cookie: {}; {}", cookie_of(&one), cookie_of(&other));
    one.ask("/api/v1/status", &[&jar]).expect(200);
    other.ask("/api/v1/status", &[&jar]).expect(200);
    one.ask("/api/v1/status", &[&format!("Cookie: {}", cookie_of(&other))]).expect(401);
}

#[test]
fn a_token_from_a_file_outlives_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let file = dir.path().join("token");
    let token = "0123456789abcdef0123456789abcdef";
    fs::write(&file, format!("{token}\n")).unwrap();
    let with_file = ["--token-file", file.to_str().unwrap()];
    for _ in 0..2 {
        let served = Served::start(&store, &with_file);
        assert_eq!(served.token, token);
        served.get("/api/v1/status").expect(200);
        assert_eq!(served.stop("TERM"), Some(0));
    }
    fs::write(&file, "short").unwrap();
    let mut command = mailtrace();
    command.arg("--store").arg(&store).args(["serve", "--listen", "127.0.0.1:0"]).args(with_file);
    run(&mut command).expect_error(&["token", "at least 32"]);
}

#[test]
fn a_store_without_a_message_table_is_served_from_a_temporary_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let listed = |served: &Served| served.get("/api/v1/messages").body;
    let expect = listed(&Served::start(&store, &[]));
    fs::remove_dir_all(store.join("messages")).unwrap();
    let said = dir.path().join("said");
    let mut command = mailtrace();
    command.arg("--store").arg(&store).args(["serve", "--listen", "127.0.0.1:0"]);
    let served = Served::spawn(command.stderr(fs::File::create(&said).unwrap()));
    // It stood before anybody could ask.
    let note = "the last commit has no message table, so a temporary one is built";
    assert!(fs::read_to_string(&said).unwrap().contains(note));
    assert_eq!(String::from_utf8(listed(&served)), String::from_utf8(expect));
    assert!(!store.join("messages").exists());
}

#[test]
fn everything_is_below_a_base_path() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &["--base-path", "/mail/", "--behind-proxy"]);
    assert!(served.url.contains("/mail/?token="), "{}", served.url);
    served.get("/mail/api/v1/status").expect(200);
    served.get("/mail/").expect(200);
    for target in ["/", "/api/v1/status", "/mailx/", "/mail2/api/v1/status"] {
        served.get(target).expect(404);
    }
    let reply = served.ask("/mail?q=x", &[]).expect(303);
    assert_eq!(reply.header("location"), Some("./mail/?q=x"));
    let signed_in = |headers: &[&str]| {
        let target = format!("/mail/messages?token={}&q=x", served.token);
        let reply = served.ask(&target, headers).expect(303);
        assert_eq!(reply.header("location"), Some("./messages?q=x"));
        reply.header("set-cookie").unwrap().to_owned()
    };
    let cookie = signed_in(&["X-Forwarded-Proto: https"]);
    assert!(cookie.contains("; Path=/mail;") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(!signed_in(&["X-Forwarded-Proto: http"]).contains("Secure"));
    assert!(!signed_in(&[]).contains("Secure"));
}

#[test]
fn others_can_connect_only_when_it_is_safe() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        on(&store, &["serve", "--listen", address]).expect_error(&["--tls-cert", "--behind-proxy"]);
    }
    let mut command = mailtrace();
    command.arg("--store").arg(&store).args(["serve", "--listen", "0.0.0.0:0", "--behind-proxy"]);
    let served = Served::spawn(&mut command);
    // By an address that is nobody's name it is not served all the same.
    let bearer = format!("Authorization: Bearer {}", served.token);
    let from_here = format!("localhost:{}", served.address.port());
    served.send(request("GET", "/api/v1/status", &from_here, &[&bearer])).expect(200);
    served.ask("/api/v1/status", &[&bearer]).expect(403);
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    on(&missing, &["serve", "--listen", "127.0.0.1:0"]).expect_error(&["there is no store at"]);
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    on(&store, &["serve", "--listen", &served.host()]).expect_error(&["cannot listen on"]);
    for (arguments, word) in [
        (["--host", "a b"], "--host"),
        (["--base-path", "/a b"], "--base-path"),
        (["--timeout", "0s"], "--timeout"),
        (["--listen", "nowhere"], "--listen"),
        (["--tls-cert", "x"], "--tls-key"),
    ] {
        let ran = on(&store, &[&["serve"][..], &arguments].concat()).expect(2);
        assert!(ran.stderr.contains(word), "{ran:#?}");
    }
}

#[test]
fn it_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    for signal in ["INT", "TERM"] {
        let served = Served::start(&store, &[]);
        // Neither one that says nothing nor one that has been answered holds it up.
        let _silent = served.connect();
        served.get("/api/v1/status").expect(200);
        assert_eq!(served.stop(signal), Some(0), "{signal}");
    }
}
