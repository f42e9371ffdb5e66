//! Judges findings, from data to data.

use super::breadth::{excess_permissions, trust_findings};
use super::check::{Check, Health};
use super::names::ROLE_NAME_PART;
use super::policies::{role_policy, trust_policy};
use super::policy::{Policy, PolicyError};
use super::review::{missing_permissions, others_trusted};
use super::roles::NamedPolicy;
use super::scope::Scope;
use super::step::shell_command;
use crate::aws::LogGroup;
use crate::limits;
use crate::store::{GroupFacts, PulledGroup, Standing};
use crate::time::workmail_end::{LAST_DAY, days_left, has_ended};
use crate::time::{DAY_MS, Timestamp, Zone, human_duration};

/// A duration for people: from one day on, in whole days.
pub(super) fn in_words(ms: i64) -> String {
    match ms.div_euclid(DAY_MS) {
        ..1 => human_duration(ms),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Judges whether the store has the events that the group deletes next.
///
/// `pulled` is what the store says of the group; `is_empty` is true if the group has no stream,
/// and `None` if that is unknown.
pub(super) fn retention(
    group: &LogGroup,
    pulled: Option<&PulledGroup>,
    is_empty: Option<bool>,
    now: Timestamp,
    zone: &Zone,
) -> Check {
    const NAME: &str = "retention";
    let is_known = group.created_ms.is_some();
    let keeps = match (is_known, group.retention_days) {
        (_, Some(days)) => format!("events are kept for {days} days"),
        (true, None) => "events never expire".to_owned(),
        (false, None) => {
            format!("events are assumed to be kept for {} days", limits::RETENTION_DAYS_ASSUMED)
        }
    };
    if is_empty == Some(true) {
        return Check::ok(NAME, format!("{keeps}; there are none yet"));
    }
    // The group's present retention, not the one of the last pull: it may have been changed
    // since.
    let facts = GroupFacts {
        name: group.name.clone(),
        retention_days: group.retention_days,
        created_ms: group.created_ms,
    };
    let mut known = pulled.cloned().unwrap_or_default();
    known.facts = facts;
    let standing = Standing::of(&known, now);
    let not_taken = standing.not_taken.in_zone(zone);
    let left_ms = standing.deleted_at.map(|it| it.ms_since(now));
    let is_pulled = standing.last_look.is_some();
    match left_ms {
        Some(..=0) => Check::failed(
            NAME,
            format!(
                "{keeps}; events from {not_taken} on are not in the store, and the first of them are being deleted"
            ),
        ),
        Some(left_ms) if left_ms.div_euclid(DAY_MS) <= limits::LOSS_WARNING_DAYS => Check::failed(
            NAME,
            format!(
                "{keeps}; events from {not_taken} on are not in the store, and the first of them will be deleted in {}",
                in_words(left_ms)
            ),
        ),
        _ if !is_pulled => Check::warning(NAME, format!("{keeps}; none of them is in the store")),
        Some(left_ms) => Check::ok(
            NAME,
            format!(
                "{keeps}; the store has them up to {not_taken}: later ones start to be deleted in {}",
                in_words(left_ms)
            ),
        ),
        None => Check::ok(NAME, format!("{keeps}; the store has them up to {not_taken}")),
    }
}

/// Judges whether events arrive. `newest_ms` is when the newest event was ingested, over the
/// listed streams; `is_on` is true if logging is certainly on.
pub(super) fn flow(newest_ms: Option<i64>, is_on: bool, now: Timestamp) -> Check {
    const NAME: &str = "events flowing";
    let Some(newest_ms) = newest_ms else {
        let none = "no event has ever been logged to it";
        return match is_on {
            true => Check::warning(NAME, none)
                .advice("send a message to a user of the organization, and check again in 10 minutes; if there is still none, check the role's policies"),
            false => Check::warning(NAME, none),
        };
    };
    let age_ms = now.as_ms().saturating_sub(newest_ms).max(0);
    let found = format!("the newest event arrived {} ago", in_words(age_ms));
    let is_old = |days: i64| age_ms > days * DAY_MS;
    let advice = "send a message to a user of the organization, and check again in 10 minutes; if nothing new has come, check the role's policies";
    match is_on {
        true if is_old(limits::SILENCE_FAILED_DAYS) => Check::failed(NAME, found).advice(advice),
        true if is_old(limits::SILENCE_WARNING_DAYS) => Check::warning(NAME, found).advice(advice),
        _ => Check::ok(NAME, found),
    }
}

/// Judges the age of the directory in the store, `taken` at a time. The command `pull` takes it
/// anew.
pub(super) fn directory(
    taken: Option<Timestamp>,
    now: Timestamp,
    zone: &Zone,
    pull: &str,
) -> Check {
    const NAME: &str = "directory";
    let Some(taken) = taken else {
        if has_ended(now) {
            return Check::ok(NAME, "none was taken, and WorkMail can no longer be asked for it");
        }
        return Check::warning(NAME, format!("the store has none: after {LAST_DAY} nobody can tell whose an address or an ID was, or what was a group"))
            .command(pull);
    };
    let found = format!("the store has it as of {}", taken.in_zone(zone));
    let age_ms = now.ms_since(taken);
    if age_ms > limits::DIRECTORY_OLD_MS && !has_ended(now) {
        return Check::warning(NAME, format!("{found}, {} ago", in_words(age_ms))).command(pull);
    }
    Check::ok(NAME, found)
}

/// The time left until WorkMail ends.
pub(super) fn end(now: Timestamp) -> Check {
    const NAME: &str = "end of WorkMail";
    if has_ended(now) {
        let found = format!("WorkMail shut down on {LAST_DAY}");
        return Check::ok(NAME, format!("{found}; its log groups keep their events"));
    }
    let days = days_left(now);
    let found = match days {
        1 => format!("1 day left until WorkMail shuts down on {LAST_DAY}"),
        days => format!("{days} days left until WorkMail shuts down on {LAST_DAY}"),
    };
    if days > limits::END_WARNING_DAYS {
        return Check::ok(NAME, found);
    }
    Check::warning(NAME, found).advice("run `mailtrace pull --follow` until the last event is in the store: after that day logging can be neither switched on nor inspected")
}

/// Judges a role's trust policy: whether it is right, and no wider than needed.
pub(super) fn trust(found: &Result<Policy, PolicyError>, scope: &Scope) -> Check {
    const NAME: &str = "role trust";
    let findings = match found {
        Ok(trust) => trust_findings(trust, scope),
        Err(error) => vec![(Health::Failed, format!("it cannot be read: {error}"))],
    };
    let check = weighed(
        NAME,
        findings,
        format!("only WorkMail may assume it, and only for {}", scope.organization),
    );
    if check.health == Health::Ok {
        return check;
    }
    // Replacing the trust policy would lock the others out, so a command that does so is not
    // offered.
    if found.as_ref().is_ok_and(|it| !others_trusted(it).is_empty()) {
        return check.advice("others may need this role as it is: give WorkMail a role of its own with `mailtrace setup --role-name NAME --force`");
    }
    if !scope.is_named() {
        let scope = Scope { organization: "ORGANIZATION-ID".to_owned(), ..scope.clone() };
        return check.advice(format!("it should be {}", trust_policy(&scope).to_json()));
    }
    let remedy = [
        "iam",
        "update-assume-role-policy",
        "--role-name",
        &scope.role,
        "--policy-document",
        &trust_policy(scope).to_json(),
    ];
    check.command(shell_command(&remedy.map(str::to_owned)))
}

/// Judges whether a role may do its work and nothing else. `unread` are errors of policies that
/// could not be read.
pub(super) fn permissions(policies: &[NamedPolicy], unread: &[String], scope: &Scope) -> Check {
    const NAME: &str = "role permissions";
    let mut findings = Vec::new();
    let known = || policies.iter().filter_map(|(_, it)| it.as_ref().ok());
    let missing = missing_permissions(known(), scope);
    if !missing.is_empty() {
        let text = format!("it may not {} on {}", missing.join(" and "), scope.log_group);
        // A policy that was not read may allow it.
        let health = if unread.is_empty() { Health::Failed } else { Health::Warning };
        findings.push((health, text));
    }
    for (name, policy) in policies {
        if let Err(error) = policy {
            findings.push((Health::Warning, format!("{name} cannot be read: {error}")));
        }
    }
    findings.extend(unread.iter().map(|it| (Health::Warning, it.clone())));
    let named = policies.iter().filter_map(|(name, it)| Some((name.as_str(), it.as_ref().ok()?)));
    let excess = excess_permissions(named, scope);
    findings.extend(excess.into_iter().map(|it| (Health::Warning, it)));
    let check =
        weighed(NAME, findings, format!("it may write to {} and nothing else", scope.log_group));
    match check.health {
        Health::Ok => check,
        Health::Failed if scope.is_named() => check.command(format!(
            "mailtrace setup --organization {} --region {} --log-group {} --role-name {}",
            scope.organization, scope.region, scope.log_group, scope.role
        )),
        _ => check.advice(format!("it needs only {}", role_policy(scope).to_json())),
    }
}

/// Judges whether an administrator may pass a role of that name to WorkMail.
pub(super) fn role_name(name: &str) -> Check {
    const NAME: &str = "role name";
    if name.contains(ROLE_NAME_PART) {
        return Check::ok(NAME, format!("{name} contains \"{ROLE_NAME_PART}\""));
    }
    Check::warning(NAME, format!("{name} does not contain \"{ROLE_NAME_PART}\": AWS's policy AmazonWorkMailFullAccess lets administrators pass only roles whose names do"))
        .advice("use a role with such a name: `mailtrace setup --force`")
}

/// One check made of many findings, as bad as the worst of them.
fn weighed(name: &'static str, findings: Vec<(Health, String)>, fine: String) -> Check {
    let Some(health) = findings.iter().map(|(health, _)| *health).max() else {
        return Check::ok(name, fine);
    };
    let mut findings = findings;
    findings.sort_by_key(|(health, _)| std::cmp::Reverse(*health));
    let texts: Vec<String> = findings.into_iter().map(|(_, text)| text).collect();
    Check { health, ..Check::ok(name, texts.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = DAY_MS;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms).unwrap()
    }

    fn judged(retention_days: Option<u32>, looks: &[(i64, i64, i64)], now_ms: i64) -> Check {
        let group = LogGroup { retention_days, created_ms: Some(0), ..LogGroup::default() };
        let mut pulled = PulledGroup::default();
        looks.iter().for_each(|it| pulled.add((*it).into()));
        retention(&group, Some(&pulled), Some(false), at(now_ms), &Zone::UTC)
    }

    #[test]
    fn what_is_deleted_next_should_be_in_the_store() {
        let now = 100 * DAY;
        let whole = [(60 * DAY, now - 1, now)];
        let check = judged(Some(30), &whole, now);
        assert_eq!(check.health, Health::Ok, "{check:?}");
        assert!(check.found.contains("deleted in 30 days"), "{check:?}");
        assert_eq!(judged(None, &[(-20 * DAY, now - 1, now)], now).health, Health::Ok);

        let check = judged(Some(30), &[(60 * DAY, 73 * DAY, now)], now);
        assert_eq!(check.health, Health::Failed, "{check:?}");
        assert!(check.found.contains("will be deleted in 3 days"), "{check:?}");
        assert!(check.found.contains("from 1970-03-15T00:00:00.001Z on"), "{check:?}");
        let check = judged(Some(30), &[], now);
        assert_eq!(check.health, Health::Failed, "{check:?}");
        assert!(check.found.contains("are being deleted"), "{check:?}");
        assert_eq!(judged(None, &[], now).health, Health::Warning);
    }

    #[test]
    fn silence_is_told_and_weighed() {
        let check = |age: i64, is_on| flow(Some(at(100 * DAY - age).as_ms()), is_on, at(100 * DAY));
        assert_eq!(check(60_000, true).health, Health::Ok);
        assert_eq!(check(2 * DAY, true).health, Health::Warning);
        assert_eq!(check(8 * DAY, true).health, Health::Failed);
        assert!(check(8 * DAY, false).found.contains("8 days ago"));
        assert_eq!(check(8 * DAY, false).health, Health::Ok);
        assert_eq!(flow(None, true, at(0)).health, Health::Warning);
    }

    #[test]
    fn policies_that_could_not_be_read_may_allow_what_is_missing() {
        let scope = Scope::for_tests();
        let needed = ("p".to_owned(), Ok(role_policy(&scope)));
        assert_eq!(permissions(&[needed], &[], &scope).health, Health::Ok);
        assert_eq!(permissions(&[], &[], &scope).health, Health::Failed);
        let unread = ["iam:GetPolicy is not allowed".to_owned()];
        let check = permissions(&[], &unread, &scope);
        assert_eq!(check.health, Health::Warning);
        assert!(check.found.contains("iam:GetPolicy"), "{check:?}");
    }
}
