//! A store that is open.

use super::schema::{self, Standing};
use super::{RunLock, StoreError};
use crate::layout::Layout;
use model::ids::{RunId, WorkerId};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An open store. One value is one connection; it is used by one thread at a time, and any number of
/// processes may have one each.
#[derive(Debug)]
pub struct Store {
    pub(super) db: Connection,
    pub(super) layout: Layout,
    pub(super) path: PathBuf,
    /// Rows are turned into JSON here, again and again.
    pub(super) buffer: Vec<u8>,
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// That its process is killed: at a desk.
    Normal,
    /// That the power fails: in a daemon.
    Full,
}

/// How long a write waits for another process. A batch takes milliseconds at the most, so whoever
/// holds the lock for this long is stopped, or its disk hangs.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// After how many pages of 4 KiB the log is moved into the database: 4 MiB. Moving waits for the disk,
/// and most runs at a desk write less; but whoever opens the store reads the whole log (about 0.6 ms
/// for each MiB), so it must not grow long either.
const CHECKPOINT_PAGES: i32 = 1024;

/// More than there are different statements.
const STATEMENT_CACHE: usize = 64;

impl Store {
    /// Opens the store of a folder for writing and reading; makes it where there is none.
    ///
    /// # Errors
    /// Where it can't be made or used; see [`StoreError`].
    pub fn open(layout: &Layout, durability: Durability) -> Result<Self, StoreError> {
        layout
            .create()
            .map_err(|(folder, error)| StoreError::from_io(folder, error))?;
        let mut store = Self::connect(layout, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let standing = schema::inspect(&store.db, &store.path)?;
        store
            .configure(durability)
            .map_err(|error| StoreError::from_sql(&store.path, error))?;
        if standing != Standing::Current {
            schema::migrate(&mut store.db, &store.path)?;
        }
        Ok(store)
    }

    /// Opens the store of a folder to look at it only.
    ///
    /// # Errors
    /// Where there is none, or it can't be read; see [`StoreError`].
    pub fn open_for_reading(layout: &Layout) -> Result<Self, StoreError> {
        if !layout.store().exists() {
            return Err(StoreError::Missing {
                path: layout.store(),
            });
        }
        let store = Self::connect(layout, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match schema::inspect(&store.db, &store.path)? {
            Standing::Current => Ok(store),
            // Reading knows one version only; what is older is brought to it first.
            Standing::Older(_) => Self::open(layout, Durability::Normal),
        }
    }

    fn connect(layout: &Layout, access: OpenFlags) -> Result<Self, StoreError> {
        let path = layout.store();
        let create = match access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
            true => OpenFlags::SQLITE_OPEN_CREATE,
            false => OpenFlags::empty(),
        };
        // One thread uses it at a time, so SQLite need not lock it against others.
        let flags = access | create | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = || {
            let db = Connection::open_with_flags(&path, flags)?;
            db.busy_timeout(BUSY_TIMEOUT)?;
            db.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
            Ok(db)
        };
        match connect() {
            Ok(db) => Ok(Self {
                db,
                layout: layout.clone(),
                path,
                buffer: Vec::new(),
            }),
            Err(error) => Err(StoreError::from_sql(&path, error)),
        }
    }

    fn configure(&self, durability: Durability) -> rusqlite::Result<()> {
        let synchronous = match durability {
            Durability::Normal => "NORMAL",
            Durability::Full => "FULL",
        };
        self.db.pragma_update(None, "synchronous", synchronous)?;
        self.db
            .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        self.db.pragma_update_and_check(
            None,
            "wal_autocheckpoint",
            CHECKPOINT_PAGES,
            |_| Ok(()),
        )?;
        // Moving the log at the end of every short run would wait for the disk; the next one that
        // finds it long does it.
        self.db
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(())
    }

    /// The error of a store whose rows make no sense.
    pub(crate) fn damaged(&self, detail: String) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            detail,
        }
    }

    /// The folder that it is in.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a run: takes the next id, also when several processes do so at once, and holds the
    /// run's lock, so that whoever sees its rows sees that it is alive. An id whose run comes to
    /// nothing is not used again.
    ///
    /// # Errors
    /// Where the store can't be written to.
    pub fn begin_run(&mut self) -> Result<(RunId, RunLock), StoreError> {
        let id: i64 = self
            .db
            .prepare_cached(
                "UPDATE meta SET value = value + 1 WHERE key = 'last_run' RETURNING value",
            )
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(|error| StoreError::from_sql(&self.path, error))?;
        let run = RunId(id.cast_unsigned());
        Ok((run, RunLock::take(&self.layout, run)?))
    }

    /// Takes the lock of a run whose process is gone, to go on with it; `None` where a living process
    /// has it.
    ///
    /// # Errors
    /// Where its file can't be made or locked.
    pub fn adopt_run(&mut self, run: RunId) -> Result<Option<RunLock>, StoreError> {
        RunLock::adopt(&self.layout, run)
    }

    /// The id of the worker of this name; the same whenever it comes back.
    ///
    /// # Errors
    /// Where the store can't be written to.
    pub fn worker_id(&mut self, name: &str) -> Result<WorkerId, StoreError> {
        let find = || -> rusqlite::Result<u32> {
            let sql = "SELECT worker FROM workers WHERE name = ?1";
            let known = self
                .db
                .prepare_cached(sql)?
                .query_row([name], |row| row.get(0));
            match known {
                Err(rusqlite::Error::QueryReturnedNoRows) => self
                    .db
                    .prepare_cached(
                        "INSERT INTO workers (name) VALUES (?1)
                         ON CONFLICT (name) DO UPDATE SET name = name RETURNING worker",
                    )?
                    .query_row([name], |row| row.get(0)),
                known => known,
            }
        };
        find()
            .map(WorkerId)
            .map_err(|error| StoreError::from_sql(&self.path, error))
    }
}
