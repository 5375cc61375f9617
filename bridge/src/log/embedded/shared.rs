//! What the writer and the callers share.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use redb::Database;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{EmbeddedSettings, offsets::Offsets, tables, topic::Topic};
use crate::{
    clock::Clock,
    lock::read_lock,
    log::{LogError, TopicPartition},
};

/// How the file is opened; tests put a faulty disk under it.
pub(super) type OpenFile = Box<dyn Fn(&Path) -> Result<Database, LogError> + Send + Sync>;

/// What the writer and the callers share.
pub(super) struct Shared {
    pub(super) settings: EmbeddedSettings,
    pub(super) open: OpenFile,
    pub(super) clock: Arc<dyn Clock>,
    /// Empty only while the writer reopens it after a storage failure.
    pub(super) db: RwLock<Option<Database>>,
    pub(super) topics: RwLock<HashMap<Arc<str>, Arc<Topic>>>,
    pub(super) offsets: Mutex<Offsets>,
    pub(super) subscriptions: Mutex<Vec<Subscription>>,
    pub(super) failure: Mutex<Option<LogError>>,
    pub(super) queued: Arc<AtomicUsize>,
    pub(super) stored: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) closed: CancellationToken,
}

/// Who delivers which topics.
pub(super) struct Subscription {
    pub(super) group: Arc<str>,
    pub(super) topics: Vec<String>,
    pub(super) gained: mpsc::UnboundedSender<TopicPartition>,
}

impl Shared {
    pub(super) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        read_lock(&self.topics).get(name).cloned()
    }

    pub(super) fn known(&self, at: &TopicPartition) -> Result<Arc<Topic>, LogError> {
        let topic = self.topic(&at.topic).ok_or_else(|| LogError::UnknownTopic(at.topic.clone()))?;
        topic.partition(at.partition)?;
        Ok(topic)
    }

    pub(super) fn with_db<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        if self.closed.is_cancelled() {
            return Err(LogError::Closed);
        }
        let db = read_lock(&self.db);
        work(db.as_ref().ok_or_else(|| LogError::Storage("the log's file is being reopened".into()))?)
    }

    /// Sums up what the partitions keep.
    pub(super) fn count_stored(&self) {
        let topics = read_lock(&self.topics);
        let kept = |extent: tables::Extent| extent.total.saturating_sub(extent.removed);
        let bytes = topics.values().flat_map(|t| t.partitions.iter()).map(|p| kept(p.extent())).sum();
        self.stored.store(bytes, Ordering::Relaxed);
    }

    /// Tells subscribers of `topic` about its partitions.
    pub(super) fn announce(subscription: &Subscription, topic: &Topic) {
        if subscription.topics.iter().any(|name| **name == *topic.name) {
            for partition in 0..topic.count() {
                let at = TopicPartition { topic: topic.name.clone(), partition };
                // A receiver that is gone has stopped delivering: nothing to tell it.
                let _ = subscription.gained.send(at);
            }
        }
    }
}
