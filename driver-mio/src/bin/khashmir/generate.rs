//! `khashmir generate`: man pages and completions, made from the definitions of the commands.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::{Cli, GenerateArgs, Generated};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &GenerateArgs) -> Result<(), Failure> {
    match &args.what {
        Generated::Man { dir } => man(dir),
        Generated::Completions { shell } => completions(*shell),
    }
}

fn man(dir: &Path) -> Result<(), Failure> {
    let name = dir.display();
    if !dir.is_dir() {
        return Err(Failure::Usage(format!("{name} is not a directory")));
    }
    let written = clap_mangen::generate_to(Cli::command(), dir);
    written.map_err(|error| Failure::failed(format_args!("cannot write to {name}: {error}")))
}

fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "khashmir", &mut script);
    output::raw(&script)
}
