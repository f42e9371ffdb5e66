//! The picture of a message: its legs as lanes on one time axis, its steps as marks.

use super::axis::{Axis, TickLabel};
use super::words::{Badge, When, counted};
use crate::limits;
use crate::render::{fit, human_duration, marked_sentence};
use crate::store::StoredEvent;
use crate::time::{Timestamp, Zone};
use crate::trace::{Leg, Message};

/// The picture of a message. Positions are written in percent, as SVG takes them.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    pub(super) lanes: Vec<Lane>,
    pub(super) ticks: Vec<TickMark>,
    pub(super) breaks: Vec<LaneBreak>,
    /// The number of legs without a lane.
    pub(super) more_legs: usize,
}

/// The lane of one leg.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) number: usize,
    pub(super) direction: &'static str,
    pub(super) trace_id: String,
    pub(super) summary: String,
    pub(super) marks: Vec<Mark>,
    /// Lines between its marks, with the time from one to the next.
    pub(super) ways: Vec<LaneGap>,
}

/// The mark of one step, or of several that are too close to distinguish.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) at: String,
    pub(super) class: &'static str,
    /// The time, and how long after the leg's start that is.
    pub(super) time: String,
    pub(super) says: String,
    /// The number of steps, if there are several and there is room to say so.
    pub(super) count: Option<usize>,
    /// The index of its first event in the message.
    pub(super) event: usize,
}

/// The line between two marks.
#[derive(Clone, Debug)]
pub(super) struct LaneGap {
    pub(super) left: String,
    pub(super) right: String,
    pub(super) middle: String,
    /// The time between them, if there is room for it.
    pub(super) took: Option<String>,
    /// True if there is room on a narrow screen too.
    pub(super) is_roomy: bool,
}

/// A label of the axis.
#[derive(Clone, Debug)]
pub(super) struct TickMark {
    pub(super) at: String,
    pub(super) label: String,
    pub(super) is_start: bool,
    /// The end of the label that is at the position, as SVG's `text-anchor`.
    pub(super) anchor: &'static str,
}

/// A silence that is cut out.
#[derive(Clone, Debug)]
pub(super) struct LaneBreak {
    pub(super) left: String,
    pub(super) width: String,
    pub(super) middle: String,
    pub(super) anchor: &'static str,
    pub(super) lasted: String,
}

/// The distance, in percent, from which marks can be distinguished.
const MARK_WIDTH: f64 = 1.0;

/// The minimum width, in percent, of a line that shows its duration, on a wide and on a narrow
/// screen.
const WAY_WIDTH_MIN: f64 = 7.0;
const WAY_WIDTH_NARROW_MIN: f64 = 20.0;

/// Maximum number of marks with counts: more counts would overlap.
const COUNTED_MAX: usize = 20;

/// The position, in percent, right of which a label must extend to the left so as not to be cut
/// off.
const RIGHT_OF: f64 = 65.0;

/// Columns for a sentence beneath a lane.
const SAYING_COLUMNS: usize = 110;

impl Picture {
    pub(super) fn of(message: &Message, zone: &Zone) -> Self {
        let times: Vec<i64> = message.events.iter().map(|it| it.record.timestamp.as_ms()).collect();
        let axis = Axis::new(&times);
        let legs = message.legs.iter().enumerate().take(limits::PAGE_LANES);
        let start = message.first_seen;
        let first_date = When::new(start, zone).date;
        let tick = |(at, label): (f64, TickLabel)| match label {
            TickLabel::Instant(ms) => {
                let when = When::new(start.saturating_add_ms(ms - start.as_ms()), zone);
                let label = if when.date == first_date {
                    when.clock
                } else {
                    let (_year, day) = when.date.split_once('-').unwrap_or(("", &when.date));
                    format!("{day} {}", when.clock)
                };
                // SVG cuts a label off at the edge of the picture rather than moving it.
                let anchor = if at > RIGHT_OF { "end" } else { "start" };
                TickMark { at: percent(at), label, is_start: true, anchor }
            }
            TickLabel::After(ms) => {
                let label = format!("+{}", human_duration(ms));
                TickMark { at: percent(at), label, is_start: false, anchor: "middle" }
            }
        };
        Self {
            lanes: legs.map(|(index, leg)| lane(index + 1, leg, message, &axis, zone)).collect(),
            ticks: axis.ticks().into_iter().map(|it| tick((it.at, it.label))).collect(),
            breaks: axis
                .breaks()
                .into_iter()
                .map(|it| LaneBreak {
                    left: percent(it.left),
                    width: percent(it.right - it.left),
                    middle: percent(f64::midpoint(it.left, it.right)),
                    anchor: match it.left {
                        left if left > RIGHT_OF => "end",
                        left if left < 100.0 - RIGHT_OF => "start",
                        _ => "middle",
                    },
                    lasted: human_duration(it.lasted_ms),
                })
                .collect(),
            more_legs: message.legs.len().saturating_sub(limits::PAGE_LANES),
        }
    }
}

fn percent(place: f64) -> String {
    format!("{place:.2}%")
}

fn lane(number: usize, leg: &Leg, message: &Message, axis: &Axis, zone: &Zone) -> Lane {
    let steps: Vec<(usize, &StoredEvent)> =
        leg.event_indexes.iter().filter_map(|it| Some((*it, message.events.get(*it)?))).collect();
    // Thousands of deliveries within a second would be thousands of elements on one pixel.
    let marks = bundled(&steps, axis);
    let first = steps.first().map_or(leg.started, |it| it.1.record.timestamp);
    let last = steps.last().map_or(leg.started, |it| it.1.record.timestamp);
    let lasted = last.ms_since(first);
    let mut summary = counted(steps.len() as u64, "step", "steps");
    if lasted > 0 {
        summary.push_str(&format!(" in {}", human_duration(lasted)));
    }
    Lane {
        number,
        direction: if leg.direction.as_str() == "outgoing" { "Outgoing" } else { "Incoming" },
        trace_id: leg.trace_id.clone().unwrap_or_else(|| "(none)".to_owned()),
        summary,
        ways: ways(&marks, axis),
        marks: marks
            .iter()
            .map(|it| Mark {
                count: Some(it.steps.len()).filter(|it| *it > 1 && marks.len() <= COUNTED_MAX),
                ..mark(it, leg.started, zone, axis)
            })
            .collect(),
    }
}

/// Steps of one kind that are too close to distinguish.
struct Bundle<'e> {
    class: &'static str,
    steps: Vec<(usize, &'e StoredEvent)>,
}

impl Bundle<'_> {
    fn first(&self) -> Timestamp {
        self.steps.first().map_or(Timestamp::MIN, |it| it.1.record.timestamp)
    }

    fn last(&self) -> Timestamp {
        self.steps.last().map_or(Timestamp::MIN, |it| it.1.record.timestamp)
    }
}

fn bundled<'e>(steps: &[(usize, &'e StoredEvent)], axis: &Axis) -> Vec<Bundle<'e>> {
    let mut bundles: Vec<Bundle<'e>> = Vec::new();
    for (index, stored) in steps {
        let class = Badge::of_step(&stored.event).class;
        let at = axis.at(stored.record.timestamp.as_ms());
        // Measured from the bundle's first step, so that a long row of close steps stays a row
        // instead of growing into one bundle.
        let near = bundles
            .iter_mut()
            .rev()
            .take(KINDS)
            .find(|it| it.class == class && at - axis.at(it.first().as_ms()) < MARK_WIDTH);
        match near {
            Some(bundle) => bundle.steps.push((*index, stored)),
            None => bundles.push(Bundle { class, steps: vec![(*index, stored)] }),
        }
    }
    bundles.truncate(limits::PAGE_LANE_MARKS);
    bundles
}

/// Maximum number of kinds of marks at one position.
const KINDS: usize = 5;

fn mark(bundle: &Bundle<'_>, started: Timestamp, zone: &Zone, axis: &Axis) -> Mark {
    let (first, last) = (bundle.first(), bundle.last());
    let clock = |it: Timestamp| {
        let when = When::new(it, zone);
        format!("{}{}", when.clock, when.fraction)
    };
    let after = |it: Timestamp| human_duration(it.ms_since(started));
    let approximate = bundle.steps.iter().any(|it| it.1.record.is_time_approximate);
    let about = if approximate { "about " } else { "" };
    let time = if first == last {
        match first.ms_since(started) {
            0 => format!("{about}{} · start of the leg", clock(first)),
            _ => format!("{about}{} · {} after the leg's start", clock(first), after(first)),
        }
    } else {
        format!(
            "{about}{} to {} · {} to {} after the leg's start",
            clock(first),
            clock(last),
            after(first),
            after(last)
        )
    };
    let says = match bundle.steps.as_slice() {
        [(_, only)] => fit(&marked_sentence(&only.event).to_string(), SAYING_COLUMNS),
        steps => {
            let word = steps.first().map_or("", |it| Badge::of_step(&it.1.event).word);
            format!("{} × {word}", steps.len())
        }
    };
    Mark {
        at: percent(axis.at(first.as_ms())),
        class: bundle.class,
        time,
        says,
        count: None,
        event: bundle.steps.first().map_or(0, |it| it.0),
    }
}

/// Returns the lines from mark to mark. A line across a break shows no duration; the break has its
/// own.
fn ways(bundles: &[Bundle<'_>], axis: &Axis) -> Vec<LaneGap> {
    let pairs = bundles.iter().zip(bundles.iter().skip(1));
    let way = |(before, after): (&Bundle<'_>, &Bundle<'_>)| {
        let (from, to) = (before.last(), after.first());
        let (left, right) = (axis.at(from.as_ms()), axis.at(to.as_ms()));
        let stretch = axis.stretches().iter().find(|it| from.as_ms() <= it.last_ms);
        let is_broken = stretch.is_some_and(|it| to.as_ms() > it.last_ms);
        let width = right - left;
        let took =
            (width >= WAY_WIDTH_MIN && !is_broken).then(|| human_duration(to.ms_since(from)));
        LaneGap {
            left: percent(left),
            right: percent(right),
            middle: percent(f64::midpoint(left, right)),
            took,
            is_roomy: width >= WAY_WIDTH_NARROW_MIN,
        }
    };
    pairs.map(way).collect()
}
