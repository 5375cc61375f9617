//! The log: what lies between the front and the delivery.

pub(crate) mod embedded;
mod error;
pub(crate) mod kafka;
mod partitioner;
mod record;
mod reservation;
#[cfg(test)]
pub(crate) mod stub;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

pub use error::LogError;
pub use partitioner::partition_of;
pub use record::{Appended, Header, NewRecord, Record, TopicPartition};

/// A durable, partitioned log.
///
/// `EmbeddedLog` is one file on one machine, `KafkaLog` a Kafka cluster.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Appends `records` to `topic`, each to the partition it names, or to the one its key selects; creates the
    /// topic when that is allowed. One result a record, in order, given when the record is durable. Records of one
    /// partition keep their order.
    async fn append(&self, topic: &str, records: Vec<NewRecord>) -> Vec<Result<Appended, LogError>>;

    /// The offset the next record of the partition will get, as far as it is known; `None` when it is not.
    fn end(&self, at: &TopicPartition) -> Option<u64>;

    /// Joins `group` for `topics`: the partitions that the caller shall deliver arrive one after the other, at once
    /// or when they come to be. (A Kafka gives and takes partitions as members come and go.) Dropping the stream
    /// and its feeds leaves the group.
    ///
    /// # Errors
    /// When the group cannot be joined.
    fn subscribe(&self, group: &str, topics: &[String]) -> Result<BoxStream<'static, Assignment>, LogError>;

    /// The topics and their numbers of partitions, by name.
    ///
    /// # Errors
    /// When the log cannot tell.
    async fn topics(&self) -> Result<Vec<TopicInfo>, LogError>;

    /// Whether records can be appended now; the reason when not.
    ///
    /// # Errors
    /// The reason.
    fn health(&self) -> Result<(), LogError>;

    /// Makes everything durable and refuses further appends.
    async fn close(&self);
}

/// The records of one partition, in order, as one group reads them. Begins where the group has got to.
#[async_trait]
pub trait Feed: Send + Sync + 'static {
    /// The partition.
    fn at(&self) -> &TopicPartition;

    /// The next records, each once: at least one, at most `limit.records`, and no more than `limit.bytes` unless
    /// the first alone is larger. Waits until there are some. Nothing is lost when the call is cancelled.
    ///
    /// # Errors
    /// When the log cannot be read now, or (`Closed`) not any more.
    async fn next(&mut self, limit: ReadLimit) -> Result<Vec<Record>, LogError>;

    /// Notes that the group has handled everything before `next`. Becomes durable soon, at no cost to the caller:
    /// a crash before that makes records come again, never skips one.
    fn commit(&self, next: u64);
}

/// Kafka's rule for topic names.
fn is_topic_name(name: &str) -> bool {
    let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(legal) && name != "." && name != ".."
}

/// How much one read may return.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimit {
    /// Records.
    pub records: usize,
    /// Bytes of keys and values together.
    pub bytes: usize,
}

/// A change in what a subscriber has to deliver.
pub enum Assignment {
    /// Deliver this partition.
    Gained(Box<dyn Feed>),
    /// Someone else delivers it from now on: finish what is in flight, commit, and drop its feed.
    Lost(TopicPartition),
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it has.
    pub partitions: u32,
}
