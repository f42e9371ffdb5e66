//! The `mailtrace` program: hands its arguments to the library.

use std::process::ExitCode;

use mimalloc::MiMalloc;

// An import allocates some twenty small pieces for each event, freed by other threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    mailtrace::main()
}
