//! What `mailtrace serve` answers: what the commands do, and nothing to hostile questions.

use std::fs;
use std::thread;

use serde_json::Value;

use crate::serve::sample_store;
use crate::served::{Served, request};
use crate::support::{file_states, import, on, synth};

/// Text as it stands in a URL.
fn encoded(text: &str) -> String {
    let byte = |it: u8| match it {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(it).to_string(),
        _ => format!("%{it:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[test]
fn the_api_gives_what_the_commands_print() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let log = synth(dir.path(), 4_000, 23, "ndjson");
    import(&store, &log.path).expect(0);
    let served = Served::start(&store, &[]);
    let (id, trace_id) = (encoded(&log.ids[0]), encoded(&log.ids[1]));
    let questions: Vec<(String, Vec<&str>)> = [
        ("status", "status"),
        ("sources", "sources"),
        ("messages", "messages"),
        ("messages?outcome=lost", "messages --outcome lost"),
        (
            "messages?outcome=lost&outcome=bounced&limit=3",
            "messages --outcome lost --outcome bounced --limit 3",
        ),
        (
            "messages?outcome=lost%2Cbounced&limit=3&sort=slowest",
            "messages --outcome lost,bounced --limit 3 --sort slowest",
        ),
        ("messages?events=true&limit=5&junk=no", "messages --events --limit 5 --junk no"),
        ("messages?events=false&limit=5&since=&until=&q=", "messages --limit 5"),
        (
            "messages?q=outcome:bounced+-status:4.*&facets=&histogram",
            "messages --facets= --histogram -- outcome:bounced -status:4.*",
        ),
        (
            "messages?facets=outcome,sender-domain&since=2026-11-01",
            "messages --facets outcome,sender-domain --since 2026-11-01",
        ),
        ("messages?from=*@nowhere.example", "messages --from *@nowhere.example"),
        ("messages?tz=Europe/Berlin&limit=2", "messages --tz Europe/Berlin --limit 2"),
        (
            "messages?internal&recipients-min=2&limit=2",
            "messages --internal --recipients-min 2 --limit 2",
        ),
        ("groups?group-by=outcome", "messages --group-by outcome"),
        (
            "groups?group-by=sender-domain,outcome&limit=4",
            "messages --group-by sender-domain,outcome --limit 4",
        ),
        ("groups?group-by=cause&outcome=bounced", "messages --group-by cause --outcome bounced"),
        ("search", "search"),
        ("search?q=event:*bounced*&limit=4", "search --limit 4 event:*bounced*"),
        (
            "search?q=from:*&facets=event,from&histogram=1&limit=0",
            "search from:* --facets event,from --histogram --limit 0",
        ),
        ("search?on=2026-11-19", "search --on 2026-11-19"),
        ("stats", "stats"),
        ("stats?by=sender&limit=3", "stats --by sender --limit 3"),
        ("stats?by=outcome&interval=day", "stats --by outcome --interval day"),
        ("stats?latency&interval=week", "stats --latency --interval week"),
        ("stats?metrics=yes", "stats --metrics"),
        ("stats?compare=true&by=outcome&since=7d", "stats --compare --by outcome --since 7d"),
        ("triage", "triage"),
        ("triage?since=7d&items=2&slow=1m", "triage --since 7d --items 2 --slow 1m"),
        ("triage?q=outcome:bounced&grace=1h", "triage outcome:bounced --grace 1h"),
        ("trace?id=nothing@nowhere.example", "trace nothing@nowhere.example"),
    ]
    .into_iter()
    .map(|(target, command)| (target.to_owned(), command.split(' ').collect()))
    .chain([
        (format!("trace?id={id}"), vec!["trace", &log.ids[0]]),
        (format!("trace?id={id}&id={trace_id}"), vec!["trace", &log.ids[0], &log.ids[1]]),
        (format!("trace?id={id}&provenance"), vec!["trace", &log.ids[0], "--provenance"]),
    ])
    .collect();
    for (target, command) in questions {
        let printed = on(&store, &[&["--format", "json"][..], &command].concat());
        assert!(matches!(printed.status, Some(0 | 1)), "{printed:#?}");
        // Once made, and once kept.
        for _ in 0..2 {
            let reply = served.get(&format!("/api/v1/{target}")).expect(200);
            assert_eq!(reply.text(), printed.stdout, "{target}");
            assert_eq!(reply.header("content-type"), Some("application/json"));
        }
    }
    let first = served.get("/api/v1/messages?limit=2").expect(200).json();
    let next = first["next"].as_str().unwrap();
    let reply = served.get(&format!("/api/v1/messages?limit=2&cursor={next}")).expect(200);
    let printed = on(&store, &["messages", "--limit", "2", "--cursor", next, "--format", "json"]);
    assert_eq!(reply.text(), printed.stdout);
}

#[test]
fn nothing_of_this_machine_can_be_named_from_afar() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let secret = dir.path().join("secret.txt");
    fs::write(&secret, "ana@acme.example\n").unwrap();
    let path = secret.to_str().unwrap();
    let named = encoded(path);
    let served = Served::start(&store, &[]);
    for option in [
        "input",
        "store",
        "config",
        "format",
        "color",
        "ids-from",
        "addresses-from",
        "batch",
        "column",
        "watch",
        "fail-if",
        "explain",
        "out",
        "verbose",
        "quiet",
        "read-only",
        "help",
        "version",
        "all",
        "text",
        "ids",
        "Q",
        "",
    ] {
        for command in ["trace", "messages", "groups", "search", "stats", "triage", "status"] {
            for value in ["", "1", &named] {
                let needed = match command {
                    "trace" => "id=x%40y&",
                    "groups" => "group-by=outcome&",
                    _ => "",
                };
                let target = format!("/api/v1/{command}?{needed}{option}={value}");
                let reply = served.get(&target);
                assert_eq!(reply.status, 400, "{target}: {}", reply.text());
                let error = reply.json()["error"].as_str().unwrap().to_owned();
                assert!(error.contains("unknown parameter"), "{error}");
                assert!(!reply.text().contains("ana@acme"), "{target}");
            }
        }
    }
    for query in [format!("from:@{path}"), format!("to:(a OR @{path})"), "from:@./x".to_owned()] {
        for command in ["messages", "search", "stats", "triage"] {
            let target = format!("/api/v1/{command}?q={}", encoded(&query));
            let reply = served.get(&target).expect(400);
            assert!(reply.text().contains("only the command line reads lists"), "{}", reply.text());
        }
    }
    // A saved query is one of whoever serves.
    let reply = served.get("/api/v1/messages?q=@stuck");
    assert!(matches!(reply.status, 200 | 400), "{}", reply.text());
}

#[test]
fn what_is_wrong_with_a_question_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    for (target, words) in [
        ("messages?outcom=lost", "unknown parameter \"outcom\": messages takes q,"),
        ("messages?outcome=lots", "lost"),
        ("messages?limit=x", "limit"),
        ("messages?limit=99999999", "--limit: at most"),
        ("messages?sort=newest&sort=oldest", "sort"),
        ("messages?since=yesteryear", "yesteryear"),
        ("messages?since=2026-11-02&until=2026-11-01", "must be before --until"),
        ("messages?events=perhaps", "true or false"),
        ("messages?cursor=nonsense", "--cursor"),
        ("messages?tz=Mars/Olympus", "Mars/Olympus"),
        ("messages?q=foo:bar", "unknown field"),
        ("messages?q=%28%28", "query"),
        ("groups", "group-by"),
        ("trace", "id="),
        ("trace?id=", "id="),
        ("stats?interval=fortnight", "interval"),
        ("status?q=x", "unknown parameter"),
    ] {
        let reply = served.get(&format!("/api/v1/{target}")).expect(400);
        let json = reply.json();
        let error = json["error"].as_str().unwrap();
        assert!(error.contains(words), "{target}: {error}");
        assert!(!error.contains('\n') && !error.contains("Usage"), "{target}: {error}");
    }
    let reply = served.get("/api/v1/messages?q=foo:bar").expect(400).json();
    assert!(reply["report"].as_str().unwrap().contains("^~~"), "{reply}");
    for target in ["/api/v1/", "/api/v1/nothing", "/api/v2/status", "/api/v1/status/"] {
        let reply = served.get(target).expect(404);
        assert!(reply.json()["error"].is_string());
    }
    for target in
        ["/nothing", "/assets/../Cargo.toml", "/assets/..%2f..%2fCargo.toml", "/export/status.zip"]
    {
        let reply = served.get(target).expect(404);
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{target}");
    }
}

#[test]
fn hostile_questions_are_refused_and_harm_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let bearer = format!("Authorization: Bearer {}", served.token);
    let ask = |target: &str| served.get(target).status;
    let long = "a".repeat(60 << 10);
    assert_eq!(ask(&format!("/api/v1/messages?q={long}")), 414);
    assert_eq!(ask(&format!("/{long}")), 414);
    let too_long_a_query = "a+".repeat(5_000);
    assert_eq!(ask(&format!("/api/v1/messages?q={too_long_a_query}")), 400);
    assert_eq!(ask(&format!("/api/v1/messages?q={}", "%28".repeat(2_000))), 400);
    for bad in ["%ff", "%c3%28", "%ed%a0%80", "%f8%a1%a1%a1%a1"] {
        assert_eq!(ask(&format!("/api/v1/messages?q={bad}")), 400, "{bad}");
        assert_eq!(ask(&format!("/api/v1/messages?{bad}=x")), 400, "{bad}");
    }
    // What is strange but readable is a question like any other.
    for odd in ["%00", "a%00b", "%1b%5b2J", "%e2%80%ae", "%", "%zz", "%0d%0aX:%20y", "%3Cscript%3E"]
    {
        for command in ["messages", "search", "triage"] {
            let reply = served.get(&format!("/api/v1/{command}?q={odd}"));
            assert!(matches!(reply.status, 200 | 400), "{odd}: {}", reply.text());
            assert_eq!(reply.header("x"), None);
            let is_raw = |it: &u8| (*it < 0x20 && *it != b'\n') || *it == 0x7f;
            assert!(!reply.body.iter().any(is_raw), "{odd}: {}", reply.text());
        }
        let reply = served.get(&format!("/api/v1/trace?id={odd}")).status;
        assert!(matches!(reply, 200 | 400), "{odd}: {reply}");
    }
    let repeated =
        |count: usize| format!("/api/v1/messages?{}", "from=a%40b.example&".repeat(count));
    assert_eq!(ask(&repeated(100)), 200);
    assert_eq!(ask(&repeated(257)), 400);
    assert_eq!(ask(&format!("/api/v1/messages?{}", "limit=1&".repeat(100))), 400);
    // Heads that are too long, too many, or none.
    let line = format!("X-Long: {}", "x".repeat(1 << 20));
    let many: Vec<String> = (0..500).map(|it| format!("X-{it}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for headers in [vec![line.as_str(), bearer.as_str()], many] {
        let reply = served.send(request("GET", "/", &served.host(), &headers));
        assert!(matches!(reply.status, 0 | 400 | 431), "{}", reply.status);
    }
    let nul = request("GET", "/", &served.host(), &["X: a\0b", &bearer]);
    for bytes in [
        nul.into_bytes(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        vec![0; 100_000],
        vec![b'\n'; 100_000],
    ] {
        let reply = served.send(&bytes);
        assert!(reply.status == 0 || reply.status >= 400, "{bytes:?}: {}", reply.status);
    }
    served.get("/api/v1/status").expect(200);
}

#[test]
fn a_store_that_grows_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let records = || served.get("/api/v1/status").expect(200).json()["records"].as_u64();
    assert_eq!(records(), Some(16));
    let total = || served.get("/api/v1/messages").expect(200).json()["total"].as_u64().unwrap();
    let before = total();
    let log = synth(dir.path(), 500, 5, "ndjson");
    import(&store, &log.path).expect(0);
    assert!(records() > Some(400));
    assert!(total() > before);
    // An older store loses what is removed on purpose.
    let prune = ["prune", "--before", "2026-11-21", "--reason", "old", "--yes"];
    on(&store, &prune).expect(0);
    let printed = on(&store, &["messages", "--format", "json"]);
    assert_eq!(served.get("/api/v1/messages").expect(200).text(), printed.stdout);
    on(&store, &["reindex"]).expect(0);
    let printed = on(&store, &["messages", "--format", "json"]);
    assert_eq!(served.get("/api/v1/messages").expect(200).text(), printed.stdout);
    fs::rename(&store, dir.path().join("moved")).unwrap();
    let reply = served.get("/api/v1/status").expect(500);
    assert!(reply.json()["error"].as_str().unwrap().contains("no store"), "{}", reply.text());
    fs::rename(dir.path().join("moved"), &store).unwrap();
    served.get("/api/v1/status").expect(200);
}

#[test]
fn serving_writes_nothing_to_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let before = file_states(&store);
    let served = Served::start(&store, &["--read-only"]);
    for target in [
        "/",
        "/api/v1/status",
        "/api/v1/messages?facets=",
        "/api/v1/triage",
        "/metrics",
        "/export/messages.zip",
    ] {
        served.get(target).expect(200);
    }
    assert_eq!(served.stop("TERM"), Some(0));
    assert_eq!(file_states(&store), before);
}

#[test]
fn what_takes_too_long_is_given_up_and_there_the_next_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, &synth(dir.path(), 20_000, 9, "ndjson").path).expect(0);
    let served = Served::start(&store, &["--timeout", "1ms"]);
    let target = "/api/v1/messages?events=true&limit=500";
    let reply = served.get(target).expect(503);
    let error = reply.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("since and until"), "{error}");
    let answered = (0..600).any(|_| {
        thread::sleep(std::time::Duration::from_millis(100));
        served.get(target).status == 200
    });
    assert!(answered);
}

#[test]
fn the_same_question_of_many_is_answered_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, &synth(dir.path(), 5_000, 9, "ndjson").path).expect(0);
    let served = Served::start(&store, &[]);
    let answers = thread::scope(|scope| {
        let ask =
            || scope.spawn(|| served.get("/api/v1/messages?facets=&limit=500").expect(200).text());
        let asked: Vec<_> = (0..20).map(|_| ask()).collect();
        asked.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|it| *it == answers[0]));
    let metrics = served.get("/metrics").expect(200);
    let made = metrics.text();
    // That one, and the store's numbers.
    assert!(made.contains("\nmailtrace_serve_answers_total 2\n"), "{made}");
}

#[test]
fn a_bundle_of_what_is_shown_can_be_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let id = "20261123.1001@acme.example";
    let reply = served.get(&format!("/export/trace.zip?id={}", encoded(id))).expect(200);
    let by_command = dir.path().join("command.zip");
    on(&store, &["export", id, "--out", by_command.to_str().unwrap()]).expect(0);
    assert_eq!(reply.body, fs::read(&by_command).unwrap());
    let status = served.get("/api/v1/status").expect(200).json();
    let head = status["head"].as_str().unwrap();
    assert_eq!(reply.header("mailtrace-head"), Some(head));
    let name = format!("attachment; filename=\"mailtrace-{}.zip\"", &head[..16]);
    assert_eq!(reply.header("content-disposition"), Some(name.as_str()));
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));

    let shown = served.get("/api/v1/messages?outcome=bounced&limit=1").expect(200).json();
    let reply = served.get("/export/messages.zip?outcome=bounced&limit=1&sort=oldest").expect(200);
    let bundle = dir.path().join("messages.zip");
    fs::write(&bundle, &reply.body).unwrap();
    let verified =
        on(&store, &["verify", "--bundle", bundle.to_str().unwrap(), "--format", "json"]);
    assert_eq!(verified.status, Some(0), "{verified:#?}");
    let taken = dir.path().join("taken");
    let ran = import(&taken, &bundle);
    assert!(matches!(ran.status, Some(0 | 3)), "{ran:#?}");
    let taken = on(&taken, &["messages", "--format", "json"]).json();
    assert_eq!(taken["total"], shown["total"]);
    served.get("/export/messages.zip?outcome=lots").expect(400);
    served.get("/export/trace.zip").expect(400);
}

#[test]
fn the_description_has_what_the_api_takes() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    let document = served.get("/api/v1/openapi.json").expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let commands =
        ["trace", "messages", "groups", "search", "stats", "triage", "status", "sources"];
    for command in commands {
        assert!(paths.contains_key(&format!("/api/v1/{command}")), "{command}");
    }
    for (path, item) in paths {
        let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = parameters.iter().map(|it| it["name"].as_str().unwrap()).collect();
        // What is asked with each parameter is understood, or what is wrong is its value.
        for parameter in &parameters {
            let name = parameter["name"].as_str().unwrap();
            assert!(!parameter["description"].as_str().unwrap().is_empty(), "{path}: {name}");
            let schema = &parameter["schema"];
            let schema = if schema["items"].is_object() { &schema["items"] } else { schema };
            let value = match (schema["enum"][0].as_str(), schema["type"].as_str()) {
                (Some(value), _) => value,
                (None, Some("boolean")) => "true",
                _ => "1h",
            };
            let reply = served.get(&format!("{path}?{name}={value}"));
            assert!(!reply.text().contains("unknown parameter"), "{path}: {}", reply.text());
        }
        // And what it takes is in it: a refusal lists it.
        let reply = served.get(&format!("{path}?no-such-parameter=1"));
        if path.starts_with("/api/") {
            let error = reply.expect(400).json()["error"].as_str().unwrap().to_owned();
            let listed = error.split_once(" takes ").unwrap().1.to_owned();
            assert_eq!(listed.split(", ").collect::<Vec<_>>(), names, "{path}");
        }
    }
    let schemas = &document["components"]["schemas"];
    let answer = served.get("/api/v1/trace?id=20261123.1001@acme.example").expect(200).json();
    let message = &answer["messages"][0];
    let keys = |it: &Value| it.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (schema, object) in [
        ("Message", message),
        ("Recipient", &message["recipients"][0]),
        ("Event", &message["events"][0]),
    ] {
        assert_eq!(keys(&schemas[schema]["properties"]), keys(object), "{schema}");
    }
}

#[test]
fn metrics_are_those_of_open_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let store = sample_store(dir.path());
    let served = Served::start(&store, &[]);
    served.get("/nothing").expect(404);
    let reply = served.get("/metrics").expect(200);
    assert!(reply.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = reply.text();
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    assert!(text.contains("\nmailtrace_events 16\n"), "{text}");
    assert!(text.contains("mailtrace_serve_requests_total{status=\"4xx\"} 1\n"), "{text}");
    let mut family = "";
    for line in text.lines().filter(|it| *it != "# EOF") {
        if let Some(begun) = line.strip_prefix("# TYPE ") {
            family = begun.split(' ').next().unwrap();
        } else if line.starts_with('#') {
            assert!(line.contains(family), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(family), "{line}: {family}");
            value.parse::<f64>().unwrap();
        }
    }
}
