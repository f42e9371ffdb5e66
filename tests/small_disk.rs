//! Disks to fill up, and disks that cannot be written.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{is_root, skip};

/// A file system of a few megabytes, gone when the test ends, however it ends.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub(crate) fn mount(size: &str) -> Option<Self> {
        if !is_root() {
            skip("root, to mount a small file system");
            return None;
        }
        let disk = Self(tempfile::tempdir().unwrap());
        if !disk.run_mount(&format!("size={size}")) {
            skip("permission to mount a small file system");
            return None;
        }
        Some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn grow(&self, size: &str) {
        assert!(self.run_mount(&format!("remount,size={size}")));
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.path()).unwrap();
        disk.f_bavail * disk.f_frsize
    }

    pub(crate) fn make_read_only(&self) {
        assert!(self.run_mount("remount,ro"));
    }

    fn run_mount(&self, options: &str) -> bool {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.path());
        command.stderr(Stdio::null()).status().is_ok_and(|it| it.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Not mounted when the mount was refused.
        let _unmounted = Command::new("umount").arg(self.path()).stderr(Stdio::null()).status();
    }
}
