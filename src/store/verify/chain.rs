//! The chain of commits: each names the head of the one before, so that nobody can leave out or
//! replace a file, or take back a commit, without remaking all later ones.

use super::archive::ArchiveCheck;
use super::report::FoundHead;
use crate::store::archive::SumsBefore;
use crate::store::layout::{Layout, archive_file_name};
use crate::store::ledger::tombstone::NotedTombstone;
use crate::time::Timestamp;

/// The commits of an archive, in order.
pub(in crate::store) struct CommitChain {
    pub(in crate::store) links: Vec<Link>,
    tombstones: Vec<NotedTombstone>,
}

/// A commit.
pub(in crate::store) struct Link {
    file: u32,
    /// The first byte after its note.
    end: u64,
    pub(in crate::store) head: String,
    /// The head of the commit before, according to its note.
    previous: Option<String>,
    at: Option<Timestamp>,
    records: u64,
}

impl CommitChain {
    /// Computes the head of each commit from the bytes that were read, and from what tombstones say
    /// of files that were there at the time.
    pub(in crate::store) fn new(archive: &ArchiveCheck) -> Self {
        let tombstones = archive.folded().noted_tombstones.clone();
        let mut links = Vec::new();
        let mut before: Vec<(u32, &str)> = Vec::new();
        let mut known: Option<(usize, SumsBefore)> = None;
        for file in &archive.files {
            for commit in &file.commits {
                let later = |it: &&NotedTombstone| it.is_after(file.number, commit.end);
                let later_count = tombstones.iter().filter(later).count();
                // A head covers another set of files only where a removal comes between two
                // commits. Otherwise the running hash goes on: there may be millions of commits.
                let mut sums = match known.take() {
                    Some((count, sums)) if count == later_count => sums,
                    _ => {
                        let removed = tombstones.iter().filter(later).flat_map(|it| &it.removed);
                        let removed = removed.map(|it| (it.number, it.sha256.as_str()));
                        SumsBefore::new(removed.chain(before.iter().copied()))
                    }
                };
                links.push(Link {
                    file: file.number,
                    end: commit.end,
                    head: sums.head(file.number, &commit.sha256),
                    previous: commit.note.previous.clone(),
                    at: commit.note.at_ms.and_then(Timestamp::from_ms),
                    records: commit.note.records,
                });
                known = Some((later_count, sums));
            }
            before.push((file.number, &file.sha256));
            if let Some((_, sums)) = &mut known {
                sums.add(file.number, &file.sha256);
            }
        }
        Self { links, tombstones }
    }

    /// The heads of the commits noted in a file.
    pub(in crate::store) fn heads_in(&self, file: u32) -> impl Iterator<Item = &str> {
        self.links.iter().filter(move |it| it.file == file).map(|it| it.head.as_str())
    }

    /// True if a commit with this head was noted in a removed file between the two files.
    fn is_removed_between(&self, head: &str, after: u32, before: u32) -> bool {
        let removed = self.tombstones.iter().flat_map(|it| &it.removed);
        removed.filter(|it| it.number > after && it.number < before).any(|it| it.had_head(head))
    }

    /// Lists the commits that do not continue the one before. Commits of earlier builds name none,
    /// and come first.
    pub(in crate::store) fn problems(&self, layout: &Layout) -> Vec<String> {
        let mut problems = Vec::new();
        let mut before: Option<&Link> = None;
        for link in &self.links {
            let path = layout.archive_file(link.file);
            let place = format!("{}, commit before byte {}", path.display(), link.end);
            let expected = before.map(|it| it.head.as_str());
            match (link.previous.as_deref(), before) {
                (Some(_), _) if link.previous.as_deref() == expected => {}
                // The commit before went with a file that a removal replaced.
                (Some(previous), _)
                    if self.is_removed_between(
                        previous,
                        before.map_or(0, |it| it.file),
                        link.file,
                    ) => {}
                (Some(_), _) => problems.push(format!(
                    "{place}: it does not continue the commit before it: earlier commits were replaced or removed"
                )),
                (None, Some(before)) if before.at.is_some() => problems.push(format!(
                    "{place}: it does not name the commit before it, as every commit of its version does"
                )),
                (None, _) => {}
            }
            before = Some(link);
        }
        problems
    }

    /// Finds the commit with a head, or the tombstone of the removal that took it away.
    pub(in crate::store) fn find(&self, head: &str) -> Option<FoundHead> {
        let last = self.links.last()?;
        let Some(position) = self.links.iter().position(|it| it.head.eq_ignore_ascii_case(head))
        else {
            return self.find_removed(head);
        };
        let link = self.links.get(position)?;
        let later = self.tombstones.iter().filter(|it| it.is_after(link.file, link.end));
        // The last count is lower by what was removed since.
        let removed_since = later.clone().map(|it| it.tombstone.records).sum();
        let records_since = last.records.saturating_add(removed_since);
        Some(FoundHead {
            head: link.head.clone(),
            archive_file: archive_file_name(link.file),
            at: link.at,
            records: Some(link.records),
            records_since: Some(records_since.saturating_sub(link.records)),
            commits_since: (self.links.len() - position - 1) as u64,
            is_removed: false,
            tombstones: later.map(|it| it.tombstone.clone()).collect(),
        })
    }

    fn find_removed(&self, head: &str) -> Option<FoundHead> {
        let head = head.to_ascii_lowercase();
        let had_it = |it: &NotedTombstone| it.removed.iter().find(|it| it.had_head(&head)).cloned();
        let (position, file) = self
            .tombstones
            .iter()
            .enumerate()
            .find_map(|(index, it)| Some((index, had_it(it)?)))?;
        let (_, since) = self.tombstones.split_at(position);
        let noted = since.first()?;
        let later = self.links.iter().filter(|it| !noted.is_after(it.file, it.end));
        Some(FoundHead {
            archive_file: archive_file_name(file.number),
            head,
            at: None,
            records: None,
            records_since: None,
            commits_since: later.count() as u64,
            is_removed: true,
            tombstones: since.iter().map(|it| it.tombstone.clone()).collect(),
        })
    }
}
