//! `mailtrace timeline`: an account that is taken over, told from the first failed login to the last
//! mail sent.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{import, mailtrace, on, run};

/// 2026-11-19T03:00:00Z.
const NIGHT_MS: i64 = 1_795_057_200_000;
pub(crate) const ANA: &str = "0000000a-1234-4123-8123-123456789012";
pub(crate) const BOB: &str = "0000000b-1234-4123-8123-123456789012";

/// A log as it is made up.
pub(crate) struct Case {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) lines: Vec<String>,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), lines: Vec::new() }
    }

    /// A look at the directory that finds something new.
    pub(crate) fn look(&mut self, seconds: i64, found: &[Value]) {
        let at = mailtrace::Timestamp::from_ms(NIGHT_MS + seconds * 1_000).unwrap();
        let begin = json!({ "says": "begin", "alias": "acme" });
        let end = json!({ "says": "end", "count": 1 });
        for said in [begin].iter().chain(found).chain([&end]) {
            let mut statement = json!({ "mailtraceDirectory": 1, "organization": "m-1",
                "snapshot": at.to_string() });
            statement.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
            self.log(seconds, &statement);
        }
    }

    fn log(&mut self, seconds: i64, message: &Value) {
        let ms = NIGHT_MS + seconds * 1_000;
        let number = self.lines.len();
        let record = json!({ "timestamp": ms, "eventId": format!("e{number}"), "message": message.to_string() });
        self.lines.push(record.to_string());
    }

    pub(crate) fn audit(&mut self, seconds: i64, ip: &str, mut fields: Value) {
        let number = self.lines.len();
        let common = json!({
            "event_timestamp": NIGHT_MS + seconds * 1_000,
            "request_id": format!("q{number}"),
            "organization_arn": "arn:aws:workmail:eu-west-1:123456789012:organization/m-1",
            "protocol": "IMAP",
            "source_ip": ip,
            "user_agent": "agent",
        });
        let fields = fields.as_object_mut().unwrap();
        let mut all = common.as_object().unwrap().clone();
        all.append(fields);
        self.log(seconds, &Value::Object(all));
    }

    fn access(&mut self, seconds: i64, ip: &str, action: &str, owner: &str, folder: &str) {
        let fields = json!({ "user_id": ANA, "owner_id": owner, "action": action, "object_type": "Message",
            "item_id": format!("i{seconds}"), "folder_path": folder, "action_allowed": "true" });
        self.audit(seconds, ip, fields);
    }

    pub(crate) fn mail(&mut self, seconds: i64, trace: &str, event: &Value) {
        self.log(seconds, &json!({ "traceId": trace, "event": event }));
    }

    pub(crate) fn store(&self) -> PathBuf {
        let file = self.dir.path().join("log.ndjson");
        fs::write(&file, self.lines.join("\n")).unwrap();
        let store = self.dir.path().join("store");
        import(&store, &file);
        store
    }
}

/// The night in which somebody got into Ana's account.
pub(crate) fn take_over() -> Case {
    let mut case = Case::new();
    let (home, foe) = ("198.51.100.7", "203.0.113.9");
    let login = |ok: bool| match ok {
        true => {
            json!({ "user_id": ANA, "user": "Ana@acme.example", "method": "basic", "auth_successful": true })
        }
        false => json!({ "user": "ana@acme.example", "method": "basic", "auth_successful": "false",
            "auth_failed_reason": "INVALID_PASSWORD" }),
    };
    case.audit(-40_000, home, login(true));
    case.access(-39_990, home, "read", ANA, "/Inbox");
    for attempt in 0..12 {
        case.audit(attempt * 3, foe, login(false));
    }
    case.audit(60, foe, login(true));
    let token = json!({ "user_id": ANA, "user": "ana@acme.example", "action": "create", "name": "backup", "scopes": "all" });
    case.audit(90, foe, token);
    for read in 0..40 {
        case.access(
            120 + read,
            foe,
            if read % 2 == 0 { "read" } else { "read_summary" },
            ANA,
            "/Inbox",
        );
    }
    case.access(170, foe, "read", BOB, "/Inbox");
    for sent in 0..30 {
        let at = 300 + sent;
        let submitted = json!({ "eventName": "OUTGOING_EMAIL_SUBMITTED", "from": "ana@acme.example",
            "subject": format!("Invoice {sent}"), "recipients": [format!("v{sent}@far.example")] });
        case.access(at, foe, "submit_email_for_sending", ANA, "/Outbox");
        case.mail(at, &format!("out{sent}"), &submitted);
    }
    for bounced in 0..3 {
        let bounce = json!({ "eventName": "OUTGOING_EMAIL_BOUNCED", "bouncedRecipient":
            { "emailAddress": format!("v{bounced}@far.example"), "status": "5.1.1", "reason": "unknown" } });
        case.mail(340, &format!("out{bounced}"), &bounce);
    }
    // An answer that a rule hides.
    case.mail(400, "in1", &json!({ "eventName": "ORGANIZATION_EMAIL_RECEIVED", "from": "v1@far.example",
        "subject": "Re: Invoice 1", "messageId": "<a@far.example>", "recipients": ["ana@acme.example"] }));
    case.mail(
        401,
        "in1",
        &json!({ "eventName": "RULE_APPLIED", "ruleName": "x", "ruleType": "MAILBOX_RULE",
        "ruleActions": [{ "action": "Forward", "recipients": ["ana@acme.example"] }],
        "targetRecipient": "drop@foe.example" }),
    );
    case.mail(402, "in1", &json!({ "eventName": "MAILBOX_EMAIL_DELIVERED", "recipient": "ana@acme.example", "folder": "RSS" }));
    for deleted in 0..5 {
        case.access(500 + deleted, foe, "delete", ANA, "/Sent Items");
    }
    let last = json!({ "eventName": "OUTGOING_EMAIL_SUBMITTED", "from": "ana@acme.example",
        "subject": "Urgent", "recipients": ["bob@acme.example"] });
    case.mail(900, "last", &last);
    case
}

#[test]
fn a_take_over_is_told_from_the_first_failed_login_to_the_last_mail() {
    let case = take_over();
    let store = case.store();
    let answer = on(&store, &["timeline", "ana@acme.example", "--format", "json"]).expect(0).json();
    assert_eq!(answer["who"]["ids"], json!([ANA]), "by the logins alone: {answer:#}");
    let steps = answer["timeline"].as_array().unwrap();
    let told: Vec<String> = steps
        .iter()
        .map(|it| format!("{} {}", it["count"], it["kind"].as_str().unwrap()))
        .collect();
    let expected = [
        "1 login",
        "1 read",
        "12 login-failed",
        "1 login",
        "1 token-created",
        "40 read",
        "1 read",
        "30 submitted",
        "30 mail-sent",
        "3 mail-bounced",
        "1 rule",
        "1 mail-received",
        "5 deleted",
        "1 mail-sent",
    ];
    assert_eq!(told, expected);
    let failed = &steps[2];
    assert_eq!((&failed["sourceIp"], &failed["isNewIp"]), (&json!("203.0.113.9"), &json!(true)));
    assert_eq!(failed["text"], "INVALID_PASSWORD");
    assert_eq!(steps[0]["isNewIp"], false, "there is nothing before it to compare with");
    assert_eq!(steps[6]["mailbox"]["id"], BOB, "somebody else's mailbox");
    assert_eq!((&steps[8]["peerCount"], &steps[8]["text"]), (&json!(30), &json!("Invoice 0")));
    assert_eq!(steps[10]["peers"], json!(["drop@foe.example"]));
    assert_eq!(answer["truncated"], false);
    // By the ID it is the same.
    let by_id = on(&store, &["timeline", ANA, "--format", "json"]).expect(0).json();
    assert_eq!(by_id["timeline"], answer["timeline"]);
    let table = on(&store, &["timeline", "ana@acme.example"]).expect(0).stdout;
    for words in [
        "12 logins failed",
        "203.0.113.9 (new) IMAP",
        "INVALID_PASSWORD",
        "to drop@foe.example",
        "5 items deleted",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    assert!(table.lines().count() < 40, "{table}");
    let csv = on(&store, &["timeline", ANA, "--format", "csv"]).expect(0).stdout;
    assert_eq!(csv.lines().count(), expected.len() + 1);
}

#[test]
fn a_synthetic_take_over_is_told_as_its_truth_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let (log, truth) = (dir.path().join("log"), dir.path().join("truth"));
    let mut synth = mailtrace();
    synth.args(["synth", "--events", "300", "--audit", "400", "--seed", "7", "--quiet", "--out"]);
    run(synth.arg(&log).arg("--truth").arg(&truth)).expect(0);
    let truth = fs::read_to_string(truth).unwrap();
    let truth: Value = serde_json::from_str(truth.lines().last().unwrap()).unwrap();
    let truth = &truth["takeOver"];
    let store = dir.path().join("store");
    import(&store, &log).expect(0);
    let user = truth["user"].as_str().unwrap();
    let answer =
        on(&store, &["timeline", user, "--format", "json", "--limit", "10000"]).expect(0).json();
    assert_eq!(answer["who"]["ids"], json!([truth["userId"]]));
    let steps = answer["timeline"].as_array().unwrap();
    let is_theirs =
        |it: &&Value| it["sourceIp"] == truth["ip"] || it["text"] == "Our new bank details";
    let night: Vec<&Value> = steps.iter().filter(is_theirs).collect();
    let count = |kind: &str| {
        let of_kind = night.iter().filter(|it| it["kind"] == kind);
        of_kind.map(|it| it["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(
        (&night[0]["kind"], &night[0]["first"]),
        (&json!("login-failed"), &truth["firstFailed"])
    );
    assert_eq!(night[0]["count"], truth["failed"]);
    assert_eq!((&night[1]["kind"], &night[1]["first"]), (&json!("login"), &truth["signedIn"]));
    assert_eq!(
        night.iter().find(|it| it["kind"] == "token-created").unwrap()["text"],
        truth["token"]
    );
    for (kind, name) in
        [("read", "read"), ("deleted", "deleted"), ("submitted", "sent"), ("mail-sent", "sent")]
    {
        assert_eq!(json!(count(kind)), truth[name], "{kind}: {night:#?}");
    }
    let last = night.iter().rfind(|it| it["kind"] == "mail-sent").unwrap();
    assert!(last["last"].as_str() >= truth["lastSent"].as_str(), "{last:#}");
}

#[test]
fn a_trace_goes_on_with_candidates_under_their_own_heading() {
    let mut case = Case::new();
    let login = json!({ "user_id": ANA, "user": "ana@acme.example", "auth_successful": true });
    case.audit(-100, "198.51.100.7", login);
    let received = json!({ "eventName": "ORGANIZATION_EMAIL_RECEIVED", "from": "zoe@far.example",
        "subject": "Plan", "messageId": "<m1@far.example>", "recipients": ["ana@acme.example"] });
    case.mail(0, "t1", &received);
    case.mail(1, "t1", &json!({ "eventName": "MAILBOX_EMAIL_DELIVERED", "recipient": "ana@acme.example", "folder": "INBOX" }));
    let without = {
        let mail: Vec<String> = case.lines[1..].to_vec();
        let alone = Case { dir: tempfile::tempdir().unwrap(), lines: mail };
        on(&alone.store(), &["trace", "<m1@far.example>", "--format", "json"]).expect(0)
    };
    assert!(!without.stdout.contains("\"access\""), "as before there were audit logs");
    let item = |seconds: i64, action: &str, id: &str| {
        json!({ "user_id": ANA, "owner_id": ANA, "action": action, "object_type": "Message", "item_id": id,
            "folder_path": "/Inbox", "action_allowed": true, "at": seconds })
    };
    case.audit(2, "198.51.100.7", item(2, "create", "i1"));
    case.audit(60, "203.0.113.9", item(60, "read", "i1"));
    case.audit(90, "203.0.113.9", item(90, "delete", "i1"));
    case.audit(95, "203.0.113.9", item(95, "delete", "i2"));
    let store = case.store();
    let trace = ["trace", "<m1@far.example>", "--format", "json"];
    let answer = on(&store, &trace).expect(0).json();
    let candidates = answer["access"].as_array().unwrap();
    assert_eq!(candidates.len(), 1, "{answer:#}");
    let candidate = &candidates[0];
    assert_eq!(candidate["rule"], "candidate: the only item created in this mailbox within 2 s");
    assert_eq!(
        (&candidate["itemId"], &candidate["message"]),
        (&json!("i1"), &json!("<m1@far.example>"))
    );
    let steps = candidate["steps"].as_array().unwrap();
    let kinds: Vec<&Value> = steps.iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, ["created", "read", "deleted"]);
    let table = on(&store, &trace[..2]).expect(0).stdout;
    assert!(
        table.contains("Candidates from the audit logs") && table.contains("203.0.113.9"),
        "{table}"
    );
    let off = on(&store, &[&trace[..], &["--no-access"]].concat()).expect(0);
    assert_eq!(off.stdout, without.stdout);
}

#[test]
fn a_period_and_a_limit_hold_and_new_addresses_are_new_in_it() {
    let case = take_over();
    let store = case.store();
    let night = ["timeline", ANA, "--since", "2026-11-19T02:00:00Z", "--format", "json"];
    let answer = on(&store, &night).expect(0).json();
    assert_eq!(answer["timeline"][0]["kind"], "login-failed");
    assert_eq!(answer["timeline"][0]["isNewIp"], true);
    let last = on(&store, &[&night[..], &["--limit", "2"]].concat()).expect(0);
    let kinds: Vec<Value> =
        last.json()["timeline"].as_array().unwrap().iter().map(|it| it["kind"].clone()).collect();
    assert_eq!(kinds, ["deleted", "mail-sent"]);
    assert!(last.stderr.contains("10 earlier lines left out"), "{last:#?}");
    let until =
        on(&store, &[&night[..], &["--until", "2026-11-19T03:00:30Z"]].concat()).expect(0).json();
    assert_eq!((&until["total"], &until["timeline"][0]["count"]), (&json!(1), &json!(10)));
    on(&store, &["timeline", "nobody@acme.example"]).expect(1);
    on(&store, &["timeline", ANA, "--limit", "0"]).expect(0);
    // What is counted is all of it, however much is shown.
    let counted = |limit: &str| {
        let ran = on(&store, &["timeline", ANA, "--limit", limit]).expect(0);
        let lines: Vec<String> = ran.stdout.lines().map(str::to_owned).collect();
        lines.into_iter().take_while(|it| !it.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(counted("1"), counted("1000"));
    on(&store, &["timeline", " "]).expect_error(&["give an address or an ID"]);
}

/// Nothing is guessed of what a log does not say, and whatever it says is shown without harm.
#[test]
fn what_is_missing_strange_or_hostile_is_shown_as_it_is() {
    let mut case = Case::new();
    let login = |result: Value| json!({ "user_id": ANA, "user": "ana@acme.example", "auth_successful": result });
    case.audit(0, "::1", login(json!("TRUE")));
    case.audit(1, "::1", login(json!("maybe")));
    case.audit(2, "::1", json!({ "user_id": ANA, "user": "ana@acme.example", "method": "basic" }));
    case.audit(
        3,
        "no ip",
        json!({ "user_id": ANA.to_uppercase(), "action": "frobnicate",
        "object_type": "Folder", "action_allowed": true }),
    );
    case.access(4, "::1", "read", "\u{1b}[2J\u{202e}", "/Inbox");
    case.audit(
        5,
        "::1",
        json!({ "user_id": ANA, "scope": "AccessControl", "access_granted": "FALSE" }),
    );
    case.audit(
        6,
        "::1",
        json!({ "user_id": 12, "owner_id": ["x"], "action": {}, "object_type": null }),
    );
    let long = "x".repeat(3_000);
    case.mail(
        9,
        "t",
        &json!({ "eventName": "OUTGOING_EMAIL_SUBMITTED", "from": "ana@acme.example",
        "subject": long, "recipients": ["bob@acme.example"] }),
    );
    // Whom no directory knows is called as he signed in.
    case.audit(
        15,
        "::1",
        json!({ "user_id": BOB, "user": "bob@acme.example", "auth_successful": true }),
    );
    case.audit(
        16,
        "::1",
        json!({ "user_id": BOB, "owner_id": ANA, "action": "read",
        "object_type": "Message", "action_allowed": true }),
    );
    // A name that was typed in vain ties nobody to it.
    case.audit(
        20,
        "203.0.113.9",
        json!({ "user_id": BOB, "user": "ana@acme.example",
        "auth_successful": false }),
    );
    let store = case.store();
    let answer = on(&store, &["timeline", "ana@acme.example", "--format", "json"]).expect(0).json();
    assert_eq!(answer["who"]["ids"], json!([ANA]));
    let told: Vec<String> = answer["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            format!("{} {}", it["kind"].as_str().unwrap(), it["text"].as_str().unwrap_or("-"))
        })
        .map(|it| it.chars().take(30).collect())
        .collect();
    let expected = [
        "login -",
        "other authentication",
        "other frobnicate",
        "read -",
        "denied -",
        "mail-sent xxxxxxxxxxxxxxxxxxxx",
        "read -",
        "login-failed -",
    ];
    assert_eq!(told, expected);
    let table = on(&store, &["timeline", ANA]).expect(0).stdout;
    assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table}");
    assert!(
        table.contains("to bob@acme.example") && table.contains("by bob@acme.example"),
        "{table}"
    );
}

#[test]
fn an_address_that_changes_hands_tells_of_whoever_had_it() {
    let mut case = Case::new();
    let user = |id: &str| {
        json!({ "says": "entity", "kind": "user", "id": id, "state": "ENABLED",
            "address": "info@acme.example", "displayName": format!("Desk {id}") })
    };
    case.look(-20_000, &[user("u2")]);
    case.look(0, &[json!({ "says": "gone", "ids": ["u2"] }), user("u3")]);
    for seconds in [-10_000, 10_000] {
        let sent = json!({ "eventName": "OUTGOING_EMAIL_SUBMITTED", "from": "info@acme.example",
            "subject": seconds.to_string(), "recipients": ["v@far.example"] });
        case.mail(seconds, &format!("t{seconds}"), &sent);
    }
    let store = case.store();
    let subjects = |arguments: &[&str]| {
        let ran = on(&store, &[&["timeline", "--format", "json"], arguments].concat()).expect(0);
        let answer = ran.json();
        let steps = answer["timeline"].as_array().unwrap().clone();
        let texts = steps.iter().map(|it| it["text"].as_str().unwrap().to_owned());
        (answer["who"]["name"].as_str().unwrap().to_owned(), texts.collect::<Vec<_>>())
    };
    let told = |name: &str, subject: &str| (name.to_owned(), vec![subject.to_owned()]);
    assert_eq!(subjects(&["u2"]), told("Desk u2", "-10000"));
    assert_eq!(subjects(&["U3"]), told("Desk u3", "10000"));
    assert_eq!(subjects(&["info@acme.example"]), told("Desk u3", "10000"));
    let until = ["info@acme.example", "--until", "2026-11-19T02:00:00Z"];
    assert_eq!(subjects(&until), told("Desk u2", "-10000"));
}
