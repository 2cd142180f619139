//! The `khashmir` command: runs nodes, and asks a network things.

mod args;
mod backup;
mod client;
mod config;
mod data_dir;
mod demo;
mod failure;
mod find;
mod generate;
mod get;
mod import;
mod life;
mod lines;
mod log;
mod node;
mod output;
mod ping;
mod presence;
mod put;
mod screen;
mod seed;
mod settings;
mod signals;
mod systemd;
mod trace;
mod values;
mod words;

use std::process::ExitCode;

use args::{Asked, Command};
use failure::Failure;

fn main() -> ExitCode {
    output::report_panics();
    let code = match run() {
        Ok(()) | Err(Failure::NobodyReads) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_string());
            failure.exit_code()
        }
    };
    output::finish();
    code
}

fn run() -> Result<(), Failure> {
    let cli = match args::read(std::env::args_os())? {
        Asked::Help(text) => return output::raw(text.as_bytes()),
        Asked::Work(cli) => cli,
    };
    let verbosity = cli.verbosity();
    match cli.command {
        Command::Node(args) => node::run(&args, verbosity),
        Command::Ping(args) => ping::run(&args, verbosity),
        Command::Find(args) => find::run(&args, verbosity),
        Command::Put(args) => put::run(&args, verbosity),
        Command::Get(args) => get::run(&args, verbosity),
        Command::Demo(args) => demo::run(&args, verbosity),
        Command::Backup(args) => backup::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Generate(args) => generate::run(&args),
    }
}
