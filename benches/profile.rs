//! Which profile is measured.

use std::path::Path;

/// The directory into which Cargo built this bench and the program: `release` for `cargo bench`,
/// `dist` for `cargo bench --profile dist`.
pub(crate) fn profile() -> &'static str {
    let program = Path::new(env!("CARGO_BIN_EXE_mailtrace"));
    let dir = program.parent().and_then(|it| it.file_name()?.to_str());
    dir.expect("Cargo puts programs into a directory")
}
