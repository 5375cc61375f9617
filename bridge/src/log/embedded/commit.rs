//! Transactions of the writer, and how it comes back after the storage failed.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use redb::Database;

use super::{
    Shared,
    offsets::OffsetKey,
    plan::Planned,
    tables::{self, CHUNKS, OFFSETS, StoredTopic, TOPICS, storage},
    topic::Topic,
};
use crate::{
    lock::{lock, write_lock},
    log::LogError,
};

/// The key of a stored chunk.
pub(super) type ChunkKey = (u32, u32, u64);

/// Writes the planned chunks, removes `removed` and takes along all offsets that are not durable yet, in one
/// transaction (one fsync). Does nothing when there is nothing to do.
pub(super) fn commit(shared: &Shared, plan: &[Planned], removed: &[ChunkKey]) -> Result<(), LogError> {
    let dirty = lock(&shared.offsets).take_dirty();
    if plan.is_empty() && removed.is_empty() && dirty.is_empty() {
        return Ok(());
    }
    let outcome = shared.with_db(|db| write(db, plan, removed, &dirty).map_err(storage));
    match outcome {
        Ok(()) => {
            shared.commits.fetch_add(1, Ordering::Relaxed);
        }
        Err(_) => lock(&shared.offsets).put_back(dirty),
    }
    outcome
}

fn write(
    db: &Database,
    plan: &[Planned],
    removed: &[ChunkKey],
    offsets: &HashMap<OffsetKey, u64>,
) -> Result<(), redb::Error> {
    let txn = db.begin_write()?;
    if !plan.is_empty() || !removed.is_empty() {
        let mut table = txn.open_table(CHUNKS)?;
        for planned in plan {
            for chunk in &planned.chunks {
                table.insert((planned.topic.id, planned.partition, chunk.base), chunk.stored().as_ref())?;
            }
        }
        for key in removed {
            table.remove(key)?;
        }
    }
    if !offsets.is_empty() {
        let mut table = txn.open_table(OFFSETS)?;
        for ((group, topic, partition), next) in offsets {
            table.insert((group.as_ref(), *topic, *partition), next)?;
        }
    }
    txn.commit()?;
    Ok(())
}

/// Stores a new topic.
pub(super) fn insert_topic(shared: &Shared, name: &str, id: u32, partitions: u32) -> Result<(), LogError> {
    let insert = |db: &Database| -> Result<(), redb::Error> {
        let txn = db.begin_write()?;
        txn.open_table(TOPICS)?.insert(name, (id, partitions))?;
        txn.commit()?;
        Ok(())
    };
    shared.with_db(|db| insert(db).map_err(storage))
}

/// Opens the file again after a failure and believes what it says: a commit that failed may be there or not.
pub(super) fn reopen(shared: &Shared) -> Result<(), LogError> {
    let mut slot = write_lock(&shared.db);
    // The file's lock goes with the old handle, so it has to go first.
    *slot = None;
    let db = (shared.open)(&shared.settings.path)?;
    let stored = tables::topics(&db)?;
    *slot = Some(db);
    drop(slot);
    let mut topics = write_lock(&shared.topics);
    for StoredTopic { name, id, partitions } in stored {
        match topics.get(&name) {
            Some(topic) => {
                for (partition, extent) in topic.partitions.iter().zip(partitions) {
                    partition.reset(extent);
                }
            }
            None => {
                let topic = Topic::new(StoredTopic { name: name.clone(), id, partitions });
                topics.insert(name, Arc::new(topic));
            }
        }
    }
    drop(topics);
    shared.count_stored();
    Ok(())
}
