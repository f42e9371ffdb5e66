//! `mailtrace policy`: what it prints is what the program calls, and nothing beyond it.

use serde_json::{Value, json};

use crate::program::run;

const ID: &str = "m-0123456789abcdef0123456789abcdef";

fn policy(arguments: &[&str]) -> Value {
    let all = [&["policy"], arguments, &["--format", "json"]].concat();
    run(&all).with(0).json()
}

fn narrowed(caller: &str) -> Vec<&str> {
    vec![
        caller,
        "--organization",
        ID,
        "--log-group",
        "/acme",
        "--role-name",
        "workmail-acme",
        "--region",
        "eu-west-1",
        "--account",
        "123456789012",
    ]
}

#[test]
fn a_reader_may_do_what_a_pull_and_a_look_do() {
    let mut arguments = narrowed("reader");
    arguments.extend(["--s3", "s3://acme-logs/exports/"]);
    assert_eq!(
        policy(&arguments),
        json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "FindLogGroup",
                    "Effect": "Allow",
                    "Action": "logs:DescribeLogGroups",
                    "Resource": "arn:aws:logs:eu-west-1:123456789012:log-group:*",
                },
                {
                    "Sid": "ReadEvents",
                    "Effect": "Allow",
                    "Action": ["logs:DescribeLogStreams", "logs:FilterLogEvents"],
                    "Resource": "arn:aws:logs:eu-west-1:123456789012:log-group:/acme:*",
                },
                {
                    "Sid": "FindOrganization",
                    "Effect": "Allow",
                    "Action": "workmail:ListOrganizations",
                    "Resource": "*",
                },
                {
                    "Sid": "LookAtOrganizations",
                    "Effect": "Allow",
                    "Action": [
                        "workmail:DescribeEmailMonitoringConfiguration",
                        "workmail:DescribeOrganization",
                    ],
                    "Resource": "arn:aws:workmail:*:123456789012:organization/*",
                },
                {
                    "Sid": "LookAtDeliveries",
                    "Effect": "Allow",
                    "Action": [
                        "logs:DescribeDeliveries",
                        "logs:DescribeDeliveryDestinations",
                        "logs:DescribeDeliverySources",
                    ],
                    "Resource": "*",
                },
                {
                    "Sid": "ReadDirectory",
                    "Effect": "Allow",
                    "Action": [
                        "workmail:ListAliases",
                        "workmail:ListGroupMembers",
                        "workmail:ListGroups",
                        "workmail:ListMailDomains",
                        "workmail:ListMailboxPermissions",
                        "workmail:ListResourceDelegates",
                        "workmail:ListResources",
                        "workmail:ListUsers",
                    ],
                    "Resource": format!("arn:aws:workmail:eu-west-1:123456789012:organization/{ID}"),
                },
                {
                    "Sid": "LookAtRole",
                    "Effect": "Allow",
                    "Action": [
                        "iam:GetRole",
                        "iam:GetRolePolicy",
                        "iam:ListAttachedRolePolicies",
                        "iam:ListRolePolicies",
                    ],
                    "Resource": [
                        "arn:aws:iam::123456789012:role/aws-service-role/events.workmail.amazonaws.com/AWSServiceRoleForAmazonWorkMailEvents",
                        "arn:aws:iam::123456789012:role/workmail-acme",
                    ],
                },
                {
                    "Sid": "LookAtSharedPolicies",
                    "Effect": "Allow",
                    "Action": ["iam:GetPolicy", "iam:GetPolicyVersion"],
                    "Resource": [
                        "arn:aws:iam::123456789012:policy/*",
                        "arn:aws:iam::aws:policy/*",
                    ],
                },
                {
                    "Sid": "ListObjects",
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": "arn:aws:s3:::acme-logs",
                    "Condition": { "StringLike": { "s3:prefix": "exports/*" } },
                },
                {
                    "Sid": "ReadObjects",
                    "Effect": "Allow",
                    "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::acme-logs/exports/*",
                },
            ],
        })
    );
}

#[test]
fn whoever_sets_up_may_pass_the_one_role_to_workmail_only() {
    let document = policy(&narrowed("setup"));
    let statements = document["Statement"].as_array().unwrap();
    let pass = statements.iter().find(|it| it["Sid"] == "PassRole").unwrap();
    assert_eq!(pass["Resource"], "arn:aws:iam::123456789012:role/workmail-acme");
    assert_eq!(
        pass["Condition"],
        json!({ "StringEquals": { "iam:PassedToService": "events.workmail.amazonaws.com" } })
    );
    let mut arguments = narrowed("setup");
    arguments.retain(|it| !["--role-name", "workmail-acme"].contains(it));
    arguments.push("--default-role");
    let text = policy(&arguments).to_string();
    assert!(text.contains("iam:CreateServiceLinkedRole") && !text.contains("PassRole"), "{text}");
}

#[test]
fn what_is_not_said_stands_in_capitals() {
    let ended = run(&["policy", "teardown"]).with(0);
    assert!(ended.stdout.contains("arn:aws:logs:REGION:ACCOUNT:log-group:*"), "{ended:#?}");
    assert!(ended.stdout.contains("organization/ORGANIZATION-ID"), "{ended:#?}");
    for option in ["--region", "--account", "--organization"] {
        assert!(ended.stderr.contains(option), "{ended:#?}");
    }
    let document: Value = ended.json();
    assert_eq!(document["Version"], "2012-10-17");
    let named = run(&["policy", "teardown", "--organization", "acme", "-q"]).with(0);
    assert!(named.stdout.contains("log-group:/aws/workmail/emailevents/acme:*"), "{named:#?}");
    assert!(named.stdout.contains("role/workmail-email-events-acme"), "{named:#?}");
    assert_eq!(named.stderr, "");
}

#[test]
fn names_that_cannot_be_are_refused() {
    for (option, value) in [
        ("--organization", "a'c"),
        ("--log-group", "/a b"),
        ("--role-name", "a/b"),
        ("--region", "eu_west"),
        ("--account", "12"),
    ] {
        let ended = run(&["policy", "reader", option, value]).with(2);
        assert!(ended.stderr.starts_with("error: \""), "{ended:#?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
    }
    run(&["policy", "reader", "--format", "csv"]).with(2);
    run(&["policy", "setup", "--s3", "s3://acme-logs"]).with(2);
}
