//! What can go wrong with a signature.

use std::io;
use std::path::PathBuf;

use crate::limits;
use crate::source::SourceError;

/// Why something could not be signed, or a signature does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The file system refused.
    #[error("cannot read {}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A statement or its signature is where the new one is to go.
    #[error("{} exists already: name another --out", .path.display())]
    Exists {
        /// Which of them.
        path: PathBuf,
    },
    /// A statement or its signature cannot be written.
    #[error("cannot write {}", .path.display())]
    NotWritten {
        /// Which of them, or the directory that they are to be in.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file that is longer than any key or signature.
    #[error(
        "{}: has more than {} bytes, which no key, signature or statement has",
        .path.display(), limits::SIGNED_TEXT_BYTES_MAX
    )]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// A file of another kind.
    #[error(transparent)]
    Foreign {
        /// What it is.
        source: SourceError,
    },
    /// A file that is no text.
    #[error("{}: is no text", .path.display())]
    NoText {
        /// Which file.
        path: PathBuf,
    },
    /// A secret key that cannot be read.
    #[error("{}: is no secret key of minisign ({reason})", .path.display())]
    BadSecretKey {
        /// The file that it was read from.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A secret key that its password does not open.
    #[error("{}: the password does not open this secret key", .path.display())]
    WrongPassword {
        /// The file that it was read from.
        path: PathBuf,
    },
    /// A secret key has a password, and there was none to be had.
    #[error("{}: there is no password for this secret key", .path.display())]
    NoPassword {
        /// The file that it was read from.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Neither a file nor a public key.
    #[error(
        "there is no file \"{given}\", and a public key of minisign it is not either: name its file, or give the line of it that begins with RW"
    )]
    NoPublicKey {
        /// What was given.
        given: String,
    },
    /// A file of a public key that cannot be read as one.
    #[error("{given}: is no public key of minisign")]
    BadPublicKey {
        /// The file.
        given: String,
    },
    /// A text that is no signature.
    #[error("is no signature of minisign ({reason})")]
    BadSignature {
        /// What is wrong.
        reason: String,
    },
    /// The signature was made with another key.
    #[error("it was signed with the key {signature}, and the public key is {given}")]
    OtherKey {
        /// The ID of the key of the signature.
        signature: String,
        /// The ID of the public key.
        given: String,
    },
    /// What was signed is not what is here, or the signature was changed.
    #[error("the signature does not fit: what was signed is not what is here")]
    DoesNotFit,
    /// A statement that does not have one head.
    #[error("it is no statement of `mailtrace sign`, which names one head")]
    NoHead,
    /// A signature could not be made.
    #[error("cannot sign ({reason})")]
    NotSigned {
        /// What is wrong.
        reason: String,
    },
}
