//! Topics in memory: where each partition ends, and its most recent chunks.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::watch;

use super::{
    chunk::Chunk,
    tables::{Extent, StoredTopic},
};
use crate::{
    lock::lock,
    log::{LogError, NewRecord, ReadLimit, Record, partition_of},
};

/// A topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: Arc<str>,
    pub(super) id: u32,
    pub(super) partitions: Box<[Partition]>,
    next_keyless: AtomicU32,
}

impl Topic {
    pub(super) fn new(stored: StoredTopic) -> Self {
        Self {
            name: stored.name,
            id: stored.id,
            partitions: stored.partitions.into_iter().map(Partition::new).collect(),
            next_keyless: AtomicU32::new(0),
        }
    }

    /// How many partitions there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    /// The partition `number`.
    pub(super) fn partition(&self, number: u32) -> Result<&Partition, LogError> {
        self.partitions.get(number as usize).ok_or_else(|| LogError::UnknownPartition {
            topic: self.name.clone(),
            partition: number.into(),
            partitions: self.count(),
        })
    }

    /// Where `record` goes.
    pub(super) fn place(&self, record: &NewRecord) -> Result<u32, LogError> {
        match (record.partition, &record.key) {
            (Some(number), _) => self.partition(number).map(|_| number),
            (None, Some(key)) => Ok(partition_of(key, self.count())),
            (None, None) => Ok(self.next_keyless.fetch_add(1, Ordering::Relaxed) % self.count().max(1)),
        }
    }
}

/// A partition. Only the writer thread moves its end.
#[derive(Debug)]
pub(super) struct Partition {
    extent: Mutex<Extent>,
    tail: Mutex<Tail>,
    /// Tells readers where the readable records end.
    pub(super) end: watch::Sender<u64>,
}

/// The most recent chunks, without gaps, the last one ends at the partition's end.
#[derive(Debug, Default)]
struct Tail {
    chunks: VecDeque<Chunk>,
    bytes: usize,
}

impl Tail {
    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.chunks.pop_front() {
            self.bytes -= oldest.stored().len();
        }
    }
}

impl Partition {
    fn new(extent: Extent) -> Self {
        Self { extent: Mutex::new(extent), tail: Mutex::default(), end: watch::Sender::new(extent.next) }
    }

    pub(super) fn extent(&self) -> Extent {
        *lock(&self.extent)
    }

    /// Forgets what is in memory and believes `extent`: after a storage failure.
    pub(super) fn reset(&self, extent: Extent) {
        *lock(&self.tail) = Tail::default();
        *lock(&self.extent) = extent;
        self.end.send_replace(extent.next);
    }

    /// Makes chunks readable that are durable now, keeping at most `tail_bytes` in memory.
    pub(super) fn publish(&self, chunks: Vec<Chunk>, tail_bytes: usize) {
        let mut extent = self.extent();
        let mut tail = lock(&self.tail);
        for chunk in chunks {
            (extent.next, extent.total) = (chunk.end(), chunk.running_total);
            tail.bytes += chunk.stored().len();
            tail.chunks.push_back(chunk);
        }
        while tail.bytes > tail_bytes && tail.chunks.len() > 1 {
            tail.drop_oldest();
        }
        drop(tail);
        *lock(&self.extent) = extent;
        self.end.send_replace(extent.next);
    }

    /// Notes that stored chunks of `bytes` in all are gone, and with them everything before `first`.
    pub(super) fn trimmed(&self, first: u64, bytes: u64) {
        let mut tail = lock(&self.tail);
        while tail.chunks.front().is_some_and(|chunk| chunk.base < first) {
            tail.drop_oldest();
        }
        drop(tail);
        lock(&self.extent).removed += bytes;
    }

    /// Records from `from` on out of memory; `None` when they are not (all) there.
    pub(super) fn read_tail(&self, from: u64, limit: ReadLimit) -> Result<Option<Vec<Record>>, LogError> {
        if from >= *self.end.borrow() {
            return Ok(Some(Vec::new()));
        }
        let tail = lock(&self.tail);
        let covered = tail.chunks.front().is_some_and(|chunk| chunk.base <= from);
        let first = tail.chunks.partition_point(|chunk| chunk.end() <= from);
        if !covered {
            return Ok(None);
        }
        // Clones share the bytes: the records are decoded outside the lock. A chunk has at least one record.
        let chunks: Vec<Chunk> = tail.chunks.range(first..).take(limit.records).cloned().collect();
        drop(tail);
        let mut taken = Taken::new(limit);
        for chunk in &chunks {
            if !chunk.records(from, |record| taken.take(record))? {
                break;
            }
        }
        Ok(Some(taken.records))
    }
}

/// Records read so far, within a limit.
pub(super) struct Taken {
    pub(super) records: Vec<Record>,
    limit: ReadLimit,
    bytes: usize,
}

impl Taken {
    pub(super) fn new(limit: ReadLimit) -> Self {
        Self { records: Vec::new(), limit, bytes: 0 }
    }

    /// Takes `record` if it still fits; tells whether another may.
    pub(super) fn take(&mut self, record: Record) -> bool {
        let size = record.size();
        if !self.records.is_empty() && self.bytes + size > self.limit.bytes {
            return false;
        }
        self.bytes += size;
        self.records.push(record);
        self.records.len() < self.limit.records && self.bytes < self.limit.bytes
    }
}
