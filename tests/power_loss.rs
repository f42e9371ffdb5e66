//! What a command has acknowledged is on the disk: a copy of the disk at that instant has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{archived, assert_sound, import, is_root, mailtrace, on, run, skip, synth};

const ROUNDS: usize = 6;

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|it| it.success())
}

/// A mounted image of a disk, unmounted when the test ends, however it ends.
struct Disk {
    mount_point: PathBuf,
}

impl Disk {
    fn mount(image: &Path, mount_point: &Path) -> Option<Self> {
        fs::create_dir_all(mount_point).unwrap();
        // Nothing may reach the disk in time by itself: whatever is there, we have synced.
        let options = "loop,commit=300";
        let (image, at) = (image.to_str().unwrap(), mount_point.to_str().unwrap());
        succeeds("mount", &["-o", options, image, at])
            .then(|| Self { mount_point: mount_point.to_owned() })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let at = self.mount_point.to_str().unwrap();
        // Lazily at last, so that nothing stays behind.
        let _unmounted = succeeds("umount", &[at]) || succeeds("umount", &["-l", at]);
    }
}

/// An image with an empty file system on it.
fn image(path: &Path) -> bool {
    fs::File::create(path).unwrap().set_len(64 << 20).unwrap();
    succeeds("mkfs.ext4", &["-q", "-F", path.to_str().unwrap()])
}

/// Copies what the disk holds, not what the system means to write to it later.
fn copy_image(from: &Path, to: &Path) {
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    assert!(succeeds("cp", &["--sparse=always", from, to]));
}

fn records(store: &Path) -> Value {
    on(store, &["status", "--format", "json"]).expect(0).json()["records"].clone()
}

/// Runs `work` on a store on a disk, and gives what a power loss right after it would leave.
struct Lab {
    dir: tempfile::TempDir,
    disk: Disk,
}

impl Lab {
    fn new() -> Option<Self> {
        if !is_root() {
            skip("root, to mount disk images");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let live = dir.path().join("live.img");
        let disk = image(&live).then(|| Disk::mount(&live, &dir.path().join("live")));
        let Some(disk) = disk.flatten() else {
            skip("mkfs.ext4 and permission to mount disk images");
            return None;
        };
        Some(Self { dir, disk })
    }

    fn store(&self) -> PathBuf {
        self.disk.mount_point.join("store")
    }

    /// The store on a copy of the disk as it is now, for as long as the disk is held.
    fn after_power_loss(&self, round: usize) -> (Disk, PathBuf) {
        let copy = self.dir.path().join("copy.img");
        copy_image(&self.dir.path().join("live.img"), &copy);
        let disk = Disk::mount(&copy, &self.dir.path().join(format!("copy-{round}"))).unwrap();
        let store = disk.mount_point.join("store");
        (disk, store)
    }
}

#[test]
fn an_import_that_has_ended_survives_a_power_loss() {
    let Some(lab) = Lab::new() else { return };
    for round in 0..ROUNDS {
        let log = synth(lab.dir.path(), 1_500, 40 + round as u64, "ndjson");
        let text = fs::read_to_string(&log.path).unwrap() + "not JSON\n";
        fs::write(&log.path, text).unwrap();
        // Several commits in one run, and merges behind them.
        let mut command = mailtrace();
        command.arg("--store").arg(lab.store()).args(["import", "--commit-records", "400"]);
        run(command.arg(&log.path)).expect(3);

        let (_disk, store) = lab.after_power_loss(round);
        assert_eq!(records(&store), 1_500 * (round + 1));
        assert_sound(&store);
        assert!(archived(&store) == archived(&lab.store()));
        let rejected = fs::read_dir(store.join("rejected")).unwrap();
        let lengths: Vec<u64> = rejected.map(|it| it.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(lengths.len(), round + 1, "rejected input is missing");
        assert!(lengths.iter().all(|it| *it > 0), "rejected input is empty");
        // And it can be written to again.
        import(&store, &log.path).expect(3);
        assert_sound(&store);
    }
}

#[test]
fn a_reindex_that_has_ended_survives_a_power_loss() {
    let Some(lab) = Lab::new() else { return };
    let log = synth(lab.dir.path(), 3_000, 50, "ndjson");
    import(&lab.store(), &log.path).expect(0);
    for round in 0..2 {
        on(&lab.store(), &["reindex"]).expect(0);
        let (_disk, store) = lab.after_power_loss(round);
        assert_eq!(records(&store), 3_000);
        assert_sound(&store);
    }
}

#[test]
fn a_power_loss_in_the_middle_of_an_import_leaves_a_store_that_it_completes() {
    let Some(lab) = Lab::new() else { return };
    let mut random = crate::support::Random::new();
    let log = synth(lab.dir.path(), 12_000, 51, "ndjson");
    let start = |store: &Path| {
        let mut command = mailtrace();
        command.arg("--store").arg(store).args(["import", "--commit-records", "1000"]);
        command.arg(&log.path).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    for round in 0..ROUNDS {
        let mut child = start(&lab.store()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(random.below(600)));
        // A copy takes a while, and is to show the disk at one moment.
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(id, Signal::STOP).unwrap();
        let (_disk, store) = lab.after_power_loss(round);
        child.kill().unwrap();
        child.wait().unwrap();
        // It may have been stopped before it began.
        if lab.store().exists() {
            fs::remove_dir_all(lab.store()).unwrap();
        }
        let status = on(&store, &["status", "--format", "json"]);
        if status.status == Some(0) {
            assert_sound(&store);
        }
        run(&mut start(&store)).expect(0);
        assert_eq!(records(&store), 12_000, "round {round}");
        assert_sound(&store);
    }
}
