//! Opens inputs and packs framed units into batches.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use super::batch::{Batch, Buffers};
use super::bundle;
use super::error::SourceError;
use super::expansion::{DecodingBudget, Expansion, InputExpansion};
use super::framer::Framer;
use super::layers::{self, Compression, RawInput};
use super::walk::{self, Input};

/// Reads one input: removes its compression and cuts it into units.
///
/// It runs on one thread and does as little as possible; a [`Decoder`](super::Decoder) does the
/// rest. Memory is bounded by a small multiple of
/// [`RECORD_BYTES_MAX`](crate::limits::RECORD_BYTES_MAX).
pub struct SourceReader {
    framer: Framer,
    is_done: bool,
    name: String,
    /// True if it comes from a service rather than from this machine.
    is_remote: bool,
    log_stream: Option<Arc<str>>,
    /// True if it belongs to a bundle that `export` made.
    is_excerpt: bool,
    buffers: Buffers,
    layers: Vec<Compression>,
    expansion: Expansion,
    raw: RawInput,
    /// An error that came when the batch already had units.
    late_error: Option<SourceError>,
}

impl SourceReader {
    /// Opens an input and examines its beginning.
    pub fn open(input: &Input) -> Result<Self, SourceError> {
        match input {
            Input::Stdin => Self::from_reader(Box::new(io::stdin()), "stdin".to_owned()),
            Input::File(path) => Self::open_file(path),
            Input::Problem(error) => Err(error.again()),
        }
    }

    fn open_file(path: &Path) -> Result<Self, SourceError> {
        let not_opened = |source| SourceError::Open { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(not_opened)?;
        let records = bundle::records_in_zip(&mut file).map_err(not_opened)?;
        let is_excerpt = records.is_some() || bundle::is_of_bundle(path);
        let read = records.unwrap_or_else(|| Box::new(file));
        let mut reader = Self::from_reader(read, path.display().to_string())?;
        // The path may be relative, from a directory within the export.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        reader.log_stream = walk::export_stream(&absolute).map(Arc::from);
        reader.is_excerpt = is_excerpt;
        Ok(reader)
    }

    /// Reads from a stream. Errors call it `name`.
    pub fn from_reader(read: Box<dyn Read + Send>, name: String) -> Result<Self, SourceError> {
        Self::new(read, name, Expansion::Input(InputExpansion::default()))
    }

    /// Reads a payload within another input, whose budget it shares.
    pub(super) fn of_payload(
        payload: Vec<u8>,
        budget: &Arc<DecodingBudget>,
    ) -> Result<Self, SourceError> {
        let expansion = Expansion::Payload(Arc::clone(budget));
        Self::new(Box::new(Cursor::new(payload)), String::new(), expansion)
    }

    fn new(
        read: Box<dyn Read + Send>,
        name: String,
        expansion: Expansion,
    ) -> Result<Self, SourceError> {
        let peeled = layers::peel(read, &expansion).map_err(|source| SourceError::Read {
            name: name.clone(),
            byte_offset: 0,
            source,
        })?;
        Ok(Self {
            framer: Framer::new(peeled.stream, peeled.is_too_deep),
            is_done: false,
            name,
            is_remote: false,
            log_stream: None,
            is_excerpt: false,
            buffers: Buffers::default(),
            layers: peeled.layers,
            expansion,
            raw: peeled.raw,
            late_error: None,
        })
    }

    /// Reads from a service. Errors call the input `name`; `key` is its path in the bucket, which
    /// names the log stream if an export wrote it.
    pub fn from_remote(
        read: Box<dyn Read + Send>,
        name: String,
        key: &str,
    ) -> Result<Self, SourceError> {
        let reader = Self::from_reader(read, name)?;
        let log_stream = walk::export_stream(Path::new(key)).map(Arc::from);
        Ok(Self { is_remote: true, log_stream, ..reader })
    }

    /// Returns the input's name in errors: its path, its address, or `stdin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if the input belongs to a bundle that `export` made, and so is a selection.
    pub fn is_excerpt(&self) -> bool {
        self.is_excerpt
    }

    /// Returns the bytes of the raw input consumed so far, before decompression.
    pub fn bytes_read(&self) -> u64 {
        match &self.expansion {
            Expansion::Input(input) => input.raw_bytes(),
            Expansion::Payload(_) => 0,
        }
    }

    /// Returns the SHA-256 of the raw input, before decompression, in hexadecimal; `None` if it
    /// cannot be read to its end. Call this once, at the end: it reads the rest of the input.
    pub fn sha256(&self) -> Option<String> {
        self.raw.sha256()
    }

    /// Returns the layers that were removed, outermost first.
    pub fn compression(&self) -> &[Compression] {
        &self.layers
    }

    /// Returns the next units, in order; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`SourceError::Read`] if the machine fails and [`SourceError::Fetch`] if the service does,
    /// after all units before the failure were returned. Broken content is a rejected unit.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        if let Some(error) = self.late_error.take() {
            self.is_done = true;
            return Err(error);
        }
        let mut batch = Batch::new(self.log_stream.clone(), &self.buffers);
        while !batch.is_full() && !self.is_done {
            match self.framer.step(&mut batch) {
                Ok(is_more) => self.is_done = !is_more,
                Err(source) => {
                    let error = self.read_error(source);
                    if batch.is_empty() {
                        self.is_done = true;
                        return Err(error);
                    }
                    // The units before the failure go out first, so that what was read is kept.
                    self.late_error = Some(error);
                    break;
                }
            }
        }
        if let Expansion::Input(input) = &self.expansion {
            // Layers and payloads share one budget: payloads get what the layers have left of it by
            // now.
            batch.set_origin(input.raw_bytes(), input.left_bytes());
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    fn read_error(&self, source: io::Error) -> SourceError {
        let (name, byte_offset) = (self.name.clone(), self.bytes_read());
        if self.is_remote {
            SourceError::Fetch { name, byte_offset, source }
        } else {
            SourceError::Read { name, byte_offset, source }
        }
    }
}
