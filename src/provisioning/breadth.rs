//! Finds working policies that allow more than is needed.

use std::collections::BTreeSet;

use super::check::Health;
use super::policies::ROLE_ACTIONS;
use super::policy::{Effect, Policy, PolicyStatement};
use super::review::{TrustProblemKind, all_conditions, review_trust, trusts_workmail};
use super::scope::Scope;
use crate::aws::LogGroupArn;

/// The problems of a trust policy, and where it is wider than needed: [`Health::Failed`] if
/// others than WorkMail in this account could use the role, [`Health::Warning`] if WorkMail could
/// use it for other organizations of the account.
pub fn trust_findings(policy: &Policy, scope: &Scope) -> Vec<(Health, String)> {
    let problems = review_trust(policy, scope);
    let is_elsewhere = problems.iter().any(|it| it.kind == TrustProblemKind::OtherValue);
    let mut findings: Vec<(Health, String)> =
        problems.into_iter().map(|it| (Health::Failed, it.text)).collect();
    // The policy is for another organization; how wide it is for ours says nothing.
    if is_elsewhere {
        return findings;
    }
    for statement in policy.statements.iter().filter(|it| trusts_workmail(it)) {
        for (operator, key, values) in all_conditions(statement) {
            let is_literal = operator.to_lowercase().starts_with("stringequals");
            for value in values.iter() {
                if is_literal && has_wildcard(value) {
                    let text = format!(
                        "{operator} treats the wildcard in {value} as a literal character: WorkMail cannot assume the role"
                    );
                    findings.push((Health::Failed, text));
                } else {
                    findings.extend(breadth_of(key, value, scope));
                }
            }
        }
    }
    findings
}

fn breadth_of(key: &str, value: &str, scope: &Scope) -> Option<(Health, String)> {
    if key.eq_ignore_ascii_case("aws:SourceAccount") {
        return (value != scope.account).then(|| {
            (Health::Failed, format!("its {key} allows {value}, not only {}", scope.account))
        });
    }
    if !key.eq_ignore_ascii_case("aws:SourceArn") {
        // Other keys only narrow it further.
        return None;
    }
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let ["arn", _, service, region, account, resource] = parts.as_slice() else {
        return Some((Health::Failed, format!("its {key} is {value}: it allows every service")));
    };
    // A resource that is no organization counts as a wildcard.
    let id = resource.strip_prefix("organization/").unwrap_or("*");
    if *service != "workmail" {
        Some((Health::Failed, format!("its {key} {value} is not limited to WorkMail")))
    } else if *account != scope.account {
        Some((Health::Failed, format!("its {key} {value} allows other accounts")))
    } else if has_wildcard(id) || has_wildcard(region) {
        let text = format!("its {key} {value} allows every organization that matches");
        Some((Health::Warning, text))
    } else {
        None
    }
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The permissions of a role beyond writing to the scope's group. Policies come with their names.
pub fn excess_permissions<'p>(
    policies: impl IntoIterator<Item = (&'p str, &'p Policy)>,
    scope: &Scope,
) -> Vec<String> {
    // A set: statements may repeat one another.
    let mut excess = BTreeSet::new();
    for (name, policy) in policies {
        for statement in policy.statements.iter().filter(|it| it.effect == Effect::Allow) {
            excess.extend(excess_of(statement, scope).map(|it| format!("{name} allows {it}")));
        }
    }
    excess.into_iter().collect()
}

fn excess_of(statement: &PolicyStatement, scope: &Scope) -> impl Iterator<Item = String> {
    let mut excess = Vec::new();
    if !statement.not_action.is_empty() {
        excess.push("all actions except some".to_owned());
    }
    if !statement.not_resource.is_empty() {
        excess.push("actions on all resources except some".to_owned());
    }
    let is_needed = |it: &&str| ROLE_ACTIONS.iter().any(|needed| needed.eq_ignore_ascii_case(it));
    let others: Vec<&str> = statement.action.iter().filter(|it| !is_needed(it)).collect();
    if !others.is_empty() {
        excess.push(format!("{}, which is not needed", others.join(", ")));
    }
    let group = scope.log_group_arn();
    for resource in statement.resource.iter().filter(|it| !is_of_group(it, &group)) {
        excess.push(match begins_alike(resource, &group) {
            true => format!("writing to every group whose name begins with {}", group.name),
            false => format!("actions on {resource}, which is not only {}", group.name),
        });
    }
    excess.into_iter()
}

/// True if a resource is one group, or its streams.
fn is_of_group(resource: &str, group: &LogGroupArn) -> bool {
    let arn = group.to_string();
    resource.strip_prefix(&arn).is_some_and(|it| it.is_empty() || it.starts_with(':'))
}

fn begins_alike(resource: &str, group: &LogGroupArn) -> bool {
    resource.strip_prefix(&group.to_string()).is_some_and(|it| it.starts_with('*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provisioning::policies::{role_policy, trust_policy};

    fn changed(policy: &Policy, from: &str, to: &str) -> Policy {
        let text = policy.to_json();
        let changed = text.replace(from, to);
        assert!(from.is_empty() || changed != text, "{from} is not in {text}");
        Policy::parse(&changed).unwrap()
    }

    const ARN: &str =
        "arn:aws:workmail:eu-west-1:123456789012:organization/m-0123456789abcdef0123456789abcdef";

    #[test]
    fn trust_is_no_wider_than_one_organization() {
        let scope = Scope::for_tests();
        let trust = trust_policy(&scope);
        assert_eq!(trust_findings(&trust, &scope), []);
        let check = |from: &str, to: &str, health: Health, expect: &str| {
            let findings = trust_findings(&changed(&trust, from, to), &scope);
            let worst = findings.iter().map(|(health, _)| *health).max();
            assert_eq!(worst, Some(health), "{from} -> {to}: {findings:?}");
            assert!(findings.iter().any(|(_, it)| it.contains(expect)), "{findings:?}");
        };
        let every = "arn:aws:workmail:eu-west-1:123456789012:organization/*";
        check(ARN, every, Health::Warning, "every organization");
        check(ARN, &every.replace("eu-west-1", "*"), Health::Warning, "every organization");
        check(ARN, "arn:aws:*:*:123456789012:*", Health::Failed, "not limited to WorkMail");
        check(ARN, "arn:aws:workmail:eu-west-1:*:*", Health::Failed, "other accounts");
        let like = format!(r#""StringLike":{{"aws:SourceArn":"{ARN}"}}"#);
        let any = r#""StringLike":{"aws:SourceArn":"*"}"#;
        let arn_like = format!(r#""ArnLike":{{"aws:SourceArn":"{ARN}"}}"#);
        assert_eq!(trust_findings(&changed(&trust, &arn_like, &like), &scope), []);
        check(&arn_like, any, Health::Failed, "every service");
        let literal = r#""StringEquals":{"aws:SourceAccount":["123456789012","1*"]}"#;
        check(
            r#""StringEquals":{"aws:SourceAccount":"123456789012"}"#,
            literal,
            Health::Failed,
            "treats the wildcard",
        );
        check(
            r#""StringEquals":{"aws:SourceAccount":"123456789012"}"#,
            r#""StringLike":{"aws:SourceAccount":"*"}"#,
            Health::Failed,
            "not only 123456789012",
        );
        check("123456789012:organization", "1:organization", Health::Failed, "its aws:SourceArn");
    }

    #[test]
    fn a_role_writes_to_one_group_and_does_nothing_else() {
        let scope = Scope::for_tests();
        let needed = role_policy(&scope);
        let excess = |from: &str, to: &str| {
            let policy = changed(&needed, from, to);
            excess_permissions([("p", &policy)], &scope).join("; ")
        };
        assert_eq!(excess("", ""), "");
        assert_eq!(excess("/acme:*", "/acme:log-stream:*"), "");
        assert!(excess("/acme:*", "/acme*").contains("begins with /acme"));
        assert!(excess("/acme:*", "/other:*").contains("/other:*, which is not only /acme"));
        assert!(
            excess("\"arn:aws:logs:eu-west-1:123456789012:log-group:/acme:*\"", "\"*\"")
                .contains("actions on *")
        );
        assert!(excess("logs:PutLogEvents", "logs:*").contains("p allows logs:*, which"));
        assert!(excess("Action", "NotAction").contains("all actions except some"));
        assert!(excess("Resource", "NotResource").contains("all resources except some"));
        assert_eq!(excess("Allow", "Deny"), "");
    }
}
