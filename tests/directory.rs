//! The directory: taken page by page from a WorkMail that throttles and fails, kept, shown as of any
//! time, and used to say what became of mail.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cloudwatch::{Arrival, CloudWatch, Event, Group, World};
use crate::pulling::{DAY_MS, Following, GROUP, NOW_MS, wait_until};
use crate::support::{Ran, import, mailtrace, on, run};
use crate::workmail::{Directory, Operation, Organization, Refusal, WorkMail, entity_id};
use mailtrace::{Store, Timestamp};

/// An organization with a log group, and a store beside it.
struct Office {
    workmail: WorkMail,
    logs: CloudWatch,
    dir: tempfile::TempDir,
    /// Where the program's clock stands.
    now_ms: i64,
}

impl Office {
    fn new(fill: impl FnOnce(&mut Directory)) -> Self {
        let mut acme = Organization::new("acme", 1);
        fill(&mut acme.directory);
        let workmail = WorkMail::start([acme]);
        let event = |ms: i64, trace: &str, event: Value| {
            let message = json!({ "traceId": trace, "event": event }).to_string();
            Event::new(NOW_MS - DAY_MS + ms, "s", message)
        };
        let to = ["staff@acme.example", "robert@acme.example", "cid@acme.example"];
        let received = |trace: &str, to: &[&str]| {
            json!({ "eventName": "ORGANIZATION_EMAIL_RECEIVED", "recipients": to,
                "from": "zoe@far.example", "subject": format!("Plan {trace}"),
                "messageId": format!("<m{trace}@far.example>") })
        };
        let delivered = |to: &str| json!({ "eventName": "MAILBOX_EMAIL_DELIVERED", "folder": "INBOX", "recipient": to });
        let events = [
            event(0, "1", received("1", &to)),
            event(5, "1", delivered("ana@acme.example")),
            event(6, "1", delivered("bob@acme.example")),
            // Late enough for what did not arrive before it to be lost.
            event(DAY_MS / 2, "2", received("2", &["ana@acme.example"])),
            event(DAY_MS / 2, "2", delivered("ana@acme.example")),
            event(DAY_MS - 60_000, "3", received("latecomer", &["ana@acme.example"]))
                .ingested_at(NOW_MS)
                .arriving(Arrival::Wave(1)),
        ];
        let world = World::with([Group::new(GROUP, events)]);
        let logs = CloudWatch::start(world);
        Self { workmail, logs, dir: tempfile::tempdir().unwrap(), now_ms: NOW_MS }
    }

    /// Ana, Bob and Cid, of whom two are staff, and a room.
    fn small() -> Self {
        Self::new(|directory| {
            let ana = directory.user(1, "ana@acme.example", &["a.ruiz@acme.example"]);
            let bob = directory.user(2, "bob@acme.example", &["Robert@acme.example"]);
            directory.user(3, "cid@acme.example", &[]);
            let inner = directory.group(11, "inner@acme.example", &[&bob]);
            let staff = directory.group(10, "team@acme.example", &[&ana, &inner]);
            let aliases = [json!("staff@acme.example")];
            directory.list(Operation::ListAliases, &staff, aliases);
            directory.room(20, "room1@acme.example", &[&ana]);
            let permission = json!({ "GranteeId": bob, "GranteeType": "USER",
                "PermissionValues": ["SEND_AS", "FULL_ACCESS"] });
            directory.list(Operation::ListMailboxPermissions, &ana, [permission]);
            directory.domains =
                vec![json!({ "DomainName": "acme.example", "DefaultDomain": true })];
        })
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mailtrace();
        command
            .env("MAILTRACE_NOW", Timestamp::from_ms(self.now_ms).unwrap().to_string())
            .envs([
                ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "b"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_ENDPOINT_URL", &self.logs.endpoint()),
                ("AWS_ENDPOINT_URL_WORKMAIL", &self.workmail.endpoint()),
            ])
            .env("HOME", self.dir.path())
            .arg("--store")
            .arg(self.store())
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    fn pull(&self, more: &[&str]) -> Ran {
        let pull = ["pull", "--organization", "acme", "--format", "json", "--max-rate", "1000"];
        self.run(&[&pull, more].concat())
    }

    /// Pulls, which must succeed; gives what is said of the directory.
    #[track_caller]
    fn take(&self) -> Value {
        let report = self.pull(&["--directory"]).expect(0).json();
        report["directories"][0].clone()
    }

    /// Who is shown, by address.
    fn shown(&self, arguments: &[&str]) -> Vec<(String, Value)> {
        let ran = self.run(&[&["directory", "--format", "json"], arguments].concat());
        let answer = ran.json();
        let found = answer["directory"].as_array().unwrap().clone();
        assert_eq!(answer["total"], found.len());
        assert_eq!(ran.status, Some(i32::from(found.is_empty())));
        found.into_iter().map(|it| (it["address"].as_str().unwrap().to_owned(), it)).collect()
    }

    fn addresses(&self, arguments: &[&str]) -> Vec<String> {
        self.shown(arguments).into_iter().map(|(address, _)| address).collect()
    }

    fn change(&self, change: impl FnOnce(&mut Directory)) {
        change(&mut self.workmail.lock().organizations[0].directory);
    }
}

#[track_caller]
fn assert_counts(report: &Value, counts: &[(&str, u64)]) {
    for (name, count) in counts {
        assert_eq!(report[name], *count, "{name}: {report:#}");
    }
}

#[test]
fn pages_throttling_and_faults_cost_time_alone() {
    let office = Office::new(|directory| {
        let ids: Vec<String> = (1..=23)
            .map(|it| {
                directory.user(
                    it,
                    &format!("u{it}@acme.example"),
                    &[&format!("a{it}@acme.example")],
                )
            })
            .collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        directory.group(100, "all@acme.example", &ids);
        directory.vanished = vec![entity_id(7)];
        directory.domains = (0..9)
            .map(|it| json!({ "DomainName": format!("d{it}.example"), "DefaultDomain": it == 0 }))
            .collect();
    });
    {
        let mut workmail = office.workmail.lock();
        workmail.page_entities = 5;
        workmail.refuse(Operation::ListUsers, 2, Refusal::Throttling);
        workmail.refuse(Operation::ListUsers, 3, Refusal::Internal);
        workmail.refuse(Operation::ListAliases, 4, Refusal::Throttling);
        workmail.refuse(Operation::ListGroupMembers, 1, Refusal::Internal);
        workmail.refuse(Operation::ListMailDomains, 1, Refusal::Throttling);
    }
    let report = office.take();
    assert_counts(
        &report,
        &[("users", 23), ("groups", 1), ("domains", 9), ("changed", 24), ("throttled", 3)],
    );
    let shown = office.shown(&[]);
    assert_eq!(shown.len(), 24);
    let (_, all) = shown.iter().find(|(address, _)| address == "all@acme.example").unwrap();
    assert_eq!(all["members"].as_array().unwrap().len(), 23, "{all:#}");
    // One who was listed, and was gone when asked for.
    let (_, gone) = shown.iter().find(|(address, _)| address == "u7@acme.example").unwrap();
    assert_eq!(gone["aliases"], json!([]));
    let (_, other) = &office.shown(&["A9@acme.example"])[0];
    assert_eq!(other["id"], entity_id(9).as_str());
    // What is as it was adds nothing but that somebody looked.
    let before = archived_count(&office);
    let report = office.take();
    assert_counts(&report, &[("changed", 0), ("unchanged", 24), ("gone", 0)]);
    assert_eq!(archived_count(&office) - before, 2, "a beginning and an end");
}

fn archived_count(office: &Office) -> u64 {
    office.run(&["status", "--format", "json"]).expect(0).json()["records"].as_u64().unwrap()
}

#[test]
fn everything_that_is_known_of_somebody_is_shown() {
    let office = Office::small();
    let report = office.take();
    assert_counts(&report, &[("users", 3), ("groups", 2), ("resources", 1), ("domains", 1)]);
    let (_, ana) = &office.shown(&["a.ruiz@acme.example"])[0];
    assert_eq!(ana["permissions"][0]["address"], "bob@acme.example", "{ana:#}");
    assert_eq!(ana["permissions"][0]["values"], json!(["FULL_ACCESS", "SEND_AS"]));
    assert_eq!(ana["enabledAt"], "2026-09-21T14:13:20.500Z");
    let (_, staff) = &office.shown(&[&entity_id(10)])[0];
    let members = staff["members"].as_array().unwrap();
    let members: Vec<&Value> = members.iter().map(|it| &it["address"]).collect();
    assert_eq!(members, ["ana@acme.example", "inner@acme.example"], "{staff:#}");
    let (_, room) = &office.shown(&["--kind", "resource"])[0];
    assert_eq!(
        (&room["role"], &room["delegates"][0]["address"]),
        (&json!("ROOM"), &json!("ana@acme.example"))
    );
    let table = office.run(&["directory", "staff@acme.example"]).expect(0).stdout;
    assert!(
        table.contains("ana@acme.example (00000001-") && table.contains("team@acme.example"),
        "{table}"
    );
    let table = office.run(&["directory"]).expect(0).stdout;
    assert_eq!(table.lines().count(), 7, "{table}");
    let csv = office.run(&["directory", "--format", "csv"]).expect(0).stdout;
    assert!(csv.starts_with("kind,id,address,") && csv.lines().count() == 7, "{csv}");
    let status = office.run(&["status", "--format", "json"]).expect(0).json();
    assert_eq!(
        status["directories"][0]["takenAt"].as_str().map(|it| &it[..19]),
        Some("2026-11-20T12:00:00")
    );
    assert_eq!(status["directories"][0]["domains"], json!(["acme.example"]));
    let status = office.run(&["status"]).expect(0).stdout;
    assert!(
        status.contains("acme: 3 users, 2 groups, 1 resource, taken 2026-11-20T12:00:00"),
        "{status}"
    );
    assert!(office.shown(&["nobody@acme.example"]).is_empty());
    office.run(&["verify", "--deep"]).expect(0);
    office.run(&["reindex"]).expect(0);
    assert_eq!(office.addresses(&[]).len(), 6);
}

#[test]
fn names_and_ids_change_hands_and_the_past_is_still_told() {
    let mut office = Office::small();
    office.take();
    office.now_ms += DAY_MS;
    office.change(|it| {
        it.user(1, "ana.maria@acme.example", &["ana@acme.example"]);
        it.remove(&entity_id(3));
    });
    assert_counts(&office.take(), &[("changed", 1), ("unchanged", 4), ("gone", 1)]);
    office.now_ms += DAY_MS;
    office.change(|it| {
        it.user(3, "dora@acme.example", &[]);
    });
    office.take();
    let before = Timestamp::from_ms(NOW_MS + 60_000).unwrap().to_string();
    let between = Timestamp::from_ms(NOW_MS + DAY_MS + 60_000).unwrap().to_string();
    let label = |who: &str, at: &str| office.addresses(&[who, "--at", at]);
    assert_eq!(label("ana@acme.example", &before), ["ana@acme.example"]);
    assert_eq!(label("ana@acme.example", &between), ["ana.maria@acme.example"]);
    // Before the first look it is told as that found it.
    assert_eq!(label("ana@acme.example", "2026-01-01"), ["ana@acme.example"]);
    let (_, cid) = &office.shown(&[&entity_id(3), "--at", &between])[0];
    assert_eq!((&cid["address"], &cid["isGone"]), (&json!("cid@acme.example"), &json!(true)));
    assert_eq!(office.addresses(&[&entity_id(3)]), ["dora@acme.example"]);
    assert_eq!(office.addresses(&["--kind", "user", "--at", &between]).len(), 2);
}

#[test]
fn what_was_broken_off_makes_nobody_vanish_and_is_gone_on_with() {
    let mut office = Office::small();
    office.take();
    office.now_ms += DAY_MS;
    office.change(|it| it.remove(&entity_id(3)));
    office.workmail.lock().refuse(Operation::ListMailboxPermissions, 1, Refusal::AccessDenied);
    let ran = office.pull(&["--directory"]).expect(2);
    assert!(ran.stderr.contains("workmail:ListMailboxPermissions"), "{ran:#?}");
    assert_eq!(office.addresses(&["--kind", "user"]).len(), 3);
    let calls = office.workmail.lock().count(Operation::ListAliases);
    assert_counts(&office.take(), &[("resumed", 1), ("gone", 1)]);
    assert_eq!(office.workmail.lock().count(Operation::ListAliases), calls + 4);
    assert_eq!(office.addresses(&["--kind", "user"]).len(), 2);
}

/// A program that is ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_look_that_is_killed_is_gone_on_with() {
    let office = Office::new(|directory| {
        for number in 0..390 {
            directory.user(number, &format!("u{number}@acme.example"), &[]);
        }
    });
    let pull = ["pull", "--organization", "acme", "--max-rate", "500", "--quiet"];
    let mut command = office.command(&pull);
    let running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let begun = Instant::now();
    // What is looked at is kept by whoever pulls meanwhile: it has 130 entities' time for that.
    while office.workmail.lock().count(Operation::ListAliases) < 330 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(running);
    let report = office.take();
    assert_counts(&report, &[("users", 390), ("resumed", 200), ("changed", 190)]);
    assert_eq!(office.addresses(&[]).len(), 390);
    // Nobody is kept twice.
    let directory = Store::open(&office.store()).unwrap().directory().unwrap();
    let (_, acme) = directory.organizations().next().unwrap();
    assert!((0..390).all(|it| acme.versions(&entity_id(it)).len() == 1));
    assert!(acme.open_snapshot().is_none());
}

#[test]
fn events_do_not_wait_for_a_slow_directory() {
    let office = Office::small();
    office.workmail.lock().latency = Duration::from_secs(1);
    let follow = ["pull", "--organization", "acme", "--follow", "--interval", "1s", "--print"];
    let mut following =
        Following::start(office.command(&[&follow[..], &["--max-rate", "1000"]].concat()));
    wait_until("the look to begin", || office.workmail.lock().count(Operation::ListUsers) > 0);
    office.logs.lock().world.wave = 1;
    following.wait_for("latecomer");
    // Each of six is asked for twice, a second each time.
    assert!(office.workmail.lock().count(Operation::ListAliases) < 6, "the directory came first");
    office.workmail.lock().latency = Duration::ZERO;
    wait_until("the directory", || office.addresses(&[]).len() == 6);
    following.end(Signal::TERM).expect(0);
}

#[test]
fn a_page_that_is_refused_makes_nobody_vanish() {
    let mut office = Office::new(|directory| {
        let ids: Vec<String> = (1..=5)
            .map(|it| directory.user(it, &format!("u{it}@acme.example"), &["x@acme.example"]))
            .collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        directory.group(100, "all@acme.example", &ids);
    });
    office.workmail.lock().page_entities = 2;
    office.take();
    for operation in [Operation::ListUsers, Operation::ListGroupMembers] {
        office.now_ms += DAY_MS;
        // The first page comes, and the second does not.
        office.workmail.lock().refuse(operation, 1, Refusal::AccessDenied);
        let ran = office.pull(&["--directory"]).expect(2);
        assert!(ran.stderr.contains(operation.name()), "{ran:#?}");
        assert_eq!(office.addresses(&["--kind", "user"]).len(), 5);
        let (_, all) = &office.shown(&["all@acme.example"])[0];
        assert_eq!(all["members"].as_array().unwrap().len(), 5, "{all:#}");
    }
    assert_counts(&office.take(), &[("changed", 0), ("gone", 0)]);
}

/// Statements that a file brings may say anything.
#[test]
fn circles_crowds_and_hostile_names_are_borne() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut record = |message: Value| {
        let (number, message) = (lines.len(), message.to_string());
        let record = json!({ "timestamp": NOW_MS - DAY_MS, "eventId": format!("e{number}"),
            "message": message });
        lines.push(record.to_string());
    };
    let mut say = |said: Value| {
        let mut statement = json!({ "mailtraceDirectory": 1, "organization": "m-1",
            "snapshot": "2026-11-19T00:00:00.000Z" });
        statement.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        record(statement);
    };
    let group = |id: &str, members: Vec<String>| {
        let members: Vec<Value> = members.iter().map(|it| json!({ "id": it })).collect();
        json!({ "says": "entity", "kind": "group", "id": id, "state": "ENABLED",
            "address": format!("{id}@acme.example"), "members": members })
    };
    say(json!({ "says": "begin", "alias": "\u{1b}[31macme" }));
    say(json!({ "says": "entity", "kind": "user", "id": "u1", "state": "ENABLED",
        "address": "ana@acme.example", "displayName": "\u{202e}evil\u{1b}]0;x\u{7}" }));
    say(json!({ "says": "entity", "kind": "user", "id": "", "address": "" }));
    say(group("one", vec!["two".to_owned(), "one".to_owned()]));
    say(group("two", vec!["one".to_owned(), "u1".to_owned(), "stranger".to_owned()]));
    say(group("crowd", (0..20_000).map(|it| format!("u{it}")).collect()));
    for link in 0..300 {
        say(group(&format!("link{link}"), vec![format!("link{}", link + 1)]));
    }
    say(json!({ "says": "gone", "ids": ["nobody"] }));
    say(json!({ "says": "sings" }));
    say(json!({ "says": "end", "count": 7 }));
    let to = ["one", "crowd", "link0"].map(|it| format!("{it}@acme.example"));
    record(json!({ "traceId": "t", "event": { "eventName": "ORGANIZATION_EMAIL_RECEIVED",
        "recipients": to, "from": "z@far.example", "messageId": "<m@far.example>" } }));
    record(json!({ "traceId": "t", "event": { "eventName": "MAILBOX_EMAIL_DELIVERED",
        "recipient": "ana@acme.example", "folder": "INBOX" } }));
    let (log, store) = (dir.path().join("log.ndjson"), dir.path().join("store"));
    std::fs::write(&log, lines.join("\n")).unwrap();
    import(&store, &log).expect(0);
    let trace = on(&store, &["trace", "<m@far.example>", "--format", "json"]).expect(0).json();
    let outcome = |place: usize| trace["messages"][0]["recipients"][place]["outcome"].clone();
    let outcomes: Vec<Value> = (0..4).map(outcome).collect();
    assert_eq!(outcomes, ["expanded", "expanded", "pending", "delivered"], "{trace:#}");
    for arguments in
        [&["directory"][..], &["directory", "u1"], &["directory", "crowd"], &["status"]]
    {
        let shown = on(&store, arguments).expect(0).stdout;
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown}");
    }
    let crowd = on(&store, &["directory", "CROWD"]).expect(0).stdout;
    assert!(crowd.contains("and 19950 more") && crowd.lines().count() < 20, "{crowd}");
    on(&store, &["directory", "stranger"]).expect(1);
    on(&store, &["directory", ""]).expect_error(&["give an address or an ID"]);
    let none = on(&store, &["directory", "nobody@acme.example", "--format", "json"]).expect(1);
    assert_eq!((&none.json()["directory"], &none.json()["total"]), (&json!([]), &json!(0)));
}

#[test]
fn a_directory_that_is_not_given_costs_no_event() {
    let office = Office::small();
    office.workmail.lock().always_refuse(Operation::ListUsers, Some(Refusal::AccessDenied));
    let ran = office.pull(&[]).expect(3);
    assert_eq!(ran.json()["added"], 5);
    assert!(
        ran.stderr.contains("workmail:ListUsers") && ran.stderr.contains("--no-directory"),
        "{ran:#?}"
    );
    office.pull(&["--no-directory"]).expect(0);
    office.pull(&["--directory"]).expect_error(&["workmail:ListUsers"]);
    let ran = office.run(&["directory"]).expect(1);
    assert!(ran.stderr.contains("--directory"), "{ran:#?}");
    office.workmail.lock().always_refuse(Operation::ListUsers, None);
    // With every pull, but not again within the hour.
    assert_counts(&office.pull(&[]).expect(0).json()["directories"][0], &[("users", 3)]);
    assert_eq!(office.pull(&[]).expect(0).json()["directories"], Value::Null);
}

#[test]
fn after_the_end_one_line_says_so() {
    let mut office = Office::small();
    office.take();
    office.now_ms = Timestamp::parse_log_form("2027-04-02T12:00:00Z").unwrap().as_ms();
    office.workmail.lock().always_refuse(Operation::ListOrganizations, Some(Refusal::Gone));
    office
        .pull(&["--directory"])
        .expect_error(&["WorkMail shut down on 2027-03-31", "mailtrace directory"]);
    assert_eq!(office.addresses(&[]).len(), 6);
}

#[test]
fn it_decides_who_is_a_group_and_who_is_lost() {
    let office = Office::small();
    office.pull(&["--no-directory"]).expect(0);
    let outcomes = |arguments: &[&str]| {
        let answer = office.run(&[arguments, &["--format", "json"]].concat()).json();
        let rows = answer["messages"][0]["recipients"].as_array().unwrap().clone();
        let text = |it: &Value| {
            format!(
                "{} {} {}",
                it["address"].as_str().unwrap(),
                it["outcome"].as_str().unwrap(),
                it["mailboxes"]
            )
        };
        rows.iter().take(3).map(text).collect::<Vec<_>>()
    };
    let trace = ["trace", "<m1@far.example>"];
    assert!(outcomes(&trace).iter().all(|it| it.ends_with("unclear []")), "{:?}", outcomes(&trace));
    office.take();
    let expected = [
        "staff@acme.example expanded [\"ana@acme.example\",\"bob@acme.example\"]",
        "robert@acme.example expanded [\"bob@acme.example\"]",
        "cid@acme.example lost []",
    ];
    assert_eq!(outcomes(&trace), expected);
    // The message table holds it undecided, and answers the same.
    assert_eq!(outcomes(&["messages", "--outcome", "lost"]), expected);
    office.run(&["messages", "--outcome", "unclear", "--format", "json"]).expect(1);
    let counts = office.run(&["stats", "--by", "outcome", "--format", "csv"]).expect(0).stdout;
    assert!(counts.contains("expanded,2") && counts.contains("lost,1"), "{counts}");
}
