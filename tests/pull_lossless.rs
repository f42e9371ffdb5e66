//! Whatever the service and the network do, what the service has is what the store has.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::cloudwatch::{
    Arrival, Call, CloudWatch, Event, Failure, Fault, Faults, PAGE_FAULTS, TRANSPORT_FAULTS,
};
use crate::pulling::{
    DAY_MS, Following, GROUP, HOUR_MS, NOW_MS, Puller, content_of, minutely, received, service,
    synthetic, wait_until,
};
use crate::support::{Random, archive_files, on, rejected_lines};

const FILTER: Call = Call::FilterLogEvents;

/// A service with pages so small that a few events take many requests.
fn service_in_pages_of(page_events_max: usize, events: Vec<Event>) -> CloudWatch {
    let service = service(events);
    service.lock().world.page_events_max = page_events_max;
    service
}

#[test]
fn everything_is_taken_once() {
    let service = service_in_pages_of(400, synthetic(3_000, 1, 3 * DAY_MS, 2 * DAY_MS));
    let event_count = service.lock().world.groups[0].events().len();
    let puller = Puller::of(&service);
    let report = puller.report();
    assert_eq!(report["added"], event_count, "{report}");
    assert_eq!(report["logGroup"], GROUP);
    assert!(report["pages"].as_u64().unwrap() >= 8, "{report}");
    assert_eq!((&report["rejected"], &report["throttled"]), (&0.into(), &0.into()), "{report}");
    let coverage = report["coverage"].as_array().unwrap();
    let instant = |it: &serde_json::Value| -> i64 {
        it.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
    };
    let state = service.lock();
    let (first, last) = {
        let events = state.world.groups[0].events();
        (events[0].timestamp_ms, events[events.len() - 1].timestamp_ms)
    };
    drop(state);
    for at in [first, last] {
        let is_inside =
            coverage.iter().any(|it| instant(&it["first"]) <= at && at <= instant(&it["last"]));
        assert!(is_inside, "{at} is not covered: {report}");
    }
    puller.assert_exact(&service, "the first pull");

    let again = puller.report();
    assert_eq!((&again["added"], &again["rejected"]), (&0.into(), &0.into()), "{again}");
    puller.assert_exact(&service, "the second pull");
}

#[test]
fn looking_again_costs_less_than_looking() {
    let service = service_in_pages_of(150, synthetic(3_000, 2, 10 * DAY_MS, 9 * DAY_MS));
    let mut puller = Puller::of(&service);
    puller.report();
    let first = service.lock().count(FILTER);
    puller.now_ms += HOUR_MS;
    puller.report();
    let second = service.lock().count(FILTER) - first;
    assert!(second < first, "{first} requests at first, then {second} for nothing new");
}

#[test]
fn events_of_one_millisecond_are_all_kept() {
    for (is_exclusive, expiring) in [(false, 0), (true, 0), (false, 4), (true, 6)] {
        let mut events = minutely(40, HOUR_MS);
        let crowd = |it| received(90 * 60_000, &format!("s{}", it % 3), &format!("crowd{it}"));
        events.extend((0..150).map(crowd));
        let service = service_in_pages_of(40, events);
        {
            let mut state = service.lock();
            state.world.end_time_is_exclusive = is_exclusive;
            // Tokens that expire in the middle of the crowd, wherever its pages come.
            let faults = (0..expiring).map(|it| 12 + it * 2);
            state.faults = faults.fold(Faults::default(), |faults, index| {
                faults.at(FILTER, index, Fault::ExpiredToken)
            });
        }
        let puller = Puller::of(&service);
        puller.report();
        let what = format!("the end of a range is left out: {is_exclusive}; expiring: {expiring}");
        puller.assert_exact(&service, &what);
    }
}

#[test]
fn no_kind_of_fault_loses_an_event() {
    let faults: Vec<Fault> = PAGE_FAULTS.into_iter().chain(TRANSPORT_FAULTS).collect();
    // They wait more than they work.
    std::thread::scope(|scope| {
        for fault in faults {
            scope.spawn(move || {
                let service = service_in_pages_of(25, minutely(100, HOUR_MS));
                // Of the first request, of one in the middle, and of two in a row.
                let script = Faults::default().at(FILTER, 0, fault).during(FILTER, 3..5, fault);
                service.lock().faults = script;
                let puller = Puller::of(&service);
                puller.report();
                puller.assert_exact(&service, &format!("{fault:?}"));
            });
        }
    });
}

#[test]
fn throttling_slows_a_pull_and_no_more() {
    let service = service_in_pages_of(25, minutely(300, HOUR_MS));
    {
        let mut state = service.lock();
        let throttled = Fault::Error(Failure::Throttling);
        state.faults = Faults::default().during(FILTER, 2..6, throttled);
        state.quota = Some(5.0);
    }
    let puller = Puller { max_rate: None, ..Puller::of(&service) };
    let report = puller.report();
    assert!(report["throttled"].as_u64().unwrap() >= 4, "{report}");
    puller.assert_exact(&service, "throttled");
    let state = service.lock();
    let throttled = state.requests.iter().filter(|it| it.status == 400).count();
    let answered = state.count(FILTER) - throttled;
    assert!(throttled <= answered, "{throttled} of {} requests in vain", state.count(FILTER));
}

#[test]
fn streams_that_are_ingested_late_and_in_disorder_are_taken() {
    let mut random = Random::new();
    let events = minutely(200, HOUR_MS).into_iter().map(|it| {
        let delay_ms = i64::try_from(random.below(180)).unwrap() * 60_000;
        let ingestion_ms = (it.timestamp_ms + delay_ms).min(NOW_MS - 1);
        it.ingested_at(ingestion_ms)
    });
    let mut events: Vec<Event> = events.collect();
    events.reverse();
    let service = service_in_pages_of(30, events);
    let puller = Puller::of(&service);
    puller.report();
    puller.assert_exact(&service, "in disorder");
}

/// Events that arrive ten minutes after the first pull: of three hours and of ten days ago.
fn latecomers() -> [Event; 3] {
    let late = |age_ms, stream, word| {
        received(age_ms, stream, word).ingested_at(NOW_MS + HOUR_MS / 6).arriving(Arrival::Wave(1))
    };
    [
        late(3 * HOUR_MS, "s0", "late-by-hours"),
        late(10 * DAY_MS, "s1", "late-by-days"),
        late(10 * DAY_MS, "a-stream-of-its-own", "late-in-a-new-stream"),
    ]
}

/// A service at which mail was taken for eleven days before the latecomers arrive.
fn service_with_latecomers() -> CloudWatch {
    let mut events = minutely(60, HOUR_MS);
    events.push(received(11 * DAY_MS, "s1", "long-ago"));
    events.extend(latecomers());
    service_in_pages_of(20, events)
}

#[test]
fn events_that_arrive_late_are_found() {
    let service = service_with_latecomers();
    let mut puller = Puller::of(&service);
    puller.report();
    puller.assert_exact(&service, "before they arrive");
    service.lock().world.wave = 1;
    puller.now_ms += HOUR_MS;
    let report = puller.report();
    assert_eq!((&report["added"], &report["late"]), (&3.into(), &3.into()), "{report}");
    puller.assert_exact(&service, "after they arrived");
    puller.now_ms += 5 * 60_000;
    assert_eq!(puller.report()["added"], 0);
}

#[test]
fn events_that_arrive_late_are_found_though_the_streams_tell_of_them_later() {
    let service = service_with_latecomers();
    let mut puller = Puller::of(&service);
    puller.report();
    {
        let mut state = service.lock();
        state.world.wave = 1;
        state.world.stream_lag_ms = 2 * HOUR_MS;
    }
    puller.now_ms += HOUR_MS;
    puller.report();
    // Whatever it could find by then, a day later the streams tell.
    service.lock().world.stream_lag_ms = 0;
    puller.now_ms += DAY_MS;
    puller.report();
    puller.assert_exact(&service, "a day later");
}

#[test]
fn events_that_arrive_late_are_found_though_no_stream_ever_tells_of_them() {
    let service = service_with_latecomers();
    service.lock().world.stream_lag_ms = 2 * HOUR_MS;
    let mut puller = Puller::of(&service);
    puller.report();
    puller.assert_exact(&service, "before they arrive");
    service.lock().world.wave = 1;
    for later_ms in [HOUR_MS, 4 * HOUR_MS, 15 * DAY_MS] {
        puller.now_ms += later_ms;
        puller.report();
    }
    puller.assert_exact(&service, "after the fortnight in which they could arrive");
}

#[test]
fn a_recheck_finds_what_arrived_late_at_once() {
    let service = service_with_latecomers();
    let puller = Puller::of(&service);
    puller.report();
    service.lock().world.wave = 1;
    puller.pull(&["--recheck"]).expect(0);
    puller.assert_exact(&service, "rechecked");
}

#[test]
fn events_that_arrive_during_a_pull_are_found_by_the_next() {
    let mut events = minutely(100, HOUR_MS);
    events.extend((0..20).map(|it| {
        received(2 * HOUR_MS + it * 60_000, "s1", &format!("during{it}"))
            .ingested_at(NOW_MS)
            .arriving(Arrival::AfterRequests(2 + it as u64 / 4))
    }));
    let service = service_in_pages_of(15, events);
    let mut puller = Puller::of(&service);
    puller.report();
    service.lock().world.filter_count = 1_000;
    puller.now_ms += 10 * 60_000;
    puller.report();
    puller.assert_exact(&service, "the pull after");
}

#[test]
fn a_pull_that_is_killed_goes_on_where_it_stood() {
    let mut random = Random::new();
    let delays: Vec<u64> = (0..6).map(|_| random.below(5_000)).collect();
    std::thread::scope(|scope| {
        for delay_ms in delays {
            scope.spawn(move || {
                let service = service_in_pages_of(40, minutely(1_000, HOUR_MS));
                service.lock().quota = Some(5.0);
                let puller = Puller { max_rate: None, ..Puller::of(&service) };
                let mut command = puller.command(&["--log-group", GROUP, "--quiet"]);
                let mut child = command.spawn().unwrap();
                std::thread::sleep(Duration::from_millis(delay_ms));
                // It may have ended by itself.
                let _ended = child.kill();
                child.wait().unwrap();
                service.lock().quota = None;
                puller.report();
                puller.assert_exact(&service, &format!("killed after {delay_ms} ms"));
            });
        }
    });
}

#[test]
fn a_pull_that_fails_half_way_keeps_what_it_has() {
    let service = service_in_pages_of(20, minutely(200, HOUR_MS));
    let expired = Fault::Error(Failure::ExpiredCredentials);
    service.lock().faults = Faults::default().during(FILTER, 18..1_000, expired);
    let puller = Puller::of(&service);
    puller.pull(&[]).expect_error(&["expired"]);
    let kept = puller.stored().len();
    assert!((1..200).contains(&kept), "{kept} events are kept");
    service.lock().faults = Faults::default();
    assert_eq!(puller.report()["added"], 200 - kept);
    puller.assert_exact(&service, "with new credentials");
}

#[test]
fn a_network_that_goes_away_costs_nothing_that_was_there() {
    let service = service_in_pages_of(20, minutely(200, HOUR_MS));
    service.lock().faults = Faults::default().during(FILTER, 4..1_000, Fault::Reset);
    let puller = Puller::of(&service);
    puller.pull(&[]).expect_error(&["127.0.0.1"]);
    service.lock().faults = Faults::default();
    puller.report();
    puller.assert_exact(&service, "the network is back");
}

#[test]
fn following_prints_what_comes_and_stops_on_a_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut events = minutely(60, HOUR_MS);
        let late = |age_ms, word| {
            received(age_ms, "s1", word).ingested_at(NOW_MS).arriving(Arrival::Wave(1))
        };
        events.extend([late(60_000, "newcomer"), late(20 * 60_000, "latecomer")]);
        let service = service_in_pages_of(20, events);
        let puller = Puller::of(&service);
        let arguments = ["--log-group", GROUP, "--follow", "--interval", "1s", "--print"];
        let mut following = Following::start(puller.command(&arguments));
        wait_until("the first pull", || service.lock().count(FILTER) >= 3);
        service.lock().world.wave = 1;
        following.wait_for("comer");
        following.wait_for("comer");
        wait_until("a commit", || {
            let found = on(&puller.store(), &["search", "subject:newcomer"]);
            found.status == Some(0)
        });
        let ended = following.end(signal).expect(0);
        assert!(!ended.stderr.contains("error"), "{ended:#?}");
        puller.assert_exact(&service, &format!("{signal:?}"));
    }
}

/// Whoever has a hangup ignored, as nohup does, wants the pull to outlive the terminal. The
/// disposition is set here, whatever that of the test runner is.
#[test]
fn a_hangup_ends_a_pull_unless_it_is_ignored() {
    for (disposition, is_ignored) in
        [("--default-signal=HUP", false), ("--ignore-signal=HUP", true)]
    {
        let service = service_in_pages_of(20, minutely(60, HOUR_MS));
        let puller = Puller::of(&service);
        let pull = puller.command(&["--log-group", GROUP, "--follow", "--interval", "1s"]);
        let mut command = Command::new("env");
        command.arg(disposition).arg(pull.get_program()).args(pull.get_args()).env_clear();
        command.envs(pull.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut following = Following::start(command);
        let requests = || service.lock().count(FILTER);
        wait_until("the first commit", || {
            let status = on(&puller.store(), &["status", "--format", "json"]);
            status.status == Some(0) && status.json()["records"] == 60
        });
        following.signal(Signal::HUP);
        if is_ignored {
            let before = requests();
            wait_until("it goes on", || requests() > before + 1);
            following.end(Signal::TERM).expect(0);
        } else {
            following.ended().expect(0);
        }
        puller.assert_exact(&service, disposition);
    }
}

#[test]
fn a_signal_in_the_middle_keeps_what_was_fetched() {
    const LATENCY: Duration = Duration::from_millis(300);
    let service = service_in_pages_of(20, minutely(2_000, HOUR_MS));
    service.lock().latency = LATENCY;
    let puller = Puller { max_rate: None, ..Puller::of(&service) };
    let following = Following::start(puller.command(&["--log-group", GROUP, "--follow"]));
    // A page counts as fetched when it was sent half a second ago.
    let fetched = || {
        let state = service.lock();
        let age = LATENCY + Duration::from_millis(500);
        let fetched = state.requests.iter().filter(|it| it.at.elapsed() >= age);
        fetched.map(|it| it.event_count).sum::<usize>()
    };
    wait_until("some pages", || fetched() >= 60);
    let fetched = fetched();
    following.end(Signal::TERM).expect(0);
    let kept = puller.stored().len();
    assert!((fetched..2_000).contains(&kept), "{fetched} events were fetched, {kept} are kept");
    service.lock().latency = Duration::ZERO;
    puller.report();
    puller.assert_exact(&service, "the pull after");
}

#[test]
fn only_the_range_that_was_asked_for_is_taken() {
    let service = service_in_pages_of(30, minutely(120, 0));
    for is_exclusive in [false, true] {
        service.lock().world.end_time_is_exclusive = is_exclusive;
        let puller = Puller::of(&service);
        let range = ["--since", "2026-11-20T11:00:00Z", "--until", "2026-11-20T11:30:00Z"];
        puller.pull(&range).expect(0);
        let state = service.lock();
        // The first instant is inside, the last is not.
        let is_inside =
            |it: &&Event| (NOW_MS - HOUR_MS..NOW_MS - HOUR_MS / 2).contains(&it.timestamp_ms);
        let expected = content_of(state.world.groups[0].events().iter().filter(is_inside));
        drop(state);
        assert_eq!(expected.len(), 30);
        crate::pulling::assert_same(&puller.stored(), &expected, "the range");
        // What lies outside was not looked at, and is still there to be taken.
        puller.report();
        puller.assert_exact(&service, "everything");
    }
}

#[test]
fn a_dry_run_takes_nothing() {
    let service = service(minutely(60, HOUR_MS));
    service.lock().world.groups[0].stored_bytes = Some(5_000_000);
    let puller = Puller::of(&service);
    puller.pull(&["--dry-run"]).expect(0);
    assert_eq!(service.lock().count(FILTER), 0);
    let archive = puller.store().join("archive");
    assert!(!archive.exists() || archive_files(&puller.store()).is_empty());
}

#[test]
fn what_is_no_email_event_is_kept_aside() {
    let mut events = minutely(10, HOUR_MS);
    events.push(Event::new(NOW_MS - HOUR_MS, "s0", "no JSON at all"));
    events.push(Event::new(NOW_MS - HOUR_MS, "s0", "{\"neither\": \"of ours\"}"));
    let service = service(events);
    let puller = Puller::of(&service);
    let report = puller.report_with(3);
    assert_eq!((&report["added"], &report["rejected"]), (&10.into(), &2.into()), "{report}");
    let rejected = std::fs::read_dir(puller.store().join("rejected")).unwrap();
    let kept: String = rejected.map(|it| rejected_lines(&it.unwrap().path())).collect();
    assert!(kept.contains("no JSON at all") && kept.contains("neither"), "{kept}");
    assert_eq!(puller.stored(), content_of(&minutely(10, HOUR_MS)));
    assert_eq!(puller.report_with(3)["added"], 0);
    let files = std::fs::read_dir(puller.store().join("rejected")).unwrap();
    assert_eq!(files.count(), 1, "what is listed again is kept once");
}
