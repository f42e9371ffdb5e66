//! Subjects, addresses, IDs and all the rest are written by strangers: they are shown, and never
//! act on a terminal, a spreadsheet, a browser, a file system or whoever reads the JSON.

mod answers;
mod bundles;
mod configuration;
mod inputs;
mod page;
mod refusals;
mod served;

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::program::{Ended, mailtrace, record};
use crate::support::files_below;

/// What a line would begin with that a stranger put among ours.
const FORGED: &str = "2099-01-01T00:00:00.000Z  delivered";

/// One of each kind of harm.
const HARMS: [&str; 50] = [
    // Terminals.
    "\u{1b}[35mred\u{1b}[0m",
    "\u{1b}]8;;http://evil.example\u{7}link\u{1b}]8;;\u{7}",
    "\u{1b}]52;c;Y2FsYw==\u{7}",
    "\u{1b}]0;title\u{1b}\\\u{1b}[2J\u{1b}[1;1H\u{1b}[8m",
    "bell\u{7}\u{8}\u{8}",
    "over\rwritten",
    "\u{9b}31mC1\u{9d}0;title\u{9c}\u{90}q\u{9c}",
    "nul\0del\u{7f}",
    // Readers.
    "\u{202e}fdp.exe",
    "\u{2066}isolate\u{2069}\u{200f}",
    "zero\u{200b}width\u{feff}\u{ad}",
    "tag\u{e0041}\u{e0042}",
    "ana@аcme.example",
    "аna@acme.example",
    "ana@ac\u{200b}me.example",
    // Lines.
    "new\nline\u{2028}and\u{85}more",
    "x\n2099-01-01T00:00:00.000Z  delivered → boss@acme.example",
    "x\r2099-01-01T00:00:00.000Z  delivered → boss@acme.example",
    // Spreadsheets.
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t-2",
    "  =1+1",
    "\u{a0}\u{3000}=1+1",
    "\u{ff1d}1+1",
    "\u{ff0b}1+1",
    "\u{ff0d}1+1",
    "\u{ff20}SUM(A1)",
    "\"\r\n=1+1\"",
    "x\",=1+1,\"",
    "x; =1+1",
    // Browsers.
    "<script>alert(1)</script>\"',;",
    "</script></style></title></textarea><img src=x onerror=alert(1)>",
    "--><script>alert(1)</script><!--",
    "\" onmouseover=\"alert(1)\" x=\"",
    "' autofocus onfocus='alert(1)",
    "` onload=`alert(1)",
    "javascript:alert(1)",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "]]><svg/onload=alert(1)><base href=//evil.example>",
    "&lt;script&gt; &#60;b&#62; &amp",
    "<meta http-equiv=refresh content=0;url=//evil.example><link rel=stylesheet href=//e.example>",
    // File systems.
    "../../../../escaped",
    "/tmp/mailtrace-escaped",
    "..\\..\\escaped",
    "CON",
    ".",
    "C:\\escaped:stream",
];

/// What can stand on a command line.
fn typable() -> impl Iterator<Item = &'static str> {
    HARMS.into_iter().filter(|it| !it.contains('\0'))
}

/// Sequences that are ours: the colours of `src/render/style.rs` and of the messages on stderr.
const OURS: [&str; 7] =
    ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[36m"];

/// How many kinds of harm there are.
pub(crate) fn harm_count() -> usize {
    HARMS.len()
}

/// A log in which every text is hostile.
pub(crate) fn log() -> String {
    let mut lines = Vec::new();
    for (index, harm) in HARMS.iter().enumerate() {
        for name in [
            "ORGANIZATION_EMAIL_RECEIVED",
            "MAILBOX_EMAIL_DELIVERED",
            "RULE_APPLIED",
            "JOURNALING_INITIATED",
            "INCOMING_EMAIL_BOUNCED",
            "DMARC_POLICY_APPLIED",
            "OUTGOING_EMAIL_SUBMITTED",
            "OUTGOING_EMAIL_SENT",
            "OUTGOING_EMAIL_BOUNCED",
            harm,
        ] {
            let other = HARMS[(index + 1) % HARMS.len()];
            let event = json!({
                "eventName": name, "from": harm, "sender": other, "recipients": [harm, other], "recipient": harm,
                "subject": harm, "messageId": format!("<{harm}>"), "folder": harm, "ruleName": harm, "ruleType": other,
                "ruleActions": [{"action": harm, "recipients": [other]}], "targetFolder": harm, "targetRecipient": other,
                "journalingAddress": harm, "policy": harm, "spamVerdict": harm, "dkimVerdict": other, "dmarcVerdict": "FAIL",
                "dmarcPolicy": harm, "spfVerdict": harm, "messageTimestamp": harm, (*harm): {(*other): harm},
                "bouncedRecipient": {"emailAddress": harm, "status": other, "reason": harm},
            });
            let ms = i64::try_from(lines.len()).unwrap();
            lines.push(record(ms, harm, other, &json!({"traceId": harm, "event": event})));
        }
    }
    lines.extend(mails());
    lines.extend(odd_lines());
    lines.join("\n")
}

/// Messages as WorkMail logs them, with harm only where strangers write.
fn mails() -> Vec<String> {
    let mut lines = Vec::new();
    for (index, harm) in HARMS.iter().enumerate() {
        let from = format!("{harm}@{harm}");
        let rule = json!([{"action": "FORWARD", "recipients": [&from]}]);
        for (name, fields) in [
            (
                "ORGANIZATION_EMAIL_RECEIVED",
                json!({"from": from, "recipients": ["bob@acme.example", from], "subject": harm,
                    "messageId": format!("<m{index}@{harm}>"), "spamVerdict": "FAIL", "dmarcVerdict": "FAIL"}),
            ),
            (
                "RULE_APPLIED",
                json!({"ruleName": harm, "ruleType": "INBOUND_RULE", "ruleActions": rule, "targetRecipient": from}),
            ),
            ("MAILBOX_EMAIL_DELIVERED", json!({"recipient": "bob@acme.example", "folder": harm})),
            (
                "INCOMING_EMAIL_BOUNCED",
                json!({"bouncedRecipient": {"emailAddress": from, "status": "5.1.1", "reason": harm}}),
            ),
        ] {
            let mut event = json!({"eventName": name});
            event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let ms = 50_000 + i64::try_from(lines.len()).unwrap();
            let message = json!({"traceId": format!("mail-{index}"), "event": event});
            lines.push(record(ms, "/aws/workmail/emailevents/acme", "s", &message));
        }
    }
    // Each is longer than a term of the index may be; more than that takes time alone.
    let huge = json!({"traceId": "huge", "event": {"eventName": "ORGANIZATION_EMAIL_RECEIVED",
        "from": format!("{}@аcme.example", "y".repeat(70_000)), "recipients": ["a@x", "ü.".repeat(30_000)],
        "subject": "</script><script>alert(1)</script>\u{1b}[35m".repeat(2_500)}});
    lines.push(record(60_000, &"g/../".repeat(5_000), &"\u{202e}".repeat(5_000), &huge));
    lines
}

/// Lines that are no log, and messages that are hardly JSON.
fn odd_lines() -> Vec<String> {
    let mut lines = vec![
        "\u{1b}[35mnot an event\u{202e}\u{9b}31m".to_owned(),
        format!("{{\"timestamp\":\"{}\",\"message\":\"x\"}}", HARMS[8]),
        format!(
            "{{\"traceId\":\"deep\",\"event\":{}1{}}}",
            "[".repeat(200_000),
            "]".repeat(200_000)
        ),
    ];
    let digits = "9".repeat(400);
    for number in ["1e999", "-1e999", "-0", "9223372036854775808", "1e-999", &digits] {
        lines.push(format!("{{\"timestamp\":{number},\"message\":\"{{}}\"}}"));
    }
    let messages = [
        "{\n\t\"traceId\": \"\u{202e}\",\r\n\"event\":{}}".to_owned(),
        r#"{"traceId":"\ud800lone","event":{"eventName":"\udfff","subject":"\ud800 x","from":"\udc00@x"}}"#.to_owned(),
        r#"{"traceId":"twice","traceId":"again","event":{"eventName":"A","eventName":"RULE_APPLIED","subject":"a","subject":"b"}}"#.to_owned(),
        format!(
            r#"{{"traceId":"numbers","event":{{"eventName":"RULE_APPLIED","a":1e999,"b":{digits},"c":-0,"d":9223372036854775808,"subject":1e999,"ruleName":{digits}}}}}"#
        ),
        format!(r#"{{"traceId":"nested","event":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000)),
    ];
    for message in messages {
        lines.push(format!("{{\"timestamp\":1795428090000,\"message\":{}}}", json!(message)));
    }
    lines
}

/// A place deep enough that no traversal of [`HARMS`] leaves it, with a store of the hostile log.
struct Lab {
    root: tempfile::TempDir,
    log: PathBuf,
    store: PathBuf,
}

impl Lab {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("1/2/3/4/5");
        fs::create_dir_all(&dir).unwrap();
        // The names of files are part of what is shown.
        let log_path = dir.join("log\u{1b}[35m\u{202e}\u{9b}\n.ndjson");
        fs::write(&log_path, log()).unwrap();
        let it = Self { log: log_path, store: dir.join("st\u{202e}ore\u{9b}"), root };
        let log = it.log.to_str().unwrap();
        check_ended("import", &it.run(&["import", log]).with(3));
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.store.parent().unwrap().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        in_store(&self.store, arguments)
    }

    /// Everything that is there outside of the store.
    fn tree(&self) -> Vec<PathBuf> {
        let mut files = files_below(self.root.path());
        files.retain(|it| !it.starts_with(&self.store));
        files
    }
}

fn in_store(store: &Path, arguments: &[&str]) -> Ended {
    let mut command = mailtrace(arguments);
    command.arg("--store").arg(store).current_dir(store.parent().unwrap());
    command.output().unwrap().into()
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Checks that nothing of an output acts.
#[track_caller]
fn check(what: &str, text: &str) {
    let bare = OURS.iter().fold(text.to_owned(), |text, it| text.replace(it, ""));
    let hidden = bare.find(|it| it != '\n' && is_hidden(it));
    let around = hidden.map(|at| {
        let start = bare[..at].char_indices().rev().nth(60).map_or(0, |(index, _)| index);
        bare[start..].chars().take(120).collect::<String>()
    });
    assert_eq!(around, None, "{what}");
    assert!(!bare.lines().any(|it| it.trim_start().starts_with(FORGED)), "{what}: {bare}");
}

#[track_caller]
fn check_ended(what: &str, ended: &Ended) {
    check(what, &ended.stdout);
    check(&format!("stderr of {what}"), &ended.stderr);
    assert!(!ended.stderr.contains("internal fault"), "{what}: {ended:#?}");
}

/// No cell is taken for a formula, and each row is a line.
#[track_caller]
fn check_cells(what: &str, text: &str) {
    let starts = ['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let mut count = 0;
    for row in rows.records() {
        let row = row.unwrap();
        // Where spreadsheets take a semicolon for the end of a cell, there are more of them.
        let mut cells = row.iter().flat_map(|it| it.split(';'));
        // What calls nothing, as an address of a fax gateway does not, may begin so.
        let is_call = |it: &str| it.contains(['(', '|', '!', '"', '\'']) || !it.contains('@');
        let formula = cells.find(|it| it.trim_start().starts_with(starts) && is_call(it));
        assert_eq!(formula, None, "{what}: {row:?}");
        count += 1;
    }
    assert_eq!(text.lines().count(), count + 1, "{what}");
}

/// Each value is JSON; numbers are as the originals have them, however large.
#[track_caller]
fn check_json(what: &str, text: &str) {
    for value in serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>() {
        value.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}
