//! Python packages that stand beside the program: each in a virtual environment of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The virtual environment that holds `requirement`, one or more packages, made once for this user and this Python.
///
/// # Errors
///
/// What it would need on this machine.
pub(crate) fn installed(requirement: &str) -> Result<PathBuf, String> {
    let version = run(Command::new("python3").arg("--version"), "Debian: python3")?;
    let name = format!("{requirement}-{version}");
    let name = name.trim_end().replace(|it: char| !it.is_ascii_alphanumeric() && it != '.', "-");
    let root = cache_dir();
    let (dir, marker) = (root.join(&name), root.join(&name).join("installed"));
    fs::create_dir_all(&root).unwrap();
    let lock = File::create(root.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    // It runs on the Python that made it, and that one may be gone.
    let runs = |dir: &Path| run(Command::new(dir.join("bin/python")).arg("--version"), "").is_ok();
    if !marker.exists() || !runs(&dir) {
        // What an installation left that was cut off.
        let _nothing = fs::remove_dir_all(&dir);
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir), "Debian: python3-venv")?;
        let mut pip = Command::new(dir.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        pip.args(requirement.split(' '));
        run(&mut pip, "PyPI must be reachable")?;
        fs::write(&marker, "").unwrap();
    }
    Ok(dir)
}

/// Where environments outlive the checkout that made them: `XDG_CACHE_HOME`, else `~/.cache`, else
/// the target directory.
fn cache_dir() -> PathBuf {
    let named = |it| std::env::var_os(it).filter(|it| !it.is_empty()).map(PathBuf::from);
    named("XDG_CACHE_HOME")
        .or_else(|| Some(named("HOME")?.join(".cache")))
        .map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), |it| it.join("mailtrace/python"))
}

/// Runs a command that must succeed, and gives what it prints.
fn run(command: &mut Command, needs: &str) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?} ({needs}): {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(format!("{command:?} ({needs}), which failed: {said}"))
}
