//! The AWS services involved in event logging, and look-ups in them.

use tokio::runtime::Runtime;

use super::ProvisioningError;
use super::clients::{IamClient, Organization, OrganizationSummary};
use super::names;
use crate::aws::{
    AwsError, Failure, LogGroup, LogsClient, RateLimiter, Retrier, Session, SessionOptions,
    WorkMailClient,
};
use crate::limits;

/// An identity in a region, and the services' clients. Calls are made one after the other.
pub struct Services {
    runtime: Runtime,
    pub(super) session: Session,
    pub(super) logs: LogsClient,
    pub(super) iam: IamClient,
    pub(super) workmail: WorkMailClient,
    pub(super) limiter: RateLimiter,
}

/// Organizations that an error names.
const NAMES_SHOWN: usize = 5;

impl Services {
    /// Finds the identity and the region.
    pub fn open(options: &SessionOptions) -> Result<Self, ProvisioningError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ProvisioningError::Runtime)?;
        let session = runtime.block_on(Session::open(options))?;
        Ok(Self {
            logs: LogsClient::new(&session),
            iam: IamClient::new(&session),
            workmail: WorkMailClient::new(&session),
            limiter: RateLimiter::new(),
            runtime,
            session,
        })
    }

    /// The identity and the region.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs a future of this module to its end.
    pub fn wait_for<T>(&self, promised: impl Future<Output = T>) -> T {
        self.runtime.block_on(promised)
    }

    /// Makes one call, and repeats it if that may help.
    pub(super) async fn call<T>(
        &self,
        attempt: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        Retrier::first(&self.limiter).call(attempt).await
    }

    /// The organization with this ID, or the only active one with this alias.
    pub async fn organization(&self, name: &str) -> Result<Organization, ProvisioningError> {
        let id = if names::is_organization_id(name) {
            name.to_owned()
        } else {
            let alias = names::alias(name)?;
            choose(&alias, self.organizations().await?, self.session.region())?
        };
        // A listing omits the organization's ARN, so it is described in any case.
        let found = self.call(async || self.workmail.organization(&id).await).await;
        let organization = match found.map_err(Failure::into_error) {
            Err(AwsError::NotFound { .. }) => {
                return Err(ProvisioningError::NoOrganization {
                    name: name.to_owned(),
                    region: self.session.region().to_owned(),
                    near: String::new(),
                });
            }
            other => other?,
        };
        if !is_active(&organization.state) {
            let state = organization.state;
            return Err(ProvisioningError::NotActive { name: name.to_owned(), state });
        }
        Ok(organization)
    }

    /// The only active organization of the region.
    pub async fn only_organization(&self) -> Result<Organization, ProvisioningError> {
        let mut active = self.organizations().await?;
        active.retain(|it| is_active(&it.state));
        match active.as_slice() {
            [only] => self.organization(&only.id).await,
            all => Err(ProvisioningError::NotTheOnlyOne {
                region: self.session.region().to_owned(),
                count: all.len(),
            }),
        }
    }

    /// All organizations of the region, including deleted ones.
    pub async fn organizations(&self) -> Result<Vec<OrganizationSummary>, ProvisioningError> {
        self.organizations_of(&self.workmail).await
    }

    /// All organizations of another region.
    pub(super) async fn organizations_of(
        &self,
        workmail: &WorkMailClient,
    ) -> Result<Vec<OrganizationSummary>, ProvisioningError> {
        let page = async |token| workmail.organizations(token).await;
        let retrier = Retrier::first(&self.limiter);
        let listed = retrier.pages("organizations", limits::IDENTITY_PAGES_MAX, page).await;
        Ok(listed.map_err(Failure::into_error)?)
    }

    /// The account of our credentials, which must be the organization's.
    pub async fn account_of(
        &self,
        organization: &Organization,
    ) -> Result<String, ProvisioningError> {
        let credentials = names::account(&self.session.account().await?)?;
        let said = organization.arn.as_deref().and_then(|it| it.split(':').nth(4));
        match said.filter(|it| *it != credentials) {
            Some(organization) => Err(ProvisioningError::OtherAccount {
                organization: organization.to_owned(),
                credentials,
            }),
            None => Ok(credentials),
        }
    }

    /// The log group with exactly this name.
    pub async fn log_group(&self, name: &str) -> Result<Option<LogGroup>, ProvisioningError> {
        let page = async |token| self.logs.groups(name, token).await;
        let retrier = Retrier::first(&self.limiter);
        let listed = retrier.pages("log groups", limits::DESCRIBE_PAGES_MAX, page).await;
        let groups = listed.map_err(Failure::into_error)?;
        // The listing is by prefix, and returns `acme-2` for `acme` as well.
        Ok(groups.into_iter().find(|it| it.name == name))
    }

    /// True if a log group has no stream, and so no event.
    pub async fn is_empty(&self, log_group: &str) -> Result<bool, ProvisioningError> {
        let page = self.call(async || self.logs.streams(log_group, None).await).await;
        let (streams, next) = page.map_err(Failure::into_error)?;
        Ok(streams.is_empty() && next.is_none())
    }
}

pub(super) fn is_active(state: &str) -> bool {
    // Some answers leave the state out; then the calls that follow fail if it is not active.
    state.is_empty() || state.eq_ignore_ascii_case("active")
}

/// The ID of the only active organization with an alias.
fn choose(
    alias: &str,
    organizations: Vec<OrganizationSummary>,
    region: &str,
) -> Result<String, ProvisioningError> {
    let (named, others): (Vec<_>, Vec<_>) =
        organizations.into_iter().partition(|it| it.alias == alias);
    // Deleted organizations are still listed, perhaps with the alias of an active one.
    let (active, rest): (Vec<_>, Vec<_>) = named.into_iter().partition(|it| is_active(&it.state));
    if let [only] = active.as_slice() {
        return Ok(only.id.clone());
    }
    if !active.is_empty() {
        let ids: Vec<String> = active.into_iter().map(|it| it.id).collect();
        return Err(ProvisioningError::SeveralOrganizations {
            alias: alias.to_owned(),
            region: region.to_owned(),
            ids: ids.join(", "),
        });
    }
    if let Some(inactive) = rest.into_iter().next() {
        let state = inactive.state;
        return Err(ProvisioningError::NotActive { name: alias.to_owned(), state });
    }
    let aliases = others.iter().filter(|it| is_active(&it.state)).map(|it| it.alias.as_str());
    let aliases: Vec<&str> = aliases.take(NAMES_SHOWN).collect();
    let near = match aliases.is_empty() {
        true => ", which has none".to_owned(),
        false => format!(", which has {}", aliases.join(", ")),
    };
    Err(ProvisioningError::NoOrganization {
        name: alias.to_owned(),
        region: region.to_owned(),
        near,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(alias: &str, organizations: &[(&str, &str, &str)]) -> String {
        let organizations = organizations.iter().map(|(id, alias, state)| OrganizationSummary {
            id: (*id).to_owned(),
            alias: (*alias).to_owned(),
            state: (*state).to_owned(),
        });
        choose(alias, organizations.collect(), "eu-west-1").unwrap_or_else(|it| it.to_string())
    }

    #[test]
    fn an_alias_means_the_only_active_organization() {
        let all = [("m-1", "acme", "Deleted"), ("m-2", "acme", "Active"), ("m-3", "b", "Active")];
        assert_eq!(chosen("acme", &all), "m-2");
        assert!(chosen("acme", &all[..1]).contains("is Deleted, not active"));
        let none = chosen("acne", &all);
        assert!(
            none.starts_with(
                "there is no WorkMail organization acne in eu-west-1, which has acme, b:"
            ),
            "{none}"
        );
        assert!(chosen("acne", &[]).contains("which has none"));
        let twice = [("m-1", "acme", "Active"), ("m-2", "acme", "Active")];
        assert!(chosen("acme", &twice).ends_with("m-1, m-2"));
    }
}
