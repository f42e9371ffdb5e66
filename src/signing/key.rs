//! Keys and signatures in minisign's formats.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest as _};
use minisign::SecretKeyBox;
use minisign_verify::Signature;

use super::{SigningError, read_short};
use crate::time::Timestamp;

pub struct SecretKey(minisign::SecretKey);

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretKey")
    }
}

impl SecretKey {
    /// Reads a key that `minisign -G` made, with or without `-W`. Calls `password` if the key has
    /// one; deriving the key then takes about a second and 1 GiB of memory, as minisign intends.
    pub fn open(
        path: &Path,
        password: impl FnOnce() -> io::Result<String>,
    ) -> Result<Self, SigningError> {
        let text = read_short(path)?;
        let bad = |reason: String| SigningError::BadSecretKey { path: path.to_owned(), reason };
        let parts = KeyParts::read(&text).ok_or_else(|| bad("its second line".to_owned()))?;
        if !parts.has_password() {
            let key = SecretKeyBox::from(parts.with_checksum()).into_unencrypted_secret_key();
            return key.map(Self).map_err(|error| bad(error.to_string()));
        }
        let password = password()
            .map_err(|source| SigningError::NoPassword { path: path.to_owned(), source })?;
        SecretKeyBox::from(text).into_secret_key(Some(password)).map(Self).map_err(|error| {
            match error.kind() {
                minisign::ErrorKind::Verify => {
                    SigningError::WrongPassword { path: path.to_owned() }
                }
                _ => bad(error.to_string()),
            }
        })
    }

    /// Signs a text, together with the time and the file's name.
    pub fn sign(
        &self,
        text: &[u8],
        at: Timestamp,
        file_name: &str,
    ) -> Result<String, SigningError> {
        let seconds = at.as_ms().div_euclid(1_000);
        // A comment is one line, divided by tabs.
        let name = file_name.replace(char::is_control, "_");
        // Like minisign's own comments, so that its users recognise it.
        let comment = format!("timestamp:{seconds}\tfile:{name}\thashed");
        minisign::sign(None, &self.0, text, Some(&comment), Some(UNTRUSTED_COMMENT))
            .map(|it| format!("{}\n", it.to_string().trim_end()))
            .map_err(|error| SigningError::NotSigned { reason: error.to_string() })
    }
}

/// The comment of a signature that is not itself signed.
const UNTRUSTED_COMMENT: &str = "signature made by mailtrace";

/// The bytes of a secret key
/// (<https://jedisct1.github.io/minisign/#secret-key-format>).
struct KeyParts([u8; KEY_BYTES]);

const KEY_BYTES: usize = CHECKSUM_AT + CHECKSUM_BYTES;
const KDF_AT: usize = 2;
const KEY_AT: usize = 54;
const CHECKSUM_AT: usize = KEY_AT + 8 + 64;
const CHECKSUM_BYTES: usize = 32;

impl KeyParts {
    fn read(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.lines().nth(1)?.trim()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    fn has_password(&self) -> bool {
        self.0.get(KDF_AT..KDF_AT + 2) != Some(&[0, 0])
    }

    /// Returns the key as text, with its checksum. The checksum shows whether a password was right,
    /// so minisign writes none without a password, but the library requires one.
    fn with_checksum(&self) -> String {
        let mut bytes = self.0;
        let (key, checksum) = bytes.split_at_mut(CHECKSUM_AT);
        if checksum.iter().all(|it| *it == 0) {
            let mut hasher = Blake2b::<U32>::new();
            hasher.update(key.split_at(KDF_AT).0);
            hasher.update(key.split_at(KEY_AT).1);
            checksum.copy_from_slice(&hasher.finalize());
        }
        format!("untrusted comment:\n{}\n", STANDARD.encode(bytes))
    }
}

/// A key that checks signatures.
#[derive(Clone, Debug)]
pub struct PublicKey {
    key: minisign_verify::PublicKey,
    id: String,
}

/// True if others than the owner may read or change the file of a secret key.
pub fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.mode() & 0o077 != 0)
}

/// The content of a valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The ID of the key, as minisign prints it.
    pub key_id: String,
    /// The signed comment: the time and the file. Not sanitised.
    pub comment: String,
}

impl Signed {
    /// Returns when it was signed, if the comment has the time.
    pub fn at(&self) -> Option<Timestamp> {
        let seconds = self.comment.split('\t').find_map(|it| it.strip_prefix("timestamp:"))?;
        Timestamp::from_ms(seconds.parse::<i64>().ok()?.checked_mul(1_000)?)
    }
}

impl PublicKey {
    /// Reads a key from its base64, or from a file at this path.
    pub fn named(given: &str) -> Result<Self, SigningError> {
        let bad = || SigningError::BadPublicKey { given: given.to_owned() };
        if let Some(key) = Self::from_base64(given.trim()) {
            return Ok(key);
        }
        let text = match read_short(Path::new(given)) {
            Err(SigningError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(SigningError::NoPublicKey { given: given.to_owned() });
            }
            it => it?,
        };
        let mut lines = text.lines().filter(|it| !it.starts_with("untrusted comment:"));
        lines.next().and_then(|it| Self::from_base64(it.trim())).ok_or_else(bad)
    }

    fn from_base64(text: &str) -> Option<Self> {
        let key = minisign_verify::PublicKey::from_base64(text).ok()?;
        Some(Self { key, id: key_id(text)? })
    }

    pub fn check(&self, text: &[u8], signature: &str) -> Result<Signed, SigningError> {
        let decoded = decode(signature)?;
        // Compared first, so that a signature by another key is not reported as a changed text.
        let key_id = signature_key_id(signature)?;
        if key_id != self.id {
            return Err(SigningError::OtherKey { signature: key_id, given: self.id.clone() });
        }
        // Accepts the form of old minisign versions too, which do not hash the text: it is short.
        self.key.verify(text, &decoded, true).map_err(|_| SigningError::DoesNotFit)?;
        Ok(Signed { key_id, comment: decoded.trusted_comment().to_owned() })
    }
}

/// Returns the ID of the key that a signature names, as minisign prints it.
pub(super) fn signature_key_id(signature: &str) -> Result<String, SigningError> {
    decode(signature)?;
    let line = signature.lines().nth(1).and_then(key_id);
    line.ok_or_else(|| SigningError::BadSignature { reason: "it names no key".to_owned() })
}

/// Two comments and two signatures. Anything more would be unsigned.
const SIGNATURE_LINES: usize = 4;

fn decode(signature: &str) -> Result<Signature, SigningError> {
    if signature.lines().count() != SIGNATURE_LINES {
        let reason = format!("it does not have {SIGNATURE_LINES} lines");
        return Err(SigningError::BadSignature { reason });
    }
    Signature::decode(signature)
        .map_err(|error| SigningError::BadSignature { reason: error.to_string() })
}

/// Returns the key's ID in a public key or a signature: the eight bytes after the two of the
/// algorithm.
fn key_id(line: &str) -> Option<String> {
    let bytes = STANDARD.decode(line.trim()).ok()?;
    let id = bytes.get(2..10)?.try_into().ok()?;
    Some(format!("{:X}", u64::from_le_bytes(id)))
}

impl Signed {
    /// Reads the content of a signature without checking it.
    pub fn unchecked(signature: &str) -> Result<Self, SigningError> {
        let comment = decode(signature)?.trusted_comment().to_owned();
        Ok(Self { key_id: signature_key_id(signature)?, comment })
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn no_password() -> io::Result<String> {
        panic!("this key has no password")
    }

    struct Keys {
        dir: tempfile::TempDir,
        secret: SecretKey,
        public: PublicKey,
    }

    fn keys() -> Keys {
        let dir = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let (public, secret) = (dir.path().join("key.pub"), dir.path().join("key"));
        std::fs::write(&public, pair.pk.to_box().unwrap().into_string()).unwrap();
        std::fs::write(&secret, pair.sk.to_box(None).unwrap().into_string()).unwrap();
        let secret = SecretKey::open(&secret, no_password).unwrap();
        let public = PublicKey::named(public.to_str().unwrap()).unwrap();
        Keys { dir, secret, public }
    }

    #[test]
    fn a_signature_holds_for_what_was_signed_and_nothing_else() {
        let Keys { secret, public, .. } = keys();
        let signature = secret.sign(b"text", AT, "a.txt").unwrap();
        let signed = public.check(b"text", &signature).unwrap();
        assert!(signed.comment.ends_with("\tfile:a.txt\thashed"), "{}", signed.comment);
        assert_eq!(signed, Signed::unchecked(&signature).unwrap());
        assert_eq!(signed.at(), Some(AT));
        let fails = |text: &[u8], signature: &str| public.check(text, signature).unwrap_err();
        assert!(matches!(fails(b"Text", &signature), SigningError::DoesNotFit));
        let other = signature.replace("file:a.txt", "file:b.txt");
        assert!(matches!(fails(b"text", &other), SigningError::DoesNotFit));
        assert!(matches!(
            keys().public.check(b"text", &signature).unwrap_err(),
            SigningError::OtherKey { .. }
        ));
    }

    #[test]
    fn the_name_of_a_file_cannot_add_to_what_is_signed() {
        let Keys { secret, public, .. } = keys();
        let signature = secret.sign(b"text", AT, "a\nb\tc.txt").unwrap();
        let signed = public.check(b"text", &signature).unwrap();
        assert!(signed.comment.ends_with("\tfile:a_b_c.txt\thashed"), "{}", signed.comment);
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let Keys { secret, public, .. } = keys();
        let signature = secret.sign(b"text", AT, "a.txt").unwrap();
        for end in 0..signature.trim_end().len() {
            assert!(public.check(b"text", signature.get(..end).unwrap()).is_err(), "cut at {end}");
        }
        assert!(public.check(b"text", &format!("{signature}\nand more")).is_err());
        for line in 0..4 {
            for with in ["", "AA==", "trusted comment: ", "\u{202e}\u{0}é"] {
                let mut lines: Vec<&str> = signature.lines().collect();
                lines[line] = with;
                // The first line is a comment that nobody signed.
                let is_fine = public.check(b"text", &lines.join("\n")).is_ok();
                assert_eq!(is_fine, line == 0, "{with:?} as line {line}");
            }
        }
    }

    #[test]
    fn a_key_with_a_password_needs_it() {
        let Keys { dir, .. } = keys();
        let pair = KeyPair::generate_encrypted_keypair(Some("secret".to_owned())).unwrap();
        let path = dir.path().join("locked");
        std::fs::write(&path, pair.sk.to_box(None).unwrap().into_string()).unwrap();
        let open = |password: &str| SecretKey::open(&path, || Ok(password.to_owned()));
        let signature = open("secret").unwrap().sign(b"text", AT, "a").unwrap();
        let public = PublicKey::named(&STANDARD.encode(pair.pk.to_bytes())).unwrap();
        public.check(b"text", &signature).unwrap();
        assert!(matches!(open("Secret").unwrap_err(), SigningError::WrongPassword { .. }));
        let none = SecretKey::open(&path, || Err(io::Error::other("no terminal")));
        assert!(matches!(none.unwrap_err(), SigningError::NoPassword { .. }));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for text in ["", "one line", "a\nb\n", "a\nRWQ=\n", "untrusted comment: x\n\n"] {
            std::fs::write(&path, text).unwrap();
            let error = SecretKey::open(&path, || Ok(String::new())).unwrap_err();
            assert!(matches!(error, SigningError::BadSecretKey { .. }), "{text:?}: {error:?}");
            let error = PublicKey::named(path.to_str().unwrap()).unwrap_err();
            assert!(matches!(error, SigningError::BadPublicKey { .. }), "{text:?}: {error:?}");
        }
        assert!(matches!(
            PublicKey::named("nowhere").unwrap_err(),
            SigningError::NoPublicKey { .. }
        ));
        std::fs::write(&path, "x".repeat(1 << 20)).unwrap();
        let error = PublicKey::named(path.to_str().unwrap()).unwrap_err();
        assert!(matches!(error, SigningError::TooLong { .. }));
    }
}
