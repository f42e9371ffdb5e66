//! Questions about many messages, as whole processes of ours, with all that they read still in
//! memory, beside DuckDB's queries in process.

use std::path::Path;

use mailtrace::{Store, Timestamp};
use serde_json::json;

use crate::Bench;
use crate::processes::{Job, Side, Usages, text};
use crate::questions::Timed;
use crate::samples::Samples;
use crate::table::Unit::{Bytes, Seconds};

/// Runs of each question, after one that warms up.
const RUNS: usize = 5;

/// The most that a question may hold in memory, mapped files included.
const PEAK_BYTES_MAX: f64 = (512_u64 << 20) as f64;

const DAY_MS: i64 = 86_400_000;

/// What a question may take.
#[derive(Clone, Copy)]
enum Target {
    /// As a share of what DuckDB takes for its own.
    OfDuckDb(f64),
    Seconds(f64),
}

struct Question {
    what: &'static str,
    arguments: &'static [&'static str],
    is_of_a_day: bool,
    /// What DuckDB is asked.
    beside: Option<&'static str>,
    target: Target,
}

const QUESTIONS: [Question; 7] = [
    Question {
        what: "lost, of everything",
        arguments: &["messages", "--outcome", "lost"],
        is_of_a_day: false,
        beside: Some("undelivered"),
        target: Target::OfDuckDb(0.10),
    },
    Question {
        what: "lost, of a day",
        arguments: &["messages", "--outcome", "lost"],
        is_of_a_day: true,
        beside: Some("undelivered-of-a-day"),
        target: Target::OfDuckDb(0.30),
    },
    Question {
        what: "messages by sender",
        arguments: &["messages", "--group-by", "sender"],
        is_of_a_day: false,
        beside: Some("messages-by-sender"),
        target: Target::OfDuckDb(1.0),
    },
    Question {
        what: "events by name",
        arguments: &["stats", "--by", "event"],
        is_of_a_day: false,
        beside: Some("count-by-name"),
        target: Target::Seconds(0.1),
    },
    Question {
        what: "events by name and hour",
        arguments: &["stats", "--by", "event", "--interval", "hour"],
        is_of_a_day: false,
        beside: Some("count-by-name-and-hour"),
        target: Target::Seconds(0.1),
    },
    Question {
        what: "latency",
        arguments: &["stats", "--latency"],
        is_of_a_day: false,
        beside: None,
        target: Target::Seconds(1.0),
    },
    Question {
        what: "triage of a day",
        arguments: &["triage"],
        is_of_a_day: true,
        beside: None,
        target: Target::Seconds(0.5),
    },
];

/// Asks a store and a database of the same log. The day is the one in the middle of the log.
pub(crate) fn ask(bench: &mut Bench, store: &Path, mut duckdb: Option<Side>) {
    let opened = Store::open(store).expect("the store");
    let events = opened.checkpoint().records;
    let (first, last) = opened.time_span().expect("a store with events");
    drop(opened);
    let since = first.as_ms().midpoint(last.as_ms()) / DAY_MS * DAY_MS;
    let at = |ms: i64| Timestamp::from_ms(ms).expect("a time within the log").to_string();
    let day = [at(since), at(since + DAY_MS)];
    for question in &QUESTIONS {
        let mut job = Job::mailtrace(question.arguments.iter().copied());
        job.argv.extend(["--store", text(store)].map(str::to_owned));
        if question.is_of_a_day {
            let [since, until] = day.clone();
            job.argv.extend(["--since".to_owned(), since, "--until".to_owned(), until]);
        }
        let [usages] = bench.stopwatch.alternate(RUNS, [Some(&job)]);
        let theirs = duckdb.as_mut().zip(question.beside).map(|(duckdb, ask)| {
            let request = |runs: usize| json!({ "ask": ask, "runs": runs, "from": since });
            duckdb.ask::<Timed>(&request(1));
            Samples::new(duckdb.ask::<Timed>(&request(RUNS)).seconds)
        });
        add(bench, question, events, &usages, theirs);
    }
}

fn add(
    bench: &mut Bench,
    question: &Question,
    events: u64,
    usages: &Usages,
    theirs: Option<Samples>,
) {
    let what = format!("{} ({events} events)", question.what);
    let row = bench.table.add(&what, Seconds, usages.wall());
    if let Some(beside) = question.beside {
        let name = if beside.starts_with("undelivered") { "DuckDB, undelivered" } else { "DuckDB" };
        row.beside(name, theirs);
    }
    match question.target {
        Target::OfDuckDb(share) => row.ratio_at_most(share),
        Target::Seconds(seconds) => row.at_most(seconds),
    }
    bench.table.add(format!("{what}: memory"), Bytes, usages.peak()).at_most(PEAK_BYTES_MAX);
}
