//! IAM policies out of files and out of accounts.

use mailtrace::internals::{
    Given, LintWish, Policy, Scope, excess_permissions, lint, missing_permissions, trust_findings,
    trust_problems,
};

/// Reviews the input as a trust policy and as the policy of a role. Two policies, parted by a
/// zero, are taken for one of each.
pub fn policy(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (trust, role) = text.split_once('\0').unwrap_or((&text, &text));
    let (trust, role) = (Policy::parse(trust), Policy::parse(role));
    let scope = Scope {
        region: "eu-west-1".to_owned(),
        account: "123456789012".to_owned(),
        organization: "m-0123456789abcdef0123456789abcdef".to_owned(),
        log_group: "/acme".to_owned(),
        role: "workmail-acme".to_owned(),
    };
    for policy in [&trust, &role].into_iter().flatten() {
        reads_back(policy);
        let problems = trust_problems(policy, &scope);
        let findings = trust_findings(policy, &scope);
        assert!(problems.iter().all(|it| !it.is_empty()));
        assert!(findings.iter().all(|(_, it)| !it.is_empty()));
        let missing = missing_permissions([policy], &scope);
        let excess = excess_permissions([("p", policy)], &scope);
        assert!(missing.iter().all(|it| it.starts_with("logs:")), "{missing:?}");
        assert!(excess.iter().all(|it| it.starts_with("p allows ")), "{excess:?}");
    }
    let wish = LintWish { trust: Some(trust), role: Some(role), given: Given::default() };
    let checks = lint(&wish);
    assert_eq!(checks.len(), 2);
    assert!(checks.iter().all(|it| !it.found.is_empty()));
}

/// A policy reads back from what it is written as, and then allows the same.
fn reads_back(policy: &Policy) {
    for written in [policy.to_json(), policy.to_pretty_json()] {
        let again = Policy::parse(&written).unwrap();
        assert_eq!(&again, policy, "{written}");
        for (action, resource) in [
            ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:/acme:*"),
            ("sts:AssumeRole", "*"),
            ("s3:GetObject", "arn:aws:s3:::bucket/key"),
        ] {
            let is_allowed = policy.allows(action, resource);
            assert_eq!(again.allows(action, resource), is_allowed, "{written}");
        }
    }
}
