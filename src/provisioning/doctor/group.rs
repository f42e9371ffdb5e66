//! The log group: whether it exists, how much of it is in the store, and whether it may be
//! pulled.

use super::{Examination, is_denied};
use crate::aws::{AwsError, EventQuery, Failure, GROUP_PREFIX, LogGroup, LogGroupArn, Retrier};
use crate::limits;
use crate::provisioning::check::{Check, Health};
use crate::provisioning::{ProvisioningError, judge};
use crate::shell::quoted;
use crate::time::workmail_end::has_ended;

impl Examination<'_> {
    pub(super) async fn group(&mut self) {
        const NAME: &str = "log group";
        let Some(name) = self.log_group() else { return };
        let place = self.wish.log_group.as_ref().and_then(|(_, arn)| arn.as_ref());
        if let Some(arn) = place.filter(|it| it.region != self.region()) {
            let found =
                format!("{name} is in {}, but the region in use is {}", arn.region, self.region());
            let check = Check::failed(NAME, found);
            self.checks.push(check.advice(format!("give --region {}", arn.region)));
            return;
        }
        match self.services.log_group(&name).await {
            Ok(Some(group)) => {
                let check = if group.is_masked {
                    Check::warning(NAME, format!("{name} exists, and a data protection policy masks parts of its events"))
                        .advice("what it masks reaches the store masked: remove the policy, or allow logs:Unmask to see the originals in CloudWatch")
                } else {
                    Check::ok(NAME, format!("{name} exists"))
                };
                self.checks.push(check);
                self.content(&group).await;
            }
            Ok(None) => {
                let found = format!("there is no log group {name} in {}", self.region());
                let check = Check::failed(NAME, found);
                let near = if has_ended(self.wish.now) {
                    check.advice("check the name, --region and --profile: if the group was deleted, its events are gone")
                } else {
                    match &self.organization {
                        Some(it) => check.command(format!(
                            "mailtrace setup --organization {} --region {} --log-group {name}",
                            it.id,
                            self.region()
                        )),
                        None => check.advice(format!("check the name, --region and --profile; WorkMail's log groups are under {GROUP_PREFIX}")),
                    }
                };
                self.checks.push(near);
            }
            Err(error) => {
                if is_denied(&error) {
                    self.denied.push("logs:DescribeLogGroups");
                }
                let check = self.unknown(NAME, &error);
                self.checks.push(check);
                let arn = self
                    .account
                    .as_ref()
                    .map(|account| LogGroupArn::new(self.region(), account, &name).to_string());
                // Without the right to list groups its events may still be readable, so what can
                // be examined is.
                if let (true, Some(arn)) = (is_denied(&error), arn) {
                    self.content(&LogGroup { name, arn, ..LogGroup::default() }).await;
                }
            }
        }
    }

    /// Examines the group's events, and how many of them are in the store.
    async fn content(&mut self, group: &LogGroup) {
        let page = async |token| self.services.logs.streams(&group.name, token).await;
        let retrier = Retrier::first(&self.services.limiter);
        let listed = retrier.pages("log streams", limits::DESCRIBE_PAGES_MAX, page).await;
        let listed = listed.map_err(|it| ProvisioningError::from(it.into_error()));
        let is_empty = listed.as_ref().ok().map(Vec::is_empty);
        let check = match &self.wish.store.pulls {
            Ok(pulls) => {
                let (now, zone) = (self.wish.now, &self.wish.zone);
                judge::retention(group, pulls.group(&group.arn), is_empty, now, zone)
            }
            Err(error) => Check::failed("retention", format!("the store cannot be read: {error}"))
                .command("mailtrace verify"),
        };
        let is_fine = check.health == Health::Ok || check.remedy.is_some();
        let check = if is_fine {
            check
        } else {
            check.command(format!(
                "mailtrace pull --log-group {} --region {} --store {}",
                group.name,
                self.region(),
                quoted(&self.wish.store.path)
            ))
        };
        self.checks.push(check);
        let check = match listed {
            Ok(streams) => {
                let newest_ms = streams.iter().filter_map(|it| it.last_ingestion_ms).max();
                let is_on = matches!(self.monitoring, Some(Some(_)));
                judge::flow(newest_ms, is_on, self.wish.now)
            }
            Err(error) => {
                if is_denied(&error) {
                    self.denied.push("logs:DescribeLogStreams");
                }
                self.unknown("events flowing", &error)
            }
        };
        self.checks.push(check);
    }

    /// Checks whether the caller may pull.
    pub(super) async fn pulling(&mut self) {
        const NAME: &str = "pulling";
        let Some(group) = self.log_group() else { return };
        let now_ms = self.wish.now.as_ms();
        // One minute is enough: the question is permission, not events.
        let query =
            EventQuery { first_ms: now_ms - 60_000, last_ms: now_ms, ..EventQuery::default() };
        let asked = async || self.services.logs.events(&group, &query, None).await;
        let answer = self.services.call(asked).await.map_err(Failure::into_error);
        let command = self.policy_command();
        let check = match answer {
            Ok(_) if self.denied.is_empty() => {
                Check::ok(NAME, "the events, the streams and the group may be read")
            }
            Ok(_) => Check::warning(
                NAME,
                format!(
                    "{} is not allowed: pulling takes longer without it",
                    self.denied.join(" and ")
                ),
            )
            .command(command),
            Err(error @ AwsError::Denied { .. }) => {
                Check::failed(NAME, error.to_string()).command(command)
            }
            // The missing group was reported already.
            Err(AwsError::NotFound { .. }) => return,
            Err(error) => Check::failed(NAME, error.to_string()),
        };
        self.checks.push(check);
    }
}
