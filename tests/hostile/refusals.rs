//! What is refused is shown, and does not act either.

use super::*;

#[test]
fn refusals_do_not_act() {
    let lab = Lab::new();
    for harm in [
        "x\u{1b}[35m\u{202e}\u{9b}31m\r\u{7}",
        "x\n2099-01-01T00:00:00.000Z  delivered",
        "\u{1b}]52;c;eA==\u{7}",
    ] {
        let lengthened = |before: &str, after: &str| format!("{before}{harm}{after}");
        let before = lab.tree();
        for arguments in [
            &["search", &lengthened("form", ":y")][..],
            &["search", &lengthened("status:[", " TO 5]")],
            &["search", &lengthened("time:", "")],
            &["search", "--since", harm],
            &["search", "--tz", harm],
            &["search", "--input", harm],
            &["search", "--limit", harm],
            &["search", "--format", harm],
            &["search", &lengthened("--", "")],
            &["search", "--ids-from", harm],
            &["trace", "--grace", harm, "x"],
            &["trace", "--batch", harm],
            &["messages", "--outcome", harm],
            &["messages", "--group-by", harm],
            &["messages", "--cursor", harm],
            &["messages", "--verdict", harm],
            &["messages", "--fail-if", harm],
            &["messages", "--slower-than", harm],
            &[
                "messages",
                "--message-id",
                "",
                "--status",
                harm,
                "--query",
                &lengthened("form", ":"),
            ],
            &["triage", "--slow", harm],
            &["triage", "--since", harm],
            &["triage", "--items", harm],
            &["stats", "--by", harm],
            &["stats", "--interval", harm],
            &["import", harm],
            &["export", "--out", "new", "--redact", harm],
            &["export", "--out", "new", "--redact", "all", "--redact-key", harm],
            &["export", "--out", "new", "--as", harm],
            &["export", "--out", &lengthened("/dev/null/", "")],
            &["verify", "--head", harm],
            &["verify", "--bundle", harm],
            &["verify", "--bundle", ".", "--public-key", harm],
            &["sign", "--key", harm, "--out", "x"],
            &["prune", "--before", harm, "--reason", "x"],
            &["erase", "--address", harm, "--reason", "x"],
            &["erase", "--address", &lengthened("", "@x"), "--reason", &lengthened("", "@x")],
            &["synth", "--organization", harm],
            &["synth", "--span", harm],
            &["synth", "--out", &lengthened("/proc/", "")],
            &["policy", harm],
            &["policy", "reader", "--organization", harm],
            &["policy", "reader", "--log-group", harm],
            &["doctor", "--trust-policy", harm],
            &["doctor", "--organization", harm],
            &["setup", "--organization", harm, "--emit", "terraform"],
            &["pull", "--config", harm],
            &["pull", "--s3", harm],
            &["completions", harm],
            &["man", harm],
            &[harm],
        ] {
            for color in ["always", "never"] {
                let ended = lab.run(&[arguments, &["--color", color]].concat());
                assert!(matches!(ended.status, Some(1 | 2)), "{arguments:?} {ended:#?}");
                // What clap underlines.
                let stderr =
                    ended.stderr.replace("\u{1b}[4m", "").replace("\u{1b}[1m\u{1b}[31m", "");
                check(&format!("{arguments:?}"), &stderr);
                assert!(!stderr.contains("internal fault"), "{arguments:?} {ended:#?}");
                assert_eq!(ended.stdout, "", "{arguments:?}");
            }
        }
        for arguments in [&["status"][..], &["verify"], &["reindex"], &["trace", "x"]] {
            let ended = in_store(&lab.path(&harm.replace('/', "")), arguments).with(2);
            check_ended(&format!("{arguments:?}"), &ended);
        }
        assert_eq!(lab.tree(), before, "{harm:?}");
    }
}
