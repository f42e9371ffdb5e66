//! A period of time.

use clap::{Arg, Args};

use crate::cli::context::Context;
use crate::export::TimeBound;
use crate::time::{TimeRange, day_of, parse_time_argument};

/// From when to when, or one day.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RangeArgs {
    /// Only events from this time on
    ///
    /// RFC 3339, a date, yesterday, monday, or an age such as 2h or 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only this day: a date, today, yesterday, monday
    ///
    /// In the time zone of --tz; a weekday is the latest one.
    #[arg(long, value_name = "DAY", conflicts_with_all = ["since", "until"])]
    on: Option<String>,
}

/// The help of `--since` for something other than events.
pub(crate) fn since_help(argument: Arg, what: &'static str) -> Arg {
    const FORMS: &str = "RFC 3339, a date, yesterday, monday, or an age such as 2h or 7d.";
    argument.help(what).long_help(format!("{what}\n\n{FORMS}"))
}

impl RangeArgs {
    /// The same as if these were given.
    pub(crate) fn between(since: Option<&str>, until: Option<&str>) -> Self {
        let owned = |it: Option<&str>| it.map(str::to_owned);
        Self { since: owned(since), until: owned(until), on: None }
    }

    /// The range.
    pub(crate) fn range(&self, context: &Context) -> anyhow::Result<TimeRange> {
        let (now, zone) = (context.now, &context.zone);
        if let Some(on) = &self.on {
            if let Some((first, after)) = day_of(on, now, zone) {
                return Ok(TimeRange { since: Some(first), until: Some(after) });
            }
            // An invalid time has its own, more precise error.
            parse_time_argument(on, now, zone)?;
            anyhow::bail!(
                "--on: \"{on}\" is not a day: give a date, today, yesterday or a name such as monday"
            );
        }
        let read = |text: &Option<String>| {
            text.as_deref().map(|it| parse_time_argument(it, now, zone)).transpose()
        };
        let range = TimeRange { since: read(&self.since)?, until: read(&self.until)? };
        if let (Some(since), Some(until)) = (range.since, range.until) {
            anyhow::ensure!(
                since < until,
                "--since ({}) must be before --until ({})",
                since.in_zone(zone),
                until.in_zone(zone)
            );
        }
        Ok(range)
    }

    /// The bounds as they were given, for readers of an extract.
    pub(crate) fn bounds(&self, range: TimeRange) -> (Option<TimeBound>, Option<TimeBound>) {
        let bound = |given: &Option<String>, at| {
            TimeBound::new(given.as_deref().or(self.on.as_deref()), at)
        };
        (bound(&self.since, range.since), bound(&self.until, range.until))
    }
}
