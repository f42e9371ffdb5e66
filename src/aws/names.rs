//! Names of resources: ARNs, partitions, and WorkMail's log groups.

use std::fmt;

/// The prefix of WorkMail's log groups by default (administrator guide, "Enabling email event
/// logging").
pub const GROUP_PREFIX: &str = "/aws/workmail/emailevents/";

/// Returns the name of the log group that WorkMail creates for an organization's alias.
pub fn default_group(alias: &str) -> String {
    format!("{GROUP_PREFIX}{alias}")
}

/// Returns the partition of a region, with which every ARN begins.
pub fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, read with or without `:*`, written without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroupArn {
    /// The partition, such as `aws`.
    pub partition: String,
    pub region: String,
    pub account: String,
    pub name: String,
}

impl LogGroupArn {
    /// Builds the ARN of a group.
    pub fn new(region: &str, account: &str, name: &str) -> Self {
        Self {
            partition: partition(region).to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Parses an ARN; `None` if it is not that of a log group.
    pub fn parse(arn: &str) -> Option<Self> {
        // The seventh part keeps the colon of a trailing `:*`.
        let mut parts = arn.splitn(7, ':');
        let (scheme, partition) = (parts.next()?, parts.next()?);
        let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let (kind, name) = (parts.next()?, parts.next()?);
        let name = name.strip_suffix(":*").unwrap_or(name);
        let is_group =
            scheme == "arn" && service == "logs" && kind == "log-group" && !name.is_empty();
        is_group.then(|| Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Returns the ARN with the trailing `:*` that WorkMail, and most permissions, require.
    pub fn with_streams(&self) -> String {
        format!("{self}:*")
    }
}

impl fmt::Display for LogGroupArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, name } = self;
        write!(formatter, "arn:{partition}:logs:{region}:{account}:log-group:{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_region_account_and_group() {
        let expected = LogGroupArn::new("eu-west-1", "123456789012", "/a/b");
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/a/b";
        assert_eq!(LogGroupArn::parse(arn), Some(expected.clone()));
        assert_eq!(LogGroupArn::parse(&format!("{arn}:*")), LogGroupArn::parse(arn));
        assert_eq!(expected.to_string(), arn);
        assert_eq!(expected.with_streams(), format!("{arn}:*"));
        for wrong in ["arn:aws:s3:::bucket", "arn:aws:logs:x:1:log-group:", "/a/b", ""] {
            assert_eq!(LogGroupArn::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_region_tells_its_partition() {
        assert_eq!(partition("eu-west-1"), "aws");
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
    }
}
