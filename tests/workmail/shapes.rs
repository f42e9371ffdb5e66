//! The published shapes of requests.

use serde_json::Value;

use super::{Error, Operation};
use crate::loopback::HttpRequest;

/// A member of a request: its name, whether it must be there, and what is wrong with a value.
type Member = (&'static str, bool, fn(&Value) -> Option<&'static str>);

const ORGANIZATION_ID: Member = ("OrganizationId", true, organization_id);

const NEXT_TOKEN: Member = ("NextToken", false, next_token);
const MAX_RESULTS: Member = ("MaxResults", false, max_results);

fn members(operation: Operation) -> &'static [Member] {
    match operation {
        Operation::ListOrganizations => &[NEXT_TOKEN, MAX_RESULTS],
        Operation::PutEmailMonitoringConfiguration => {
            &[ORGANIZATION_ID, ("LogGroupArn", true, log_group_arn), ("RoleArn", false, role_arn)]
        }
        Operation::ListUsers
        | Operation::ListGroups
        | Operation::ListResources
        | Operation::ListMailDomains => &[ORGANIZATION_ID, NEXT_TOKEN, MAX_RESULTS],
        Operation::ListAliases | Operation::ListMailboxPermissions => {
            &[ORGANIZATION_ID, ("EntityId", true, entity_id), NEXT_TOKEN, MAX_RESULTS]
        }
        Operation::ListGroupMembers => {
            &[ORGANIZATION_ID, ("GroupId", true, entity_id), NEXT_TOKEN, MAX_RESULTS]
        }
        Operation::ListResourceDelegates => {
            &[ORGANIZATION_ID, ("ResourceId", true, entity_id), NEXT_TOKEN, MAX_RESULTS]
        }
        _ => &[ORGANIZATION_ID],
    }
}

/// The parameters of a request that is as it should be.
pub(super) fn parameters(request: &HttpRequest, operation: Operation) -> Result<Value, Error> {
    let header = |name| request.header(name).unwrap_or_default();
    if header("content-type") != "application/x-amz-json-1.1" {
        return Err(Error::new("SerializationException", header("content-type")));
    }
    let authorization = header("authorization");
    if !authorization.starts_with("AWS4-HMAC-SHA256 ")
        || !authorization.contains("/workmail/aws4_request")
    {
        let message = "Missing Authentication Token";
        return Err(Error::new("MissingAuthenticationTokenException", message));
    }
    let parameters: Value = serde_json::from_slice(&request.body)
        .map_err(|error| Error::new("SerializationException", error.to_string()))?;
    let given = parameters
        .as_object()
        .ok_or_else(|| Error::new("SerializationException", "not an object"))?;
    let known = members(operation);
    if let Some(name) = given.keys().find(|it| !known.iter().any(|(name, ..)| name == it)) {
        return Err(invalid(name, "is not a member"));
    }
    for (name, is_required, wrong) in known {
        match given.get(*name) {
            None if *is_required => return Err(invalid(name, "must not be null")),
            None => {}
            Some(value) => {
                if let Some(wrong) = wrong(value) {
                    return Err(invalid(name, wrong));
                }
            }
        }
    }
    Ok(parameters)
}

fn invalid(name: &str, wrong: &str) -> Error {
    Error::new("ValidationException", format!("1 validation error detected: '{name}' {wrong}"))
}

fn organization_id(value: &Value) -> Option<&'static str> {
    let digits = value.as_str().and_then(|it| it.strip_prefix("m-")).unwrap_or_default();
    let is_digit = |it: char| it.is_ascii_digit() || ('a'..='f').contains(&it);
    let fits = digits.len() == 32 && digits.chars().all(is_digit);
    (!fits).then_some("must satisfy ^m-[0-9a-f]{32}$")
}

fn entity_id(value: &Value) -> Option<&'static str> {
    let fits = value.as_str().is_some_and(|it| (12..=256).contains(&it.len()));
    (!fits).then_some("must have a length between 12 and 256")
}

fn log_group_arn(value: &Value) -> Option<&'static str> {
    const PATTERN: &str =
        r"must satisfy arn:aws:logs:[a-z\-0-9]*:[0-9]{12}:log-group:([\.\-_/#A-Za-z0-9]+):\*$";
    let arn = value.as_str().unwrap_or_default();
    if !(47..=562).contains(&arn.len()) {
        return Some("must have a length between 47 and 562");
    }
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", "aws", "logs", region, account, "log-group", name, "*"] = parts[..] else {
        return Some(PATTERN);
    };
    let is_region = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let is_name = |it: char| it.is_ascii_alphanumeric() || ".-_/#".contains(it);
    let fits = region.chars().all(is_region)
        && account.len() == 12
        && account.chars().all(|it| it.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(is_name);
    (!fits).then_some(PATTERN)
}

fn role_arn(value: &Value) -> Option<&'static str> {
    let arn = value.as_str().unwrap_or_default();
    if !(20..=2048).contains(&arn.len()) {
        return Some("must have a length between 20 and 2048");
    }
    let rest = arn.strip_prefix("arn:aws:iam::").unwrap_or_default();
    let fits = rest.split_once(":role/").is_some_and(|(account, name)| {
        account.len() == 12 && account.chars().all(|it| it.is_ascii_digit()) && !name.is_empty()
    });
    (!fits).then_some("must be the ARN of a role")
}

fn next_token(value: &Value) -> Option<&'static str> {
    let fits = value.as_str().is_some_and(|it| (1..=1024).contains(&it.len()));
    (!fits).then_some("must have a length between 1 and 1024")
}

fn max_results(value: &Value) -> Option<&'static str> {
    let fits = value.as_u64().is_some_and(|it| (1..=100).contains(&it));
    (!fits).then_some("must be between 1 and 100")
}
