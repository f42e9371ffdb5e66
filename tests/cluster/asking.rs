//! What a cluster answers is what the store answers, byte for byte.

use super::fake::Fake;
use super::publishing::{Organization, publish};
use crate::support::{Ran, Random, mailtrace, run};

const EVENTS: usize = 400;

/// IDs that are asked for together.
const AT_ONCE: usize = 8;

fn trace(options: &[&str], ids: &[&str], format: &str) -> Ran {
    let mut command = mailtrace();
    command.args(options).args(["trace", "--format", format, "--grace", "1h"]);
    run(command.arg("--").args(ids))
}

/// Traces all that is known of an organization here and there.
#[track_caller]
pub(crate) fn assert_traced_alike(organization: &Organization, url: &str) {
    let store = ["--store", organization.store.to_str().unwrap()];
    let ids: Vec<&str> = organization.ids.iter().map(String::as_str).collect();
    let unknown = ["<nobody@nowhere.example>", ids[0]];
    let questions = ids.chunks(AT_ONCE).chain([&unknown[..]]);
    for (number, ids) in questions.enumerate() {
        let format = ["json", "ndjson", "csv", "table"][number % 4];
        let here = trace(&store, ids, format);
        let mut command = mailtrace();
        command.args(["trace", "--format", format, "--grace", "1h", "--cluster", url]);
        let there = run(command.args(["--organization", "acme", "--"]).args(ids));
        assert_eq!(here.status, there.status, "{ids:?}: {there:?}");
        assert_eq!(here.stdout, there.stdout, "{ids:?}");
        assert_eq!(here.stderr, there.stderr, "{ids:?}");
    }
}

#[test]
fn a_message_is_traced_from_the_cluster_as_from_the_store() {
    let random = &mut Random::new();
    let seed = random.below(1_000);
    let (mut organization, fake) = (Organization::new(EVENTS, seed), Fake::start());
    for index in (1..organization.lines.len()).rev() {
        organization.lines.swap(index, random.below(index as u64 + 1) as usize);
    }
    let (first, rest) = organization.lines.split_at(EVENTS / 2);
    organization.take(first);
    publish(&organization.store, &fake.url, &[]).expect(0);
    organization.take(rest);
    publish(&organization.store, &fake.url, &[]).expect(0);
    // Another organization's events are nobody's business.
    let other = Organization::filled(EVENTS, seed);
    let mut command = mailtrace();
    command.arg("--store").arg(&other.store).args(["publish", "--cluster", &fake.url]);
    run(command.args(["--organization", "zenith"])).expect(0);
    assert_traced_alike(&organization, &fake.url);
}

#[test]
fn what_a_cluster_cannot_say_is_refused_by_name() {
    let (organization, fake) = (Organization::filled(40, 42), Fake::start());
    let ask = |options: &[&str]| {
        let mut command = mailtrace();
        command.args(["trace", "<a@b>", "--cluster", &fake.url]).args(options);
        run(&mut command)
    };
    ask(&[]).expect_error(&["--organization"]);
    ask(&["--organization", "acme"]).expect_error(&["nothing of the organization acme"]);
    publish(&organization.store, &fake.url, &[]).expect(0);
    ask(&["--organization", "acme"]).expect(1);
    ask(&["--organization", "zenith"]).expect_error(&["nothing of the organization zenith"]);
    ask(&["--organization", "acme", "--provenance"]).expect_error(&["--provenance"]);
}
