//! Pages and API over a cluster: the same as over the store that publishes there.

use serde_json::Value;

use super::fake::Fake;
use super::people::with_people;
use super::publishing::{Organization, publish};
use crate::served::Served;
use crate::support::{mailtrace, run};

/// Pages that are the same but for the command lines under them.
const PAGES: [&str; 14] = [
    "/",
    "/?since=2026-11-01&until=2026-11-05",
    "/messages",
    "/messages?since=2026-11-02&until=2026-11-06&outcome=bounced",
    "/messages?q=from:nobody@nowhere.example",
    "/search?since=2026-11-02&until=2026-11-03",
    "/statistics?until=2026-11-05",
    "/access",
    "/access?failed-then-ok=yes",
    "/access?user=ana@acme.example&since=2026-11-19",
    "/timeline?who=ana@acme.example",
    "/directory",
    "/message?id=nobody-knows-this-1",
    "/message?id=m1@far",
];

/// Questions whose answers are the same, byte for byte.
const QUESTIONS: [&str; 8] = [
    "messages?since=2026-11-02&limit=5&facets&histogram",
    "groups?group-by=outcome",
    "search?q=event:bounced&limit=3",
    "stats?by=recipient-domain",
    "access?new-ip=yes&since=2026-11-19&until=2026-11-20",
    "timeline?who=a.ruiz@acme.example&limit=9",
    "directory?at=2026-11-18",
    "trace?id=%3Cm1@far.example%3E",
];

fn serve(url: &str) -> Served {
    let mut command = mailtrace();
    command.args(["serve", "--listen", "127.0.0.1:0", "--cluster", url]);
    Served::spawn(command.args(["--organization", "acme"]))
}

/// Compares what is served of an organization from here and there.
#[track_caller]
pub(crate) fn assert_served_alike(organization: &Organization, url: &str) {
    let store = organization.store.to_str().unwrap();
    let (here, there) = (Served::start(&organization.store, &[]), serve(url));
    for question in QUESTIONS {
        let target = format!("/api/v1/{question}");
        let (expected, found) = (here.get(&target), there.get(&target));
        assert_eq!((expected.status, found.status), (200, 200), "{question}: {}", found.text());
        assert_eq!(expected.text(), found.text(), "{question}");
    }
    for page in PAGES {
        let (expected, found) = (here.get(page), there.get(page));
        assert_eq!((expected.status, found.status), (200, 200), "{page}: {}", found.text());
        let expected = expected.text().replace(&format!(" --store {store}"), "");
        let of_cluster = format!(" --cluster {url} --organization acme");
        let found = found.text().replace(&of_cluster, "");
        // Where records came from is not known there.
        let expected = expected.replace(" --provenance", "").replace("&amp;provenance=", "");
        let known = |line: &str| {
            let places = ["<div><dt>File</dt>", "<div><dt>Source</dt>"].map(|it| line.find(it));
            let place = places.into_iter().flatten().min().unwrap_or(line.len());
            line[..place].to_owned()
        };
        for (expected, found) in expected.lines().zip(found.lines()) {
            assert_eq!(known(expected), known(found), "{page}");
        }
    }
    let message = there.get("/message?id=%3Cm1@far.example%3E").text();
    assert!(message.contains("203.0.113.9"), "candidates: {message}");
    for name in ["messages.zip?since=2026-11-02&until=2026-11-04", "trace.zip?id=t1"] {
        let taken = there.get(&format!("/export/{name}"));
        assert!(taken.status == 200 && taken.body.starts_with(b"PK"), "{name}: {}", taken.text());
    }
    let status = there.get("/status").text();
    assert!(status.contains(url) && status.contains("Published"), "{status}");
    assert!(!status.contains("Archive"), "{status}");
    let metrics = there.get("/metrics").text();
    let events = format!("mailtrace_events {}\n", events_of(&here));
    assert!(metrics.contains(&events) && !metrics.contains("store_bytes"), "{metrics}");
    assert!(metrics.contains("mailtrace_published_timestamp_seconds"), "{metrics}");
    for (target, says) in [
        ("/api/v1/status", "only a store"),
        ("/api/v1/sources", "only a store"),
        ("/api/v1/trace?id=x&provenance", "provenance"),
    ] {
        let refused = there.get(target);
        assert!(refused.status == 400 && refused.text().contains(says), "{}", refused.text());
    }
    assert_eq!(there.ask("/healthz", &[]).status, 200);
}

fn events_of(served: &Served) -> u64 {
    let pulse: Value = serde_json::from_str(&served.get("/pulse").text()).unwrap();
    pulse["records"].as_u64().unwrap()
}

#[test]
fn pages_over_a_cluster_are_those_over_the_store() {
    let (organization, fake) = (with_people(150, 200, 91), Fake::start());
    organization.take(&organization.lines);
    publish(&organization.store, &fake.url, &[]).expect(0);
    assert_served_alike(&organization, &fake.url);
    // Who is not there, and both at once.
    let refused = |options: &[&str], says: &[&str]| {
        let mut command = mailtrace();
        command.args(["serve", "--listen", "127.0.0.1:0", "--cluster", &fake.url]).args(options);
        run(&mut command).expect_error(says);
    };
    refused(&["--organization", "zenith"], &["nothing of the organization zenith"]);
    refused(&[], &["--organization"]);
    refused(&["--organization", "acme", "--store", "x"], &["--store", "leave one"]);
}

#[test]
fn what_is_new_is_seen_and_a_cluster_that_is_gone_is_said_so() {
    let (organization, fake) = (Organization::new(120, 92), Fake::start());
    let (first, rest) = organization.lines.split_at(60);
    organization.take(first);
    publish(&organization.store, &fake.url, &[]).expect(0);
    let served = serve(&fake.url);
    assert_eq!(events_of(&served), 60);
    // A store that is held answers again, and a wider one for a narrower question.
    served.get("/api/v1/messages");
    let asked = fake.lock().view_count;
    for question in ["messages?limit=3", "messages?since=2026-11-03", "search?limit=2"] {
        assert_eq!(served.get(&format!("/api/v1/{question}")).status, 200);
    }
    assert_eq!(fake.lock().view_count, asked);
    organization.take(rest);
    publish(&organization.store, &fake.url, &[]).expect(0);
    let begun = std::time::Instant::now();
    while events_of(&served) != 120 {
        assert!(begun.elapsed().as_secs() < 30, "what is new is not seen");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(fake.lock().views.is_empty());
    // More than is got from a cluster for a question.
    let many = (200, r#"{"hits":{"hits":[],"total":{"value":3000000}},"_shards":{"failed":0}}"#);
    fake.lock().search_faults = [many; 3].into();
    let refused = served.get("/messages");
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("3000000 events, and at most 2000000"), "{}", refused.text());
    assert_eq!(served.get("/messages").status, 200);
    // Somebody deletes the indices.
    fake.forget();
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let gone = served.get("/messages?since=2026-11-04");
    assert_eq!(gone.status, 502, "{}", gone.text());
    assert!(gone.text().contains("nothing of the organization acme"), "{}", gone.text());
    assert_eq!(served.ask("/healthz", &[]).status, 502);
    assert_eq!(served.stop("TERM"), Some(0));
}
