//! What librdkafka tells a member of a group: above all which partitions come and go.

use std::sync::{Arc, OnceLock, Weak};

use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext, Rebalance},
    error::{KafkaError, KafkaResult},
};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    context::{self, Ends},
    feed::KafkaFeed,
    holdings::{HAND_OVER, Holdings},
};
use crate::log::{Assignment, TopicPartition};

/// What librdkafka tells a member.
pub(super) struct MemberEvents {
    group: Arc<str>,
    changes: UnboundedSender<Assignment>,
    holdings: Arc<Holdings>,
    ends: Arc<Ends>,
    consumer: OnceLock<Weak<BaseConsumer<Self>>>,
}

impl MemberEvents {
    pub(super) fn new(
        group: Arc<str>,
        changes: UnboundedSender<Assignment>,
        holdings: Arc<Holdings>,
        ends: Arc<Ends>,
    ) -> Self {
        Self { group, changes, holdings, ends, consumer: OnceLock::new() }
    }

    /// Says whose events these are, before there are any.
    pub(super) fn belong_to(&self, consumer: &Arc<BaseConsumer<Self>>) {
        // The first and only time.
        let _ = self.consumer.set(Arc::downgrade(consumer));
    }
}

impl ClientContext for MemberEvents {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        context::log(level, facility, text);
    }

    fn stats(&self, statistics: Statistics) {
        self.ends.observe(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(group = %self.group, %error, reason, "the member has trouble");
    }
}

impl ConsumerContext for MemberEvents {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => self.gain(&listed(partitions)),
            Rebalance::Revoke(partitions) => self.lose(&listed(partitions)),
            Rebalance::Error(error) => tracing::warn!(group = %self.group, %error, "the group has trouble"),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            // Records come again, none is skipped.
            tracing::warn!(group = %self.group, %error, "offsets could not be committed");
        }
    }
}

impl MemberEvents {
    fn gain(&self, partitions: &[TopicPartition]) {
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else { return };
        for at in partitions {
            tracing::info!(group = %self.group, partition = %at, "partition gained");
            let hold = self.holdings.hold(at.clone());
            match KafkaFeed::new(consumer.clone(), self.ends.clone(), at.clone(), hold) {
                // A receiver that is gone has stopped delivering; the partition is let go with the feed.
                Some(feed) => drop(self.changes.send(Assignment::Gained(Box::new(feed)))),
                None => tracing::error!(partition = %at, "the partition has no queue"),
            }
        }
    }

    /// Blocks until the readers are done, so that what they handled is committed before another begins.
    fn lose(&self, partitions: &[TopicPartition]) {
        for at in partitions {
            tracing::info!(group = %self.group, partition = %at, "partition lost");
            let _ = self.changes.send(Assignment::Lost(at.clone()));
        }
        if !self.holdings.wait_until_free(partitions, HAND_OVER) {
            tracing::warn!(group = %self.group, "a request is still in flight; its records may come twice");
        }
    }
}

fn listed(partitions: &TopicPartitionList) -> Vec<TopicPartition> {
    let listed = partitions.elements();
    let at = listed.iter().filter_map(|element| {
        Some(TopicPartition::new(element.topic(), u32::try_from(element.partition()).ok()?))
    });
    at.collect()
}
