//! Queries by a part of something, in process: what the index narrows, and what reads originals.
//!
//! DuckDB looks through columns that it has parsed when it loaded them, and decodes no subject.

use std::time::Instant;

use mailtrace::internals::{InsightsRequest, ask_insights, parse_insights};
use mailtrace::{Store, TimeRange, Timestamp, Zone, parse_query, search};
use serde_json::json;

use crate::Bench;
use crate::questions::Timed;
use crate::samples::Samples;
use crate::table::Unit::Seconds;

const RUNS: usize = 5;

const INFIX_S_MAX: f64 = 0.050;
const REGEX_OF_A_DAY_S_MAX: f64 = 0.200;
const ID_PATTERN_S_MAX: f64 = 4.0;
const INSIGHTS_S_MAX: f64 = 2.0;
const INSIGHTS_FILTERED_S_MAX: f64 = 1.0;

/// What is measured: its name, the question, whether it asks for a day, DuckDB's question, and the
/// most seconds that it may take.
const SEARCHES: [(&str, &str, bool, &str, f64); 3] = [
    ("infix on subjects", "subject:*voice*", false, "infix", INFIX_S_MAX),
    (
        "regex on subjects of a day",
        "subject:/inv.*42/",
        true,
        "regex-of-a-day",
        REGEX_OF_A_DAY_S_MAX,
    ),
    ("pattern on IDs", "message-id:*a1b2c*", false, "id-pattern", ID_PATTERN_S_MAX),
];

const INSIGHTS: [(&str, &str, &str, f64); 2] = [
    (
        "Insights, by recipient, filtered",
        "stats count(*) as c by event.recipient | filter event.eventName = \"MAILBOX_EMAIL_DELIVERED\" | sort c desc",
        "delivered-by-recipient",
        INSIGHTS_FILTERED_S_MAX,
    ),
    (
        "Insights, without an index",
        "filter event.subject like /(?i)invoice/ | stats count(*) by bin(1d)",
        "invoices-by-day",
        INSIGHTS_S_MAX,
    ),
];

pub(crate) fn in_process(bench: &mut Bench) {
    let store = Store::open(&bench.store()).expect("the store");
    let (first, last) = store.time_span().expect("a store with events");
    let middle = first.as_ms().midpoint(last.as_ms());
    let day = |from: i64| TimeRange {
        since: Timestamp::from_ms(from),
        until: Timestamp::from_ms(from + 86_400_000),
    };
    let mut duckdb = bench.duckdb_open(&bench.database());
    for (what, question, is_of_a_day, beside, most) in SEARCHES {
        let range = if is_of_a_day { day(middle) } else { TimeRange::default() };
        let query = parse_query(question, Timestamp::now(), &Zone::UTC).expect("a query");
        let run = || {
            let started = Instant::now();
            search(&store, &query, range, 5).expect("an answer");
            started.elapsed().as_secs_f64()
        };
        run();
        let ours = Samples::new((0..RUNS).map(|_| run()));
        let ask = json!({ "ask": beside, "runs": RUNS, "from": middle });
        let theirs = duckdb.as_mut().map(|it| Samples::new(it.ask::<Timed>(&ask).seconds));
        bench.table.add(what, Seconds, ours).beside("DuckDB", theirs).at_most(most);
    }
    for (what, question, beside, most) in INSIGHTS {
        let query = parse_insights(question).expect("a query");
        let request = InsightsRequest {
            range: TimeRange::default(),
            log_groups: Vec::new(),
            now: Timestamp::now(),
        };
        let run = || {
            let started = Instant::now();
            ask_insights(&store, &query, &request).expect("an answer");
            started.elapsed().as_secs_f64()
        };
        run();
        let ours = Samples::new((0..RUNS).map(|_| run()));
        let ask = json!({ "ask": beside, "runs": RUNS });
        let theirs = duckdb.as_mut().map(|it| Samples::new(it.ask::<Timed>(&ask).seconds));
        bench.table.add(what, Seconds, ours).beside("DuckDB", theirs).at_most(most);
    }
}
