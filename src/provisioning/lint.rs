//! Reviews policies offline: anything not given is taken from the policies themselves.

use super::check::Check;
use super::judge;
use super::policy::{Policy, PolicyError};
use super::review::{all_conditions, trusts_workmail};
use super::scope::Scope;
use crate::aws::LogGroupArn;

/// The known facts about what policies should be for.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The organization's ID.
    pub organization: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The account's number.
    pub account: Option<String>,
    /// The log group's name.
    pub log_group: Option<String>,
    /// The role's name.
    pub role: Option<String>,
}

/// Policies to review, and the known facts about what they should be for.
#[derive(Clone, Debug, Default)]
pub struct LintWish {
    /// The role's trust policy.
    pub trust: Option<Result<Policy, PolicyError>>,
    /// The role's permissions.
    pub role: Option<Result<Policy, PolicyError>>,
    /// The known facts.
    pub given: Given,
}

/// The placeholder for unknown values.
const UNKNOWN: &str = "UNKNOWN";

/// Reviews policies.
pub fn lint(wish: &LintWish) -> Vec<Check> {
    let read = |it: &Option<Result<Policy, PolicyError>>| it.clone().and_then(Result::ok);
    let (trust, role) = (read(&wish.trust), read(&wish.role));
    let scope = wish.given.clone().completed(trust.as_ref(), role.as_ref());
    let mut checks = Vec::new();
    if let Some(trust) = &wish.trust {
        checks.push(judge::trust(trust, &scope));
    }
    if let Some(role) = &wish.role {
        let named = ("the policy".to_owned(), role.clone());
        checks.push(match role {
            Err(error) => Check::failed("role permissions", error.to_string()),
            Ok(_) => judge::permissions(&[named], &[], &scope),
        });
    }
    checks
}

impl Given {
    /// Fills gaps with what the policies themselves say.
    pub(super) fn completed(self, trust: Option<&Policy>, role: Option<&Policy>) -> Scope {
        let arn = trust.and_then(|it| said(it, "aws:SourceArn")).unwrap_or_default();
        let mut parts = arn.split(':').skip(3);
        let (region, account) = (parts.next(), parts.next());
        let organization = parts.next().and_then(|it| it.strip_prefix("organization/"));
        let said_account = trust.and_then(|it| said(it, "aws:SourceAccount"));
        let group = role.and_then(group_in);
        // A pattern is not a value that another policy can be compared with.
        let usable = |it: &&str| !it.is_empty() && !it.contains(['*', '?']);
        let first = |candidates: [Option<&str>; 3]| {
            let found = candidates.into_iter().flatten().find(usable);
            found.unwrap_or(UNKNOWN).to_owned()
        };
        let of_group = |part: fn(&LogGroupArn) -> &str| group.as_ref().map(part);
        Scope {
            region: self.region.unwrap_or_else(|| first([region, of_group(|it| &it.region), None])),
            account: self.account.unwrap_or_else(|| {
                first([said_account.as_deref(), account, of_group(|it| &it.account)])
            }),
            // A pattern is compared with itself, and then reported as too wide.
            organization: self.organization.unwrap_or_else(|| {
                organization.filter(|it| !it.is_empty()).unwrap_or("*").to_owned()
            }),
            log_group: self
                .log_group
                .unwrap_or_else(|| first([of_group(|it| &it.name), None, None])),
            role: self.role.unwrap_or_else(|| "ROLE".to_owned()),
        }
    }
}

/// The first value of a condition under which WorkMail is trusted.
fn said(trust: &Policy, key: &str) -> Option<String> {
    let statements = trust.statements.iter().filter(|it| trusts_workmail(it));
    let mut conditions = statements.flat_map(all_conditions);
    let (_, _, values) = conditions.find(|(_, it, _)| it.eq_ignore_ascii_case(key))?;
    values.iter().next().map(str::to_owned)
}

/// The first log group in a policy's resources.
fn group_in(policy: &Policy) -> Option<LogGroupArn> {
    let mut resources = policy.statements.iter().flat_map(|it| it.resource.iter());
    resources.find_map(|it| {
        let arn = LogGroupArn::parse(it)?;
        let name = arn.name.split(':').next()?.trim_end_matches('*').to_owned();
        (!name.is_empty()).then_some(LogGroupArn { name, ..arn })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provisioning::Health;
    use crate::provisioning::policies::{role_policy, trust_policy};

    fn linted(trust: &str, role: &str, given: Given) -> Vec<(Health, String)> {
        let wish =
            LintWish { trust: Some(Policy::parse(trust)), role: Some(Policy::parse(role)), given };
        lint(&wish).into_iter().map(|it| (it.health, it.found)).collect()
    }

    #[test]
    fn policies_are_measured_by_what_they_say_themselves() {
        let scope = Scope::for_tests();
        let (trust, role) = (trust_policy(&scope).to_json(), role_policy(&scope).to_json());
        let healths = |trust: &str, role: &str| -> Vec<Health> {
            linted(trust, role, Given::default()).into_iter().map(|(health, _)| health).collect()
        };
        assert_eq!(healths(&trust, &role), [Health::Ok; 2]);
        let wide =
            trust.replace("organization/m-0123456789abcdef0123456789abcdef", "organization/*");
        assert_eq!(healths(&wide, &role), [Health::Warning, Health::Ok]);
        let split = trust.replace(
            r#""aws:SourceAccount":"123456789012""#,
            r#""aws:SourceAccount":"210987654321""#,
        );
        assert_eq!(healths(&split, &role)[0], Health::Failed);
        let any = role.replace("/acme:*", "*");
        assert_ne!(healths(&trust, &any)[1], Health::Ok);
        assert_eq!(healths("[]", "{}"), [Health::Failed; 2]);
        let guide = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"Service":"events.workmail.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        assert_eq!(healths(guide, &role)[0], Health::Failed);
    }

    #[test]
    fn what_is_given_goes_before_what_they_say() {
        let scope = Scope::for_tests();
        let (trust, role) = (trust_policy(&scope).to_json(), role_policy(&scope).to_json());
        let given = Given {
            account: Some("210987654321".to_owned()),
            log_group: Some("/b".to_owned()),
            ..Given::default()
        };
        let found = linted(&trust, &role, given);
        assert!(found.iter().all(|(health, _)| *health == Health::Failed), "{found:?}");
        assert!(found[0].1.contains("not 210987654321"), "{found:?}");
        assert!(found[1].1.contains("on /b"), "{found:?}");
    }
}
