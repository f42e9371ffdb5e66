//! A clock that is wrong when a pull begins to follow, and is set while it does.

use std::fs;
use std::path::{Path, PathBuf};

use mailtrace::Timestamp;
use rustix::process::Signal;

use crate::cloudwatch::{Arrival, Call};
use crate::pulling::{DAY_MS, Following, GROUP, HOUR_MS, NOW_MS, Puller, minutely, received};
use crate::pulling::{service, wait_until};
use crate::support::{mailtrace, on, run};

/// Sets the clock that a running program reads.
fn set(clock: &Path, ms: i64) {
    let staged = clock.with_extension("new");
    fs::write(&staged, Timestamp::from_ms(ms).unwrap().to_string()).unwrap();
    fs::rename(staged, clock).unwrap();
}

/// Follows with a clock that is `off_ms` off at first and right later, when one more event has
/// come.
fn follow(off_ms: i64, arguments: &[&str], words: &str) {
    let mut events = minutely(30, HOUR_MS);
    let late = received(60_000, "s1", "newcomer").ingested_at(NOW_MS).arriving(Arrival::Wave(1));
    events.push(late);
    let service = service(events);
    let puller = Puller::of(&service);
    let clock: PathBuf = puller.dir.path().join("clock");
    set(&clock, NOW_MS + off_ms);
    let following = ["--log-group", GROUP, "--follow", "--interval", "1s", "--print"];
    let mut command = puller.command(&following);
    command.args(arguments).env("MAILTRACE_NOW", format!("@{}", clock.display()));
    let mut following = Following::start(command);
    wait_until("the first look", || service.lock().count(Call::FilterLogEvents) >= 1);
    let mut left = 31;
    if off_ms > DAY_MS {
        // It sees all that there is, which has to be over before more comes.
        for _ in 0..30 {
            following.wait_for("received");
        }
        left = 1;
        wait_until("a commit", || on(&puller.store(), &["search", "subject:m0"]).status == Some(0));
    }
    set(&clock, NOW_MS);
    service.lock().world.wave = 1;
    for _ in 0..left {
        following.wait_for("received");
    }
    let ended = following.end(Signal::TERM).expect(0);
    assert!(ended.stderr.contains(words), "{ended:#?}");
    puller.assert_exact(&service, &format!("{off_ms} ms off"));
}

#[test]
fn a_follower_goes_on_rightly_once_its_clock_is_set() {
    follow(-DAY_MS, &[], "the clock jumped ahead by ");
    follow(15 * DAY_MS, &[], "the clock was set back by ");
    follow(HOUR_MS * 3 / 2, &["--since", "2h"], "the clock was set back by ");
}

#[test]
fn nothing_is_final_or_covered_by_a_clock_that_was_ahead() {
    let service = service(minutely(30, HOUR_MS));
    let mut puller = Puller::of(&service);
    puller.now_ms = NOW_MS + 15 * DAY_MS;
    puller.report();
    let now = Timestamp::from_ms(NOW_MS).unwrap();
    let store = puller.store();
    let status = || {
        let mut command = mailtrace();
        command.env("MAILTRACE_NOW", now.to_string()).args(["status", "--format", "json"]);
        run(command.arg("--store").arg(&store)).expect(0).json()
    };
    let told =
        |it: &serde_json::Value| it.as_str().map(|it| Timestamp::parse_log_form(it).unwrap());
    let before = status();
    assert_eq!(told(&before["pulls"][0]["finalUntil"]), None, "{before:#}");
    for range in before["coverage"][0]["ranges"].as_array().unwrap() {
        assert!(told(&range["last"]).unwrap() <= now, "{before:#}");
    }
    puller.now_ms = NOW_MS;
    puller.report();
    let after = status();
    let latest = now.saturating_add_ms(-14 * DAY_MS);
    assert!(told(&after["pulls"][0]["finalUntil"]).is_none_or(|it| it <= latest), "{after:#}");
    // Another pull need not look at everything again.
    let asked = service.lock().count(Call::FilterLogEvents);
    puller.report();
    assert!(service.lock().count(Call::FilterLogEvents) - asked <= asked, "all is listed again");
}
