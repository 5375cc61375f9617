//! The file: its tables, how it is opened, what is read from it at start and after a storage failure.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, backends::FileBackend};

use super::chunk::{Chunk, Head};
use crate::log::LogError;

/// Name → (id, number of partitions).
pub(super) const TOPICS: TableDefinition<'_, &str, (u32, u32)> = TableDefinition::new("topics");
/// (topic id, partition, offset of the first record) → chunk.
pub(super) const CHUNKS: TableDefinition<'_, (u32, u32, u64), &[u8]> = TableDefinition::new("chunks");
/// (group, topic id, partition) → the offset to go on from.
pub(super) const OFFSETS: TableDefinition<'_, (&str, u32, u32), u64> = TableDefinition::new("offsets");

/// Memory for pages; recent records are served from the tails, so this is for catching up.
const CACHE_BYTES: usize = 64 << 20;

/// Any error of the storage, as the log reports it.
pub(super) fn storage(error: impl Into<redb::Error>) -> LogError {
    LogError::Storage(error.into().to_string().into())
}

/// What a partition's stored chunks say about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// Offset of the next record.
    pub(super) next: u64,
    /// Bytes ever stored.
    pub(super) total: u64,
    /// Bytes ever removed.
    pub(super) removed: u64,
}

/// A topic as it is stored.
#[derive(Debug)]
pub(super) struct StoredTopic {
    pub(super) name: Arc<str>,
    pub(super) id: u32,
    pub(super) partitions: Vec<Extent>,
}

/// An offset as it is stored.
#[derive(Debug)]
pub(super) struct StoredOffset {
    pub(super) group: Arc<str>,
    pub(super) topic: u32,
    pub(super) partition: u32,
    pub(super) next: u64,
}

/// Opens or creates the file, which is the owner's alone.
pub(super) fn open(path: &Path) -> Result<Database, LogError> {
    let file = private_files::open(path).map_err(|error| LogError::Storage(error.to_string().into()))?;
    let file = FileBackend::new(file).map_err(storage)?;
    Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(file).map_err(storage)
}

/// Makes sure that the tables are there.
pub(super) fn prepare(db: &Database) -> Result<(), LogError> {
    let create = || -> Result<(), redb::Error> {
        let txn = db.begin_write()?;
        txn.open_table(TOPICS)?;
        txn.open_table(CHUNKS)?;
        txn.open_table(OFFSETS)?;
        txn.commit()?;
        Ok(())
    };
    create().map_err(storage)
}

/// All topics with their extents.
pub(super) fn topics(db: &Database) -> Result<Vec<StoredTopic>, LogError> {
    let txn = db.begin_read().map_err(storage)?;
    let chunks = txn.open_table(CHUNKS).map_err(storage)?;
    let mut found = Vec::new();
    for entry in txn.open_table(TOPICS).map_err(storage)?.iter().map_err(storage)? {
        let (name, value) = entry.map_err(storage)?;
        let (id, partitions) = value.value();
        let partitions = (0..partitions).map(|p| extent(&chunks, id, p)).collect::<Result<_, _>>()?;
        found.push(StoredTopic { name: name.value().into(), id, partitions });
    }
    Ok(found)
}

fn extent(
    chunks: &impl ReadableTable<(u32, u32, u64), &'static [u8]>,
    topic: u32,
    partition: u32,
) -> Result<Extent, LogError> {
    let mut range = chunks.range((topic, partition, 0)..=(topic, partition, u64::MAX)).map_err(storage)?;
    let Some(first) = range.next().transpose().map_err(storage)? else { return Ok(Extent::default()) };
    let first = Chunk::parse(first.0.value().2, Bytes::copy_from_slice(first.1.value()))?;
    let last = match range.next_back().transpose().map_err(storage)? {
        Some(last) => Chunk::parse(last.0.value().2, Bytes::copy_from_slice(last.1.value()))?,
        None => first.clone(),
    };
    Ok(Extent {
        next: last.end(),
        total: last.running_total,
        removed: first.running_total - first.stored().len() as u64,
    })
}

/// All committed offsets.
pub(super) fn offsets(db: &Database) -> Result<Vec<StoredOffset>, LogError> {
    let txn = db.begin_read().map_err(storage)?;
    let mut found = Vec::new();
    for entry in txn.open_table(OFFSETS).map_err(storage)?.iter().map_err(storage)? {
        let (key, next) = entry.map_err(storage)?;
        let (group, topic, partition) = key.value();
        found.push(StoredOffset { group: group.into(), topic, partition, next: next.value() });
    }
    Ok(found)
}

/// The stored chunks of a partition from the one that holds `from` on, passed to `take` until it says stop.
pub(super) fn chunks(
    db: &Database,
    (topic, partition): (u32, u32),
    from: u64,
    mut take: impl FnMut(&Chunk) -> Result<bool, LogError>,
) -> Result<(), LogError> {
    let txn = db.begin_read().map_err(storage)?;
    let table = txn.open_table(CHUNKS).map_err(storage)?;
    let before = table
        .range((topic, partition, 0)..=(topic, partition, from))
        .map_err(storage)?
        .next_back()
        .transpose()
        .map_err(storage)?
        .map_or(from, |(key, _)| key.value().2);
    for entry in table.range((topic, partition, before)..=(topic, partition, u64::MAX)).map_err(storage)? {
        let (key, value) = entry.map_err(storage)?;
        let chunk = Chunk::parse(key.value().2, Bytes::copy_from_slice(value.value()))?;
        if !take(&chunk)? {
            break;
        }
    }
    Ok(())
}

/// The heads of a partition's chunks from its beginning, passed to `take` until it says stop.
pub(super) fn heads(
    db: &Database,
    (topic, partition): (u32, u32),
    mut take: impl FnMut(&Head) -> bool,
) -> Result<(), LogError> {
    let txn = db.begin_read().map_err(storage)?;
    let table = txn.open_table(CHUNKS).map_err(storage)?;
    for entry in table.range((topic, partition, 0)..=(topic, partition, u64::MAX)).map_err(storage)? {
        let (key, value) = entry.map_err(storage)?;
        if !take(&Head::parse(key.value().2, value.value())?) {
            break;
        }
    }
    Ok(())
}
