//! Delivery reports as v3 writes them.

use std::io::Write;

use chrono::{DateTime, SecondsFormat};

use super::wire::{Format, Parsed};
use crate::log::Appended;

/// The fields of a report that come from the record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    key: Option<(Format, usize)>,
    value: Option<(Format, usize)>,
}

impl Sizes {
    pub(super) fn of(parsed: &Parsed) -> Self {
        let size = |format: Option<Format>, bytes: Option<&bytes::Bytes>| Some((format?, bytes?.len()));
        Self {
            key: size(parsed.key, parsed.record.key.as_ref()),
            value: size(parsed.value, parsed.record.value.as_ref()),
        }
    }
}

/// Writes reports of one cluster and topic.
pub(super) struct Reporter {
    cluster: String,
    topic: String,
    /// Records of one request mostly share their timestamp.
    timestamp: (i64, String),
}

impl Reporter {
    pub(super) fn new(cluster: &str, topic: &str) -> Self {
        // Ids are quoted once: they are the same in every report.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        Self { cluster: quoted(cluster), topic: quoted(topic), timestamp: (0, rfc3339(0)) }
    }

    /// Appends the fields from `cluster_id` on, and the closing bracket.
    pub(super) fn write_stored(&mut self, to: &mut Vec<u8>, appended: &Appended, sizes: Sizes) {
        if self.timestamp.0 != appended.timestamp {
            self.timestamp = (appended.timestamp, rfc3339(appended.timestamp));
        }
        let (cluster, topic, timestamp) = (&self.cluster, &self.topic, &self.timestamp.1);
        let Appended { partition, offset, .. } = appended;
        // Writing into memory cannot fail.
        let _ = write!(
            to,
            "\"cluster_id\":{cluster},\"topic_name\":{topic},\"partition_id\":{partition},\"offset\":{offset},\
             \"timestamp\":\"{timestamp}\",\"key\":"
        );
        write_size(to, sizes.key);
        to.extend_from_slice(b",\"value\":");
        write_size(to, sizes.value);
        to.push(b'}');
    }
}

fn write_size(to: &mut Vec<u8>, size: Option<(Format, usize)>) {
    let _ = match size {
        Some((format, size)) => write!(to, "{{\"type\":\"{}\",\"size\":{size}}}", format.as_str()),
        None => write!(to, "null"),
    };
}

fn rfc3339(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
