//! What runs are told, by each other and by people: a notice is kept as a timer is, and is due at once.

use domain::{ids::RunId, run::RunEnd};
use serde_json::Value;

use super::write;
use crate::{engine::Timer, journal::JournalError};

/// What is due of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DueKey {
    /// One of its timers.
    Timer(Timer),
    /// Something that it has to be told.
    Notice(Notice),
}

/// What a run has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A run that it has called has ended; what came of it is in a row of its own.
    CalledEnded(RunId),
    /// The run that has called it waits for it no more.
    CallerEnded,
    /// Something is wanted of it: which of those that are kept for it.
    Wanted(u64),
}

/// A row about what came of a run.
pub(crate) fn write_end(end: &RunEnd) -> Result<Vec<u8>, JournalError> {
    write(&end.to_value())
}

/// What came of a run; `None`: it cannot be read.
pub(crate) fn read_end(row: &[u8]) -> Option<Value> {
    let end: Value = serde_json::from_slice(row).ok()?;
    RunEnd::read(&end).map(|_| end)
}
