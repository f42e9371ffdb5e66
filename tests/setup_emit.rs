//! `mailtrace setup --emit`: the same setup for other tools, which take it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::account::Account;
use crate::moto::Moto;
use crate::support::{Ran, mailtrace, run, skip};
use crate::workmail::Organization;

const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/12ab";

/// What is emitted without a network, credentials or an environment.
fn emitted(kind: &str, more: &[&str]) -> String {
    let id = Organization::new("acme", 1).id;
    let mut command = mailtrace();
    command.args(["setup", "--organization", &id, "--region", "eu-west-1"]);
    command.args(["--account", "123456789012", "--emit", kind]).args(more);
    let Ran { stdout, stderr, .. } = run(&mut command).expect(0);
    assert!(stderr.lines().all(|it| it.starts_with("warning: ")), "{stderr}");
    stdout
}

/// Runs a program with a text on its standard input.
fn piped(command: &mut Command, text: &str) -> Ran {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

const WAYS: [&[&str]; 4] = [
    &[],
    &["--default-role", "--retention-days", "never"],
    &["--kms-key", KEY, "--retention-days", "7", "--log-group", "/a.b-c_d#e"],
    &["--role-name", "workmail+=,.@-_x"],
];

/// An `aws` that writes down its arguments, one a line, and fails when it is told to.
fn stand_in(dir: &Path) {
    let script = "#!/bin/sh\nfor it in \"$@\"; do printf '%s\\n' \"$it\"; done >> \"$LOG\"\n\
                  echo >> \"$LOG\"\n[ \"$2\" != \"${EXISTS:-}\" ] || { echo EntityAlreadyExists >&2; exit 254; }\n\
                  [ \"$2\" != \"${FAILS:-}\" ] || { echo AccessDenied >&2; exit 254; }\n";
    let path = dir.join("aws");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_script_runs_the_commands_with_their_arguments_whole() {
    let dir = tempfile::tempdir().unwrap();
    stand_in(dir.path());
    let log = dir.path().join("log");
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    for more in WAYS {
        let script = emitted("aws-cli", more);
        piped(Command::new("sh").arg("-n"), &script).expect(0);
        let _none_yet = fs::remove_file(&log);
        piped(Command::new("sh").env("PATH", &path).env("LOG", &log), &script).expect(0);
        let calls = fs::read_to_string(&log).unwrap();
        let calls: Vec<Vec<&str>> =
            calls.trim_end().split("\n\n").map(|it| it.lines().collect()).collect();
        assert_eq!(calls[0][..2], ["logs", "create-log-group"]);
        let last = calls.last().unwrap();
        assert_eq!(last[..2], ["workmail", "put-email-monitoring-configuration"]);
        for call in &calls {
            let documents = call.iter().filter(|it| it.starts_with('{'));
            for document in documents {
                let policy: Value = serde_json::from_str(document).unwrap();
                assert_eq!(policy["Version"], "2012-10-17");
            }
        }
        assert_eq!(calls.iter().any(|it| it[0] == "iam"), !more.contains(&"--default-role"));
    }
}

#[test]
fn the_script_goes_on_over_what_is_there_and_stops_at_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    stand_in(dir.path());
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let script = emitted("aws-cli", &[]);
    let sh = |name: &str, value: &str| {
        let log = dir.path().join(name);
        let mut command = Command::new("sh");
        command.env("PATH", &path).env("LOG", &log).env(name, value);
        let ran = piped(&mut command, &script);
        (ran, fs::read_to_string(log).unwrap())
    };
    let (ran, log) = sh("EXISTS", "create-role");
    assert!(ran.expect(0).stderr.contains("there already") && log.contains("put-email-monitoring"));
    let (ran, log) = sh("FAILS", "create-role");
    assert!(ran.expect(1).stderr.contains("AccessDenied") && !log.contains("put-role-policy"));
}

#[test]
fn the_template_makes_group_and_role() {
    let python = Moto::environment().join("bin/python");
    for more in WAYS {
        let template = emitted("cloudformation", more);
        let mut lint = Command::new(Moto::environment().join("bin/cfn-lint"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("template.yaml");
        fs::write(&path, &template).unwrap();
        run(lint.args(["--regions", "eu-west-1", "--template"]).arg(&path)).expect(0);
        let code = "import sys, json, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
        let parsed = piped(Command::new(&python).args(["-c", code]), &template).expect(0).json();
        let on = parsed["Outputs"]["SwitchOn"]["Value"].as_str().unwrap();
        assert!(on.starts_with("aws workmail put-email-monitoring-configuration "), "{on}");
        let group = &parsed["Resources"]["LogGroup"];
        assert_eq!(group["DeletionPolicy"], "Retain");
        let has_role = !more.contains(&"--default-role");
        assert_eq!(parsed["Resources"].get("Role").is_some(), has_role);
        if has_role {
            let role = &parsed["Resources"]["Role"]["Properties"];
            let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
            let account = &trust["Condition"]["StringEquals"]["aws:SourceAccount"];
            assert_eq!(account, "123456789012");
            let document = &role["Policies"][0]["PolicyDocument"];
            let resource = document["Statement"][0]["Resource"].as_str().unwrap();
            assert!(resource.starts_with("arn:aws:logs:eu-west-1:123456789012:log-group:/"));
        }
    }
    // Another hand's CloudFormation makes of it what a setup makes.
    let account = Account::with([Organization::new("acme", 1)]);
    let template = account.run(&["setup", "--organization", "acme", "--emit", "cloudformation"]);
    let template = template.expect(0).stdout;
    let parameters = [
        ("Action", "CreateStack"),
        ("Version", "2010-05-15"),
        ("StackName", "mail"),
        ("TemplateBody", template.as_str()),
        ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
    ];
    let (status, body) = account.query("cloudformation", &parameters);
    assert_eq!(status, 200, "{body}");
    // Moto keeps policies within a stack's role in a form that is no JSON.
    let setup = ["setup", "--organization", "acme", "--format", "json"];
    account.run(&setup).expect_error(&["cannot be read", "--force"]);
    let report = account.run(&[&setup[..], &["--force"]].concat()).expect(0).json();
    let steps = report["steps"].as_array().unwrap().iter();
    let actions: Vec<&str> = steps.map(|it| it["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["iam:PutRolePolicy", "workmail:PutEmailMonitoringConfiguration"]);
}

#[test]
fn the_configuration_is_as_terraform_writes_it() {
    for more in WAYS {
        let text = emitted("terraform", more);
        for words in ["resource \"aws_cloudwatch_log_group\"", "resource \"terraform_data\""] {
            assert!(text.contains(words), "{text}");
        }
        let has_role = !more.contains(&"--default-role");
        assert_eq!(text.contains("resource \"aws_iam_role\""), has_role);
    }
    if Command::new("terraform").arg("version").output().is_err() {
        skip("terraform");
        return;
    }
    for more in WAYS {
        let text = emitted("terraform", more);
        let written = piped(Command::new("terraform").args(["fmt", "-"]), &text).expect(0).stdout;
        assert_eq!(written, text);
    }
}

#[test]
fn names_from_outside_never_get_that_far() {
    for (option, value) in [
        ("--log-group", "/g'; rm -rf /; '"),
        ("--log-group", "${path.root}"),
        ("--role-name", "x\"\n}"),
        ("--kms-key", "arn:aws:kms:eu-west-1:123456789012:key/$(id)"),
        ("--region", "eu-west-1\n"),
        ("--account", "1234567890ab"),
    ] {
        for kind in ["aws-cli", "cloudformation", "terraform"] {
            let id = Organization::new("acme", 1).id;
            let mut command = mailtrace();
            command.args(["setup", "--organization", &id, "--emit", kind, option, value]);
            for (name, usual) in [("--region", "eu-west-1"), ("--account", "123456789012")] {
                if name != option {
                    command.args([name, usual]);
                }
            }
            let ran = run(&mut command).expect(2);
            assert_eq!(ran.stdout, "", "{option} {value:?}");
        }
    }
}
