//! Signatures in the format of [minisign](https://jedisct1.github.io/minisign/), over the head of a
//! store ([`HeadStatement`]) and over the sums of an export.
//!
//! A hash proves that nothing was changed only to the person who noted it down; a signature proves
//! it to everybody who has the public key.

mod error;
mod key;
mod pair;
mod statement;

pub use error::SigningError;
pub use key::{PublicKey, SecretKey, Signed, is_open_to_others};
pub use pair::SignedPair;
pub use statement::HeadStatement;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::limits;
use crate::source::{SourceError, open_text};

/// The suffix that makes a file's name that of its signature.
pub const SIGNATURE_SUFFIX: &str = ".minisig";

/// Returns the path of a file's signature.
pub fn signature_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(SIGNATURE_SUFFIX);
    PathBuf::from(name)
}

/// Reads a key, a signature or a signed text: all of them are short.
///
/// # Errors
///
/// [`SigningError::Io`], [`SigningError::Foreign`], and [`SigningError::TooLong`] beyond
/// [`limits::SIGNED_TEXT_BYTES_MAX`].
pub fn read_short(path: &Path) -> Result<String, SigningError> {
    let io = |source| SigningError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = open_text(path).map_err(|error| match error {
        SourceError::Open { source, .. } | SourceError::Read { source, .. } => io(source),
        other => SigningError::Foreign { source: other },
    })?;
    // One byte more shows a longer file, whose size a device or pipe would not tell.
    file.take(limits::SIGNED_TEXT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limits::SIGNED_TEXT_BYTES_MAX {
        return Err(SigningError::TooLong { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|_| SigningError::NoText { path: path.to_owned() })
}
