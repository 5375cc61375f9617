//! What a group reads of one partition.

use std::sync::{Arc, mpsc};

use async_trait::async_trait;

use super::{
    jobs::Job,
    offsets::OffsetKey,
    shared::Shared,
    tables,
    topic::{Taken, Topic},
};
use crate::{
    lock::lock,
    log::{Feed, LogError, ReadLimit, Record, TopicPartition},
};

/// One partition for one group.
pub(super) struct EmbeddedFeed {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    group: Arc<str>,
    at: TopicPartition,
    /// The next offset to read; not known before the first read.
    next: Option<u64>,
}

impl EmbeddedFeed {
    pub(super) fn new(
        shared: Arc<Shared>,
        jobs: mpsc::Sender<Job>,
        group: Arc<str>,
        at: TopicPartition,
    ) -> Self {
        Self { shared, jobs, group, at, next: None }
    }

    fn offset_key(&self, topic: &Topic) -> OffsetKey {
        (self.group.clone(), topic.id, self.at.partition)
    }

    /// Where the group has got to; `None` when it never committed here.
    pub(super) fn committed(&self) -> Result<Option<u64>, LogError> {
        let topic = self.shared.known(&self.at)?;
        Ok(lock(&self.shared.offsets).get(&self.offset_key(&topic)))
    }

    pub(super) async fn wait(&self, topic: &Topic, offset: u64) -> Result<(), LogError> {
        let mut end = topic.partition(self.at.partition)?.end.subscribe();
        tokio::select! {
            found = end.wait_for(|end| *end > offset) => found.map(|_| ()).map_err(|_| LogError::Closed),
            () = self.shared.closed.cancelled() => Err(LogError::Closed),
        }
    }
}

/// Records from offset `from` on (or from the first that is still kept). Empty at the end.
pub(super) async fn read(
    shared: &Arc<Shared>,
    topic: &Topic,
    partition: u32,
    from: u64,
    limit: ReadLimit,
) -> Result<Vec<Record>, LogError> {
    if let Some(records) = topic.partition(partition)?.read_tail(from, limit)? {
        return Ok(records);
    }
    let (shared, key) = (shared.clone(), (topic.id, partition));
    let read = move || {
        let mut taken = Taken::new(limit);
        shared.with_db(|db| {
            tables::chunks(db, key, from, |chunk| chunk.records(from, |record| taken.take(record)))
        })?;
        Ok(taken.records)
    };
    tokio::task::spawn_blocking(read).await.map_err(|e| LogError::Storage(e.to_string().into()))?
}

#[async_trait]
impl Feed for EmbeddedFeed {
    fn at(&self) -> &TopicPartition {
        &self.at
    }

    async fn next(&mut self, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        let topic = self.shared.known(&self.at)?;
        let from = match self.next {
            Some(next) => next,
            None => *self.next.insert(self.committed()?.unwrap_or(0)),
        };
        loop {
            let records = read(&self.shared, &topic, self.at.partition, from, limit).await?;
            if let Some(last) = records.last() {
                self.next = Some(last.offset + 1);
                return Ok(records);
            }
            self.wait(&topic, from).await?;
        }
    }

    fn commit(&self, next: u64) {
        if let Ok(topic) = self.shared.known(&self.at)
            && lock(&self.shared.offsets).commit(self.offset_key(&topic), next)
        {
            // When the writer is gone the offset stays in memory only: records come again, none is skipped.
            let _ = self.jobs.send(Job::OffsetsDirty);
        }
    }
}
