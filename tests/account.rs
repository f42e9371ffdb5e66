//! An AWS account with WorkMail in it: moto's CloudWatch Logs, IAM and STS, and a WorkMail of our
//! own. A gate stands before moto: it keeps count of the calls, and denies those it is told to.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::cloudwatch::{ACCOUNT, REGION};
use crate::json_client::{Answered, JsonClient};
use crate::loopback::{HttpRequest, Reply, Server, Service};
use crate::moto::Moto;
use crate::support::{Ran, mailtrace, run};
use crate::workmail::{Organization, WorkMail};

const JSON: &str = "application/x-amz-json-1.1";
const FORM: &str = "application/x-www-form-urlencoded";

/// The account, and the ways into it.
pub(crate) struct Account {
    pub(crate) workmail: WorkMail,
    pub(crate) gate: Server<Gate>,
    moto: Moto,
}

/// What stands before moto.
#[derive(Debug)]
pub(crate) struct Gate {
    moto: SocketAddr,
    /// Actions that are denied, such as `CreateRole`.
    pub(crate) denied: Vec<&'static str>,
    /// What came in, by its IAM action, such as `iam:CreateRole`.
    pub(crate) calls: Vec<String>,
}

impl Service for Gate {
    fn answer(&mut self, request: &HttpRequest) -> Reply {
        let header = |name| request.header(name).unwrap_or_default().to_owned();
        let service = if header("authorization").contains("/logs/") {
            "logs"
        } else if header("authorization").contains("/iam/") {
            "iam"
        } else {
            "sts"
        };
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let action = match header("x-amz-target").split_once('.') {
            Some((_, action)) => action.to_owned(),
            None => form_value(&body, "Action").unwrap_or_default(),
        };
        let name = format!("{service}:{action}");
        self.calls.push(name.clone());
        let kind = if service == "logs" { JSON } else { "text/xml" };
        if self.denied.contains(&action.as_str()) {
            let message = format!(
                "User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: {name} on \
                 resource: x"
            );
            return if service == "logs" {
                let body =
                    serde_json::json!({ "__type": "AccessDeniedException", "Message": message });
                Reply::new(400, kind, body.to_string().into_bytes())
            } else {
                let body = format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                     <Message>{message}</Message></Error></ErrorResponse>"
                );
                Reply::new(403, kind, body.into_bytes())
            };
        }
        let headers = match header("x-amz-target") {
            target if target.is_empty() => String::new(),
            target => format!("X-Amz-Target: {target}\r\n"),
        };
        let mut client = JsonClient::connect(self.moto).unwrap().signed_for(service);
        let answered = client.post(&header("content-type"), &headers, &body).unwrap();
        Reply::new(answered.status, kind, answered.body)
    }
}

/// A value of a form, decoded.
fn form_value(form: &str, name: &str) -> Option<String> {
    let value = form.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_decoded(&value.replace('+', " ")))
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

fn percent_encoded(text: &str) -> String {
    let encode = |it: u8| {
        if it.is_ascii_alphanumeric() { char::from(it).to_string() } else { format!("%{it:02X}") }
    };
    text.bytes().map(encode).collect()
}

/// What stands between two tags.
fn element<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

impl Account {
    /// One with these organizations and nothing else.
    pub(crate) fn with(organizations: impl IntoIterator<Item = Organization>) -> Self {
        let moto = Moto::start();
        let gate = Gate { moto: moto.address(), denied: Vec::new(), calls: Vec::new() };
        let workmail = WorkMail::start(organizations);
        Self { workmail, gate: Server::listening(gate), moto }
    }

    /// The program, as somebody of this account.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mailtrace();
        command.envs([
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", &self.gate.endpoint()),
            ("AWS_ENDPOINT_URL_WORKMAIL", &self.workmail.endpoint()),
        ]);
        command.args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Calls that came in since the last look, without repetitions, in order of their names.
    pub(crate) fn calls(&self) -> Vec<String> {
        let mut calls = std::mem::take(&mut self.gate.lock().calls);
        let requests = std::mem::take(&mut self.workmail.lock().requests);
        calls
            .extend(requests.iter().map(|(operation, _)| format!("workmail:{}", operation.name())));
        calls.sort();
        calls.dedup();
        calls
    }

    pub(crate) fn moto(&self) -> &Moto {
        &self.moto
    }

    /// Calls an action of a service with the query protocol.
    pub(crate) fn query(
        &self,
        service: &'static str,
        parameters: &[(&str, &str)],
    ) -> (u16, String) {
        let form: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", percent_encoded(value)))
            .collect();
        let mut client = JsonClient::connect(self.moto.address()).unwrap().signed_for(service);
        let Answered { status, body } = client.post(FORM, "", &form.join("&")).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let all = [&[("Action", action), ("Version", "2010-05-08")], parameters].concat();
        self.query("iam", &all)
    }

    /// The trust policy of a role; none where there is no role.
    pub(crate) fn trust_policy(&self, role: &str) -> Option<Value> {
        let (status, body) = self.iam("GetRole", &[("RoleName", role)]);
        (status == 200).then(|| {
            let text = percent_decoded(element(&body, "AssumeRolePolicyDocument").unwrap());
            serde_json::from_str(&text).unwrap()
        })
    }

    /// A policy within a role.
    pub(crate) fn role_policy(&self, role: &str, policy: &str) -> Option<Value> {
        let parameters = [("RoleName", role), ("PolicyName", policy)];
        let (status, body) = self.iam("GetRolePolicy", &parameters);
        (status == 200).then(|| {
            let text = percent_decoded(element(&body, "PolicyDocument").unwrap());
            serde_json::from_str(&text).unwrap()
        })
    }

    /// Makes a role, as another hand would.
    pub(crate) fn create_role(&self, role: &str, trust: &Value) {
        let trust = trust.to_string();
        let parameters = [("RoleName", role), ("AssumeRolePolicyDocument", trust.as_str())];
        let (status, body) = self.iam("CreateRole", &parameters);
        assert_eq!(status, 200, "{body}");
    }

    /// Writes a policy into a role, as another hand would.
    pub(crate) fn put_role_policy(&self, role: &str, policy: &str, document: &Value) {
        let document = document.to_string();
        let parameters =
            [("RoleName", role), ("PolicyName", policy), ("PolicyDocument", document.as_str())];
        let (status, body) = self.iam("PutRolePolicy", &parameters);
        assert_eq!(status, 200, "{body}");
    }

    /// A log group as it is described; none where there is none.
    pub(crate) fn log_group(&self, name: &str) -> Option<Value> {
        let parameters = serde_json::json!({ "logGroupNamePrefix": name });
        let groups = self.moto.call("DescribeLogGroups", &parameters)["logGroups"].clone();
        groups.as_array().unwrap().iter().find(|it| it["logGroupName"] == name).cloned()
    }

    /// Where an organization's events are logged.
    pub(crate) fn monitoring(&self, alias: &str) -> Option<Value> {
        let state = self.workmail.lock();
        state.organizations.iter().find(|it| it.alias == alias).unwrap().monitoring.clone()
    }
}
