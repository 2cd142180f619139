//! The command line of the simulator.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand, value_parser};
use khashmir_sim::Lookups;

/// Runs networks of Khashmir nodes in virtual time. Equal seeds give equal runs.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Let nodes join a network one by one, look up random targets, and compare each result with
    /// the truth.
    ///
    /// Prints a summary, and exits with 1 if a lookup did not return exactly the K closest nodes.
    Run {
        /// How many nodes the network has.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(1..=10_000))]
        nodes: u32,
        /// How many targets are looked up.
        #[arg(long, value_name = "L", default_value_t = 100, value_parser = value_parser!(u32).range(1..=1_000_000))]
        lookups: u32,
        /// What all chance is made from.
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // One line that names what is wrong is enough; help and version are no errors.
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            eprintln!("{}", text.lines().next().unwrap_or_default());
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    let Action::Run {
        nodes,
        lookups,
        seed,
    } = arguments.command;
    let summary = Lookups {
        nodes,
        lookups,
        seed,
    }
    .run();
    let printed = write!(std::io::stdout(), "{summary}");
    if printed.is_ok() && summary.all_exact() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
