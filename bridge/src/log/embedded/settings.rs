//! How an embedded log is set up.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How the embedded log behaves.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// The file; its folder is created when missing.
    pub path: PathBuf,
    /// Partitions of a topic that is created by producing to it; at least 1.
    pub partitions: u32,
    /// Whether producing to an unknown topic creates it.
    pub auto_create: bool,
    /// Largest record (key, value and headers) in bytes.
    pub max_record_bytes: usize,
    /// Bytes that may wait for the writer.
    pub max_queued_bytes: usize,
    /// Bytes that may be kept on disk.
    pub max_log_bytes: u64,
    /// Most topics there may be.
    pub max_topics: usize,
    /// Records that every subscribed group has handled are removed when they are older than this.
    pub retention: Duration,
    /// Recent records kept in memory, in bytes a partition.
    pub tail_bytes: usize,
    /// Longest time that a committed offset waits to become durable.
    pub offset_flush: Duration,
}

impl EmbeddedSettings {
    /// The defaults, with the file in `dir`.
    #[must_use]
    pub fn in_dir(dir: &Path) -> Self {
        Self {
            path: dir.join("log.redb"),
            partitions: 4,
            auto_create: true,
            max_record_bytes: 1 << 20,
            max_queued_bytes: 64 << 20,
            max_log_bytes: 8 << 30,
            max_topics: 1_000,
            retention: Duration::from_secs(24 * 3_600),
            tail_bytes: 4 << 20,
            offset_flush: Duration::from_millis(200),
        }
    }
}
