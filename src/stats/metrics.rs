//! The metrics that WorkMail publishes to CloudWatch (administrator guide, "Monitoring Amazon
//! WorkMail with CloudWatch metrics"), counted from the events.

use super::{StatsError, StatsRequest};
use crate::store::Store;
use crate::time::Intervals;
use crate::trace::{MetricStep, StepFact, steps_in, visit_steps};

/// The names of the metrics in CloudWatch.
pub const METRICS: [&str; 5] = [
    "OrganizationEmailReceived",
    "MailboxEmailDelivered",
    "IncomingEmailBounced",
    "OutgoingEmailBounced",
    "OutgoingEmailSent",
];

/// The values of the metrics, in the order of [`METRICS`].
///
/// A received message counts once, however many recipients it has; deliveries, bounces and
/// hand-overs count once for each recipient. An event that repeats another of the same leg and
/// recipient does not count again, and one that names no recipient counts as one.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The totals of the whole time.
    pub totals: [u64; 5],
    /// The intervals, if the time is divided.
    pub intervals: Option<Intervals>,
    /// The values of each interval.
    pub series: Vec<[u64; 5]>,
}

/// Counts the metrics by the times of the events. It takes 16 bytes for each thing counted, besides
/// the memory of the columns.
pub fn metrics(store: &Store, request: &StatsRequest) -> Result<Metrics, StatsError> {
    let intervals = request.intervals(store)?;
    let width = intervals.as_ref().map_or(0, Intervals::count);
    let take = |part: &mut Vec<StepFact>, steps: Vec<StepFact>| {
        // By the time of each step: a message may begin outside the range.
        part.extend(steps.into_iter().filter(|it| request.contains(it.at_ms)));
    };
    let parts = match request.is_of_some() {
        true => request.visit_asked(store, |part, message, _| {
            take(part, steps_in(message));
        })?,
        // Without a query the columns answer; originals are read only where they must be.
        false => visit_steps(store, &request.rules, take)?,
    };
    let mut metrics = Metrics { totals: [0; 5], intervals, series: vec![[0; 5]; width] };
    for StepFact { step, at_ms } in parts.into_iter().flatten() {
        let place = metrics.intervals.as_ref().map(|it| it.place_of(at_ms));
        let of_interval = place.and_then(|it| metrics.series.get_mut(it));
        for counts in [Some(&mut metrics.totals), of_interval].into_iter().flatten() {
            if let Some(count) = counts.get_mut(metric_of(step)) {
                *count += 1;
            }
        }
    }
    Ok(metrics)
}

/// Returns the index in [`METRICS`].
fn metric_of(step: MetricStep) -> usize {
    match step {
        MetricStep::Received => 0,
        MetricStep::Delivered => 1,
        MetricStep::BouncedIncoming => 2,
        MetricStep::BouncedOutgoing => 3,
        MetricStep::Sent => 4,
    }
}
