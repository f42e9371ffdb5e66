//! Sources that added nothing: all of their records were there already, or they had none.
//!
//! They corroborate the store, and may come every hour for years. So they are kept beside the
//! archive, each source with each content once, with how often it came.

use std::collections::HashMap;
use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::origin::{Origin, OriginKind};
use crate::limits;
use crate::store::error::StoreError;
use crate::store::layout::Layout;
use crate::store::names::REPEATS;

/// A source that added nothing, and how often it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepeatedOrigin {
    /// The source, as it was read the last time.
    #[serde(flatten)]
    pub origin: Origin,
    /// The number of times that it was read.
    pub times: u64,
    /// The time at which it was first read, in milliseconds since 1970.
    pub first_began_ms: i64,
}

/// Equal for readings of the same source with the same content.
type RepeatKey = (OriginKind, String, Option<String>, Option<String>, Option<String>);

fn key(origin: &Origin) -> RepeatKey {
    let Origin { kind, name, account, region, .. } = origin.clone();
    (kind, name, account, region, origin.sha256().map(str::to_owned))
}

/// All sources that added nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Repeats {
    /// The sources, those read last at the end.
    pub(in crate::store) repeated: Vec<RepeatedOrigin>,
    /// The number of those forgotten.
    pub(in crate::store) forgotten: u64,
}

/// The file: its content, and the SHA-256 of that as JSON. SHA256SUMS does not cover it.
#[derive(Serialize, Deserialize)]
struct File {
    sha256: String,
    content: Content,
}

#[derive(Serialize, Deserialize)]
struct Content {
    forgotten: u64,
    repeated: Vec<RepeatedOrigin>,
}

impl Content {
    fn sha256(&self) -> io::Result<String> {
        Ok(hex::encode(Sha256::digest(serde_json::to_vec(self)?)))
    }
}

impl Repeats {
    /// Reads them; none if there is no file, or if it was changed.
    pub(in crate::store) fn read(layout: &Layout) -> Result<Self, StoreError> {
        Ok(Self::read_checked(layout)?.unwrap_or_default())
    }

    /// Reads them; `None` if the file was changed.
    pub(in crate::store) fn read_checked(layout: &Layout) -> Result<Option<Self>, StoreError> {
        let text = match layout.root_dir()?.read(REPEATS, limits::STORE_FILE_BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(Some(Self::default())),
            Err(error) => return Err(error),
        };
        let file = serde_json::from_slice::<File>(&text).ok();
        // The sum was made of the content as we write it, so it is written once more to compare.
        let sound = file.filter(|it| it.content.sha256().is_ok_and(|sum| sum == it.sha256));
        Ok(sound.map(|it| Self { repeated: it.content.repeated, forgotten: it.content.forgotten }))
    }

    /// Adds sources that have been read.
    pub(in crate::store) fn add(&mut self, origins: Vec<Origin>) {
        self.add_within(origins, limits::REPEATED_ORIGINS_MAX);
    }

    fn add_within(&mut self, origins: Vec<Origin>, count_max: usize) {
        let mut by_key: HashMap<RepeatKey, RepeatedOrigin> = HashMap::new();
        let mut order = Vec::new();
        let known = std::mem::take(&mut self.repeated);
        let new = origins.into_iter().map(|origin| RepeatedOrigin {
            first_began_ms: origin.began_ms,
            times: 1,
            origin,
        });
        for mut repeated in known.into_iter().chain(new) {
            let key = key(&repeated.origin);
            if let Some(before) = by_key.remove(&key) {
                repeated.times += before.times;
                repeated.first_began_ms = before.first_began_ms;
            }
            order.push(key.clone());
            by_key.insert(key, repeated);
        }
        // From the end, as each belongs where it came last: a second mention finds it gone.
        let kept = order.into_iter().rev().filter_map(|it| by_key.remove(&it)).collect::<Vec<_>>();
        self.forgotten += kept.len().saturating_sub(count_max) as u64;
        self.repeated = kept.into_iter().take(count_max).rev().collect();
    }

    /// Replaces the file on disk.
    pub(in crate::store) fn write(self, layout: &Layout) -> Result<(), StoreError> {
        let content = Content { forgotten: self.forgotten, repeated: self.repeated };
        let encoded = content.sha256().and_then(|sha256| {
            let mut json = serde_json::to_vec(&File { sha256, content })?;
            json.push(b'\n');
            Ok(json)
        });
        let json = encoded.map_err(StoreError::io("write", &layout.repeats()))?;
        layout.root_dir()?.replace(REPEATS, &json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{OriginId, OriginStart};
    use crate::time::Timestamp;

    fn origin(name: &str, ordinal: u64) -> Origin {
        let start = OriginStart {
            kind: OriginKind::File,
            name: name.to_owned(),
            account: None,
            region: None,
            began: Timestamp::from_ms(i64::try_from(ordinal).unwrap()).unwrap(),
        };
        Origin::new(OriginId::new("", ordinal, name), start)
    }

    #[test]
    fn what_comes_again_takes_no_more_room() {
        let mut repeats = Repeats::default();
        for ordinal in 0..50 {
            repeats.add(vec![origin("a", ordinal), origin("b", ordinal)]);
        }
        let told: Vec<_> = repeats
            .repeated
            .iter()
            .map(|it| (it.origin.name.as_str(), it.times, it.first_began_ms, it.origin.began_ms))
            .collect();
        assert_eq!(told, [("a", 50, 0, 49), ("b", 50, 0, 49)]);
    }

    #[test]
    fn the_oldest_are_forgotten_and_counted() {
        let mut repeats = Repeats::default();
        for name in ["a", "b", "c", "a", "d"] {
            repeats.add_within(vec![origin(name, 0)], 3);
        }
        let names: Vec<_> = repeats.repeated.iter().map(|it| it.origin.name.as_str()).collect();
        assert_eq!((names, repeats.forgotten), (vec!["c", "a", "d"], 1));
    }

    #[test]
    fn a_changed_file_is_found() {
        use std::fs;
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        assert_eq!(Repeats::read_checked(&layout).unwrap(), Some(Repeats::default()));
        let mut repeats = Repeats::default();
        repeats.add(vec![origin("first", 1)]);
        repeats.clone().write(&layout).unwrap();
        assert_eq!(Repeats::read_checked(&layout).unwrap(), Some(repeats));
        let text = fs::read_to_string(layout.repeats()).unwrap();
        fs::write(layout.repeats(), text.replace("first", "worst")).unwrap();
        assert_eq!(Repeats::read_checked(&layout).unwrap(), None);
        assert_eq!(Repeats::read(&layout).unwrap(), Repeats::default());
    }
}
