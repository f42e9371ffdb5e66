//! Synthetic event logs of any size, with the truth beside them.
//!
//! No real WorkMail event is public, so these are built from the documented fields
//! ([`crate::event`]). The same options give the same bytes for ever: dice, texts and layout are
//! all written here. Events leave in the order of their time, as CloudWatch gives them, while
//! hundreds of messages are under way at once. Memory does not grow with the number of events.
//! The outcome of each message comes from the generator's intent ([`Truth`]), so that it can
//! judge the code that works it out from the log.

mod audit;
mod body;
mod bounces;
mod flow;
mod incoming;
mod message_ids;
mod outgoing;
mod people;
mod plan;
mod queue;
mod random;
mod schedule;
mod shape;
mod subjects;
#[cfg(test)]
mod tests;
mod truth;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;

pub use audit::generate_with_audit;
pub use shape::{Shape, Writer};
pub use truth::Truth;

use crate::limits;
use crate::source::Record;
use crate::time::Timestamp;
use people::Organization;
use plan::Plan;
use queue::{Queue, Scheduled};
use random::Random;
use schedule::Schedule;

/// The parameters of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthOptions {
    /// The exact number of events. The last messages are cut off midway, as in any log.
    pub event_count: u64,
    /// The seed: each gives another log.
    pub seed: u64,
    /// The earliest start of a message.
    pub since: Timestamp,
    /// The period over which messages start, roughly, in milliseconds.
    pub span_ms: i64,
    /// The organization's alias, after which its log group and its domain are named.
    pub organization: String,
    /// The number of users in the organization.
    pub user_count: u64,
}

impl Default for SynthOptions {
    fn default() -> Self {
        Self {
            event_count: 10_000,
            seed: 1,
            // 2026-11-01T00:00:00Z
            since: Timestamp::from_ms(1_793_491_200_000).unwrap_or(Timestamp::MIN),
            span_ms: 7 * 86_400_000,
            organization: "acme".to_owned(),
            user_count: 200,
        }
    }
}

impl SynthOptions {
    /// Checks that a log can be made with these parameters.
    pub fn check(&self) -> Result<(), SynthError> {
        let is_alias = |it: &str| {
            !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        };
        if !is_alias(&self.organization) {
            return Err(SynthError::BadOrganization { organization: self.organization.clone() });
        }
        if !(1..=limits::SYNTH_USERS_MAX).contains(&self.user_count) {
            return Err(SynthError::BadUserCount);
        }
        if !(1..=limits::SYNTH_SPAN_DAYS_MAX * 86_400_000).contains(&self.span_ms) {
            return Err(SynthError::BadSpan);
        }
        Ok(())
    }
}

/// The size of a generated log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynthSummary {
    /// Events written.
    pub event_count: u64,
    /// Messages of which at least one event was written.
    pub message_count: u64,
}

/// Why nothing, or not everything, was generated.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    #[error(
        "the organization \"{organization}\" is not an alias: give letters, digits and hyphens"
    )]
    BadOrganization { organization: String },
    #[error("the number of users must be between 1 and {}", limits::SYNTH_USERS_MAX)]
    BadUserCount,
    #[error("the span must be between 1 ms and {} days", limits::SYNTH_SPAN_DAYS_MAX)]
    BadSpan,
    #[error("cannot write the synthetic log")]
    Write {
        #[from]
        source: io::Error,
    },
}

/// The average number of events of a message, in hundredths. It only spaces the messages over the
/// span; the number of events is exact in any case.
const EVENTS_PER_100_MESSAGES: u64 = 400;

/// Generates a log. Each event goes to `on_record` in the order of time, the truth about each
/// message to `on_truth` once it is certain.
pub fn generate(
    options: &SynthOptions,
    on_record: impl FnMut(&Record<'_>) -> io::Result<()>,
    on_truth: impl FnMut(&Truth) -> io::Result<()>,
) -> Result<SynthSummary, SynthError> {
    options.check()?;
    let mut generator = Generator::new(options, on_record, on_truth);
    generator.run()?;
    Ok(generator.summary)
}

/// The state of one run.
struct Generator<R, T> {
    event_count: u64,
    organization: Organization,
    log_group: String,
    log_streams: Vec<String>,
    random: Random,
    schedule: Schedule,
    queue: Queue,
    newest_ms: i64,
    /// Messages with a recipient that nothing decides, kept until the end of the log or the grace
    /// time tells whether they are pending or lost.
    undecided: VecDeque<Plan>,
    event_id: String,
    summary: SynthSummary,
    on_record: R,
    on_truth: T,
}

impl<R, T> Generator<R, T>
where
    R: FnMut(&Record<'_>) -> io::Result<()>,
    T: FnMut(&Truth) -> io::Result<()>,
{
    fn new(options: &SynthOptions, on_record: R, on_truth: T) -> Self {
        let mut random = Random::new(options.seed);
        let message_count = options.event_count.saturating_mul(100) / EVENTS_PER_100_MESSAGES;
        let schedule = Schedule::new(options.since.as_ms(), options.span_ms, message_count);
        let log_streams = (0..4)
            .map(|_| {
                let mut stream = String::from("workmail-");
                random.push_hex(&mut stream, 32);
                stream
            })
            .collect();
        Self {
            event_count: options.event_count,
            organization: Organization {
                domain: format!("{}.example", options.organization.to_ascii_lowercase()),
                user_count: options.user_count,
            },
            log_group: format!("/aws/workmail/emailevents/{}", options.organization),
            log_streams,
            random,
            schedule,
            queue: Queue::default(),
            newest_ms: options.since.as_ms(),
            undecided: VecDeque::new(),
            event_id: String::with_capacity(64),
            summary: SynthSummary::default(),
            on_record,
            on_truth,
        }
    }

    fn run(&mut self) -> io::Result<()> {
        while self.summary.event_count < self.event_count {
            let planned_ms = self.schedule.next_ms(&mut self.random);
            self.write_until(planned_ms)?;
            // A full queue makes the log run ahead of its schedule, instead of using more memory.
            let start_ms = planned_ms.max(self.newest_ms);
            self.queue.push(flow::plan_message(&mut self.random, &self.organization, start_ms));
        }
        // The log ends here: what is still open is judged by the events written so far.
        for plan in self.undecided.drain(..).collect::<Vec<_>>() {
            self.tell(&plan)?;
        }
        for plan in self.queue.take_plans() {
            self.tell(&plan)?;
        }
        Ok(())
    }

    /// Writes the events before `ms`, and later ones while the queue is full.
    fn write_until(&mut self, ms: i64) -> io::Result<()> {
        while self.summary.event_count < self.event_count {
            let is_full = self.queue.event_count() > limits::SYNTH_OPEN_EVENTS_MAX;
            let Some(event) = self.queue.pop_if(|at_ms| is_full || at_ms < ms) else {
                return Ok(());
            };
            self.write(&event)?;
            if let Some(plan) = self.queue.settle(&event) {
                self.settle(plan)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, event: &Scheduled) -> io::Result<()> {
        let timestamp = Timestamp::MIN.saturating_add_ms(event.at_ms - Timestamp::MIN.as_ms());
        let delay_ms = self.random.ms(250, 4_000);
        self.event_id.clear();
        // CloudWatch's event IDs have 56 digits and grow with time.
        self.event_id.push_str("39");
        self.event_id.push_str(&format!("{:013}", event.at_ms.max(0)));
        self.random.push_digits(&mut self.event_id, 41, b"0123456789");
        let stream = self.random.index(self.log_streams.len());
        let record = Record {
            log_group: Some(Cow::Borrowed(&self.log_group)),
            log_stream: self.log_streams.get(stream).map(|it| Cow::Borrowed(it.as_str())),
            event_id: Some(Cow::Borrowed(&self.event_id)),
            timestamp,
            is_time_approximate: false,
            ingestion_time: Some(timestamp.saturating_add_ms(delay_ms)),
            message: Cow::Borrowed(&event.body),
        };
        (self.on_record)(&record)?;
        self.newest_ms = event.at_ms;
        self.summary.event_count += 1;
        Ok(())
    }

    /// Takes a message that has no more events.
    fn settle(&mut self, plan: Plan) -> io::Result<()> {
        if plan.is_open_ended() {
            self.undecided.push_back(plan);
        } else {
            self.tell(&plan)?;
        }
        let is_over = |plan: &Plan| {
            let last_ms = plan.legs.iter().map(|it| it.start_ms).max().unwrap_or(i64::MIN);
            self.newest_ms - last_ms >= limits::GRACE_MS_DEFAULT
        };
        if self.undecided.front().is_some_and(is_over)
            && let Some(plan) = self.undecided.pop_front()
        {
            self.tell(&plan)?;
        }
        Ok(())
    }

    fn tell(&mut self, plan: &Plan) -> io::Result<()> {
        for truth in truth::truths(plan, self.newest_ms) {
            self.summary.message_count += 1;
            (self.on_truth)(&truth)?;
        }
        Ok(())
    }
}
