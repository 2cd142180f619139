//! What to do about a damaged file: it is kept under another name, for people who can repair it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Error, ErrorCode, ffi};

/// Whether SQLite says that the file itself is broken, and not the disk or the system.
pub(super) fn is_damage(error: &Error) -> bool {
    if let Error::SqliteFailure(why, _) = error {
        let broken = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];
        return broken.contains(&why.code) || why.extended_code == ffi::SQLITE_IOERR_SHORT_READ;
    }
    // A column holds something else than the schema says.
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
    )
}

/// Renames the file, and the log that belongs to it, and says what it is called now.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let free = (1..u32::MAX)
        .map(|number| with(path, &format!(".damaged-{number}")))
        .find(|name| !name.exists());
    let Some(aside) = free else {
        return Err(io::Error::other("there are too many damaged files"));
    };
    // The log first: a new file must not find the log of an old one.
    for suffix in ["-wal", "-shm"] {
        match std::fs::rename(with(path, suffix), with(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

/// The path with something behind its name.
pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
