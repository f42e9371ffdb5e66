//! What a cluster answers is what the store answers, byte for byte.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::fake::Fake;
use super::publishing::{Organization, publish};
use crate::support::{Ran, Random, mailtrace, run};

const EVENTS: usize = 400;

/// IDs that are asked for together.
const AT_ONCE: usize = 8;

fn trace(options: &[&str], ids: &[&str], format: &str) -> Ran {
    let mut command = mailtrace();
    command.args(options).args(["trace", "--format", format, "--grace", "1h"]);
    run(command.arg("--").args(ids))
}

/// Traces all that is known of an organization here and there.
#[track_caller]
pub(crate) fn assert_traced_alike(organization: &Organization, url: &str) {
    let store = ["--store", organization.store.to_str().unwrap()];
    let ids: Vec<&str> = organization.ids.iter().map(String::as_str).collect();
    let unknown = ["<nobody@nowhere.example>", ids[0]];
    let questions = ids.chunks(AT_ONCE).chain([&unknown[..]]);
    for (number, ids) in questions.enumerate() {
        let format = ["json", "ndjson", "csv", "table"][number % 4];
        let here = trace(&store, ids, format);
        let mut command = mailtrace();
        command.args(["trace", "--format", format, "--grace", "1h", "--cluster", url]);
        let there = run(command.args(["--organization", "acme", "--"]).args(ids));
        assert_eq!(here.status, there.status, "{ids:?}: {there:?}");
        assert_eq!(here.stdout, there.stdout, "{ids:?}");
        assert_eq!(here.stderr, there.stderr, "{ids:?}");
    }
}

#[test]
fn a_message_is_traced_from_the_cluster_as_from_the_store() {
    let random = &mut Random::new();
    let seed = random.below(1_000);
    let (mut organization, fake) = (Organization::new(EVENTS, seed), Fake::start());
    for index in (1..organization.lines.len()).rev() {
        organization.lines.swap(index, random.below(index as u64 + 1) as usize);
    }
    let (first, rest) = organization.lines.split_at(EVENTS / 2);
    organization.take(first);
    publish(&organization.store, &fake.url, &[]).expect(0);
    organization.take(rest);
    publish(&organization.store, &fake.url, &[]).expect(0);
    // Another organization's events are nobody's business.
    let other = Organization::filled(EVENTS, seed);
    let mut command = mailtrace();
    command.arg("--store").arg(&other.store).args(["publish", "--cluster", &fake.url]);
    run(command.args(["--organization", "zenith"])).expect(0);
    assert_traced_alike(&organization, &fake.url);
}

#[test]
fn what_a_cluster_cannot_say_is_refused_by_name() {
    let (organization, fake) = (Organization::filled(40, 42), Fake::start());
    let ask = |options: &[&str]| {
        let mut command = mailtrace();
        command.args(["trace", "<a@b>", "--cluster", &fake.url]).args(options);
        run(&mut command)
    };
    ask(&[]).expect_error(&["--organization"]);
    ask(&["--organization", "acme"]).expect_error(&["nothing of the organization acme"]);
    publish(&organization.store, &fake.url, &[]).expect(0);
    ask(&["--organization", "acme"]).expect(1);
    ask(&["--organization", "zenith"]).expect_error(&["nothing of the organization zenith"]);
    ask(&["--organization", "acme", "--provenance"]).expect_error(&["--provenance"]);
}

/// Questions, word by word. `A` and `B` stand for times within the log, `FROM` and `ID` for an
/// address and an ID that it has. Those that are asked in CSV or as a table are asked so.
const QUESTIONS: [&str; 58] = [
    "messages",
    "messages --since A --until B",
    "messages --since A --until B --format csv",
    "messages --since A --until B --format table",
    "messages --since A --limit 5 --sort slowest",
    "messages --until B --sort recipients --limit 9",
    "messages --since A --outcome lost,bounced,pending --grace 1h",
    "messages --since A --to *@acme.example --folder inbox",
    "messages --from FROM",
    "messages --from FROM --since A --until B --events",
    "messages --message-id ID",
    "messages --since A --until B --spam FAIL --junk yes",
    "messages --since A --until B --internal",
    "messages --since A --no-beginning",
    "messages outcome:bounced OR latency:>2s --since A --format ndjson",
    "messages time:[A TO B]",
    "messages --subject re* --since B",
    "messages --since A --until B --facets --histogram --limit 3",
    "messages --since A --until B --outcome lost --around 10m",
    "messages --since A --outcome bounced --explain",
    "messages --since A --until B --group-by cause,recipient-domain",
    "messages --since A --until B --group-by sender",
    "messages --since A --until B --group-by rule",
    "messages --since A --until B --group-by folder,outcome",
    "messages --since B --group-by day",
    "messages --from nobody@nowhere.example --since A",
    "search",
    "search --since A --until B",
    "search event:bounced OR event:*delivered* --since A --format csv",
    "search FROM --since A --limit 4",
    "search status:>=5 --until B --facets --histogram",
    "search event:*bounced* --since A --until B --around 5m",
    "search --since B --explain",
    "stats",
    "stats --since A --until B",
    "stats --by event --since A",
    "stats --by sender --since A --until B",
    "stats --by sender-domain --since A --until B",
    "stats --by recipient --since A --until B --format csv",
    "stats --by recipient-domain --since A",
    "stats --by outcome --since A --until B --grace 1h",
    "stats --by cause --since A",
    "stats --by status --since A",
    "stats --by rule --since A --until B",
    "stats --by folder --since A --until B",
    "stats --by spam --since A",
    "stats --by direction --since A --until B",
    "stats --by recipient outcome:bounced --since A",
    "stats --interval hour --since A --until B",
    "stats --interval day --by outcome",
    "stats --latency --since A --until B",
    "stats --latency --by weekday --since A",
    "stats --metrics --since A --until B",
    "stats --compare --since B",
    "triage",
    "triage --since A --until B --grace 1h",
    "triage --since B --items 2 outcome:bounced",
    "triage --since A --until B --format csv",
];

/// Where questions go: to a store, or to a cluster.
fn ask(place: &[&str], words: &[String]) -> Ran {
    let mut command = mailtrace();
    // The command first: what says where may stand behind it as well.
    command.arg(&words[0]).args(place).args(&words[1..]);
    if !words.iter().any(|it| it == "--format") {
        command.args(["--format", "json"]);
    }
    run(&mut command)
}

/// What a question came to, without where suggested commands would go.
fn plain(ran: &Ran, place: &[&str]) -> String {
    ran.stdout.replace(&format!(" {}", place.join(" ")), "")
}

/// Asks some questions here and there.
#[track_caller]
fn assert_asked_alike(organization: &Organization, url: &str, questions: &[&str]) {
    let log = assert_each_asked_alike(organization, url, questions);
    let here = ["--store", organization.store.to_str().unwrap()];
    let there = ["--cluster", url, "--organization", "acme"];
    let paged = ["messages", "messages --sort oldest", "messages --sort slowest", "search"];
    assert_paged_alike(organization, url, &paged);
    let list = organization.store.with_file_name("ids.txt");
    fs::write(&list, organization.ids.join("\n")).unwrap();
    let words = ["trace", "--batch", list.to_str().unwrap()].map(str::to_owned);
    assert_eq!(ask(&here, &words).stdout, ask(&there, &words).stdout);
    assert_exported_alike(organization, &here, &there, &log);
}

/// Asks each of some questions here and there.
#[track_caller]
pub(super) fn assert_each_asked_alike(
    organization: &Organization,
    url: &str,
    questions: &[&str],
) -> Log {
    let here = ["--store", organization.store.to_str().unwrap()];
    let there = ["--cluster", url, "--organization", "acme"];
    let log = Log::of(organization);
    for question in questions {
        let words: Vec<String> = question.split(' ').map(|it| log.word(it)).collect();
        let (expected, found) = (ask(&here, &words), ask(&there, &words));
        assert_eq!(expected.status, found.status, "{question}: {found:?}");
        assert_eq!(plain(&expected, &here), plain(&found, &there), "{question}");
    }
    log
}

/// Cursors mean the same in both.
#[track_caller]
pub(super) fn assert_paged_alike(organization: &Organization, url: &str, questions: &[&str]) {
    let here = ["--store", organization.store.to_str().unwrap()];
    let there = ["--cluster", url, "--organization", "acme"];
    let log = Log::of(organization);
    for question in questions {
        let since = format!("{question} --since A --until B --limit 6");
        let mut words: Vec<String> = since.split(' ').map(|it| log.word(it)).collect();
        for page in 0..3 {
            let (expected, found) = (ask(&here, &words), ask(&there, &words));
            assert_eq!(expected.stdout, found.stdout, "{question}, page {page}");
            let Some(next) = expected.json()["next"].as_str().map(str::to_owned) else { break };
            words.truncate(since.split(' ').count());
            words.extend(["--cursor".to_owned(), next]);
        }
    }
}

/// What of a log questions name.
pub(super) struct Log {
    times: [String; 2],
    from: String,
    id: String,
}

impl Log {
    fn of(organization: &Organization) -> Self {
        let lines = organization.lines.iter().map(|it| serde_json::from_str::<Value>(it).unwrap());
        let mut times = Vec::new();
        let mut from = None;
        for line in lines {
            times.push(line["timestamp"].as_i64().unwrap());
            let message: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
            from = from.or_else(|| message["event"]["from"].as_str().map(str::to_owned));
        }
        times.sort_unstable();
        let at = |part: usize| {
            let ms = times[times.len() * part / 10];
            jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
        };
        Self { times: [at(4), at(7)], from: from.unwrap(), id: organization.ids[0].clone() }
    }

    fn word(&self, word: &str) -> String {
        match word {
            "A" => self.times[0].clone(),
            "B" => self.times[1].clone(),
            "FROM" => self.from.clone(),
            "ID" => self.id.clone(),
            other => other
                .replace("[A", &format!("[{}", self.times[0]))
                .replace("B]", &format!("{}]", self.times[1])),
        }
    }
}

/// Exports here and there. What only a store knows is not in the cluster's.
#[track_caller]
fn assert_exported_alike(organization: &Organization, here: &[&str], there: &[&str], log: &Log) {
    let lines = |ran: &Ran| -> Vec<Value> {
        let lines = ran.stdout.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
        let known = |mut line: Value| {
            line.as_object_mut().unwrap().remove("mailtrace");
            if let Some(unmapped) = line.get_mut("unmapped").and_then(Value::as_object_mut) {
                unmapped.remove("source");
            }
            line
        };
        lines.map(known).collect()
    };
    for what in ["--as ecs --since A --until B", "--as ocsf --from FROM", "--as ecs ID"] {
        let question = format!("export --out - {what}");
        let words: Vec<String> = question.split(' ').map(|it| log.word(it)).collect();
        let (expected, found) = (ask(here, &words), ask(there, &words));
        assert_eq!((expected.status, found.status), (Some(0), Some(0)), "{what}: {found:?}");
        assert!(found.stderr.contains("which file or pull"), "{found:?}");
        assert_eq!(lines(&expected), lines(&found), "{what}");
    }
    let dir = tempfile::tempdir_in(organization.store.parent().unwrap()).unwrap();
    let bundle = |place: &[&str], name: &str| {
        let out = dir.path().join(name);
        let words = ["export", "--out", out.to_str().unwrap(), "--since", &log.times[0]];
        ask(place, &words.map(str::to_owned)).expect(0);
        move |file: &str| fs::read_to_string(out.join(file)).unwrap()
    };
    let (expected, found) = (bundle(here, "here"), bundle(there, "there"));
    for file in ["messages.csv", "timeline.csv"] {
        assert_eq!(expected(file), found(file), "{file}");
    }
}

#[test]
fn every_question_is_answered_from_the_cluster_as_from_the_store() {
    let (organization, fake) = (Organization::new(EVENTS, 51), Fake::start());
    let (late, first) = organization.lines.split_at(EVENTS / 3);
    for lines in [first, late] {
        organization.take(lines);
        publish(&organization.store, &fake.url, &[]).expect(0);
    }
    let other = Organization::filled(EVENTS, 52);
    let mut command = mailtrace();
    command.arg("--store").arg(&other.store).args(["publish", "--cluster", &fake.url]);
    run(command.args(["--organization", "zenith"])).expect(0);
    // A real node is asked them all.
    let some: Vec<&str> = QUESTIONS.iter().copied().step_by(6).collect();
    assert_asked_alike(&organization, &fake.url, &some);
    let state = fake.lock();
    assert!(state.views.is_empty() && state.view_count > some.len(), "{}", state.view_count);
}

/// Asks all that can be asked.
#[track_caller]
pub(crate) fn assert_answered_alike(organization: &Organization, url: &str) {
    assert_asked_alike(organization, url, &QUESTIONS);
}

#[test]
fn only_what_a_question_can_be_about_comes() {
    let (organization, fake) = (Organization::filled(EVENTS, 56), Fake::start());
    publish(&organization.store, &fake.url, &[]).expect(0);
    let log = Log::of(&organization);
    let check = |question: &str, most: usize| {
        let before = fake.lock().hit_count;
        let words: Vec<String> = question.split(' ').map(|it| log.word(it)).collect();
        ask(&["--cluster", &fake.url, "--organization", "acme"], &words);
        let came = fake.lock().hit_count - before;
        assert!(came <= most, "{question}: {came}");
    };
    check("messages", EVENTS + 2);
    check("messages --since A --until B", EVENTS * 2 / 3);
    check("search --since A --until B", EVENTS * 4 / 10);
    check("messages --message-id ID", 40);
    check("messages --from FROM", EVENTS / 2);
    check("export --out - --as ecs ID", 40);
    check("messages time:[A TO B]", EVENTS * 2 / 3);
}

#[test]
fn what_goes_wrong_with_a_question_is_waited_for_or_named() {
    const EVENTS: usize = 60;
    let (organization, fake) = (Organization::filled(EVENTS, 53), Fake::start());
    publish(&organization.store, &fake.url, &[]).expect(0);
    let here = ["--store", organization.store.to_str().unwrap()];
    let there = ["--cluster", &fake.url, "--organization", "acme"];
    let words = ["messages", "--since", "2000-01-01"].map(str::to_owned);
    let expected = ask(&here, &words).stdout;
    let check = |faults: &[(u16, &'static str)]| {
        fake.lock().search_faults = faults.iter().copied().collect();
        let ran = ask(&there, &words);
        assert!(fake.lock().views.is_empty(), "{ran:?}");
        ran
    };
    let busy = (429, r#"{"error":{"type":"es_rejected_execution_exception","reason":"full"}}"#);
    assert_eq!(check(&[busy, (503, "<html>Later</html>")]).stdout, expected);
    let gone = (
        404,
        r#"{"error":{"root_cause":[{"type":"search_context_missing_exception"}],"type":"search_phase_execution_exception","reason":"all shards failed"},"status":404}"#,
    );
    let answered = || (200, r#"{"hits":{"hits":[],"total":{"value":0}},"_shards":{"failed":0}}"#);
    assert_eq!(check(&[gone]).stdout, expected);
    check(&[gone, gone, gone]).expect_error(&["status 404"]);
    let shard = (
        200,
        r#"{"hits":{"hits":[]},"_shards":{"failed":1,"failures":[{"reason":{"reason":"node left"}}]}}"#,
    );
    check(&[shard]).expect_error(&["1 shards have not answered", "node left"]);
    check(&[(200, "<html>Sign in</html>")]).expect_error(&["not OpenSearch", "proxy"]);
    check(&[(200, r#"{"hits":{"hits":[]},"_shards":{"failed":0}}"#)])
        .expect_error(&["POST /_search", "something other than a count"]);
    check(&[(200, r#"{"hits":{"hits":[],"total":{"value":0}}}"#)])
        .expect_error(&["something other than how many shards failed"]);
    let many = (200, r#"{"hits":{"hits":[],"total":{"value":2000001}},"_shards":{"failed":0}}"#);
    // Two look at the first and at the last event.
    check(&[answered(), answered(), many]).expect_error(&["2000001 events", "--since"]);
}

#[test]
fn what_is_asked_is_said_once() {
    let (organization, fake) = (Organization::filled(60, 54), Fake::start());
    publish(&organization.store, &fake.url, &[]).expect(0);
    let home = organization.store.parent().unwrap();
    let store = organization.store.to_str().unwrap();
    let ask = |words: &[&str], environment: &[(&str, &str)]| {
        let mut command = mailtrace();
        command.env("HOME", home).env_remove("XDG_CONFIG_HOME").envs(environment.iter().copied());
        run(command.args(words))
    };
    let named = ["--cluster", &fake.url];
    let acme = ["--organization", "acme"];
    let expected = ask(&["messages", "--format", "json", "--store", store], &[]).expect(0).stdout;
    let messages = ["messages", "--format", "json"];
    let cluster = ("MAILTRACE_CLUSTER", fake.url.as_str());
    let answers = |words: &[&str], environment: &[(&str, &str)]| {
        assert_eq!(ask(words, environment).expect(0).stdout, expected, "{words:?}");
    };
    answers(&[&named[..], &acme, &messages].concat(), &[]);
    answers(&[&messages[..], &acme].concat(), &[cluster]);
    answers(&[&messages[..], &acme].concat(), &[cluster, ("MAILTRACE_STORE", "/nowhere")]);
    answers(&[&messages[..], &["--store", store]].concat(), &[cluster]);
    ask(&[&messages[..], &named, &["--store", store]].concat(), &[])
        .expect_error(&["--store", "leave one"]);
    ask(&[&messages[..], &named, &["--input", "x"]].concat(), &[]).expect_error(&["--input"]);
    ask(&[&messages[..], &named].concat(), &[]).expect_error(&["--organization"]);
    ask(&[&messages[..], &acme, &["--store", store]].concat(), &[]).expect_error(&["--cluster"]);
    ask(&[&messages[..], &named, &acme, &["--watch"]].concat(), &[]).expect_error(&["--watch"]);
    ask(&[&["verify"][..], &named].concat(), &[]).expect_error(&["works only on a store"]);
    ask(&[&messages[..], &["--password-file", "x"]].concat(), &[]).expect_error(&["--user"]);
    // The configuration file, whose password goes to its own cluster alone.
    let config = home.join(".config/mailtrace/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let password = home.join("password");
    fs::write(&password, "secret\n").unwrap();
    let text = format!(
        "[cluster]\nurl = '{}/'\norganization = 'acme'\nuser = 'me'\npassword-file = '{}'\n",
        fake.url,
        password.display()
    );
    fs::write(&config, text).unwrap();
    answers(&messages, &[]);
    assert_eq!(fake.lock().authorization, "Basic bWU6c2VjcmV0");
    answers(&messages, &[("MAILTRACE_STORE", store)]);
    let other = Fake::start();
    let elsewhere = [&messages[..], &acme, &["--cluster", &other.url]].concat();
    ask(&elsewhere, &[]).expect_error(&["nothing of the organization"]);
    assert_eq!(other.lock().authorization, "");
}

#[test]
fn whoever_is_stopped_leaves_nothing_here_or_there() {
    let (organization, fake) = (Organization::filled(60, 55), Fake::start());
    publish(&organization.store, &fake.url, &[]).expect(0);
    let busy = (429, r#"{"error":{"type":"es_rejected_execution_exception","reason":"full"}}"#);
    // It gets no further than to measure what there is.
    fake.lock().search_faults = [busy; 1_000].into();
    let tmp = organization.store.with_file_name("tmp");
    fs::create_dir(&tmp).unwrap();
    let mut command = mailtrace();
    command.env("TMPDIR", &tmp).args(["messages", "--cluster", &fake.url]);
    let mut child = command.args(["--organization", "acme"]).spawn().unwrap();
    let begun = Instant::now();
    while fake.lock().views.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never asked");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Once it has what it is to let go.
    std::thread::sleep(Duration::from_millis(200));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(fake.lock().views.is_empty());
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
}
