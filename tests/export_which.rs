//! Which messages an export takes, and what it says of their records.

use std::fs;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::messages::{import_into, log};
use crate::support::on;

#[test]
fn an_export_takes_the_messages_that_a_list_shows() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(4_000);
    import_into(&dir, &[("log.ndjson", &log)], 1_000);
    let store = dir.path().join("store");
    let asked = ["--outcome", "bounced", "--from", "*@*", "--since", "2026-11-01"];
    let listed =
        on(&store, &[&["messages", "--format", "json", "--limit", "0"], &asked[..]].concat());
    let out = dir.path().join("case");
    let out_text = out.to_str().unwrap();
    on(&store, &[&["export", "--out", out_text], &asked[..]].concat()).expect(0);
    let manifest: Value =
        serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let total = listed.expect(0).json()["total"].as_u64().unwrap();
    assert!(total > 10, "{total}");
    assert_eq!(manifest["counts"]["messages"], total);
    let filters: Vec<&str> = manifest["question"]["filters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(filters, ["--from=*@*", "--outcome=bounced"]);
    let status = on(&store, &["status", "--format", "json"]).expect(0).json();
    assert_eq!(manifest["store"]["head"], status["head"]);
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("--outcome=bounced"));

    // Each record says which line of which file it was.
    let sum: String = Sha256::digest(log.as_bytes()).iter().map(|it| format!("{it:02x}")).collect();
    let lines: Vec<&str> = log.lines().collect();
    let records = fs::read_to_string(out.join("records.ndjson")).unwrap();
    for record in records.lines() {
        let record: Value = serde_json::from_str(record).unwrap();
        let source = &record["source"];
        assert_eq!((&source["kind"], source["sha256"].as_str()), (&"file".into(), Some(&*sum)));
        let line = usize::try_from(source["line"].as_u64().unwrap()).unwrap();
        let original: Value = serde_json::from_str(lines[line - 1]).unwrap();
        assert_eq!(original["message"], record["message"]);
    }
    on(&store, &["verify", "--bundle", out_text]).expect(0);

    let ids = on(&store, &["export", "--out", "/nowhere/x", "<a@b>", "--outcome", "lost"]);
    ids.expect_error(&["the IDs already select the messages", "--outcome=lost"]);
}
