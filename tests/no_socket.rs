//! Asking needs no network: no command but those that are for AWS, and the server, opens a socket.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli_help::commands;
use crate::support::{Ran, import, run, skip, synth, wrapped};

/// Commands that ask AWS or a cluster, or are asked. `doctor` does not where it is given files, nor
/// `publish` where it prints templates.
const ONLINE: [&str; 6] = ["pull", "publish", "setup", "doctor", "teardown", "serve"];

/// What invites a program to look for credentials, regions and proxies.
const INVITATIONS: [(&str, &str); 10] = [
    ("AWS_PROFILE", "mail"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_DEFAULT_REGION", "eu-west-1"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/credentials"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ("HTTP_PROXY", "http://127.0.0.1:1"),
];

/// Runs the program and gives the system calls that have to do with a network.
fn traced(home: &Path, arguments: &[&str]) -> (Ran, String) {
    let calls = home.join("calls");
    let to = calls.to_str().unwrap();
    let mut command = wrapped(&["strace", "-f", "-qq", "-e", "trace=%network", "-o", to]);
    command.env("HOME", home).envs(INVITATIONS).args(arguments).stdin(Stdio::null());
    let ran = run(&mut command);
    (ran, fs::read_to_string(&calls).unwrap())
}

fn opens_socket(calls: &str) -> bool {
    ["socket(", "connect(", "sendto("].iter().any(|it| calls.contains(it))
}

fn is_traceable() -> bool {
    let mut probe = Command::new("strace");
    probe.args(["-f", "-o", "/dev/null", "-e", "trace=%network", "true"]);
    probe.stderr(Stdio::null()).status().is_ok_and(|it| it.success())
}

#[test]
fn only_commands_for_aws_open_a_socket() {
    if !is_traceable() {
        skip("strace");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    fs::create_dir_all(home.join(".aws")).unwrap();
    let profile = "[profile mail]\nregion = eu-west-1\nsso_start_url = http://127.0.0.1:1\n";
    fs::write(home.join(".aws/config"), profile).unwrap();
    let log = synth(home, 200, 71, "ndjson");
    // Where the program looks when no store is named.
    import(&home.join(".local/share/mailtrace"), &log.path).expect(0);
    let file = |name: &str, text: &str| {
        let path = home.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let path = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let (log_path, id) = (log.path.to_str().unwrap(), log.ids[0].as_str());
    let ids = file("ids.txt", &log.ids.join("\n"));
    let key = file("key", "0123456789abcdef");
    let policy = file("policy.json", r#"{"Version":"2012-10-17","Statement":[]}"#);
    let (bundle, zip, redacted, parquet, made) = (
        path("bundle"),
        path("bundle.zip"),
        path("redacted"),
        path("events.parquet"),
        path("made.ndjson"),
    );
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let secret = file("secret", &pair.sk.to_box(None).unwrap().into_string());
    let public = file("public", &pair.pk.to_box().unwrap().into_string());
    let (signed, head) = (path("signed"), path("head.txt"));
    let offline: [&[&str]; 49] = [
        &["import", log_path],
        &["trace", id],
        &["trace", id, "--provenance", "--format", "json"],
        &["trace", "--batch", &ids],
        &["trace", id, "--input", log_path],
        &["messages"],
        &["messages", "--group-by", "sender-domain"],
        &["related", id],
        &["messages", "--input", log_path],
        &["triage"],
        &["triage", "--input", log_path],
        &["search", "from:*"],
        &["search", "from:*", "--input", log_path],
        &["access", "--input", "samples/audit-events.ndjson"],
        &["directory"],
        &["timeline", "ana@acme.example", "--input", "samples/audit-events.ndjson"],
        &["insights", "stats count(*) by event.eventName"],
        &["insights", "fields @message", "--input", log_path],
        &["stats"],
        &["stats", "--by", "cause", "--input", log_path],
        &["stats", "--latency"],
        &["stats", "--metrics"],
        &["export", "--out", &bundle],
        &["export", "--out", &zip, "--input", log_path],
        &["export", "--out", &redacted, "--redact", "all", "--redact-key", &key],
        &["export", "--out", &parquet, "--as", "parquet"],
        &["export", "--out", "-", "--as", "ecs"],
        &["export", "--out", "-", "--as", "ocsf"],
        &["status"],
        &["sources"],
        &["verify"],
        &["verify", "--deep"],
        &["verify", "--bundle", &bundle],
        &["verify", "--bundle", &zip],
        &["sign", "--key", &secret, "--out", &head],
        &["verify", "--signed-head", &head, "--public-key", &public],
        &["export", "--out", &signed, "--sign-key", &secret],
        &["verify", "--bundle", &signed, "--public-key", &public],
        &["reindex"],
        &["prune", "--before", "2026-11-02", "--reason", "old", "--yes"],
        &["erase", "--address", "nobody@acme.example", "--reason", "asked", "--dry-run"],
        &["schema"],
        &["schema", "--input", log_path],
        &["policy", "reader"],
        &["synth", "--events", "10", "--out", &made],
        &["completions", "bash"],
        &["man", "trace"],
        &["doctor", "--trust-policy", &policy],
        &["doctor", "--role-policy", &policy],
    ];
    // Every command is on one of the lists, so that a new one is put on one.
    let mut tried = BTreeSet::from(ONLINE.map(str::to_owned));
    for arguments in offline {
        let (ran, calls) = traced(home, arguments);
        let expected = match arguments[0] {
            // A policy that allows nothing fails its review.
            "doctor" => 2,
            // The first message has to do with no other, and no directory was taken.
            "related" | "directory" => 1,
            _ => 0,
        };
        assert_eq!(ran.status, Some(expected), "{arguments:?}: {ran:#?}");
        assert!(!opens_socket(&calls), "{arguments:?}: {calls}");
        tried.insert(arguments[0].to_owned());
    }
    assert_eq!(tried, commands().into_iter().collect());

    // What does open one is seen, so that the above means something.
    let pull = ["pull", "--log-group", "/g", "--endpoint-url", "http://127.0.0.1:1"];
    let (ran, calls) = traced(home, &pull);
    assert_eq!(ran.status, Some(2), "{ran:#?}");
    assert!(opens_socket(&calls), "{ran:#?} {calls}");
}
