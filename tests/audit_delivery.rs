//! `setup --audit` and `teardown --audit`, against a CloudWatch Logs of our own that delivers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cloudwatch::{ACCOUNT, REGION};
use crate::loopback::{HttpRequest, Reply, Server, Service};
use crate::support::{Ran, mailtrace, run};
use crate::workmail::{Organization, WorkMail};

const GROUP: &str = "/aws/vendedlogs/workmail/audit/acme";
const SETUP: [&str; 4] = ["setup", "--organization", "acme", "--audit"];

/// Log groups and deliveries; pages hold two.
#[derive(Debug, Default)]
struct Deliveries {
    groups: Vec<Value>,
    sources: Vec<Value>,
    destinations: Vec<Value>,
    deliveries: Vec<Value>,
    calls: Vec<String>,
    /// An action that is denied.
    denied: Option<&'static str>,
    /// How many more requests are throttled.
    throttled: usize,
    made: usize,
}

impl Deliveries {
    fn result(&mut self, action: &str, asked: &Value) -> Result<Value, (&'static str, String)> {
        let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        let arn = |kind: &str, name: &str| format!("arn:aws:logs:{REGION}:{ACCOUNT}:{kind}:{name}");
        let conflict = |what: &str| Err(("ConflictException", what.to_owned()));
        let all: (&str, &Vec<Value>) = match action {
            "DescribeLogGroups" => ("logGroups", &self.groups),
            "DescribeDeliverySources" => ("deliverySources", &self.sources),
            "DescribeDeliveryDestinations" => ("deliveryDestinations", &self.destinations),
            "DescribeDeliveries" => ("deliveries", &self.deliveries),
            "CreateLogGroup" => {
                let group = text("logGroupName");
                let arn = format!("{}:*", arn("log-group", &group));
                self.groups.push(json!({ "logGroupName": group, "arn": arn, "creationTime": 1 }));
                return Ok(json!({}));
            }
            "PutRetentionPolicy" => {
                self.groups[0]["retentionInDays"] = asked["retentionInDays"].clone();
                return Ok(json!({}));
            }
            "PutDeliverySource" => {
                assert!(text("name").len() <= 60, "{asked}");
                let source = json!({ "name": text("name"), "logType": text("logType"),
                    "resourceArns": [text("resourceArn")], "service": "workmail" });
                self.sources.push(source.clone());
                return Ok(json!({ "deliverySource": source }));
            }
            "PutDeliveryDestination" => {
                assert_eq!(asked["outputFormat"], "json");
                let destination = json!({
                    "name": text("name"), "arn": arn("delivery-destination", &text("name")),
                    "outputFormat": "json", "deliveryDestinationType": "CWL",
                    "deliveryDestinationConfiguration": asked["deliveryDestinationConfiguration"],
                });
                self.destinations.push(destination.clone());
                return Ok(json!({ "deliveryDestination": destination }));
            }
            "CreateDelivery" => {
                let (source, to) = (text("deliverySourceName"), text("deliveryDestinationArn"));
                assert!(self.sources.iter().any(|it| it["name"] == source.as_str()), "{asked}");
                assert!(self.destinations.iter().any(|it| it["arn"] == to.as_str()), "{asked}");
                self.made += 1;
                let delivery = json!({ "id": format!("d{}", self.made),
                    "deliverySourceName": source, "deliveryDestinationArn": to });
                self.deliveries.push(delivery.clone());
                return Ok(json!({ "delivery": delivery }));
            }
            "DeleteDelivery" => {
                self.deliveries.retain(|it| it["id"] != asked["id"]);
                return Ok(json!({}));
            }
            // What is still joined cannot be taken away.
            "DeleteDeliverySource" => {
                if self.deliveries.iter().any(|it| it["deliverySourceName"] == asked["name"]) {
                    return conflict("the source has deliveries");
                }
                self.sources.retain(|it| it["name"] != asked["name"]);
                return Ok(json!({}));
            }
            "DeleteDeliveryDestination" => {
                let arn = arn("delivery-destination", &text("name"));
                if self.deliveries.iter().any(|it| it["deliveryDestinationArn"] == arn.as_str()) {
                    return conflict("the destination has deliveries");
                }
                self.destinations.retain(|it| it["name"] != asked["name"]);
                return Ok(json!({}));
            }
            other => return Err(("UnknownOperationException", other.to_owned())),
        };
        let start = asked["nextToken"].as_str().and_then(|it| it.parse().ok()).unwrap_or(0);
        let end = (start + 2).min(all.1.len());
        let next = (end < all.1.len()).then(|| end.to_string());
        Ok(json!({ all.0: all.1[start..end], "nextToken": next }))
    }
}

impl Service for Deliveries {
    fn answer(&mut self, request: &HttpRequest) -> Reply {
        let target = request.header("x-amz-target").unwrap_or_default().to_owned();
        let Some((_, action)) = target.split_once('.') else {
            let body = format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/ana</Arn>\
                 <UserId>A</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult>\
                 </GetCallerIdentityResponse>"
            );
            return Reply::new(200, "text/xml", body.into_bytes());
        };
        self.calls.push(format!("logs:{action}"));
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let result = if self.throttled > 0 {
            self.throttled -= 1;
            Err(("ThrottlingException", "Rate exceeded".to_owned()))
        } else if self.denied == Some(action) {
            let message = format!(
                "User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: logs:{action} \
                 on resource: x"
            );
            Err(("AccessDeniedException", message))
        } else {
            self.result(action, &asked)
        };
        let (status, body) = match result {
            Ok(body) => (200, body),
            Err((kind, message)) => (400, json!({ "__type": kind, "message": message })),
        };
        Reply::new(status, "application/x-amz-json-1.1", body.to_string().into_bytes())
    }
}

struct Site {
    logs: Server<Deliveries>,
    workmail: WorkMail,
}

impl Site {
    fn new() -> Self {
        let logs = Server::listening(Deliveries::default());
        Self { logs, workmail: WorkMail::start([Organization::new("acme", 1)]) }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = mailtrace();
        command.args(arguments).envs([
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", &self.logs.endpoint()),
            ("AWS_ENDPOINT_URL_WORKMAIL", &self.workmail.endpoint()),
        ]);
        run(&mut command)
    }

    /// What was called since the last look, each once.
    fn calls(&self) -> BTreeSet<String> {
        let workmail = std::mem::take(&mut self.workmail.lock().requests);
        let workmail = workmail.iter().map(|(it, _)| format!("workmail:{}", it.name()));
        std::mem::take(&mut self.logs.lock().calls).into_iter().chain(workmail).collect()
    }

    /// What a policy allows.
    fn allowed(&self, caller: &str) -> BTreeSet<String> {
        let ran =
            self.run(&["policy", caller, "--audit", "--organization", "acme", "--format", "json"]);
        let policy = ran.expect(0).json();
        let statements = policy["Statement"].as_array().unwrap().clone();
        let actions = statements.into_iter().flat_map(|it| match &it["Action"] {
            Value::Array(actions) => actions.clone(),
            only => vec![only.clone()],
        });
        actions.map(|it| it.as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn audit_logs_are_delivered_and_taken_down_in_the_order_that_aws_wants() {
    let site = Site::new();
    let planned = site.run(&[&SETUP[..], &["--dry-run"]].concat()).expect(0).stdout;
    assert!(
        planned.contains("13. deliver what wm-audit-m-") && planned.contains("Nothing was changed"),
        "{planned}"
    );
    assert!(planned.contains("aws logs put-delivery-source --name wm-audit-m-"), "{planned}");
    site.logs.lock().throttled = 2;
    let ran = site.run(&SETUP).expect(0);
    assert!(ran.stdout.contains(&format!("mailtrace pull --log-group {GROUP}")), "{ran:#?}");
    {
        let logs = site.logs.lock();
        let types: BTreeSet<&str> =
            logs.sources.iter().map(|it| it["logType"].as_str().unwrap()).collect();
        let expected = [
            "ACCESS_CONTROL_LOGS",
            "AUTHENTICATION_LOGS",
            "WORKMAIL_AVAILABILITY_PROVIDER_LOGS",
            "WORKMAIL_MAILBOX_ACCESS_LOGS",
            "WORKMAIL_PERSONAL_ACCESS_TOKEN_LOGS",
        ];
        assert!(types.into_iter().eq(expected));
        assert_eq!((logs.deliveries.len(), logs.destinations.len()), (5, 1));
        assert_eq!(logs.groups[0]["retentionInDays"], 30);
    }
    // What stands is left alone.
    let again = site.run(&[&SETUP[..], &["--format", "json"]].concat()).expect(0).json();
    assert_eq!(again["steps"], json!([]), "{again:#}");
    assert_eq!(again["kept"].as_array().unwrap().len(), 7);
    let beyond: Vec<String> = site.allowed("setup").difference(&site.calls()).cloned().collect();
    // Checked by AWS within the other calls.
    assert_eq!(
        beyond,
        [
            "logs:DeleteRetentionPolicy",
            "logs:DescribeResourcePolicies",
            "logs:PutResourcePolicy",
            "workmail:AllowVendedLogDeliveryForResource"
        ]
    );

    let id = Organization::new("acme", 1).id;
    // Deliveries stay when their organization is gone.
    site.workmail.lock().organizations.clear();
    let teardown = ["teardown", "--organization", &id, "--audit"];
    site.run(&teardown).expect_error(&["--yes", "--dry-run"]);
    assert_eq!(site.logs.lock().deliveries.len(), 5);
    site.run(&[&teardown[..], &["--yes"]].concat()).expect(0);
    {
        let logs = site.logs.lock();
        assert_eq!((logs.deliveries.len(), logs.sources.len(), logs.destinations.len()), (0, 0, 0));
        assert_eq!(logs.groups.len(), 1, "with its events");
    }
    let calls = site.calls();
    assert!(calls.is_subset(&site.allowed("teardown")), "{calls:?}");
}

#[test]
fn doctor_says_what_is_delivered_and_was_never_pulled() {
    let site = Site::new();
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let look = |status: &str, words: &[&str]| {
        let ran = site.run(&[
            "doctor",
            "--organization",
            "acme",
            "--store",
            store.to_str().unwrap(),
            "--format",
            "json",
        ]);
        let checks = ran.json()["checks"].as_array().unwrap().clone();
        let check = checks.iter().find(|it| it["check"] == "audit logs").unwrap();
        assert_eq!(check["status"], status, "{check:#}");
        for word in words {
            assert!(check.to_string().contains(word), "lacks {word}: {check:#}");
        }
    };
    look("ok", &["none are delivered", "--audit"]);
    site.run(&SETUP).expect(0);
    look("warning", &["never pulled", &format!("mailtrace pull --log-group {GROUP}")]);
    let removed = site.logs.lock().deliveries.remove(1);
    look("warning", &["AUTHENTICATION_LOGS are not delivered", "setup --organization"]);
    site.logs.lock().deliveries.push(removed);
    site.logs.lock().destinations[0]["outputFormat"] = json!("plain");
    look("warning", &["as plain, which cannot be read", "to json"]);
    site.logs.lock().destinations[0]["outputFormat"] = json!("json");
    let configuration = json!({ "destinationResourceArn": "arn:aws:s3:::audit-bucket" });
    site.logs.lock().destinations[0]["deliveryDestinationConfiguration"] = configuration;
    look("ok", &["all are delivered to arn:aws:s3:::audit-bucket"]);
    site.logs.lock().denied = Some("DescribeDeliveries");
    look("warning", &["cannot be checked", "mailtrace policy reader"]);
}

#[test]
fn what_stops_half_way_is_completed_and_others_deliveries_stay() {
    let site = Site::new();
    {
        // Somebody has one type delivered to a bucket already.
        let mut logs = site.logs.lock();
        let arn = Organization::new("acme", 1).arn();
        logs.sources.push(
            json!({ "name": "theirs", "logType": "AUTHENTICATION_LOGS", "resourceArns": [arn] }),
        );
        let bucket = "arn:aws:logs:us-east-1:123456789012:delivery-destination:bucket";
        logs.destinations.push(json!({ "name": "bucket", "arn": bucket,
            "deliveryDestinationConfiguration": { "destinationResourceArn": "arn:aws:s3:::b" } }));
        logs.deliveries.push(
            json!({ "id": "x", "deliverySourceName": "theirs", "deliveryDestinationArn": bucket }),
        );
        logs.denied = Some("CreateDelivery");
    }
    let ran = site.run(&SETUP).expect(2);
    assert!(
        ran.stderr.contains("logs:CreateDelivery") && ran.stderr.contains("to continue"),
        "{ran:#?}"
    );
    assert_eq!(site.logs.lock().deliveries.len(), 1);
    site.logs.lock().denied = None;
    let ran = site.run(&SETUP).expect(0);
    assert!(ran.stderr.contains("AUTHENTICATION_LOGS are also delivered to"), "{ran:#?}");
    {
        let logs = site.logs.lock();
        assert_eq!((logs.sources.len(), logs.deliveries.len()), (5, 6));
    }
    let teardown = ["teardown", "--organization", "acme", "--audit", "--yes", "--format", "json"];
    let report = site.run(&teardown).expect(0).json();
    assert!(report["kept"][0].as_str().unwrap().contains("destination bucket stays"), "{report:#}");
    let logs = site.logs.lock();
    assert_eq!((logs.deliveries.len(), logs.sources.len(), logs.destinations.len()), (0, 0, 1));
}
