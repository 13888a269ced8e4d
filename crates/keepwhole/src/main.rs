//! The keepwhole program.

use std::process::ExitCode;

/// A ledger takes and gives back large blocks all the time; this allocator keeps them, where the system's would have each
/// page cleared again.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    keepwhole::cli::run(std::env::args_os())
}
