//! A cluster behind the pages: a temporary store for each question, which is kept for later ones
//! until the organization is published again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::access::AccessRequest;
use crate::cli::args::cluster::ClusterTarget;
use crate::cli::arguments::Command as Given;
use crate::cli::context::Context;
use crate::cli::serve::questions::CommandQuestions;
use crate::cluster::{
    Cluster, ClusterError, ClusterEvents, ClusterOptions, Mirror, Names, PublishedState,
};
use crate::ingest::temporary_directory;
use crate::limits;
use crate::serve::{Mirrors, Needs, Question, QuestionError, ServedStore};
use crate::time::{DAY_MS, TimeRange, Timestamp};
use crate::timeline::AuditReach;
use crate::trace::{Reach, trace_ids_in};

/// An hour in milliseconds.
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Temporary stores of one organization in a cluster.
pub(crate) struct ClusterMirrors {
    options: ClusterOptions,
    names: Names,
    organization: String,
    questions: Arc<CommandQuestions>,
    /// Unused connections.
    idle: Mutex<Vec<Cluster>>,
    /// The cluster's last state, and when it was read.
    seen: Mutex<Option<(Instant, Result<PublishedState, String>)>>,
    held: Mutex<Vec<Held>>,
}

/// A store, once it is made.
type Slot = Arc<Mutex<Option<Arc<ServedStore>>>>;

/// A store that is kept, or being made.
struct Held {
    /// The publication it was made from.
    commit: u64,
    wanted: Wanted,
    slot: Slot,
    used: Instant,
}

/// The contents of a store.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    mail: Option<Reach>,
    audit: Audit,
}

/// The audit events in a store.
#[derive(Clone, Debug, PartialEq)]
enum Audit {
    /// None, but all of the directory.
    Directory,
    Request(AccessRequest),
    Person(String, TimeRange),
    /// Those near messages with these IDs.
    Ids(Vec<String>),
}

impl Wanted {
    fn of_mail(reach: Reach) -> Self {
        Self { mail: Some(reach), audit: Audit::Directory }
    }

    /// True if a store with these contents has all that `other` needs.
    fn has_all_of(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        let (Some(mine), Some(theirs)) = (&self.mail, &other.mail) else { return false };
        let is_open = mine.ids.is_none() && mine.required.is_empty();
        let is_plain = theirs.ids.is_none() && other.audit == Audit::Directory;
        let begins = match (mine.range.since, theirs.range.since) {
            (None, _) => true,
            (Some(mine), theirs) => theirs.is_some_and(|it| mine <= it),
        };
        let ends = match (mine.range.until, theirs.range.until) {
            (None, _) => true,
            (Some(mine), theirs) => theirs.is_some_and(|it| mine >= it),
        };
        let has_messages = mine.with_messages || !theirs.with_messages;
        let has_background = theirs.background.is_none() || theirs.background == mine.background;
        is_open && is_plain && begins && ends && has_messages && has_background
    }
}

/// A range widened to whole hours, so that questions of one hour share a store.
fn in_hours(range: TimeRange) -> TimeRange {
    let hour = |ms: i64| Timestamp::from_ms(ms.saturating_mul(HOUR_MS));
    let since = range.since.map(|it| hour(it.as_ms().div_euclid(HOUR_MS)).unwrap_or(it));
    let until = range.until.map(|it| {
        let ms = it.as_ms().saturating_add(HOUR_MS - 1);
        hour(ms.div_euclid(HOUR_MS)).unwrap_or(it)
    });
    TimeRange { since, until }
}

impl Mirrors for ClusterMirrors {
    fn version(&self) -> Result<u64, QuestionError> {
        Ok(self.state()?.commit)
    }

    fn store(&self, needs: &Needs, now: Timestamp) -> Result<Arc<ServedStore>, QuestionError> {
        let state = self.state()?;
        let wanted = self.wanted(needs, state.newest, now)?;
        loop {
            let (slot, held) = self.slot(state.commit, &wanted);
            let mut made = lock(&slot);
            if let Some(store) = &*made {
                return Ok(Arc::clone(store));
            }
            // The first request makes the store while the others wait for this lock.
            match self.with_cluster(|cluster| self.make(cluster, &held, now)) {
                Ok(store) => {
                    *made = Some(Arc::clone(&store));
                    return Ok(store);
                }
                Err(error) => {
                    lock(&self.held).retain(|it| !Arc::ptr_eq(&it.slot, &slot));
                    // The store may have had more than this question needs, and be too large for
                    // it: try its own.
                    if held == wanted {
                        return Err(error);
                    }
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Poisoned locks are fine: each is left in a valid state by every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClusterMirrors {
    /// A cluster's mirrors, none yet.
    pub(crate) fn of(target: ClusterTarget, questions: &Arc<CommandQuestions>) -> Self {
        let ClusterTarget { cluster, names, organization } = target;
        Self {
            // A page must not wait for as long as a command may.
            options: cluster.options_for(cluster.timeout_ms().min(limits::SERVE_CLUSTER_MS_MAX)),
            names,
            organization,
            questions: Arc::clone(questions),
            idle: Mutex::default(),
            seen: Mutex::default(),
            held: Mutex::default(),
        }
    }

    /// The organization's state in the cluster, some moments old at most.
    fn state(&self) -> Result<PublishedState, QuestionError> {
        let mut seen = lock(&self.seen);
        let fresh = Duration::from_millis(limits::SERVE_CLUSTER_LOOK_MS);
        let is_old = seen.as_ref().is_none_or(|(at, _)| at.elapsed() >= fresh);
        if is_old {
            let state = self.with_cluster(|cluster| {
                Ok(cluster.published_state(&self.names, &self.organization)?)
            });
            // Requests that waited get the same error, and do not wait for another timeout.
            *seen = Some((Instant::now(), state.map_err(|it| it.to_string())));
        }
        match seen.as_ref().map(|(_, state)| state) {
            Some(Ok(state)) => Ok(*state),
            Some(Err(text)) => Err(QuestionError::Unavailable(text.clone())),
            None => Err(QuestionError::Unavailable(String::new())),
        }
    }

    /// Asks over a connection that nobody else uses.
    fn with_cluster<T>(
        &self,
        ask: impl FnOnce(&Cluster) -> anyhow::Result<T>,
    ) -> Result<T, QuestionError> {
        let idle = lock(&self.idle).pop();
        let opened = || Cluster::open(&self.options).map_err(|it| told(&it.into()));
        let cluster = idle.map_or_else(opened, Ok)?;
        let answer = ask(&cluster).map_err(|it| told(&it));
        // Kept after an error as well: the client connects anew by itself.
        let mut idle = lock(&self.idle);
        if idle.len() < limits::SERVE_MIRRORS_MAX {
            idle.push(cluster);
        }
        answer
    }

    /// The slot of a store that has all that is wanted, or a new one; and the contents it has or
    /// will have.
    fn slot(&self, commit: u64, wanted: &Wanted) -> (Slot, Wanted) {
        let mut held = lock(&self.held);
        // Whoever still uses a removed store keeps it alive by its `Arc`.
        held.retain(|it| it.commit == commit);
        if let Some(found) = held.iter_mut().find(|it| it.wanted.has_all_of(wanted)) {
            found.used = Instant::now();
            return (Arc::clone(&found.slot), found.wanted.clone());
        }
        while held.len() >= limits::SERVE_MIRRORS_MAX {
            let oldest = held.iter().enumerate().min_by_key(|(_, it)| it.used);
            let Some((index, _)) = oldest else { break };
            held.swap_remove(index);
        }
        let slot = Slot::default();
        let used = Instant::now();
        held.push(Held { commit, wanted: wanted.clone(), slot: Arc::clone(&slot), used });
        (slot, wanted.clone())
    }

    /// The contents that a request needs.
    fn wanted(
        &self,
        needs: &Needs,
        newest: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Wanted, QuestionError> {
        let (command, parameters) = match needs {
            Needs::Nothing => return Ok(Wanted { mail: None, audit: Audit::Directory }),
            Needs::Ids(ids) => return Ok(Wanted::of_mail(Reach::messages_with(ids.clone()))),
            Needs::LastDay => {
                let since = Some(now.saturating_add_ms(-DAY_MS));
                let day = in_hours(TimeRange { since, until: None });
                return Ok(Wanted::of_mail(Reach::messages(day)));
            }
            Needs::Question(command, parameters) => (*command, parameters),
        };
        let question = Question { command, parameters, now };
        let (given, context) = self.questions.read(&question)?;
        let wanted = of_command(given, newest, &context);
        wanted.map_err(|it| QuestionError::refused(it.to_string()))
    }

    fn make(
        &self,
        cluster: &Cluster,
        wanted: &Wanted,
        now: Timestamp,
    ) -> anyhow::Result<Arc<ServedStore>> {
        let dir = temporary_directory()?;
        let mut mirror = Mirror::of(cluster, &self.names, &self.organization)?;
        let mut messages;
        let mut mail = wanted.mail.clone();
        let mut audit = match &wanted.audit {
            Audit::Directory => AuditReach::Directory,
            Audit::Request(request) => AuditReach::Request(request),
            Audit::Person(who, range) => AuditReach::Person { who, range: *range },
            Audit::Ids(ids) => {
                let mut events = ClusterEvents::of(cluster, &self.names, &self.organization)?;
                let rules = events.rules(limits::GRACE_MS_DEFAULT);
                let traced = trace_ids_in(&mut events, ids.iter().map(String::as_str), &rules)?;
                // An ID that was not found may be a part of one.
                for part in traced.not_found.iter().take(limits::ID_PARTS_MAX) {
                    let found = events.ids_with_part(part)?.unwrap_or_default().0;
                    let ids = mail.as_mut().and_then(|it| it.ids.as_mut());
                    ids.into_iter().for_each(|it| it.extend(found.iter().cloned()));
                }
                messages = traced.messages;
                messages.truncate(limits::CANDIDATE_MESSAGES_MAX);
                match messages.is_empty() || events.other_records() == 0 {
                    true => AuditReach::Directory,
                    false => AuditReach::Messages(&messages),
                }
            }
        };
        if !matches!(audit, AuditReach::Directory) {
            mirror = match mirror.with_audit_events() {
                // Mail may be shown to people who must not see audit events.
                Err(ClusterError::Denied { .. }) if matches!(audit, AuditReach::Messages(_)) => {
                    audit = AuditReach::Directory;
                    Mirror::of(cluster, &self.names, &self.organization)?
                }
                mirror => mirror?,
            };
        }
        mirror.measure(now)?;
        let store = mirror.fill_with(dir.path(), mail.as_ref(), &audit, &mut |_| {})?;
        Ok(Arc::new(ServedStore::temporary(store, dir)))
    }
}

/// The contents that a command's question needs.
fn of_command(
    given: Given,
    newest: Option<Timestamp>,
    context: &Context,
) -> anyhow::Result<Wanted> {
    let of_mail = |reach: Reach| Wanted::of_mail(Reach { range: in_hours(reach.range), ..reach });
    Ok(match given {
        Given::Trace(args) => {
            let ids = args.ids().to_vec();
            let mail = Some(Reach::messages_with(ids.clone()));
            Wanted { mail, audit: Audit::Ids(ids) }
        }
        Given::Messages(args) => {
            let wanted = args.wanted(context)?;
            of_mail(args.reach(&wanted.filter)?)
        }
        Given::Search(args) => of_mail(args.reach(args.wanted(context)?.range)?),
        Given::Stats(args) => of_mail(args.reach_of(&args.wanted(context)?, newest, context)),
        Given::Triage(args) => of_mail(args.reach(newest, context)?),
        Given::Access(args) => {
            let request = args.request(context)?;
            let request = AccessRequest { range: in_hours(request.range), ..request };
            Wanted { mail: None, audit: Audit::Request(request) }
        }
        Given::Timeline(args) => {
            // The end is not widened: an address means the person who has it then.
            let range = args.range(context)?;
            let range = TimeRange { since: in_hours(range).since, ..range };
            Wanted { mail: None, audit: Audit::Person(args.who().to_owned(), range) }
        }
        _ => Wanted { mail: None, audit: Audit::Directory },
    })
}

/// The error for the pages.
fn told(error: &anyhow::Error) -> QuestionError {
    match error.downcast_ref::<ClusterError>() {
        Some(ClusterError::TooManyEvents { .. }) => QuestionError::TooMuch(error.to_string()),
        Some(ClusterError::NoOthers { .. }) => QuestionError::refused(error.to_string()),
        Some(ClusterError::Store(_) | ClusterError::File { .. }) | None => {
            QuestionError::Failed(error.to_string())
        }
        Some(_) => QuestionError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(since: i64, until: i64) -> TimeRange {
        let at = |it: i64| Timestamp::from_ms(it * HOUR_MS);
        TimeRange { since: at(since), until: at(until) }
    }

    #[test]
    fn questions_of_one_hour_share_a_store() {
        let at = |ms| Timestamp::from_ms(ms);
        let range = TimeRange { since: at(HOUR_MS + 1), until: at(2 * HOUR_MS + 1) };
        assert_eq!(in_hours(range), hours(1, 3));
        assert_eq!(in_hours(hours(1, 3)), hours(1, 3));
        assert_eq!(in_hours(TimeRange::default()), TimeRange::default());
    }

    #[test]
    fn a_store_of_more_answers_for_less_and_never_the_other_way() {
        let week = Wanted::of_mail(Reach::messages(hours(0, 168)));
        let day = Wanted::of_mail(Reach::messages(hours(24, 48)));
        assert!(week.has_all_of(&day) && week.has_all_of(&week) && !day.has_all_of(&week));
        let all = Wanted::of_mail(Reach::everything());
        assert!(all.has_all_of(&week) && !week.has_all_of(&all));
        let events = Wanted::of_mail(Reach::events(hours(24, 48)));
        assert!(week.has_all_of(&events) && !events.has_all_of(&day));
        let one = Wanted::of_mail(Reach::messages_with(vec!["a".to_owned()]));
        assert!(!all.has_all_of(&one) && !one.has_all_of(&day));
        let of_person = Wanted { audit: Audit::Person("a".to_owned(), hours(0, 1)), ..day.clone() };
        assert!(!week.has_all_of(&of_person));
        let background = crate::trace::Background { with_messages: false };
        let triage = Wanted::of_mail(Reach::triage(hours(24, 48), background));
        assert!(triage.has_all_of(&day) && !week.has_all_of(&triage));
    }
}
