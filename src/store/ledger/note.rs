//! The note that a commit leaves in the archive itself, in a frame that zstd skips.

use std::cell::RefCell;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use zstd::zstd_safe::DCtx;

use super::Ledger;
use crate::limits;
use crate::store::ledger::tombstone::NotedTombstone;
use crate::store::provenance::{Origin, OriginId, Runs};

thread_local! {
    static CONTEXT: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Everything that a new index needs besides the records. It also makes the archive evidence: it
/// says where records came from, and which commit came before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct CommitNote {
    /// The number of records in the archive up to here.
    pub(in crate::store) records: u64,
    /// The additions of this commit to the ledger.
    #[serde(flatten)]
    pub(in crate::store) ledger: Ledger,
    /// The time of the commit, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) at_ms: Option<i64>,
    /// The head of the commit before; see [`Sums::head`](crate::store::archive::Sums::head).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) previous: Option<String>,
    /// The sources that this commit's records came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) origins: Vec<Origin>,
    /// All removals so far, in a note that replaces all before it: see
    /// [`Folded::take`](super::folded::Folded::take).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) tombstones: Vec<NotedTombstone>,
    /// The source of each record. Encoded after the JSON, not in it.
    #[serde(skip)]
    pub(in crate::store) runs: Runs,
}

impl CommitNote {
    /// Encodes the note for its frame: JSON, then a line feed and the runs, if there are any;
    /// compressed if that makes it shorter.
    pub(in crate::store) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut plain = serde_json::to_vec(self)?;
        if !self.runs.is_empty() {
            plain.push(b'\n');
            plain.extend(self.runs.encode(&self.origin_ids()));
        }
        if plain.len() as u64 > limits::NOTE_BYTES_MAX {
            let reason = format!("a commit of {} bytes is too large to be read back", plain.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
        encoder.write_all(&plain)?;
        let compressed = encoder.finish()?;
        Ok(if compressed.len() < plain.len() { compressed } else { plain })
    }

    /// Decodes a note, including one of a version that noted less.
    pub(in crate::store) fn decode(content: &[u8]) -> Result<Self, String> {
        // A zstd frame never begins with a brace: its magic number begins with another byte.
        if content.first() == Some(&b'{') {
            return Self::decode_plain(content);
        }
        // Weeks of small commits leave many notes, and making a context takes longer than decoding
        // a note.
        let plain = CONTEXT.with_borrow_mut(|context| {
            let context = context.get_or_insert_with(DCtx::create);
            let decoder = zstd::Decoder::with_context(content, context);
            let mut plain = Vec::new();
            Read::take(decoder, limits::NOTE_BYTES_MAX)
                .read_to_end(&mut plain)
                .map_err(|error| error.to_string())?;
            Ok::<_, String>(plain)
        })?;
        Self::decode_plain(&plain)
    }

    fn decode_plain(plain: &[u8]) -> Result<Self, String> {
        // This JSON has no line feeds of its own: those in texts are escaped.
        let end = memchr::memchr(b'\n', plain).unwrap_or(plain.len());
        let (json, rest) = plain.split_at(end);
        let mut note: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if let Some(runs) = rest.get(1..) {
            note.runs = Runs::decode(runs, &note.origin_ids())?;
        }
        Ok(note)
    }

    fn origin_ids(&self) -> Vec<OriginId> {
        self.origins.iter().map(|it| it.id).collect()
    }
}

/// The level of compression of a note, which is small beside its records.
const LEVEL: i32 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::archive::Location;
    use crate::store::provenance::{OpenOrigins, OriginCounts, OriginKind, OriginStart};
    use crate::time::Timestamp;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let mut origins = OpenOrigins::default();
        let start = OriginStart {
            kind: OriginKind::File,
            name: "line\nfeed".to_owned(),
            account: None,
            region: None,
            began: Timestamp::UNIX_EPOCH,
        };
        let id = origins.begin("", start);
        origins.count(id, OriginCounts { read: 1, added: 1, ..OriginCounts::default() });
        let mut note = CommitNote { records: 7, origins: origins.to_note(), ..Default::default() };
        for offset in 0..100 {
            note.runs.push(Location { file: 1, offset: offset * 1_000, line: 0 }, id, None);
        }
        let content = note.encode().unwrap();
        assert_ne!(content.first(), Some(&b'{'), "it should be compressed");
        assert_eq!(CommitNote::decode(&content).unwrap(), note);
        assert!(CommitNote::decode(&content[..content.len() - 1]).is_err());
    }

    #[test]
    fn a_note_of_an_earlier_build_is_read() {
        let note = CommitNote::decode(br#"{"records":3,"coverage":{"g":[[1,2]]}}"#).unwrap();
        assert_eq!((note.records, note.origins.len(), note.previous), (3, 0, None));
    }
}
