//! One pass over the messages of both periods, from which nearly all findings are made.

use super::mailboxes::MAILBOX_CLASSES;
use super::{Desk, Finding, FindingKind, Summary};
use crate::stats::{
    CountKey, Counting, GroupPart, GroupRequest, Grouping, StatsError, WorkerCounts,
};
use crate::store::{EventReader, StoreError};
use crate::time::Timestamp;
use crate::trace::{
    Leading, MessageFilter, Order, Outcome, SelectedMessage, Selection, TextKind, visit_together,
};

/// A question about the messages that a filter selects.
pub(super) struct TriageQuestion {
    pub(super) topic: Topic,
    pub(super) filter: MessageFilter,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Their number, latencies and senders, and the addresses for which all of them bounced.
    Everything,
    /// The slowest.
    Slow,
    /// Their number, by the values of a key.
    Groups(FindingKind, CountKey),
}

/// The requested period, or the one before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    Now,
    Before,
}

impl Period {
    pub(super) const COUNT: usize = 2;

    pub(super) fn place(self) -> usize {
        match self {
            Self::Now => 0,
            Self::Before => 1,
        }
    }
}

/// The means to answer a question.
enum Asker<'o> {
    /// Counts by sender and by recipient.
    Everything(Box<[Counting<'o>; 2]>),
    Slow,
    Groups(FindingKind, Box<(GroupRequest, Grouping<'o>)>),
}

/// The results of one worker.
#[derive(Default)]
struct PassPart {
    summary: Summary,
    senders: WorkerCounts<{ Period::COUNT }>,
    mailboxes: WorkerCounts<MAILBOX_CLASSES>,
    slow: Option<Leading>,
    slow_recipients: [u64; Period::COUNT],
    /// The groups, by question and period.
    groups: Vec<[GroupPart; Period::COUNT]>,
}

impl<'d, 's> Desk<'d, 's> {
    /// Answers all questions. Returns the summary of the period and the findings.
    pub(super) fn pass(
        &self,
        questions: &[TriageQuestion],
    ) -> Result<(Summary, Vec<Finding>), StatsError> {
        let selections = questions
            .iter()
            .map(|it| Selection::new(self.overview, &it.filter))
            .collect::<Result<Vec<_>, StoreError>>()?;
        // Before the askers, which would number one after another: here both kinds are numbered at
        // once, and domains follow from them.
        if selections.iter().all(Selection::is_listed) {
            self.overview.number_all(&[TextKind::Senders, TextKind::Recipients])?;
        }
        let askers = questions.iter().zip(&selections);
        let askers: Vec<Asker<'_>> = askers
            .map(|(question, selection)| self.asker(question, selection))
            .collect::<Result<_, _>>()?;
        let parts = visit_together(&selections, |part: &mut PassPart, place, reader, found| {
            let period = self.period_of(found.first_seen_ms());
            let Some((asker, period)) = askers.get(place).zip(period) else { return Ok(()) };
            match asker {
                Asker::Everything(counting) => everything(part, period, counting, reader, &found),
                Asker::Slow => {
                    self.slow_one(part, period, &found);
                    Ok(())
                }
                Asker::Groups(_, asked) => {
                    part.groups.resize_with(askers.len(), Default::default);
                    let groups =
                        part.groups.get_mut(place).and_then(|it| it.get_mut(period.place()));
                    groups.map_or(Ok(()), |it| asked.1.take(it, reader, &found))
                }
            }
        })?;
        self.findings(&askers, parts)
    }

    fn asker(
        &self,
        question: &TriageQuestion,
        selection: &Selection<'_, '_>,
    ) -> Result<Asker<'d>, StatsError> {
        let request = |keys| GroupRequest {
            filter: question.filter.clone(),
            rules: self.request.rules.clone(),
            keys,
            zone: self.request.zone.clone(),
            limit: self.request.items,
        };
        Ok(match question.topic {
            Topic::Everything => {
                let request = request(Vec::new());
                let counting =
                    |key| Counting::find(key, self.store, self.overview, selection, &request);
                let senders = counting(CountKey::Sender)?;
                Asker::Everything(Box::new([senders, counting(CountKey::Recipient)?]))
            }
            Topic::Slow => Asker::Slow,
            Topic::Groups(kind, key) => {
                let request = request(vec![key]);
                let grouping = Grouping::find(self.store, self.overview, selection, &request)?;
                Asker::Groups(kind, Box::new((request, grouping)))
            }
        })
    }

    fn findings(
        &self,
        askers: &[Asker<'_>],
        parts: Vec<PassPart>,
    ) -> Result<(Summary, Vec<Finding>), StatsError> {
        let mut whole = Summary::default();
        let (mut senders, mut mailboxes) = (Vec::new(), Vec::new());
        let mut slow = self.leading();
        let mut slow_recipients = [0; Period::COUNT];
        let mut groups: Vec<[Vec<GroupPart>; Period::COUNT]> = Vec::new();
        groups.resize_with(askers.len(), Default::default);
        for part in parts {
            whole.join(part.summary);
            senders.push(part.senders);
            mailboxes.push(part.mailboxes);
            part.slow.into_iter().for_each(|it| slow.join(it));
            let both = slow_recipients.iter_mut().zip(part.slow_recipients);
            both.for_each(|(count, more)| *count += more);
            for (of_asker, found) in groups.iter_mut().zip(part.groups) {
                of_asker.iter_mut().zip(found).for_each(|(of_period, it)| of_period.push(it));
            }
        }
        let mut findings = Vec::new();
        for (asker, groups) in askers.iter().zip(groups) {
            match asker {
                Asker::Everything(counting) => {
                    let [by_sender, recipients] = counting.as_ref();
                    let senders = std::mem::take(&mut senders);
                    findings.push(self.bursts(by_sender, senders));
                    let mailboxes = std::mem::take(&mut mailboxes);
                    findings.push(self.mailboxes_that_bounce(recipients, mailboxes));
                }
                Asker::Slow => {
                    // There is one such question, so what it takes is not missed.
                    let slow = std::mem::replace(&mut slow, self.leading());
                    findings.push(self.slow(slow, slow_recipients)?);
                }
                Asker::Groups(kind, asked) => {
                    let (request, grouping) = asked.as_ref();
                    findings.push(self.grouped(*kind, request, grouping, groups)?);
                }
            }
        }
        Ok((whole, findings))
    }

    fn period_of(&self, ms: i64) -> Option<Period> {
        let time = Timestamp::from_ms(ms)?;
        if self.range.contains(time) {
            return Some(Period::Now);
        }
        self.before.filter(|it| it.contains(time)).map(|_| Period::Before)
    }

    fn leading(&self) -> Leading {
        Leading::new(Order::Slowest, None, self.request.items)
    }

    fn slow_one(&self, part: &mut PassPart, period: Period, found: &SelectedMessage<'_>) {
        if let Some(count) = part.slow_recipients.get_mut(period.place()) {
            *count += found.recipient_count() as u64;
        }
        if period == Period::Now
            && let Some(summary) = found.summary()
        {
            // Made on first use: a part must have a default, which knows no limit.
            part.slow.get_or_insert_with(|| self.leading()).add(summary);
        }
    }
}

/// Counts a message of the unfiltered question.
fn everything(
    part: &mut PassPart,
    period: Period,
    [senders, recipients]: &[Counting<'_>; 2],
    reader: &mut EventReader<'_>,
    found: &SelectedMessage<'_>,
) -> Result<(), StoreError> {
    senders.take(&mut part.senders, period.place(), (found, 0), reader)?;
    let outcomes = found.outcomes();
    for (place, (outcome, latency_ms)) in outcomes.iter().enumerate() {
        let is_bounced = *outcome == Outcome::Bounced;
        // Two classes for each period: bounced first, as `failed_in` reads them.
        let class = period.place() * 2 + usize::from(!is_bounced);
        recipients.take(&mut part.mailboxes, class, (found, place), reader)?;
        if period == Period::Now && matches!(outcome, Outcome::Delivered | Outcome::Sent) {
            part.summary.latencies_ms.extend(*latency_ms);
        }
    }
    if period == Period::Now {
        part.summary.messages += 1;
        part.summary.recipients += outcomes.len() as u64;
    }
    Ok(())
}
