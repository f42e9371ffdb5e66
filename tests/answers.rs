//! The answers are the truth, and do not depend on how the log came in.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{Ended, line, mailtrace, on, run};

const EVENTS: &str = "20000";

/// A synthetic log with the truth beside it.
struct Log {
    dir: tempfile::TempDir,
}

impl Log {
    fn new(seed: &str) -> Self {
        let log = Self { dir: tempfile::tempdir().unwrap() };
        let (path, truth) = (log.path("log.ndjson"), log.path("truth.ndjson"));
        let (path, truth) = (path.to_str().unwrap(), truth.to_str().unwrap());
        run(&["synth", "--events", EVENTS, "--seed", seed, "--out", path, "--truth", truth])
            .with(0);
        log
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn truths(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("truth.ndjson")).unwrap();
        text.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    }

    /// Writes a batch file with an ID of every `step`th message: its message ID where it has one.
    fn ids(&self, step: usize) -> PathBuf {
        let ids: Vec<String> = self.truths().iter().step_by(step).map(an_id).collect();
        let path = self.path("ids.txt");
        fs::write(&path, ids.join("\n")).unwrap();
        path
    }
}

fn an_id(truth: &Value) -> String {
    let id = truth["messageIds"][0].as_str().or(truth["traceIds"][0].as_str());
    id.unwrap().to_owned()
}

fn trace(store: &Path, ids: &Path) -> Ended {
    on(store, &["trace", "--batch", ids.to_str().unwrap(), "--format", "ndjson"]).with(0)
}

/// What an answer and the truth both say of a message.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    message_ids: Value,
    trace_ids: Value,
    from: Value,
    sender: Value,
    subject: Value,
    outcome: Value,
    recipients: BTreeMap<String, [Value; 4]>,
}

impl Told {
    fn of(message: &Value) -> Self {
        let mut recipients = BTreeMap::new();
        for row in message["recipients"].as_array().unwrap() {
            let address = row["address"].as_str().unwrap().to_lowercase();
            let told = ["direction", "outcome", "folder", "status"].map(|it| row[it].clone());
            // Where both directions speak of an address, the incoming one counts.
            if row["direction"] == "incoming" {
                recipients.insert(address, told);
            } else {
                recipients.entry(address).or_insert(told);
            }
        }
        Self {
            message_ids: message["messageIds"].clone(),
            trace_ids: message["traceIds"].clone(),
            from: lower(&message["from"]),
            sender: lower(&message["sender"]),
            subject: match message["subject"].as_str() {
                Some("") => Value::Null,
                _ => message["subject"].clone(),
            },
            outcome: message["outcome"].clone(),
            recipients,
        }
    }
}

/// An address as it compares: answers have it as it was logged.
fn lower(address: &Value) -> Value {
    address.as_str().map_or(Value::Null, |it| it.to_lowercase().into())
}

/// Every message of a synthetic log is traced, and comes out as its generator meant it.
#[test]
fn the_trace_of_every_message_is_the_truth() {
    let log = Log::new("1");
    let store = log.path("store");
    on(&store, &["import", log.path("log.ndjson").to_str().unwrap()]).with(0);
    let answers = trace(&store, &log.ids(1)).json_lines();
    let truths = log.truths();
    assert!(truths.len() > 3_000, "{} messages", truths.len());
    assert_eq!(answers.len(), truths.len());
    let by_trace_id: HashMap<&str, &Value> =
        answers.iter().map(|it| (it["traceIds"][0].as_str().unwrap(), it)).collect();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for truth in &truths {
        let answer = by_trace_id[truth["traceIds"][0].as_str().unwrap()];
        assert_eq!(Told::of(answer), Told::of(truth), "answer and truth of {truth}");
        *outcomes.entry(truth["outcome"].to_string()).or_default() += 1;
    }
    assert_eq!(outcomes.len(), 5, "every outcome of a message occurs: {outcomes:?}");
    let events: usize = answers.iter().map(|it| it["events"].as_array().unwrap().len()).sum();
    assert_eq!(events.to_string(), EVENTS, "each event belongs to one message");
}

/// A message whose events all bear one time, which tells nothing of their order.
fn at_once() -> Vec<String> {
    let to = ["b@acme.example", "c@acme.example", "d@acme.example"];
    let about = |name: &str, index: usize| {
        let address = to[index % 3];
        let fields = json!({"recipient": address, "folder": format!("F{index}"), "subject": format!("S{index}"),
            "messageId": "<at-once@acme.example>", "from": address, "recipients": to,
            "bouncedRecipient": {"emailAddress": address, "status": format!("5.0.{index}"), "reason": "x"}});
        line(0, &format!("at-once-{}", index % 2), name, fields)
    };
    let names = ["OUTGOING_EMAIL_SENT", "MAILBOX_EMAIL_DELIVERED", "INCOMING_EMAIL_BOUNCED", "NEW"];
    names.iter().flat_map(|name| (0..6).map(move |index| about(name, index))).collect()
}

/// In whatever order the lines come, over however many commands: the same bytes.
#[test]
fn the_answers_do_not_depend_on_the_way_in() {
    let log = Log::new("2");
    let text = fs::read_to_string(log.path("log.ndjson")).unwrap() + at_once().join("\n").as_str();
    fs::write(log.path("log.ndjson"), &text).unwrap();
    let whole = log.path("store");
    on(&whole, &["import", log.path("log.ndjson").to_str().unwrap()]).with(0);
    let ids = log.ids(4);
    fs::write(&ids, fs::read_to_string(&ids).unwrap() + "\n<at-once@acme.example>").unwrap();
    let expected = trace(&whole, &ids).stdout;

    let mut lines: Vec<&str> = text.lines().collect();
    shuffle(&mut lines);
    let split = log.path("split-store");
    let mut inputs: Vec<PathBuf> = Vec::new();
    for (number, part) in
        [0..2_000, 2_000..2_001, 2_001..14_000, 14_000..lines.len()].into_iter().enumerate()
    {
        let path = log.path(&format!("part-{number}.ndjson"));
        fs::write(&path, lines[part].join("\n")).unwrap();
        // The part before comes again, which adds nothing.
        let again = inputs.last().unwrap_or(&path);
        let (path_text, again) = (path.to_str().unwrap(), again.to_str().unwrap());
        on(&split, &["import", path_text, again]).with(0);
        inputs.push(path);
    }
    assert_eq!(trace(&split, &ids).stdout, expected, "shuffled, over several imports");

    let mut command = mailtrace(&["trace", "--format", "ndjson", "--batch", ids.to_str().unwrap()]);
    let asked: Ended = command.arg("--input").args(&inputs).output().unwrap().into();
    assert_eq!(asked.with(0).stdout, expected, "without a store");

    on(&split, &["reindex"]).with(0);
    assert_eq!(trace(&split, &ids).stdout, expected, "from an index made anew");
    on(&split, &["verify"]).with(0);
}

/// Fisher and Yates, with dice that fall alike every time.
fn shuffle(lines: &mut [&str]) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for index in (1..lines.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bound = index as u64 + 1;
        lines.swap(index, usize::try_from(state % bound).unwrap());
    }
}
