//! Reviews existing policies: do they allow what event logging needs, and are they safe?

use super::policies::ROLE_ACTIONS;
use super::policy::{Effect, Policy, PolicyStatement, PolicyValues, Principal};
use super::scope::{SERVICE, Scope};
use crate::text::{fits, iam_pattern};

/// The problems of a role's trust policy, for this organization. Empty if WorkMail may assume the
/// role for this organization, under both conditions, and nobody else may.
///
/// A role may serve several organizations: one statement for this one is enough.
pub fn trust_problems(policy: &Policy, scope: &Scope) -> Vec<String> {
    review_trust(policy, scope).into_iter().map(|it| it.text).collect()
}

/// A problem of a trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrustProblem {
    pub(super) kind: TrustProblemKind,
    /// In words.
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrustProblemKind {
    /// Someone other than WorkMail may assume it.
    OtherTrusted,
    /// A known condition demands another account or organization.
    OtherValue,
    /// Anything else that is not as it should be.
    Other,
}

impl TrustProblem {
    fn new(kind: TrustProblemKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// As [`trust_problems`], with the kind of each problem.
pub(super) fn review_trust(policy: &Policy, scope: &Scope) -> Vec<TrustProblem> {
    let mut problems: Vec<TrustProblem> = policy.statements.iter().flat_map(dangers).collect();
    let mut mismatches = Vec::new();
    let mut is_for_us = false;
    for statement in policy.statements.iter().filter(|it| trusts_workmail(it)) {
        let wrong = mismatched(statement, scope);
        is_for_us |= wrong.is_empty();
        mismatches.extend(wrong);
    }
    // Mismatches count only if no statement fits: the others may be for other organizations that
    // share the role.
    if !is_for_us {
        if mismatches.is_empty() {
            let text = format!("it does not let {SERVICE} assume the role");
            problems.push(TrustProblem::new(TrustProblemKind::Other, text));
        }
        problems.extend(mismatches);
    }
    each_once(problems)
}

/// Each problem once, in order of appearance: statements may repeat one another.
fn each_once(problems: Vec<TrustProblem>) -> Vec<TrustProblem> {
    let mut once: Vec<TrustProblem> = Vec::new();
    for problem in problems {
        if !once.contains(&problem) {
            once.push(problem);
        }
    }
    once
}

/// The principals other than WorkMail that may assume a role, in words.
pub(super) fn others_trusted(policy: &Policy) -> Vec<String> {
    let problems = policy.statements.iter().flat_map(dangers);
    let others = problems.filter(|it| it.kind == TrustProblemKind::OtherTrusted);
    each_once(others.collect()).into_iter().map(|it| it.text).collect()
}

/// The actions that the role needs and no policy allows.
pub fn missing_permissions<'p>(
    policies: impl IntoIterator<Item = &'p Policy>,
    scope: &Scope,
) -> Vec<&'static str> {
    let all = policies.into_iter().flat_map(|it| it.statements.iter().cloned());
    // One policy of all statements, because a denial in one of them beats an allowance in any
    // other.
    let all = Policy::new(all);
    // Some stream: both actions are checked against streams.
    let stream = format!("{}:log-stream:any", scope.log_group_arn());
    ROLE_ACTIONS.into_iter().filter(|it| !all.allows(it, &stream)).collect()
}

pub(super) fn trusts_workmail(statement: &PolicyStatement) -> bool {
    let is_service = match &statement.principal {
        Some(Principal::ByKind(kinds)) => {
            kinds.get("Service").is_some_and(|it| it.iter().any(|it| it == SERVICE))
        }
        _ => false,
    };
    let is_action = |it: &str| fits(iam_pattern(&it.to_lowercase()), "sts:assumerole");
    statement.effect == Effect::Allow && is_service && statement.action.iter().any(is_action)
}

/// The ways in which a statement goes beyond what event logging needs.
fn dangers(statement: &PolicyStatement) -> Vec<TrustProblem> {
    let trusts = |text| TrustProblem::new(TrustProblemKind::OtherTrusted, text);
    let other = |text| TrustProblem::new(TrustProblemKind::Other, text);
    // What a denial covers is not worked out, so any is a finding.
    if statement.effect == Effect::Deny {
        return vec![other("it has a Deny statement".to_owned())];
    }
    let mut problems = Vec::new();
    match &statement.principal {
        Some(Principal::ByKind(kinds)) => {
            for (kind, names) in kinds {
                let others = names.iter().filter(|it| kind != "Service" || *it != SERVICE);
                problems.extend(others.map(|it| trusts(format!("it trusts {it} ({kind})"))));
            }
        }
        Some(Principal::Text(name)) => problems.push(trusts(format!("it trusts {name}"))),
        None => problems.push(trusts("it trusts everybody except some".to_owned())),
    }
    if !statement.not_action.is_empty() {
        problems.push(other("it allows all actions except some".to_owned()));
    }
    let others = statement.action.iter().filter(|it| !it.eq_ignore_ascii_case("sts:AssumeRole"));
    problems.extend(others.map(|it| other(format!("it allows {it}"))));
    // Together they keep others from having WorkMail use this role for them (confused deputy).
    for (key, name) in
        [("aws:sourceaccount", "aws:SourceAccount"), ("aws:sourcearn", "aws:SourceArn")]
    {
        if conditions(statement, key).next().is_none() {
            problems.push(other(format!("it has no condition on {name}")));
        }
    }
    problems
}

/// Why a statement that trusts WorkMail does not do so for this organization.
fn mismatched(statement: &PolicyStatement, scope: &Scope) -> Vec<TrustProblem> {
    let arn = scope.organization_arn();
    let mut wrong = Vec::new();
    for (operator, key, values) in all_conditions(statement) {
        let fits = match (operator.to_lowercase().as_str(), key.to_lowercase().as_str()) {
            ("stringequals", "aws:sourceaccount") => values.iter().any(|it| it == scope.account),
            ("stringlike", "aws:sourceaccount") => values.fits(&scope.account),
            ("stringequals", "aws:sourcearn") => values.iter().any(|it| it == arn),
            ("stringlike", "aws:sourcearn") => values.fits(&arn),
            ("arnlike" | "arnequals", "aws:sourcearn") => {
                values.iter().any(|it| fits_arn(it, &arn))
            }
            // A condition we do not understand may keep WorkMail out, so it counts as a mismatch.
            _ => {
                let text = format!("it has the condition {operator} on {key}");
                wrong.push(TrustProblem::new(TrustProblemKind::Other, text));
                continue;
            }
        };
        if !fits {
            let wanted =
                if key.eq_ignore_ascii_case("aws:SourceArn") { &arn } else { &scope.account };
            let text = format!("its {key} is {values}, not {wanted}");
            wrong.push(TrustProblem::new(TrustProblemKind::OtherValue, text));
        }
    }
    wrong
}

pub(super) fn all_conditions(
    statement: &PolicyStatement,
) -> impl Iterator<Item = (&str, &str, &PolicyValues)> {
    statement.condition.iter().flat_map(|(operator, keys)| {
        keys.iter().map(move |(key, values)| (operator.as_str(), key.as_str(), values))
    })
}

fn conditions<'s>(
    statement: &'s PolicyStatement,
    key: &str,
) -> impl Iterator<Item = &'s PolicyValues> {
    all_conditions(statement)
        .filter(move |(_, it, _)| it.eq_ignore_ascii_case(key))
        .map(|(_, _, values)| values)
}

/// Compares as IAM does with ARNs: part by part, so that no star reaches over a colon.
fn fits_arn(pattern: &str, arn: &str) -> bool {
    // Six parts: colons within the resource, the last one, are part of it.
    let patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == parts.len()
        && patterns.iter().zip(parts).all(|(pattern, part)| fits(iam_pattern(pattern), part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provisioning::policies::{role_policy, trust_policy};

    fn problems(from: &str, to: &str) -> String {
        let text = trust_policy(&Scope::for_tests()).to_json();
        let changed = text.replace(from, to);
        assert!(from.is_empty() || changed != text, "{from} is not in {text}");
        trust_problems(&Policy::parse(&changed).unwrap(), &Scope::for_tests()).join("; ")
    }

    #[test]
    fn what_is_as_needed_has_no_problem() {
        assert_eq!(problems("", ""), "");
        assert_eq!(problems("ArnLike", "ArnEquals"), "");
        assert_eq!(
            problems("organization/m-0123456789abcdef0123456789abcdef", "organization/*"),
            ""
        );
        // One statement more, for another organization.
        let mut policy = trust_policy(&Scope::for_tests());
        let other = Scope { organization: format!("m-{}", "0".repeat(32)), ..Scope::for_tests() };
        policy.statements.extend(trust_policy(&other).statements);
        assert_eq!(trust_problems(&policy, &Scope::for_tests()), [""; 0]);
    }

    #[test]
    fn each_problem_of_trust_is_named() {
        let check = |from: &str, to: &str, expect: &str| {
            let found = problems(from, to);
            assert!(found.contains(expect), "{from} -> {to}: {found}");
        };
        check("events.workmail", "lambda", "it trusts lambda.amazonaws.com (Service)");
        check("events.workmail", "lambda", "it does not let events.workmail.amazonaws.com");
        check("\"Service\"", "\"AWS\"", "it trusts events.workmail.amazonaws.com (AWS)");
        check("{\"Service\":\"events.workmail.amazonaws.com\"}", "\"*\"", "it trusts *");
        check("Allow", "Deny", "a Deny statement");
        check("sts:AssumeRole", "sts:*", "it allows sts:*");
        check("aws:SourceAccount", "aws:PrincipalAccount", "no condition on aws:SourceAccount");
        check("aws:SourceArn", "aws:Other", "no condition on aws:SourceArn");
        check("StringEquals", "StringEqualsIfExists", "StringEqualsIfExists on aws:SourceAccount");
        check(
            "\"aws:SourceAccount\":\"123456789012\"",
            "\"aws:SourceAccount\":\"210987654321\"",
            "its aws:SourceAccount is 210987654321, not 123456789012",
        );
        check("m-0123", "m-9923", "its aws:SourceArn is arn:aws:workmail:eu-west-1:");
        check(
            "arn:aws:workmail:eu-west-1:123456789012:organization/m-0123456789abcdef0123456789abcdef",
            "arn:*",
            "its aws:SourceArn is arn:*",
        );
    }

    /// Statements of one kind need not be neighbours.
    #[test]
    fn each_problem_is_told_once() {
        let text = trust_policy(&Scope::for_tests()).to_json();
        let of = |from: &str, to: &str| Policy::parse(&text.replace(from, to)).unwrap().statements;
        let (lambda, star) = (of("events.workmail", "lambda"), of("sts:AssumeRole", "sts:*"));
        let policy = Policy::new([&lambda[..], &star, &lambda, &star].concat());
        let found = trust_problems(&policy, &Scope::for_tests());
        let trusts = "it trusts lambda.amazonaws.com (Service)";
        assert_eq!(found.iter().filter(|it| *it == trusts).count(), 1, "{found:?}");
        assert_eq!(found.iter().filter(|it| *it == "it allows sts:*").count(), 1, "{found:?}");
        assert_eq!(others_trusted(&policy), [trusts]);
    }

    /// What a stranger writes into a policy is told in words, and decides nothing by them.
    #[test]
    fn kinds_are_not_read_from_words() {
        let text = trust_policy(&Scope::for_tests()).to_json();
        let policy = |from: &str, to: &str| Policy::parse(&text.replace(from, to)).unwrap();
        let kinds = |policy: &Policy| -> Vec<TrustProblemKind> {
            review_trust(policy, &Scope::for_tests()).iter().map(|it| it.kind).collect()
        };
        assert_eq!(kinds(&policy("sts:AssumeRole", "it trusts x")), [TrustProblemKind::Other; 2]);
        assert_eq!(kinds(&policy("m-0123", "m-9923")), [TrustProblemKind::OtherValue]);
    }

    #[test]
    fn the_guides_own_sample_lets_others_in() {
        let sample = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"Service":"events.workmail.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let found = trust_problems(&Policy::parse(sample).unwrap(), &Scope::for_tests());
        assert_eq!(
            found,
            ["it has no condition on aws:SourceAccount", "it has no condition on aws:SourceArn"]
        );
    }

    #[test]
    fn permissions_are_counted_over_all_policies() {
        let scope = Scope::for_tests();
        let needed = role_policy(&scope);
        assert_eq!(missing_permissions([&needed], &scope), [""; 0]);
        let guide = Policy::parse(&needed.to_json().replace("/acme:*", "/acme*")).unwrap();
        assert_eq!(missing_permissions([&guide], &scope), [""; 0]);
        let other = Policy::parse(&needed.to_json().replace("/acme:*", "/other:*")).unwrap();
        assert_eq!(missing_permissions([&other], &scope).len(), 2);
        let half =
            Policy::parse(&needed.to_json().replace("logs:CreateLogStream", "logs:X")).unwrap();
        assert_eq!(missing_permissions([&half], &scope), ["logs:CreateLogStream"]);
        let denied = Policy::parse(&needed.to_json().replace("Allow", "Deny")).unwrap();
        assert_eq!(missing_permissions([&needed, &denied], &scope).len(), 2);
        assert_eq!(missing_permissions([], &scope).len(), 2);
    }
}
