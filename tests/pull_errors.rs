//! What a pull says when it cannot: one line that names what failed on what.

use std::net::TcpListener;

use crate::cloudwatch::{Call, CloudWatch, Failure, Fault, Faults, Group, World};
use crate::pulling::{GROUP, HOUR_MS, Puller, minutely, service};
use crate::support::{Ran, run};

const OTHER: &str = "/aws/workmail/emailevents/globex";

/// A pull of the group from a service that always fails a call in one way.
fn pull_with(call: Call, failure: Failure) -> Ran {
    let service = service(minutely(3, HOUR_MS));
    service.lock().faults = Faults::default().always(call, Fault::Error(failure));
    Puller::of(&service).pull(&[])
}

/// Checks that a failure has at least one of these words.
#[track_caller]
fn assert_says_one_of(ran: Ran, words: &[&str]) {
    let ran = ran.expect_error(&[]);
    let stderr = ran.stderr.to_lowercase();
    assert!(words.iter().any(|it| stderr.contains(it)), "none of {words:?}: {ran:#?}");
}

#[test]
fn the_only_group_is_taken_and_named() {
    let groups = [Group::new(GROUP, minutely(5, HOUR_MS)), Group::new("/aws/lambda/other", [])];
    let service = CloudWatch::start(World::with(groups));
    let puller = Puller::of(&service);
    let ran = run(&mut puller.command(&[])).expect(0);
    assert!(ran.stderr.contains(GROUP), "{ran:#?}");
    puller.assert_exact(&service, "the only group");
}

#[test]
fn of_several_groups_none_is_guessed() {
    let groups = [GROUP, OTHER].map(|it| Group::new(it, minutely(5, HOUR_MS)));
    let service = CloudWatch::start(World::with(groups));
    let puller = Puller::of(&service);
    run(&mut puller.command(&[])).expect_error(&[GROUP, OTHER]);
    assert_eq!(service.lock().count(Call::FilterLogEvents), 0);
    let ran = run(&mut puller.command(&["--organization", "acme", "--no-directory"]));
    ran.expect(0);
    let state = service.lock();
    let asked = state.requests.iter().filter(|it| it.call == Call::FilterLogEvents);
    let names: Vec<&str> = asked
        .map(|it| {
            let named = it.parameters["logGroupName"].as_str();
            named.or(it.parameters["logGroupIdentifier"].as_str()).unwrap()
        })
        .collect();
    assert!(!names.is_empty() && names.iter().all(|it| it.ends_with(GROUP)), "{names:?}");
}

#[test]
fn no_group_to_take_is_an_error() {
    let service = CloudWatch::start(World::with([Group::new("/aws/lambda/other", [])]));
    let puller = Puller::of(&service);
    run(&mut puller.command(&[])).expect_error(&["/aws/workmail/emailevents/"]);
}

#[test]
fn near_names_are_offered_for_a_group_that_is_not_there() {
    let groups = [GROUP, "/aws/lambda/other"].map(|it| Group::new(it, []));
    let service = CloudWatch::start(World::with(groups));
    let puller = Puller::of(&service);
    let wrong = "/aws/workmail/emailevents/acne";
    let ran = run(&mut puller.command(&["--log-group", wrong])).expect_error(&[wrong, GROUP]);
    assert!(!ran.stderr.contains("/aws/lambda/other"), "{ran:#?}");
}

#[test]
fn a_missing_permission_is_named_with_the_group() {
    let ran = pull_with(Call::FilterLogEvents, Failure::AccessDenied);
    ran.expect_error(&["logs:FilterLogEvents", GROUP]);

    let service = CloudWatch::start(World::with([GROUP, OTHER].map(|it| Group::new(it, []))));
    service.lock().faults =
        Faults::default().always(Call::DescribeLogGroups, Fault::Error(Failure::AccessDenied));
    let puller = Puller::of(&service);
    run(&mut puller.command(&[])).expect_error(&["logs:DescribeLogGroups"]);
}

#[test]
fn a_log_group_that_cannot_be_listed_is_told_with_the_way_out() {
    let ran = pull_with(Call::FilterLogEvents, Failure::InfrequentAccess);
    ran.expect_error(&[GROUP, "INFREQUENT_ACCESS", "start-query", "mailtrace import", "--s3"]);
}

#[test]
fn bad_credentials_are_told_apart() {
    let filter = Call::FilterLogEvents;
    for call in [filter, Call::DescribeLogGroups, Call::DescribeLogStreams] {
        // A call that is not needed cannot fail the pull.
        let denies = |failure| {
            let ran = pull_with(call, failure);
            (call == filter || ran.status != Some(0)).then_some(ran)
        };
        if let Some(ran) = denies(Failure::ExpiredCredentials) {
            assert_says_one_of(ran, &["expired"]);
        }
        if let Some(ran) = denies(Failure::UnknownCredentials) {
            assert_says_one_of(ran, &["credentials", "access key", "security token"]);
        }
        if let Some(ran) = denies(Failure::ClockSkew) {
            assert_says_one_of(ran, &["clock"]);
        }
    }
}

#[test]
fn no_credentials_at_all_is_one_line() {
    let service = service(minutely(3, HOUR_MS));
    let puller = Puller::of(&service);
    let mut command = puller.command(&["--log-group", GROUP]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HOME"] {
        command.env_remove(name);
    }
    assert_says_one_of(run(&mut command), &["credentials"]);
    assert_eq!(service.lock().requests.len(), 0, "nothing is asked without a signature");
}

#[test]
fn a_profile_that_is_not_there_is_named() {
    let service = service(minutely(3, HOUR_MS));
    let puller = Puller::of(&service);
    let mut command = puller.command(&["--log-group", GROUP, "--profile", "nobody"]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    run(&mut command).expect_error(&["nobody"]);
}

#[test]
fn a_dead_endpoint_is_named() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let puller = Puller::at(format!("http://127.0.0.1:{port}"));
    puller.pull(&[]).expect_error(&[&port.to_string()]);
}

#[test]
fn a_failed_pull_leaves_a_store_that_the_next_can_use() {
    let service = service(minutely(20, HOUR_MS));
    let denied = Fault::Error(Failure::AccessDenied);
    service.lock().faults = Faults::default().always(Call::FilterLogEvents, denied);
    let puller = Puller::of(&service);
    puller.pull(&[]).expect_error(&[]);
    service.lock().faults = Faults::default();
    puller.report();
    puller.assert_exact(&service, "after a failure");
}
