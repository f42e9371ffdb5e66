//! The statement about a store that is signed: a short text that people can read.

use std::fmt;
use std::path::Path;

use super::{PublicKey, Signed, SigningError, read_short, signature_path};
use crate::time::Timestamp;

/// States what a store held at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadStatement {
    /// The head of the store's last commit, in lower-case hexadecimal.
    pub head: String,
    pub records: u64,
    pub commits: u64,
    /// When the statement was made.
    pub at: Timestamp,
}

const TITLE: &str = "mailtrace: what a store holds";
const HEAD: &str = "head: ";

impl fmt::Display for HeadStatement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{TITLE}")?;
        writeln!(formatter, "{HEAD}{}", self.head)?;
        writeln!(formatter, "records: {}", self.records)?;
        writeln!(formatter, "commits: {}", self.commits)?;
        writeln!(formatter, "stated: {} by mailtrace {}", self.at, env!("CARGO_PKG_VERSION"))
    }
}

impl HeadStatement {
    /// Reads the head from a statement, and checks the signature in the file beside it.
    pub fn checked_head(path: &Path, key: &PublicKey) -> Result<(String, Signed), SigningError> {
        let text = read_short(path)?;
        let signed = key.check(text.as_bytes(), &read_short(&signature_path(path))?)?;
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(SigningError::NoHead);
        }
        let is_head = |it: &&str| it.len() == 64 && it.bytes().all(|it| it.is_ascii_hexdigit());
        let mut heads = lines.filter_map(|it| it.strip_prefix(HEAD));
        // Exactly one: with two heads, readers could take either for the signed one.
        match (heads.next().filter(is_head), heads.next()) {
            (Some(head), None) => Ok((head.to_owned(), signed)),
            _ => Err(SigningError::NoHead),
        }
    }
}
