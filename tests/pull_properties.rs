//! Random events, random faults: the store has exactly what the service had.

use proptest::prelude::*;

use crate::cloudwatch::{Arrival, Event, Faults, PAGE_FAULTS, TRANSPORT_FAULTS};
use crate::pulling::{DAY_MS, HOUR_MS, NOW_MS, Puller, arrived, content_of, received, service};

/// Events in few milliseconds, three streams, taken in soon or hours later, and seen at once,
/// while the first pull is under way, or after it.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let arrival = prop_oneof![
        6 => Just(Arrival::Prompt),
        1 => (1..8u64).prop_map(Arrival::AfterRequests),
        2 => Just(Arrival::Wave(1)),
    ];
    let delay_ms = prop_oneof![Just(0), Just(1_500), 0..12 * HOUR_MS];
    // A crowd among them, so large that pages end within its milliseconds.
    let slot = prop_oneof![0..30i64, Just(7)];
    let event = (slot, 0..2i64, 0..3u8, delay_ms, arrival);
    prop::collection::vec(event, 0..80).prop_map(|events| {
        let events = events.into_iter().enumerate();
        let event = |(index, (slot, ms, stream, delay_ms, arrival))| {
            let age_ms = 3 * DAY_MS - slot * 2 * HOUR_MS - ms;
            let event = received(age_ms, &format!("s{stream}"), &format!("m{index}"));
            let ingestion_ms = match arrival {
                Arrival::Prompt => event.timestamp_ms + delay_ms,
                Arrival::AfterRequests(_) => NOW_MS,
                Arrival::Wave(_) => NOW_MS + HOUR_MS,
            };
            event.ingested_at(ingestion_ms).arriving(arrival)
        };
        events.map(event).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20,
        max_shrink_iters: 30,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_pull_takes_exactly_what_there_is(
        events in events(),
        page_events_max in 5..25usize,
        end_time_is_exclusive: bool,
        seed: u64,
        per_mille in 0..400u64,
        // Few kinds at a time, so that each is met often.
        kinds in prop::sample::subsequence([PAGE_FAULTS, TRANSPORT_FAULTS].concat(), 1..=3),
    ) {
        let service = service(events);
        {
            let mut state = service.lock();
            state.world.page_events_max = page_events_max;
            state.world.end_time_is_exclusive = end_time_is_exclusive;
            state.faults = Faults::default().by_chance(seed, per_mille, &kinds);
        }
        let mut puller = Puller::of(&service);
        let before = arrived(&service);
        puller.report();
        let (stored, after) = (puller.stored(), arrived(&service));
        prop_assert!(before.iter().all(|it| stored.get(it.0) == Some(it.1)), "less than was there");
        prop_assert!(stored.iter().all(|it| after.get(it.0) == Some(it.1)), "more than was there");

        {
            let mut state = service.lock();
            state.world.wave = 1;
            state.world.filter_count = 1_000;
        }
        puller.now_ms += DAY_MS;
        puller.report();
        puller.assert_exact(&service, "a day later");
        prop_assert_eq!(arrived(&service), content_of(service.lock().world.groups[0].events()));
        prop_assert_eq!(&puller.report()["added"], 0);
    }
}
