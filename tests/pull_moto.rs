//! Pulls from moto's server, which keeps real time and knows nothing of our stand-in.

use serde_json::json;

use crate::cloudwatch::Event;
use crate::moto::Moto;
use crate::pulling::{
    DAY_MS, GROUP, HOUR_MS, NOW_MS, Puller, assert_same, content_of, received, synthetic_at,
};
use crate::support::{assert_sound, on, run};

/// Puts an event that was made for the fixed clock at the same distance from another.
fn moved(mut event: Event, now_ms: i64) -> Event {
    event.timestamp_ms += now_ms - NOW_MS;
    event
}

#[test]
fn what_moto_has_is_pulled_and_found() {
    let moto = Moto::start();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    // Moto takes events of the last 14 days. More than one page of 10,000.
    let mut events = synthetic_at(12_000, 7, now_ms - 3 * DAY_MS, 2 * DAY_MS);
    events.extend((0..30).map(|it| {
        moved(received(2 * HOUR_MS, &format!("s{}", it % 3), &format!("crowd{it}")), now_ms)
    }));
    moto.create_group(GROUP);
    moto.put(GROUP, &events);
    let mut puller = Puller::at(moto.endpoint());
    puller.now_ms = now_ms;
    let report = puller.report();
    assert_eq!(report["added"], events.len(), "{report}");
    assert_sound(&puller.store());
    assert_same(&puller.stored(), &content_of(&events), "the first pull");
    on(&puller.store(), &["trace", "<crowd7@far.example>"]).expect(0);
    assert_eq!(puller.report()["added"], 0);

    // What arrives now has happened an hour, five hours and twelve days ago.
    let late: Vec<Event> = [HOUR_MS, 5 * HOUR_MS, 12 * DAY_MS]
        .into_iter()
        .map(|age_ms| moved(received(age_ms, "s1", &format!("late{age_ms}")), now_ms))
        .collect();
    moto.put(GROUP, &late);
    puller.now_ms += 5 * 60_000;
    let report = puller.report();
    assert_eq!(report["added"], late.len(), "{report}");
    events.extend(late);
    assert_same(&puller.stored(), &content_of(&events), "the late ones");
}

#[test]
fn the_only_group_of_motos_account_is_taken() {
    let moto = Moto::start();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let events: Vec<Event> =
        (0..5).map(|it| moved(received(HOUR_MS, "s", &format!("m{it}")), now_ms)).collect();
    for group in [GROUP, "/aws/lambda/other"] {
        moto.create_group(group);
    }
    moto.put(GROUP, &events);
    let mut puller = Puller::at(moto.endpoint());
    puller.now_ms = now_ms;
    let ran = run(&mut puller.command(&[])).expect(0);
    assert!(ran.stderr.contains(GROUP), "{ran:#?}");
    assert_same(&puller.stored(), &content_of(&events), "the only group");

    let wrong = "/aws/workmail/emailevents/acne";
    run(&mut puller.command(&["--log-group", wrong])).expect_error(&[wrong, GROUP]);
    moto.call("DeleteLogGroup", &json!({ "logGroupName": GROUP }));
    puller.pull(&[]).expect_error(&[GROUP]);
}
