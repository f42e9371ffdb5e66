//! Evidence to download: the bundle of what a page shows, as one zip.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio_util::io::ReaderStream;

use super::respond::Body;
use super::{Question, QuestionError, Questions};
use crate::export::{BundleOptions, ExportError, Staging, write_bundle};
use crate::store::Store;
use crate::temporary::TemporaryDirectory;

/// The prefix of the directory in which a bundle is made.
const PREFIX: &str = ".mailtrace-serve.";

/// A bundle that no longer has a name on disk.
pub(super) struct FinishedBundle {
    file: File,
    bytes: u64,
    /// The head of the archive that it was taken from; none for a cluster.
    pub(super) head: Option<String>,
}

/// Makes the bundle that a question asks for.
pub(super) fn make(
    questions: &dyn Questions,
    question: &Question<'_>,
    store: &Store,
) -> Result<FinishedBundle, QuestionError> {
    let asked = questions.export(question, store)?;
    let failed = |it: ExportError| QuestionError::Failed(it.to_string());
    let io = |it: io::Error| QuestionError::Failed(format!("cannot make a temporary file: {it}"));
    let dir = TemporaryDirectory::make(&std::env::temp_dir(), PREFIX).map_err(io)?;
    let target = dir.path().join("evidence.zip");
    let staging = Staging::beside(&target).map_err(failed)?;
    let (question, rules, zone) = (asked.question, asked.rules, asked.zone);
    let options = BundleOptions { question, rules, zone, redactor: None, signing: None };
    let report = write_bundle(store, &asked.selection, &options, staging).map_err(failed)?;
    // An empty bundle is evidence of nothing.
    if report.manifest.counts.messages == 0 {
        return Err(QuestionError::refused(
            "no message matches the question: there is nothing to export",
        ));
    }
    let file = File::open(&report.path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let head = if store.is_mirror() { None } else { store.head()? };
    // Unlinked while open, the file lasts exactly as long as the download, however that ends.
    drop(dir);
    Ok(FinishedBundle { file, bytes, head })
}

impl FinishedBundle {
    pub(super) fn into_body(self) -> Body {
        let reader = ReaderStream::new(tokio::fs::File::from_std(self.file));
        FileBody { reader, left: self.bytes }.boxed_unsync()
    }
}

/// A file's content as a response body.
struct FileBody {
    reader: ReaderStream<tokio::fs::File>,
    left: u64,
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let read = ready!(Pin::new(&mut self.reader).poll_next(context));
        if let Some(Ok(bytes)) = &read {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(read.map(|it| it.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        // hyper turns an exact size into Content-Length, which shows a client that a download broke
        // off.
        SizeHint::with_exact(self.left)
    }
}
