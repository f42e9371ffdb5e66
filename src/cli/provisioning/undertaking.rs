//! What `setup` and `teardown` print: what they do, or what they would do.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::cli::Format;
use crate::provisioning::{AuditPlan, Policy, SetupPlan, TeardownPlan, shell_command};
use crate::render::{sanitise, write_json};

/// Steps to take, of whatever kind.
pub(super) struct Undertaking {
    /// Members of the answer for programs that say what it is all about.
    about: Value,
    /// The same for people.
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

/// An undertaking on its way.
pub(super) struct Report {
    undertaking: Undertaking,
    format: Format,
    done_count: usize,
}

impl Report {
    pub(super) fn of(undertaking: Undertaking, format: Format) -> Self {
        Self { undertaking, format, done_count: 0 }
    }

    /// Says what is as it should be.
    pub(super) fn begin(&self) -> io::Result<()> {
        self.undertaking.kept.iter().try_for_each(|it| self.line("ok", it))
    }

    /// Says that the next step was taken, and what came of it.
    pub(super) fn done(&mut self, note: &str) -> io::Result<()> {
        let step = self.undertaking.steps.get(self.done_count);
        self.line("done", &format!("{}{note}", step.map_or("", |it| &it.title)))?;
        self.done_count += 1;
        Ok(())
    }

    /// Says how it ended: with a word and a line, or with an error, which is told elsewhere too.
    pub(super) fn end(&self, ended: Result<(&str, &str), &str>) -> io::Result<()> {
        if self.format != Format::Table {
            let results = (0..self.undertaking.steps.len()).map(|index| {
                match (index.cmp(&self.done_count), ended) {
                    (std::cmp::Ordering::Less, _) => "done",
                    (std::cmp::Ordering::Equal, Err(_)) => "failed",
                    _ => "notDone",
                }
            });
            let value = to_json(&self.undertaking, results, ended.err());
            let mut stdout = anstream::stdout().lock();
            write_json(&value, &mut stdout)?;
            return stdout.flush();
        }
        ended.map_or(Ok(()), |(word, text)| self.line(word, text))
    }

    /// A line for people, at once.
    fn line(&self, word: &str, text: &str) -> io::Result<()> {
        if self.format != Format::Table {
            return Ok(());
        }
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{word:<4}  {}", sanitise(text))?;
        stdout.flush()
    }
}

/// Writes what is not carried out.
pub(super) fn write_dry_run(
    undertaking: &Undertaking,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    if format != Format::Table {
        let results = undertaking.steps.iter().map(|_| "planned");
        return write_json(&to_json(undertaking, results, None), out);
    }
    let mut line = |text: String| writeln!(out, "{}", sanitise(&text));
    line(undertaking.headline.clone())?;
    for kept in &undertaking.kept {
        line(format!("ok    {kept}"))?;
    }
    for warning in &undertaking.warnings {
        line(format!("note  {warning}"))?;
    }
    for (index, step) in undertaking.steps.iter().enumerate() {
        line(String::new())?;
        line(format!("{}. {}", index + 1, step.title))?;
        if !step.action.is_empty() {
            line(format!("   call     {}", step.action))?;
        }
        if let Some(policy) = &step.policy {
            line("   policy".to_owned())?;
            for text in policy.to_pretty_json().lines() {
                line(format!("     {text}"))?;
            }
        }
        line(format!("   command  {}", step.command))?;
    }
    line(String::new())?;
    line(match undertaking.steps.is_empty() {
        true => "Nothing is to be done.".to_owned(),
        false => "Nothing was changed.".to_owned(),
    })
}

fn to_json(
    undertaking: &Undertaking,
    results: impl Iterator<Item = &'static str>,
    error: Option<&str>,
) -> Value {
    let steps = undertaking.steps.iter().zip(results).map(|(step, result)| {
        json!({
            "step": step.title,
            "action": (!step.action.is_empty()).then_some(step.action),
            "policy": step.policy,
            "command": step.command,
            "result": result,
        })
    });
    let mut value = undertaking.about.clone();
    if let Some(members) = value.as_object_mut() {
        members.insert("steps".to_owned(), steps.collect());
        members.insert("kept".to_owned(), json!(undertaking.kept));
        members.insert("warnings".to_owned(), json!(undertaking.warnings));
        members.insert("error".to_owned(), json!(error));
    }
    value
}
