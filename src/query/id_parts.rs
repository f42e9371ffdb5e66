//! Finds IDs by a part of them, as people copy it.

use std::collections::BTreeSet;

use super::checked::{Heard, Needle};
use crate::event::{MessageId, Parser, pasted_id};
use crate::limits;
use crate::store::{Record, Store, StoreError};

/// IDs that contain a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdCandidates {
    /// The IDs as they are written: those that begin with the part if there are any, otherwise
    /// those that contain it anywhere. At most [`limits::ID_CANDIDATES_MAX`].
    pub ids: Vec<String>,
    pub is_beginning: bool,
    pub has_more: bool,
}

/// The IDs that one worker found.
#[derive(Default)]
struct FoundIds {
    parser: Parser,
    beginning: BTreeSet<String>,
    within: BTreeSet<String>,
}

/// Finds message IDs and trace IDs that contain a part of at least [`limits::ID_PART_CHARS_MIN`]
/// characters. The case of ASCII letters does not matter if the log has the part as it is given, or
/// all in one case. `None` if the part is too short, or looks like a complete ID.
pub fn ids_like(
    store: &Store,
    part: &str,
    heard: Heard<'_>,
) -> Result<Option<IdCandidates>, StoreError> {
    let Some(part) = id_part(part) else { return Ok(None) };
    let needle = Needle::any_of(&forms_of(&part));
    let folded = part.to_ascii_lowercase();
    let mut all = FoundIds::default();
    let total = store.checkpoint().mail_records();
    let seen = std::sync::atomic::AtomicU64::new(0);
    store.scan_some(
        None,
        &|lines| {
            let may_be = needle.as_ref().is_none_or(|it| it.may_be_in(lines));
            // Whole blocks end with a line break, unlike the single lines that are tested too.
            if lines.ends_with(b"\n") {
                let count = memchr::memchr_iter(b'\n', lines).count() as u64;
                let done = seen.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
                heard((done + count).min(total), total);
            }
            may_be
        },
        FoundIds::default,
        |found: &mut FoundIds, record: &Record<'_>, _| {
            found.take(record, &folded);
            Ok(())
        },
        |found| {
            all.beginning.extend(found.beginning);
            all.within.extend(found.within);
            all.cut();
            Ok::<(), StoreError>(())
        },
    )?;
    let is_beginning = !all.beginning.is_empty();
    Ok(Some(IdCandidates::of(if is_beginning { all.beginning } else { all.within }, is_beginning)))
}

impl IdCandidates {
    /// The first of the IDs that were found.
    pub fn of(found: BTreeSet<String>, is_beginning: bool) -> Self {
        let has_more = found.len() > limits::ID_CANDIDATES_MAX;
        let ids = found.into_iter().take(limits::ID_CANDIDATES_MAX).collect();
        Self { ids, is_beginning, has_more }
    }
}

/// The part of an ID in a text; `None` if it is too short, or looks like a complete ID.
pub fn id_part(text: &str) -> Option<String> {
    if is_whole(text) {
        return None;
    }
    // A copied part may bring brackets, or the sign of a cut.
    let part = pasted_id(text);
    let part =
        part.trim_matches(|it: char| it.is_whitespace() || matches!(it, '<' | '>' | '*' | '…'));
    let is_long = part.chars().count() >= limits::ID_PART_CHARS_MIN;
    (is_long && part.len() <= limits::TERM_BYTES_MAX).then(|| part.to_owned())
}

/// The forms of a part to look for in the log: as it is given, or all in one case.
pub fn forms_of(part: &str) -> Vec<String> {
    let mut texts = vec![part.to_owned(), part.to_ascii_lowercase(), part.to_ascii_uppercase()];
    texts.dedup();
    texts
}

/// True if a text looks like a complete ID: searching the whole archive would find no more than the
/// index does.
fn is_whole(text: &str) -> bool {
    let id = pasted_id(text);
    let is_cut = text.contains('…') || (text.contains('<') && !text.contains('>'));
    let has_domain = id.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.ends_with('.')
    });
    let is_uuid = id.len() == 36
        && id.bytes().filter(|it| *it == b'-').count() == 4
        && id.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-');
    !is_cut && (has_domain || is_uuid)
}

impl FoundIds {
    fn take(&mut self, record: &Record<'_>, folded: &str) {
        let Ok(event) = self.parser.parse(&record.message) else { return };
        let message_id = event.message_id.as_ref().map(MessageId::as_str);
        let trace_id = Some(event.trace_id.as_ref()).filter(|it| !it.is_empty());
        let shown = |is_message: bool, id: &str| match is_message {
            true => format!("<{id}>"),
            false => id.to_owned(),
        };
        for (is_message, id) in [(true, message_id), (false, trace_id)] {
            let Some(id) = id else { continue };
            let of_case = id.to_ascii_lowercase();
            if of_case.starts_with(folded) {
                self.beginning.insert(shown(is_message, id));
            } else if of_case.contains(folded) {
                self.within.insert(shown(is_message, id));
            }
        }
        // Bounds the memory however many IDs contain the part.
        self.cut();
    }

    /// Drops what will not be shown, except one, which shows that there are more.
    fn cut(&mut self) {
        for ids in [&mut self.beginning, &mut self.within] {
            while ids.len() > limits::ID_CANDIDATES_MAX + 1 {
                ids.pop_last();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_all_of_an_id_is_no_part_of_one() {
        for text in [
            "<a.1001@acme.example>",
            "20261123.1001@acme.example",
            "0529cf70-e821-413f-c33d-fc7615187679",
        ] {
            assert!(is_whole(text), "{text}");
        }
        for text in
            ["df779fb9", "1001@acme", "<20261123.1001@acme.ex", "1001@acme.example…", "@x.y"]
        {
            assert!(!is_whole(text), "{text}");
        }
    }
}
