//! Takes the directory of an organization.

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

/// Lists all entities of an organization, and states what has changed.
pub struct DirectoryTaker {
    client: WorkMailClient,
    limiter: RateLimiter,
    clock: Clock,
    stop: Stop,
}

/// The result of one look at an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryReport {
    pub organization: String,
    pub alias: String,
    /// Entities by kind; an interrupted look may have fewer.
    pub counts: BTreeMap<EntityKind, usize>,
    /// Entities that are new or have changed.
    pub changed: usize,
    /// Entities that have not changed.
    pub unchanged: usize,
    /// Entities that no longer exist.
    pub gone: usize,
    /// Entities that an earlier, interrupted look had already looked at.
    pub resumed: usize,
    pub domains: usize,
    pub throttled: u64,
    /// True if everything was looked at.
    pub is_whole: bool,
    pub problem: Option<AwsError>,
    /// The duration in milliseconds.
    pub elapsed_ms: u64,
}

/// The reason why a look ended early.
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

/// Stores the statements made at a time, all of them or none.
pub type Keep<'k, E> = &'k mut dyn FnMut(Timestamp, Vec<Statement>) -> Result<(), E>;

impl DirectoryTaker {
    /// Calls as the session's identity, in its region.
    pub fn new(session: &Session, clock: Clock, stop: Stop) -> Self {
        let client = WorkMailClient::new(session);
        Self { client, limiter: RateLimiter::new(), clock, stop }
    }

    /// Uses `limiter` instead, for a caller that knows the quota.
    pub fn paced_by(self, limiter: RateLimiter) -> Self {
        Self { limiter, ..self }
    }

    /// Looks at an organization, of which `known` is the history so far. Changes are kept in
    /// batches, so that the next look can resume an interrupted one. `on_listed` receives the
    /// number of entities.
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
        // Kept after an interruption too, so that the next look need not repeat it.
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
        // Only a complete list shows who is gone: `list` fails rather than return a part.
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
        // Stated last: an interrupted look must not make anybody vanish.
        let gone = current.keys().filter(|it| !ids.contains(**it)).map(|it| (*it).to_owned());
        look.end(gone.collect(), ids.len());
        Ok(())
    }

    /// Lists all entities by ID, without what takes a request for each, and all domains.
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

    /// Completes an entity with what takes requests of its own.
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

/// The prefix of the origin of a directory's records, before the organization's ID. No log group
/// has such a name.
const DIRECTORY_GROUP: &str = "workmail-directory:";

/// Stores the statements of one look at an organization. The writer may belong to another thread
/// than the look.
#[derive(Debug)]
pub struct DirectoryIntake {
    origin: OriginId,
    log_group: String,
}

impl DirectoryIntake {
    /// Begins the origin of an organization, by ID and alias.
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

    /// Stores the statements made at a time, and commits.
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
            // What was erased must not come back.
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

    /// Ends the origin with the result of the look.
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

/// A look in progress.
struct DirectoryLook<'l, E> {
    taker: &'l DirectoryTaker,
    report: DirectoryReport,
    /// When the snapshot began.
    snapshot: Timestamp,
    /// The time of the latest statement.
    said_at: Timestamp,
    looked_at: HashSet<String>,
    /// Statements not kept yet.
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
        // A clock that was set back must not date new statements before old ones.
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
        // After a whole look nobody resumes it, so the unchanged need not be kept.
        self.seen.clear();
        self.said.push(Said::End { count });
    }

    /// Keeps the statements, and the IDs of unchanged entities. Only the resumption of an
    /// interrupted look needs those; kept by every look, they would fill the archive.
    fn flush_all(&mut self) -> Result<(), E> {
        if !self.seen.is_empty() {
            self.said.push(Said::Seen { ids: std::mem::take(&mut self.seen) });
        }
        self.flush()
    }

    /// Keeps the statements.
    fn flush(&mut self) -> Result<(), E> {
        self.unkept = 0;
        if self.said.is_empty() {
            return Ok(());
        }
        // Later than the statements before, so that their order survives in their times.
        self.said_at = self.said_at.saturating_add_ms(1).max(self.taker.clock.now());
        let said = std::mem::take(&mut self.said).into_iter();
        let statement = |said| Statement::new(&self.report.organization, self.snapshot, said);
        (self.keep)(self.said_at, said.map(statement).collect())
    }
}

impl DirectoryReport {
    /// Returns why it is not whole, in words for the person who has to fix it.
    pub fn problem_in_words(&self, now: Timestamp) -> Option<String> {
        self.problem.as_ref().map(|it| problem_in_words(it, now))
    }
}

/// Explains a failed call to the directory: after the end of WorkMail nobody answers any more.
pub fn problem_in_words(problem: &AwsError, now: Timestamp) -> String {
    let is_gone = match problem {
        AwsError::Service { code, .. } => code.contains("EndOfSupport"),
        AwsError::Network { .. } | AwsError::NotFound { .. } => has_ended(now),
        _ => false,
    };
    match is_gone || has_ended(now) && matches!(problem, AwsError::Service { .. }) {
        true => format!(
            "WorkMail shut down on {LAST_DAY}, and its directory can no longer be asked for ({problem}): what was taken before is kept, and `mailtrace directory` shows it"
        ),
        false => problem.to_string(),
    }
}
