use super::*;

fn wish() -> SetupWish {
    SetupWish {
        scope: Scope::for_tests(),
        retention: None,
        kms_key: None,
        is_default_role: false,
        is_forced: false,
    }
}

/// What a finished setup leaves.
fn complete() -> SetupFound {
    let scope = Scope::for_tests();
    SetupFound {
        group: Some(LogGroup {
            name: scope.log_group.clone(),
            retention_days: Some(30),
            ..LogGroup::default()
        }),
        is_group_empty: true,
        role: Some(FoundRole {
            arn: scope.role_arn(),
            trust: Ok(trust_policy(&scope)),
            policies: vec![(ROLE_POLICY_NAME.to_owned(), Ok(role_policy(&scope)))],
        }),
        monitoring: Some(Monitoring {
            log_group_arn: scope.log_group_arn().with_streams(),
            role_arn: Some(scope.role_arn()),
        }),
    }
}

fn actions(wish: &SetupWish, found: &SetupFound) -> Vec<&'static str> {
    plan(wish, found).unwrap().steps.iter().map(SetupStep::action).collect()
}

const ALL: [&str; 5] = [
    "logs:CreateLogGroup",
    "logs:PutRetentionPolicy",
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "workmail:PutEmailMonitoringConfiguration",
];

#[test]
fn from_nothing_everything_is_made_in_order() {
    assert_eq!(actions(&wish(), &SetupFound::default()), ALL);
    let default_role = SetupWish { is_default_role: true, ..wish() };
    assert_eq!(actions(&default_role, &SetupFound::default()), [ALL[0], ALL[1], ALL[4]]);
    let forever = SetupWish { retention: Some(Retention::Forever), ..wish() };
    assert_eq!(actions(&forever, &SetupFound::default()), [ALL[0], ALL[2], ALL[3], ALL[4]]);
}

#[test]
fn what_is_complete_is_left_alone() {
    let plan = plan(&wish(), &complete()).unwrap();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.kept.len(), 5, "{:?}", plan.kept);
    assert_eq!(plan.warnings, [""; 0]);
}

#[test]
fn wherever_a_setup_stopped_the_next_one_goes_on() {
    let mut found = SetupFound { is_group_empty: true, ..SetupFound::default() };
    let complete = complete();
    found.group = complete.group.clone().map(|it| LogGroup { retention_days: None, ..it });
    assert_eq!(actions(&wish(), &found), ALL[1..]);
    found.group = complete.group;
    assert_eq!(actions(&wish(), &found), ALL[2..]);
    found.role = complete.role.map(|it| FoundRole { policies: Vec::new(), ..it });
    assert_eq!(actions(&wish(), &found), ALL[3..]);
}

#[test]
fn a_group_with_events_keeps_its_retention_unless_it_is_named() {
    let mut found = SetupFound { is_group_empty: false, ..complete() };
    let group = found.group.as_mut().unwrap();
    group.retention_days = None;
    assert_eq!(actions(&wish(), &found), [""; 0]);
    let wish = SetupWish { retention: Some(Retention::Days(7)), ..wish() };
    let plan = plan(&wish, &found).unwrap();
    assert_eq!(plan.steps, [SetupStep::SetRetention(Retention::Days(7))]);
    assert!(plan.warnings[0].contains("older than 7 days"), "{:?}", plan.warnings);
}

#[test]
fn another_key_is_left_without_force() {
    let mut found = complete();
    found.group.as_mut().unwrap().kms_key = Some("arn:a".to_owned());
    let mut wish = SetupWish { kms_key: Some("arn:b".to_owned()), ..wish() };
    let left = plan(&wish, &found).unwrap();
    assert_eq!(left.steps, []);
    assert!(left.warnings[0].contains("is encrypted with arn:a"), "{:?}", left.warnings);
    wish.is_forced = true;
    assert_eq!(actions(&wish, &found), ["logs:AssociateKmsKey"]);
}

#[test]
fn a_foreign_trust_policy_is_replaced_by_force_only() {
    let mut found = complete();
    let foreign = trust_policy(&Scope::for_tests()).to_json().replace("events.workmail", "lambda");
    found.role.as_mut().unwrap().trust = Policy::parse(&foreign);
    let error = plan(&wish(), &found).unwrap_err().to_string();
    assert!(error.contains("it trusts lambda.amazonaws.com"), "{error}");
    let forced = SetupWish { is_forced: true, ..wish() };
    assert_eq!(actions(&forced, &found), ["iam:UpdateAssumeRolePolicy"]);
}

#[test]
fn a_policy_of_our_name_goes_on_to_allow_what_it_did() {
    let mut found = complete();
    let other = role_policy(&Scope { log_group: "/other".to_owned(), ..Scope::for_tests() });
    found.role.as_mut().unwrap().policies = vec![(ROLE_POLICY_NAME.to_owned(), Ok(other.clone()))];
    let plan = plan(&wish(), &found).unwrap();
    let written = plan.steps[0].policy().unwrap();
    assert_eq!(written.statements.len(), 2);
    assert_eq!(written.statements[0], other.statements[0]);
    assert!(missing_permissions([written], &Scope::for_tests()).is_empty());
}

#[test]
fn a_policy_of_our_name_that_cannot_be_read_is_replaced_by_force_only() {
    let mut found = complete();
    let unreadable = Policy::parse(r#"{"Statement":[{"Effect":"Perhaps"}]}"#);
    assert!(unreadable.is_err());
    found.role.as_mut().unwrap().policies = vec![(ROLE_POLICY_NAME.to_owned(), unreadable)];
    let error = plan(&wish(), &found).unwrap_err().to_string();
    assert!(error.contains(ROLE_POLICY_NAME) && error.contains("--force"), "{error}");
    let forced = plan(&SetupWish { is_forced: true, ..wish() }, &found).unwrap();
    assert_eq!(
        forced.steps.iter().map(SetupStep::action).collect::<Vec<_>>(),
        ["iam:PutRolePolicy"]
    );
    assert!(forced.warnings[0].contains("cannot be read"), "{:?}", forced.warnings);
}

#[test]
fn logging_elsewhere_is_moved_by_force_only() {
    let mut found = complete();
    let own = "arn:aws:iam::123456789012:role/aws-service-role/events.workmail.amazonaws.com/AWSServiceRoleForAmazonWorkMailEvents";
    found.monitoring.as_mut().unwrap().role_arn = Some(own.to_owned());
    let error = plan(&wish(), &found).unwrap_err().to_string();
    assert!(error.contains(own) && error.contains("--force"), "{error}");
    let forced = SetupWish { is_forced: true, ..wish() };
    assert_eq!(actions(&forced, &found), [ALL[4]]);
    let default_role = SetupWish { is_default_role: true, ..wish() };
    assert_eq!(actions(&default_role, &found), [""; 0]);
}

#[test]
fn a_role_that_managed_users_cannot_pass_is_warned_of() {
    let scope = Scope { role: "mail-logger".to_owned(), ..Scope::for_tests() };
    let plan = plan(&SetupWish { scope, ..wish() }, &SetupFound::default()).unwrap();
    assert!(plan.warnings[0].contains("workmail"), "{:?}", plan.warnings);
}
