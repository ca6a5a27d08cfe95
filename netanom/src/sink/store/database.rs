//! The alerts in a file of SQLite: what a sensor that was killed had told is there again.
//!
//! Every write is a transaction in the write-ahead log. That survives a kill at any moment; a power cut may take the last
//! seconds, and breaks nothing (`synchronous = NORMAL`, sqlite.org/pragma.html).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

use crate::alert::{Alert, State};

/// What each version of the schema adds to the one before. A step that was released is never changed.
const STEPS: [&str; 1] = ["CREATE TABLE alerts (
    -- The order in which they were raised.
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    -- As HTTP shows it.
    alert TEXT NOT NULL
) STRICT;"];

/// The version of a file to which all of them were done.
const VERSION: u32 = STEPS.len() as u32;

/// `netn`: the number by which SQLite's own tools tell our files.
const APPLICATION: i32 = 0x6e65_746e;

/// Broken files that are kept; the newest takes the place of the last one.
const MOST_BROKEN: u32 = 9;

/// The file cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite says no.
    #[error("cannot use the database `{file}`: {source}")]
    Sqlite {
        /// Which.
        file: String,
        /// Why.
        source: rusqlite::Error,
    },
    /// A newer netanom has written it.
    #[error(
        "the database `{file}` is of a newer netanom (version {found} of its layout, and this one knows {known}): run that \
         one, or name another folder with --state-dir"
    )]
    Newer {
        /// Which.
        file: String,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Somebody else's file.
    #[error("the database `{file}` is not one of netanom's: name another folder with --state-dir")]
    Foreign {
        /// Which.
        file: String,
    },
    /// It is damaged, and cannot be moved aside.
    #[error("the database `{file}` is damaged and cannot be moved aside")]
    Stuck {
        /// Which.
        file: String,
        /// Why.
        source: io::Error,
    },
}

/// The file, opened.
#[derive(Debug)]
pub(super) struct Database {
    file: PathBuf,
    connection: Connection,
}

/// An alert as it was kept, with its place in the order.
pub(super) type Kept = (u64, Alert);

impl Database {
    /// Opens the file, makes it where it is missing, and brings an older one up to date. One that is damaged is moved
    /// aside, and a new one takes its place.
    pub(super) fn open(file: &Path) -> Result<Self, DatabaseError> {
        match Self::try_open(file) {
            Err(DatabaseError::Sqlite { source, .. }) if is_damage(&source) => {
                let aside = move_aside(file).map_err(|error| DatabaseError::Stuck {
                    file: file.display().to_string(),
                    source: error,
                })?;
                log::warn!(
                    "the database `{}` is damaged ({source}): it is `{}` now, and a new one begins",
                    file.display(),
                    aside.display()
                );
                Self::try_open(file)
            }
            other => other,
        }
    }

    fn try_open(file: &Path) -> Result<Self, DatabaseError> {
        let name = file.display().to_string();
        let failed = |source| DatabaseError::Sqlite {
            file: name.clone(),
            source,
        };
        let mut connection = Connection::open(file).map_err(failed)?;
        let application: i32 = pragma(&connection, "application_id").map_err(failed)?;
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(failed)?;
        if application != APPLICATION && (application != 0 || tables > 0) {
            return Err(DatabaseError::Foreign { file: name });
        }
        let found: u32 = pragma(&connection, "user_version").map_err(failed)?;
        if found > VERSION {
            return Err(DatabaseError::Newer {
                file: name,
                found,
                known: VERSION,
            });
        }
        prepare(&mut connection, found).map_err(failed)?;
        Ok(Self {
            file: file.to_owned(),
            connection,
        })
    }

    /// The newest alerts, the oldest first; older ones than so many are forgotten. Those that went on when the sensor
    /// ended are ended.
    pub(super) fn load(&mut self, most: usize) -> Result<Vec<Kept>, DatabaseError> {
        let (kept, unread) =
            load(&mut self.connection, most).map_err(|error| self.failed(error))?;
        if unread > 0 {
            log::warn!(
                "{unread} alerts in `{}` are not as this netanom writes them, and are not shown",
                self.file.display()
            );
        }
        Ok(kept)
    }

    /// Keeps an alert, in the place of an older state of it.
    pub(super) fn write(&mut self, place: u64, alert: &Alert) -> Result<(), DatabaseError> {
        let written = match write(&self.connection, place, alert) {
            // What is in the log and in the file has its room twice, until the log is emptied.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                let emptied =
                    self.connection
                        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                emptied.and_then(|()| write(&self.connection, place, alert))
            }
            written => written,
        };
        written.map_err(|error| self.failed(error))
    }

    /// Forgets an alert.
    pub(super) fn forget(&mut self, place: u64) -> Result<(), DatabaseError> {
        let forgotten = self
            .connection
            .prepare_cached("DELETE FROM alerts WHERE place = ?1")
            .and_then(|mut delete| delete.execute(params![place.cast_signed()]));
        forgotten.map(drop).map_err(|error| self.failed(error))
    }

    fn failed(&self, source: rusqlite::Error) -> DatabaseError {
        DatabaseError::Sqlite {
            file: self.file.display().to_string(),
            source,
        }
    }

    /// For tests of a full disk.
    #[cfg(test)]
    pub(super) fn limit_pages(&self, most: u32) {
        let set = format!("PRAGMA max_page_count = {most}");
        self.connection.query_row(&set, [], |_| Ok(())).unwrap();
    }
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn prepare(connection: &mut Connection, found: u32) -> rusqlite::Result<()> {
    let check = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let sound = connection.query_row("PRAGMA quick_check(1)", [], check)?;
    if sound != "ok" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(code, Some(sound)));
    }
    // The write-ahead log is emptied into the file when it has 64 pages, about thirty alerts, so that it takes little of a
    // small disk, and cut if it grew.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 64;
         PRAGMA journal_size_limit = 1048576;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024;",
    )?;
    if found == VERSION {
        return Ok(());
    }
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for statements in &STEPS[found as usize..] {
        step.execute_batch(statements)?;
    }
    step.pragma_update(None, "application_id", APPLICATION)?;
    step.pragma_update(None, "user_version", VERSION)?;
    step.commit()
}

fn load(connection: &mut Connection, most: usize) -> rusqlite::Result<(Vec<Kept>, usize)> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let oldest: Option<i64> = change
        .query_row(
            "SELECT place FROM alerts ORDER BY place DESC LIMIT 1 OFFSET ?1",
            params![most.saturating_sub(1) as i64],
            |row| row.get(0),
        )
        .optional()?;
    change.execute(
        "DELETE FROM alerts WHERE place < ?1",
        params![oldest.unwrap_or(i64::MIN)],
    )?;
    let (mut kept, mut unread) = (Vec::new(), 0);
    {
        let mut all = change.prepare("SELECT place, alert FROM alerts ORDER BY place")?;
        let rows = all.query_map([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
        for row in rows {
            let (place, text) = row?;
            match serde_json::from_str::<Alert>(&text) {
                Ok(alert) => kept.push((place.cast_unsigned(), alert)),
                Err(_) => unread += 1,
            }
        }
    }
    for (place, alert) in kept
        .iter_mut()
        .filter(|(_, alert)| alert.state == State::Active)
    {
        alert.state = State::Ended;
        write(&change, *place, alert)?;
    }
    change.commit()?;
    Ok((kept, unread))
}

fn write(connection: &Connection, place: u64, alert: &Alert) -> rusqlite::Result<()> {
    let text = serde_json::to_string(alert)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection
        .prepare_cached(
            "INSERT INTO alerts (place, id, alert) VALUES (?1, ?2, ?3)
             ON CONFLICT (place) DO UPDATE SET id = ?2, alert = ?3",
        )?
        .execute(params![place.cast_signed(), alert.id, text])?;
    Ok(())
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Gives a damaged file, and what belongs to it, another name.
fn move_aside(file: &Path) -> io::Result<PathBuf> {
    let with = |ending: &str| {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    let broken = |number: u32| format!(".broken-{number}");
    let number = (1..MOST_BROKEN)
        .find(|number| !with(&broken(*number)).exists())
        .unwrap_or(MOST_BROKEN);
    for part in ["-wal", "-shm"] {
        match fs::rename(with(part), with(&format!("{}{part}", broken(number)))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let aside = with(&broken(number));
    fs::rename(file, &aside)?;
    Ok(aside)
}
