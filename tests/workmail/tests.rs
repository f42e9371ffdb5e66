//! What the server itself promises.

use serde_json::{Value, json};

use super::{Operation, Organization, Refusal, WorkMail};
use crate::json_client::JsonClient;

const GROUP: &str =
    "arn:aws:logs:us-east-1:123456789012:log-group:/aws/workmail/emailevents/acme:*";

/// The status and the kind of error of an answer, and the answer.
fn call(server: &WorkMail, operation: &str, parameters: &Value) -> (u16, String, Value) {
    let headers = format!("X-Amz-Target: WorkMailService.{operation}\r\n");
    let client = JsonClient::connect(server.address()).unwrap();
    let answered = client
        .signed_for("workmail")
        .post("application/x-amz-json-1.1", &headers, &parameters.to_string())
        .unwrap();
    let body = answered.json();
    (answered.status, body["__type"].as_str().unwrap_or_default().to_owned(), body)
}

#[test]
fn what_is_put_is_described_until_it_is_deleted() {
    let server = WorkMail::start([Organization::new("acme", 1)]);
    let id = json!({ "OrganizationId": format!("m-{:032x}", 1) });
    let describe = || call(&server, "DescribeEmailMonitoringConfiguration", &id);
    assert_eq!(describe().1, "ResourceNotFoundException");
    let mut put = id.clone();
    put["LogGroupArn"] = GROUP.into();
    assert_eq!(call(&server, "PutEmailMonitoringConfiguration", &put).0, 200);
    assert_eq!(describe().2["LogGroupArn"], GROUP);
    assert!(describe().2["RoleArn"].as_str().unwrap().contains("AWSServiceRole"));
    assert_eq!(call(&server, "DeleteEmailMonitoringConfiguration", &id).0, 200);
    assert_eq!(describe().1, "ResourceNotFoundException");
    assert_eq!(server.lock().change_count(), 2);
}

#[test]
fn requests_of_another_shape_are_refused() {
    let server = WorkMail::start([Organization::new("acme", 1)]);
    let id = format!("m-{:032x}", 1);
    let refused = |operation: &str, parameters: Value| {
        let (status, kind, body) = call(&server, operation, &parameters);
        assert_eq!(status, 400, "{operation} {parameters}: {body}");
        kind
    };
    let put = "PutEmailMonitoringConfiguration";
    for wrong in [
        json!({}),
        json!({ "OrganizationId": id }),
        json!({ "OrganizationId": "m-1", "LogGroupArn": GROUP }),
        json!({ "OrganizationId": id, "LogGroupArn": GROUP.trim_end_matches(":*") }),
        json!({ "OrganizationId": id, "LogGroupArn": GROUP, "RoleArn": "arn:aws:iam::1:user/ana" }),
        json!({ "OrganizationId": id, "LogGroupArn": GROUP, "Extra": 1 }),
    ] {
        assert_eq!(refused(put, wrong), "ValidationException");
    }
    assert_eq!(refused("NoSuchOperation", json!({})), "UnknownOperationException");
    let unknown = json!({ "OrganizationId": format!("m-{:032x}", 2) });
    assert_eq!(refused("DescribeOrganization", unknown), "OrganizationNotFoundException");
    let elsewhere = GROUP.replace("us-east-1", "eu-west-1");
    let elsewhere = json!({ "OrganizationId": id, "LogGroupArn": elsewhere });
    assert_eq!(refused(put, elsewhere), "InvalidParameterException");
    assert!(server.lock().organizations[0].monitoring.is_none());
}

#[test]
fn listings_have_pages_and_calls_fail_when_told() {
    let server = WorkMail::start((0..5).map(|it| Organization::new(&format!("acme{it}"), it)));
    server.lock().page_organizations = 2;
    let (mut aliases, mut parameters) = (Vec::new(), json!({ "MaxResults": 100 }));
    loop {
        let (_, _, page) = call(&server, "ListOrganizations", &parameters);
        let listed = page["OrganizationSummaries"].as_array().unwrap().iter();
        aliases.extend(listed.map(|it| it["Alias"].as_str().unwrap().to_owned()));
        match page["NextToken"].as_str() {
            Some(token) => parameters["NextToken"] = token.into(),
            None => break,
        }
    }
    assert_eq!(aliases, ["acme0", "acme1", "acme2", "acme3", "acme4"]);

    server.lock().refuse(Operation::ListOrganizations, 1, Refusal::Throttling);
    let kind = || call(&server, "ListOrganizations", &json!({})).1;
    assert_eq!([kind(), kind(), kind()], ["", "ThrottlingException", ""]);
}
