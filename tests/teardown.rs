//! `mailtrace teardown`: nothing goes that others use or that is not in the store, and whatever
//! stops it half-way, the next run completes it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::account::{Account, OWN_ROLE};
use crate::cloudwatch::{Event, REGION};
use crate::support::{Ran, archive_files, assert_sound, on, run};
use crate::workmail::{Operation, Organization, Refusal};

const GROUP: &str = "/aws/workmail/emailevents/acme";
const ROLE: &str = "workmail-email-events-acme";
const TEARDOWN: [&str; 3] = ["teardown", "--organization", "acme"];
const ALL: [&str; 7] = [
    "teardown",
    "--organization",
    "acme",
    "--delete-log-group",
    "--delete-role",
    "--yes",
    "--settle=1s",
];

/// An account whose organization acme logs as `setup` has it, and an empty place for a store.
struct Site {
    account: Account,
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let organizations = [Organization::new("acme", 1), Organization::new("zenith", 9)];
        let account = Account::with(organizations);
        let dir = tempfile::tempdir().unwrap();
        let site = Self { account, dir };
        site.run(&["setup", "--organization", "acme"]).expect(0);
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let events: Vec<Event> = (0..5)
            .map(|it| {
                let message = json!({ "traceId": format!("t{it}"), "event": {
                    "eventName": "OUTGOING_EMAIL_SENT" } });
                Event::new(now_ms - 60_000 * (it + 1), "s", message.to_string())
            })
            .collect();
        site.account.moto().put(GROUP, &events);
        site.account.calls();
        site
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.account.run_now(&self.store(), arguments)
    }

    fn records(&self) -> Value {
        on(&self.store(), &["status", "--format", "json"]).expect(0).json()["records"].clone()
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert!(self.account.log_group(GROUP).is_some());
        assert!(self.account.trust_policy(ROLE).is_some());
        assert!(self.account.monitoring("acme").is_some());
    }

    #[track_caller]
    fn assert_gone(&self) {
        assert_eq!(self.account.log_group(GROUP), None);
        assert_eq!(self.account.trust_policy(ROLE), None);
        assert_eq!(self.account.monitoring("acme"), None);
        assert_sound(&self.store());
    }

    /// Has zenith log somewhere.
    fn zenith(&self, region: &'static str, group: &str, role: &str) {
        let mut workmail = self.account.workmail.lock();
        let zenith = workmail.organizations.iter_mut().find(|it| it.alias == "zenith").unwrap();
        zenith.region = region;
        zenith.monitoring = Some(json!({
            "LogGroupArn": format!("arn:aws:logs:{region}:123456789012:log-group:{group}:*"),
            "RoleArn": format!("arn:aws:iam::123456789012:role/{role}"),
        }));
    }
}

#[test]
fn everything_goes_once_it_is_in_the_store() {
    let site = Site::new();
    let ran = site.run(&ALL).expect(0);
    site.assert_gone();
    assert_eq!(site.records(), 5);
    for words in [
        "done  stop logging the events of m-",
        "into the store: 5 events, none missing",
        "done  verify the store: 5 records, sound",
        &format!("done  delete the log group {GROUP}"),
        &format!("done  delete the role {ROLE}"),
        "no longer logs events; the log group is deleted, and everything it held is in the store",
    ] {
        assert!(ran.stdout.contains(words), "lacks {words}: {ran:#?}");
    }
    assert!(ran.stderr.contains("waiting 1 s for events that may still arrive"), "{ran:#?}");
    let again = site.run(&[&ALL[..], &["--format", "json"]].concat()).expect(0).json();
    assert_eq!(again["steps"], json!([]), "{again:#}");
    assert_eq!(again["kept"].as_array().unwrap().len(), 3, "{again:#}");
}

#[test]
fn what_is_called_is_what_the_printed_policy_allows() {
    let site = Site::new();
    let policy = site.account.role_policy(ROLE, "workmail-email-events").unwrap();
    site.account.attach_policy(ROLE, "shared", &policy);
    site.account.gate.lock().own_role.exists = true;
    site.run(&[&ALL[..], &["--delete-service-linked-role"]].concat()).expect(0);
    site.assert_gone();
    let beyond = site.account.beyond_calls(&[&["teardown"]], site.account.calls());
    // The streams are asked for where much is to be listed again.
    assert_eq!(beyond, ["logs:DescribeLogStreams"]);
}

#[test]
fn without_deletions_logging_is_switched_off_and_that_is_all() {
    let site = Site::new();
    let ran = site.run(&[&TEARDOWN[..], &["--yes"]].concat()).expect(0);
    assert!(ran.stdout.contains("mailtrace pull --log-group"), "{ran:#?}");
    assert_eq!(site.account.monitoring("acme"), None);
    assert!(site.account.log_group(GROUP).is_some() && site.account.trust_policy(ROLE).is_some());
    assert!(!site.store().exists());
}

#[test]
fn a_list_of_organizations_that_is_cut_is_not_nobody() {
    let site = Site::new();
    {
        let mut workmail = site.account.workmail.lock();
        workmail.page_organizations = 1;
        // More than are listed, and the last of them logs to our group.
        let more = (0..50).map(|it| Organization::new(&format!("org{it}"), 100 + it));
        workmail.organizations.splice(1..1, more);
    }
    site.zenith(REGION, GROUP, "another");
    let mut all = ALL;
    let id = Organization::new("acme", 1).id;
    all[2] = &id;
    site.run(&all).expect_error(&["cannot tell", "organizations"]);
    site.assert_untouched();
}

#[test]
fn without_a_terminal_it_takes_a_yes() {
    let site = Site::new();
    site.run(&TEARDOWN).expect_error(&["--yes"]);
    site.assert_untouched();
    site.run(&["teardown", "--yes"]).expect(2);
    site.run(&["teardown", "--log-group", GROUP, "--yes"]).expect_error(&["--organization"]);
    site.run(&[&TEARDOWN[..], &["--yes", "--format", "csv"]].concat()).expect_error(&["csv"]);
    site.run(&[&TEARDOWN[..], &["--yes", "--settle", "soon"]].concat()).expect_error(&["--settle"]);
}

/// Runs a program on a terminal of its own, with what is typed on standard input.
const ON_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

#[test]
fn on_a_terminal_it_asks_before_each_step_that_takes_something_away() {
    let site = Site::new();
    let asked = |arguments: &[&str], typed: &str| {
        let program = site.account.command(arguments);
        let mut command = Command::new("python3");
        command.args(["-c", ON_TERMINAL]).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs().filter_map(|(name, it)| Some((name, it?))) {
            command.env(name, value);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    };
    let both = [&TEARDOWN[..], &["--delete-role"]].concat();
    let ran = asked(&both, "n\n").expect(2);
    assert!(ran.stdout.contains("? [y/N]"), "{ran:#?}");
    assert!(ran.stdout.contains("nothing was changed"), "{ran:#?}");
    site.assert_untouched();
    let ran = asked(&both, "y\nn\n").expect(2);
    assert!(ran.stdout.contains("this was already done: stop logging the events"), "{ran:#?}");
    assert_eq!(site.account.monitoring("acme"), None);
    assert!(site.account.trust_policy(ROLE).is_some());
    asked(&both, "y\ny\n").expect(0);
    assert_eq!(site.account.trust_policy(ROLE), None);
}

#[test]
fn a_dry_run_shows_everything_and_changes_nothing() {
    let site = Site::new();
    let dry = [&ALL[..5], &["--dry-run"]].concat();
    let ran = site.run(&dry).expect(0);
    for words in [
        "command  aws workmail delete-email-monitoring-configuration --organization-id m-",
        &format!("command  mailtrace pull --log-group {GROUP} --region us-east-1 --recheck"),
        "command  mailtrace verify",
        &format!("command  aws logs delete-log-group --log-group-name {GROUP}"),
        &format!("command  aws iam delete-role --role-name {ROLE}"),
        "Nothing was changed.",
    ] {
        assert!(ran.stdout.contains(words), "lacks {words}: {ran:#?}");
    }
    let json = site.run(&[&dry[..], &["--format", "json"]].concat()).expect(0).json();
    assert_eq!(json["steps"][3]["result"], "planned", "{json:#}");
    site.assert_untouched();
    assert!(!site.store().exists());
}

#[test]
fn what_another_organization_uses_stays() {
    let site = Site::new();
    site.zenith("us-east-1", GROUP, "workmail-zenith");
    site.run(&ALL).expect_error(&[&format!("log group {GROUP} is used by zenith in us-east-1")]);
    // A role is of all regions.
    site.zenith("eu-west-1", "/zenith", ROLE);
    site.run(&ALL).expect_error(&[&format!("role {ROLE} is used by zenith in eu-west-1")]);
    site.zenith("us-west-2", GROUP, OWN_ROLE);
    site.account.gate.lock().own_role.exists = true;
    site.run(&[&ALL[..], &["--delete-service-linked-role"]].concat())
        .expect_error(&[OWN_ROLE, "zenith in us-west-2"]);
    let describe = Operation::DescribeEmailMonitoringConfiguration;
    site.account.workmail.lock().refuse(describe, 1, Refusal::AccessDenied);
    site.run(&ALL).expect_error(&["cannot tell whether another", "workmail:DescribeEmail"]);
    site.assert_untouched();
    // By its group alone the organization itself is another.
    let group = ["teardown", "--log-group", GROUP, "--delete-log-group", "--yes"];
    site.run(&group).expect_error(&["is used by acme"]);
    site.assert_untouched();
}

#[test]
fn what_is_not_what_is_named_stays() {
    let site = Site::new();
    let with = |more: &[&str]| site.run(&[&ALL[..], more].concat());
    with(&["--log-group", "/other"]).expect_error(&[GROUP, "--log-group"]);
    with(&["--role-name", "workmail-other"]).expect_error(&[ROLE, "--role-name"]);
    let elsewhere = format!("arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}");
    with(&["--log-group", &elsewhere, "--region", "us-east-1"]).expect_error(&["is in eu-west-1"]);
    site.run(&["teardown", "--organization", "acne", "--yes"])
        .expect_error(&["no WorkMail organization acne"]);
    site.assert_untouched();
    site.run(&[&TEARDOWN[..], &["--yes"]].concat()).expect(0);
    site.account.create_role(
        "workmail-other",
        &json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "lambda.amazonaws.com" },
                "Action": "sts:AssumeRole",
            }],
        }),
    );
    with(&["--role-name", "workmail-other"]).expect_error(&["it trusts lambda.amazonaws.com"]);
    assert!(site.account.log_group(GROUP).is_some());
}

#[test]
fn wherever_it_stops_it_says_what_stands_and_the_next_run_completes_it() {
    for (denied, done) in [
        ("", 0),
        ("FilterLogEvents", 1),
        ("DeleteLogGroup", 3),
        ("DetachRolePolicy", 4),
        ("DeleteRolePolicy", 5),
        ("DeleteRole", 6),
    ] {
        let site = Site::new();
        let policy = site.account.role_policy(ROLE, "workmail-email-events").unwrap();
        site.account.attach_policy(ROLE, "shared", &policy);
        let delete = Operation::DeleteEmailMonitoringConfiguration;
        if denied.is_empty() {
            site.account.workmail.lock().always_refuse(delete, Some(Refusal::AccessDenied));
        } else {
            site.account.gate.lock().denied = vec![denied];
        }
        let ran = site.run(&[&ALL[..], &["-q", "--format", "json"]].concat());
        let ran = ran.expect_error(&["is not allowed", "ana"]);
        let report = ran.json();
        let results = report["steps"].as_array().unwrap().iter().map(|it| &it["result"]);
        let expected: Vec<&str> = (0..7)
            .map(|it: usize| match it.cmp(&done) {
                std::cmp::Ordering::Less => "done",
                std::cmp::Ordering::Equal => "failed",
                std::cmp::Ordering::Greater => "notDone",
            })
            .collect();
        assert_eq!(results.collect::<Vec<_>>(), expected, "{denied}: {ran:#?}");
        let words = if done == 0 { "nothing was changed" } else { "run the same command again" };
        assert!(ran.stderr.contains(words), "{denied}: {ran:#?}");
        assert_eq!(site.account.log_group(GROUP).is_some(), done <= 3, "{denied}");

        site.account.gate.lock().denied.clear();
        site.account.workmail.lock().always_refuse(delete, None);
        site.run(&ALL).expect(0);
        site.assert_gone();
        assert_eq!(site.records(), 5);
    }
}

#[test]
fn a_late_event_is_taken_before_the_group_goes() {
    let site = Site::new();
    site.run(&["pull", "--organization", "acme", "--no-directory"]).expect(0);
    site.account.gate.lock().news = 1;
    let ran = site.run(&ALL).expect(0);
    assert!(ran.stdout.contains("6 events, none missing"), "{ran:#?}");
    site.assert_gone();
    assert_eq!(site.records(), 6);
}

#[test]
fn while_events_go_on_arriving_the_group_stays() {
    let site = Site::new();
    site.account.gate.lock().news = usize::MAX;
    site.run(&[&ALL[..], &["-q"]].concat())
        .expect_error(&["cannot be sure that the store has everything", "kept arriving"]);
    assert!(site.account.log_group(GROUP).is_some());
    assert_eq!(site.account.monitoring("acme"), None);
    site.account.gate.lock().news = 0;
    site.run(&ALL).expect(0);
    site.assert_gone();
}

#[test]
fn with_a_damaged_store_the_group_stays() {
    let site = Site::new();
    site.run(&["pull", "--organization", "acme"]).expect(0);
    let file = archive_files(&site.store()).remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    site.run(&[&ALL[..], &["-q"]].concat()).expect(2);
    assert!(site.account.log_group(GROUP).is_some());
}

#[test]
fn workmails_own_role_is_waited_for() {
    let site = Site::new();
    let arguments = [&TEARDOWN[..], &["--yes", "--delete-service-linked-role"]].concat();
    let own = |statuses: &[&'static str]| {
        let mut gate = site.account.gate.lock();
        gate.own_role.exists = true;
        gate.own_role.statuses = statuses.to_vec();
    };
    own(&["FAILED"]);
    let ran = site.run(&[&arguments[..], &["-q"]].concat());
    ran.expect_error(&["refused to delete the role", "It is in use", "in us-west-2: m-1"]);
    own(&["IN_PROGRESS"]);
    let ran = site.run(&[&arguments[..], &["-q", "--wait", "0s"]].concat());
    ran.expect_error(&["after 0 s", "run the same command again"]);
    own(&["NOT_STARTED", "IN_PROGRESS", "SUCCEEDED"]);
    let ran = site.run(&arguments).expect(0);
    assert!(ran.stdout.contains(&format!("done  delete the role {OWN_ROLE}")), "{ran:#?}");
    let ran = site.run(&arguments).expect(0);
    assert!(ran.stdout.contains(&format!("ok    there is no role {OWN_ROLE}")), "{ran:#?}");
}

#[test]
fn after_workmail_a_log_group_is_enough() {
    let site = Site::new();
    // Moto's events are of today, and would be gone by then.
    site.account.moto().call("DeleteRetentionPolicy", &json!({ "logGroupName": GROUP }));
    {
        let mut workmail = site.account.workmail.lock();
        for operation in [Operation::ListOrganizations, Operation::DescribeOrganization] {
            workmail.always_refuse(operation, Some(Refusal::Gone));
        }
    }
    let mut command = site.account.command(&[
        "teardown",
        "--log-group",
        GROUP,
        "--role-name",
        ROLE,
        "--delete-log-group",
        "--delete-role",
        "--yes",
        "--settle=1s",
    ]);
    command.arg("--store").arg(site.store()).env("MAILTRACE_NOW", "2027-04-02T12:00:00Z");
    let ran = run(&mut command).expect(0);
    assert!(ran.stdout.contains("5 events, none missing"), "{ran:#?}");
    assert_eq!(site.account.log_group(GROUP), None);
    assert_eq!(site.account.trust_policy(ROLE), None);
}
