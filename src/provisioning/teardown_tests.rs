use super::*;
use crate::provisioning::policies::trust_policy;

fn wish() -> TeardownWish {
    TeardownWish {
        scope: Scope::for_tests(),
        is_group_named: false,
        deletes_group: true,
        deletes_role: true,
        deletes_own_role: false,
        now: Timestamp::UNIX_EPOCH,
    }
}

fn complete() -> TeardownFound {
    let scope = Scope::for_tests();
    TeardownFound {
        monitoring: Some(Monitoring {
            log_group_arn: scope.log_group_arn().with_streams(),
            role_arn: Some(scope.role_arn()),
        }),
        group: Some(LogGroup { name: scope.log_group.clone(), ..LogGroup::default() }),
        role: Some(DoomedRole {
            trust: Ok(trust_policy(&scope)),
            policies: vec!["p".to_owned()],
            attached: vec![AttachedPolicy { name: "a".to_owned(), arn: "arn".to_owned() }],
        }),
        ..TeardownFound::default()
    }
}

fn refusal(wish: &TeardownWish, found: &TeardownFound) -> String {
    teardown_plan(wish, found).unwrap_err().to_string()
}

#[test]
fn everything_is_taken_down_in_order() {
    let plan = teardown_plan(&wish(), &complete()).unwrap();
    let actions: Vec<_> = plan.steps.iter().map(TeardownStep::action).collect();
    assert_eq!(
        actions,
        [
            "workmail:DeleteEmailMonitoringConfiguration",
            "logs:FilterLogEvents",
            "",
            "logs:DeleteLogGroup",
            "iam:DetachRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:DeleteRole",
        ]
    );
    let plan = teardown_plan(&wish(), &TeardownFound::default()).unwrap();
    assert_eq!((plan.steps.len(), plan.kept.len()), (0, 3), "{plan:?}");
}

#[test]
fn what_others_use_stays() {
    let mut found = complete();
    let mut other = complete().monitoring.unwrap();
    let user = |monitoring: &Monitoring| LogUser {
        name: "zenith".to_owned(),
        region: "eu-west-1".to_owned(),
        monitoring: monitoring.clone(),
    };
    found.others = vec![user(&other)];
    assert!(refusal(&wish(), &found).contains("log group /acme is used by zenith in eu-west-1"));
    other.log_group_arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/z:*".to_owned();
    found.others = vec![user(&other)];
    assert!(refusal(&wish(), &found).contains("role workmail-acme is used by zenith"));
    other.role_arn = None;
    found.others = vec![user(&other)];
    assert!(teardown_plan(&wish(), &found).is_ok());
    let own = TeardownWish { deletes_own_role: true, ..wish() };
    assert!(refusal(&own, &found).contains("AWSServiceRoleForAmazonWorkMailEvents is used by"));
}

#[test]
fn what_is_not_what_is_meant_stays() {
    let mut found = complete();
    let role = found.role.as_mut().unwrap();
    let lambda = trust_policy(&Scope::for_tests()).to_json().replace("events.workmail", "lambda");
    role.trust = Policy::parse(&lambda);
    assert!(refusal(&wish(), &found).contains("it trusts lambda.amazonaws.com"));
    let mut found = complete();
    found.monitoring.as_mut().unwrap().role_arn = None;
    assert!(refusal(&wish(), &found).contains("WorkMail's own role"));
    let keeps = TeardownWish { deletes_role: false, ..wish() };
    assert!(teardown_plan(&keeps, &found).is_ok());
    let mut found = complete();
    found.group.as_mut().unwrap().is_deletion_protected = true;
    assert!(refusal(&wish(), &found).contains("--no-deletion-protection-enabled"));
}

#[test]
fn what_goes_with_the_group_is_told() {
    let mut found = complete();
    let group = found.group.as_mut().unwrap();
    (group.is_masked, group.metric_filter_count) = (true, 2);
    let subscription = Subscription { name: "f".to_owned(), destination: "arn:d".to_owned() };
    found.subscriptions = Some(Ok(vec![subscription]));
    let warnings = teardown_plan(&wish(), &found).unwrap().warnings.join("\n");
    for words in ["masked", "2 metrics", "arn:d"] {
        assert!(warnings.contains(words), "{warnings}");
    }
}
