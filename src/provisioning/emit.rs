//! The setup from nothing, as text for other tools.
//!
//! Every name in it was checked against its published pattern ([`super::names`]) and is quoted
//! all the same.

use super::ProvisioningError;
use super::plan::{ROLE_POLICY_NAME, SetupFound, SetupPlan, SetupStep, SetupWish, plan};
use super::policy::Policy;
use super::step::{ROLE_DESCRIPTION, shell_command};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A POSIX shell script that runs the AWS CLI.
    AwsCli,
    /// A CloudFormation template in YAML.
    CloudFormation,
    Terraform,
}

impl Template {
    /// The text that sets up everything.
    ///
    /// # Errors
    ///
    /// None in fact: from nothing there is nothing in the way.
    pub fn text(self, wish: &SetupWish) -> Result<String, ProvisioningError> {
        let plan = plan(wish, &SetupFound::default())?;
        Ok(match self {
            Self::AwsCli => script(&plan),
            Self::CloudFormation => cloudformation(&plan),
            Self::Terraform => terraform(&plan),
        })
    }
}

/// The contents of a plan from nothing.
struct Parts<'p> {
    kms_key: Option<&'p str>,
    retention_days: Option<u32>,
    /// The role's trust policy and its permissions.
    role: Option<(&'p Policy, &'p Policy)>,
    /// The commands that switch logging on and off.
    on: String,
    off: String,
}

impl<'p> Parts<'p> {
    fn of(plan: &'p SetupPlan) -> Self {
        let (mut kms_key, mut retention_days) = (None, None);
        let (mut trust, mut permissions) = (None, None);
        let (mut on, mut off) = (String::new(), String::new());
        for step in &plan.steps {
            match step {
                SetupStep::CreateGroup { kms_key: key } => kms_key = key.as_deref(),
                SetupStep::SetRetention(retention) => retention_days = retention.days(),
                SetupStep::CreateRole(policy) => trust = Some(policy),
                SetupStep::PutRolePolicy(policy) => permissions = Some(policy),
                SetupStep::SwitchOn(_) => {
                    on = shell_command(&step.command(&plan.scope));
                    off = shell_command(
                        &step.undo(&plan.scope).expect("what is switched on can be off"),
                    );
                }
                // These change something that exists, and here nothing does.
                SetupStep::EncryptGroup { .. } | SetupStep::ReplaceTrust(_) => {}
            }
        }
        Self { kms_key, retention_days, role: trust.zip(permissions), on, off }
    }
}

fn script(plan: &SetupPlan) -> String {
    let scope = &plan.scope;
    let mut text = format!(
        r#"#!/bin/sh
# Logs the email events of the WorkMail organization {organization}
# to the log group {group} in {region}.
# Written by `mailtrace setup --emit aws-cli`. It can be run again.
set -eu

# Runs a command that creates something, and passes if that exists already.
make() {{
  if ! error=$("$@" 2>&1 >/dev/null); then
    case $error in
      *AlreadyExists*) echo "there already, left as it is: $*" >&2 ;;
      *) printf '%s\n' "$error" >&2; exit 1 ;;
    esac
  fi
}}
"#,
        organization = scope.organization,
        group = scope.log_group,
        region = scope.region,
    );
    for step in &plan.steps {
        let command = shell_command(&step.command(scope));
        text.push_str(&format!("\n# {}\n", step.title(scope)));
        match step {
            SetupStep::CreateGroup { .. } | SetupStep::CreateRole(_) => {
                text.push_str(&format!("make {command}\n"));
            }
            SetupStep::SwitchOn(_) => text.push_str(&format!(
                "# It takes a while until a new role is known everywhere.\n\
                 tries=0\n\
                 until {command}; do\n  \
                   tries=$((tries + 1))\n  \
                   [ \"$tries\" -lt 10 ] || exit 1\n  \
                   sleep 6\n\
                 done\n"
            )),
            _ => text.push_str(&format!("{command}\n")),
        }
    }
    text
}

fn cloudformation(plan: &SetupPlan) -> String {
    let scope = &plan.scope;
    let parts = Parts::of(plan);
    let mut text = format!(
        "# Logs the email events of a WorkMail organization. Written by `mailtrace setup --emit cloudformation`.\n\
         # Deploy it in {}{}.\n\
         # CloudFormation has no resource for WorkMail's email monitoring configuration: the command\n\
         # in the output SwitchOn does that, once the stack exists; SwitchOff undoes it.\n\
         AWSTemplateFormatVersion: \"2010-09-09\"\n\
         Description: Log group and role for the email events of a WorkMail organization\n\
         Resources:\n  \
           LogGroup:\n    \
             Type: AWS::Logs::LogGroup\n    \
             # The events outlive the stack.\n    \
             DeletionPolicy: Retain\n    \
             UpdateReplacePolicy: Retain\n    \
             Properties:\n      \
               LogGroupName: {}\n",
        scope.region,
        if parts.role.is_some() { " with --capabilities CAPABILITY_NAMED_IAM" } else { "" },
        json(&scope.log_group),
    );
    if let Some(days) = parts.retention_days {
        text.push_str(&format!("      RetentionInDays: {days}\n"));
    }
    if let Some(key) = parts.kms_key {
        text.push_str(&format!("      KmsKeyId: {}\n", json(key)));
    }
    if let Some((trust, permissions)) = parts.role {
        text.push_str(&format!(
            "  Role:\n    \
               Type: AWS::IAM::Role\n    \
               Properties:\n      \
                 RoleName: {}\n      \
                 Description: {}\n      \
                 AssumeRolePolicyDocument:\n{}      \
                 Policies:\n        \
                   - PolicyName: {}\n          \
                     PolicyDocument:\n{}",
            json(&scope.role),
            json(ROLE_DESCRIPTION),
            indented(trust, 8),
            json(ROLE_POLICY_NAME),
            indented(permissions, 12),
        ));
    }
    text.push_str(&format!(
        "Outputs:\n  SwitchOn:\n    Value: {}\n  SwitchOff:\n    Value: {}\n",
        json(&parts.on),
        json(&parts.off),
    ));
    text
}

fn terraform(plan: &SetupPlan) -> String {
    let scope = &plan.scope;
    let parts = Parts::of(plan);
    let mut text = format!(
        r#"# Logs the email events of a WorkMail organization. Written by `mailtrace setup --emit terraform`.
# The AWS provider has no resource for WorkMail's email monitoring configuration: terraform_data
# runs the AWS CLI for that, which has to be installed where Terraform runs.
terraform {{
  required_version = ">= 1.4"
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

provider "aws" {{
  region              = {region}
  allowed_account_ids = [{account}]
}}

resource "aws_cloudwatch_log_group" "email_events" {{
"#,
        region = hcl(&scope.region),
        account = hcl(&scope.account),
    );
    let arguments = [
        ("name", Some(hcl(&scope.log_group))),
        ("retention_in_days", parts.retention_days.map(|it| it.to_string())),
        ("kms_key_id", parts.kms_key.map(hcl)),
    ];
    let said: Vec<_> = arguments.into_iter().filter_map(|(name, it)| Some((name, it?))).collect();
    // Terraform's own formatter aligns the equals signs.
    let width = said.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in said {
        text.push_str(&format!("  {name:<width$} = {value}\n"));
    }
    text.push_str("  # The events outlive the configuration.\n  skip_destroy = true\n}\n");
    // Terraform orders by dependencies, and the switch is a command that it cannot see into.
    let mut needed = vec!["aws_cloudwatch_log_group.email_events"];
    if let Some((trust, permissions)) = parts.role {
        needed.push("aws_iam_role_policy.email_events");
        text.push_str(&format!(
            r#"
resource "aws_iam_role" "email_events" {{
  name        = {role}
  description = {description}
  assume_role_policy = jsonencode({trust})
}}

resource "aws_iam_role_policy" "email_events" {{
  name = {policy_name}
  role = aws_iam_role.email_events.id
  policy = jsonencode({permissions})
}}
"#,
            role = hcl(&scope.role),
            description = hcl(ROLE_DESCRIPTION),
            trust = hcl_policy(trust),
            policy_name = hcl(ROLE_POLICY_NAME),
            permissions = hcl_policy(permissions),
        ));
    }
    text.push_str(&format!(
        r#"
resource "terraform_data" "email_monitoring" {{
  depends_on       = [{needed}]
  triggers_replace = [{on}]

  provisioner "local-exec" {{
    # It takes a while until a new role is known everywhere.
    command = {patient}
  }}

  provisioner "local-exec" {{
    when    = destroy
    command = {off}
  }}
}}
"#,
        needed = needed.join(", "),
        on = hcl(&parts.on),
        patient = hcl(&format!("sleep 15; {}", parts.on)),
        off = hcl(&parts.off),
    ));
    text
}

/// A text in double quotes, for JSON and YAML.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text in double quotes for Terraform, without templates.
fn hcl(text: &str) -> String {
    json(text).replace("${", "$${").replace("%{", "%%{")
}

/// A policy in Terraform's format: JSON, but with a blank after each name.
fn hcl_policy(policy: &Policy) -> String {
    let text = indented(policy, 2);
    let lines = text.trim().lines().map(|it| it.replacen("\": ", "\" : ", 1));
    lines.collect::<Vec<_>>().join("\n")
}

/// A policy as JSON, which is valid YAML, indented by a number of blanks.
fn indented(policy: &Policy, blanks: usize) -> String {
    let indent = " ".repeat(blanks);
    policy.to_pretty_json().lines().map(|it| format!("{indent}{it}\n")).collect()
}
