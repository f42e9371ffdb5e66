//! Whose ID it is: one answer for every command, and the pages that show people.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::pulling::NOW_MS;
use crate::served::{Reply, Served};
use crate::support::{import, on};
use crate::timeline::{ANA, BOB, Case};

/// An account that is called otherwise from the night on, and whoever reads in another's mailbox.
pub(crate) fn renamed() -> Case {
    let mut case = Case::new();
    let user = |id: &str, address: &str, name: &str| {
        json!({ "says": "entity", "kind": "user", "id": id, "state": "ENABLED", "address": address,
            "displayName": name })
    };
    case.look(-20_000, &[user(ANA, "ana@acme.example", "Ana <b>Ruiz</b>\u{1b}[31m\u{202e}\n")]);
    let group = json!({ "says": "entity", "kind": "group", "id": "g1", "state": "ENABLED",
        "address": "board@acme.example", "members": [{ "id": ANA }, { "id": "<script>" }] });
    let domains = json!({ "says": "domains", "domains": [{ "name": "acme.example" }] });
    case.look(0, &[user(ANA, "a.ruiz@acme.example", "Ana Ruiz"), group, domains]);
    let login = |name: &str| json!({ "user_id": BOB, "user": name, "auth_successful": true });
    case.audit(-200, "198.51.100.7", login("Bob@old.example"));
    case.audit(200, "198.51.100.7", login("bob@new.example"));
    let read = |by: &str, of: &str| {
        json!({ "user_id": by, "owner_id": of, "action": "read", "object_type": "Message",
            "item_id": "i", "action_allowed": true })
    };
    for seconds in [-150, -100, -50, 50, 250] {
        case.audit(seconds, "198.51.100.7", read(BOB, ANA));
    }
    case.audit(-140, "203.0.113.9", read(ANA, BOB));
    case.audit(140, "203.0.113.9", read(&ANA.to_uppercase(), BOB));
    case.audit(150, "203.0.113.9", json!({ "user": "<img src=x>", "auth_successful": false }));
    case.mail(
        10,
        "t1",
        &json!({ "eventName": "ORGANIZATION_EMAIL_RECEIVED", "from": "zoe@far.example",
            "subject": "Plan", "messageId": "<m1@far.example>", "recipients": ["board@acme.example"] }),
    );
    let delivered = json!({ "eventName": "MAILBOX_EMAIL_DELIVERED", "folder": "INBOX",
        "recipient": "a.ruiz@acme.example" });
    case.mail(11, "t1", &delivered);
    case
}

#[test]
fn lists_groups_and_timelines_call_an_id_what_it_was_called_then() {
    let case = renamed();
    let store = case.store();
    let json = |arguments: &[&str]| {
        on(&store, &[arguments, &["--format", "json"]].concat()).expect(0).json()
    };
    for key in ["user", "owner"] {
        let list = json(&["access"]);
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        for event in list["access"].as_array().unwrap() {
            let names = [key.to_owned(), format!("{key}Id"), format!("{key}Name")];
            let name = names.iter().map(|it| &event[it]).find(|it| it.is_string());
            *counts.entry(name.unwrap_or(&Value::Null).to_string()).or_default() += 1;
        }
        let groups = json(&["access", "--group-by", key]);
        let groups = groups["groups"].as_array().unwrap();
        let counted = groups.iter().map(|it| (it[key].to_string(), it["count"].as_u64().unwrap()));
        assert_eq!(
            counted.collect::<std::collections::BTreeMap<_, _>>(),
            counts,
            "{key}: {groups:#?}"
        );
    }
    let steps = json(&["timeline", ANA]);
    let steps = steps["timeline"].as_array().unwrap();
    // A run of like events ends where its actor is called otherwise.
    let by_bob: Vec<&Value> = steps
        .iter()
        .filter(|it| it["actor"]["id"] == BOB)
        .map(|it| &it["actor"]["address"])
        .collect();
    assert_eq!(by_bob, ["bob@old.example", "bob@new.example"], "{steps:#?}");
}

#[test]
fn candidates_stand_apart_in_every_format_that_has_room_for_them() {
    let mut case = renamed();
    let item = json!({ "user_id": ANA, "owner_id": ANA, "action": "create", "item_id": "i9",
        "object_type": "Message", "action_allowed": true });
    case.audit(11, "198.51.100.7", item);
    let store = case.store();
    let trace =
        |more: &[&str]| on(&store, &[&["trace", "<m1@far.example>"], more].concat()).expect(0);
    let json = trace(&["--format", "json"]).json();
    let line = trace(&["--format", "ndjson"]).stdout;
    assert_eq!(line.lines().count(), 1);
    let message: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(message["access"], json["access"]);
    assert_eq!(message["access"][0]["itemId"], "i9");
    assert_eq!(message["events"], json["messages"][0]["events"], "nothing of it is an event");
    assert!(line.trim_end().ends_with("]}"), "it stands behind all that is known: {line}");
    let sourced = trace(&["--format", "ndjson", "--provenance"]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&sourced).unwrap()["access"], json["access"]);
    let csv = trace(&["--format", "csv"]);
    assert!(csv.stderr.contains("no place for them") && !csv.stdout.contains("i9"), "{csv:#?}");
    let served = Served::start(&store, &[]);
    let shown = page(&served, "message?id=t1");
    assert!(shown.contains("Candidates from the audit logs") && shown.contains("item created"));
    assert!(!page(&served, "message?id=t1&no-access=yes").contains("Candidates"));
    let off = trace(&["--format", "csv", "--no-access"]);
    assert_eq!((off.stdout, off.stderr.as_str()), (csv.stdout, ""));
    let off = trace(&["--format", "ndjson", "--no-access"]).stdout;
    assert!(!off.contains("\"access\""), "{off}");
}

fn links(page: &str, start: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).filter_map(|it| it.split('"').next());
    let links = links.map(|it| it.replace("&amp;", "&").replace("&#38;", "&"));
    links.filter(|it| it.starts_with(start)).collect()
}

/// Asks for a page on which nothing of a log may act.
#[track_caller]
fn page(served: &Served, target: &str) -> String {
    let page = served.get(&format!("/{}", target.trim_start_matches("./"))).expect(200).text();
    for harm in ["<script>", "<img", "<b>Ruiz", "\u{1b}", "\u{202e}"] {
        assert!(!page.contains(harm), "{target}: {harm:?}: {page}");
    }
    page
}

#[test]
fn people_have_pages_that_lead_to_each_other() {
    let case = renamed();
    let store = case.store();
    let served = Served::start(&store, &[]);
    // From a message to the group that it was for, and on to who is in it and what they did.
    let message = page(&served, "message?id=t1");
    let group = links(&message, "directory?who=board%40acme.example&at=");
    assert_eq!(group.len(), 1, "{message}");
    let group = page(&served, &group[0]);
    assert!(
        group.contains("&lt;script&gt;")
            && group.contains("mailtrace directory board@acme.example --at")
    );
    let ana = page(&served, &links(&group, &format!("directory?who={ANA}"))[0]);
    let timeline = page(&served, &links(&ana, "timeline?who=")[0]);
    assert!(timeline.contains(&format!("mailtrace timeline {ANA} --store")), "{timeline}");
    for words in ["by bob@old.example", "by bob@new.example"] {
        assert!(timeline.contains(words), "{words}: {timeline}");
    }
    for start in ["access?user=", "access?ip=", "message?id=t1", &format!("timeline?who={BOB}")] {
        let all = links(&timeline, start);
        assert!(!all.is_empty(), "{start}: {timeline}");
        let there = page(&served, &all[0]);
        assert!(!there.contains("found</h2>"), "{start}: {there}");
    }
    let mail = links(&timeline, "messages?q=address%3A");
    assert!(page(&served, &mail[0]).contains("1 message"), "{timeline}");
    let delivered = links(&message, "timeline?who=a.ruiz%40acme.example&since=");
    assert!(page(&served, &delivered[0]).contains("mail received"), "{message}");
    // From an audit event to all that its user did about then.
    let access = page(&served, "access");
    let there = page(&served, &links(&access, &format!("timeline?who={BOB}"))[0]);
    assert!(there.contains("2 logins"), "{there}");
    assert!(access.contains("href=\"directory\""), "{access}");
    // Half of them, and what came before.
    let part = page(&served, &format!("timeline?who={ANA}&limit=2"));
    let earlier = links(&part, &format!("timeline?who={ANA}&limit=2&until="));
    assert!(page(&served, &earlier[0]).contains("read"), "{part}");
    let list = page(&served, "directory?kind=user&at=2026-11-19T02:00:00Z");
    assert!(list.contains("ana<wbr>@acme.example") && list.contains("1 entry"), "{list}");
    let everybody = page(&served, "directory");
    assert!(everybody.contains("2 entries") && everybody.contains("a.ruiz<wbr>@"), "{everybody}");
    let found = served.get(&format!("/find?q={ANA}")).expect(303);
    assert_eq!(found.header("location"), Some(&*format!("directory?who={ANA}")));
    // Programs are answered as on the command line.
    for (target, command) in [
        (format!("timeline?who={ANA}&limit=3"), vec!["timeline", ANA, "--limit", "3"]),
        (
            "timeline?who=a.ruiz@acme.example&since=2026-11-19".to_owned(),
            vec!["timeline", "a.ruiz@acme.example", "--since", "2026-11-19"],
        ),
        ("timeline?who=nobody".to_owned(), vec!["timeline", "nobody"]),
        ("directory".to_owned(), vec!["directory"]),
        ("directory?kind=group".to_owned(), vec!["directory", "--kind", "group"]),
        (
            format!("directory?who={ANA}&at=2026-11-18"),
            vec!["directory", ANA, "--at", "2026-11-18"],
        ),
        ("directory?who=nobody".to_owned(), vec!["directory", "nobody"]),
    ] {
        let printed = on(&store, &[&command[..], &["--format", "json"]].concat());
        assert!(matches!(printed.status, Some(0 | 1)), "{printed:#?}");
        let reply: Reply = served.get(&format!("/api/v1/{target}")).expect(200);
        assert_eq!(reply.text(), printed.stdout, "{target}");
    }
    let document = served.get("/api/v1/openapi.json").expect(200).json();
    let parameters = &document["paths"]["/api/v1/timeline"]["get"]["parameters"];
    let who = parameters.as_array().unwrap().iter().find(|it| it["name"] == "who").unwrap();
    assert_eq!(who["required"], true);
    assert!(document["paths"]["/api/v1/directory"].is_object());
}

#[test]
fn what_is_asked_wrongly_of_people_is_told() {
    let case = renamed();
    let store = case.store();
    let served = Served::start(&store, &[]);
    for (target, status) in [
        ("api/v1/timeline", 400),
        ("api/v1/timeline?who=%20", 400),
        ("api/v1/timeline?who=a&who=b", 400),
        ("api/v1/timeline?who=a&since=nonsense", 400),
        ("api/v1/timeline?who=a&limit=-1", 400),
        ("api/v1/timeline?who=a&input=x", 400),
        ("api/v1/directory?at=nonsense", 400),
        ("api/v1/directory?kind=robot", 400),
        ("timeline?who=a&since=nonsense", 400),
        ("directory?at=%00", 400),
        ("timeline", 200),
        ("timeline?who=", 200),
        ("timeline?who=%3Cscript%3E%0A%1B%5B31m%E2%80%AE", 200),
        ("directory?who=%3Cscript%3E%0A%1B%5B31m%E2%80%AE", 200),
        ("directory?who=&at=&kind=", 200),
        ("directory?page=999", 200),
        ("directory?page=x", 200),
        ("timeline?who=a&since=2026-11-20&until=2026-11-19", 400),
    ] {
        let text = served.get(&format!("/{target}")).expect(status).text();
        for harm in ["<script>", "\u{1b}", "\u{202e}"] {
            assert!(!text.contains(harm), "{target}: {text}");
        }
    }
    let long = "x".repeat(6_000);
    for path in ["timeline", "directory", "api/v1/timeline", "api/v1/directory"] {
        let text = served.get(&format!("/{path}?who={long}")).expect(200).text();
        assert!(text.len() < 100_000, "{path}: {}", text.len());
    }
}

#[test]
fn a_store_without_them_has_no_link_to_people() {
    let dir = tempfile::tempdir().unwrap();
    let store: PathBuf = dir.path().join("store");
    import(&store, Path::new("samples/filter-log-events.ndjson")).expect(0);
    let served = Served::start(&store, &[]);
    let message = page(&served, "message?id=20261123.1001@acme.example");
    for start in ["timeline", "directory"] {
        assert_eq!(links(&message, start), Vec::<String>::new());
    }
    // Whoever asks all the same is told what is missing.
    let directory = page(&served, "directory?who=ana@acme.example");
    assert!(directory.contains("The store has no directory"), "{directory}");
    assert!(page(&served, "timeline?who=ana@acme.example").contains("mail sent"));
    // A directory that has nobody.
    let empty = Case::new();
    let file = empty.dir.path().join("log.ndjson");
    let mut empty = empty;
    empty.look(0, &[]);
    fs::write(&file, empty.lines.join("\n")).unwrap();
    import(&store, &file).expect(0);
    assert!(page(&served, "directory").contains("No such entry"));
    assert_eq!(links(&page(&served, "./"), "directory").len(), 1);
}

#[test]
fn mail_within_the_organization_is_told_by_its_domains() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut log = |message: Value| {
        let ms = NOW_MS - 86_400_000 + i64::try_from(lines.len()).unwrap();
        lines.push(json!({ "timestamp": ms, "message": message.to_string() }).to_string());
    };
    let mail = |log: &mut dyn FnMut(Value), ways: &str, id: &str, from: &str, to: &str| {
        for way in ways.chars() {
            let trace = format!("{way}{id}");
            let mut event = |name: &str, fields: Value| {
                let mut event = json!({ "eventName": name, "from": from });
                event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
                log(json!({ "traceId": trace, "event": event }));
            };
            let message_id = format!("<{id}@x.example>");
            if way == 'o' {
                event("OUTGOING_EMAIL_SUBMITTED", json!({ "recipients": [to], "subject": id }));
                event("OUTGOING_EMAIL_SENT", json!({ "recipient": to, "messageId": message_id }));
            } else {
                event(
                    "ORGANIZATION_EMAIL_RECEIVED",
                    json!({ "recipients": [to], "subject": id, "messageId": message_id }),
                );
                event("MAILBOX_EMAIL_DELIVERED", json!({ "recipient": to, "folder": "INBOX" }));
            }
        }
    };
    let (ana, bob) = ("ana@acme.example", "Bob@b\u{fc}ro.example");
    mail(&mut log, "oi", "both", ana, bob);
    mail(&mut log, "o", "vanished", ana, bob);
    mail(&mut log, "i", "spoofed", "boss@acme.example", bob);
    mail(&mut log, "o", "leaving", ana, "v@far.example");
    mail(&mut log, "io", "passed-on", "zoe@far.example", "v@other.example");
    let store = dir.path().join("store");
    let file = dir.path().join("mail.ndjson");
    fs::write(&file, lines.join("\n")).unwrap();
    import(&store, &file).expect(0);
    let subjects = |arguments: &[&str]| {
        let list = ["messages", "--internal", "--format", "json", "--sort", "oldest"];
        let answer = on(&store, &[&list[..], arguments].concat()).json();
        let messages = answer["messages"].as_array().unwrap().clone();
        messages.iter().map(|it| it["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(subjects(&[]), ["both", "passed-on"], "by the ways alone");
    let total = |arguments: &[&str]| {
        on(&store, &[arguments, &["--internal", "--format", "json"]].concat()).json()
    };
    assert_eq!(total(&["stats", "--by", "outcome"])["total"], 2);
    let file = dir.path().join("directory.ndjson");
    let domains = json!([{ "name": "ACME.example" }, { "name": "b\u{fc}ro.example" }]);
    let said = [
        json!({ "says": "begin", "alias": "acme" }),
        json!({ "says": "domains", "domains": domains }),
        json!({ "says": "end", "count": 0 }),
    ];
    let lines = said.into_iter().map(|mut said| {
        said["mailtraceDirectory"] = json!(1);
        said["organization"] = json!("m-1");
        said["snapshot"] = json!("2026-11-20T00:00:00.000Z");
        json!({ "timestamp": NOW_MS, "message": said.to_string() }).to_string()
    });
    fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    import(&store, &file).expect(0);
    assert_eq!(subjects(&[]), ["both", "vanished"]);
    assert_eq!(subjects(&["--direction", "incoming"]), ["both"]);
    assert_eq!(total(&["stats", "--by", "outcome"])["total"], 2);
    let day = ["triage", "--since", "2026-11-01", "--until", "2026-12-31"];
    assert_eq!(total(&day)["messages"], 2);
    let csv = ["export", "--internal", "--as", "ecs", "--out", "-"];
    let exported = on(&store, &csv).expect(0).stdout;
    assert!(exported.contains("vanished") && !exported.contains("spoofed"), "{exported}");
    let explained = on(&store, &["messages", "--internal", "--explain"]).expect(0);
    let explained = explained.stdout + explained.stderr.as_str();
    assert!(explained.contains("sender-domain:"), "{explained}");
}
