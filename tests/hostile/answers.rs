//! Every command that answers, in every format.

use super::*;

const GROUP_KEYS: [&str; 19] = [
    "reason",
    "cause",
    "status",
    "sender",
    "sender-domain",
    "recipient",
    "recipient-domain",
    "sender-recipient",
    "rule",
    "outcome",
    "folder",
    "subject",
    "recipient-count",
    "hour",
    "day",
    "week",
    "weekday",
    "hour-of-day",
    "folder,rule",
];

const COUNT_KEYS: [&str; 18] = [
    "event",
    "direction",
    "sender",
    "sender-domain",
    "recipient",
    "recipient-domain",
    "outcome",
    "folder",
    "rule",
    "reason",
    "cause",
    "status",
    "spam",
    "dkim",
    "dmarc",
    "spf",
    "weekday",
    "hour-of-day",
];

/// Runs a command in each format and checks what comes out.
fn check_command(lab: &Lab, arguments: &[&str]) {
    for (format, color) in [
        ("table", "always"),
        ("table", "never"),
        ("csv", "always"),
        ("json", "always"),
        ("ndjson", "always"),
    ] {
        let ended = lab.run(&[arguments, &["--format", format, "--color", color]].concat());
        let what = format!("{arguments:?} as {format}, colours {color}");
        let has_no_csv = arguments.contains(&"--provenance") || arguments[0] == "policy";
        let is_refused = has_no_csv && format == "csv";
        let is_failing = is_refused || arguments[0] == "doctor";
        assert!(matches!(ended.status, Some(0 | 1 | 3)) || is_failing, "{what}: {ended:#?}");
        check_ended(&what, &ended);
        let is_text = matches!(arguments[0], "verify" | "reindex" | "erase" | "prune");
        match format {
            "csv" if !is_text && !is_refused => check_cells(&what, &ended.stdout),
            "json" | "ndjson" => check_json(&what, &ended.stdout),
            _ => {}
        }
    }
}

#[test]
fn nothing_that_strangers_write_acts() {
    let lab = Lab::new();
    let log = lab.log.to_str().unwrap();
    let ids = HARMS.map(|it| it.replace('\n', " ")).join("\n") + "\n\u{1b}[35mgone\u{202e}";
    let ids = lab.file("ids.txt", ids);
    let addresses = lab.file("addresses.txt", HARMS.map(|it| it.replace('\n', " ")).join("\n"));
    let trust = lab.file("trust\u{1b}[35m.json", policy("sts:AssumeRole").to_string());
    let role = lab.file("role.json", policy("logs:PutLogEvents").to_string());
    let before = lab.tree();
    let commands: [&[&str]; 45] = [
        &["import", log],
        &["import", log, "-v"],
        &["trace", "mail-0"],
        &["trace", "huge", "--all"],
        &["trace", "--batch", &ids],
        &["trace", "--batch", &ids, "--all"],
        &["trace", "\u{1b}[35mgone\u{202e}\u{9b}"],
        &["trace", HARMS[0], "--input", log],
        &["trace", HARMS[0], "--provenance"],
        &["messages"],
        &["messages", "--limit", "5", "--sort", "oldest"],
        &["messages", "--sort", "slowest", "--events"],
        &["messages", "--sort", "recipients"],
        &["messages", "--outcome", "bounced,lost"],
        &["messages", "--subject", "nothing", "--from", "\u{202e}*"],
        &["messages", "--ids-from", &ids],
        &["messages", "--addresses-from", &addresses],
        &["triage", "--slow", "1ms", "--items", "1000"],
        &["triage", "--since", "2026-11-23T10:00:01Z"],
        &["search", "*"],
        &["search", "-v"],
        &["search", "subject:nothing"],
        &["search", "subject:red OR folder:\"=cmd*\""],
        &["search", "--ids-from", &ids],
        &["insights", "fields @timestamp, @message, event.subject, event.from, @logStream, @log"],
        &["insights", "stats count(*) by event.subject, event.folder, event.recipients.0, traceId"],
        &["insights", "fields `\u{1b}[35m\u{202e}`, '\u{9b}=1' as `=\u{1b}]0;x` | limit 5"],
        &["insights", "expand event.recipients | sort event.subject | dedup event.recipients"],
        &["stats"],
        &["stats", "--latency"],
        &["stats", "--metrics"],
        &["stats", "--interval", "hour"],
        &["stats", "--by", "folder", "--interval", "day"],
        &["status"],
        &["sources"],
        &["schema"],
        &["verify"],
        &["verify", "--deep"],
        &["reindex"],
        &["prune", "--before", "2027-01-01", "--reason", "\u{1b}[35m\u{202e}", "--dry-run"],
        &["erase", "--address", HARMS[12], "--reason", "\u{1b}[35m", "--dry-run"],
        &["erase", "--address", "\u{1b}[35m\u{202e}@x", "--reason", "\u{9b}", "--dry-run"],
        &["doctor", "--trust-policy", &trust],
        &["doctor", "--role-policy", &role],
        &["policy", "reader", "--log-group", "/g"],
    ];
    commands.iter().for_each(|it| check_command(&lab, it));
    for key in GROUP_KEYS {
        check_command(&lab, &["messages", "--group-by", key]);
    }
    for key in COUNT_KEYS {
        check_command(&lab, &["stats", "--by", key]);
    }
    for harm in typable() {
        check_ended(harm, &lab.run(&["trace", "--all", harm]));
    }
    assert_eq!(lab.tree(), before, "files outside of the store");
    assert!(!Path::new("/tmp/mailtrace-escaped").exists());
}

/// Every key that can be typed is among those that are tried.
#[test]
fn no_key_is_forgotten() {
    for (arguments, keys) in
        [(["messages", "--group-by"], &GROUP_KEYS[..18]), (["stats", "--by"], &COUNT_KEYS[..])]
    {
        let error = crate::program::run(&[&arguments[..], &["none"]].concat()).with(2).stderr;
        let listed = error.split("[possible values: ").nth(1).unwrap().split(']').next().unwrap();
        assert_eq!(listed.split(", ").collect::<Vec<_>>(), keys);
    }
}

/// A policy in which every text is hostile.
fn policy(action: &str) -> Value {
    let statements = HARMS.iter().map(|harm| {
        json!({"Sid": harm, "Effect": "Allow", "Principal": {(*harm): harm}, "Action": [action, harm],
            "Resource": harm, "Condition": {(*harm): {(*harm): harm}}})
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

/// What is said of a removal stays in the store, and is shown ever after.
#[test]
fn a_hostile_reason_does_not_act() {
    let lab = Lab::new();
    for reason in typable().filter(|it| !it.contains("ana@аcme")).take(20) {
        let reason = format!("--reason={reason}");
        let wish = ["erase", "--address", "ana@аcme.example", &reason, "--yes"];
        check_ended(&reason, &lab.run(&wish).with(0));
    }
    let wish = ["prune", "--before", "2026-11-23T10:00:00.050Z", "--reason", HARMS[16], "--yes"];
    check_ended("prune", &lab.run(&wish).with(0));
    for arguments in [&["status"][..], &["sources"], &["verify"], &["verify", "--deep"]] {
        check_command(&lab, arguments);
    }
}

/// Whoever is shown an address that looks like another is told so; programs get it as it is.
fn told(lab: &Lab, arguments: &[&str], format: &str) -> String {
    let mut command = mailtrace(&[arguments, &["--format", format, "--store"]].concat());
    let output = command.arg(&lab.store).env("COLUMNS", "200").output().unwrap();
    Ended::from(output).with(0).stdout
}

#[test]
fn homographs_are_told_apart() {
    let lab = Lab::new();
    let marked = "[xn--cme-5cd.example] [mixed scripts]";
    let homograph = HARMS[12];
    let answers: [&[&str]; 5] = [
        &["trace", homograph],
        &["trace", homograph, "--all"],
        &["messages", "--from", homograph],
        &["search", "from:ana@аcme.example"],
        &["triage", "--items", "1000", "--slow", "1ms"],
    ];
    for arguments in answers {
        let table = told(&lab, arguments, "table");
        assert!(table.contains(marked), "{arguments:?}: {table}");
        for format in ["csv", "json", "ndjson"] {
            let text = told(&lab, arguments, format);
            assert!(text.contains("аcme.example"), "{arguments:?} as {format}");
            assert!(!text.contains("[mixed"), "{arguments:?} as {format}");
        }
    }
    // What is counted is the form in which addresses are compared, which looks like no other.
    for (command, option, key) in [
        ("messages", "--group-by", "sender"),
        ("messages", "--group-by", "recipient"),
        ("messages", "--group-by", "sender-recipient"),
        ("messages", "--group-by", "recipient-domain"),
        ("messages", "--group-by", "sender-domain"),
        ("stats", "--by", "sender"),
        ("stats", "--by", "recipient"),
        ("stats", "--by", "sender-domain"),
        ("stats", "--by", "recipient-domain"),
    ] {
        for format in ["table", "csv", "json", "ndjson"] {
            let text = told(&lab, &[command, "--limit", "1000", option, key], format);
            assert!(text.contains("xn--cme-5cd.example"), "{command} by {key} as {format}");
        }
    }
    let batch = lab.file("ids.txt", homograph);
    assert!(lab.run(&["trace", "--batch", &batch]).with(0).stdout.contains(marked));
    let narrow = mailtrace(&["messages", "--from", homograph, "--store"])
        .arg(&lab.store)
        .env("COLUMNS", "60")
        .output()
        .unwrap();
    let narrow = Ended::from(narrow).with(0).stdout;
    assert!(narrow.contains("[xn--"), "{narrow}");
}
