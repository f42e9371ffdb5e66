//! `export --as`: files for databases and SIEMs.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::export::text_of;
use crate::program::{Filled, line, received, samples};
use crate::python::installed;

/// Pinned, so that a new release changes nothing here by itself.
const DUCKDB: &str = "duckdb==2.0.1";

fn lines_of(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn store() -> Filled {
    let bounce = json!({"bouncedRecipient": {"emailAddress": "bob@acme.example", "status": "5.1.1", "reason": "who?"}});
    Filled::with(&[
        received(0, "t1", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?="),
        line(1_500, "t1", "INCOMING_EMAIL_BOUNCED", bounce),
        line(2_000, "t2", "MAILBOX_EMAIL_RECALLED", json!({"recipients": ["a@x", "b@x", "a@x"]})),
    ])
}

/// Fields of <https://www.elastic.co/docs/reference/ecs>.
#[test]
fn ecs_has_its_fields_and_the_original() {
    let store = store();
    let out = store.dir.path().join("out.ndjson");
    store.run(&["export", "--as", "ecs", "--out", out.to_str().unwrap()]).with(0);
    let lines = lines_of(&out);
    assert_eq!(lines.len(), 3);
    let received = &lines[0];
    assert_eq!(received["@timestamp"], "2026-11-23T10:00:00.000Z");
    assert_eq!(received["event"]["category"], json!(["email"]));
    assert_eq!(received["event"]["action"], "ORGANIZATION_EMAIL_RECEIVED");
    assert_eq!(received["email"]["direction"], "inbound");
    assert_eq!(received["email"]["subject"], "Grüße");
    assert_eq!(received["email"]["from"]["address"], json!(["ana@far.example"]));
    assert_eq!(received["email"]["to"]["address"], json!(["bob@acme.example"]));
    assert_eq!(received["email"]["message_id"], "t1@far.example");
    assert_eq!(received["aws"]["cloudwatch"]["log_stream"], "s1");
    let bounced = &lines[1];
    assert_eq!(bounced["email"]["message_id"], "t1@far.example", "its message's");
    assert_eq!(
        (&bounced["event"]["outcome"], &bounced["event"]["code"]),
        (&json!("failure"), &json!("5.1.1"))
    );
    assert!(bounced.get("rule").is_none(), "what says nothing is left out");
    let logged: Vec<Value> = fs::read_to_string(store.log())
        .unwrap()
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    for (line, logged) in lines.iter().zip(&logged) {
        assert_eq!(line["event"]["original"], logged["message"]);
        assert_eq!(line["event"]["id"], logged["eventId"]);
    }
    for (index, line) in lines.iter().enumerate() {
        let source = &line["mailtrace"]["source"];
        assert_eq!((&source["name"], &source["line"]), (&json!(store.log()), &json!(index + 1)));
        assert_eq!(source["sha256"].as_str().map(str::len), Some(64));
    }
}

/// Attributes of <https://schema.ocsf.io/1.3.0/classes/email_activity>; those that it requires are
/// always there.
#[test]
fn ocsf_has_its_attributes_and_the_original() {
    let store = store();
    let out = store.dir.path().join("out.ndjson");
    store.run(&["export", "--as", "ocsf", "--out", out.to_str().unwrap()]).with(0);
    let lines = lines_of(&out);
    for line in &lines {
        for required in [
            "activity_id",
            "category_uid",
            "class_uid",
            "direction_id",
            "severity_id",
            "time",
            "type_uid",
        ] {
            assert!(line[required].is_u64(), "{required}: {line}");
        }
        assert!(line["email"]["from"].is_string() && line["email"]["to"].is_array(), "{line}");
        assert_eq!(
            (&line["class_uid"], &line["metadata"]["version"]),
            (&json!(4009), &json!("1.3.0"))
        );
        assert_eq!(line["unmapped"]["source"]["kind"], "file");
        assert_eq!(line["type_uid"], 400_900 + line["activity_id"].as_u64().unwrap());
        assert!(
            serde_json::from_str::<Value>(line["raw_data"].as_str().unwrap()).unwrap()["event"]
                .is_object()
        );
    }
    assert_eq!(
        (&lines[0]["activity_name"], &lines[0]["direction"]),
        (&json!("Receive"), &json!("Inbound"))
    );
    assert_eq!(
        (&lines[1]["status"], &lines[1]["status_code"]),
        (&json!("Failure"), &json!("5.1.1"))
    );
    assert_eq!(
        (&lines[2]["activity_id"], &lines[2]["email"]["to"]),
        (&json!(0), &json!(["a@x", "b@x"]))
    );
    let stdout = store.run(&["export", "--as", "ocsf", "--out", "-"]).with(0).stdout;
    assert_eq!(stdout, fs::read_to_string(&out).unwrap(), "the same to standard output");
    store.run(&["export", "--as", "ocsf", "--out", out.to_str().unwrap()]).with(2);
    store.run(&["export", "--as", "ecs", "--out", "-", "--query", "from:nobody@x"]).with(1);
}

/// Asks DuckDB, and gives its answer as JSON.
fn duckdb(python: &Path, file: &Path, query: &str) -> Value {
    let script = "import duckdb, json, sys\n\
        rows = duckdb.sql(sys.argv[2].replace('FILE', \"'\" + sys.argv[1] + \"'\")).fetchall()\n\
        print(json.dumps(rows, default=str))";
    let output = Command::new(python).args(["-c", script]).arg(file).arg(query).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn parquet_is_read_by_another_program() {
    let environment = installed(DUCKDB).unwrap_or_else(|needs| panic!("{needs}"));
    let python = environment.join("bin/python");
    let store = store();
    let out = store.dir.path().join("out.parquet");
    store.run(&["export", "--as", "parquet", "--out", out.to_str().unwrap()]).with(0);
    let types =
        duckdb(&python, &out, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM FILE)");
    let type_of = |name: &str| {
        let row = types.as_array().unwrap().iter().find(|it| it[0] == name);
        row.unwrap_or_else(|| panic!("no {name}"))[1].as_str().unwrap().to_owned()
    };
    assert_eq!(type_of("timestamp"), "TIMESTAMP WITH TIME ZONE");
    assert_eq!(type_of("recipients"), "VARCHAR[]");
    assert_eq!(type_of("message_number"), "BIGINT");
    assert_eq!(type_of("time_approximate"), "BOOLEAN");
    assert_eq!(types.as_array().unwrap().len(), 35);
    let sources = "SELECT source_kind, source_name, length(source_sha256), source_line FROM FILE";
    let log = store.log();
    let source = |line: u32| json!(["file", log, 64, line]);
    let sources = duckdb(&python, &out, &format!("{sources} ORDER BY timestamp"));
    assert_eq!(sources, json!([source(1), source(2), source(3)]));
    let rows = duckdb(
        &python,
        &out,
        "SELECT epoch_ms(timestamp), event_name, subject, recipients, status, rule_actions, message_number FROM FILE ORDER BY timestamp",
    );
    assert_eq!(
        rows,
        json!([
            [
                1_795_428_000_000_i64,
                "ORGANIZATION_EMAIL_RECEIVED",
                "Grüße",
                ["bob@acme.example"],
                null,
                [],
                1
            ],
            [
                1_795_428_001_500_i64,
                "INCOMING_EMAIL_BOUNCED",
                "Grüße",
                ["bob@acme.example"],
                "5.1.1",
                [],
                1
            ],
            [1_795_428_002_000_i64, "MAILBOX_EMAIL_RECALLED", null, ["a@x", "b@x"], null, [], 2],
        ])
    );

    let many = Filled::with(
        &(0..60_000).map(|it| received(it, &format!("t{it}"), "x")).collect::<Vec<_>>(),
    );
    let out = many.dir.path().join("out.parquet");
    many.run(&["export", "--as", "parquet", "--out", out.to_str().unwrap()]).with(0);
    let counted = duckdb(
        &python,
        &out,
        "SELECT count(*), count(DISTINCT trace_id), max(message_number) FROM FILE",
    );
    assert_eq!(counted, json!([[60_000, 60_000, 60_000]]), "in several groups of rows");
    let empty = store.dir.path().join("empty.parquet");
    store
        .run(&[
            "export",
            "--as",
            "parquet",
            "--out",
            empty.to_str().unwrap(),
            "--query",
            "from:nobody@x",
        ])
        .with(1);
    assert_eq!(duckdb(&python, &empty, "SELECT count(*) FROM FILE"), json!([[0]]));
}

#[test]
fn a_redacted_file_has_no_address() {
    let store = samples();
    let key = store.dir.path().join("key");
    fs::write(&key, "0123456789abcdef").unwrap();
    for shape in ["ecs", "ocsf", "parquet"] {
        let out = store.dir.path().join(shape);
        let (out, key) = (text_of(&out), text_of(&key));
        store
            .run(&["export", "--as", shape, "--out", &out, "--redact", "all", "--redact-key", &key])
            .with(0);
        let text = String::from_utf8_lossy(&fs::read(&out).unwrap()).into_owned();
        assert!(!text.contains("@acme.example") && !text.contains("Quarterly"), "{shape}");
    }
}
