//! `mailtrace setup`: from nothing, from what is there, and over whatever stops it half-way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::account::Account;
use crate::support::Ran;
use crate::workmail::{Operation, Organization, Refusal};

const GROUP: &str = "/aws/workmail/emailevents/acme";
const ROLE: &str = "workmail-email-events-acme";
const POLICY: &str = "workmail-email-events";
const SETUP: [&str; 3] = ["setup", "--organization", "acme"];

fn acme() -> Account {
    Account::with([Organization::new("zenith", 9), Organization::new("acme", 1)])
}

fn with<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&SETUP, arguments].concat()
}

fn id() -> String {
    Organization::new("acme", 1).id
}

fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "events.workmail.amazonaws.com" },
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": { "aws:SourceAccount": "123456789012" },
                "ArnLike": { "aws:SourceArn":
                    format!("arn:aws:workmail:us-east-1:123456789012:organization/{}", id()) },
            },
        }],
    })
}

fn permissions(group: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": format!("arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"),
        }],
    })
}

fn monitoring() -> Value {
    json!({
        "LogGroupArn": format!("arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"),
        "RoleArn": format!("arn:aws:iam::123456789012:role/{ROLE}"),
    })
}

/// Checks that everything is as a setup without options leaves it.
#[track_caller]
fn assert_complete(account: &Account) {
    let group = account.log_group(GROUP).unwrap();
    assert_eq!(group["retentionInDays"], 30, "{group}");
    assert_eq!(account.trust_policy(ROLE), Some(trust()));
    assert_eq!(account.role_policy(ROLE, POLICY), Some(permissions(GROUP)));
    assert_eq!(account.monitoring("acme"), Some(monitoring()));
}

/// Whether nothing was made or changed.
#[track_caller]
fn assert_untouched(account: &Account) {
    assert_eq!(account.log_group(GROUP), None);
    assert_eq!(account.trust_policy(ROLE), None);
    assert_eq!(account.monitoring("acme"), None);
    assert_eq!(account.workmail.lock().change_count(), 0);
}

fn results(ran: &Ran) -> Vec<(String, String)> {
    let report = ran.json();
    let steps = report["steps"].as_array().unwrap().iter();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    steps.map(|it| (text(&it["action"]), text(&it["result"]))).collect()
}

#[test]
fn from_nothing_everything_is_made_and_then_left_alone() {
    let account = acme();
    account.workmail.lock().page_organizations = 1;
    account.workmail.lock().stale_answers = 1;
    let ran = account.run(&SETUP).expect(0);
    assert_complete(&account);
    for words in [
        format!("done  create the log group {GROUP}"),
        format!("done  create the role {ROLE}"),
        format!("on    events are logged; download them with `mailtrace pull --log-group {GROUP}"),
    ] {
        assert!(ran.stdout.contains(&words), "{ran:#?}");
    }
    assert!(ran.stderr.contains("waiting for WorkMail to show"), "{ran:#?}");

    account.calls();
    let again = account.run(&with(&["--format", "json"])).expect(0);
    assert_eq!(again.json()["steps"], json!([]), "{again:#?}");
    assert_eq!(again.json()["kept"].as_array().unwrap().len(), 5, "{again:#?}");
    let changing = ["Create", "Put", "Update", "Delete", "Associate"];
    let changes: Vec<String> = account
        .calls()
        .into_iter()
        .filter(|it| changing.iter().any(|word| it.contains(&format!(":{word}"))))
        .collect();
    assert_eq!(changes, [""; 0]);
    assert_complete(&account);
}

#[test]
fn what_is_called_is_what_the_printed_policy_allows() {
    let account = acme();
    let key = "arn:aws:kms:us-east-1:123456789012:key/12ab";
    let mut called = BTreeSet::new();
    for _ in 0..2 {
        account.run(&with(&["--retention-days", "7"])).expect(0);
        called.extend(account.calls());
    }
    account.create_role("workmail-other", &json!({ "Version": "2012-10-17", "Statement": [] }));
    let other = ["--force", "--role-name", "workmail-other", "--retention-days", "never"];
    account.run(&with(&other)).expect(0);
    called.extend(account.calls());
    account
        .run(&with(&["--force", "--default-role", "--log-group", "/k", "--kms-key", key]))
        .expect(0);
    called.extend(account.calls());
    let policies = [&["setup"][..], &["setup", "--default-role"]];
    let beyond = account.beyond_calls(&policies, called);
    // Not calls of their own, and one that only an old group without a key needs.
    assert_eq!(beyond, ["iam:CreateServiceLinkedRole", "iam:PassRole", "logs:AssociateKmsKey"]);
}

#[test]
fn wherever_it_stops_it_says_what_stands_and_the_next_run_completes_it() {
    for (denied, done) in [
        ("CreateLogGroup", 0),
        ("PutRetentionPolicy", 1),
        ("CreateRole", 2),
        ("PutRolePolicy", 3),
        ("", 4),
    ] {
        let account = acme();
        let put = Operation::PutEmailMonitoringConfiguration;
        if denied.is_empty() {
            account.workmail.lock().always_refuse(put, Some(Refusal::AccessDenied));
        } else {
            account.gate.lock().denied = vec![denied];
        }
        let ran =
            account.run(&with(&["--format", "json"])).expect_error(&["is not allowed", "ana"]);
        let taken: Vec<String> = results(&ran).into_iter().map(|(_, result)| result).collect();
        let expected: Vec<&str> = (0..5)
            .map(|it| {
                if it < done {
                    "done"
                } else if it == done {
                    "failed"
                } else {
                    "notDone"
                }
            })
            .collect();
        assert_eq!(taken, expected, "{denied}: {ran:#?}");
        let words = if done == 0 {
            "nothing was changed"
        } else {
            "run the same command again to continue"
        };
        assert!(ran.stderr.contains(words), "{denied}: {ran:#?}");
        if done > 0 {
            let undo =
                format!("aws logs delete-log-group --region us-east-1 --log-group-name {GROUP}");
            assert!(ran.stderr.contains(&undo), "{denied}: {ran:#?}");
        }
        assert_eq!(account.monitoring("acme"), None);

        account.gate.lock().denied.clear();
        account.workmail.lock().always_refuse(put, None);
        account.run(&SETUP).expect(0);
        assert_complete(&account);
    }
}

#[test]
fn a_role_that_is_not_known_everywhere_yet_and_faults_that_pass_only_cost_time() {
    let account = acme();
    {
        let mut workmail = account.workmail.lock();
        let put = Operation::PutEmailMonitoringConfiguration;
        workmail.refuse(put, 0, Refusal::InvalidParameter);
        workmail.refuse(put, 1, Refusal::InvalidParameter);
        workmail.refuse(Operation::ListOrganizations, 0, Refusal::Internal);
        workmail.refuse(Operation::DescribeOrganization, 0, Refusal::Throttling);
    }
    let ran = account.run(&SETUP).expect(0);
    assert!(ran.stderr.contains("does not accept the role yet"), "{ran:#?}");
    assert_complete(&account);
}

#[test]
fn a_dry_run_shows_everything_and_changes_nothing() {
    let account = acme();
    let ran = account.run(&with(&["--dry-run"])).expect(0);
    for words in [
        "call     logs:CreateLogGroup",
        "call     workmail:PutEmailMonitoringConfiguration",
        "\"aws:SourceAccount\": \"123456789012\"",
        "command  aws iam create-role --role-name workmail-email-events-acme",
        "Nothing was changed.",
    ] {
        assert!(ran.stdout.contains(words), "lacks {words}: {ran:#?}");
    }
    let json = account.run(&with(&["--dry-run", "--format", "json"])).expect(0).json();
    assert_eq!(json["steps"][2]["policy"], trust());
    assert_eq!(json["steps"][3]["policy"], permissions(GROUP));
    assert_eq!(json["steps"][4]["result"], "planned");
    assert_untouched(&account);
}

#[test]
fn a_foreign_trust_policy_is_replaced_by_force_only() {
    let account = acme();
    let foreign = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "lambda.amazonaws.com" },
            "Action": "sts:AssumeRole",
        }],
    });
    account.create_role(ROLE, &foreign);
    let others = permissions("/others");
    account.put_role_policy(ROLE, "others", &others);
    account.run(&SETUP).expect_error(&[
        ROLE,
        "it trusts lambda.amazonaws.com (Service)",
        "it has no condition on aws:SourceAccount",
        "--force",
    ]);
    assert_eq!(account.trust_policy(ROLE), Some(foreign));
    assert_eq!(account.log_group(GROUP), None);

    account.run(&with(&["--force"])).expect(0);
    assert_complete(&account);
    assert_eq!(account.role_policy(ROLE, "others"), Some(others));
}

#[test]
fn a_role_and_a_group_that_are_as_needed_are_adopted() {
    let account = acme();
    let mut wider = trust();
    wider["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"] =
        json!(["arn:aws:workmail:us-east-1:123456789012:organization/*"]);
    account.create_role("workmail-hand-made", &wider);
    // As in the administrator guide.
    let mut guide = permissions("/custom/mail");
    guide["Statement"] = guide["Statement"][0].clone();
    guide["Statement"]["Resource"] =
        "arn:aws:logs:us-east-1:123456789012:log-group:/custom/mail*".into();
    account.put_role_policy("workmail-hand-made", "workmail-permissions", &guide);
    account.moto().create_group("/custom/mail");
    account
        .moto()
        .call("CreateLogStream", &json!({ "logGroupName": "/custom/mail", "logStreamName": "s" }));
    let arguments =
        ["--log-group", "/custom/mail", "--role-name", "workmail-hand-made", "--format", "json"];
    let ran = account.run(&with(&arguments)).expect(0);
    let switch = "workmail:PutEmailMonitoringConfiguration".to_owned();
    assert_eq!(results(&ran), [(switch, "done".to_owned())]);
    // A group that has events keeps them for as long as it did.
    assert!(account.log_group("/custom/mail").unwrap().get("retentionInDays").is_none());
    assert_eq!(account.trust_policy("workmail-hand-made"), Some(wider));
    assert_eq!(account.role_policy("workmail-hand-made", POLICY), None);
}

#[test]
fn logging_elsewhere_is_moved_by_force_only() {
    let account = acme();
    let own = with(&["--default-role", "--retention-days", "never"]);
    let ran = account.run(&own).expect(0);
    assert!(ran.stdout.contains("WorkMail's own role"), "{ran:#?}");
    assert_eq!(account.trust_policy(ROLE), None);
    assert!(account.log_group(GROUP).unwrap().get("retentionInDays").is_none());
    account.run(&own).expect(0);
    let before = account.monitoring("acme");
    account.run(&SETUP).expect_error(&["already logs to", "AWSServiceRole", ROLE, "--force"]);
    assert_eq!(account.monitoring("acme"), before);
    account.run(&with(&["--force", "--retention-days", "30"])).expect(0);
    assert_complete(&account);
}

#[test]
fn organizations_that_are_not_meant_are_told_apart() {
    let account = acme();
    {
        let mut workmail = account.workmail.lock();
        let gone = Organization { state: "Deleted", ..Organization::new("acme", 2) };
        let making = Organization { state: "Creating", ..Organization::new("new", 3) };
        workmail.organizations.extend([gone, making]);
        workmail.organizations.extend([4, 5].map(|it| Organization::new("twin", it)));
        workmail.page_organizations = 2;
    }
    let setup = |organization: &str| account.run(&["setup", "--organization", organization]);
    setup("acne").expect_error(&["no WorkMail organization acne in us-east-1", "acme", "--region"]);
    setup("new").expect_error(&["is Creating, not active"]);
    let (fourth, fifth) = (Organization::new("", 4).id, Organization::new("", 5).id);
    setup("twin").expect_error(&["several", &fourth, &fifth]);
    setup(&Organization::new("", 7).id).expect_error(&["no WorkMail organization m-0000"]);
    let describe = Operation::DescribeOrganization;
    account.workmail.lock().refuse(describe, 0, Refusal::OrganizationState);
    setup(&id()).expect_error(&["OrganizationStateException"]);
    setup("a'c").expect_error(&["is not a WorkMail organization"]);
    assert_untouched(&account);
    setup(&id()).expect(0);
    assert_complete(&account);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_changed() {
    let account = acme();
    let key = "arn:aws:kms:eu-west-1:123456789012:key/12ab";
    let elsewhere = format!("arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}:*");
    for (arguments, words) in [
        (["--retention-days", "31"], ["31", "3653"]),
        (["--retention-days", "-1"], ["-1", ""]),
        (["--kms-key", key], [key, "in the log group's region"]),
        (["--role-name", "a/b"], ["a/b", "name of a role"]),
        (["--log-group", "a b"], ["a b", "name of a log group"]),
        (["--log-group", &elsewhere], ["is in eu-west-1", "--log-group"]),
        (["--format", "csv"], ["csv", ""]),
    ] {
        let ran = account.run(&with(&arguments)).expect(2);
        for word in words {
            assert!(ran.stderr.contains(word), "{arguments:?} lacks {word}: {ran:#?}");
        }
    }
    account
        .workmail
        .lock()
        .always_refuse(Operation::ListOrganizations, Some(Refusal::AccessDenied));
    account.run(&SETUP).expect_error(&["workmail:ListOrganizations", "is not allowed"]);
    assert_untouched(&account);
    let insecure = &mut account.command(&SETUP);
    insecure.env("AWS_ENDPOINT_URL_WORKMAIL", "http://workmail.example.com");
    crate::support::run(insecure).expect_error(&["http://workmail.example.com", "not encrypted"]);
}

#[test]
fn a_key_encrypts_a_new_group() {
    let account = acme();
    let key = "arn:aws:kms:us-east-1:123456789012:key/12ab";
    let arguments = with(&["--kms-key", key, "--role-name", "mail-logger"]);
    let ran = account.run(&arguments).expect(0);
    assert_eq!(account.log_group(GROUP).unwrap()["kmsKeyId"], key);
    assert!(ran.stderr.contains("logs.us-east-1.amazonaws.com"), "{ran:#?}");
    assert!(ran.stderr.contains("does not contain \"workmail\""), "{ran:#?}");
    let other = key.replace("12ab", "34cd");
    let ran = account.run(&with(&["--kms-key", &other, "--role-name", "mail-logger"])).expect(0);
    assert!(ran.stderr.contains("it stays so without --force"), "{ran:#?}");
    assert_eq!(account.log_group(GROUP).unwrap()["kmsKeyId"], key);
}
