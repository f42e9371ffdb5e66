//! An AWS account with WorkMail in it: moto's CloudWatch Logs, IAM and STS, and a WorkMail of our
//! own. A gate stands before moto: it keeps count of the calls, and denies those it is told to.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
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
    /// WorkMail's own role, which moto does not know how to delete.
    pub(crate) own_role: OwnRole,
    /// Listings of events after each of which one more event arrives.
    pub(crate) news: usize,
}

/// The name of WorkMail's own role.
pub(crate) const OWN_ROLE: &str = "AWSServiceRoleForAmazonWorkMailEvents";

/// WorkMail's own role, and what becomes of it when it is to be deleted.
#[derive(Debug, Default)]
pub(crate) struct OwnRole {
    pub(crate) exists: bool,
    /// How far its deletion is said to have got, in this order; the last is said from then on.
    pub(crate) statuses: Vec<&'static str>,
}

impl OwnRole {
    /// Answers what is about this role.
    fn answer(&mut self, action: &str, form: &str) -> Option<(u16, String)> {
        let is_meant = form_value(form, "RoleName").as_deref() == Some(OWN_ROLE);
        let result = match action {
            "GetRole" | "DeleteServiceLinkedRole" if is_meant && !self.exists => {
                let body = "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code>\
                     <Message>no such role</Message></Error></ErrorResponse>";
                return Some((404, body.to_owned()));
            }
            "GetRole" if is_meant => format!(
                "<Role><Path>/aws-service-role/events.workmail.amazonaws.com/</Path>\
                 <RoleName>{OWN_ROLE}</RoleName><RoleId>AROA1</RoleId><Arn>arn:aws:iam::{ACCOUNT}:\
                 role/aws-service-role/events.workmail.amazonaws.com/{OWN_ROLE}</Arn>\
                 <CreateDate>2026-01-01T00:00:00Z</CreateDate>\
                 <AssumeRolePolicyDocument>%7B%22Statement%22%3A%5B%5D%7D\
                 </AssumeRolePolicyDocument></Role>"
            ),
            "DeleteServiceLinkedRole" if is_meant => {
                "<DeletionTaskId>task/1</DeletionTaskId>".to_owned()
            }
            "GetServiceLinkedRoleDeletionStatus" => {
                assert_eq!(form_value(form, "DeletionTaskId").as_deref(), Some("task/1"));
                let status = match self.statuses.len() {
                    0 => "SUCCEEDED",
                    1 => self.statuses[0],
                    _ => self.statuses.remove(0),
                };
                self.exists &= status != "SUCCEEDED";
                let reason = match status {
                    "FAILED" => {
                        "<Reason><Reason>It is in use</Reason><RoleUsageList><member>\
                         <Region>us-west-2</Region><Resources><member>m-1</member></Resources>\
                         </member></RoleUsageList></Reason>"
                    }
                    _ => "",
                };
                format!("<Status>{status}</Status>{reason}")
            }
            _ => return None,
        };
        let namespace = "https://iam.amazonaws.com/doc/2010-05-08/";
        let body = format!(
            "<{action}Response xmlns=\"{namespace}\"><{action}Result>{result}</{action}Result>\
             </{action}Response>"
        );
        Some((200, body))
    }
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
        if let Some((status, body)) = self.own_role.answer(&action, &body) {
            return Reply::new(status, kind, body.into_bytes());
        }
        let headers = match header("x-amz-target") {
            target if target.is_empty() => String::new(),
            target => format!("X-Amz-Target: {target}\r\n"),
        };
        let mut client = JsonClient::connect(self.moto).unwrap().signed_for(service);
        let answered = client.post(&header("content-type"), &headers, &body).unwrap();
        if action == "FilterLogEvents" && self.news > 0 {
            self.news -= 1;
            self.log_another(&body);
        }
        Reply::new(answered.status, kind, answered.body)
    }
}

impl Gate {
    /// Logs one more event, an hour late, to the group that a request names.
    fn log_another(&self, request: &str) {
        let request: Value = serde_json::from_str(request).unwrap();
        let timestamp_ms = jiff::Timestamp::now().as_millisecond() - 60 * 60 * 1_000;
        let message = serde_json::json!({
            "traceId": format!("late{}", self.news),
            "event": { "eventName": "MAILBOX_EMAIL_DELIVERED" },
        });
        let parameters = serde_json::json!({
            "logGroupName": request["logGroupName"],
            "logStreamName": "s",
            "logEvents": [{ "timestamp": timestamp_ms, "message": message.to_string() }],
        });
        let mut client = JsonClient::connect(self.moto).unwrap();
        assert_eq!(client.call("PutLogEvents", &parameters).unwrap().status, 200);
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
        let gate = Gate {
            moto: moto.address(),
            denied: Vec::new(),
            calls: Vec::new(),
            own_role: OwnRole::default(),
            news: 0,
        };
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

    /// The same by moto's clock, which cannot be set, on a store.
    pub(crate) fn run_now(&self, store: &Path, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.env("MAILTRACE_NOW", jiff::Timestamp::now().to_string());
        run(command.arg("--store").arg(store))
    }

    /// Checks that all that was called since the last look is allowed by what
    /// `mailtrace policy` prints; gives what is allowed and was not called.
    #[track_caller]
    pub(crate) fn beyond_calls(
        &self,
        policies: &[&[&str]],
        called: impl IntoIterator<Item = String>,
    ) -> Vec<String> {
        let mut called: BTreeSet<String> = called.into_iter().collect();
        called.remove("sts:GetCallerIdentity");
        let mut allowed = BTreeSet::new();
        for arguments in policies {
            let all = [&["policy"], *arguments, &["--format", "json"]].concat();
            let policy = self.run(&all).expect(0).json();
            for statement in policy["Statement"].as_array().unwrap() {
                let actions = match &statement["Action"] {
                    Value::Array(actions) => actions.clone(),
                    only => vec![only.clone()],
                };
                allowed.extend(actions.iter().map(|it| it.as_str().unwrap().to_owned()));
            }
        }
        assert!(called.is_subset(&allowed), "{called:?} {allowed:?}");
        allowed.difference(&called).cloned().collect()
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

    /// Has a role share a policy of this name, which is made for it.
    pub(crate) fn attach_policy(&self, role: &str, policy: &str, document: &Value) {
        let document = document.to_string();
        let parameters = [("PolicyName", policy), ("PolicyDocument", document.as_str())];
        let (status, body) = self.iam("CreatePolicy", &parameters);
        assert_eq!(status, 200, "{body}");
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{policy}");
        let parameters = [("RoleName", role), ("PolicyArn", arn.as_str())];
        let (status, body) = self.iam("AttachRolePolicy", &parameters);
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
