//! The directory, taken with every pull of an organization.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use crate::aws::{GROUP_PREFIX, RateLimiter, SessionOptions};
use crate::cli::context::{Context, running_clock};
use crate::cli::output;
use crate::cli::pull::sources::ChosenSource;
use crate::directory::{EntityKind, Statement};
use crate::limits;
use crate::provisioning::{Organization, ProvisioningError, Services};
use crate::pull::{DirectoryIntake, DirectoryReport, DirectoryTaker, problem_in_words};
use crate::render::sanitise;
use crate::stop::Stop;
use crate::store::{Store, StoreWriter};
use crate::time::{Clock, Timestamp};

/// Whether to take it.
#[derive(Debug, Args)]
pub(crate) struct PullDirectoryArgs {
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

/// The directories taken, and the problems.
#[derive(Default)]
pub(crate) struct TakenDirectories {
    reports: Vec<DirectoryReport>,
    /// Why the last look at each was incomplete.
    problems: BTreeMap<DirectoryPlace, String>,
    /// When a following pull looks again.
    next: BTreeMap<DirectoryPlace, Instant>,
    /// Looks under way.
    looks: BTreeMap<DirectoryPlace, Look>,
}

/// The organization that a source names, or else its log group; and its region.
type DirectoryPlace = (Option<String>, Option<String>);

/// A look at a directory, on a thread of its own: WorkMail limits its pace, and events must not
/// wait for it.
struct Look {
    told: Receiver<Told>,
    thread: JoinHandle<Result<Option<DirectoryReport>, String>>,
    intake: Option<DirectoryIntake>,
}

/// Messages from a look to the thread that writes the store.
enum Told {
    /// The directory's owner: the organization's ID and alias, and its region.
    Begun { id: String, alias: String, region: String },
    /// New statements, as of a time.
    Said(Timestamp, Vec<Statement>),
}

/// The arguments of a look.
struct AskedLook {
    session: SessionOptions,
    organization: Option<String>,
    log_group: Option<String>,
    store: PathBuf,
    /// True if it is taken however recent the last one is.
    is_wanted: bool,
    is_verbose: bool,
    max_rate: Option<u32>,
    clock: Clock,
    stop: Stop,
}

impl PullDirectoryArgs {
    /// True if the directory was asked for by option.
    pub(crate) fn is_wanted(&self) -> bool {
        self.directory
    }

    /// Begins to take the directory of a source's organization, if it is due, and keeps what a
    /// look under way has found.
    pub(crate) fn take(
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
        if taken.looks.contains_key(&place) {
            return self.keep(taken, &place, writer, false, context);
        }
        // While following, a look is not repeated with each pull.
        let is_early = taken.next.get(&place).is_some_and(|it| Instant::now() < *it);
        // One look at a time: two sources may have the same organization.
        let is_busy = !taken.looks.is_empty();
        if !is_due || stop.is_requested() || is_early || is_busy {
            return Ok(());
        }
        let asked = AskedLook {
            session: source.session.clone(),
            organization: source.organization.clone(),
            log_group: source.log_group.clone(),
            store: context.store_path()?,
            is_wanted: self.directory,
            is_verbose: !context.global.quiet && context.global.verbose > 0,
            max_rate,
            clock: running_clock(context),
            stop: stop.clone(),
        };
        // Bounded: a look waits for the store instead of piling statements up in memory.
        let (tell, told) = mpsc::sync_channel(limits::DIRECTORY_QUEUE);
        let thread = std::thread::Builder::new().name("directory".to_owned());
        let thread = thread.spawn(move || asked.look(&tell)).context("cannot start a thread")?;
        taken.looks.insert(place, Look { told, thread, intake: None });
        Ok(())
    }

    /// Waits for all looks under way.
    pub(crate) fn finish(
        &self,
        taken: &mut TakenDirectories,
        writer: &mut StoreWriter,
        context: &Context,
    ) -> anyhow::Result<()> {
        let places: Vec<DirectoryPlace> = taken.looks.keys().cloned().collect();
        places.iter().try_for_each(|it| self.keep(taken, it, writer, true, context))
    }

    /// Keeps what a look has found; with `waits`, to its end.
    fn keep(
        &self,
        taken: &mut TakenDirectories,
        place: &DirectoryPlace,
        writer: &mut StoreWriter,
        waits: bool,
        context: &Context,
    ) -> anyhow::Result<()> {
        let Some(mut look) = taken.looks.remove(place) else { return Ok(()) };
        loop {
            let told = match waits {
                true => look.told.recv().map_err(|_| TryRecvError::Disconnected),
                false => look.told.try_recv(),
            };
            match told {
                Ok(Told::Begun { id, alias, region }) => {
                    let now = running_clock(context).now();
                    let intake = DirectoryIntake::begin(writer, (&id, &alias), Some(region), now);
                    look.intake = Some(intake);
                }
                Ok(Told::Said(at, statements)) => {
                    if let Some(intake) = &look.intake {
                        intake.keep(writer, at, statements)?;
                    }
                }
                // Nothing more for now; the events go on.
                Err(TryRecvError::Empty) => {
                    taken.looks.insert(place.clone(), look);
                    return Ok(());
                }
                Err(TryRecvError::Disconnected) => break,
            }
        }
        let ended = look.thread.join().unwrap_or_else(|_| Err("it ended unexpectedly".to_owned()));
        let problem = match ended {
            Ok(Some(report)) => {
                if let Some(intake) = look.intake {
                    intake.end(writer, &report, running_clock(context).now())?;
                }
                let problem = report.problem_in_words(context.now);
                taken.reports.push(report);
                problem
            }
            Ok(None) => None,
            Err(problem) => Some(problem),
        };
        self.settle(taken, place, problem);
        Ok(())
    }

    /// Reports a problem, and sets the time of the next look.
    fn settle(
        &self,
        taken: &mut TakenDirectories,
        place: &DirectoryPlace,
        problem: Option<String>,
    ) {
        let seconds = match problem {
            Some(_) => limits::DIRECTORY_RETRY_SECONDS,
            None => limits::DIRECTORY_FOLLOW_SECONDS,
        };
        taken.next.insert(place.clone(), Instant::now() + Duration::from_secs(seconds));
        let Some(problem) = problem else {
            taken.problems.remove(place);
            return;
        };
        // If it was asked for by option, the command fails with it instead.
        if !self.directory {
            output::warn(&format!(
                "the directory was not taken: {problem} (--no-directory leaves it out)"
            ));
        }
        taken.problems.insert(place.clone(), problem);
    }
}

impl AskedLook {
    /// Takes the directory, and sends what is new. Returns a report; `None` if there was no need.
    fn look(&self, tell: &SyncSender<Told>) -> Result<Option<DirectoryReport>, String> {
        let known = Store::open(&self.store).ok().and_then(|it| it.directory());
        let newest_of = |alias: &str| {
            let all = known.iter().flat_map(|it| it.organizations());
            all.filter(|(id, it)| it.alias == alias || *id == alias)
                .filter_map(|(_, it)| it.last_taken())
                .max()
        };
        let newest = self.organization.as_deref().and_then(newest_of);
        let now = self.clock.now();
        // A clock that was set back a little is no reason to look again.
        let is_new = newest.is_some_and(|it| now.ms_since(it).abs() < limits::DIRECTORY_FRESH_MS);
        if is_new && !self.is_wanted {
            return Ok(None);
        }
        let services = Services::open(&self.session).map_err(|it| it.to_string())?;
        let organization = self.organization(&services).map_err(|error| match &error {
            ProvisioningError::Aws(problem) => problem_in_words(problem, now),
            _ => error.to_string(),
        })?;
        let session = services.session();
        let mut taker = DirectoryTaker::new(session, self.clock, self.stop.clone());
        if let Some(rate) = self.max_rate {
            taker = taker.paced_by(RateLimiter::at_most(rate));
        }
        let history = known.as_ref().and_then(|it| it.organization(&organization.id));
        let mut on_listed = |count: usize| {
            if self.is_verbose {
                output::note(&format!(
                    "taking the directory of {}: {count} users, groups and resources",
                    organization.alias
                ));
            }
        };
        let Organization { id, alias, .. } = &organization;
        let region = session.region().to_owned();
        let begun = Told::Begun { id: id.clone(), alias: alias.clone(), region };
        if tell.send(begun).is_err() {
            return Ok(None);
        }
        let mut keep = |at, statements| tell.send(Told::Said(at, statements));
        let report = services.wait_for(taker.take((id, alias), history, &mut on_listed, &mut keep));
        // Sending fails only if the store could not keep what was sent; that error is reported
        // there.
        Ok(report.ok())
    }

    /// The organization as named, or as its log group is called; else the only one.
    fn organization(&self, services: &Services) -> Result<Organization, ProvisioningError> {
        if let Some(name) = &self.organization {
            return services.wait_for(services.organization(name));
        }
        let by_group = self.log_group.as_deref().and_then(|it| it.strip_prefix(GROUP_PREFIX));
        if let Some(alias) = by_group.filter(|it| !it.contains('/')) {
            return services.wait_for(services.organization(alias));
        }
        services.wait_for(services.only_organization())
    }
}

impl TakenDirectories {
    /// The problems, in words.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &String> {
        self.problems.values()
    }

    /// A line for each directory.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.reports.iter().map(|it| {
            let counts = it.counts.iter().map(|(kind, count)| match count {
                1 => format!("1 {kind}"),
                count => format!("{count} {kind}s"),
            });
            let counts: Vec<String> = counts.collect();
            let counts = if counts.is_empty() { "nobody".to_owned() } else { counts.join(", ") };
            let mut line = format!(
                "directory of {}: {counts}: {} new or changed, {} unchanged, {} gone",
                sanitise(&it.alias),
                it.changed,
                it.unchanged + it.resumed,
                it.gone
            );
            if it.throttled > 0 {
                line.push_str(&format!(", {} requests throttled", it.throttled));
            }
            if !it.is_whole {
                line.push_str(", incomplete");
            }
            format!("{line} ({:.1} s)", it.elapsed_ms as f64 / 1_000.0)
        })
    }

    /// The reports for programs; `None` if there are none.
    pub(crate) fn to_json(&self) -> Option<Value> {
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
