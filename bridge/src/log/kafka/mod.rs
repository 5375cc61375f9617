//! The log of many machines: topics of a Kafka cluster, through librdkafka.
//!
//! Appends go to one idempotent producer with `acks=all`: a record is acknowledged when all in-sync replicas have
//! it. A group is a consumer group of Kafka; each of its partitions has a queue of its own, so that a partition
//! whose receiver is away holds up no other, and librdkafka stops fetching what nobody reads. The bridge keeps
//! nothing: any number of them share the work.

mod admin;
mod context;
mod failure;
mod feed;
mod group;
mod holdings;
mod member_events;
mod pending;
mod producer;
mod settings;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use rdkafka::producer::Producer as _;
use tokio::sync::mpsc;

pub use self::settings::KafkaSettings;
use self::{
    admin::Admin,
    context::{Ends, Health},
    group::Group,
    producer::Producers,
};
use super::{Appended, Assignment, Log, LogError, NewRecord, TopicInfo, TopicPartition, is_topic_name};
use crate::lock::lock;

/// How long questions about topics may take.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
/// How long leaving all groups may take; their members are missed after the session timeout all the same.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(4);

/// A Kafka cluster as a log.
pub(crate) struct KafkaLog {
    settings: Arc<KafkaSettings>,
    producers: Arc<Producers>,
    admin: Arc<Admin>,
    groups: Mutex<Vec<Group>>,
    ends: Arc<Ends>,
    health: Arc<Health>,
}

impl KafkaLog {
    /// Prepares the clients. A cluster that is away is waited for: records are refused until it is there. Fails when
    /// the settings are not ones that librdkafka takes.
    pub(crate) async fn open(settings: KafkaSettings) -> Result<Self, LogError> {
        let settings = Arc::new(settings);
        let health = Arc::new(Health::default());
        let producers = Arc::new(Producers::new(&settings, &health)?);
        let admin = Arc::new(Admin::new(&settings)?);
        let log = Self { settings, producers, admin, groups: Mutex::default(), ends: Arc::default(), health };
        match log.topics().await {
            Ok(topics) => {
                tracing::info!(brokers = log.settings.brokers, topics = topics.len(), "Kafka is there");
            }
            Err(error) => tracing::warn!(brokers = log.settings.brokers, %error, "Kafka is not there yet"),
        }
        Ok(log)
    }

    /// Creates the topic that some records did not find, and appends those again.
    async fn create_and_append(
        &self,
        topic: &str,
        records: Vec<NewRecord>,
        mut results: Vec<Result<Appended, LogError>>,
    ) -> Vec<Result<Appended, LogError>> {
        if let Err(error) = self.admin.create(&[topic.to_owned()]).await {
            tracing::warn!(topic, %error, "the topic cannot be created");
            return results;
        }
        let missed = |result: &Result<Appended, LogError>| matches!(result, Err(LogError::UnknownTopic(_)));
        let again = records.into_iter().zip(&results).filter(|(_, result)| missed(result));
        let again = self.producers.append(topic, again.map(|(record, _)| record).collect()).await;
        for (slot, result) in results.iter_mut().filter(|result| missed(result)).zip(again) {
            *slot = result;
        }
        results
    }

    /// Says how many partitions there are, where librdkafka only says that one is not.
    async fn name_partitions(&self, topic: &str, results: &mut [Result<Appended, LogError>]) {
        let unknown = |result: &&mut Result<Appended, LogError>| {
            matches!(result, Err(LogError::UnknownPartition { partitions: 0, .. }))
        };
        let mut results = results.iter_mut().filter(unknown).peekable();
        if results.peek().is_none() {
            return;
        }
        let topics = self.topics().await.unwrap_or_default();
        let count = topics.iter().find(|info| *info.name == *topic).map_or(0, |info| info.partitions);
        for result in results {
            if let Err(LogError::UnknownPartition { partitions, .. }) = result {
                *partitions = count;
            }
        }
    }
}

#[async_trait]
impl Log for KafkaLog {
    async fn append(&self, topic: &str, records: Vec<NewRecord>) -> Vec<Result<Appended, LogError>> {
        if !is_topic_name(topic) {
            return records.iter().map(|_| Err(LogError::InvalidTopic(topic.into()))).collect();
        }
        // Only a topic that may be missing makes the records worth keeping.
        let kept = (self.settings.auto_create && !self.producers.knows(topic)).then(|| records.clone());
        let mut results = self.producers.append(topic, records).await;
        if let Some(records) = kept
            && results.iter().any(|result| matches!(result, Err(LogError::UnknownTopic(_))))
        {
            results = self.create_and_append(topic, records, results).await;
        }
        self.name_partitions(topic, &mut results).await;
        results
    }

    fn end(&self, at: &TopicPartition) -> Option<u64> {
        self.ends.get(at)
    }

    fn subscribe(&self, group: &str, topics: &[String]) -> Result<BoxStream<'static, Assignment>, LogError> {
        let (changes, mut assigned) = mpsc::unbounded_channel();
        let group =
            Group::join(group, topics, &self.settings, self.admin.clone(), self.ends.clone(), changes)?;
        lock(&self.groups).push(group);
        Ok(stream::poll_fn(move |context| assigned.poll_recv(context)).boxed())
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>, LogError> {
        let producer = self.producers.current();
        let ask = move || {
            let metadata = producer.client().fetch_metadata(None, METADATA_TIMEOUT);
            metadata.map_err(|error| failure::of_client(&error)).map(|metadata| {
                let topics = metadata.topics().iter().filter(|topic| !topic.name().starts_with("__"));
                let info = topics.map(|topic| {
                    let partitions = u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX);
                    (topic.name().to_owned(), partitions)
                });
                // By name.
                info.collect::<std::collections::BTreeMap<_, _>>()
            })
        };
        let found = tokio::task::spawn_blocking(ask).await;
        let found = found.map_err(|error| LogError::Unreachable(error.to_string().into()))??;
        Ok(found.into_iter().map(|(name, partitions)| TopicInfo { name: name.into(), partitions }).collect())
    }

    fn health(&self) -> Result<(), LogError> {
        self.health.get()
    }

    async fn close(&self) {
        let groups = std::mem::take(&mut *lock(&self.groups));
        let producers = self.producers.clone();
        let close = move || {
            for group in &groups {
                group.tell_to_stop();
            }
            let deadline = Instant::now() + LEAVE_TIMEOUT;
            groups.into_iter().for_each(|group| group.leave(deadline));
            producers.close();
        };
        // Leaving a group and flushing a producer block.
        let _ = tokio::task::spawn_blocking(close).await;
    }
}
