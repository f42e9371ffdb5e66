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
    #[error("{} exists already: name another --out", .path.display())]
    Exists { path: PathBuf },
    #[error("cannot write {}", .path.display())]
    NotWritten { path: PathBuf, source: io::Error },
    #[error(
        "{}: has more than {} bytes, which no key, signature or statement has",
        .path.display(), limits::SIGNED_TEXT_BYTES_MAX
    )]
    TooLong { path: PathBuf },
    #[error(transparent)]
    Foreign { source: SourceError },
    #[error("{}: is no text", .path.display())]
    NoText { path: PathBuf },
    #[error("{}: is no secret key of minisign ({reason})", .path.display())]
    BadSecretKey { path: PathBuf, reason: String },
    #[error("{}: the password does not open this secret key", .path.display())]
    WrongPassword { path: PathBuf },
    #[error("{}: there is no password for this secret key", .path.display())]
    NoPassword { path: PathBuf, source: io::Error },
    #[error(
        "there is no file \"{given}\", and a public key of minisign it is not either: name its file, or give the line of it that begins with RW"
    )]
    NoPublicKey { given: String },
    #[error("{given}: is no public key of minisign")]
    BadPublicKey { given: String },
    #[error("is no signature of minisign ({reason})")]
    BadSignature { reason: String },
    #[error("it was signed with the key {signature}, and the public key is {given}")]
    OtherKey { signature: String, given: String },
    #[error("the signature does not fit: what was signed is not what is here")]
    DoesNotFit,
    #[error("it is no statement of `mailtrace sign`, which names one head")]
    NoHead,
    #[error("cannot sign ({reason})")]
    NotSigned { reason: String },
}
