//! Pulls an export out of moto's S3, which another hand wrote: what its export task leaves there.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::cloudwatch::Event;
use crate::moto::Moto;
use crate::support::{assert_sound, mailtrace, on, run};

const BUCKET: &str = "acme-logs";
const GROUP: &str = "/aws/workmail/emailevents/acme";

/// Makes the bucket. Moto looks at who asks, and not at the signature.
fn create_bucket(moto: &Moto) {
    let endpoint = moto.endpoint();
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "PUT /{BUCKET} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=a/20261120/us-east-1/s3/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn event(index: i64, now_ms: i64) -> Event {
    let message = json!({
        "traceId": format!("5d0c1f7e-6a41-4c0a-9f5e-{index:012}"),
        "event": {
            "eventName": "ORGANIZATION_EMAIL_RECEIVED",
            "recipients": ["ana@acme.example"],
            "from": "far@far.example",
            "subject": "An export",
            "messageId": format!("<{index}@far.example>"),
        },
    });
    Event::new(now_ms - 3_600_000 + index, &format!("stream-{}", index % 3), message.to_string())
}

#[test]
fn what_an_export_task_leaves_is_pulled_object_by_object() {
    let moto = Moto::start();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let events: Vec<Event> = (0..6_000).map(|index| event(index, now_ms)).collect();
    moto.create_group(GROUP);
    moto.put(GROUP, &events);
    create_bucket(&moto);
    let task = json!({
        "logGroupName": GROUP, "from": 0, "to": now_ms + 1_000,
        "destination": BUCKET, "destinationPrefix": "exports",
    });
    moto.call("CreateExportTask", &task);

    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let pull = |url: &str| {
        let mut command = mailtrace();
        command.envs([("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]);
        command.arg("--store").arg(&store).args(["pull", "--s3", url, "--format", "json"]);
        command.args(["--region", "us-east-1", "--endpoint-url", &moto.endpoint()]);
        command.args(["--log-group", GROUP]);
        run(&mut command)
    };
    // The object by which the task tests its permissions lies outside of the prefix, and holds
    // nothing either way.
    let json = pull(&format!("s3://{BUCKET}")).expect(0).json();
    assert_eq!((json["added"].clone(), json["objectsTaken"].clone()), (6_000.into(), 3.into()));
    assert_sound(&store);
    let found = on(&store, &["trace", "<77@far.example>", "--format", "json"]).expect(0);
    assert!(found.stdout.contains("stream-2"), "{found:#?}");

    let json = pull(&format!("s3://{BUCKET}/exports/")).expect(0).json();
    assert_eq!((json["read"].clone(), json["objectsSkipped"].clone()), (0.into(), 3.into()));
    pull("s3://no-such-bucket/x").expect_error(&["no-such-bucket", "does not exist"]);
}
