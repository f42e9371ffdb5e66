//! Encrypted, and only for those who may.

use std::fs;

use super::fake::Fake;
use super::publishing::{Organization, publish};
use crate::support::{Ran, mailtrace, run};
use crate::tls::{Tls, Who};

const KEY: &str = "AKIDTEST";
const SECRET: &str = "a/secret+of/forty+characters";

/// Publishes, signed with a secret for a region.
fn publish_signed(organization: &Organization, tls: &Tls, secret: &str, region: &str) -> Ran {
    let mut command = mailtrace();
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", secret);
    command.arg("--store").arg(&organization.store).args(["publish", "--again"]);
    command.args(["--cluster", &tls.endpoint, "--organization", "acme", "--timeout", "20s"]);
    run(command.args(["--ca", &tls.path("ca.pem"), "--aws", "--region", region]))
}

/// Publishes through TLS, with a password and signed, and is refused where it should be.
#[track_caller]
pub(crate) fn assert_fronts_are_passed(organization: &Organization, url: &str) {
    let tls = Tls::in_front_of(url, Who::Basic("me:a secret: of mine"));
    let (right, wrong) = (organization.path("right"), organization.path("wrong"));
    fs::write(&right, "a secret: of mine\nanother line\n").unwrap();
    fs::write(&wrong, "guessed\n").unwrap();
    let through = |ca: &str, password: &std::path::Path, more: &[&str]| {
        let (ca, password) = (tls.path(ca), password.to_str().unwrap());
        let options = ["--ca", &ca, "--user", "me", "--password-file", password];
        publish(&organization.store, &tls.endpoint, &[&options[..], more].concat())
    };
    through("ca.pem", &right, &["--again"]).expect(0);
    through("ca.pem", &right, &["--verify"]).expect(0);
    through("ca.pem", &wrong, &[]).expect_error(&["not allowed here", "check user"]);
    through("other.pem", &right, &[]).expect_error(&["localhost", "certificate", "--ca"]);
    // Nobody whom the system trusts vouches for it.
    let options = ["--user", "me", "--password-file", right.to_str().unwrap()];
    publish(&organization.store, &tls.endpoint, &options).expect_error(&["certificate", "--ca"]);
    let trace = |ca: &str| {
        let mut command = mailtrace();
        command.args(["trace", &organization.ids[0], "--cluster", &tls.endpoint]);
        command.args(["--organization", "acme", "--ca", &tls.path(ca)]);
        run(command.args(options))
    };
    trace("ca.pem").expect(0);
    trace("other.pem").expect_error(&["certificate"]);
    drop(tls);
    const SIGNED: &str = "AKIDTEST a/secret+of/forty+characters eu-west-1";
    let tls = Tls::in_front_of(url, Who::Signed(SIGNED));
    publish_signed(organization, &tls, SECRET, "eu-west-1").expect(0);
    let refused = &["not allowed here"];
    publish_signed(organization, &tls, "another secret", "eu-west-1").expect_error(refused);
    publish_signed(organization, &tls, SECRET, "us-east-1").expect_error(refused);
}

#[test]
fn who_may_not_is_refused_and_whom_nobody_vouches_for_is_not_trusted() {
    let (organization, fake) = (Organization::filled(60, 61), Fake::start());
    assert_fronts_are_passed(&organization, &fake.url);
}
