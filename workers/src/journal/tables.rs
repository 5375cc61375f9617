//! The tables and their formats. A format is for ever: a change is a new number and a migration in [`prepare`].

use redb::{Database, ReadableTable, TableDefinition};

use super::JournalError;

/// The format of everything below.
pub(super) const FORMAT: u64 = 6;

/// Unfinished runs: run → header, JSON.
pub(super) const RUNS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("runs");
/// What happened to unfinished runs: (run, n-th commit that touched it) → its events then, a JSON list; or, of the first row
/// that is left, how far the run had come, a JSON object.
pub(super) const EVENTS: TableDefinition<'_, (u128, u32), &[u8]> = TableDefinition::new("events");
/// Unfinished runs that only wait, to begin or for something else, and are not kept in memory.
pub(super) const PARKED: TableDefinition<'_, u128, ()> = TableDefinition::new("parked");
/// Unfinished runs that take long to read: run → whose it is, and about how many bytes of memory it takes then.
pub(super) const LONG: TableDefinition<'_, u128, (&str, u64)> = TableDefinition::new("long");
/// Documents of unfinished runs: SHA-256 → text.
pub(super) const DOCUMENTS: TableDefinition<'_, [u8; 32], &str> = TableDefinition::new("documents");
/// How many unfinished runs need a document.
pub(super) const DOCUMENT_USERS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("document_users");
/// What is due when: (lane, tenant, milliseconds, run, timer as JSON) → what it holds of the journal, in bytes. By
/// tenant, so that what is due of one is found without a look at all that is due of others.
pub(super) const TIMERS: TableDefinition<'_, TimerKey<'static>, u64> = TableDefinition::new("timers");
pub(super) type TimerKey<'k> = (u8, &'k str, i64, u128, &'k [u8]);
/// What the store has not confirmed: sequence → whose it is (empty: nobody's), and facts or a dead letter, JSON.
pub(super) const OUTBOX: TableDefinition<'_, u64, (&str, &[u8])> = TableDefinition::new("outbox");
/// Finished runs: (hour of the end, run) → attempt.
pub(super) const FINISHED: TableDefinition<'_, (u32, u128), u32> = TableDefinition::new("finished");
/// Tasks of other workers that these do not have yet: (owner, sequence) → whose run it is, and the record, JSON.
pub(super) const HANDOFFS: TableDefinition<'_, (&str, u64), (&str, &[u8])> = TableDefinition::new("handoffs");
/// What is wanted of unfinished runs that were not in memory: (run, sequence) → whose it is, and the record, JSON. A timer
/// stands for each.
pub(super) const CONTROLS: TableDefinition<'_, (u128, u64), (&str, &[u8])> = TableDefinition::new("controls");
/// Unfinished runs that were called by another one, which waits for their end: run → that one, and whose they are. Their
/// headers say so too, and may be what cannot be read.
pub(super) const CALLERS: TableDefinition<'_, u128, (u128, &str)> = TableDefinition::new("callers");
/// What came of runs that were called, for those that called them: (caller, called) → JSON. Each has a timer that is due.
pub(super) const CALL_ENDS: TableDefinition<'_, (u128, u128), &[u8]> = TableDefinition::new("call_ends");
/// Runs of error workflows that are to be started: run → whose it is, and all of its header but the version, JSON.
pub(super) const ERROR_RUNS: TableDefinition<'_, u128, (&str, &[u8])> = TableDefinition::new("error_runs");
/// Unfinished runs that have a seat of their group: (group, when the run was accepted in milliseconds, run).
pub(super) const SITTING: TableDefinition<'_, SeatKey, ()> = TableDefinition::new("sitting");
pub(super) type SeatKey = (u128, i64, u128);
/// Unfinished runs that wait for one, likewise → whose it is, what it takes of the journal in bytes, the limit, and what
/// happens above it.
pub(super) const WAITING: TableDefinition<'_, SeatKey, WaiterRow<'static>> = TableDefinition::new("waiting");
pub(super) type WaiterRow<'r> = (&'r str, u64, u32, u8);
/// How many runs of a group have a seat.
pub(super) const SEATS_TAKEN: TableDefinition<'_, u128, u64> = TableDefinition::new("seats_taken");
/// Run → its group, and when it was accepted: where it sits or waits.
pub(super) const STANDING: TableDefinition<'_, u128, (u128, i64)> = TableDefinition::new("standing");
/// Numbers about the journal itself.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Makes the tables, and checks that this version can read what is there.
pub(super) fn prepare(database: &Database) -> Result<(), JournalError> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        let found = meta.get("format")?.map(|row| row.value());
        match found {
            None => {
                meta.insert("format", FORMAT)?;
            }
            Some(FORMAT) => {}
            Some(found) => return Err(JournalError::Format { found }),
        }
        transaction.open_table(RUNS)?;
        transaction.open_table(EVENTS)?;
        transaction.open_table(PARKED)?;
        transaction.open_table(LONG)?;
        transaction.open_table(DOCUMENTS)?;
        transaction.open_table(DOCUMENT_USERS)?;
        transaction.open_table(TIMERS)?;
        transaction.open_table(OUTBOX)?;
        transaction.open_table(FINISHED)?;
        transaction.open_table(HANDOFFS)?;
        transaction.open_table(CONTROLS)?;
        transaction.open_table(CALLERS)?;
        transaction.open_table(CALL_ENDS)?;
        transaction.open_table(ERROR_RUNS)?;
        transaction.open_table(SITTING)?;
        transaction.open_table(WAITING)?;
        transaction.open_table(SEATS_TAKEN)?;
        transaction.open_table(STANDING)?;
    }
    transaction.commit()?;
    Ok(())
}
