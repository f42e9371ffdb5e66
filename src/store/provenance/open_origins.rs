//! The sources that a writer is reading.

use super::origin::{Origin, OriginCounts, OriginEnd, OriginId, OriginStart};

/// The sources that the next commit may have to note.
#[derive(Default)]
pub(in crate::store) struct OpenOrigins {
    /// In the order in which they began. Counts are those since the last commit that noted them.
    origins: Vec<OpenOrigin>,
    begun_count: u64,
}

struct OpenOrigin {
    origin: Origin,
    /// True if it has added a record to the store.
    has_added: bool,
}

impl OpenOrigin {
    fn has_news(&self) -> bool {
        self.origin.end.is_some() || self.origin.counts != OriginCounts::default()
    }
}

impl OpenOrigins {
    /// Begins a source on top of the commit with head `head`.
    pub(in crate::store) fn begin(&mut self, head: &str, start: OriginStart) -> OriginId {
        self.begun_count += 1;
        let id = OriginId::new(head, self.begun_count, &start.name);
        self.origins.push(OpenOrigin { origin: Origin::new(id, start), has_added: false });
        id
    }

    /// Adds to the counts of a source.
    pub(in crate::store) fn count(&mut self, id: OriginId, counts: OriginCounts) {
        if let Some(open) = self.find(id) {
            open.has_added |= counts.added > 0;
            open.origin.counts.add(counts);
        }
    }

    /// Ends a source.
    pub(in crate::store) fn end(&mut self, id: OriginId, end: OriginEnd) {
        if let Some(open) = self.find(id) {
            open.origin.end = Some(end);
        }
    }

    /// Searched from the end: mostly the source that began last is meant.
    fn find(&mut self, id: OriginId) -> Option<&mut OpenOrigin> {
        self.origins.iter_mut().rev().find(|it| it.origin.id == id)
    }

    /// The number of sources, including ended ones that no commit has noted.
    pub(in crate::store) fn len(&self) -> usize {
        self.origins.len()
    }

    /// The sources that a commit has to note: those with records in the store and with news.
    pub(in crate::store) fn to_note(&self) -> Vec<Origin> {
        let noted = self.origins.iter().filter(|it| it.has_added && it.has_news());
        noted.map(|it| it.origin.clone()).collect()
    }

    /// Carries the open sources over a commit. Returns those that ended and added nothing.
    pub(in crate::store) fn noted(&mut self) -> Vec<Origin> {
        let mut repeats = Vec::new();
        let mut open = Vec::new();
        for mut it in self.origins.drain(..) {
            match (it.origin.end.is_some(), it.has_added) {
                (true, false) => repeats.push(it.origin),
                (true, true) => {}
                (false, has_added) => {
                    // Nothing was noted of a source without records: its counts must not get lost.
                    if has_added {
                        it.origin.counts = OriginCounts::default();
                    }
                    open.push(it);
                }
            }
        }
        self.origins = open;
        repeats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OriginKind;
    use crate::time::Timestamp;

    #[test]
    fn only_what_added_is_noted_and_each_count_once() {
        let mut origins = OpenOrigins::default();
        let begin = |origins: &mut OpenOrigins| {
            let start = OriginStart {
                kind: OriginKind::File,
                name: "a".to_owned(),
                account: None,
                region: None,
                began: Timestamp::UNIX_EPOCH,
            };
            origins.begin("head", start)
        };
        let (first, second) = (begin(&mut origins), begin(&mut origins));
        assert_ne!(first, second);
        let known = OriginCounts { read: 2, duplicates: 2, ..OriginCounts::default() };
        let new = OriginCounts { read: 3, added: 3, ..OriginCounts::default() };
        origins.count(first, known);
        origins.count(second, known);
        assert_eq!(origins.to_note(), []);
        // What was there before the first new record is told with it.
        assert_eq!(origins.noted(), []);
        origins.count(second, new);
        let noted = origins.to_note();
        assert_eq!((noted.len(), noted[0].counts.read), (1, 5));
        assert_eq!(origins.noted(), []);
        origins.end(first, OriginEnd::default());
        origins.end(second, OriginEnd::default());
        let noted = origins.to_note();
        assert_eq!((noted.len(), noted[0].id, noted[0].counts.read), (1, second, 0));
        let repeats = origins.noted();
        assert_eq!((repeats.len(), repeats[0].id, repeats[0].counts.read), (1, first, 2));
        assert_eq!(origins.len(), 0);
    }
}
