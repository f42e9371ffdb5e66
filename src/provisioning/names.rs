//! Names checked against their published patterns.
//!
//! They go into requests, shell scripts and templates. A name that passed contains nothing that
//! could end a quotation there.

use super::ProvisioningError;
use crate::aws::LogGroupArn;

/// The error for an invalid name or number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {what}: {form}")]
pub struct NameError {
    text: String,
    what: &'static str,
    form: &'static str,
}

fn checked(
    text: &str,
    is_right: bool,
    what: &'static str,
    form: &'static str,
) -> Result<String, NameError> {
    if is_right {
        Ok(text.to_owned())
    } else {
        Err(NameError { text: text.to_owned(), what, form })
    }
}

/// True if a text's length is in the range, and all its characters are ASCII letters, digits or
/// in `others`.
fn is_of(text: &str, others: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len())
        && text.chars().all(|it| it.is_ascii_alphanumeric() || others.contains(it))
}

/// True if a text has the form of an organization's ID (WorkMail API reference).
pub fn is_organization_id(text: &str) -> bool {
    text.strip_prefix("m-").is_some_and(|it| {
        it.len() == 32 && it.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
    })
}

/// Checks an organization's alias (WorkMail API reference, `CreateOrganization`).
pub fn alias(text: &str) -> Result<String, NameError> {
    let form = "give the organization's ID (m- and 32 hexadecimal digits), or its alias of letters, digits and hyphens";
    checked(text, is_of(text, "-", 1..=62), "a WorkMail organization", form)
}

/// Checks the name of a log group (CloudWatch Logs API reference, `CreateLogGroup`).
pub fn log_group(text: &str) -> Result<String, NameError> {
    let form = "use 1 to 512 letters, digits and the characters .-_/#";
    checked(text, is_of(text, ".-_/#", 1..=512), "the name of a log group", form)
}

/// Checks the name of a role (IAM API reference, `CreateRole`).
pub fn role(text: &str) -> Result<String, NameError> {
    let form = "use 1 to 64 letters, digits and the characters _+=,.@-";
    checked(text, is_of(text, "_+=,.@-", 1..=64), "the name of a role", form)
}

/// Checks an account's number.
pub fn account(text: &str) -> Result<String, NameError> {
    let is_right = text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit());
    checked(text, is_right, "an AWS account", "it has 12 digits")
}

pub fn region(text: &str) -> Result<String, NameError> {
    let is_right = is_of(text, "-", 4..=32)
        && text.contains('-')
        && text.bytes().all(|it| !it.is_ascii_uppercase());
    checked(text, is_right, "an AWS region", "give one such as eu-west-1")
}

/// Checks the ARN of a KMS key for a group in `region`.
pub fn kms_key(text: &str, region: &str) -> Result<String, NameError> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_right = match parts.as_slice() {
        ["arn", partition, "kms", key_region, number, key] => {
            partition.starts_with("aws")
                && is_of(partition, "-", 3..=16)
                && *key_region == region
                && account(number).is_ok()
                && key.strip_prefix("key/").is_some_and(|it| is_of(it, "-", 1..=128))
        }
        _ => false,
    };
    let form = "give arn:aws:kms:REGION:ACCOUNT:key/ID, of a key in the log group's region";
    checked(text, is_right, "the ARN of a KMS key", form)
}

/// The retentions that CloudWatch Logs offers, in days (API reference, `PutRetentionPolicy`).
pub const RETENTION_DAYS: &[u32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// The time for which a log group keeps events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// One of [`RETENTION_DAYS`].
    Days(u32),
    Forever,
}

impl Retention {
    /// Parses a number of days that CloudWatch Logs offers, or `never`: events never expire.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text == "never" {
            return Ok(Self::Forever);
        }
        let days = text.parse().ok().filter(|it| RETENTION_DAYS.contains(it));
        days.map(Self::Days).ok_or_else(|| NameError {
            text: text.to_owned(),
            what: "a retention that CloudWatch Logs offers",
            form: "give never, or one of these numbers of days: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
        })
    }

    /// The days; `None` means for ever.
    pub fn days(self) -> Option<u32> {
        match self {
            Self::Days(days) => Some(days),
            Self::Forever => None,
        }
    }
}

/// A log group's name, and its ARN if that was given.
pub type LogGroupPlace = (String, Option<LogGroupArn>);

/// Parses a log group's name or ARN.
pub fn log_group_or_arn(text: &str) -> Result<LogGroupPlace, NameError> {
    if !text.starts_with("arn:") {
        return Ok((log_group(text)?, None));
    }
    let arn = LogGroupArn::parse(text).filter(|it| {
        region(&it.region).is_ok() && account(&it.account).is_ok() && log_group(&it.name).is_ok()
    });
    let form = "give arn:aws:logs:REGION:ACCOUNT:log-group:NAME";
    let arn = arn.ok_or_else(|| NameError {
        text: text.to_owned(),
        what: "the ARN of a log group",
        form,
    })?;
    Ok((arn.name.clone(), Some(arn)))
}

/// Checks that a log group is in its organization's region and account.
pub fn check_place(
    arn: &LogGroupArn,
    region: &str,
    account: &str,
) -> Result<(), ProvisioningError> {
    if arn.region == region && arn.account == account {
        return Ok(());
    }
    Err(ProvisioningError::GroupElsewhere {
        group: arn.name.clone(),
        found: format!("{} of account {}", arn.region, arn.account),
        wanted: format!("{region} of account {account}"),
    })
}

/// The prefix of roles made for an organization. AWS's managed policy for WorkMail administrators
/// lets them pass only roles with `workmail` in their names.
const ROLE_PREFIX: &str = "workmail-email-events-";

/// The text that a role's name should contain.
pub const ROLE_NAME_PART: &str = "workmail";

/// The default name of an organization's role, from its alias or ID.
pub fn default_role(organization: &str) -> String {
    let mut name = format!("{ROLE_PREFIX}{organization}");
    // Aliases and IDs are ASCII, so bytes are characters. IAM allows 64.
    name.truncate(64);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_published() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert!(is_organization_id(&format!("m-{digits}")));
        for wrong in
            ["m-", digits, &format!("m-{}", digits.to_uppercase()), &format!("m-{digits}0")]
        {
            assert!(!is_organization_id(wrong), "{wrong}");
        }
        for name in ["/aws/workmail/emailevents/acme", "a", "a.b-c_d#e", &"x".repeat(512)] {
            assert!(log_group(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "a'b", "a$b", "a\nb", "ä", "a:b", "a\"b", &"x".repeat(513)] {
            assert!(log_group(name).is_err(), "{name}");
        }
        assert!(role("workmail+=,.@-_X").is_ok());
        for name in ["", "a/b", "a b", "`id`", "$(id)", "'", &"x".repeat(65)] {
            assert!(role(name).is_err(), "{name}");
        }
        assert!(account("123456789012").is_ok() && account("12345678901x").is_err());
        assert!(region("eu-west-1").is_ok() && region("EU-west-1").is_err());
        assert!(region("x;y-1").is_err() && alias("a'c").is_err() && alias("acme-2").is_ok());
        assert_eq!(default_role(&"a".repeat(62)).len(), 64);
    }

    #[test]
    fn a_key_is_of_the_groups_region() {
        let key = "arn:aws:kms:eu-west-1:123456789012:key/mrk-12ab";
        assert!(kms_key(key, "eu-west-1").is_ok());
        assert!(kms_key(key, "us-east-1").is_err());
        for wrong in ["12ab", "alias/x", "arn:aws:kms:eu-west-1:123456789012:alias/x", ""] {
            assert!(kms_key(wrong, "eu-west-1").is_err(), "{wrong}");
        }
    }

    #[test]
    fn retention_is_one_of_the_days_that_there_are() {
        assert_eq!(Retention::parse("30").unwrap().days(), Some(30));
        assert_eq!(Retention::parse("never").unwrap().days(), None);
        for wrong in ["0", "31", "-1", "30d", "", "ever"] {
            let error = Retention::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("3653"), "{error}");
        }
    }

    #[test]
    fn a_group_is_named_or_located() {
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/g:*";
        let (name, arn) = log_group_or_arn(arn).unwrap();
        assert_eq!((name.as_str(), arn.unwrap().region.as_str()), ("/g", "eu-west-1"));
        assert_eq!(log_group_or_arn("/g").unwrap(), ("/g".to_owned(), None));
        assert!(log_group_or_arn("arn:aws:logs:eu-west-1:1:log-group:/g").is_err());
        assert!(log_group_or_arn("arn:aws:s3:::x").is_err());
    }
}
