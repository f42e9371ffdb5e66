//! The `mailtrace` program: hands its arguments to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    mailtrace::cli::main()
}
