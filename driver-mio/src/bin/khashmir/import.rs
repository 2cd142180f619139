//! `khashmir import`: takes over the state of a node of the original.

use khashmir::Id;
use khashmir_mio::{Database, ImportError};

use crate::args::ImportArgs;
use crate::data_dir::{chosen, refused};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let dir = chosen(args.data.as_deref())?;
    let mut drawn = [0; Id::LEN];
    getrandom::fill(&mut drawn)
        .map_err(|error| Failure::failed(format_args!("cannot draw an identity: {error}")))?;
    let imported = Database::import(&args.file, &dir, Id::new(drawn));
    let imported = imported.map_err(|error| match error {
        ImportError::Target(error) => refused(&error),
        ImportError::NotEmpty(_) | ImportError::Source { .. } => Failure::Usage(error.to_string()),
        ImportError::NotWritten(_) => Failure::failed(error),
        _ => Failure::failed(error),
    })?;
    let id = match imported.id {
        Some(id) => format!("identity {id}"),
        None => "no identity, so it gets a new one".to_owned(),
    };
    output::line(format!(
        "{id}, {} contacts, {} values; left out: {} expired, {} unreadable",
        imported.contacts, imported.values, imported.expired, imported.unreadable
    ))
}
