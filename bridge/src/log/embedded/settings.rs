//! How an embedded log is set up.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How the embedded log behaves.
#[derive(Debug, Clone)]
pub(crate) struct EmbeddedSettings {
    /// The file; its folder is created when missing.
    pub(crate) path: PathBuf,
    /// Partitions of a topic that is created by producing to it; at least 1.
    pub(crate) partitions: u32,
    /// Whether producing to an unknown topic creates it.
    pub(crate) auto_create: bool,
    /// Largest record (key, value and headers) in bytes.
    pub(crate) max_record_bytes: usize,
    /// Bytes that may wait for the writer.
    pub(crate) max_queued_bytes: usize,
    /// Bytes that may be kept on disk.
    pub(crate) max_log_bytes: u64,
    /// Most topics there may be.
    pub(crate) max_topics: usize,
    /// Records that every subscribed group has handled are removed when they are older than this.
    pub(crate) retention: Duration,
    /// Recent records kept in memory, in bytes a partition.
    pub(crate) tail_bytes: usize,
    /// Longest time that a committed offset waits to become durable.
    pub(crate) offset_flush: Duration,
}

impl EmbeddedSettings {
    /// The defaults, with the file in `dir`.
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self {
            path: dir.join("log.redb"),
            partitions: 4,
            auto_create: true,
            max_record_bytes: 2 << 20,
            max_queued_bytes: 64 << 20,
            max_log_bytes: 8 << 30,
            max_topics: 1_000,
            retention: Duration::from_secs(24 * 3_600),
            tail_bytes: 4 << 20,
            offset_flush: Duration::from_millis(200),
        }
    }
}
