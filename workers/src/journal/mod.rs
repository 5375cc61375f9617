//! The worker's memory: what was accepted, what was decided, and what the store has not confirmed.
//!
//! An embedded store (redb) with one writer. Everything that gathered since the last commit goes into one
//! transaction with one fsync. Nothing is acknowledged and no effect happens before its commit. After a failed
//! write the database is closed and opened anew, as redb asks for, so that a full disk heals without a restart.

mod calls;
pub(crate) mod codec;
mod commit;
mod read;
mod seats;
mod set_aside;
mod tables;
#[cfg(test)]
mod tests;
mod timer_row;
mod timers;
#[cfg(test)]
pub(crate) use tests::Disk;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

pub(crate) use commit::hour;
pub use commit::{Commit, FORGET_SLICE, Handoff, Op, OutboxRow};
pub(crate) use read::REMEMBERED_HOURS;
pub use read::{ControlPlace, HandoffPlace, LongRun, Snapshot};
use redb::{Database, ReadableDatabase, backends::FileBackend};
pub use seats::{Seat, SeatOp, Standing, Waiter};
pub(crate) use set_aside::set_aside;
pub use timer_row::{Lane, TimerRow};

/// Identifies a document by its content.
pub type DocumentHash = [u8; 32];

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be opened.
    #[error(
        "the journal {path} cannot be opened: {source}; check the directory, its rights and that no other worker uses it"
    )]
    Open {
        /// Its file.
        path: PathBuf,
        /// What the store said.
        source: redb::DatabaseError,
    },
    /// Its directory cannot be made.
    #[error("the journal's directory {path} cannot be made: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A later version wrote it.
    #[error(
        "the journal has format {found}, this worker reads format {}: start a newer worker, or an empty data directory",
        tables::FORMAT
    )]
    Format {
        /// The format that was found.
        found: u64,
    },
    /// The disk or the file system failed.
    #[error("the journal's disk failed: {0}")]
    Storage(Box<redb::Error>),
    /// What is to be written has no form, or a thread of the journal ended.
    #[error("the journal cannot do it: {0}")]
    Failed(String),
}

impl<E: Into<redb::Error>> From<E> for JournalError {
    fn from(error: E) -> Self {
        Self::Storage(Box::new(error.into()))
    }
}

/// Opens the database behind a journal; again after a failure.
type Opener = Box<dyn Fn() -> Result<Database, redb::DatabaseError> + Send + Sync>;

/// An open journal. Any thread may read; one writes.
pub struct Journal {
    path: PathBuf,
    opener: Opener,
    /// `None` after a failed write, until the next one opens it anew.
    database: RwLock<Option<Database>>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The journal's file in its directory.
const FILE: &str = "journal.redb";

/// Memory for pages of the file that were read or written lately.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

impl Journal {
    /// Opens the journal in a directory, making both if they do not exist. They are the owner's alone.
    ///
    /// # Errors
    /// When it cannot be opened, is in use, or was written by a later version.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        let open =
            private_files::folder(directory, |name| name == FILE || name == crate::credentials::FOLDER)
                .map_err(|source| JournalError::Directory { path: directory.to_owned(), source })?;
        if let Some(open) = open {
            tracing::warn!("{open}");
        }
        let path = directory.join(FILE);
        let file = path.clone();
        let opener = move || {
            let file = FileBackend::new(private_files::open(&file)?)?;
            Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(file)
        };
        Self::open_with(path, Box::new(opener))
    }

    /// A journal on any database.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub(crate) fn open_with(path: PathBuf, opener: Opener) -> Result<Self, JournalError> {
        let journal = Self { path, opener, database: RwLock::new(None) };
        journal.reopen()?;
        Ok(journal)
    }

    fn reopen(&self) -> Result<(), JournalError> {
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The old one must release its lock on the file before the new one can take it.
        *slot = None;
        let database =
            (self.opener)().map_err(|source| JournalError::Open { path: self.path.clone(), source })?;
        tables::prepare(&database)?;
        *slot = Some(database);
        Ok(())
    }

    /// What the last commit left.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn read(&self) -> Result<Snapshot, JournalError> {
        let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = slot.as_ref().ok_or(redb::StorageError::DatabaseClosed)?;
        Snapshot::open(&database.begin_read()?)
    }

    /// The size of its file, if it is in one.
    #[must_use]
    pub fn file_bytes(&self) -> Option<u64> {
        std::fs::metadata(&self.path).ok().map(|file| file.len())
    }

    /// Writes a commit, all or nothing; returns when it is on disk, with how many finished runs were forgotten.
    ///
    /// # Errors
    /// When the disk fails: nothing of it is acknowledged then, and the caller tries it again.
    pub fn commit(&self, commit: &Commit) -> Result<usize, JournalError> {
        if self.database.read().unwrap_or_else(PoisonError::into_inner).is_none() {
            self.reopen()?;
        }
        let written = {
            let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let database = slot.as_ref().ok_or(redb::StorageError::DatabaseClosed)?;
            commit.write(database)
        };
        if written.is_err() {
            *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        written
    }
}
