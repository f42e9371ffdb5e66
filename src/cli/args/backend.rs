//! The source of a question's events: the store, files, or a cluster.

use clap::Args;

#[cfg(feature = "aws")]
use crate::cli::args::cluster::ClusterArgs;
use crate::cli::args::input::{AskedStore, InputArgs};
use crate::cli::context::Context;
use crate::time::Timestamp;
use crate::timeline::AuditReach;
use crate::trace::Reach;

/// Where the events come from.
#[derive(Debug, Args)]
pub(crate) struct BackendArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

impl BackendArgs {
    /// Opens the source. `reach` gives the events that a question can be about, from the newest
    /// event of the store that answers; only a cluster uses it, to fetch no more than that.
    pub(crate) fn open(
        &self,
        context: &Context,
        reach: impl FnOnce(Option<Timestamp>) -> anyhow::Result<Reach>,
    ) -> anyhow::Result<AskedStore> {
        #[cfg(feature = "aws")]
        self.cluster.check_password()?;
        self.open_with_password(context, reach)
    }

    /// The same for commands whose password file need not be the cluster's.
    pub(crate) fn open_with_password(
        &self,
        context: &Context,
        reach: impl FnOnce(Option<Timestamp>) -> anyhow::Result<Reach>,
    ) -> anyhow::Result<AskedStore> {
        #[cfg(feature = "aws")]
        if let Some(target) = self.cluster.target(&self.input, context)? {
            return target.mirror(context, reach);
        }
        #[cfg(not(feature = "aws"))]
        drop(reach);
        self.input.open(context)
    }

    /// Opens the source for a question about audit events, people or the directory.
    pub(crate) fn open_audit(
        &self,
        context: &Context,
        reach: &AuditReach<'_>,
    ) -> anyhow::Result<AskedStore> {
        #[cfg(feature = "aws")]
        self.cluster.check_password()?;
        self.open_audit_with_password(context, reach)
    }

    /// The same for commands whose password file need not be the cluster's.
    pub(crate) fn open_audit_with_password(
        &self,
        context: &Context,
        reach: &AuditReach<'_>,
    ) -> anyhow::Result<AskedStore> {
        #[cfg(feature = "aws")]
        if let Some(target) = self.cluster.target(&self.input, context)? {
            return target.audit_mirror(context, reach);
        }
        #[cfg(not(feature = "aws"))]
        let _none = reach;
        self.input.open(context)
    }

    /// True if the source cannot grow while it is watched.
    pub(crate) fn is_fixed(&self, context: &Context) -> anyhow::Result<bool> {
        #[cfg(feature = "aws")]
        if self.cluster.url_of(&self.input, context)?.is_some() {
            return Ok(true);
        }
        #[cfg(not(feature = "aws"))]
        let _none = context;
        Ok(self.input.is_given())
    }

    /// The options by which another command asks the same events and shows times in the same
    /// zone, quoted for a shell: each with a blank before it.
    pub(crate) fn as_typed(&self, context: &Context) -> String {
        let mut typed = String::new();
        #[cfg(feature = "aws")]
        typed.push_str(&self.cluster.as_typed(context));
        // Last, because `--input` takes all words up to the next option.
        typed.push_str(&self.input.as_typed(context));
        typed
    }
}
