//! Finding out whose audit events they are.

use std::collections::BTreeSet;

use super::mention::each_mention;
use crate::audit::{AuditEvent, AuditField, AuditType, OtherRecord};
use crate::directory::DirectoryBuilder;
use crate::store::archive::{Frame, Frames, lines_of, parse_line};
use crate::store::error::StoreError;
use crate::store::layout::Layout;
use crate::store::verify::ArchiveCheck;
use crate::store::words::folded;

/// True if the message is an audit event in which somebody has an ID that `is_such` accepts. IDs
/// are passed to it in lower case.
pub(super) fn is_of_any(message: &str, is_such: &dyn Fn(&str) -> bool) -> bool {
    let Some(OtherRecord::Audit(event)) = OtherRecord::parse(message) else { return false };
    let mut ids = AuditField::PEOPLE.into_iter().filter_map(|it| event.get(it));
    ids.any(|it| is_such(&folded(it)))
}

/// Collects the IDs, in lower case, by which audit events know the people who have or had an
/// address: those that signed in or made a token under it, and those that the directory gives.
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
                // The removal itself fails on an unreadable line, and says where it is.
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

/// The ID of the person who got in under that address.
fn id_called(event: &AuditEvent<'_>, address: &str) -> Option<String> {
    let is_telling =
        matches!(event.kind, AuditType::Authentication | AuditType::PersonalAccessToken);
    // Only success ties the ID to the name: anybody can try to sign in under another's.
    if !is_telling || event.is_failed() {
        return None;
    }
    let mut is_called = false;
    each_mention(event.get(AuditField::User)?, &mut |it| is_called |= it == address);
    is_called.then(|| event.get(AuditField::UserId).map(|it| folded(it).into_owned()))?
}
