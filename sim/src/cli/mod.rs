//! What the command `khashmir-sim` understands.

mod compare;
mod heap;
mod interrupt;
mod output;
mod progress;
mod replay;
mod run;
mod swarm;
mod world;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use interrupt::Interrupt;
use output::complain;

/// Runs networks of Khashmir nodes in virtual time: the very nodes that run behind real sockets, on a
/// modelled network. Equal seeds give equal runs, on any machine and with any number of threads.
#[derive(Parser)]
#[command(name = "khashmir-sim", version)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Run the same world twice, with nodes of other settings, and set the figures side by side.
    Compare(Box<compare::Compare>),
    /// Run a plan step by step, with all checks on.
    Replay(replay::Replay),
    /// Let a network come to stand, look up random targets, and hold each result against the truth.
    Run(Box<run::Run>),
    /// Search for faults: draw a plan from each seed, run it under all checks, and make it small if
    /// it fails.
    Swarm(swarm::Swarm),
}

/// Exit codes: 0 for a run, 1 for a failure on the way, 2 for arguments that make no sense, 128 and
/// the number of the signal for a run that was interrupted.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return refuse("say what to do: compare, replay, run or swarm (--help says more)");
        }
        // What is wrong, in one line, is enough; help and version are no errors.
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            let what = text.lines().take_while(|line| !line.is_empty());
            let what: Vec<&str> = what.map(str::trim).collect();
            return refuse(what.join(" ").trim_start_matches("error: "));
        }
        Err(help) => {
            let printed = help.print().and_then(|()| io::stdout().flush());
            return match output::forgive(printed) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&format!("stdout: {error}")),
            };
        }
    };
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => return fail(&format!("cannot listen to signals: {error}")),
    };
    match arguments.action {
        Action::Compare(compare) => compare.main(&interrupt),
        Action::Replay(replay) => replay.main(&interrupt),
        Action::Run(run) => run.main(&interrupt),
        Action::Swarm(swarm) => swarm.main(&interrupt),
    }
}

/// Arguments that make no sense.
fn refuse(what: &str) -> ExitCode {
    complain(what);
    ExitCode::from(2)
}

/// Something that went wrong on the way.
fn fail(what: &str) -> ExitCode {
    complain(what);
    ExitCode::FAILURE
}
