//! What librdkafka tells from its threads: logs, errors, statistics.

use std::{collections::HashMap, sync::Mutex};

use rdkafka::{config::RDKafkaLogLevel, statistics::Statistics};

use crate::{
    lock::lock,
    log::{LogError, TopicPartition},
};

/// librdkafka's log lines, as ours. What it calls an error passes by itself as soon as the cluster is back.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{text}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", facility, "{text}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{text}"),
    }
}

/// Whether a broker answers.
#[derive(Debug, Default)]
pub(super) struct Health {
    trouble: Mutex<Option<LogError>>,
}

impl Health {
    pub(super) fn get(&self) -> Result<(), LogError> {
        lock(&self.trouble).clone().map_or(Ok(()), Err)
    }

    /// Notes a trouble. A cluster that refuses our credentials counts as away too, which says less.
    pub(super) fn broken(&self, error: LogError) {
        let mut trouble = lock(&self.trouble);
        if !matches!((&*trouble, &error), (Some(LogError::Unauthenticated(_)), LogError::Unreachable(_))) {
            *trouble = Some(error);
        }
    }

    pub(super) fn well(&self) {
        *lock(&self.trouble) = None;
    }

    /// Believes the states of the connections.
    pub(super) fn observe(&self, statistics: &Statistics) {
        let mut known = statistics.brokers.values().filter(|broker| broker.source != "internal");
        if known.any(|broker| broker.state == "UP") {
            self.well();
        } else {
            self.broken(LogError::Unreachable("no broker answers".into()));
        }
    }
}

/// Where partitions end, as far as it is known here.
#[derive(Debug, Default)]
pub(super) struct Ends {
    ends: Mutex<HashMap<TopicPartition, u64>>,
}

impl Ends {
    pub(super) fn get(&self, at: &TopicPartition) -> Option<u64> {
        lock(&self.ends).get(at).copied()
    }

    /// The partition has records up to `end`.
    pub(super) fn reached(&self, at: &TopicPartition, end: u64) {
        let mut ends = lock(&self.ends);
        match ends.get_mut(at) {
            Some(known) => *known = end.max(*known),
            None => drop(ends.insert(at.clone(), end)),
        }
    }

    pub(super) fn observe(&self, statistics: &Statistics) {
        for topic in statistics.topics.values() {
            for partition in topic.partitions.values() {
                // Negative numbers stand for "not known".
                if let (Ok(number), Ok(end)) =
                    (u32::try_from(partition.partition), u64::try_from(partition.hi_offset))
                {
                    self.reached(&TopicPartition::new(topic.topic.as_str(), number), end);
                }
            }
        }
    }
}
