//! The rows of the file: read at the start, and changed as the node goes on.

use khashmir::{Contact, Id, Record, Snapshot, TokenSecrets, Value};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Unreadable;
use super::file_time::{ClockRow, FileTime, millis, span};
use crate::disk::{Change, Moment, Tidied};

/// The open file.
pub(super) struct Rows {
    connection: Connection,
}

/// What has expired is removed so many rows at a time: that takes some milliseconds.
const EXPIRED_AT_ONCE: u32 = 500;
/// Pages that are given back to the system at a time.
const PAGES_AT_ONCE: i64 = 256;

impl Rows {
    pub(super) fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(32);
        Self { connection }
    }

    // ---- reading

    /// The moment that the file has noted last.
    pub(super) fn clock(&self) -> Result<Option<ClockRow>, Unreadable> {
        let sql = "SELECT file_ms, unix_ms, boot_id, boot_ms FROM clock";
        let row = |row: &Row<'_>| {
            let (boot_id, boot_ms): (Option<String>, Option<i64>) = (row.get(2)?, row.get(3)?);
            Ok(ClockRow {
                file_ms: row.get(0)?,
                unix_ms: row.get(1)?,
                boot: boot_id.zip(boot_ms),
            })
        };
        Ok(self.connection.query_row(sql, [], row).optional()?)
    }

    /// All that an earlier run left, as of that time; nothing when there was none.
    pub(super) fn load(&self, now: i64) -> Result<Option<Snapshot>, Unreadable> {
        let sql = "SELECT id FROM identity";
        let id = self.connection.query_row(sql, [], id_of).optional()?;
        let Some(id) = id else {
            return Ok(None);
        };
        let ago = |then: i64| span(now.saturating_sub(then));
        let mut snapshot = Snapshot::new(id);
        self.each("SELECT looked_up_ms FROM bucket ORDER BY position", |row| {
            snapshot.add_bucket_age(ago(row.get(0)?));
            Ok(())
        })?;
        let sql = "SELECT compact, answered_ms FROM contact ORDER BY position";
        self.each(sql, |row| {
            let contact = Contact::from_compact(row.get_ref(0)?.as_blob()?);
            let contact = contact.ok_or_else(|| wrong(0, "it is no contact"))?;
            snapshot.add_contact(contact, ago(row.get(1)?));
            Ok(())
        })?;
        let sql = "SELECT key, value FROM kept";
        self.each(sql, |row| {
            snapshot.add_kept(id_of(row)?, value_of(row)?);
            Ok(())
        })?;
        self.each("SELECT secrets, changed_ms FROM token_secrets", |row| {
            let secrets = TokenSecrets::from_bytes(row.get_ref(0)?.as_blob()?);
            let secrets = secrets.ok_or_else(|| wrong(0, "they are no secrets"))?;
            snapshot.set_token_secrets(secrets, ago(row.get(1)?));
            Ok(())
        })?;
        self.each("SELECT key, value, expires_ms FROM stored", |row| {
            let expires: i64 = row.get(2)?;
            if expires > now {
                let remaining = span(expires.saturating_sub(now));
                snapshot.add_value(id_of(row)?, value_of(row)?, remaining);
            }
            Ok(())
        })?;
        Ok(Some(snapshot))
    }

    fn each(
        &self,
        sql: &str,
        mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), Unreadable> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        Ok(())
    }

    // ---- writing

    /// Makes all changes, and notes the moment, or does nothing.
    pub(super) fn write(
        &mut self,
        time: &FileTime,
        moment: Moment,
        changes: &[Change],
    ) -> rusqlite::Result<()> {
        // Dropped without a commit, it takes everything back.
        let step = Step {
            transaction: self.connection.transaction()?,
            time,
        };
        for change in changes {
            step.change(change)?;
        }
        step.note(&time.row(moment))?;
        step.transaction.commit()
    }

    /// Removes some of what has expired by then, and gives back some of the room.
    pub(super) fn tidy(&self, now: i64) -> rusqlite::Result<Tidied> {
        let mut expired = self.connection.prepare_cached(
            "DELETE FROM stored WHERE rowid IN
                 (SELECT rowid FROM stored WHERE expires_ms <= ?1 LIMIT ?2)",
        )?;
        if expired.execute(params![now, EXPIRED_AT_ONCE])? == EXPIRED_AT_ONCE as usize {
            return Ok(Tidied::Part);
        }
        let unused = || -> rusqlite::Result<i64> {
            self.connection
                .pragma_query_value(None, "freelist_count", |row| row.get(0))
        };
        if unused()? == 0 {
            return Ok(Tidied::All);
        }
        let vacuum = format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})");
        // Each row of its result is a page that was given back.
        let mut pages = self.connection.prepare(&vacuum)?;
        let mut pages = pages.query([])?;
        while pages.next()?.is_some() {}
        if unused()? > 0 {
            return Ok(Tidied::Part);
        }
        // Only now the file itself becomes shorter.
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(checkpoint, [], |_| Ok(()))?;
        Ok(Tidied::All)
    }
}

#[cfg(test)]
impl Rows {
    pub(super) fn count_stored(&self) -> i64 {
        let sql = "SELECT count(*) FROM stored";
        let count = self.connection.query_row(sql, [], |row| row.get(0));
        count.expect("it is there")
    }

    /// Behaves as if there were no more room for kept puts.
    pub(super) fn refuse_kept(&self) {
        let sql = "CREATE TEMP TRIGGER full BEFORE INSERT ON main.kept
                   BEGIN SELECT raise(ABORT, 'full'); END";
        self.connection.execute_batch(sql).expect("sound");
    }
}

/// Changes that are made together.
struct Step<'a> {
    transaction: Transaction<'a>,
    time: &'a FileTime,
}

impl Step<'_> {
    fn change(&self, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Record(record) => self.record(record),
            Change::Contacts { at, snapshot } => self.contacts(self.time.of(*at), snapshot),
            Change::AllButValues { at, snapshot } => {
                let at = self.time.of(*at);
                self.identity(&snapshot.id())?;
                self.contacts(at, snapshot)?;
                for (key, value) in snapshot.kept() {
                    self.keep(key, value)?;
                }
                match snapshot.token_secrets() {
                    Some((secrets, ago)) => self.secrets(secrets, at.saturating_sub(millis(ago))),
                    None => Ok(()),
                }
            }
        }
    }

    fn record(&self, record: &Record) -> rusqlite::Result<()> {
        match record {
            Record::Identity { id } => self.identity(id),
            Record::Kept { key, value } => self.keep(key, value),
            Record::KeptNoLonger { key, value } => {
                let sql = "DELETE FROM kept WHERE key = ?1 AND value = ?2";
                self.execute(sql, params![key.as_bytes(), value.as_bytes()])
                    .map(drop)
            }
            Record::Stored {
                at,
                key,
                value,
                lifetime,
                evicted,
            } => {
                for key in evicted {
                    self.execute("DELETE FROM stored WHERE key = ?1", [key.as_bytes()])?;
                }
                let expires = self.time.of(*at + *lifetime);
                self.store(key, value, expires)
            }
            Record::TokenSecrets { at, secrets } => self.secrets(secrets, self.time.of(*at)),
            // Who adds a kind of record adds a table for it.
            _ => Err(rusqlite::Error::InvalidParameterName(format!(
                "there is no place for {record:?}"
            ))),
        }
    }

    fn identity(&self, id: &Id) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO identity VALUES (1, ?1)";
        self.execute(sql, [id.as_bytes()]).map(drop)
    }

    /// Stores a value until then, or extends its life.
    fn store(&self, key: &Id, value: &Value, expires: i64) -> rusqlite::Result<()> {
        let row = params![key.as_bytes(), value.as_bytes(), expires];
        let sql =
            "UPDATE stored SET expires_ms = max(expires_ms, ?3) WHERE key = ?1 AND value = ?2";
        if self.execute(sql, row)? == 0 {
            self.execute("INSERT INTO stored VALUES (?1, ?2, ?3)", row)?;
        }
        Ok(())
    }

    fn keep(&self, key: &Id, value: &Value) -> rusqlite::Result<()> {
        let sql = "INSERT OR IGNORE INTO kept VALUES (?1, ?2)";
        self.execute(sql, params![key.as_bytes(), value.as_bytes()])
            .map(drop)
    }

    fn secrets(&self, secrets: &TokenSecrets, changed: i64) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO token_secrets VALUES (1, ?1, ?2)";
        self.execute(sql, params![secrets.to_bytes(), changed])
            .map(drop)
    }

    /// Replaces the contacts, unless there are none, and the ages of the buckets.
    fn contacts(&self, at: i64, snapshot: &Snapshot) -> rusqlite::Result<()> {
        if snapshot.contacts().next().is_none() {
            return Ok(());
        }
        let then = |ago| at.saturating_sub(millis(ago));
        self.execute("DELETE FROM contact", [])?;
        for (position, saved) in snapshot.contacts().enumerate() {
            if let Some(compact) = saved.contact.to_compact() {
                let row = params![position as i64, compact, then(saved.answered_ago)];
                self.execute("INSERT INTO contact VALUES (?1, ?2, ?3)", row)?;
            }
        }
        self.execute("DELETE FROM bucket", [])?;
        for (position, ago) in snapshot.bucket_ages().enumerate() {
            let row = params![position as i64, then(ago)];
            self.execute("INSERT INTO bucket VALUES (?1, ?2)", row)?;
        }
        Ok(())
    }

    fn note(&self, clock: &ClockRow) -> rusqlite::Result<()> {
        let (boot_id, boot_ms) = clock.boot.clone().unzip();
        let row = params![clock.file_ms, clock.unix_ms, boot_id, boot_ms];
        let sql = "INSERT OR REPLACE INTO clock VALUES (1, ?1, ?2, ?3, ?4)";
        self.execute(sql, row).map(drop)
    }

    fn execute(&self, sql: &str, row: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.transaction.prepare_cached(sql)?.execute(row)
    }
}

/// The identifier in the first column.
fn id_of(row: &Row<'_>) -> rusqlite::Result<Id> {
    let id = Id::from_slice(row.get_ref(0)?.as_blob()?);
    id.filter(|id| !id.is_null())
        .ok_or_else(|| wrong(0, "it is no identifier"))
}

/// The value in the second column.
fn value_of(row: &Row<'_>) -> rusqlite::Result<Value> {
    let value = Value::new(row.get_ref(1)?.as_blob()?);
    value.map_err(|error| wrong(1, error))
}

fn wrong(
    column: usize,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, why.into())
}
