//! The tables, and how older stores become this one. Forward only: a store of a newer version is
//! refused, never guessed at.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// The version that this build reads and writes.
pub const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

/// Marks the file as one of Gantry (`gant` in ASCII), so that no other database is touched.
const APPLICATION_ID: i32 = 0x6761_6e74;

/// What leads from each version to the next; the first makes the tables. An entry never changes once
/// it is released.
const MIGRATIONS: [&str; 1] = [VERSION_1];

/// Typed columns for what is asked for, JSON for the rest. What belongs to a run lies in the order
/// of its keys, so that the rows of one batch share pages.
const VERSION_1: &str = "
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('last_run', 0), ('last_token', 0);

    CREATE TABLE plans (
        digest BLOB PRIMARY KEY,
        pipeline TEXT NOT NULL,
        path TEXT NOT NULL,
        trigger TEXT NOT NULL,
        commit_id TEXT NOT NULL,
        dirty INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;

    CREATE TABLE runs (
        run INTEGER PRIMARY KEY,
        plan BLOB REFERENCES plans (digest),
        submitted_ms INTEGER NOT NULL,
        finished_ms INTEGER,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_alive ON runs (run) WHERE finished_ms IS NULL;

    CREATE TABLE jobs (
        run INTEGER NOT NULL,
        job INTEGER NOT NULL,
        node INTEGER NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        n_attempts INTEGER NOT NULL,
        ready_ms INTEGER,
        started_ms INTEGER,
        finished_ms INTEGER,
        detail TEXT NOT NULL,
        PRIMARY KEY (run, job)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE fan_outs (
        run INTEGER NOT NULL,
        node INTEGER NOT NULL,
        scope TEXT NOT NULL,
        elements TEXT NOT NULL,
        first_job INTEGER NOT NULL,
        PRIMARY KEY (run, node, scope)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE stages (
        run INTEGER NOT NULL,
        node INTEGER NOT NULL,
        elements TEXT NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (run, node, elements)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE workers (
        worker INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE steps (
        run INTEGER NOT NULL,
        job INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        step INTEGER NOT NULL,
        name TEXT NOT NULL,
        line INTEGER NOT NULL,
        col INTEGER NOT NULL,
        log_from INTEGER NOT NULL,
        log_to INTEGER,
        started_ms INTEGER NOT NULL,
        took_ms INTEGER,
        ending TEXT,
        PRIMARY KEY (run, job, attempt, step)
    ) STRICT, WITHOUT ROWID;
";

/// How a store stands to this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Of the version of this build.
    Current,
    /// Of this older version; 0 is an empty file.
    Older(i32),
}

/// Looks which version a store has, without changing it.
pub(super) fn inspect(db: &Connection, path: &Path) -> Result<Standing, StoreError> {
    let read = |pragma| {
        db.pragma_query_value(None, pragma, |row| row.get(0))
            .map_err(|error| StoreError::from_sql(path, error))
    };
    let version: i32 = read("user_version")?;
    let application: i32 = read("application_id")?;
    let n_objects: i32 = match (version, application) {
        // An empty file becomes a store, a database of somebody else never does.
        (0, 0) => db
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|error| StoreError::from_sql(path, error))?,
        _ => 0,
    };
    match version {
        0 if application == 0 && n_objects == 0 => Ok(Standing::Older(0)),
        _ if application != APPLICATION_ID => Err(StoreError::Foreign {
            path: path.to_owned(),
        }),
        SCHEMA_VERSION => Ok(Standing::Current),
        found if found > SCHEMA_VERSION => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
        }),
        older if older > 0 => Ok(Standing::Older(older)),
        nonsense => Err(StoreError::Damaged {
            path: path.to_owned(),
            detail: format!("its version is {nonsense}"),
        }),
    }
}

/// Brings a store to the version of this build.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let sql = |error| StoreError::from_sql(path, error);
    let tx = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sql)?;
    // Another process may have done it while this one waited for the lock.
    if let Standing::Older(version) = inspect(&tx, path)? {
        let start = usize::try_from(version).unwrap_or_default();
        for migration in &MIGRATIONS[start..] {
            tx.execute_batch(migration).map_err(sql)?;
        }
        tx.pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(sql)?;
        tx.pragma_update(None, "user_version", SCHEMA_VERSION)
            .map_err(sql)?;
    }
    tx.commit().map_err(sql)
}
