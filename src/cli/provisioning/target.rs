//! The options for the log group and the role.

use clap::Args;

use crate::provisioning::{LogGroupPlace, NameError, ProvisioningError, log_group_or_arn, names};

/// Log group and role.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Log group [default: /aws/workmail/emailevents/ALIAS]
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: Option<String>,
    /// Role WorkMail logs with [default: workmail-email-events-ALIAS]
    #[arg(long, value_name = "NAME")]
    pub(crate) role_name: Option<String>,
}

/// The same, checked.
pub(crate) struct Target {
    pub(crate) log_group: Option<LogGroupPlace>,
    pub(crate) role: Option<String>,
}

impl TargetArgs {
    /// Checks the options, offline.
    pub(crate) fn checked(&self) -> Result<Target, NameError> {
        Ok(Target {
            log_group: self.log_group.as_deref().map(log_group_or_arn).transpose()?,
            role: self.role_name.as_deref().map(names::role).transpose()?,
        })
    }
}

impl Target {
    /// The region in the log group's ARN.
    pub(crate) fn region(&self) -> Option<&str> {
        let (_, arn) = self.log_group.as_ref()?;
        arn.as_ref().map(|it| it.region.as_str())
    }
}

/// Checks that a text may be an organization's ID or alias.
pub(crate) fn check_organization(text: &str) -> Result<(), ProvisioningError> {
    if !names::is_organization_id(text) {
        names::alias(text)?;
    }
    Ok(())
}
