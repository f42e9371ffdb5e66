//! A real node of OpenSearch, out of its artifacts on Maven Central.
//!
//! The nodes that are to be had there are without the security plugin and without index management:
//! who asks is checked against a stand-in.

mod three;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::{
    Organization, assert_answered_alike, assert_fronts_are_passed, assert_people_are_known_alike,
    assert_served_alike, publish, with_people,
};
use crate::support::skip;

/// It takes some 12 seconds on an idle machine.
const START_WAIT: Duration = Duration::from_secs(180);

const HEAP: &str = "384m";

/// A node that ends when this is dropped or the tests end.
struct Node {
    child: Child,
    dir: TempDir,
    url: String,
}

/// A port that is free now, and that nobody else takes in the instant between.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where artifacts and classes lie, which outlive the tests. None where there is no Java or Maven.
fn built() -> Option<PathBuf> {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one = BUILDING.lock().unwrap();
    let is_there = |name: &str| {
        let mut command = Command::new(name);
        let quiet = command.arg("-version").stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|it| it.success())
    };
    if !["javac", "java", "mvn"].iter().all(|it| is_there(it)) {
        return None;
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("opensearch-2.19.6");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/opensearch");
    // What stands here is what is compiled, whatever was compiled for other tests.
    let source = fs::read(here.join("TestNode.java")).unwrap();
    if fs::read(place.join("classes/TestNode.java")).is_ok_and(|it| it == source) {
        return Some(place);
    }
    fs::create_dir_all(place.join("classes")).unwrap();
    let lib = place.join("lib");
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-f"]);
    maven.arg(here.join("pom.xml")).arg(format!("-DoutputDirectory={}", lib.display()));
    assert!(
        maven.stdout(Stdio::null()).status().unwrap().success(),
        "Maven cannot fetch OpenSearch"
    );
    let mut compiler = Command::new("javac");
    compiler.args(["-nowarn", "-proc:none", "-cp"]).arg(format!("{}/*", lib.display()));
    compiler.arg("-d").arg(place.join("classes")).arg(here.join("TestNode.java"));
    assert!(compiler.status().unwrap().success());
    fs::write(place.join("classes/TestNode.java"), source).unwrap();
    Some(place)
}

impl Node {
    /// A cluster of its own.
    fn start(built: &Path) -> Self {
        let settings = ["node.name=one", "transport.port=0", "discovery.type=single-node"];
        let mut node = Self::begin(built, tempfile::tempdir().unwrap(), free_port(), &settings);
        node.wait("wait_for_status=yellow");
        node
    }

    /// Begins with what is in a directory.
    fn begin(built: &Path, dir: TempDir, port: u16, settings: &[impl AsRef<OsStr>]) -> Self {
        let log = File::create(dir.path().join("log")).unwrap();
        let classes = format!("{0}/classes:{0}/lib/*", built.display());
        let child = Command::new("java")
            .args([&format!("-Xms{HEAP}"), &format!("-Xmx{HEAP}"), "-XX:+UseSerialGC"])
            .args(["-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR"])
            .args(["-Djava.security.manager=allow", "-cp", &classes, "TestNode"])
            .arg(dir.path())
            .arg(port.to_string())
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, dir, url: format!("http://127.0.0.1:{port}") }
    }

    /// Waits until it answers, and its cluster is as `health` asks, in the words of a query.
    fn wait(&mut self, health: &str) {
        let begun = Instant::now();
        let path = format!("/_cluster/health?{health}&timeout=5s");
        while self.try_ask("GET", &path, &Value::Null).is_none() {
            let log = || fs::read_to_string(self.dir.path().join("log")).unwrap();
            assert!(self.child.try_wait().unwrap().is_none(), "the node ended: {}", log());
            assert!(begun.elapsed() < START_WAIT, "the node does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-f", "-X", method, "-H", "content-type: application/json"]);
        if !body.is_null() {
            curl.args(["-d", &body.to_string()]);
        }
        let output = curl.arg(format!("{}{path}", self.url)).output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_ask(method, path, body).unwrap_or_else(|| panic!("{method} {path}"))
    }

    fn count(&self, alias: &str, query: &Value) -> u64 {
        let counted = self.ask("POST", &format!("/{alias}/_count"), &json!({"query": query}));
        counted["count"].as_u64().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// One node for all of it, since starting one takes longer than the rest.
#[test]
fn a_real_cluster_has_what_the_store_has() {
    let Some(built) = built() else {
        skip("javac, java and mvn");
        return;
    };
    const EVENTS: usize = 1_500;
    let node = Node::start(&built);
    let organization = with_people(EVENTS, 400, 31);
    let count = |lines: &[String]| lines.iter().filter(|it| it.contains("traceId")).count();
    // The first half is the later one, so that what comes then joins, parts and moves messages.
    let (late, first) = organization.lines.split_at(EVENTS / 3);
    organization.take(first);
    publish(&organization.store, &node.url, &[]).expect(0);
    organization.take(late);
    let ran = publish(&organization.store, &node.url, &[]).expect(0).json();
    assert_eq!(ran["events"], count(late));
    let verified = publish(&organization.store, &node.url, &["--verify"]).expect(0).json();
    let all = json!({"match_all": {}});
    assert_eq!(verified["rows"], node.count("mailtrace-rows", &all));
    assert_eq!(verified["events"], node.count("mailtrace-events", &all));
    assert_eq!(verified["access"], node.count("mailtrace-access", &all));
    assert_eq!(verified["directory"], node.count("mailtrace-directory", &all));
    let network = json!({"term": {"ip": "203.0.113.0/24"}});
    assert!(node.count("mailtrace-access", &network) > 50);
    assert_fronts_are_passed(&organization, &node.url);
    // A second organization stands beside the first.
    let other = Organization::filled(300, 32);
    let mut command = crate::support::mailtrace();
    command.arg("--store").arg(&other.store).args(["publish", "--organization", "zenith"]);
    crate::support::run(command.args(["--cluster", &node.url])).expect(0);
    assert_eq!(node.count("mailtrace-events", &json!({"term": {"organization": "zenith"}})), 300);
    assert_answered_alike(&organization, &node.url);
    assert_people_are_known_alike(&organization, &node.url, 1);
    assert_served_alike(&organization, &node.url);
    let views = node.ask("GET", "/_search/point_in_time/_all", &Value::Null);
    assert_eq!(views["pits"].as_array().map(Vec::len), Some(0), "{views}");
    // Addresses fold, and one row is found by each of its values.
    let hit = node.ask("POST", "/mailtrace-rows/_search", &json!({"size": 1, "query": {"bool": {"filter": [{"exists": {"field": "recipient"}}, {"term": {"organization": "acme"}}]}}}));
    let hit = &hit["hits"]["hits"][0];
    let recipient = hit["_source"]["recipient"].as_str().unwrap().to_uppercase();
    assert!(node.count("mailtrace-rows", &json!({"term": {"recipient": recipient}})) > 0);
    // Somebody changes one document and removes another.
    let (index, id) = (hit["_index"].as_str().unwrap(), hit["_id"].as_str().unwrap());
    let changed = json!({"doc": {"outcome": "foreign", "check": 1}});
    for _ in 0..5 {
        node.ask("POST", &format!("/{index}/_update/{id}"), &changed);
        node.ask("POST", &format!("/{index}/_update/{id}"), &json!({"doc": {"check": 2}}));
    }
    let event = node.ask(
        "POST",
        "/mailtrace-events/_search",
        &json!({"size": 1, "query": {"term": {"organization": "acme"}}}),
    );
    let event = &event["hits"]["hits"][0];
    let (index, id) = (event["_index"].as_str().unwrap(), event["_id"].as_str().unwrap());
    node.ask("DELETE", &format!("/{index}/_doc/{id}"), &Value::Null);
    let ran = publish(&organization.store, &node.url, &["--verify"]).expect(3).json();
    assert_eq!(ran["differing"].as_array().unwrap().len(), 2, "{ran}");
    publish(&organization.store, &node.url, &["--again"]).expect(0);
    publish(&organization.store, &node.url, &["--verify"]).expect(0);
    assert_eq!(node.count("mailtrace-rows", &json!({"term": {"outcome": "foreign"}})), 0);
    // The block that a full disk sets.
    let index = hit["_index"].as_str().unwrap();
    let block = |is_set: Value| json!({"index.blocks.read_only_allow_delete": is_set});
    node.ask("PUT", "/mailtrace-events/_settings", &block(true.into()));
    let ran = publish(&organization.store, &node.url, &["--again"]);
    ran.expect_error(&["disk is full", "read_only_allow_delete"]);
    node.ask("PUT", "/mailtrace-events/_settings", &block(Value::Null));
    publish(&organization.store, &node.url, &[]).expect(0);
    publish(&organization.store, &node.url, &["--verify"]).expect(0);
    // A mapping that somebody has changed.
    let field = json!({"properties": {"stranger": {"type": "text"}}});
    node.ask("PUT", &format!("/{index}/_mapping"), &field);
    publish(&organization.store, &node.url, &["--again"]).expect(0);
    node.ask("DELETE", &format!("/{index}"), &Value::Null);
    node.ask(
        "PUT",
        "/_index_template/other",
        &json!({
            "index_patterns": ["mailtrace-rows-*"], "priority": 900,
            "template": {"aliases": {"mailtrace-rows": {}}},
        }),
    );
    let ran = publish(&organization.store, &node.url, &["--again"]);
    ran.expect_error(&[index, "--print-templates"]);
}
