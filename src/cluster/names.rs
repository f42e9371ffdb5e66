//! The names of the indices.

use super::error::ClusterError;
use crate::limits;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum DocumentKind {
    /// Email events, each with its original.
    Events,
    /// The outcome of each message for each recipient.
    Rows,
    /// Audit events, each with its original.
    Access,
    /// The organization as the directory had it at each time.
    Directory,
}

impl DocumentKind {
    pub(super) const ALL: [Self; 4] = [Self::Events, Self::Rows, Self::Access, Self::Directory];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Rows => "rows",
            Self::Access => "access",
            Self::Directory => "directory",
        }
    }

    /// The time field by whose day documents are counted.
    pub(super) fn time_field(self) -> &'static str {
        match self {
            Self::Rows => "firstSeen",
            Self::Events | Self::Access | Self::Directory => "at",
        }
    }
}

/// The names of indices, which share a prefix.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
}

/// The month of an instant that no clock gave.
const NO_MONTH: &str = "other";

impl Names {
    pub const PREFIX_DEFAULT: &str = "mailtrace";

    pub fn with_prefix(prefix: &str) -> Result<Self, ClusterError> {
        let is_plain =
            |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-_".contains(it);
        let is_first = |it: char| it.is_ascii_lowercase();
        const CHARS_MAX: usize = 64;
        if prefix.starts_with(is_first) && prefix.chars().all(is_plain) && prefix.len() <= CHARS_MAX
        {
            return Ok(Self { prefix: prefix.to_owned() });
        }
        Err(ClusterError::Prefix { prefix: prefix.to_owned() })
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The alias of all indices of a kind, which is also their template's name. Signers disagree
    /// about `*` in a path, so ours have none.
    pub(super) fn alias(&self, kind: DocumentKind) -> String {
        format!("{}-{}", self.prefix, kind.as_str())
    }

    /// The index that says who publishes what.
    pub(super) fn meta(&self) -> String {
        format!("{}-meta", self.prefix)
    }

    /// The index for an instant.
    pub(super) fn index(&self, kind: DocumentKind, at: Timestamp) -> String {
        format!("{}-{}", self.alias(kind), month(at))
    }
}

/// The month of an instant, as `2026.11`.
fn month(at: Timestamp) -> String {
    let text = at.to_string();
    let mut parts = text.splitn(3, '-');
    let year = parts.next().and_then(|it| it.parse::<i16>().ok());
    let year = year.filter(|it| limits::CLUSTER_YEARS.contains(it));
    match year.zip(parts.next()) {
        Some((year, month)) => format!("{year}.{month}"),
        None => NO_MONTH.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_by_month_and_a_wild_clock_makes_one() {
        let names = Names::with_prefix("mailtrace").unwrap();
        let check = |text: &str, expect: &str| {
            let at = Timestamp::parse_log_form(text).unwrap();
            assert_eq!(
                names.index(DocumentKind::Rows, at),
                format!("mailtrace-rows-{expect}"),
                "{text}"
            );
        };
        check("2026-11-23T10:00:00Z", "2026.11");
        check("2027-01-01T00:00:00Z", "2027.01");
        check("1970-01-01T00:00:00Z", "other");
        check("9999-01-01T00:00:00Z", "other");
        let first = Timestamp::from_ms(-300_000_000_000_000).unwrap();
        assert_eq!(month(first), "other");
    }

    #[test]
    fn a_prefix_is_a_plain_word() {
        for prefix in ["", "Mail", "-a", "_a", "a*", "a/b", "a.b", ".."] {
            assert!(Names::with_prefix(prefix).is_err(), "{prefix}");
        }
        assert_eq!(Names::with_prefix("acme-mail_2").unwrap().meta(), "acme-mail_2-meta");
    }
}
