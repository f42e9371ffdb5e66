//! Pseudonyms: the same for the same text under one key, and nothing without it.

use std::net::{IpAddr, Ipv6Addr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a text is, so that the pseudonym of one kind says nothing of another.
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

/// Hexadecimal digits of a pseudonym: 64 bits, so that among a million texts two share one with a
/// chance of 1 to 30 million.
const DIGITS: usize = 16;

impl Pseudonyms {
    pub(super) fn new(key: &[u8], keeps_domains: bool) -> Option<Self> {
        Some(Self { mac: Hmac::new_from_slice(key).ok()?, keeps_domains })
    }

    /// The whole of the code of a text.
    pub(super) fn code(&self, kind: PseudonymKind, text: &str) -> String {
        hex::encode(self.mac_of(kind, text.as_bytes()))
    }

    /// The first half of the code of some bytes.
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

    /// `x1f….@x2a….invalid`, or with the domain as it is.
    ///
    /// `address` is in lower case. What has no `@` becomes `x1f…` alone.
    pub(super) fn address(&self, address: &str) -> String {
        let local = format!("x{}", self.digits(PseudonymKind::Address, address));
        match address.rsplit_once('@') {
            Some((_, domain)) if self.keeps_domains && is_host(domain) => {
                format!("{local}@{domain}")
            }
            Some((_, domain)) => format!("{local}@{}", self.domain(domain)),
            None => local,
        }
    }

    /// A domain that does not exist (RFC 2606).
    pub(super) fn domain(&self, domain: &str) -> String {
        format!("x{}.invalid", self.digits(PseudonymKind::Domain, domain))
    }

    /// What stands for a name, or a part of one.
    pub(super) fn name(&self, name: &str) -> String {
        format!("x{}", self.digits(PseudonymKind::Name, &name.to_lowercase()))
    }

    /// What stands for the ID of somebody in the organization, in any case.
    pub(super) fn person(&self, id: &str) -> String {
        format!("id-{}", self.digits(PseudonymKind::Person, &id.to_lowercase()))
    }

    /// What stands for an IP address: one of those that are for documentation (RFC 3849), so that
    /// programs still take it for an address. What is none becomes a name.
    pub(super) fn network_address(&self, address: &str) -> String {
        let Ok(parsed) = address.trim().parse::<IpAddr>() else { return self.name(address) };
        let code =
            self.mac_of(PseudonymKind::Network, parsed.to_canonical().to_string().as_bytes());
        let bits = code.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        const DOCUMENTATION: u128 = 0x2001_0db8 << 96;
        Ipv6Addr::from_bits(DOCUMENTATION | u128::from(bits)).to_string()
    }

    /// What stands for a subject.
    pub(super) fn subject(&self, subject: &str) -> String {
        format!("subject-{}", self.digits(PseudonymKind::Subject, subject))
    }

    /// A message ID without its brackets. Two of them stay two, and the same one the same.
    ///
    /// Either its domain is replaced or, where domains are kept, what stands before: so it never
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

    /// What stands for a message ID of which nothing may be left.
    pub(super) fn whole_message_id(&self, id: &str) -> String {
        format!("x{}", self.digits(PseudonymKind::MessageId, id))
    }
}

/// Whether this could be the name of a host, and says nothing else.
fn is_host(domain: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-' | '_');
    !domain.is_empty() && domain.chars().all(is_part)
}

/// Whether the first part of a message ID is one of the usual ones, which programs make, without an
/// address inside it. What has no digit may be somebody's name.
fn is_generated(local: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "!#$&'*+-./^_`{|}~".contains(it);
    local.contains(|it: char| it.is_ascii_digit()) && local.chars().all(is_part)
}
