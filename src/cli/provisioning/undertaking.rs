//! The printed steps of `setup` and `teardown`, done or planned.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::provisioning::{AuditPlan, Policy, SetupPlan, TeardownPlan, shell_command};
use crate::render::{BriefAnswer, sanitise};

/// Steps of any kind of plan.
pub(crate) struct Undertaking {
    /// Members of the JSON answer that name the subject.
    about: Value,
    /// The subject, for people.
    headline: String,
    steps: Vec<StepRow>,
    kept: Vec<String>,
    warnings: Vec<String>,
}

/// A step as it is printed.
struct StepRow {
    title: String,
    action: &'static str,
    policy: Option<Policy>,
    command: String,
}

impl From<&SetupPlan> for Undertaking {
    fn from(plan: &SetupPlan) -> Self {
        let scope = &plan.scope;
        let rows = plan.steps.iter().map(|step| StepRow {
            title: step.title(scope),
            action: step.action(),
            policy: step.policy().cloned(),
            command: shell_command(&step.command(scope)),
        });
        Self {
            about: json!({
                "organization": scope.organization,
                "region": scope.region,
                "account": scope.account,
                "logGroup": scope.log_group,
                "role": (!plan.is_default_role).then_some(&scope.role),
            }),
            headline: format!(
                "Organization {} in {}, account {}",
                scope.organization, scope.region, scope.account
            ),
            steps: rows.collect(),
            kept: plan.kept.clone(),
            warnings: plan.warnings.clone(),
        }
    }
}

impl From<&AuditPlan> for Undertaking {
    fn from(plan: &AuditPlan) -> Self {
        let scope = &plan.scope;
        let rows = plan.steps.iter().map(|step| StepRow {
            title: step.title(scope),
            action: step.action(),
            policy: None,
            command: step.command(scope),
        });
        Self {
            about: json!({
                "organization": scope.organization,
                "region": scope.region,
                "account": scope.account,
                "logGroup": scope.log_group,
            }),
            headline: format!(
                "Audit logs of {} in {}, account {}",
                scope.organization, scope.region, scope.account
            ),
            steps: rows.collect(),
            kept: plan.kept.clone(),
            warnings: plan.warnings.clone(),
        }
    }
}

impl From<&TeardownPlan> for Undertaking {
    fn from(plan: &TeardownPlan) -> Self {
        let scope = &plan.wish.scope;
        let rows = plan.steps.iter().map(|step| StepRow {
            title: step.title(scope),
            action: step.action(),
            policy: None,
            command: step.command(scope),
        });
        let is_named = !scope.organization.is_empty();
        let subject = match is_named {
            true => format!("Organization {}", scope.organization),
            false => format!("Log group {}", scope.log_group),
        };
        Self {
            about: json!({
                "organization": is_named.then_some(&scope.organization),
                "region": scope.region,
                "account": scope.account,
                "logGroup": scope.log_group,
                "role": plan.wish.deletes_role.then_some(&scope.role),
            }),
            headline: format!("{subject} in {}, account {}", scope.region, scope.account),
            steps: rows.collect(),
            kept: plan.kept.clone(),
            warnings: plan.warnings.clone(),
        }
    }
}

/// The report of steps while they are taken.
pub(crate) struct Report<'c> {
    undertaking: Undertaking,
    done_count: usize,
    context: &'c Context,
}

impl<'c> Report<'c> {
    pub(crate) fn of(undertaking: Undertaking, context: &'c Context) -> Self {
        Self { undertaking, done_count: 0, context }
    }

    /// Reports what is already as it should be.
    pub(crate) fn begin(&self) -> io::Result<()> {
        self.undertaking.kept.iter().try_for_each(|it| self.line("ok", it))
    }

    /// Reports the next step as taken, with a note.
    pub(crate) fn done(&mut self, note: &str) -> io::Result<()> {
        let step = self.undertaking.steps.get(self.done_count);
        self.line("done", &format!("{}{note}", step.map_or("", |it| &it.title)))?;
        self.done_count += 1;
        Ok(())
    }

    /// Reports the end: a word and a line, or an error, which is reported elsewhere as well.
    pub(crate) fn end(&self, ended: Result<(&str, &str), &str>) -> io::Result<()> {
        if self.context.is_for_people() {
            return ended.map_or(Ok(()), |(word, text)| self.line(word, text));
        }
        let results = (0..self.undertaking.steps.len()).map(|index| {
            match (index.cmp(&self.done_count), ended) {
                (std::cmp::Ordering::Less, _) => "done",
                (std::cmp::Ordering::Equal, Err(_)) => "failed",
                _ => "notDone",
            }
        });
        let json = self.undertaking.to_json(results, ended.err());
        self.context.print(&BriefAnswer { lines: Vec::new(), json })
    }

    /// Prints a line for people, without delay.
    fn line(&self, word: &str, text: &str) -> io::Result<()> {
        if !self.context.is_for_people() {
            return Ok(());
        }
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{word:<4}  {}", sanitise(text))?;
        stdout.flush()
    }
}

impl Undertaking {
    /// The plan, as an answer.
    pub(crate) fn dry_run(&self) -> BriefAnswer {
        let kept = self.kept.iter().map(|it| format!("ok    {it}"));
        let warnings = self.warnings.iter().map(|it| format!("note  {it}"));
        let mut lines = vec![self.headline.clone()];
        lines.extend(kept.chain(warnings));
        for (index, step) in self.steps.iter().enumerate() {
            lines.push(String::new());
            lines.push(format!("{}. {}", index + 1, step.title));
            if !step.action.is_empty() {
                lines.push(format!("   call     {}", step.action));
            }
            if let Some(policy) = &step.policy {
                lines.push("   policy".to_owned());
                lines.extend(policy.to_pretty_json().lines().map(|it| format!("     {it}")));
            }
            lines.push(format!("   command  {}", step.command));
        }
        lines.push(String::new());
        lines.push(match self.steps.is_empty() {
            true => "Nothing to do.".to_owned(),
            false => "Nothing was changed.".to_owned(),
        });
        BriefAnswer { lines, json: self.to_json(self.steps.iter().map(|_| "planned"), None) }
    }

    fn to_json(&self, results: impl Iterator<Item = &'static str>, error: Option<&str>) -> Value {
        let steps = self.steps.iter().zip(results).map(|(step, result)| {
            json!({
                "step": step.title,
                "action": (!step.action.is_empty()).then_some(step.action),
                "policy": step.policy,
                "command": step.command,
                "result": result,
            })
        });
        let mut value = self.about.clone();
        if let Some(members) = value.as_object_mut() {
            members.insert("steps".to_owned(), steps.collect());
            members.insert("kept".to_owned(), json!(self.kept));
            members.insert("warnings".to_owned(), json!(self.warnings));
            members.insert("error".to_owned(), json!(error));
        }
        value
    }
}
