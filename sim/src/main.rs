//! The command line of the simulator.

mod cli;

use std::process::ExitCode;

/// The allocator, for it can tell how much is live.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static HEAP: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::main()
}
