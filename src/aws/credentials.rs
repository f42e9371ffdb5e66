//! Looks for credentials in one place after the other, and explains why there are none.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, Result as ProviderResult};
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::error::{AwsError, Call};
use super::failure::{self, causes, find};
use super::profiles::{Base, Profiles, Recipe};

/// A place that may have credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CredentialPlace {
    Environment,
    Profile,
    WebIdentity,
    Container,
    Instance,
}

/// The places, in the order in which they are tried.
#[derive(Debug)]
pub(super) struct Chain {
    places: Vec<(CredentialPlace, Box<dyn ProvideCredentials>)>,
    recipe: Arc<Recipe>,
    is_chosen: bool,
    /// The credentials found when the session was opened, for the first call: finding them may take
    /// a call to STS, or a program that asks the user something.
    found: Mutex<Option<Credentials>>,
}

impl Chain {
    /// Orders the places like the AWS CLI: the environment goes first, unless a profile was chosen;
    /// then it is left out.
    pub(super) fn new(profiles: &Profiles, config: &ProviderConfig) -> Result<Self, AwsError> {
        let recipe = profiles.recipe()?;
        let profile = ProfileFileCredentialsProvider::builder()
            .configure(config)
            .profile_files(profiles.files.clone())
            .profile_name(&profiles.name)
            .build();
        let mut places: Vec<(CredentialPlace, Box<dyn ProvideCredentials>)> = Vec::new();
        if !profiles.is_chosen {
            let environment = EnvironmentVariableCredentialsProvider::new();
            places.push((CredentialPlace::Environment, Box::new(environment)));
        }
        places.push((CredentialPlace::Profile, Box::new(profile)));
        if !profiles.is_chosen {
            let token = WebIdentityTokenCredentialsProvider::builder().configure(config).build();
            places.push((CredentialPlace::WebIdentity, Box::new(token)));
        }
        let container = EcsCredentialsProvider::builder().configure(config).build();
        places.push((CredentialPlace::Container, Box::new(container)));
        let instance = ImdsCredentialsProvider::builder().configure(config).build();
        places.push((CredentialPlace::Instance, Box::new(instance)));
        let (recipe, is_chosen) = (Arc::new(recipe), profiles.is_chosen);
        Ok(Self { places, recipe, is_chosen, found: Mutex::new(None) })
    }

    /// Finds credentials, and keeps them for the first call.
    pub(super) async fn find(&self) -> Result<(), AwsError> {
        let found = self.ask().await.map_err(|error| of_credentials(&error))?;
        self.with_found(|it| *it = Some(found));
        Ok(())
    }

    async fn ask(&self) -> ProviderResult {
        for (place, provider) in &self.places {
            let error = match provider.provide_credentials().await {
                Ok(credentials) => return Ok(credentials),
                Err(error) => error,
            };
            let is_there = match place {
                // A profile that names its credentials means those and no others.
                CredentialPlace::Profile => self.recipe.base != Base::Nothing,
                // Tried last, and absent on most machines, so failing to reach it means nothing.
                CredentialPlace::Instance => false,
                _ => !matches!(error, CredentialsError::CredentialsNotLoaded(_)),
            };
            if is_there {
                return Err(self.missing(Some(*place), Some(error)));
            }
        }
        Err(self.missing(None, None))
    }

    fn missing(
        &self,
        place: Option<CredentialPlace>,
        cause: Option<CredentialsError>,
    ) -> CredentialsError {
        CredentialsError::provider_error(Missing {
            place,
            recipe: Arc::clone(&self.recipe),
            is_chosen: self.is_chosen,
            cause,
        })
    }

    fn with_found<T>(&self, change: impl FnOnce(&mut Option<Credentials>) -> T) -> T {
        // The value is whole whenever the lock is released, so a panic elsewhere does no harm.
        change(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        // Only once: later calls ask anew, because credentials expire.
        match self.with_found(Option::take) {
            Some(found) => Provided::ready(Ok(found)),
            None => Provided::new(self.ask()),
        }
    }
}

/// The error that there are no credentials: the place that should have had them, and its error.
#[derive(Debug)]
struct Missing {
    /// `None` if no place has any.
    place: Option<CredentialPlace>,
    recipe: Arc<Recipe>,
    is_chosen: bool,
    cause: Option<CredentialsError>,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no credentials")
    }
}

impl Error for Missing {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|it| it as &(dyn Error + 'static))
    }
}

/// Explains why there are no credentials.
pub(super) fn of_credentials(error: &CredentialsError) -> AwsError {
    let Some(missing) = find::<Missing>(error) else {
        return AwsError::Credentials { detail: causes(error) };
    };
    let recipe = &missing.recipe;
    let Some(cause) = &missing.cause else {
        return match missing.is_chosen {
            true => {
                let detail = format!("the profile {} has none", recipe.profile);
                AwsError::Credentials { detail }
            }
            false => AwsError::NoCredentials,
        };
    };
    if let Some(refusal) = of_assume_role(cause, recipe) {
        return refusal;
    }
    if let Some(error) = find::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>(cause) {
        let role = recipe.role.clone().unwrap_or_else(|| "the role of the token".to_owned());
        let call = Call::new("sts:AssumeRoleWithWebIdentity", role);
        return failure::failure(error, &call).into_error();
    }
    if missing.place != Some(CredentialPlace::Profile) {
        return AwsError::Credentials { detail: causes(cause) };
    }
    match recipe.base {
        Base::Sso => of_single_sign_on(cause, recipe),
        Base::Login => AwsError::LoginExpired {
            command: format!("aws login --profile {}", recipe.base_profile),
        },
        Base::Process => AwsError::Credentials {
            detail: format!(
                "the credential_process of the profile {}: {}",
                recipe.base_profile,
                causes(cause)
            ),
        },
        _ => AwsError::Credentials {
            detail: format!("the profile {}: {}", recipe.profile, causes(cause)),
        },
    }
}

/// Explains why STS did not let a role be assumed.
fn of_assume_role(cause: &CredentialsError, recipe: &Recipe) -> Option<AwsError> {
    let error = find::<SdkError<AssumeRoleError, HttpResponse>>(cause)?;
    let role = recipe.role.clone().unwrap_or_else(|| "the profile's role".to_owned());
    let call = Call::new("sts:AssumeRole", role.clone());
    Some(match failure::failure(error, &call).into_error() {
        AwsError::Denied { .. } => {
            let said = error.as_service_error().and_then(|it| it.meta().message());
            let remedy = match recipe.has_mfa {
                true => format!(
                    "the profile requires an MFA code (mfa_serial), which the AWS CLI can prompt for: `eval \"$(aws configure export-credentials --profile {} --format env)\"`, then run this without --profile",
                    recipe.profile
                ),
                false => "the role's trust policy must trust that identity, and the identity must be allowed to assume the role (sts:AssumeRole)".to_owned(),
            };
            AwsError::RoleRefused {
                role,
                detail: said.unwrap_or("access denied").to_owned(),
                remedy,
            }
        }
        other => other,
    })
}

/// Explains a failed single sign-on.
fn of_single_sign_on(cause: &CredentialsError, recipe: &Recipe) -> AwsError {
    if let Some(error) = find::<SdkError<GetRoleCredentialsError, HttpResponse>>(cause)
        && !error.as_service_error().is_some_and(GetRoleCredentialsError::is_unauthorized_exception)
    {
        let account = format!("the role of the profile {}", recipe.base_profile);
        return failure::failure(error, &Call::new("sso:GetRoleCredentials", account)).into_error();
    }
    AwsError::SsoExpired { command: format!("aws sso login --profile {}", recipe.base_profile) }
}
