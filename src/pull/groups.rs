//! Finds the log group that is meant.

use super::PullError;
use crate::aws::{
    AwsError, Failure, GROUP_PREFIX, LogGroup, LogGroupArn, LogsClient, RateLimiter, Retrier,
    Session,
};
use crate::limits;

/// Names in an error at most.
const NAMES_SHOWN: usize = 5;

/// Finds the group `name`, or the only one under the usual prefix.
pub(super) async fn find(
    session: &Session,
    client: &LogsClient,
    name: Option<&str>,
) -> Result<LogGroup, PullError> {
    let limiter = RateLimiter::new();
    let prefix = name.unwrap_or(GROUP_PREFIX);
    let groups = match list(client, &limiter, prefix).await {
        Ok(groups) => groups,
        // A named group can be pulled without the permission to describe it.
        Err(Failure::Permanent(AwsError::Denied { .. })) if name.is_some() => {
            return Ok(described_by_name(session, prefix).await?);
        }
        Err(failure) => return Err(failure.into_error().into()),
    };
    let region = session.region().to_owned();
    let Some(name) = name else {
        let mut groups = groups.into_iter();
        return match (groups.next(), groups.next()) {
            (None, _) => Err(PullError::NoGroup { prefix: GROUP_PREFIX, region }),
            (Some(group), None) => Ok(group),
            (Some(first), Some(second)) => {
                let names = [first, second].into_iter().chain(groups).map(|it| it.name);
                let names = shown(&names.collect::<Vec<_>>());
                Err(PullError::SeveralGroups { prefix: GROUP_PREFIX, region, names })
            }
        };
    };
    match groups.into_iter().find(|it| it.name == name) {
        Some(group) => Ok(group),
        None => {
            // Only for the hint, so a failure to list is ignored.
            let all = list(client, &limiter, "").await.unwrap_or_default();
            let near = near(name, &all);
            let near = if near.is_empty() {
                ": check the name, --region and --profile".to_owned()
            } else {
                format!(": did you mean {near}?")
            };
            Err(PullError::NoSuchGroup { name: name.to_owned(), region, near })
        }
    }
}

async fn list(
    client: &LogsClient,
    limiter: &RateLimiter,
    prefix: &str,
) -> Result<Vec<LogGroup>, Failure> {
    let retrier = Retrier::first(limiter);
    let page = async |token| client.groups(prefix, token).await;
    retrier.pages("log groups", limits::DESCRIBE_PAGES_MAX, page).await
}

/// Describes a group by its name alone, without the permission to ask. Its account is asked of STS,
/// because the same name may exist in another account.
async fn described_by_name(session: &Session, name: &str) -> Result<LogGroup, AwsError> {
    let account = session.account().await?;
    let arn = LogGroupArn::new(session.region(), &account, name).to_string();
    Ok(LogGroup { name: name.to_owned(), arn, ..LogGroup::default() })
}

/// Returns the names most like the one that does not exist.
fn near(name: &str, groups: &[LogGroup]) -> String {
    let alias = name.rsplit('/').next().unwrap_or(name);
    let likeness = |it: &LogGroup| {
        // A name that contains the alias goes before one that is merely similar.
        let contains = !alias.is_empty() && it.name.contains(alias);
        strsim::jaro_winkler(name, &it.name) + if contains { 1.0 } else { 0.0 }
    };
    let mut ranked: Vec<_> = groups.iter().map(|it| (likeness(it), &it.name)).collect();
    ranked.retain(|(likeness, _)| *likeness > 0.8);
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    ranked.truncate(3);
    ranked.into_iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" or ")
}

fn shown(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let mut text = names.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        let group = |name: &str| LogGroup { name: name.to_owned(), ..LogGroup::default() };
        let groups = [
            group("/aws/lambda/billing"),
            group("/aws/workmail/emailevents/acme"),
            group("/aws/workmail/emailevents/zenith"),
        ];
        assert!(
            near("/aws/workmail/emailevents/acmee", &groups)
                .starts_with("/aws/workmail/emailevents/acme")
        );
        assert!(near("acme", &groups).contains("acme"));
        assert_eq!(near("/x", &groups), "");
    }
}
