//! Where a node keeps what must survive it, and what can be wrong with that place.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use khashmir_mio::{Database, OpenError, Opened};

use crate::failure::Failure;
use crate::settings::Settings;

/// Opens what the node is to go on from, unless it is to run from memory.
pub(crate) fn open(settings: &Settings) -> Result<Option<(PathBuf, Opened)>, Failure> {
    let needs_contacts = settings.bootstrap.is_empty() && !settings.alone;
    if settings.memory {
        if needs_contacts {
            return Err(Failure::Usage(NOBODY_TO_JOIN.to_owned()));
        }
        return Ok(None);
    }
    let dir = chosen(settings.data.as_deref())?;
    if needs_contacts && !Database::is_in(&dir) {
        return Err(Failure::Usage(NOBODY_TO_JOIN.to_owned()));
    }
    let opened = Database::open(&dir).map_err(|error| refused(&error))?;
    let snapshot = opened.snapshot.as_ref();
    if let (Some(snapshot), Some(id)) = (snapshot, settings.config.id)
        && snapshot.id() != id
    {
        let (dir, known) = (dir.display(), snapshot.id());
        let why = format!("the node in {dir} is {known}, and cannot become --id {id}");
        return Err(Failure::Usage(why));
    }
    if needs_contacts && snapshot.is_none_or(|snapshot| snapshot.contacts().next().is_none()) {
        return Err(Failure::Usage(NOBODY_TO_JOIN.to_owned()));
    }
    if let Some(aside) = &opened.set_aside {
        let (dir, to) = (dir.display(), aside.path.display());
        let why = &aside.why;
        tracing::warn!(
            target: "disk",
            "the database in {dir} is damaged ({why}); it is now {to}, and the node starts afresh"
        );
    }
    Ok(Some((dir, opened)))
}

/// What a node without contacts, addresses and consent to being alone is told.
const NOBODY_TO_JOIN: &str = "a node needs somebody to join: give --bootstrap HOST:PORT, or --alone for the first node of \
     a network";

/// The directory: the one that is named, or the one that systemd gives, or the platform's.
pub(crate) fn chosen(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let dir = match named {
        Some(named) => named.to_owned(),
        None => given()?,
    };
    if dir.exists() && !dir.is_dir() {
        let why = format!("{} is not a directory", dir.display());
        return Err(Failure::Usage(why));
    }
    Ok(dir)
}

fn given() -> Result<PathBuf, Failure> {
    // systemd puts a colon between several.
    let given = std::env::var("STATE_DIRECTORY").unwrap_or_default();
    if let Some(first) = given.split(':').find(|dir| !dir.is_empty()) {
        return Ok(first.into());
    }
    let why = |error| {
        Failure::Usage(format!(
            "no directory for the node's data is known ({error}): give --data DIR, or --memory"
        ))
    };
    let platform = etcetera::choose_base_strategy().map_err(why)?;
    Ok(platform.data_dir().join("khashmir"))
}

/// A directory that another process has, or another program, makes no sense as an argument.
pub(crate) fn refused(error: &OpenError) -> Failure {
    match error {
        OpenError::InUse(_) | OpenError::Newer { .. } | OpenError::NotOurs(_) => {
            Failure::Usage(error.to_string())
        }
        OpenError::Failed { .. } => Failure::failed(error),
        _ => Failure::failed(error),
    }
}
