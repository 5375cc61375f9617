//! The log: what lies between the front and the delivery.

pub mod embedded;
pub mod kafka;
mod partitioner;
mod record;
mod reservation;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

pub use partitioner::{murmur2, partition_of};
pub use record::{Appended, Header, NewRecord, Record, TopicPartition};

/// A durable, partitioned log.
///
/// [`embedded::EmbeddedLog`] is one file on one machine, [`kafka::KafkaLog`] a Kafka cluster.
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

/// Why the log refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The topic does not exist and topics are not created by producing to them.
    #[error("Topic {0} not present in metadata.")]
    UnknownTopic(Arc<str>),
    /// Kafka's rule for topic names is broken.
    #[error(
        "Invalid topic: {0:?}. A topic name has 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-', and is \
         neither \".\" nor \"..\"."
    )]
    InvalidTopic(Arc<str>),
    /// No more topics may be created.
    #[error("topic {topic} cannot be created: there are {limit} topics, the limit max_topics")]
    TooManyTopics {
        /// The topic.
        topic: Arc<str>,
        /// The limit.
        limit: usize,
    },
    /// The topic has no such partition.
    #[error("Partition {partition} of topic {topic} cannot be found; it has {partitions} partitions.")]
    UnknownPartition {
        /// The topic.
        topic: Arc<str>,
        /// The partition asked for.
        partition: i64,
        /// How many there are.
        partitions: u32,
    },
    /// The record is above the size limit.
    #[error("the record has {size} bytes, more than the limit max_record_bytes of {limit}")]
    TooLarge {
        /// Key, value and headers together, in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Too much is waiting to be written right now; the same record will be taken a moment later.
    #[error("{queued} bytes are waiting to be written, the limit max_queued_bytes is {limit}; try again")]
    Busy {
        /// Bytes waiting.
        queued: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The log is full until deliveries let retention trim it.
    #[error(
        "the log holds {stored} bytes, the limit max_log_bytes is {limit}; records leave it after delivery"
    )]
    Full {
        /// Bytes kept.
        stored: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The disk failed; the log tries to come back by itself.
    #[error("the log's storage failed: {0}")]
    Storage(Arc<str>),
    /// The cluster did not answer, or did not take the record in time; the same record may be taken later.
    #[error("Kafka did not take it: {0}")]
    Unreachable(Arc<str>),
    /// The cluster does not accept our credentials.
    #[error("Kafka does not accept the bridge's credentials: {0}")]
    Unauthenticated(Arc<str>),
    /// The cluster does not allow it.
    #[error("Kafka does not allow it: {0}")]
    Denied(Arc<str>),
    /// The cluster's rules forbid this record or topic.
    #[error("Kafka refuses it: {0}")]
    Refused(Arc<str>),
    /// The log cannot be used as it is set up.
    #[error("the settings for Kafka are not right: {0}")]
    Settings(Arc<str>),
    /// The log is shut down.
    #[error("the log is closed")]
    Closed,
}
