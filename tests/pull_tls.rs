//! Pulls over TLS, from whom only the named authorities vouch for.

use std::fs;

use crate::pulling::{GROUP, HOUR_MS, minutely, service};
use crate::support::{Ran, mailtrace, run};
use crate::tls::{Tls, Who};

/// Pulls with a bundle that the environment names, or the profile.
fn pull(tls: &Tls, environment: Option<&str>, profile: Option<&str>) -> Ran {
    let mut config = "[profile mail]\nregion = us-east-1\naws_access_key_id = A\n\
        aws_secret_access_key = s\n"
        .to_owned();
    config.extend(profile.map(|it| format!("ca_bundle = {}\n", tls.path(it))));
    fs::write(tls.path("config"), config).unwrap();
    let mut command = mailtrace();
    command.env("HOME", tls.path("")).env("AWS_CONFIG_FILE", tls.path("config"));
    command.envs(environment.map(|it| ("AWS_CA_BUNDLE", tls.path(it))));
    command.args(["pull", "--profile", "mail", "--log-group", GROUP, "--recheck"]);
    command.args(["--endpoint-url", &tls.endpoint, "--store", &tls.path("store")]);
    run(&mut command)
}

#[test]
fn the_authorities_that_are_named_are_trusted_and_no_others() {
    let service = service(minutely(3, HOUR_MS));
    let tls = Tls::in_front_of(&service.endpoint(), Who::Anybody);
    pull(&tls, Some("ca.pem"), None).expect(0);
    pull(&tls, None, Some("ca.pem")).expect(0);
    // The environment goes first.
    pull(&tls, Some("ca.pem"), Some("other.pem")).expect(0);
    let asked = service.lock().requests.len();
    pull(&tls, None, Some("other.pem")).expect_error(&["not trusted", "AWS_CA_BUNDLE"]);
    assert_eq!(service.lock().requests.len(), asked);
}
