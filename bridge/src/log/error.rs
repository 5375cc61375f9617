//! Why a log refuses.

use std::sync::Arc;

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

impl LogError {
    /// Whether the same record may be taken later without anybody repairing something.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::Full { .. }
            | Self::Storage(_)
            | Self::Unreachable(_)
            | Self::Closed => true,
            Self::UnknownTopic(_)
            | Self::InvalidTopic(_)
            | Self::TooManyTopics { .. }
            | Self::UnknownPartition { .. }
            | Self::TooLarge { .. }
            | Self::Unauthenticated(_)
            | Self::Denied(_)
            | Self::Refused(_)
            | Self::Settings(_) => false,
        }
    }
}
