//! Subjects, addresses, IDs and all the rest are written by strangers: they are shown, and never
//! act on a terminal, a spreadsheet or whoever reads the JSON.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Ended, mailtrace, record};

/// One of each kind of harm.
const HARMS: [&str; 13] = [
    "\u{1b}[35mred\u{1b}[0m",
    "\u{1b}]8;;http://evil.example\u{7}link\u{1b}]8;;\u{7}",
    "bell\u{7}\u{8}\u{8}",
    "over\rwritten",
    "\u{9b}31mC1\u{9d}0;title\u{9c}",
    "\u{202e}fdp.exe",
    "zero\u{200b}width\u{feff}\u{ad}",
    "new\nline\u{2028}and\u{85}more",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "\t-2",
    "<script>alert(1)</script>\"',;",
];

/// Sequences that are ours: the colours of `src/render/style.rs` and of the messages on stderr.
const OURS: [&str; 7] =
    ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[36m"];

/// A log in which every text is hostile.
fn log() -> String {
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
    // What is not understood is hostile too, and so is what is between the tokens of a message.
    lines.push("\u{1b}[35mnot an event\u{202e}\u{9b}31m".to_owned());
    lines.push(format!(
        "{{\"timestamp\":1795428000000,\"message\":{}}}",
        json!("{\n\t\"traceId\": \"\u{202e}\",\r\n\"event\":{}}")
    ));
    lines.push(format!("{{\"timestamp\":\"{}\",\"message\":\"x\"}}", HARMS[5]));
    lines.join("\n")
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
}

fn in_store(store: &Path, arguments: &[&str]) -> Ended {
    mailtrace(arguments).arg("--store").arg(store).output().unwrap().into()
}

#[test]
fn nothing_that_strangers_write_acts() {
    let dir = tempfile::tempdir().unwrap();
    // The names of files are part of what is shown.
    let path = dir.path().join("log\u{1b}[35m\u{202e}\u{9b}\n.ndjson");
    fs::write(&path, log()).unwrap();
    let (path, store) = (path.to_str().unwrap(), dir.path().join("st\u{202e}ore\u{9b}"));
    in_store(&store, &["import", path, "-q"]).with(3);
    let ids = dir.path().join("ids.txt");
    fs::write(&ids, HARMS.map(|it| it.replace('\n', " ")).join("\n") + "\n\u{1b}[35mgone\u{202e}")
        .unwrap();
    let ids = ids.to_str().unwrap();
    let commands: [&[&str]; 20] = [
        &["import", path],
        &["trace", "--batch", ids],
        &["trace", "--batch", ids, "--all"],
        &["trace", "\u{1b}[35mgone\u{202e}\u{9b}"],
        &["trace", HARMS[0], "--input", path],
        &["search", "*"],
        &["search", "subject:nothing"],
        &["search", "subject:red OR folder:\"=cmd*\""],
        &["stats"],
        &["stats", "--by", "rule"],
        &["stats", "--by", "folder", "--interval", "day"],
        &["stats", "--by", "cause"],
        &["stats", "--by", "sender"],
        &["stats", "--by", "recipient-domain"],
        &["stats", "--by", "event"],
        &["status"],
        &["sources"],
        &["schema"],
        &["verify"],
        &["reindex"],
    ];
    for arguments in commands {
        for format in ["table", "csv", "json", "ndjson"] {
            for color in ["always", "never"] {
                let ended = in_store(
                    &store,
                    &[arguments, &["--format", format, "--color", color]].concat(),
                );
                assert!(matches!(ended.status, Some(0 | 1 | 3)), "{arguments:?} {ended:#?}");
                let what = format!("{arguments:?} as {format}, colours {color}");
                check(&what, &ended.stdout);
                check(&format!("stderr of {what}"), &ended.stderr);
                match format {
                    "csv" if !matches!(arguments[0], "verify" | "reindex") => {
                        check_cells(&what, &ended.stdout);
                    }
                    "json" | "ndjson" => {
                        let parsed =
                            serde_json::Deserializer::from_str(&ended.stdout).into_iter::<Value>();
                        assert!(parsed.into_iter().all(|it| it.is_ok()), "{what}");
                    }
                    _ => {}
                }
            }
        }
    }
}

/// No cell is taken for a formula, and each row is a line.
fn check_cells(what: &str, text: &str) {
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let mut count = 0;
    for row in rows.records() {
        let row = row.unwrap();
        let formula = row.iter().find(|it| it.starts_with(['=', '+', '-', '@', '\t', '\r']));
        assert_eq!(formula, None, "{what}: {row:?}");
        count += 1;
    }
    assert_eq!(text.lines().count(), count + 1, "{what}");
}

/// What is refused is shown, and does not act either.
#[test]
fn refusals_do_not_act() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let harm = "x\u{1b}[35m\u{202e}\u{9b}31m\r\u{7}";
    let empty = dir.path().join("empty.ndjson");
    fs::write(&empty, log()).unwrap();
    in_store(&store, &["import", "-q", empty.to_str().unwrap()]).with(3);
    for arguments in [
        &["search", &format!("form{harm}:y")][..],
        &["search", &format!("status:[{harm} TO 5]")],
        &["search", &format!("time:{harm}")],
        &["search", "--since", harm],
        &["search", "--tz", harm],
        &["search", "--input", harm],
        &["trace", "--grace", harm, "x"],
        &["trace", "--batch", harm],
        &["import", harm],
        &["synth", "--organization", harm],
        &["synth", "--span", harm],
        &["synth", "--out", &format!("/proc/{harm}")],
        &["search", "--limit", harm],
        &["search", "--format", harm],
        &["search", &format!("--{harm}")],
        &[harm],
        &["completions", harm],
    ] {
        for color in ["always", "never"] {
            let ended = in_store(&store, &[arguments, &["--color", color]].concat());
            assert!(matches!(ended.status, Some(1 | 2)), "{arguments:?} {ended:#?}");
            check(
                &format!("{arguments:?}"),
                &ended.stderr.replace("\u{1b}[4m", "").replace("\u{1b}[1m\u{1b}[31m", ""),
            );
            assert_eq!(ended.stdout, "", "{arguments:?}");
        }
    }
    for arguments in [&["status"][..], &["verify"], &["reindex"], &["trace", "x"]] {
        let ended = in_store(&dir.path().join(harm), arguments).with(2);
        check(&format!("{arguments:?}"), &ended.stderr);
    }
}

/// Whoever is given an export is not to be harmed by it either.
#[test]
fn an_export_does_not_act() {
    let dir = tempfile::tempdir().unwrap();
    let (path, store) = (dir.path().join("log.ndjson"), dir.path().join("store"));
    let huge = json!({"traceId": "huge", "event": {"eventName": "ORGANIZATION_EMAIL_RECEIVED",
        "subject": "</script><script>alert(1)</script>".repeat(50_000), "recipients": ["a@x"]}});
    fs::write(&path, [log(), record(9, "g", "s", &huge)].join("\n")).unwrap();
    in_store(&store, &["import", path.to_str().unwrap(), "-q"]).with(3);
    let key = dir.path().join("key");
    fs::write(&key, "0123456789abcdef").unwrap();
    for (name, rest) in [
        ("plain", &[][..]),
        ("redacted", &["--redact", "all", "--redact-key", key.to_str().unwrap()]),
    ] {
        let out = dir.path().join(name);
        let arguments = ["export", "--case", HARMS[5], "--out", out.to_str().unwrap()];
        in_store(&store, &[&arguments, rest].concat()).with(0);
        for file in crate::support::files_below(&out) {
            let what = format!("{}", file.display());
            let text = fs::read_to_string(&file).unwrap();
            check(&what, &text);
            match file.extension().and_then(|it| it.to_str()) {
                Some("csv") => check_cells(&what, &text),
                Some("html") => {
                    let lower = text.to_lowercase();
                    assert!(!lower.contains("<script") && !lower.contains("</script"), "{what}");
                    assert!(text.len() < 1 << 20, "{what} has {} bytes", text.len());
                }
                _ => {}
            }
        }
        let checked = mailtrace(&["verify", "--bundle"]).arg(&out).output().unwrap();
        Ended::from(checked).with(0);
        let other = dir.path().join(format!("store of {name}"));
        in_store(&other, &["import", out.to_str().unwrap()]).with(0);
    }
    for shape in ["ecs", "ocsf"] {
        let ended = in_store(&store, &["export", "--as", shape, "--out", "-"]).with(0);
        check(shape, &ended.stdout);
    }
}
