//! Reading records that are not email events from the archive.

use super::document::{OtherDocument, other_document};
use crate::audit::OtherRecord;
use crate::event::Parser;
use crate::source::Record;
use crate::store::archive::ArchivePosition;
use crate::store::archive::{Frame, Frames, Location, lines_of, parse_line};
use crate::store::error::StoreError;
use crate::store::identity::Identity;
use crate::store::layout::Layout;

/// Calls `visit` with the documents of all such records from a place in the archive on: a file, and
/// a byte in it.
///
/// # Errors
///
/// [`StoreError::ArchiveDamaged`] and [`StoreError::Io`], and the errors of `visit`.
pub(super) fn for_each_other(
    layout: &Layout,
    position: &ArchivePosition,
    from: (u32, u64),
    mut visit: impl FnMut(OtherDocument) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut parser = Parser::new();
    for number in position.files().into_iter().filter(|it| *it >= from.0) {
        let mut frames = Frames::open(layout, number, position.extent(number))?;
        while let Some(frame) = frames.next()? {
            let Frame::Block { offset, lines } = frame else { continue };
            // Commits end between blocks, so no block is partly indexed.
            if (number, u64::from(offset)) < from {
                continue;
            }
            for document in other_documents_of(&mut parser, number, offset, &lines) {
                visit(document)?;
            }
        }
    }
    Ok(())
}

/// The documents of such records in a block; unreadable lines are left out.
pub(in crate::store) fn other_documents_of(
    parser: &mut Parser,
    file: u32,
    offset: u32,
    lines: &[u8],
) -> Vec<OtherDocument> {
    let mut documents = Vec::new();
    for (line, bytes) in (0_u16..).zip(lines_of(lines)) {
        let Ok(record) = parse_line(bytes) else { continue };
        if let Some(document) = other_of(parser, &record) {
            documents.push(document.at(Location { file, offset, line }));
        }
    }
    documents
}

/// The document of a record that is not an email event.
fn other_of(parser: &mut Parser, record: &Record<'_>) -> Option<OtherDocument> {
    // In the order of intake: what can be an email event is one.
    if parser.parse(&record.message).is_ok() {
        return None;
    }
    let other = OtherRecord::parse(&record.message)?;
    Some(other_document(record, &other, Identity::of_message(&record.message)))
}
