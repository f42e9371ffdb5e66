//! Input that cannot be understood: kept byte for byte, counted, and no hindrance to the rest.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;
use serde_json::Value;

use crate::support::{
    Ran, archived, assert_sound, files_below, import, is_root, mailtrace, on, rejected_lines, run,
    skip, synth, wrapped,
};

/// Kilobytes that the program may have in memory at once.
const PEAK_KB_MAX: u64 = 300_000;

/// Good events around the bad input.
const EVENTS: usize = 20;

struct Lab {
    dir: tempfile::TempDir,
    store: PathBuf,
    good: Vec<u8>,
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let good = fs::read(synth(dir.path(), EVENTS, 91, "ndjson").path).unwrap();
        Self { dir, store, good }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&self, paths: &[&Path]) -> Ran {
        let mut command = mailtrace();
        command.arg("--store").arg(&self.store).args(["import", "--format", "json"]);
        run(command.args(paths))
    }
}

/// One piece of rejected input: where it was, why it is there, and its bytes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reject {
    source: String,
    line: u64,
    byte_offset: u64,
    reason: String,
    bytes: Vec<u8>,
}

/// What `rejected/` holds, with pieces that span entries put together.
fn rejects(store: &Path) -> Vec<Reject> {
    let mut rejects: Vec<Reject> = Vec::new();
    for path in files_below(&store.join("rejected")) {
        for line in rejected_lines(&path).lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let bytes = match (entry["text"].as_str(), entry["base64"].as_str()) {
                (Some(text), None) => text.as_bytes().to_vec(),
                (None, Some(text)) => {
                    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
                }
                _ => panic!("{entry}"),
            };
            if entry["isContinuation"] == true {
                rejects.last_mut().unwrap().bytes.extend(bytes);
                continue;
            }
            rejects.push(Reject {
                source: entry["source"].as_str().unwrap().to_owned(),
                line: entry["line"].as_u64().unwrap(),
                byte_offset: entry["byteOffset"].as_u64().unwrap(),
                reason: entry["reason"].as_str().unwrap().to_owned(),
                bytes,
            });
        }
    }
    rejects.sort();
    rejects
}

#[track_caller]
fn assert_sums(report: &Value) {
    let of = |value: &Value, name: &str| value[name].as_u64().unwrap();
    for it in report["files"].as_array().unwrap().iter().chain([report]) {
        let parts = of(it, "added") + of(it, "duplicates") + of(it, "rejected");
        assert_eq!(of(it, "read"), parts, "{it}");
    }
}

/// Bad input between good lines: it alone is rejected, once, with its place and its bytes.
#[track_caller]
fn check_between(bad: &[u8], reason: &str) {
    let lab = Lab::new();
    let head: usize = lab.good.split_inclusive(|it| *it == b'\n').take(3).map(<[u8]>::len).sum();
    let (before, after) = lab.good.split_at(head);
    let path = lab.file("mixed.ndjson", &[before, bad, b"\n", after].concat());
    let ran = lab.import(&[&path]).expect(3);
    let report = ran.json();
    assert_sums(&report);
    assert_eq!((&report["added"], &report["rejected"]), (&EVENTS.into(), &1.into()), "{ran:#?}");
    let kept = rejects(&lab.store);
    let [reject] = kept.as_slice() else { panic!("{kept:#?}") };
    assert_eq!((reject.line, reject.byte_offset as usize), (4, head), "{}", reject.reason);
    assert!(reject.reason.contains(reason), "{:?} lacks {reason:?}", reject.reason);
    assert_eq!(reject.source, path.to_str().unwrap());
    let bytes = reject.bytes.strip_suffix(b"\n").unwrap_or(&reject.bytes);
    assert!(bytes == bad, "{:?} is kept as {:?}", show(bad), show(bytes));
    assert!(ran.stderr.contains("line 4"), "{ran:#?}");
    // Again: nothing new, and the same status.
    let files = files_below(&lab.store.join("rejected"));
    let report = lab.import(&[&path]).expect(3).json();
    assert_sums(&report);
    assert_eq!(report["added"], 0);
    assert_eq!(files_below(&lab.store.join("rejected")), files);
    assert_eq!(rejects(&lab.store), kept);
    assert_sound(&lab.store);
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned()
}

#[test]
fn a_line_that_is_not_json_is_kept() {
    check_between(b"Nov 24 12:00:00 mail postfix[1]: hello", "neither JSON nor");
}

#[test]
fn json_that_is_no_event_is_kept() {
    check_between(br#"{"a":1}"#, "neither a log record nor an email event");
}

#[test]
fn half_a_line_is_kept() {
    check_between(br#"{"timestamp":1793494191967,"message":"{\"traceId\""#, "");
}

#[test]
fn deep_json_is_kept() {
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    check_between(format!(r#"{{"traceId":"x","event":{deep}}}"#).as_bytes(), "nested deeper");
}

#[test]
fn invalid_utf8_is_kept() {
    check_between(
        b"{\"traceId\":\"x\",\"event\":{\"eventName\":\"A\",\"subject\":\"\xff\xfe\"}}",
        "UTF-8",
    );
}

#[test]
fn zero_bytes_are_kept() {
    check_between(b"\0\0\0\0", "");
    check_between(b"{\"traceId\":\"x\0\",\"event\":{\"eventName\":\"A\"}}", "");
}

#[test]
fn a_long_line_is_kept() {
    let long = format!(r#"{{"traceId":"{}"}}"#, "x".repeat(9 << 20));
    check_between(long.as_bytes(), "longer than");
}

#[test]
fn half_a_line_at_the_end_is_kept_and_completed_by_the_whole() {
    let lab = Lab::new();
    let cut = lab.file("cut.ndjson", &lab.good[..lab.good.len() - 40]);
    let report = lab.import(&[&cut]).expect(3).json();
    assert_sums(&report);
    assert_eq!((&report["added"], &report["rejected"]), (&(EVENTS - 1).into(), &1.into()));
    let whole = lab.file("whole.ndjson", &lab.good);
    let report = lab.import(&[&whole]).expect(0).json();
    assert_eq!((&report["added"], &report["duplicates"]), (&1.into(), &(EVENTS - 1).into()));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_truncated_gzip_gives_what_it_has_and_hinders_no_neighbour() {
    let lab = Lab::new();
    let neighbour = fs::read(synth(lab.dir.path(), EVENTS, 92, "ndjson").path).unwrap();
    let whole = gzip(&lab.good);
    lab.file("in/a.gz", &whole[..whole.len() * 2 / 3]);
    lab.file("in/b.ndjson", &neighbour);
    let directory = lab.dir.path().join("in");
    let ran = lab.import(&[&directory]).expect(3);
    let report = ran.json();
    assert_sums(&report);
    assert_eq!(report["files"][1]["added"], EVENTS, "{ran:#?}");
    assert!(report["files"][0]["rejected"].as_u64().unwrap() >= 1, "{ran:#?}");
    assert!(ran.stderr.contains("a.gz") && ran.stderr.contains("truncated gzip"), "{ran:#?}");
    lab.file("in/a.gz", &whole);
    lab.import(&[&directory]).expect(0);
    assert_eq!(archived(&lab.store).lines().count(), 2 * EVENTS);
}

/// Runs an import under GNU time and gives how it went and the peak of its memory in kilobytes.
fn measured(lab: &Lab, paths: &[&Path], input: impl FnOnce(&mut dyn Write)) -> Option<(Ran, u64)> {
    if !Path::new("/usr/bin/time").exists() {
        skip("/usr/bin/time, to measure memory");
        return None;
    }
    let peak = lab.dir.path().join("peak");
    let mut command = wrapped(&["/usr/bin/time", "-q", "-f", "%M", "-o", peak.to_str().unwrap()]);
    command.arg("--store").arg(&lab.store).args(["import", "--format", "json"]).args(paths);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    input(&mut child.stdin.take().unwrap());
    let ran = child.wait_with_output().unwrap().into();
    Some((ran, fs::read_to_string(peak).unwrap().trim().parse().unwrap()))
}

#[test]
fn a_line_of_256_megabytes_is_kept_in_bounded_memory() {
    let lab = Lab::new();
    let megabyte = vec![b'x'; 1 << 20];
    let outcome = measured(&lab, &[Path::new("-")], |stdin| {
        stdin.write_all(br#"{"traceId":""#).unwrap();
        for _ in 0..256 {
            stdin.write_all(&megabyte).unwrap();
        }
        stdin.write_all(b"\"}\n").unwrap();
        stdin.write_all(&lab.good).unwrap();
    });
    let Some((ran, peak_kb)) = outcome else { return };
    let report = ran.expect(3).json();
    assert_sums(&report);
    assert_eq!((&report["added"], &report["rejected"]), (&EVENTS.into(), &1.into()));
    assert!(peak_kb < PEAK_KB_MAX, "{peak_kb} KB");
    let kept = rejects(&lab.store);
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].bytes.strip_suffix(b"\n").unwrap_or(&kept[0].bytes).len(), (256 << 20) + 14);
    assert_eq!(on(&lab.store, &["status", "--format", "json"]).json()["rejected"], 1);
}

#[test]
fn a_gzip_bomb_is_refused_in_bounded_memory() {
    let lab = Lab::new();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..600 {
        encoder.write_all(&zeros).unwrap();
    }
    lab.file("in/a.gz", &encoder.finish().unwrap());
    lab.file("in/b.ndjson", &lab.good);
    let directory = lab.dir.path().join("in");
    let Some((ran, peak_kb)) = measured(&lab, &[&directory], |_| {}) else { return };
    let ran = ran.expect(3);
    assert_sums(&ran.json());
    assert!(ran.stderr.contains("a.gz"), "{ran:#?}");
    assert_eq!(ran.json()["added"], EVENTS);
    assert!(peak_kb < PEAK_KB_MAX, "{peak_kb} KB");
    let kept: usize = rejects(&lab.store).iter().map(|it| it.bytes.len()).sum();
    assert!(kept < 100 << 20, "{kept} bytes of a bomb are kept");
    assert!(rejects(&lab.store).iter().any(|it| it.reason.contains("expands to more than")));
}

#[test]
fn all_payloads_of_a_file_expand_within_one_bound() {
    let lab = Lab::new();
    let line = [vec![b'x'; 20_000], b"\n".to_vec()].concat();
    let lines = zstd::encode_all(&line.repeat((60 << 20) / line.len())[..], 3).unwrap();
    let payload = base64::engine::general_purpose::STANDARD.encode(lines);
    let records = vec![format!(r#"{{"kinesis":{{"data":"{payload}"}}}}"#); 8].join(",");
    lab.file("in/a.json", format!(r#"{{"Records":[{records}]}}"#).as_bytes());
    lab.file("in/b.ndjson", &lab.good);
    let directory = lab.dir.path().join("in");
    let Some((ran, peak_kb)) = measured(&lab, &[&directory], |_| {}) else { return };
    let ran = ran.expect(3);
    assert_sums(&ran.json());
    assert_eq!(ran.json()["added"], EVENTS);
    assert!(peak_kb < PEAK_KB_MAX, "{peak_kb} KB");
    let expanded = |it: &Reject| it.reason.contains("expands to more than");
    let kept = rejects(&lab.store);
    assert!(kept.iter().any(expanded), "{kept:?}");
    let bytes: usize = kept.iter().map(|it| it.bytes.len()).sum();
    assert!(bytes <= 70 << 20, "{bytes} bytes of a bomb are kept");
    let files = files_below(&lab.store.join("rejected"));
    let held: u64 = files.iter().map(|it| it.metadata().unwrap().len()).sum();
    assert!(held < 8 << 20, "{held} bytes are held");
}

/// A reject of a long input is as durable as the records beside it, and kept once.
#[test]
fn the_rejects_of_a_pipe_are_kept_with_its_records() {
    let lab = Lab::new();
    let path = lab.file("mixed.ndjson", &[b"not yours\n", &lab.good[..], b"nor this\n"].concat());
    let text = fs::read(&path).unwrap();
    let mut command = mailtrace();
    command.arg("--store").arg(&lab.store).args(["import", "-q", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A commit comes after a time, at the next batch.
    let mut line = 0_u64;
    let is_kept = || {
        fs::read_dir(lab.store.join("rejected")).is_ok_and(|it| {
            it.flatten().any(|it| it.path().extension().is_some_and(|it| it == "zst"))
        })
    };
    stdin.write_all(&text).unwrap();
    while !is_kept() && line < 6_000 {
        line += 1;
        let event =
            format!("{{\"timestamp\":{line},\"message\":\"{{\\\"traceId\\\":\\\"t\\\"}}\"}}\n");
        stdin.write_all(event.repeat(300).as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdin);
    let kept = rejects(&lab.store);
    assert_eq!(kept.len(), 2, "{kept:?}");
    run(mailtrace()
        .arg("--store")
        .arg(&lab.store)
        .args(["import", "-"])
        .stdin(fs::File::open(&path).unwrap()))
    .expect(3);
    assert_eq!(rejects(&lab.store), kept);
    assert_sound(&lab.store);
}

#[test]
fn a_loop_of_links_is_walked_once() {
    let lab = Lab::new();
    lab.file("in/a.ndjson", &lab.good);
    let directory = lab.dir.path().join("in");
    std::os::unix::fs::symlink(&directory, directory.join("loop")).unwrap();
    std::os::unix::fs::symlink("self", directory.join("self")).unwrap();
    let report = lab.import(&[&directory]).expect(0).json();
    assert_eq!((&report["read"], &report["added"]), (&EVENTS.into(), &EVENTS.into()));
}

#[test]
fn empty_files_and_directories_are_no_error() {
    let lab = Lab::new();
    let empty = lab.file("empty", b"");
    let directory = lab.dir.path().join("nothing");
    fs::create_dir(&directory).unwrap();
    for path in [&empty, &directory] {
        let report = lab.import(&[path]).expect(0).json();
        assert_eq!(report["read"], 0);
    }
    assert_sound(&lab.store);
    let empty_gzip = lab.file("empty.gz", &gzip(b""));
    lab.import(&[&empty_gzip]).expect(0);
    assert_sound(&lab.store);
}

#[test]
fn a_path_that_does_not_exist_is_named_before_anything_is_read() {
    let lab = Lab::new();
    let good = lab.file("good.ndjson", &lab.good);
    let missing = lab.dir.path().join("missing.ndjson");
    lab.import(&[&good, &missing]).expect_error(&[missing.to_str().unwrap()]);
    assert!(!lab.store.exists());
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_its_neighbours_are_kept() {
    let lab = Lab::new();
    lab.file("in/a.ndjson", b"not yours\n");
    lab.file("in/b.ndjson", &lab.good);
    let directory = lab.dir.path().join("in");
    if is_root() {
        // Root may read everything; a file that is its own process's memory fails all the same.
        let memory = Path::new("/proc/self/mem");
        let ran = lab.import(&[memory, &directory]);
        let ran = ran.expect(2);
        assert!(ran.stderr.contains("/proc/self/mem"), "{ran:#?}");
        assert_sums(&ran.json());
    } else {
        let path = directory.join("a.ndjson");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        let ran = lab.import(&[&directory]).expect(2);
        assert!(ran.stderr.contains(path.to_str().unwrap()), "{ran:#?}");
        assert_sums(&ran.json());
    }
    assert_eq!(archived(&lab.store).lines().count(), EVENTS);
    assert_sound(&lab.store);
}

#[test]
fn a_file_that_vanishes_during_the_import_is_named_and_its_neighbours_are_kept() {
    let lab = Lab::new();
    // A directory of named pipes: while the first one is read, the second file goes.
    let vanishing = lab.file("in/b.ndjson", b"{}\n");
    lab.file("in/c.ndjson", &lab.good);
    let (directory, stdin) = (lab.dir.path().join("in"), Path::new("-"));
    let mut command = mailtrace();
    command.arg("--store").arg(&lab.store).args(["import", "--format", "json"]);
    command.args([stdin, &directory]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The paths are listed before anything is read; the lock is taken in between.
    while !lab.store.join("store.json").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    fs::remove_file(&vanishing).unwrap();
    drop(child.stdin.take());
    let ran = Ran::from(child.wait_with_output().unwrap()).expect_error(&["b.ndjson"]);
    assert_sums(&ran.json());
    assert_eq!(archived(&lab.store).lines().count(), EVENTS);
    // It was not there, so nothing of the rest is lost by coming again.
    import(&lab.store, &directory).expect(0);
}
