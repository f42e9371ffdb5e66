//! Whose audit events they are.

use std::collections::BTreeSet;

use super::mention::each_mention;
use crate::audit::{AuditEvent, AuditField, AuditType, OtherRecord};
use crate::directory::DirectoryBuilder;
use crate::store::StoreError;
use crate::store::archive::{Frame, Frames, lines_of, parse_line};
use crate::store::layout::Layout;
use crate::store::verify::ArchiveCheck;
use crate::store::words::folded;

/// Whether a message is an audit event in which somebody has such an ID, in lower case.
pub(super) fn is_of_any(message: &str, is_such: &dyn Fn(&str) -> bool) -> bool {
    let Some(OtherRecord::Audit(event)) = OtherRecord::parse(message) else { return false };
    let mut ids = AuditField::PEOPLE.into_iter().filter_map(|it| event.get(it));
    ids.any(|it| is_such(&folded(it)))
}

/// The IDs, in lower case, by which audit events know whoever has or had an address: those with
/// which somebody signed in, or made a token, under that name, and those of the directory.
pub(super) fn ids_of(
    layout: &Layout,
    archive: &ArchiveCheck,
    address: &str,
) -> Result<BTreeSet<String>, StoreError> {
    let mut ids = BTreeSet::new();
    let mut directory = DirectoryBuilder::default();
    for file in &archive.files {
        let mut frames = Frames::open(layout, file.number, file.extent)?;
        while let Some(frame) = frames.next()? {
            let Frame::Block { lines, .. } = frame else { continue };
            for line in lines_of(&lines) {
                // What cannot be read is told of by whoever removes it.
                let Ok(record) = parse_line(line) else { continue };
                match OtherRecord::parse(&record.message) {
                    Some(OtherRecord::Audit(event)) => ids.extend(id_called(&event, address)),
                    Some(OtherRecord::Directory) => {
                        directory.add(record.timestamp, &record.message);
                    }
                    None => {}
                }
            }
        }
    }
    let directory = directory.build();
    ids.extend(directory.ids_of_address(address).map(|it| folded(it).into_owned()));
    Ok(ids)
}

/// The ID of whoever was let in under that name.
fn id_called(event: &AuditEvent<'_>, address: &str) -> Option<String> {
    let is_telling =
        matches!(event.kind, AuditType::Authentication | AuditType::PersonalAccessToken);
    if !is_telling || event.is_failed() {
        return None;
    }
    let mut is_called = false;
    each_mention(event.get(AuditField::User)?, &mut |it| is_called |= it == address);
    is_called.then(|| event.get(AuditField::UserId).map(|it| folded(it).into_owned()))?
}
