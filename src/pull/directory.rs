//! Taking the directory of an organization.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use super::PullError;
use crate::audit::OtherRecord;
use crate::aws::{AwsError, Failure, RateLimiter, Retrier, Session, WorkMailClient};
use crate::directory::{Domain, Entity, EntityKind, OrganizationHistory, Said, Statement};
use crate::limits;
use crate::source::Record;
use crate::stop::Stop;
use crate::store::{
    MessageContent, OriginCounts, OriginEnd, OriginId, OriginKind, OriginStart, StoreWriter,
};
use crate::time::workmail_end::{LAST_DAY, has_ended};
use crate::time::{Clock, Timestamp};

/// Looks at all that an organization has, and says what is new.
pub struct DirectoryTaker {
    client: WorkMailClient,
    limiter: RateLimiter,
    clock: Clock,
    stop: Stop,
}

/// What became of one look at an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryReport {
    pub organization: String,
    pub alias: String,
    /// Entities that there are, by kind; those of a look that was broken off may be fewer.
    pub counts: BTreeMap<EntityKind, usize>,
    /// Entities that are new or have changed.
    pub changed: usize,
    /// Entities that are as they were.
    pub unchanged: usize,
    /// Entities that are there no more.
    pub gone: usize,
    /// Entities that an earlier look, which was broken off, had looked at.
    pub resumed: usize,
    pub domains: usize,
    pub throttled: u64,
    /// Whether everything was looked at.
    pub is_whole: bool,
    pub problem: Option<AwsError>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// Why a look ended early.
enum End<E> {
    Aws(AwsError),
    Keep(E),
    Stopped,
}

impl<E> From<Failure> for End<E> {
    fn from(failure: Failure) -> Self {
        Self::Aws(failure.into_error())
    }
}

/// Keeps what was said at a time; all of it or nothing.
pub type Keep<'k, E> = &'k mut dyn FnMut(Timestamp, Vec<Statement>) -> Result<(), E>;

impl DirectoryTaker {
    /// Calls as the session's identity, in its region.
    pub fn new(session: &Session, clock: Clock, stop: Stop) -> Self {
        let client = WorkMailClient::new(session);
        Self { client, limiter: RateLimiter::new(), clock, stop }
    }

    /// Goes at the pace of `limiter`, for whoever knows the quota.
    pub fn paced_by(self, limiter: RateLimiter) -> Self {
        Self { limiter, ..self }
    }

    /// Looks at an organization. `known` is what is known of it; what is new is kept some at a time,
    /// so that a look that is broken off is gone on with by the next. `on_listed` is told how many
    /// entities there are.
    pub async fn take<E>(
        &self,
        organization: (&str, &str),
        known: Option<&OrganizationHistory>,
        on_listed: &mut dyn FnMut(usize),
        keep: Keep<'_, E>,
    ) -> Result<DirectoryReport, E> {
        let begun = Instant::now();
        let (id, alias) = organization;
        let report = DirectoryReport {
            organization: id.to_owned(),
            alias: alias.to_owned(),
            ..DirectoryReport::default()
        };
        let mut look = DirectoryLook::new(self, report, known, keep);
        let ended = self.look(&mut look, known, on_listed).await;
        // What was looked at before it broke off need not be looked at again.
        let kept = match ended {
            Err(End::Keep(_)) => Ok(()),
            _ => look.flush_all(),
        };
        let mut report = look.report;
        report.throttled = self.limiter.throttled();
        report.elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match (ended, kept) {
            (Err(End::Keep(error)), _) | (_, Err(error)) => return Err(error),
            (Err(End::Aws(error)), _) => report.problem = Some(error),
            (Err(End::Stopped), _) => {}
            (Ok(()), _) => report.is_whole = true,
        }
        Ok(report)
    }

    async fn look<E>(
        &self,
        look: &mut DirectoryLook<'_, E>,
        known: Option<&OrganizationHistory>,
        on_listed: &mut dyn FnMut(usize),
    ) -> Result<(), End<E>> {
        let id = look.report.organization.clone();
        let (entities, domains) = self.list(&id).await?;
        on_listed(entities.len());
        for entity in entities.values() {
            *look.report.counts.entry(entity.kind).or_default() += 1;
        }
        look.report.domains = domains.len();
        let ids: HashSet<String> = entities.keys().cloned().collect();
        let current: HashMap<&str, &Entity> =
            known.iter().flat_map(|it| it.current()).map(|it| (it.id.as_str(), it)).collect();
        look.begin(known, domains);
        for (id, entity) in entities {
            if look.looked_at.contains(&id) {
                look.report.resumed += 1;
                continue;
            }
            if self.stop.is_requested() {
                return Err(End::Stopped);
            }
            let entity = self.whole(&look.report.organization, entity).await?;
            look.add(entity, current.get(id.as_str()).copied()).map_err(End::Keep)?;
        }
        let gone = current.keys().filter(|it| !ids.contains(**it)).map(|it| (*it).to_owned());
        look.end(gone.collect(), ids.len());
        Ok(())
    }

    /// All entities by ID, without what has to be asked for each, and all domains.
    async fn list(&self, id: &str) -> Result<(BTreeMap<String, Entity>, Vec<Domain>), Failure> {
        let (first, retrier) = (Retrier::first(&self.limiter), Retrier::new(&self.limiter));
        let pages = limits::DIRECTORY_PAGES_MAX;
        let users = async |token| self.client.users(id, token).await;
        let mut entities = first.pages("users", pages, users).await?;
        let groups = async |token| self.client.groups(id, token).await;
        entities.extend(retrier.pages("groups", pages, groups).await?);
        let resources = async |token| self.client.resources(id, token).await;
        entities.extend(retrier.pages("resources", pages, resources).await?);
        let domains = async |token| self.client.domains(id, token).await;
        let mut domains = retrier.pages("domains", pages, domains).await?;
        domains.sort();
        domains.dedup();
        let entities = entities.into_iter().filter(|it| !it.is_deleted());
        Ok((entities.map(|it| (it.id.clone(), it)).collect(), domains))
    }

    /// An entity with what has to be asked for it alone.
    async fn whole(&self, organization: &str, mut entity: Entity) -> Result<Entity, Failure> {
        let retrier = Retrier::new(&self.limiter);
        let pages = limits::DIRECTORY_PAGES_MAX;
        let id = entity.id.clone();
        let aliases = async |token| self.client.aliases(organization, &id, token).await;
        entity.aliases = retrier.pages("aliases", pages, aliases).await?;
        match entity.kind {
            EntityKind::User => {
                let page = async |token| self.client.permissions(organization, &id, token).await;
                entity.permissions = retrier.pages("permissions", pages, page).await?;
            }
            EntityKind::Group => {
                let page = async |token| self.client.members(organization, &id, token).await;
                entity.members = retrier.pages("members", pages, page).await?;
            }
            EntityKind::Resource => {
                let page = async |token| self.client.delegates(organization, &id, token).await;
                entity.delegates = retrier.pages("delegates", pages, page).await?;
            }
        }
        entity.normalise();
        Ok(entity)
    }
}

/// Where records of a directory say that they come from, before the organization's ID: no log group
/// has such a name.
const DIRECTORY_GROUP: &str = "workmail-directory:";

/// Keeps what one look at an organization says in a store, for whoever has the writer: that may be
/// another than who looks.
#[derive(Debug)]
pub struct DirectoryIntake {
    origin: OriginId,
    log_group: String,
}

impl DirectoryIntake {
    /// Begins with an organization, by ID and alias.
    pub fn begin(
        writer: &mut StoreWriter,
        (id, alias): (&str, &str),
        region: Option<String>,
        began: Timestamp,
    ) -> Self {
        let origin = writer.begin_origin(OriginStart {
            kind: OriginKind::Pull,
            name: format!("directory of {alias}"),
            account: None,
            region,
            began,
        });
        Self { origin, log_group: format!("{DIRECTORY_GROUP}{id}") }
    }

    /// Keeps what was said at a time, with a commit behind it.
    pub fn keep(
        &self,
        writer: &mut StoreWriter,
        at: Timestamp,
        statements: Vec<Statement>,
    ) -> Result<(), PullError> {
        let mut preparer = writer.preparers_without_removed().preparer();
        for statement in statements {
            let record = Record {
                log_group: Some(self.log_group.as_str().into()),
                log_stream: None,
                event_id: None,
                timestamp: at,
                is_time_approximate: false,
                ingestion_time: None,
                message: statement.to_message()?.into(),
            };
            // What was erased stays so.
            if !preparer.withholds(&record) {
                preparer.take(None, &record, None, &MessageContent::Other(&OtherRecord::Directory));
            }
        }
        let mut batch = preparer.finish()?;
        batch.set_origin(self.origin);
        let read = batch.len() as u64;
        for appended in writer.append(vec![batch])? {
            let (added, duplicates) = (appended.added, appended.duplicates());
            let counts = OriginCounts { read, added, duplicates, rejected: 0 };
            writer.count_origin(self.origin, counts);
        }
        Ok(writer.commit()?)
    }

    /// Ends with what became of the look.
    pub fn end(
        self,
        writer: &mut StoreWriter,
        report: &DirectoryReport,
        ended: Timestamp,
    ) -> Result<(), PullError> {
        let end = OriginEnd {
            ended_ms: ended.as_ms(),
            problem: report.problem.as_ref().map(ToString::to_string),
            ..OriginEnd::default()
        };
        writer.end_origin(self.origin, end);
        Ok(writer.commit()?)
    }
}

/// A look on its way.
struct DirectoryLook<'l, E> {
    taker: &'l DirectoryTaker,
    report: DirectoryReport,
    /// When the snapshot was begun.
    snapshot: Timestamp,
    /// The latest time at which anything was said.
    said_at: Timestamp,
    looked_at: HashSet<String>,
    /// What is not kept yet.
    said: Vec<Said>,
    seen: Vec<String>,
    unkept: usize,
    keep: Keep<'l, E>,
}

impl<'l, E> DirectoryLook<'l, E> {
    fn new(
        taker: &'l DirectoryTaker,
        report: DirectoryReport,
        known: Option<&OrganizationHistory>,
        keep: Keep<'l, E>,
    ) -> Self {
        let now = taker.clock.now();
        let open = known.and_then(OrganizationHistory::open_snapshot);
        let open = open.filter(|it| now.ms_since(it.begun) < limits::DIRECTORY_RESUME_MS);
        let last = known.and_then(OrganizationHistory::last_said).unwrap_or(Timestamp::MIN);
        // A clock that was set back must not put what is new before what was said already.
        let said_at = now.max(last.saturating_add_ms(1));
        Self {
            taker,
            report,
            snapshot: open.as_ref().map_or(said_at, |it| it.begun),
            said_at,
            looked_at: open.map(|it| it.looked_at.clone()).unwrap_or_default(),
            said: Vec::new(),
            seen: Vec::new(),
            unkept: 0,
            keep,
        }
    }

    fn begin(&mut self, known: Option<&OrganizationHistory>, domains: Vec<Domain>) {
        self.said.push(Said::Begin { alias: self.report.alias.clone() });
        if known.is_none_or(|it| it.last_domains() != domains) {
            self.said.push(Said::Domains { domains });
        }
    }

    fn add(&mut self, entity: Entity, current: Option<&Entity>) -> Result<(), E> {
        if current == Some(&entity) {
            self.report.unchanged += 1;
            self.seen.push(entity.id);
        } else {
            self.report.changed += 1;
            self.said.push(Said::Entity(Box::new(entity)));
        }
        self.unkept += 1;
        if self.unkept >= limits::DIRECTORY_BATCH { self.flush() } else { Ok(()) }
    }

    fn end(&mut self, gone: Vec<String>, count: usize) {
        self.report.gone = gone.len();
        if !gone.is_empty() {
            self.said.push(Said::Gone { ids: gone });
        }
        self.seen.clear();
        self.said.push(Said::End { count });
    }

    /// Keeps what was said, and who was seen to be as before: that matters only to whoever goes on
    /// with a look that was broken off, and would else fill the archive with every look.
    fn flush_all(&mut self) -> Result<(), E> {
        if !self.seen.is_empty() {
            self.said.push(Said::Seen { ids: std::mem::take(&mut self.seen) });
        }
        self.flush()
    }

    /// Keeps what was said.
    fn flush(&mut self) -> Result<(), E> {
        self.unkept = 0;
        if self.said.is_empty() {
            return Ok(());
        }
        self.said_at = self.said_at.saturating_add_ms(1).max(self.taker.clock.now());
        let said = std::mem::take(&mut self.said).into_iter();
        let statement = |said| Statement::new(&self.report.organization, self.snapshot, said);
        (self.keep)(self.said_at, said.map(statement).collect())
    }
}

impl DirectoryReport {
    /// Why it is not whole, in words for whoever has to mend it.
    pub fn problem_in_words(&self, now: Timestamp) -> Option<String> {
        self.problem.as_ref().map(|it| problem_in_words(it, now))
    }
}

/// What a failed call to the directory means: after the end of WorkMail nobody answers any more.
pub fn problem_in_words(problem: &AwsError, now: Timestamp) -> String {
    let is_gone = match problem {
        AwsError::Service { code, .. } => code.contains("EndOfSupport"),
        AwsError::Network { .. } | AwsError::NotFound { .. } => has_ended(now),
        _ => false,
    };
    match is_gone || has_ended(now) && matches!(problem, AwsError::Service { .. }) {
        true => format!(
            "WorkMail has shut down on {LAST_DAY}, and nobody answers for its directory any more ({problem}): what was taken before is kept, and `mailtrace directory` shows it"
        ),
        false => problem.to_string(),
    }
}
