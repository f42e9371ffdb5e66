//! Python packages that stand beside the program: each in a virtual environment of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The virtual environment that holds `requirement`, made once for this target directory.
///
/// # Errors
///
/// What it would need on this machine.
pub(crate) fn installed(requirement: &str) -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = requirement.replace(|it: char| !it.is_ascii_alphanumeric() && it != '.', "-");
    let (dir, marker) = (root.join(&name), root.join(&name).join("installed"));
    fs::create_dir_all(root).unwrap();
    let lock = File::create(root.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !marker.exists() {
        // What an installation left that was cut off.
        let _nothing = fs::remove_dir_all(&dir);
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir), "Debian: python3-venv")?;
        let mut pip = Command::new(dir.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", requirement]);
        run(&mut pip, "PyPI must be reachable")?;
        fs::write(&marker, "").unwrap();
    }
    Ok(dir)
}

fn run(command: &mut Command, needs: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?} ({needs}): {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(format!("{command:?} ({needs}), which failed: {said}"))
}
