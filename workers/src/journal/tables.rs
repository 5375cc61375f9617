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
    }
    transaction.commit()?;
    Ok(())
}
