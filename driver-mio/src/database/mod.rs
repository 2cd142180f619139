//! The state of a node in a SQLite file: opened, locked, read at the start, and written as the node
//! goes on.

mod damage;
mod file_time;
mod import;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use khashmir::{Instant, Snapshot};
use rusqlite::Connection;

use crate::disk::{Change, DurableStore, Moment, NotWritten, Tidied};
use file_time::FileTime;
pub use import::{ImportError, Imported};
use rows::Rows;

/// The state of a node in a directory of its own: its identity, contacts, values, kept puts, and the
/// secrets behind its tokens, in one SQLite file.
///
/// One process at a time can have it. Whoever can read its files can make write tokens of the node, so
/// they are readable for their owner only.
pub struct Database {
    rows: Rows,
    time: FileTime,
    /// Held for as long as the directory is ours.
    _lock: Connection,
}

/// A database that was opened.
pub struct Opened {
    /// Where the node goes on writing.
    pub database: Database,
    /// What an earlier run left, if there was one.
    pub snapshot: Option<Snapshot>,
    /// A damaged file that was set aside, if there was one.
    pub set_aside: Option<SetAside>,
    since: std::time::Instant,
}

/// A damaged file that was given another name, so that a new one can take its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// Its new name.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// The file that holds the state.
const FILE: &str = "khashmir.db";
/// The file that the process which has the directory holds a lock on.
const LOCK: &str = "khashmir.lock";

impl Database {
    /// Opens the database in a directory, both of which are made if they are not there. A file of an
    /// earlier version is brought up to date, after a copy of it was made.
    ///
    /// # Errors
    /// [`OpenError`] says why it cannot be had. A damaged file is no reason: it is
    /// [set aside](Opened::set_aside).
    pub fn open(dir: &Path) -> Result<Opened, OpenError> {
        Self::open_at(dir, Moment::at(Instant::ORIGIN), file_time::boot_id())
    }

    /// As [`open`](Self::open), at a moment of a boot of that name.
    pub(crate) fn open_at(
        dir: &Path,
        moment: Moment,
        boot: Option<String>,
    ) -> Result<Opened, OpenError> {
        let since = std::time::Instant::now();
        make_private_dir(dir).map_err(|error| OpenError::failed(dir, error))?;
        let lock = lock(dir)?;
        let path = dir.join(FILE);
        let (found, set_aside) = match Self::read(&path, moment, boot.as_deref()) {
            Err(Unreadable::Damaged(why)) => {
                let to =
                    damage::set_aside(&path).map_err(|error| OpenError::failed(&path, error))?;
                let again = Self::read(&path, moment, boot.as_deref());
                (again, Some(SetAside { path: to, why }))
            }
            found => (found, None),
        };
        let (rows, snapshot, file_now) = found.map_err(|why| why.at(&path))?;
        let database = Self {
            rows,
            time: FileTime::new(file_now, since, boot),
            _lock: lock,
        };
        Ok(Opened {
            database,
            snapshot,
            set_aside,
            since,
        })
    }

    /// Whether there is a database in a directory.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// Copies the database of a directory, whose node may be running, into a file of its own, which
    /// replaces one of that name once it is whole. A directory with that file, named `khashmir.db`,
    /// is as good as the one of before.
    ///
    /// # Errors
    /// [`OpenError`] when one of the two cannot be had.
    pub fn backup(dir: &Path, to: &Path) -> Result<(), OpenError> {
        let path = dir.join(FILE);
        let connection = schema::open_to_read(&path).map_err(|why| why.at(&path))?;
        schema::copy_to(&connection, to).map_err(|error| OpenError::failed(to, error))
    }

    /// Opens the file, and reads all of it. Gives the time in it, too.
    fn read(
        path: &Path,
        moment: Moment,
        boot: Option<&str>,
    ) -> Result<(Rows, Option<Snapshot>, i64), Unreadable> {
        make_private_file(path).map_err(|error| Unreadable::Failed(error.to_string()))?;
        let connection = schema::open(path)?;
        let rows = Rows::new(connection);
        let file_now = file_time::now(rows.clock()?, moment, boot);
        let snapshot = rows.load(file_now)?;
        Ok((rows, snapshot, file_now))
    }
}

impl Opened {
    /// How long ago the snapshot was right.
    pub(crate) fn away(&self) -> std::time::Duration {
        self.since.elapsed()
    }
}

impl DurableStore for Database {
    fn begin(&mut self, now: Instant) {
        self.time.begin(now);
    }

    fn write(&mut self, moment: Moment, changes: &[Change]) -> Result<(), NotWritten> {
        let (time, rows) = (&self.time, &mut self.rows);
        rows.write(time, moment, changes)
            .map_err(|error| NotWritten(error.to_string()))
    }

    fn tidy(&mut self, moment: Moment) -> Result<Tidied, NotWritten> {
        let tidied = self.rows.tidy(self.time.of(moment.now));
        tidied.map_err(|error| NotWritten(error.to_string()))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("set_aside", &self.set_aside)
            .finish_non_exhaustive()
    }
}

/// Why the database of a directory cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Something else has failed: the system says why.
    Failed {
        /// With which file or directory.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Another process has the directory.
    InUse(PathBuf),
    /// The file was written by a later version of this program.
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        version: i64,
    },
    /// The file belongs to another program.
    NotOurs(PathBuf),
}

impl OpenError {
    pub(crate) fn failed(path: &Path, why: impl fmt::Display) -> Self {
        Self::Failed {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { path, why } => write!(f, "{}: {why}", path.display()),
            Self::InUse(dir) => write!(f, "{} is in use by another process", dir.display()),
            Self::Newer { path, version } => write!(
                f,
                "{} has schema version {version}, which a later khashmir wrote; this one knows \
                 those up to {}",
                path.display(),
                schema::VERSION
            ),
            Self::NotOurs(path) => {
                write!(f, "{} is the database of another program", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}

/// Why a file could not be read.
#[derive(Debug)]
enum Unreadable {
    Damaged(String),
    Failed(String),
    Newer(i64),
    NotOurs,
}

impl Unreadable {
    fn at(self, path: &Path) -> OpenError {
        match self {
            Self::Damaged(why) | Self::Failed(why) => OpenError::failed(path, why),
            Self::Newer(version) => OpenError::Newer {
                path: path.to_owned(),
                version,
            },
            Self::NotOurs => OpenError::NotOurs(path.to_owned()),
        }
    }
}

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        if damage::is_damage(&error) {
            Self::Damaged(error.to_string())
        } else {
            Self::Failed(error.to_string())
        }
    }
}

/// Takes the directory for this process. The lock is one of SQLite's on a file of its own, so that it
/// holds on every system, ends with the process, and does not keep a backup from reading.
fn lock(dir: &Path) -> Result<Connection, OpenError> {
    let path = dir.join(LOCK);
    let locked = make_private_file(&path)
        .map_err(|error| OpenError::failed(&path, error))
        .map(|()| {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(std::time::Duration::ZERO)?;
            connection.execute_batch("BEGIN EXCLUSIVE")?;
            Ok(connection)
        })?;
    locked.map_err(|error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy) => OpenError::InUse(dir.to_owned()),
        _ => OpenError::failed(&path, error),
    })
}

/// Makes a directory, readable for its owner only, with those that it is in, unless it is there.
fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes an empty file, readable for its owner only, unless it is there. Files that SQLite puts beside
/// it have the same rights.
pub(crate) fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
