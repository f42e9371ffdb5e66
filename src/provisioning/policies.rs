//! The policies that event logging needs, and no wider: the role's, and those of people who run
//! mailtrace.
//!
//! AWS's service authorization reference says which resource each action is checked against.

use super::policy::{Policy, PolicyStatement, Principal};
use super::scope::{SERVICE, Scope};
use crate::aws::{S3Url, partition};

/// The role's trust policy: WorkMail, if it acts for this organization of this account, so that
/// nobody can make it write with the role on behalf of another ("confused deputy").
pub fn trust_policy(scope: &Scope) -> Policy {
    let mut statement = PolicyStatement::allowing(["sts:AssumeRole"])
        .when("StringEquals", "aws:SourceAccount", &scope.account)
        .when("ArnLike", "aws:SourceArn", &scope.organization_arn());
    let service = [("Service".to_owned(), SERVICE.into())];
    statement.principal = Some(Principal::ByKind(service.into_iter().collect()));
    Policy::new([statement])
}

/// The actions that the role needs (WorkMail administrator guide, "Enabling email event
/// logging").
pub(super) const ROLE_ACTIONS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// The role's policy: writing to streams of the one group.
///
/// The guide's own sample ends in `GROUP*`, which includes groups whose names only begin alike.
/// `GROUP:*` is enough: both actions are checked against `…:log-group:GROUP:log-stream:STREAM`.
pub fn role_policy(scope: &Scope) -> Policy {
    Policy::new(
        [PolicyStatement::allowing(ROLE_ACTIONS).on([scope.log_group_arn().with_streams()])],
    )
}

/// The calls that read an organization's directory, once it is found.
const DIRECTORY_ACTIONS: [&str; 8] = [
    "workmail:ListUsers",
    "workmail:ListGroups",
    "workmail:ListGroupMembers",
    "workmail:ListResources",
    "workmail:ListResourceDelegates",
    "workmail:ListAliases",
    "workmail:ListMailboxPermissions",
    "workmail:ListMailDomains",
];

/// The policy for `mailtrace pull` and `mailtrace doctor`, and for objects if a bucket is given.
///
/// The first two statements are enough to pull events. `sts:GetCallerIdentity`, which both may
/// call as well, needs no permission.
pub fn reader_policy(scope: &Scope, objects: Option<&S3Url>) -> Policy {
    let mut statements = reading(scope);
    statements.extend([
        list_organizations(),
        look_at_organizations(scope),
        look_at_deliveries(),
        PolicyStatement::allowing(DIRECTORY_ACTIONS)
            .named("ReadDirectory")
            .on([scope.organization_arn()]),
        PolicyStatement::allowing([
            "iam:GetRole",
            "iam:ListRolePolicies",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
        ])
        .named("LookAtRole")
        .on([scope.role_arn(), scope.service_linked_role_arn()]),
        PolicyStatement::allowing(["iam:GetPolicy", "iam:GetPolicyVersion"])
            .named("LookAtSharedPolicies")
            .on(["aws", scope.account.as_str()]
                .map(|owner| format!("arn:{}:iam::{owner}:policy/*", partition(&scope.region)))),
    ]);
    if let Some(url) = objects {
        let bucket = format!("arn:{}:s3:::{}", partition(&scope.region), url.bucket());
        let list =
            PolicyStatement::allowing(["s3:ListBucket"]).named("ListObjects").on([bucket.clone()]);
        let is_prefix = !url.prefix().is_empty();
        let pattern = format!("{}*", url.prefix());
        statements.extend([
            if is_prefix { list.when("StringLike", "s3:prefix", &pattern) } else { list },
            PolicyStatement::allowing(["s3:GetObject"])
                .named("ReadObjects")
                .on([format!("{bucket}/{pattern}")]),
        ]);
    }
    Policy::new(statements)
}

/// The policy for `mailtrace setup`: with the organization's own role, or with the one that
/// WorkMail makes for itself.
pub fn setup_policy(scope: &Scope, is_default_role: bool) -> Policy {
    let mut statements = vec![
        list_organizations(),
        PolicyStatement::allowing([
            "workmail:DescribeOrganization",
            "workmail:DescribeEmailMonitoringConfiguration",
            "workmail:PutEmailMonitoringConfiguration",
        ])
        .named("SwitchOn")
        .on([scope.organization_arn()]),
        list_groups(scope),
        PolicyStatement::allowing([
            "logs:CreateLogGroup",
            "logs:DescribeLogStreams",
            "logs:PutRetentionPolicy",
            "logs:DeleteRetentionPolicy",
            "logs:AssociateKmsKey",
        ])
        .named("MakeLogGroup")
        .on(group_and_streams(scope)),
    ];
    if is_default_role {
        statements.push(
            PolicyStatement::allowing(["iam:CreateServiceLinkedRole"])
                .named("MakeServiceLinkedRole")
                .on([scope.service_linked_role_arn()])
                .when("StringEquals", "iam:AWSServiceName", SERVICE),
        );
        return Policy::new(statements);
    }
    statements.extend([
        PolicyStatement::allowing([
            "iam:GetRole",
            "iam:ListRolePolicies",
            "iam:GetRolePolicy",
            "iam:CreateRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:PutRolePolicy",
        ])
        .named("MakeRole")
        .on([scope.role_arn()]),
        // Without the condition the caller could pass the role to any service that would then act
        // with it.
        PolicyStatement::allowing(["iam:PassRole"]).named("PassRole").on([scope.role_arn()]).when(
            "StringEquals",
            "iam:PassedToService",
            SERVICE,
        ),
    ]);
    Policy::new(statements)
}

/// The policy for `mailtrace teardown`, including the last pull and the look at other
/// organizations.
pub fn teardown_policy(scope: &Scope) -> Policy {
    let mut statements = vec![
        list_organizations(),
        look_at_organizations(scope),
        PolicyStatement::allowing(["workmail:DeleteEmailMonitoringConfiguration"])
            .named("SwitchOff")
            .on([scope.organization_arn()]),
    ];
    statements.extend(reading(scope));
    statements.extend([
        PolicyStatement::allowing(["logs:DescribeSubscriptionFilters", "logs:DeleteLogGroup"])
            .named("DeleteLogGroup")
            .on(group_and_streams(scope)),
        PolicyStatement::allowing([
            "iam:GetRole",
            "iam:ListRolePolicies",
            "iam:ListAttachedRolePolicies",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:DeleteRole",
        ])
        .named("DeleteRole")
        .on([scope.role_arn()]),
        PolicyStatement::allowing([
            "iam:GetRole",
            "iam:DeleteServiceLinkedRole",
            "iam:GetServiceLinkedRoleDeletionStatus",
        ])
        .named("DeleteServiceLinkedRole")
        .on([scope.service_linked_role_arn()]),
    ]);
    Policy::new(statements)
}

fn reading(scope: &Scope) -> Vec<PolicyStatement> {
    vec![
        list_groups(scope),
        PolicyStatement::allowing(["logs:FilterLogEvents", "logs:DescribeLogStreams"])
            .named("ReadEvents")
            .on([scope.log_group_arn().with_streams()]),
    ]
}

/// Reads the logging configuration of every organization, in all regions because roles belong to
/// all.
fn look_at_organizations(scope: &Scope) -> PolicyStatement {
    let (region, organization) = ("*".to_owned(), "*".to_owned());
    let every = Scope { region, organization, ..scope.clone() };
    PolicyStatement::allowing([
        "workmail:DescribeOrganization",
        "workmail:DescribeEmailMonitoringConfiguration",
    ])
    .named("LookAtOrganizations")
    .on([every.organization_arn()])
}

/// A listing of groups by prefix is not checked against a single group.
pub(super) fn list_groups(scope: &Scope) -> PolicyStatement {
    let every_group = Scope { log_group: "*".to_owned(), ..scope.clone() };
    PolicyStatement::allowing(["logs:DescribeLogGroups"])
        .named("FindLogGroup")
        .on([every_group.log_group_arn().to_string()])
}

/// These listings are not checked against any resource.
pub(super) fn look_at_deliveries() -> PolicyStatement {
    PolicyStatement::allowing([
        "logs:DescribeDeliverySources",
        "logs:DescribeDeliveryDestinations",
        "logs:DescribeDeliveries",
    ])
    .named("LookAtDeliveries")
    .on(["*".to_owned()])
}

/// This listing is not checked against any resource.
pub(super) fn list_organizations() -> PolicyStatement {
    PolicyStatement::allowing(["workmail:ListOrganizations"])
        .named("FindOrganization")
        .on(["*".to_owned()])
}

/// Both forms of a group's ARN, since actions are checked against one or the other.
fn group_and_streams(scope: &Scope) -> [String; 2] {
    let arn = scope.log_group_arn();
    [arn.to_string(), arn.with_streams()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_for_one_organization_and_one_group() {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"Service":"events.workmail.amazonaws.com"},"Action":"sts:AssumeRole",
            "Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},"ArnLike":{"aws:SourceArn":
            "arn:aws:workmail:eu-west-1:123456789012:organization/m-0123456789abcdef0123456789abcdef"}}}]}"#;
        assert_eq!(trust_policy(&Scope::for_tests()), Policy::parse(trust).unwrap());
        let role = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Action":["logs:CreateLogStream","logs:PutLogEvents"],
            "Resource":"arn:aws:logs:eu-west-1:123456789012:log-group:/acme:*"}]}"#;
        assert_eq!(role_policy(&Scope::for_tests()), Policy::parse(role).unwrap());
    }

    #[test]
    fn only_listings_go_beyond_the_one_group_and_role() {
        let url = S3Url::parse("s3://acme-logs/exports/").unwrap();
        for policy in [
            reader_policy(&Scope::for_tests(), Some(&url)),
            setup_policy(&Scope::for_tests(), false),
            setup_policy(&Scope::for_tests(), true),
            teardown_policy(&Scope::for_tests()),
        ] {
            for statement in &policy.statements {
                let is_named = |it: &str| {
                    it.contains("/acme")
                        || it.contains("acme-logs")
                        || it.contains("m-0123")
                        || it.ends_with("workmail-acme")
                        || it.ends_with("WorkMailEvents")
                };
                let is_listing = statement.action.iter().all(|it| {
                    [":List", ":Describe", ":GetPolicy"].iter().any(|word| it.contains(word))
                });
                assert!(is_listing || statement.resource.iter().all(is_named), "{statement:?}");
                assert!(statement.action.iter().all(|it| !it.contains('*')), "{statement:?}");
            }
        }
    }

    #[test]
    fn a_reader_changes_nothing() {
        let policy = reader_policy(&Scope::for_tests(), None);
        let group = "arn:aws:logs:eu-west-1:123456789012:log-group:/acme:log-stream:";
        assert!(policy.allows("logs:FilterLogEvents", group));
        assert!(policy.allows("logs:DescribeLogStreams", group));
        let listing = "arn:aws:logs:eu-west-1:123456789012:log-group::log-stream:";
        assert!(policy.allows("logs:DescribeLogGroups", listing));
        for action in ["logs:PutLogEvents", "logs:DeleteLogGroup", "s3:GetObject"] {
            assert!(!policy.allows(action, group), "{action}");
        }
    }
}
