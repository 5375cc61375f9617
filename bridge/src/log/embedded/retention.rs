//! Retention: records that every subscribed group has handled are removed when they are old enough, or earlier
//! when the log is nearly full. Records of a topic that nobody subscribes go by age alone, as in Kafka. The last
//! chunk of a partition stays: it tells the partition's next offset.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    EmbeddedSettings, Shared,
    commit::{ChunkKey, commit},
    tables,
    topic::Topic,
};
use crate::{
    lock::{lock, read_lock},
    log::LogError,
};

/// Chunks that one pass removes at most, so that appends wait for it only briefly.
const PASS: usize = 1_000;

/// What a pass removes from one partition.
struct Trimmed {
    topic: Arc<Topic>,
    partition: u32,
    /// First offset that is kept.
    first: u64,
    bytes: u64,
}

/// Removes what may go; `true`: there is more.
pub(super) fn trim(shared: &Shared) -> Result<bool, LogError> {
    let old = shared.clock.now_millis().saturating_sub(age_limit(shared));
    let topics: Vec<_> = read_lock(&shared.topics).values().cloned().collect();
    let (mut keys, mut trimmed) = (Vec::new(), Vec::new());
    for topic in topics {
        for partition in 0..topic.count() {
            trimmed.extend(look(shared, &topic, partition, old, &mut keys)?);
        }
    }
    if keys.is_empty() {
        return Ok(false);
    }
    commit(shared, &[], &keys)?;
    for Trimmed { topic, partition, first, bytes } in trimmed {
        topic.partition(partition)?.trimmed(first, bytes);
        shared.stored.fetch_sub(bytes, Ordering::Relaxed);
    }
    tracing::debug!(chunks = keys.len(), "retention removed delivered records");
    Ok(keys.len() >= PASS)
}

/// Finds the chunks of a partition that may go and were written at `old` or before.
fn look(
    shared: &Shared,
    topic: &Arc<Topic>,
    partition: u32,
    old: i64,
    keys: &mut Vec<ChunkKey>,
) -> Result<Option<Trimmed>, LogError> {
    let extent = topic.partition(partition)?.extent();
    let handled = handled_by_all(shared, topic, partition, extent.next);
    let mut found = Trimmed { topic: topic.clone(), partition, first: 0, bytes: 0 };
    shared.with_db(|db| {
        tables::heads(db, (topic.id, partition), |chunk| {
            let may_go = chunk.end <= handled
                && chunk.end < extent.next
                && chunk.appended_at <= old
                && keys.len() < PASS;
            if may_go {
                keys.push((topic.id, partition, chunk.base));
                found.first = chunk.end;
                found.bytes += chunk.bytes;
            }
            may_go
        })
    })?;
    Ok((found.bytes > 0).then_some(found))
}

/// The offset before which every subscribed group has handled everything.
fn handled_by_all(shared: &Shared, topic: &Topic, partition: u32, end: u64) -> u64 {
    let subscriptions = lock(&shared.subscriptions);
    let offsets = lock(&shared.offsets);
    subscriptions
        .iter()
        .filter(|s| s.topics.iter().any(|name| **name == *topic.name))
        .map(|s| offsets.get(&(s.group.clone(), topic.id, partition)).unwrap_or(0))
        .min()
        .unwrap_or(end)
}

/// From which age on records go, in milliseconds: none when the log is nearly full.
fn age_limit(shared: &Shared) -> i64 {
    let limit = shared.settings.max_log_bytes;
    if shared.stored.load(Ordering::Relaxed) > limit - limit / 10 {
        return 0;
    }
    i64::try_from(shared.settings.retention.as_millis()).unwrap_or(i64::MAX)
}

/// When to look again.
pub(super) fn pause(settings: &EmbeddedSettings, more: bool) -> Duration {
    if more {
        return Duration::from_millis(50);
    }
    (settings.retention / 10).clamp(Duration::from_secs(1), Duration::from_secs(30))
}
