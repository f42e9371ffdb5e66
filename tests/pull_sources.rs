//! Where a pull gets its sources from, and what the store says of them afterwards.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use crate::cloudwatch::{Arrival, Call, CloudWatch, Event, Failure, Fault, Faults, Group, World};
use crate::pulling::{
    DAY_MS, Following, GROUP, HOUR_MS, NOW_MS, Puller, minutely, received, service,
};
use crate::support::{assert_sound, mailtrace, on, run};

const OTHER: &str = "/aws/workmail/emailevents/globex";

const FILTER: Call = Call::FilterLogEvents;

fn two_groups() -> CloudWatch {
    CloudWatch::start(World::with([GROUP, OTHER].map(|it| Group::new(it, minutely(5, HOUR_MS)))))
}

/// A configuration of two sources, of which one is there.
fn one_of_two(puller: &Puller) -> String {
    let config = puller.dir.path().join("c.toml");
    let text = format!("[sources.a]\nlog-group = '/nowhere'\n[sources.b]\nlog-group = '{OTHER}'\n");
    fs::write(&config, text).unwrap();
    config.to_str().unwrap().to_owned()
}

#[test]
fn the_configuration_names_sources() {
    let service = two_groups();
    let puller = Puller::of(&service);
    let dir = puller.dir.path().join(".config/mailtrace");
    fs::create_dir_all(&dir).unwrap();
    let text = format!("[sources.a]\norganization = 'acme'\n[sources.b]\nlog-group = '{OTHER}'\n");
    fs::write(dir.join("config.toml"), text).unwrap();
    let one = run(&mut puller.command(&["b", "--format", "json"])).expect(0).json();
    assert_eq!((&one["logGroup"], &one["added"]), (&OTHER.into(), &5.into()), "{one}");
    let all = ["--no-directory", "--format", "json"];
    let all = run(&mut puller.command(&all)).expect(0).json();
    // The same messages, of another group: a record is its time and its message.
    assert_eq!(all["sources"].as_array().unwrap().len(), 2, "{all}");
    assert_eq!(all["sources"][0]["read"], 5, "{all}");
    run(&mut puller.command(&["c"])).expect_error(&["no source c", "a, b"]);
    fs::write(dir.join("config.toml"), "[sources.a]\nlog-grup = 'x'\n").unwrap();
    run(&mut puller.command(&[])).expect_error(&["config.toml", "line 2", "log-grup"]);
}

#[test]
fn one_source_that_fails_does_not_keep_the_others() {
    let service = two_groups();
    let puller = Puller::of(&service);
    let config = one_of_two(&puller);
    run(&mut puller.command(&["--config", &config])).expect_error(&["/nowhere"]);
    assert_eq!(puller.stored().len(), 5, "the other source is taken all the same");
}

#[test]
fn a_source_that_fails_for_good_does_not_end_the_others() {
    let service = two_groups();
    let puller = Puller::of(&service);
    let config = one_of_two(&puller);
    let arguments = ["--config", &config, "--follow", "--interval", "1s", "--print"];
    let mut following = Following::start(puller.command(&arguments));
    for _ in 0..5 {
        following.wait_for("received");
    }
    // The group that was not there is made while the pull goes on.
    service.lock().world.groups.push(Group::new("/nowhere", [received(HOUR_MS, "s", "comer")]));
    following.wait_for("comer");
    let ended = following.end(Signal::TERM).expect(0);
    assert_eq!(ended.stderr.matches("/nowhere").count(), 1, "warned of once: {ended:#?}");
}

#[test]
fn an_arn_must_agree_with_what_stands_beside_it() {
    let service = two_groups();
    let puller = Puller::of(&service);
    let arn = |region, account| format!("arn:aws:logs:{region}:{account}:log-group:{GROUP}:*");
    run(&mut puller.command(&["--log-group", &arn("us-east-1", "123456789012")])).expect(0);
    let elsewhere = arn("eu-west-1", "123456789012");
    run(&mut puller.command(&["--log-group", &elsewhere])).expect_error(&["region"]);
    let anothers = arn("us-east-1", "210987654321");
    run(&mut puller.command(&["--log-group", &anothers])).expect_error(&["not in the account"]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let service = two_groups();
    let puller = Puller::of(&service);
    let refused: [(&[&str], &str); 3] = [
        (&["--since", "1d", "--until", "2d"], "--until"),
        (&["--since", "2030-01-01"], "--since"),
        (&["--follow", "--interval", "often"], "often"),
    ];
    for (arguments, word) in refused {
        puller.pull(arguments).expect_error(&[word]);
    }
    for (region, endpoint) in [("eu west", "http://127.0.0.1:1"), ("eu-west-1", "logs")] {
        let mut command = mailtrace();
        command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
        command.args(["pull", "--log-group", GROUP, "--region", region]);
        run(command.args(["--endpoint-url", endpoint])).expect_error(&["such as"]);
    }
    assert_eq!(service.lock().count(FILTER), 0);
}

#[test]
fn no_more_is_claimed_than_is_known() {
    let service = service(minutely(5, HOUR_MS));
    let denied = Fault::Error(Failure::AccessDenied);
    service.lock().faults = Faults::default().always(Call::DescribeLogGroups, denied);
    let puller = Puller::of(&service);
    let ran = puller.pull(&[]).expect(0);
    assert!(ran.stderr.contains("logs:DescribeLogGroups"), "{ran:#?}");
    let first = ran.json()["coverage"][0]["first"].as_str().unwrap().to_owned();
    assert!(first.starts_with("2026-10-21"), "30 days before 2026-11-20: {first}");
    let status = on(&puller.store(), &["status"]).expect(0).stdout;
    assert!(status.contains("assumed") && !status.contains("1970"), "{status}");
}

#[test]
fn the_status_tells_what_was_taken_and_what_is_lost_next() {
    let service = service(minutely(60, HOUR_MS));
    service.lock().world.groups[0].retention_days = Some(30);
    service.lock().world.groups[0].creation_ms = NOW_MS - 100 * DAY_MS;
    let puller = Puller::of(&service);
    // Only the last day: what is older is there, and not taken.
    puller.pull(&["--since", "1d"]).expect(0);
    let status = || on(&puller.store(), &["status", "--format", "json"]).expect(0).json();
    let before = status();
    let pulled = &before["pulls"][0];
    assert_eq!((&pulled["logGroup"], &pulled["retentionDays"]), (&GROUP.into(), &30.into()));
    assert_eq!(pulled["deletedInMs"], 0, "the oldest of 30 days are about to go: {pulled}");
    assert_eq!(before["daysLeft"], 131, "from 2026-11-20 to 2027-03-31");
    puller.report();
    let after = status();
    let pulled = &after["pulls"][0];
    let left = pulled["deletedInMs"].as_i64().unwrap();
    assert!((29 * DAY_MS..=30 * DAY_MS + HOUR_MS).contains(&left), "{pulled}");
    assert!(pulled["finalUntil"].as_str().unwrap() < "2026-11-07", "{pulled}");
    let table = on(&puller.store(), &["status"]).expect(0).stdout;
    assert!(table.contains("131 days left") && table.contains("Next deletion"), "{table}");
}

#[test]
fn what_was_looked_at_survives_the_index() {
    let service = service(minutely(60, 2 * DAY_MS));
    let puller = Puller::of(&service);
    puller.report();
    fs::remove_dir_all(puller.store().join("index")).unwrap();
    on(&puller.store(), &["reindex"]).expect(0);
    assert_sound(&puller.store());
    let before = service.lock().count(FILTER);
    assert_eq!(puller.report()["read"], 0, "nothing is young enough to be listed again");
    assert!(service.lock().count(FILTER) - before <= 3);
    puller.assert_exact(&service, "after the reindex");
}

#[test]
fn what_strangers_write_is_printed_harmlessly() {
    let evil = "\u{1b}[2J\u{1b}]8;;http://evil.example\u{7}pay\u{202e}lap\r\nforged";
    let service = service([received(HOUR_MS, "s", evil)]);
    let puller = Puller::of(&service);
    for format in ["table", "ndjson"] {
        let fresh = Puller::at(service.endpoint());
        let arguments = ["--log-group", GROUP, "--print", "--format", format];
        let ran = run(&mut fresh.command(&arguments)).expect(0);
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:#?}");
        let is_raw = |it: char| it.is_control() && it != '\n' || it == '\u{202e}';
        assert!(!ran.stdout.contains(is_raw), "{ran:#?}");
        assert!(ran.stdout.contains("forged"), "{ran:#?}");
    }
    puller.report();
    puller.assert_exact(&service, "what they wrote");
}

#[test]
fn only_the_events_that_a_query_finds_are_printed() {
    let service =
        service([received(HOUR_MS, "s", "Invoice 42"), received(2 * HOUR_MS, "s", "Newsletter")]);
    let puller = Puller::of(&service);
    let arguments = ["--log-group", GROUP, "--format", "ndjson"];
    let refused = [&arguments[..], &["--print=outcome:maybe"]].concat();
    let refused = run(&mut puller.command(&refused)).expect(2);
    assert!(refused.stderr.contains("outcome is never \"maybe\""), "{refused:#?}");
    let asked = [&arguments[..], &["--print=subject:*voice*"]].concat();
    let ran = run(&mut puller.command(&asked)).expect(0);
    assert!(ran.stdout.lines().count() == 1 && ran.stdout.contains("Invoice 42"), "{ran:#?}");
    puller.assert_exact(&service, "all of it is kept");
}

#[test]
fn what_became_of_a_message_finds_its_new_events() {
    let bounced = json!({"traceId": "trace-Invoice", "event": {
        "eventName": "INCOMING_EMAIL_BOUNCED",
        "bouncedRecipient": {"emailAddress": "bob@acme.example", "status": "5.2.2"},
    }});
    let late = Event::new(NOW_MS - HOUR_MS / 2, "s", bounced.to_string())
        .ingested_at(NOW_MS)
        .arriving(Arrival::Wave(1));
    let service = service([
        received(HOUR_MS, "s", "Invoice"),
        received(2 * HOUR_MS, "s", "Newsletter"),
        late,
    ]);
    let puller = Puller::of(&service);
    let asked = "--print=outcome:bounced from:invoice";
    let arguments = ["--log-group", GROUP, "--format", "ndjson", asked];
    let first = run(&mut puller.command(&arguments)).expect(0);
    assert_eq!(first.stdout, "", "nothing has bounced yet: {first:#?}");
    service.lock().world.wave = 1;
    let second = run(&mut puller.command(&arguments)).expect(0);
    assert_eq!(second.stdout.lines().count(), 1, "{second:#?}");
    assert!(second.stdout.contains("INCOMING_EMAIL_BOUNCED"), "{second:#?}");

    // In one commit, the arrival is new too.
    let fresh = Puller::at(service.endpoint());
    let both = run(&mut fresh.command(&arguments)).expect(0);
    assert_eq!(both.stdout.lines().count(), 2, "{both:#?}");
    puller.assert_exact(&service, "all of it is kept");
}
