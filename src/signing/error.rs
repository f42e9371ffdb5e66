//! Failures of signing and checking.

use std::io;
use std::path::PathBuf;

use crate::limits;
use crate::source::SourceError;

/// A reason why something could not be signed, or a signature is not valid.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error("cannot read {}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} already exists: give another --out", .path.display())]
    Exists { path: PathBuf },
    #[error("cannot write {}", .path.display())]
    NotWritten { path: PathBuf, source: io::Error },
    #[error(
        "{}: has more than {} bytes, too many for a key, signature or statement",
        .path.display(), limits::SIGNED_TEXT_BYTES_MAX
    )]
    TooLong { path: PathBuf },
    #[error(transparent)]
    Foreign { source: SourceError },
    #[error("{}: is not text", .path.display())]
    NoText { path: PathBuf },
    #[error("{}: is not a minisign secret key ({reason})", .path.display())]
    BadSecretKey { path: PathBuf, reason: String },
    #[error("{}: the password does not open this secret key", .path.display())]
    WrongPassword { path: PathBuf },
    #[error("{}: there is no password for this secret key", .path.display())]
    NoPassword { path: PathBuf, source: io::Error },
    #[error(
        "there is no file \"{given}\", and it is not a minisign public key either: name the key's file, or give the line in it that begins with RW"
    )]
    NoPublicKey { given: String },
    #[error("{given}: is not a minisign public key")]
    BadPublicKey { given: String },
    #[error("is not a minisign signature ({reason})")]
    BadSignature { reason: String },
    #[error("it was signed with the key {signature}, and the public key is {given}")]
    OtherKey { signature: String, given: String },
    #[error("the signature does not match: this is not what was signed")]
    DoesNotFit,
    #[error("it is not a statement of `mailtrace sign`, which names one head")]
    NoHead,
    #[error("cannot sign ({reason})")]
    NotSigned { reason: String },
}
