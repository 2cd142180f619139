//! `khashmir config`: prints configuration files.

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::output;
use crate::settings;

pub(crate) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let text = match &args.from_apt_p2p {
        Some(path) => settings::translated(path)?,
        None => settings::EXAMPLE.to_owned(),
    };
    output::raw(text.as_bytes())
}
