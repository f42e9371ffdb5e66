//! Stores fetched pages, and the looks that they complete.

use std::time::Duration;

use rayon::prelude::*;

use super::listing::{Fetched, ListingStep};
use super::page::{self, Chunk, DecodedChunk, PageWorker};
use super::{PullNews, PullProgress, PullReport};
use crate::aws::{AwsError, LogEvent, LogGroup, LogGroupArn};
use crate::ingest::Intake;
use crate::limits;
use crate::store::{
    Appended, GroupFacts, OriginCounts, OriginEnd, OriginKind, OriginStart, StoreError, StoreWriter,
};
use crate::time::Timestamp;

/// Stores pages in the order in which they came.
pub(super) struct Storing<'s, 'n> {
    writer: &'s mut StoreWriter,
    group: &'s LogGroup,
    facts: GroupFacts,
    is_following: bool,
    on_news: Option<&'n mut dyn FnMut(PullNews)>,
    report: PullReport,
    slices: (usize, usize),
    reached: Option<Timestamp>,
    intake: Intake,
}

impl<'s, 'n> Storing<'s, 'n> {
    pub(super) fn new(
        writer: &'s mut StoreWriter,
        group: &'s LogGroup,
        began: Timestamp,
        is_following: bool,
        slice_count: usize,
        on_news: Option<&'n mut dyn FnMut(PullNews)>,
    ) -> Self {
        let arn = LogGroupArn::parse(&group.arn);
        let origin = writer.begin_origin(OriginStart {
            kind: OriginKind::Pull,
            name: group.name.clone(),
            account: arn.as_ref().map(|it| it.account.clone()),
            region: arn.map(|it| it.region),
            began,
        });
        let intake = Intake::new(writer, origin, &group.arn);
        let report = PullReport {
            log_group: group.name.clone(),
            arn: group.arn.clone(),
            ..PullReport::default()
        };
        Self {
            writer,
            group,
            facts: GroupFacts {
                name: group.name.clone(),
                retention_days: group.retention_days,
                created_ms: group.created_ms,
            },
            is_following,
            on_news,
            report,
            slices: (0, slice_count),
            reached: None,
            intake,
        }
    }

    pub(super) fn progress(&self) -> PullProgress {
        PullProgress {
            pages: self.report.pages,
            events: self.intake.counts().read,
            bytes: self.report.bytes,
            added: self.intake.counts().added,
            slices: self.slices,
            reached: self.reached,
            ..PullProgress::default()
        }
    }

    /// Decodes pages in parallel, stores them in order, and commits when it is time.
    pub(super) fn take(&mut self, round: Vec<ListingStep>) -> Result<(), StoreError> {
        let pages: Vec<Fetched> = round
            .into_iter()
            .filter_map(|it| match it {
                ListingStep::Page(page) => Some(page),
                ListingStep::Tick => None,
            })
            .collect();
        // Chunks, so that all cores have work even when a single page waits.
        let chunks: Vec<Chunk<'_>> = pages
            .iter()
            .flat_map(|page| {
                let chunks = page.events.chunks(limits::PAGE_CHUNK_EVENTS);
                chunks.map(|events| Chunk { events, is_again: page.is_again })
            })
            .collect();
        // Erased records still exist in CloudWatch and must not come back.
        let preparers = self.writer.preparers_without_removed();
        let name = self.group.name.as_str();
        let mut decoded = chunks
            .par_iter()
            .map_init(|| PageWorker::new(&preparers), |worker, chunk| worker.decode(chunk, name))
            .collect::<Result<Vec<_>, _>>()?;
        let origin = self.intake.origin();
        let prepared = decoded.iter_mut().map(|it| {
            let mut batch = std::mem::take(&mut it.prepared);
            batch.set_origin(origin);
            batch
        });
        let prepared = prepared.collect();
        let appended = self.writer.append(prepared)?;
        for ((chunk, decoded), appended) in chunks.iter().zip(decoded).zip(appended) {
            self.count(chunk.events, decoded, &appended)?;
        }
        // Looks go into the same commit as their events, so that none is ever ahead of them.
        for page in &pages {
            self.note(page);
        }
        let interval = Duration::from_millis(limits::PULL_COMMIT_INTERVAL_MS);
        // Looks alone wait for `is_idle_for_long`: finding nothing new is not worth a commit each
        // time.
        let is_due = self.writer.since_commit() >= interval
            && self.writer.uncommitted_records() > 0
            || self.writer.uncommitted_records() >= limits::COMMIT_RECORDS_MAX;
        if is_due || self.is_idle_for_long() {
            self.commit()?;
        }
        Ok(())
    }

    fn count(
        &mut self,
        events: &[LogEvent],
        decoded: DecodedChunk,
        appended: &Appended,
    ) -> Result<(), StoreError> {
        let report = &mut self.report;
        report.withheld += decoded.withheld;
        if decoded.is_again {
            report.late += appended.added;
        }
        let lengths = events.iter().filter_map(|it| it.message.as_ref()).map(String::len);
        report.bytes += lengths.sum::<usize>() as u64;
        let newest = events.iter().filter_map(|it| it.timestamp_ms).max();
        self.reached = newest.and_then(Timestamp::from_ms).or(self.reached);
        if let Some(on_news) = &mut self.on_news {
            let is_new = |(position, _): &(usize, &usize)| {
                appended.duplicate_indices.binary_search(position).is_err()
            };
            let new = decoded.indices.iter().enumerate().filter(is_new);
            for event in new.filter_map(|(_, index)| events.get(*index)) {
                // Parsed again, but only if somebody wants the news.
                if let Some(event) = page::stored(event, &self.group.name) {
                    on_news(PullNews::Event(Box::new(event)));
                }
            }
        }
        self.intake.take(self.writer, appended, decoded.rejects, self.report.bytes)
    }

    /// Notes a page whose events will be in the next commit.
    fn note(&mut self, page: &Fetched) {
        self.report.pages += 1;
        if page.is_end {
            self.slices.0 += 1;
        }
        if page.is_split {
            self.slices.1 += 2;
        }
        if let Some(look) = page.look {
            self.writer.looked(&self.group.arn, &self.facts, look);
        }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        // Before the commit, whose looks would keep a lost reject from being fetched again.
        self.intake.keep_all()?;
        self.writer.commit()?;
        if let Some(on_news) = &mut self.on_news {
            on_news(PullNews::Committed);
        }
        Ok(())
    }

    /// Commits the rest. A pull that follows may leave it to a later one to commit that nothing was
    /// new.
    pub(super) fn finish(
        mut self,
        problem: Option<&AwsError>,
        is_interrupted: bool,
    ) -> Result<PullReport, StoreError> {
        let interrupted = || is_interrupted.then(|| "interrupted".to_owned());
        let end = OriginEnd {
            ended_ms: self.writer.now().as_ms(),
            problem: problem.map(ToString::to_string).or_else(interrupted),
            ..OriginEnd::default()
        };
        self.intake.end(self.writer, end);
        let counts = self.intake.counts();
        let has_news = self.writer.uncommitted_records() > 0 || counts.rejected > 0;
        if !self.is_following || has_news || self.is_idle_for_long() {
            self.commit()?;
        }
        let OriginCounts { read, added, duplicates, rejected } = counts;
        let first_reject = self.intake.first_reject().map(|(_, reason)| reason);
        Ok(PullReport { read, added, duplicates, rejected, first_reject, ..self.report })
    }

    /// True if it is time to commit the looks although nothing was new.
    fn is_idle_for_long(&self) -> bool {
        self.writer.since_commit() >= Duration::from_millis(limits::FOLLOW_IDLE_COMMIT_MS)
    }
}
