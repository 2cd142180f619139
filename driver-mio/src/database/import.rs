//! Reading the database of the original (specification, section 8): identity, contacts and values of
//! both generations.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use khashmir::{Contact, Id, Instant, Record, Snapshot, Value};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use super::{Database, OpenError, SetAside};
use crate::disk::{Change, DurableStore, Moment, NotWritten};

/// What was taken over from the original's database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The identity; none when the file has none, because the original saves it after a minute.
    pub id: Option<Id>,
    /// How many contacts.
    pub contacts: usize,
    /// How many values.
    pub values: usize,
    /// Values that were left out because their time was over.
    pub expired: usize,
    /// Rows that were left out because they cannot be read.
    pub unreadable: usize,
}

/// Why nothing was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportError {
    /// The file is not a database of the original, or cannot be read.
    Source {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The directory cannot be had.
    Target(OpenError),
    /// A node has lived in the directory before.
    NotEmpty(PathBuf),
    /// The disk cannot be written.
    NotWritten(NotWritten),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { path, why } => write!(f, "{}: {why}", path.display()),
            Self::Target(error) => error.fmt(f),
            Self::NotEmpty(dir) => {
                let dir = dir.display();
                write!(
                    f,
                    "{dir} has a node already; an import needs a new directory"
                )
            }
            Self::NotWritten(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ImportError {}

/// How long values live after they were last refreshed (section 12).
const EARLY_EXPIRY: Duration = Duration::from_secs(60 * 60);
const LATE_EXPIRY: Duration = Duration::from_secs(3 * 60 * 60);

impl Database {
    /// Takes over what is in a database of the original, into a directory where no node has lived.
    /// `drawn` is the identity if the file has none.
    ///
    /// The file does not say which generation wrote it, and only the later one ends its identifiers with
    /// its version: by that it is known how long values live.
    ///
    /// # Errors
    /// [`ImportError`] when nothing was taken over.
    pub fn import(file: &Path, dir: &Path, drawn: Id) -> Result<Imported, ImportError> {
        let unreadable = |error: rusqlite::Error| ImportError::Source {
            path: file.to_owned(),
            why: format!("it is not a database of the original: {error}"),
        };
        let original = Original::open(file).map_err(unreadable)?;
        let (imported, snapshot) = original.read(drawn).map_err(unreadable)?;
        let opened = Self::open(dir).map_err(ImportError::Target)?;
        if let Some(SetAside { path, why }) = opened.set_aside {
            let why = format!("it was damaged ({why}), and is now {}", path.display());
            let error = OpenError::failed(&dir.join(super::FILE), why);
            return Err(ImportError::Target(error));
        }
        if opened.snapshot.is_some() {
            return Err(ImportError::NotEmpty(dir.to_owned()));
        }
        let mut database = opened.database;
        database.begin(Instant::ORIGIN);
        let written = database.write(Moment::at(Instant::ORIGIN), &changes(snapshot));
        written.map_err(ImportError::NotWritten)?;
        Ok(imported)
    }
}

/// The changes that make an empty database this.
fn changes(snapshot: Snapshot) -> Vec<Change> {
    let at = Instant::ORIGIN;
    let stored = snapshot.values().map(|saved| {
        Change::Record(Record::Stored {
            at,
            key: *saved.key,
            value: saved.value.clone(),
            lifetime: saved.remaining,
            evicted: Vec::new(),
        })
    });
    let mut changes: Vec<Change> = stored.collect();
    let snapshot = Box::new(snapshot);
    changes.push(Change::AllButValues { at, snapshot });
    changes
}

/// The original's file.
struct Original {
    connection: Connection,
}

impl Original {
    fn open(file: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(file, flags)?;
        Ok(Self { connection })
    }

    fn read(&self, drawn: Id) -> rusqlite::Result<(Imported, Snapshot)> {
        let id = self.id()?;
        let mut imported = Imported {
            id,
            contacts: 0,
            values: 0,
            expired: 0,
            unreadable: 0,
        };
        let mut snapshot = Snapshot::new(id.unwrap_or(drawn));
        self.contacts(&mut imported, &mut snapshot)?;
        self.values(expiry(id), &mut imported, &mut snapshot)?;
        Ok((imported, snapshot))
    }

    fn id(&self) -> rusqlite::Result<Option<Id>> {
        let sql = "SELECT id FROM self WHERE num = 0";
        let id = self.connection.query_row(sql, [], |row| Ok(id_in(row, 0)));
        Ok(id.optional()?.flatten())
    }

    fn contacts(&self, imported: &mut Imported, into: &mut Snapshot) -> rusqlite::Result<()> {
        let sql = "SELECT id, host, port FROM nodes ORDER BY rowid";
        let mut nodes = self.connection.prepare(sql)?;
        let mut rows = nodes.query([])?;
        while let Some(row) = rows.next()? {
            match contact_in(row) {
                // When it last answered, the file does not say: all are asked at the start.
                Some(contact) => into.add_contact(contact, LATE_EXPIRY),
                None => imported.unreadable += 1,
            }
        }
        imported.contacts = into.contacts().count();
        Ok(())
    }

    fn values(
        &self,
        expiry: Duration,
        imported: &mut Imported,
        into: &mut Snapshot,
    ) -> rusqlite::Result<()> {
        // The times are local ones, without a zone: SQLite knows the zone of this machine.
        let sql = "SELECT key, value,
                       (julianday('now') - julianday(last_refresh, 'utc')) * 86400.0 FROM kv";
        let mut values = self.connection.prepare(sql)?;
        let mut rows = values.query([])?;
        while let Some(row) = rows.next()? {
            let value = bytes_in(row, 1).and_then(|bytes| Value::new(bytes).ok());
            let age: Option<f64> = row.get(2)?;
            let (Some(key), Some(value), Some(age)) = (id_in(row, 0), value, age) else {
                imported.unreadable += 1;
                continue;
            };
            // What was refreshed in the future, a clock that was set has to answer for.
            let age = Duration::try_from_secs_f64(age.max(0.0)).unwrap_or(Duration::MAX);
            match expiry.checked_sub(age).filter(|left| !left.is_zero()) {
                Some(left) => into.add_value(key, value, left),
                None => imported.expired += 1,
            }
        }
        imported.values = into.values().count();
        Ok(())
    }
}

/// How long the generation lets values live whose identifier this is. Without one nothing tells the
/// generations apart, and rather than lose a value it is kept for the longer time.
fn expiry(id: Option<Id>) -> Duration {
    let Some(id) = id else {
        return LATE_EXPIRY;
    };
    // The version of the later one: an A, and a character for each of three numbers (section 3).
    let is_version = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    match id.as_bytes() {
        [.., b'A', a, b, c] if [a, b, c].into_iter().all(is_version) => LATE_EXPIRY,
        _ => EARLY_EXPIRY,
    }
}

fn contact_in(row: &Row<'_>) -> Option<Contact> {
    let host = row.get_ref(1).ok()?.as_str().ok()?;
    let host: Ipv4Addr = host.parse().ok()?;
    let port = u16::try_from(row.get::<_, i64>(2).ok()?).ok()?;
    let addr = SocketAddr::from((host, port));
    id_in(row, 0).map(|id| Contact::new(id, addr))
}

fn id_in(row: &Row<'_>, column: usize) -> Option<Id> {
    let id = Id::from_slice(&bytes_in(row, column)?);
    id.filter(|id| !id.is_null())
}

/// The bytes behind base64 text with a line end.
fn bytes_in(row: &Row<'_>, column: usize) -> Option<Vec<u8>> {
    let text = match row.get_ref(column).ok()? {
        ValueRef::Text(text) | ValueRef::Blob(text) => text.trim_ascii().to_vec(),
        // The types of the original's columns make numbers of what looks like one, and forget the
        // zeros in front of it.
        ValueRef::Integer(number) => {
            let digits = number.to_string();
            let whole = digits.len().next_multiple_of(4);
            format!("{digits:0>whole$}").into_bytes()
        }
        ValueRef::Null | ValueRef::Real(_) => return None,
    };
    STANDARD.decode(text).ok()
}
