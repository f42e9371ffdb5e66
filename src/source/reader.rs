//! Opens inputs and packs what is framed into batches.

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

/// Reads one input: takes its compression off and cuts it into units.
///
/// It runs on one thread and does as little as it can; a [`Decoder`](super::Decoder) does the rest.
/// Memory is bounded by a small multiple of
/// [`RECORD_BYTES_MAX`](crate::limits::RECORD_BYTES_MAX).
pub struct SourceReader {
    framer: Framer,
    is_done: bool,
    name: String,
    /// Whether it comes from a service rather than from this machine.
    is_remote: bool,
    log_stream: Option<Arc<str>>,
    /// Whether it is of a bundle that `export` made.
    is_excerpt: bool,
    buffers: Buffers,
    layers: Vec<Compression>,
    expansion: Expansion,
    raw: RawInput,
    /// An error that came when a batch had units already.
    late_error: Option<SourceError>,
}

impl SourceReader {
    /// Opens an input and looks at its beginning.
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
        // The path may be relative to within the export.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        reader.log_stream = walk::export_stream(&absolute).map(Arc::from);
        reader.is_excerpt = is_excerpt;
        Ok(reader)
    }

    /// Reads from a stream. `name` is what errors call it.
    pub fn from_reader(read: Box<dyn Read + Send>, name: String) -> Result<Self, SourceError> {
        Self::new(read, name, Expansion::Input(InputExpansion::default()))
    }

    /// Reads a payload that lies in another input and shares its budget.
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

    /// Reads from a service. `name` is what errors call the input, and `key` its place among
    /// others, which tells the log stream when it is that of an export.
    pub fn from_remote(
        read: Box<dyn Read + Send>,
        name: String,
        key: &str,
    ) -> Result<Self, SourceError> {
        let reader = Self::from_reader(read, name)?;
        let log_stream = walk::export_stream(Path::new(key)).map(Arc::from);
        Ok(Self { is_remote: true, log_stream, ..reader })
    }

    /// What errors call the input: its path, its address, or `stdin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the input is of a bundle that `export` made: messages that somebody has chosen.
    pub fn is_excerpt(&self) -> bool {
        self.is_excerpt
    }

    /// Bytes of the raw input consumed so far, before decompression.
    pub fn bytes_read(&self) -> u64 {
        match &self.expansion {
            Expansion::Input(input) => input.raw_bytes(),
            Expansion::Payload(_) => 0,
        }
    }

    /// SHA-256 of the raw input, before decompression, in hexadecimal; `None` when it cannot be
    /// read to its end. To be asked once, at the end: what the decoders have left is read first.
    pub fn sha256(&self) -> Option<String> {
        self.raw.sha256()
    }

    /// The layers that were taken off, outermost first.
    pub fn compression(&self) -> &[Compression] {
        &self.layers
    }

    /// The next units, in order; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`SourceError::Read`] when the machine fails and [`SourceError::Fetch`] when the service
    /// does, after the units before it were handed out.
    /// Broken content is a rejected unit.
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
                    self.late_error = Some(error);
                    break;
                }
            }
        }
        if let Expansion::Input(input) = &self.expansion {
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
