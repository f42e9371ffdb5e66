//! Whether a store is what it was, and an extract of it that stands on its own.

use std::process::{Command, Stdio};

use crate::Bench;
use crate::processes::{Job, text};
use crate::table::Unit::Seconds;

const ROUNDS: usize = 5;

/// A verification may take twice as long as the sums of the archive's files alone.
const VERIFY_RATIO_MAX: f64 = 2.0;

const BUNDLE_MESSAGES: usize = 1_000;
const BUNDLE_S_MAX: f64 = 5.0;

pub(crate) fn of_a_store(bench: &mut Bench) {
    let store = bench.store();
    let verify = Job::mailtrace(["verify", "--store", text(&store), "-q"]);
    let deep = Job::mailtrace(["verify", "--deep", "--store", text(&store), "-q"]);
    let sums = sums_of_the_archive(bench);
    let jobs = [Some(&verify), sums.as_ref(), Some(&deep)];
    let [ours, theirs, deep] = bench.stopwatch.alternate(ROUNDS, jobs);
    bench
        .table
        .add("verify a store: wall", Seconds, ours.wall())
        .beside("sha256sum of its archive", theirs.wall())
        .ratio_at_most(VERIFY_RATIO_MAX);
    bench.table.add("verify it and each document: wall", Seconds, deep.wall());

    let ids = bench.dir.path().join("ids.txt");
    let lines = bench.log.some_message_ids(BUNDLE_MESSAGES).join("\n");
    std::fs::write(&ids, lines).expect("a file of IDs");
    let bundle = bench.dir.path().join("bundle");
    let export = ["export", "--store", text(&store), "--ids-from", text(&ids), "--out"];
    let export = Job::mailtrace([&export[..], &[text(&bundle), "-q"]].concat()).making(&bundle);
    let [export] = bench.stopwatch.alternate(ROUNDS, [Some(&export)]);
    let what = format!("export {BUNDLE_MESSAGES} messages as evidence: wall");
    bench.table.add(what, Seconds, export.wall()).at_most(BUNDLE_S_MAX);
}

/// One process that hashes all that the archive holds; none where there is no such program.
fn sums_of_the_archive(bench: &Bench) -> Option<Job> {
    const PROGRAM: &str = "sha256sum";
    let mut probe = Command::new(PROGRAM);
    probe.arg("--version").stdout(Stdio::null()).status().ok()?;
    let files = std::fs::read_dir(bench.store().join("archive")).expect("the archive");
    let files = files.map(|it| text(&it.expect("a file").path()).to_owned());
    Some(Job { argv: std::iter::once(PROGRAM.to_owned()).chain(files).collect(), makes: None })
}
