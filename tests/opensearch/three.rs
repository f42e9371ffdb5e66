//! Three nodes, of which one or two are killed.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Node, built, free_port};
use crate::cluster::{Organization, assert_traced_alike, publish};
use crate::support::{mailtrace, run, skip};

const NAMES: [&str; 3] = ["one", "two", "three"];

struct Three {
    nodes: Vec<Node>,
    ports: [[u16; 2]; 3],
}

impl Three {
    fn start(built: &Path) -> Self {
        let ports = [(); 3].map(|()| [free_port(), free_port()]);
        let begin = |place| Self::begin(built, tempfile::tempdir().unwrap(), &ports, place);
        let mut three = Self { nodes: (0..3).map(begin).collect(), ports };
        three.wait(3);
        three
    }

    fn begin(built: &Path, dir: tempfile::TempDir, ports: &[[u16; 2]; 3], place: usize) -> Node {
        let seeds: Vec<String> = ports.iter().map(|it| format!("127.0.0.1:{}", it[1])).collect();
        let settings = [
            format!("node.name={}", NAMES[place]),
            format!("transport.port={}", ports[place][1]),
            format!("discovery.seed_hosts={}", seeds.join(",")),
            format!("cluster.initial_master_nodes={}", NAMES.join(",")),
            // A node that is gone is noticed within a second or two.
            "cluster.fault_detection.follower_check.interval=500ms".to_owned(),
        ];
        Node::begin(built, dir, ports[place][0], &settings)
    }

    /// Waits until so many nodes are there and each shard has its copies.
    fn wait(&mut self, count: usize) {
        for node in &mut self.nodes {
            if node.child.try_wait().unwrap().is_none() {
                node.wait(&format!("wait_for_status=green&wait_for_nodes={count}"));
            }
        }
    }

    fn kill(&mut self, place: usize) {
        self.nodes[place].child.kill().unwrap();
        self.nodes[place].child.wait().unwrap();
    }

    /// Starts a killed node with what it had.
    fn revive(&mut self, built: &Path, place: usize) {
        let empty = tempfile::tempdir().unwrap();
        let dir = std::mem::replace(&mut self.nodes[place].dir, empty);
        self.nodes[place] = Self::begin(built, dir, &self.ports, place);
    }
}

#[test]
fn a_node_may_die_while_it_is_published_to_or_asked() {
    let Some(built) = built() else {
        skip("javac, java and mvn");
        return;
    };
    const EVENTS: usize = 3_000;
    let mut three = Three::start(&built);
    let urls: Vec<String> = three.nodes.iter().map(|it| it.url.clone()).collect();
    let (acme, zenith) = (Organization::filled(EVENTS, 71), Organization::filled(300, 72));
    let mut command = mailtrace();
    command.arg("--store").arg(&zenith.store).args(["publish", "--organization", "zenith"]);
    run(command.args(["--cluster", &urls[1]])).expect(0);
    // Killed while something is on its way to it.
    let mut command = mailtrace();
    command.arg("--store").arg(&acme.store).args(["publish", "--organization", "acme"]);
    command.args(["--cluster", &urls[0], "--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let all = json!({"term": {"organization": "acme"}});
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(60) {
        let path = "/mailtrace-events/_stats/indexing";
        let stats = three.nodes[0].try_ask("GET", path, &Value::Null).unwrap_or_default();
        // Those of the other organization are 300, twice.
        if stats["_all"]["total"]["indexing"]["index_total"].as_u64() > Some(800) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    three.kill(2);
    let published = child.wait_with_output().unwrap();
    assert!(published.status.success(), "{published:?}");
    publish(&acme.store, &urls[1], &["--verify"]).expect(0);
    assert_eq!(three.nodes[1].count("mailtrace-events", &all), EVENTS as u64);
    assert_eq!(
        three.nodes[1].count("mailtrace-events", &json!({"term": {"organization": "zenith"}})),
        300
    );
    // Whoever is gone is not waited for.
    let at_once = json!({"index.unassigned.node_left.delayed_timeout": "0s"});
    three.nodes[0].ask("PUT", "/mailtrace-*/_settings", &at_once);
    three.revive(&built, 2);
    three.wait(3);
    // Killed while it is asked, through another one.
    let asking = std::thread::spawn({
        let url = urls[0].clone();
        move || {
            assert_traced_alike(&acme, &url);
            acme
        }
    });
    std::thread::sleep(Duration::from_millis(300));
    three.kill(1);
    let acme = asking.join().unwrap();
    three.wait(2);
    // What has no copy is gone with its node, and then there is no answer at all.
    let none = json!({"index.number_of_replicas": 0});
    three.nodes[0].ask("PUT", "/mailtrace-events*/_settings", &none);
    let of_third = json!({"index.routing.allocation.require._name": "three"});
    three.nodes[0].ask("PUT", "/mailtrace-events*/_settings", &of_third);
    let begun = Instant::now();
    loop {
        let shards =
            three.nodes[0].ask("GET", "/_cat/shards/mailtrace-events*?format=json", &Value::Null);
        let shards = shards.as_array().unwrap();
        if shards.iter().all(|it| it["node"] == "three" && it["state"] == "STARTED") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{shards:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    three.revive(&built, 1);
    three.wait(3);
    three.kill(2);
    let mut command = mailtrace();
    command.args(["trace", &acme.ids[0], "--cluster", &urls[0], "--organization", "acme"]);
    let ran = run(command.args(["--timeout", "3s"]));
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    let ran = publish(&acme.store, &urls[0], &["--verify"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    three.revive(&built, 2);
    three.wait(3);
    publish(&acme.store, &urls[0], &["--verify"]).expect(0);
    assert_traced_alike(&acme, &urls[2]);
}
