//! The versions of the file: how it is made, and how an older one is brought up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Unreadable, damage};

/// How to get from each version to the next, from an empty file on. What was published is never
/// changed: another version is added.
const MIGRATIONS: &[&str] = &[include_str!("v1.sql")];

/// The version that this program writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// By which SQLite's header names our files: "khsh".
const APPLICATION_ID: i64 = 0x6b68_7368;
/// How long to wait for another program that looks into the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens the file, which is there, and brings it up to date.
pub(super) fn open(path: &Path) -> Result<Connection, Unreadable> {
    open_with(path, MIGRATIONS)
}

/// Opens the file of a node that may be running, to read from it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, Unreadable> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(PATIENCE)?;
    match version(&connection)? {
        0 => Err(Unreadable::NotOurs),
        known if known <= VERSION => Ok(connection),
        newer => Err(Unreadable::Newer(newer)),
    }
}

fn open_with(path: &Path, migrations: &[&str]) -> Result<Connection, Unreadable> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(PATIENCE)?;
    let found = version(&connection)?;
    let steps = usize::try_from(found)
        .ok()
        .and_then(|found| migrations.get(found..));
    let Some(steps) = steps else {
        return Err(Unreadable::Newer(found));
    };
    if found == 0 {
        // This has to be said before the first table is made.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = 4194304;
         PRAGMA cell_size_check = ON;",
    )?;
    check(&connection)?;
    if steps.is_empty() {
        return Ok(connection);
    }
    if found > 0 {
        copy_before(&connection, path, found)?;
    }
    let step = connection.transaction()?;
    for sql in steps {
        step.execute_batch(sql)?;
    }
    step.pragma_update(None, "application_id", APPLICATION_ID)?;
    step.pragma_update(None, "user_version", migrations.len() as i64)?;
    step.commit()?;
    Ok(connection)
}

/// The version of the file; 0 for an empty one.
fn version(connection: &Connection) -> Result<i64, Unreadable> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0))?;
    match (application, tables) {
        (APPLICATION_ID, _) => Ok(version),
        (0, 0) => Ok(0),
        _ => Err(Unreadable::NotOurs),
    }
}

/// Looks for damage, which would otherwise show when it is too late.
fn check(connection: &Connection) -> Result<(), Unreadable> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(Unreadable::Damaged(found.replace('\n', " ")))
    }
}

/// Keeps the file as it is under the name of its version, for whoever wants to go back to an older
/// program.
fn copy_before(connection: &Connection, path: &Path, version: i64) -> Result<(), Unreadable> {
    let copy = damage::with(path, &format!(".v{version}"));
    copy_to(connection, &copy).map_err(|error| Unreadable::Failed(error.to_string()))
}

/// Copies all of the database into a new file, which replaces one of that name once it is whole.
pub(super) fn copy_to(
    connection: &Connection,
    to: &Path,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let part = damage::with(to, ".part");
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    super::make_private_file(&part)?;
    let name = part
        .to_str()
        .ok_or("the name of the file is not UTF-8 text")?;
    let copied = connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(Into::into)
        .and_then(|_| Ok(std::fs::File::open(&part)?.sync_all()?))
        .and_then(|()| Ok(std::fs::rename(&part, to)?));
    if copied.is_err() {
        // What is there is of no use; the reason for that is told below.
        let _ = std::fs::remove_file(&part);
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scratch, open as open_node};
    use super::*;

    /// A file that version 1 of the schema wrote, with a node in it: see the README of this package.
    const V1: &[u8] = include_bytes!("../../tests/files/v1.db");
    /// What a later program might do to a file of version 1.
    const LATER: &[&str] = &[
        MIGRATIONS[0],
        "CREATE TABLE peer (key BLOB NOT NULL) STRICT;
         ALTER TABLE stored ADD COLUMN signed INTEGER;",
    ];

    fn v1() -> Scratch {
        let dir = Scratch::new();
        std::fs::write(dir.file(), V1).expect("it can be written");
        dir
    }

    #[test]
    fn a_kept_file_of_version_1_is_read() {
        let opened = open_node(&v1(), 0);
        assert_eq!(opened.set_aside, None);
        let snapshot = opened.snapshot.expect("a node was there");
        let id = "b4048dbf0487428b66e84113a82546eb9f1fc3ae";
        assert_eq!(snapshot.id().to_string(), id);
        let values: Vec<_> = snapshot
            .values()
            .map(|saved| saved.value.as_bytes())
            .collect();
        assert_eq!(values, [&b"hello again"[..], b"hello, world"]);
        let kept: Vec<_> = snapshot.kept().map(|(_, value)| value.as_bytes()).collect();
        assert_eq!(kept, [b"kept"]);
        assert_eq!(snapshot.contacts().count(), 1);
        assert!(snapshot.token_secrets().is_some());
    }

    #[test]
    fn a_file_goes_up_after_a_copy_was_made_and_an_older_program_refuses_it() {
        let dir = v1();
        let later = open_with(&dir.file(), LATER).expect("it is brought up to date");
        assert_eq!(version(&later).expect("sound"), 2);
        let count = "SELECT count(signed) FROM stored";
        later
            .query_row(count, [], |row| row.get::<_, i64>(0))
            .expect("there is such a column");
        drop(later);
        assert!(matches!(open(&dir.file()), Err(Unreadable::Newer(2))));

        // The way down is the copy.
        let copy = damage::with(&dir.file(), ".v1");
        std::fs::rename(copy, dir.file()).expect("it was made");
        let opened = open_node(&dir, 0);
        assert!(opened.snapshot.is_some() && opened.set_aside.is_none());
    }

    #[test]
    fn a_migration_that_fails_leaves_the_file_as_it_was() {
        let dir = v1();
        let broken = &[MIGRATIONS[0], "CREATE TABLE peer (key BLOB); nonsense"];
        assert!(open_with(&dir.file(), broken).is_err());
        let opened = open_node(&dir, 0);
        assert!(opened.snapshot.is_some() && opened.set_aside.is_none());
    }
}
