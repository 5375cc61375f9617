//! Records on their way in and out of a log.

use std::{fmt, sync::Arc};

use bytes::Bytes;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number, from 0.
    pub partition: u32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    #[must_use]
    pub fn new(topic: impl Into<Arc<str>>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A record header, as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name; may occur more than once.
    pub name: String,
    /// Its value.
    pub value: Option<Bytes>,
}

/// A record to append.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// The partition; `None`: the key selects it, or the next in turn when there is no key.
    pub partition: Option<u32>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Vec<Header>,
    /// Milliseconds since the epoch, as the producer or the front says.
    pub timestamp: i64,
    /// The value is known to be one JSON text, so nobody needs to check it again.
    pub json: bool,
}

impl NewRecord {
    /// What the size limit counts: key, value and headers, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let bytes = |of: &Option<Bytes>| of.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|h| h.name.len() + bytes(&h.value)).sum();
        bytes(&self.key) + bytes(&self.value) + headers
    }
}

/// A record that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in its partition.
    pub offset: u64,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Vec<Header>,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// The value is known to be one JSON text.
    pub json: bool,
}

impl Record {
    /// What limits on reading count: key and value, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len)
    }
}

/// Where a record went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The partition.
    pub partition: u32,
    /// The offset in it.
    pub offset: u64,
    /// The record's timestamp, in milliseconds since the epoch.
    pub timestamp: i64,
}
