//! Pseudonyms: equal for equal texts under one key, and meaningless without it.

use std::net::{IpAddr, Ipv6Addr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The kind of a text. Equal texts of different kinds have unrelated pseudonyms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PseudonymKind {
    Address,
    Domain,
    Name,
    Subject,
    MessageId,
    Question,
    KeyCheck,
    Identity,
    Person,
    Network,
}

impl PseudonymKind {
    fn label(self) -> &'static [u8] {
        // The zero byte ends each label, so that label and text cannot be split in two ways.
        match self {
            Self::Address => b"address\0",
            Self::Domain => b"domain\0",
            Self::Name => b"name\0",
            Self::Subject => b"subject\0",
            Self::MessageId => b"message-id\0",
            Self::Question => b"question\0",
            Self::KeyCheck => b"key-check\0",
            Self::Identity => b"identity\0",
            Self::Person => b"person\0",
            Self::Network => b"network\0",
        }
    }
}

#[derive(Clone)]
pub(super) struct Pseudonyms {
    mac: Hmac<Sha256>,
    keeps_domains: bool,
}

/// Hexadecimal digits of a pseudonym. With these 64 bits, the chance that two of a million texts
/// share one is 1 in 30 million.
const DIGITS: usize = 16;

impl Pseudonyms {
    pub(super) fn new(key: &[u8], keeps_domains: bool) -> Option<Self> {
        Some(Self { mac: Hmac::new_from_slice(key).ok()?, keeps_domains })
    }

    /// Returns the complete code of a text.
    pub(super) fn code(&self, kind: PseudonymKind, text: &str) -> String {
        hex::encode(self.mac_of(kind, text.as_bytes()))
    }

    /// Returns the first half of the code of some bytes.
    pub(super) fn half_code(&self, kind: PseudonymKind, bytes: &[u8]) -> [u8; 16] {
        let mut code = [0; 16];
        code.iter_mut().zip(self.mac_of(kind, bytes)).for_each(|(here, it)| *here = it);
        code
    }

    fn mac_of(&self, kind: PseudonymKind, bytes: &[u8]) -> [u8; 32] {
        let mac = self.mac.clone().chain_update(kind.label()).chain_update(bytes);
        mac.finalize().into_bytes().into()
    }

    fn digits(&self, kind: PseudonymKind, text: &str) -> String {
        let mut code = self.code(kind, text);
        code.truncate(DIGITS);
        code
    }

    /// Returns `x1f….@x2a….invalid`, or the same with the original domain.
    ///
    /// `address` must be in lower case. One without `@` becomes `x1f…` alone.
    pub(super) fn address(&self, address: &str) -> String {
        let local = format!("x{}", self.digits(PseudonymKind::Address, address));
        match address.rsplit_once('@') {
            // Only a plain host name is kept: anything else after the last `@` may spell more.
            Some((_, domain)) if self.keeps_domains && is_host(domain) => {
                format!("{local}@{domain}")
            }
            Some((_, domain)) => format!("{local}@{}", self.domain(domain)),
            None => local,
        }
    }

    /// Returns a domain that cannot exist (RFC 2606).
    pub(super) fn domain(&self, domain: &str) -> String {
        format!("x{}.invalid", self.digits(PseudonymKind::Domain, domain))
    }

    /// Returns the pseudonym of a name, or of part of one.
    pub(super) fn name(&self, name: &str) -> String {
        format!("x{}", self.digits(PseudonymKind::Name, &name.to_lowercase()))
    }

    /// Returns the pseudonym of a person's ID, which is the same in any case.
    pub(super) fn person(&self, id: &str) -> String {
        format!("id-{}", self.digits(PseudonymKind::Person, &id.to_lowercase()))
    }

    /// Returns the pseudonym of an IP address: one from the range for documentation (RFC 3849), so
    /// that programs still accept it as an address. Anything else is treated as a name.
    pub(super) fn network_address(&self, address: &str) -> String {
        let Ok(parsed) = address.trim().parse::<IpAddr>() else { return self.name(address) };
        let code =
            self.mac_of(PseudonymKind::Network, parsed.to_canonical().to_string().as_bytes());
        let bits = code.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        const DOCUMENTATION: u128 = 0x2001_0db8 << 96;
        Ipv6Addr::from_bits(DOCUMENTATION | u128::from(bits)).to_string()
    }

    /// Returns the pseudonym of a subject.
    pub(super) fn subject(&self, subject: &str) -> String {
        format!("subject-{}", self.digits(PseudonymKind::Subject, subject))
    }

    /// Returns the pseudonym of a message ID without brackets. Different IDs stay different, and
    /// equal ones equal.
    ///
    /// Either its domain is replaced or, if domains are kept, the part before it: so it never
    /// spells an address.
    pub(super) fn message_id(&self, id: &str) -> String {
        match id.rsplit_once('@') {
            Some((local, domain)) if self.keeps_domains && is_host(domain) => {
                format!("x{}@{domain}", self.digits(PseudonymKind::MessageId, local))
            }
            Some((local, domain)) if !self.keeps_domains && is_generated(local) => {
                format!("{local}@{}", self.domain(domain))
            }
            _ => self.whole_message_id(id),
        }
    }

    /// Returns the pseudonym of a message ID of which nothing may be left.
    pub(super) fn whole_message_id(&self, id: &str) -> String {
        format!("x{}", self.digits(PseudonymKind::MessageId, id))
    }
}

/// True if this could be the name of a host, and contains nothing else.
fn is_host(domain: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-' | '_');
    !domain.is_empty() && domain.chars().all(is_part)
}

/// True if the first part of a message ID looks generated by a program, without an address in it. A
/// part without a digit may be somebody's name.
fn is_generated(local: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "!#$&'*+-./^_`{|}~".contains(it);
    local.contains(|it: char| it.is_ascii_digit()) && local.chars().all(is_part)
}
