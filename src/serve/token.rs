//! The secret that every reader needs.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::limits;

/// A token. The time that a comparison takes reveals nothing about it.
pub struct AccessToken {
    text: String,
    sha256: [u8; 32],
}

/// The reason why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system provides no random bytes.
    #[error("the system provides no random bytes: {0}")]
    NoRandomness(String),
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file contains no token that is long enough, or one with other characters.
    #[error(
        "{}: a token is one line of at least {} letters, digits, - and _, such as `openssl rand -hex 32` makes",
        .path.display(), limits::SERVE_TOKEN_CHARS_MIN
    )]
    Unfit {
        /// The file.
        path: PathBuf,
    },
}

impl AccessToken {
    /// Generates a token of 32 random bytes.
    pub fn random() -> Result<Self, TokenError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|it| TokenError::NoRandomness(it.to_string()))?;
        Ok(Self::of(bytes.iter().map(|it| format!("{it:02x}")).collect()))
    }

    /// Reads a token from a file.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |source| TokenError::Unreadable { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(limits::SERVE_TOKEN_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
        let text = text.trim();
        // It is used in URLs and cookies, where other characters have a meaning.
        let is_fit = text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'));
        if !is_fit || text.len() < limits::SERVE_TOKEN_CHARS_MIN {
            return Err(TokenError::Unfit { path: path.to_owned() });
        }
        Ok(Self::of(text.to_owned()))
    }

    fn of(text: String) -> Self {
        let sha256 = Sha256::digest(text.as_bytes()).into();
        Self { text, sha256 }
    }

    /// Returns the token as it is used in a URL and in a cookie.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if `text` is the token. Hashes are compared, which all have one length, so that not
    /// even the token's length leaks.
    pub fn is(&self, text: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        self.sha256.ct_eq(&given).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_whole() {
        let token = AccessToken::random().unwrap();
        assert_eq!(token.as_str().len(), 64);
        assert!(token.is(token.as_str()));
        let longer = format!("{}0", token.as_str());
        for other in ["", &longer, AccessToken::random().unwrap().as_str()] {
            assert!(!token.is(other), "{other}");
        }
    }

    #[test]
    fn files_have_fit_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let token = "0123456789abcdef0123456789ABC-_f";
        std::fs::write(&path, format!("{token}\n")).unwrap();
        assert_eq!(AccessToken::read(&path).unwrap().as_str(), token);
        for unfit in ["", "short", &format!("{token};"), &format!("{token}\n{token}")] {
            std::fs::write(&path, unfit).unwrap();
            assert!(matches!(AccessToken::read(&path), Err(TokenError::Unfit { .. })), "{unfit}");
        }
        assert!(matches!(
            AccessToken::read(&dir.path().join("none")),
            Err(TokenError::Unreadable { .. })
        ));
    }
}
