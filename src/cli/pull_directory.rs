//! The directory beside the events: taken with every pull of an organization.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::pull_sources::ChosenSource;
use super::{Context, output, running_clock};
use crate::aws::{GROUP_PREFIX, Organization, RateLimiter};
use crate::directory::EntityKind;
use crate::limits;
use crate::logging::{LoggingError, Services};
use crate::pull::{DirectoryReport, DirectoryTaker, Stop, problem_in_words};
use crate::render::sanitise;
use crate::store::{Store, StoreWriter};

/// Whether to take it.
#[derive(Debug, Args)]
pub(super) struct DirectoryArgs {
    /// Take the organization's directory, however recently it was taken
    ///
    /// Users, groups with members, resources, aliases, permissions and domains. `mailtrace policy
    /// reader` prints the permissions it needs.
    #[arg(long, conflicts_with_all = ["no_directory", "s3", "dry_run"])]
    directory: bool,
    /// Do not take the directory
    ///
    /// Without it, a pull of an organization takes the directory if the store has none of the last
    /// hour.
    #[arg(long, hide_short_help = true)]
    no_directory: bool,
}

/// What was taken, and what went wrong.
#[derive(Default)]
pub(super) struct TakenDirectories {
    reports: Vec<DirectoryReport>,
    /// Why the last look at each was not whole.
    problems: BTreeMap<Place, String>,
    /// When whoever follows asks again.
    next: BTreeMap<Place, Instant>,
}

/// What a source names, the organization or else the log group, and its region.
type Place = (Option<String>, Option<String>);

impl DirectoryArgs {
    /// Whether it was asked for expressly.
    pub(super) fn is_wanted(&self) -> bool {
        self.directory
    }

    /// Takes the directory of a source's organization, where it is to be taken now.
    pub(super) fn take(
        &self,
        taken: &mut TakenDirectories,
        source: &ChosenSource,
        writer: &mut StoreWriter,
        max_rate: Option<u32>,
        (stop, context): (&Stop, &Context),
    ) -> anyhow::Result<()> {
        let is_due = self.directory || source.organization.is_some() && !self.no_directory;
        let region = source.session.region.clone();
        let place = (source.organization.clone().or_else(|| source.log_group.clone()), region);
        let is_early = taken.next.get(&place).is_some_and(|it| Instant::now() < *it);
        if !is_due || stop.is_requested() || is_early {
            return Ok(());
        }
        let problem = match self.take_now(source, writer, max_rate, (stop, context)) {
            Ok(Some(report)) => {
                let problem = report.problem_in_words(context.now);
                taken.reports.push(report);
                problem
            }
            Ok(None) => None,
            Err(Failed::Asking(problem)) => Some(problem),
            Err(Failed::Keeping(error)) => return Err(error),
        };
        let seconds = match problem {
            Some(_) => limits::DIRECTORY_RETRY_SECONDS,
            None => limits::DIRECTORY_FOLLOW_SECONDS,
        };
        taken.next.insert(place.clone(), Instant::now() + Duration::from_secs(seconds));
        let Some(problem) = problem else {
            taken.problems.remove(&place);
            return Ok(());
        };
        // Where it was asked for expressly, the command fails with it.
        if !self.directory {
            output::warn(&format!(
                "the directory was not taken: {problem} (--no-directory leaves it out)"
            ));
        }
        taken.problems.insert(place, problem);
        Ok(())
    }

    fn take_now(
        &self,
        source: &ChosenSource,
        writer: &mut StoreWriter,
        max_rate: Option<u32>,
        (stop, context): (&Stop, &Context),
    ) -> Result<Option<DirectoryReport>, Failed> {
        let known = Store::open(&context.store_path()?).ok().and_then(|it| it.directory());
        let newest_of = |alias: &str| {
            let all = known.iter().flat_map(|it| it.organizations());
            all.filter(|(id, it)| it.alias == alias || *id == alias)
                .filter_map(|(_, it)| it.last_taken())
                .max()
        };
        let newest = source.organization.as_deref().and_then(newest_of);
        let now = running_clock(context).now();
        // A clock that was set back a little is no reason to look again.
        let is_new = newest.is_some_and(|it| now.ms_since(it).abs() < limits::DIRECTORY_FRESH_MS);
        if is_new && !self.directory {
            return Ok(None);
        }
        let services = Services::open(&source.session)?;
        let organization = organization_of(source, &services).map_err(|error| match &error {
            LoggingError::Aws(problem) => Failed::Asking(problem_in_words(problem, context.now)),
            _ => Failed::Asking(error.to_string()),
        })?;
        let mut taker =
            DirectoryTaker::new(services.session(), running_clock(context), stop.clone());
        if let Some(rate) = max_rate {
            taker = taker.paced_by(RateLimiter::at_most(rate));
        }
        let history = known.as_ref().and_then(|it| it.organization(&organization.id));
        let is_told = !context.global.quiet && context.global.verbose > 0;
        let mut on_listed = |count: usize| {
            if is_told {
                output::note(&format!(
                    "taking the directory of {}: {count} users, groups and resources",
                    organization.alias
                ));
            }
        };
        let report = services.wait_for(taker.take_into(
            writer,
            (&organization.id, &organization.alias),
            history,
            &mut on_listed,
        ));
        report.map(Some).map_err(|error| Failed::Keeping(error.into()))
    }
}

/// Why no directory was taken.
enum Failed {
    /// Nobody gave it; what else was pulled is not touched by that.
    Asking(String),
    /// The store cannot take it.
    Keeping(anyhow::Error),
}

impl From<LoggingError> for Failed {
    fn from(error: LoggingError) -> Self {
        Self::Asking(error.to_string())
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Keeping(error)
    }
}

/// The organization that a source names, by itself or by its log group's name; else the only one.
fn organization_of(
    source: &ChosenSource,
    services: &Services,
) -> Result<Organization, LoggingError> {
    if let Some(name) = &source.organization {
        return services.wait_for(services.organization(name));
    }
    let by_group = source.log_group.as_deref().and_then(|it| it.strip_prefix(GROUP_PREFIX));
    if let Some(alias) = by_group.filter(|it| !it.contains('/')) {
        return services.wait_for(services.organization(alias));
    }
    services.wait_for(services.only_organization())
}

impl TakenDirectories {
    /// What went wrong, in words.
    pub(super) fn problems(&self) -> impl Iterator<Item = &String> {
        self.problems.values()
    }

    /// A line for each.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.reports.iter().map(|it| {
            let counts = it.counts.iter().map(|(kind, count)| match count {
                1 => format!("1 {kind}"),
                count => format!("{count} {kind}s"),
            });
            let counts: Vec<String> = counts.collect();
            let counts = if counts.is_empty() { "nobody".to_owned() } else { counts.join(", ") };
            let mut line = format!(
                "directory of {}: {counts}: {} new or changed, {} as before, {} gone",
                sanitise(&it.alias),
                it.changed,
                it.unchanged + it.resumed,
                it.gone
            );
            if it.throttled > 0 {
                line.push_str(&format!(", {} requests throttled", it.throttled));
            }
            if !it.is_whole {
                line.push_str(", not to the end");
            }
            format!("{line} ({:.1} s)", it.elapsed_ms as f64 / 1_000.0)
        })
    }

    /// The same for programs; nothing where none was asked for.
    pub(super) fn to_json(&self) -> Option<Value> {
        let report = |it: &DirectoryReport| {
            let count = |kind| it.counts.get(&kind).copied().unwrap_or(0);
            json!({
                "organization": it.organization,
                "alias": it.alias,
                "users": count(EntityKind::User),
                "groups": count(EntityKind::Group),
                "resources": count(EntityKind::Resource),
                "domains": it.domains,
                "changed": it.changed,
                "unchanged": it.unchanged,
                "resumed": it.resumed,
                "gone": it.gone,
                "throttled": it.throttled,
                "isWhole": it.is_whole,
                "elapsedMs": it.elapsed_ms,
                "error": it.problem.as_ref().map(ToString::to_string),
            })
        };
        let is_any = !self.reports.is_empty() || !self.problems.is_empty();
        is_any.then(|| self.reports.iter().map(report).collect())
    }
}
