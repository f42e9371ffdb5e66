//! What `setup` prints: what it does, or what it would do.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Format;
use crate::logging::{LoggingError, Plan, Step, shell_command};
use crate::render::{sanitise, write_json};

/// A plan on its way.
pub(super) struct Report<'p> {
    plan: &'p Plan,
    format: Format,
    done_count: usize,
}

impl<'p> Report<'p> {
    pub(super) fn of(plan: &'p Plan, format: Format) -> Self {
        Self { plan, format, done_count: 0 }
    }

    /// Says what is as it should be.
    pub(super) fn begin(&self) -> io::Result<()> {
        self.plan.kept.iter().try_for_each(|it| self.line("ok", it))
    }

    /// Says that a step was taken.
    pub(super) fn done(&mut self, step: &Step) -> io::Result<()> {
        self.done_count += 1;
        self.line("done", &step.title(&self.plan.scope))
    }

    /// Says how it ended; a failure is told elsewhere too.
    pub(super) fn end(&self, error: Option<&LoggingError>) -> io::Result<()> {
        if self.format != Format::Table {
            let results = (0..self.plan.steps.len()).map(|index| {
                match (index.cmp(&self.done_count), error) {
                    (std::cmp::Ordering::Less, _) => "done",
                    (std::cmp::Ordering::Equal, Some(_)) => "failed",
                    _ => "notDone",
                }
            });
            let mut value = to_json(self.plan, results);
            if let (Some(members), Some(error)) = (value.as_object_mut(), error) {
                members.insert("error".to_owned(), error.to_string().into());
            }
            let mut stdout = anstream::stdout().lock();
            write_json(&value, &mut stdout)?;
            return stdout.flush();
        }
        if error.is_some() {
            return Ok(());
        }
        let scope = &self.plan.scope;
        let text = format!(
            "events are logged; take them with `mailtrace pull --log-group {} --region {}`",
            scope.log_group, scope.region
        );
        self.line("on", &text)
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

/// Writes a plan that is not carried out.
pub(super) fn write_dry_run(plan: &Plan, format: Format, out: &mut dyn Write) -> io::Result<()> {
    if format != Format::Table {
        return write_json(&to_json(plan, plan.steps.iter().map(|_| "planned")), out);
    }
    let scope = &plan.scope;
    let mut line = |text: String| writeln!(out, "{}", sanitise(&text));
    line(format!(
        "Organization {} in {}, account {}",
        scope.organization, scope.region, scope.account
    ))?;
    for kept in &plan.kept {
        line(format!("ok    {kept}"))?;
    }
    for warning in &plan.warnings {
        line(format!("note  {warning}"))?;
    }
    for (index, step) in plan.steps.iter().enumerate() {
        line(String::new())?;
        line(format!("{}. {}", index + 1, step.title(scope)))?;
        line(format!("   call     {}", step.action()))?;
        if let Some(policy) = step.policy() {
            line("   policy".to_owned())?;
            for text in policy.to_pretty_json().lines() {
                line(format!("     {text}"))?;
            }
        }
        line(format!("   command  {}", shell_command(&step.command(scope))))?;
    }
    line(String::new())?;
    line(match plan.steps.is_empty() {
        true => "Nothing is to be done.".to_owned(),
        false => "Nothing was changed.".to_owned(),
    })
}

fn to_json(plan: &Plan, results: impl Iterator<Item = &'static str>) -> Value {
    let scope = &plan.scope;
    let steps = plan.steps.iter().zip(results).map(|(step, result)| {
        json!({
            "step": step.title(scope),
            "action": step.action(),
            "policy": step.policy(),
            "command": shell_command(&step.command(scope)),
            "result": result,
        })
    });
    json!({
        "organization": scope.organization,
        "region": scope.region,
        "account": scope.account,
        "logGroup": scope.log_group,
        "role": (!plan.is_default_role).then_some(&scope.role),
        "steps": steps.collect::<Vec<_>>(),
        "kept": plan.kept,
        "warnings": plan.warnings,
        "error": null,
    })
}
