//! `mailtrace doctor`: every way in which event logging may not be as it should be.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::account::Account;
use crate::cloudwatch::Event;
use crate::support::{Ran, mailtrace, run};
use crate::workmail::{Operation, Organization, Refusal};

const GROUP: &str = "/aws/workmail/emailevents/acme";
const ROLE: &str = "workmail-email-events-acme";
const DOCTOR: [&str; 3] = ["doctor", "--organization", "acme"];

/// An account whose organization acme logs as `setup` has it, and a store beside it.
struct Clinic {
    account: Account,
    dir: tempfile::TempDir,
}

impl Clinic {
    /// Where nothing is set up.
    fn new() -> Self {
        let account = Account::with([Organization::new("acme", 1), Organization::new("zenith", 9)]);
        Self { account, dir: tempfile::tempdir().unwrap() }
    }

    /// Where events are logged, and are in the store.
    fn healthy() -> Self {
        let clinic = Self::new();
        clinic.run(&["setup", "--organization", "acme"]).expect(0);
        clinic.log("m1");
        clinic.run(&["pull", "--organization", "acme"]).expect(0);
        clinic.account.calls();
        clinic
    }

    fn log(&self, id: &str) {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let message = json!({ "traceId": id, "event": {
            "eventName": "OUTGOING_EMAIL_SENT", "messageId": format!("<{id}@acme.example>") } });
        self.account.moto().put(GROUP, &[Event::new(now_ms - 1_000, "s", message.to_string())]);
    }

    /// Has the role share what it may do already.
    fn share_policy(&self) {
        let policy = self.account.role_policy(ROLE, "workmail-email-events").unwrap();
        self.account.attach_policy(ROLE, "shared", &policy);
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.account.run_now(&self.store(), arguments)
    }

    /// Looks, and gives the exit status and the checks.
    fn checks(&self, arguments: &[&str]) -> Checks {
        let ran = self.run(&[arguments, &["--format", "json"]].concat());
        Checks::of(ran)
    }
}

struct Checks {
    ran: Ran,
    checks: Vec<Value>,
}

impl Checks {
    fn of(ran: Ran) -> Self {
        let checks = ran.json()["checks"].as_array().unwrap().clone();
        let worst = if checks.iter().any(|it| it["status"] == "failed") {
            2
        } else if checks.iter().any(|it| it["status"] == "warning") {
            3
        } else {
            0
        };
        assert_eq!(ran.status, Some(worst), "{ran:#?}");
        assert_eq!(ran.stderr.lines().count(), usize::from(worst == 2), "{ran:#?}");
        Self { ran, checks }
    }

    /// Checks how one check came out, and that it says these words.
    #[track_caller]
    fn has(&self, name: &str, status: &str, words: &[&str]) -> &Self {
        let check = self.checks.iter().find(|it| it["check"] == name);
        let check = check.unwrap_or_else(|| panic!("no {name} in {:#?}", self.checks));
        assert_eq!(check["status"], status, "{check:#}");
        for word in words {
            assert!(check.to_string().contains(word), "lacks {word}: {check:#}");
        }
        self
    }

    /// Checks that all the others are ok.
    #[track_caller]
    fn all_but(&self, names: &[&str]) -> &Self {
        for check in &self.checks {
            let name = check["check"].as_str().unwrap();
            assert!(names.contains(&name) || check["status"] == "ok", "{check:#}");
        }
        self
    }
}

#[test]
fn what_works_is_ok_and_only_looked_at() {
    let clinic = Clinic::healthy();
    let checks = clinic.checks(&DOCTOR);
    checks.all_but(&[]);
    let names: Vec<&str> = checks.checks.iter().map(|it| it["check"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "identity",
            "organization",
            "monitoring",
            "log group",
            "retention",
            "events flowing",
            "role",
            "role trust",
            "role permissions",
            "role name",
            "pulling",
            "directory",
            "audit logs",
            "end of WorkMail",
        ]
    );
    checks.has("identity", "ok", &["us-east-1", "arn:aws:sts::123456789012:"]);
    checks.has("monitoring", "ok", &[GROUP, ROLE]);
    checks.has("retention", "ok", &["30 days"]);
    // The group alone, and neither, find the organization too.
    clinic.checks(&["doctor", "--log-group", GROUP]).all_but(&[]);
    let several = clinic.checks(&["doctor"]);
    several.has("organization", "failed", &["acme, zenith", "--organization"]);
    clinic.account.workmail.lock().organizations.pop();
    clinic.checks(&["doctor"]).all_but(&[]);

    let table = clinic.run(&DOCTOR).expect(0);
    assert!(table.stdout.contains("ok       role trust        only WorkMail"), "{table:#?}");
    assert!(table.stdout.ends_with("14 ok, 0 warnings, 0 failed\n"), "{table:#?}");
    assert_eq!(table.stderr, "");
}

#[test]
fn what_is_called_is_what_the_printed_policy_allows() {
    let clinic = Clinic::healthy();
    let account = &clinic.account;
    clinic.share_policy();
    clinic.checks(&DOCTOR);
    clinic.checks(&["doctor", "--log-group", GROUP]);
    {
        let mut workmail = account.workmail.lock();
        let mut organizations = workmail.organizations.iter_mut();
        let directory = &mut organizations.find(|it| it.alias == "acme").unwrap().directory;
        directory.user(1, "ana@acme.example", &[]);
        directory.group(2, "all@acme.example", &[]);
        directory.room(3, "room@acme.example", &[]);
    }
    clinic.run(&["pull", "--organization", "acme", "--directory"]).expect(0);
    let called = account.calls();
    let changing = ["Create", "Put", "Update", "Delete", "Associate", "Attach", "Detach"];
    let changes: Vec<&String> = called
        .iter()
        .filter(|it| changing.iter().any(|word| it.contains(&format!(":{word}"))))
        .collect();
    assert!(changes.is_empty(), "{changes:?}");
    assert_eq!(account.beyond_calls(&[&["reader"]], called), [""; 0]);
}

#[test]
fn without_logging_it_says_how_to_switch_it_on() {
    let clinic = Clinic::new();
    let checks = clinic.checks(&DOCTOR);
    let setup = "mailtrace setup --organization acme --region us-east-1";
    checks.has("monitoring", "failed", &["event logging is off", setup]);
    checks.has("log group", "failed", &[GROUP]);
    let directory = "mailtrace pull --organization acme --region us-east-1 --directory --store";
    checks.has("directory", "warning", &["2027-03-31", directory]);
    checks.all_but(&["monitoring", "log group", "directory"]);
    let ran = clinic.run(&DOCTOR).expect_error(&["2 of ", "monitoring, log group"]);
    assert!(ran.stdout.contains(&format!("$ {setup}\n")), "{ran:#?}");
}

#[test]
fn what_is_denied_is_a_warning_that_names_the_permission() {
    let clinic = Clinic::healthy();
    clinic.share_policy();
    for (action, check, status) in [
        ("sts:GetCallerIdentity", "identity", "warning"),
        ("logs:DescribeLogGroups", "log group", "warning"),
        ("logs:DescribeLogStreams", "events flowing", "warning"),
        ("logs:FilterLogEvents", "pulling", "failed"),
        ("iam:GetRole", "role", "warning"),
        ("iam:ListRolePolicies", "role permissions", "warning"),
        ("iam:GetRolePolicy", "role permissions", "warning"),
        ("iam:ListAttachedRolePolicies", "role permissions", "warning"),
        ("iam:GetPolicy", "role permissions", "warning"),
        ("iam:GetPolicyVersion", "role permissions", "warning"),
        ("logs:DescribeDeliverySources", "audit logs", "warning"),
        ("logs:DescribeDeliveryDestinations", "audit logs", "warning"),
        ("logs:DescribeDeliveries", "audit logs", "warning"),
    ] {
        let (_, name) = action.split_once(':').unwrap();
        clinic.account.gate.lock().denied = vec![name];
        let checks = clinic.checks(&DOCTOR);
        checks.has(check, status, &[action, "ana", "mailtrace policy reader"]);
        // Without the group's age and retention, 30 days are assumed.
        checks.all_but(&[check, "pulling", "retention", "audit logs"]);
    }
    clinic.account.gate.lock().denied.clear();
    for (operation, check) in [
        (Operation::ListOrganizations, "organization"),
        (Operation::DescribeOrganization, "organization"),
        (Operation::DescribeEmailMonitoringConfiguration, "monitoring"),
    ] {
        clinic.account.workmail.lock().always_refuse(operation, Some(Refusal::AccessDenied));
        let action = format!("workmail:{}", operation.name());
        let checks = clinic.checks(&DOCTOR);
        checks.has(check, "warning", &[&action, "ana"]).all_but(&[check]);
        checks.has("log group", "ok", &[GROUP]);
        clinic.account.workmail.lock().always_refuse(operation, None);
    }
}

#[test]
fn a_role_that_is_wider_than_needed_is_told() {
    let clinic = Clinic::healthy();
    let account = &clinic.account;
    let mut trust = account.trust_policy(ROLE).unwrap();
    trust["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"] =
        "arn:aws:workmail:us-east-1:123456789012:organization/*".into();
    account.create_role("mail-logger", &trust);
    let policy = account.role_policy(ROLE, "workmail-email-events").unwrap();
    account.put_role_policy("mail-logger", "own", &policy);
    account.attach_policy(
        "mail-logger",
        "shared",
        &json!({
            "Version": "2012-10-17",
            "Statement": { "Effect": "Allow", "Action": "s3:*", "Resource": "*" },
        }),
    );
    let arguments = ["setup", "--organization", "acme", "--role-name", "mail-logger", "--force"];
    clinic.run(&arguments).expect(0);
    let checks = clinic.checks(&DOCTOR);
    checks.has("role trust", "warning", &["every organization", "update-assume-role-policy"]);
    checks.has("role permissions", "warning", &["shared allows s3:*", "PutLogEvents"]);
    checks.has("role name", "warning", &["AmazonWorkMailFullAccess"]);
    checks.all_but(&["role trust", "role permissions", "role name"]);
}

#[test]
fn a_foreign_role_a_missing_one_and_logging_elsewhere_fail() {
    let clinic = Clinic::healthy();
    let account = &clinic.account;
    account.create_role(
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
    let set = |key: &str, value: &str| {
        let mut workmail = account.workmail.lock();
        workmail.organizations[0].monitoring.as_mut().unwrap()[key] = value.into();
    };
    set("RoleArn", "arn:aws:iam::123456789012:role/path/workmail-other");
    let checks = clinic.checks(&DOCTOR);
    checks.has("role trust", "failed", &["lambda.amazonaws.com", "a role of its own"]);
    checks.has("role permissions", "failed", &["logs:PutLogEvents", "mailtrace setup"]);
    set("RoleArn", "arn:aws:iam::123456789012:role/workmail-gone");
    clinic.checks(&DOCTOR).has("role", "failed", &["workmail-gone"]).all_but(&["role"]);
    let role = format!("arn:aws:iam::123456789012:role/{ROLE}");
    set("RoleArn", &role);
    set("LogGroupArn", "arn:aws:logs:eu-west-1:123456789012:log-group:/g:*");
    clinic.checks(&DOCTOR).has("monitoring", "failed", &["in eu-west-1"]);
    set("LogGroupArn", "arn:aws:logs:us-east-1:123456789012:log-group:/g:*");
    let named = [&DOCTOR[..], &["--log-group", GROUP]].concat();
    clinic.checks(&named).has("monitoring", "failed", &["/g", "not what you named", "--force"]);
    let elsewhere = format!("arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}");
    let named = ["doctor", "--log-group", &elsewhere, "--region", "us-east-1"];
    clinic.checks(&named).has("log group", "failed", &["eu-west-1", "--region"]);
}

#[test]
fn workmails_own_role_is_left_to_workmail() {
    let clinic = Clinic::new();
    clinic.run(&["setup", "--organization", "acme", "--default-role"]).expect(0);
    clinic.log("m1");
    clinic.run(&["pull", "--organization", "acme"]).expect(0);
    clinic.account.gate.lock().own_role.exists = true;
    let checks = clinic.checks(&DOCTOR);
    checks.all_but(&[]).has("role", "ok", &["WorkMail's own"]);
    assert!(!checks.ran.stdout.contains("role trust"), "{:#?}", checks.ran);
    clinic.account.gate.lock().own_role.exists = false;
    clinic.checks(&DOCTOR).has("role", "failed", &["--default-role"]);
}

#[test]
fn an_organization_that_is_not_here_is_looked_for_elsewhere() {
    let clinic = Clinic::healthy();
    {
        let mut workmail = clinic.account.workmail.lock();
        let away = Organization { region: "eu-west-1", ..Organization::new("away", 5) };
        let making = Organization { state: "Creating", ..Organization::new("new", 6) };
        workmail.organizations.extend([away, making]);
    }
    let look = |name: &str| clinic.checks(&["doctor", "--organization", name]);
    let command = "mailtrace doctor --organization away --region eu-west-1";
    look("away").has("organization", "failed", &["is in eu-west-1", command]);
    look("acne").has("organization", "failed", &["no WorkMail organization acne", "acme"]);
    look("new").has("organization", "failed", &["Creating"]);
    clinic.run(&["doctor", "--organization", "a'c"]).expect_error(&["a'c"]);
}

#[test]
fn what_is_not_in_the_store_is_told_before_it_is_gone() {
    let clinic = Clinic::healthy();
    let mut command = clinic.account.command(&[&DOCTOR[..], &["--format", "json"]].concat());
    let nowhere = clinic.dir.path().join("none");
    command.arg("--store").arg(&nowhere);
    let later = |days: i64| {
        (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_string()
    };
    // Nothing was pulled, and what the group may have had before it was made is deleted first.
    let none = Checks::of(run(command.env("MAILTRACE_NOW", later(0))));
    let pull = format!("mailtrace pull --log-group {GROUP} --region us-east-1 --store");
    none.has("directory", "warning", &["the store has none"]);
    none.has("retention", "warning", &["none of them is in the store", &pull]);
    assert!(!nowhere.exists());
    let soon = Checks::of(run(command.env("MAILTRACE_NOW", later(13))));
    soon.has("retention", "failed", &["will be deleted in 2 days", &pull]);
    let late = Checks::of(run(command.env("MAILTRACE_NOW", later(20))));
    late.has("retention", "failed", &["are being deleted", &pull]);
    let old = clinic.account.command(&[&DOCTOR[..], &["--format", "json"]].concat());
    let old =
        Checks::of(run({ old }.arg("--store").arg(clinic.store()).env("MAILTRACE_NOW", later(8))));
    old.has("directory", "warning", &["8 days ago", "--directory"]);
    late.has("events flowing", "failed", &["20 days ago", "send a message"]);
}

#[test]
fn after_workmail_a_log_group_is_enough() {
    let clinic = Clinic::healthy();
    let mut pull = clinic.account.command(&["pull", "--log-group", GROUP]);
    let store = clinic.store();
    run(pull.arg("--store").arg(&store).env("MAILTRACE_NOW", "2027-04-02T12:00:00Z")).expect(0);
    {
        let mut workmail = clinic.account.workmail.lock();
        for operation in [Operation::ListOrganizations, Operation::DescribeOrganization] {
            workmail.always_refuse(operation, Some(Refusal::Gone));
        }
    }
    for arguments in [["--log-group", GROUP], ["--organization", "acme"]] {
        let all = [&["doctor"], &arguments[..], &["--format", "json"]].concat();
        let mut command = clinic.account.command(&all);
        command.arg("--store").arg(&store).env("MAILTRACE_NOW", "2027-04-02T13:00:00Z");
        let checks = Checks::of(run(&mut command));
        checks.all_but(&[]).has("organization", "ok", &["has shut down"]);
        checks.has("retention", "ok", &["30 days"]);
        checks.has("end of WorkMail", "ok", &["2027-03-31"]);
    }
}

#[test]
fn without_credentials_it_says_how_to_get_some() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = mailtrace();
    command.args(["doctor", "--format", "json", "--region", "us-east-1", "--store"]);
    command.arg(dir.path().join("store")).env("AWS_EC2_METADATA_DISABLED", "true");
    Checks::of(run(&mut command)).has("identity", "failed", &["no AWS credentials", "--profile"]);
}

/// Writes a policy to a file.
fn file(dir: &Path, name: &str, policy: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, policy).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn files_are_reviewed_without_network_and_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let id = Organization::new("acme", 1).id;
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "events.workmail.amazonaws.com" },
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": { "aws:SourceAccount": "123456789012" },
                "ArnLike": { "aws:SourceArn":
                    format!("arn:aws:workmail:us-east-1:123456789012:organization/{id}") },
            },
        }],
    })
    .to_string();
    let role = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": format!("arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"),
        }],
    })
    .to_string();
    let review = |trust: &str, role: &str, more: &[&str]| {
        let (trust, role) = (file(dir.path(), "t", trust), file(dir.path(), "r", role));
        let files = ["doctor", "--trust-policy", &trust, "--role-policy", &role];
        Checks::of(run(mailtrace().args(files).args(more).args(["--format", "json"])))
    };
    review(&trust, &role, &[]).all_but(&[]);
    review(&trust, &role, &["--account", "210987654321"]).has(
        "role trust",
        "failed",
        &["not 210987654321"],
    );
    let wide = trust.replace(&id, "*");
    review(&wide, &role, &[]).has(
        "role trust",
        "warning",
        &["every organization", "ORGANIZATION-ID"],
    );
    let any = wide.replace("arn:aws:workmail:us-east-1:123456789012:organization/*", "*");
    review(&any, &role, &[]).has("role trust", "failed", &["aws:SourceArn"]);
    let lambda = trust.replace("events.workmail", "lambda");
    review(&lambda, &role, &[]).has("role trust", "failed", &["it trusts lambda"]);
    let more = role.replace("logs:PutLogEvents", "logs:*");
    review(&trust, &more, &[]).has("role permissions", "warning", &["logs:*", "not needed"]);
    let guide = role.replace("acme:*", "acme*");
    review(&trust, &guide, &[]).has("role permissions", "warning", &["begins with"]);
    review(&trust, "{}", &[]).has("role permissions", "failed", &["not an IAM policy"]);
    let other = ["--log-group", "/other"];
    review(&trust, &role, &other).has("role permissions", "failed", &["on /other"]);
    let missing = mailtrace().args(["doctor", "--trust-policy", "/none"]).output().unwrap();
    Ran::from(missing).expect_error(&["cannot open /none"]);
}
