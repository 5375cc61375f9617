//! Membership in a consumer group: a thread that serves librdkafka's calls, and feeds for the partitions that the
//! group gives us.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message as _, Statistics, TopicPartitionList,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance},
    error::{KafkaError, KafkaResult},
};
use tokio::{runtime::Handle, sync::mpsc::UnboundedSender};

use super::{
    KafkaSettings,
    admin::Admin,
    context::{self, Ends},
    failure,
    feed::KafkaFeed,
    holdings::Holdings,
};
use crate::log::{Assignment, LogError, TopicPartition};

/// A partition that goes to another member is waited for so long: until the request in flight has its answer.
const HAND_OVER: Duration = Duration::from_secs(10);
/// How often the thread looks whether it shall stop; events come at once.
const POLL: Duration = Duration::from_millis(200);
/// Pause before something that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// A member of a group.
pub(super) struct Group {
    name: Box<str>,
    stop: Arc<AtomicBool>,
    thread: Thread,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

impl Group {
    /// Joins `group`; assignments arrive on `changes`.
    pub(super) fn join(
        group: &str,
        topics: &[String],
        settings: &KafkaSettings,
        admin: Arc<Admin>,
        ends: Arc<Ends>,
        changes: UnboundedSender<Assignment>,
    ) -> Result<Self, LogError> {
        let stop = Arc::new(AtomicBool::new(false));
        let member = Member {
            group: group.into(),
            topics: topics.to_vec(),
            client: settings.member(group),
            admin: settings.auto_create.then_some(admin),
            holdings: Arc::default(),
            ends,
            changes,
            stop: stop.clone(),
            runtime: Handle::current(),
        };
        // Wrong settings are told at once.
        let consumer = member.consumer()?;
        let (ends_with_thread, ended) = channel::<()>();
        let thread = std::thread::Builder::new()
            .name(format!("group-{group}"))
            .spawn(move || {
                let _ends = ends_with_thread;
                member.run(consumer);
            })
            .map_err(|error| LogError::Storage(error.to_string().into()))?;
        Ok(Self { name: group.into(), stop, thread: thread.thread().clone(), ended })
    }

    /// Begins to leave.
    pub(super) fn tell_to_stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// Leaves: commits what was handled and gives the partitions back. Blocks, until `deadline` at most: without its
    /// cluster, librdkafka waits for it as long as that takes.
    pub(super) fn leave(self, deadline: Instant) {
        self.tell_to_stop();
        let left = deadline.saturating_duration_since(Instant::now());
        if self.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!(group = %self.name, "the group could not be left in time: Kafka does not answer");
        }
    }
}

struct Member {
    group: Arc<str>,
    topics: Vec<String>,
    client: rdkafka::ClientConfig,
    /// Creates the topics, when that is allowed.
    admin: Option<Arc<Admin>>,
    holdings: Arc<Holdings>,
    ends: Arc<Ends>,
    changes: UnboundedSender<Assignment>,
    stop: Arc<AtomicBool>,
    runtime: Handle,
}

impl Member {
    fn consumer(&self) -> Result<Arc<BaseConsumer<MemberEvents>>, LogError> {
        let events = MemberEvents {
            group: self.group.clone(),
            changes: self.changes.clone(),
            holdings: self.holdings.clone(),
            ends: self.ends.clone(),
            consumer: OnceLock::new(),
        };
        let consumer = BaseConsumer::from_config_and_context(&self.client, events)
            .map_err(|error| failure::of_settings(&error))?;
        let consumer = Arc::new(consumer);
        // The first and only time.
        let _ = consumer.context().consumer.set(Arc::downgrade(&consumer));
        Ok(consumer)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Is a member until the stop; a consumer that failed for good is replaced.
    fn run(self, first: Arc<BaseConsumer<MemberEvents>>) {
        self.create_topics();
        let mut consumer = Some(first);
        while !self.stopped() {
            let Some(current) = consumer.take().or_else(|| self.another()) else { continue };
            if let Err(reason) = self.serve(&current) {
                tracing::error!(group = %self.group, reason, "the member failed and joins again");
            }
            self.let_go();
            drop(current);
        }
        self.let_go();
        // The last handle of the first consumer, if it was never served.
        drop(consumer);
    }

    fn another(&self) -> Option<Arc<BaseConsumer<MemberEvents>>> {
        std::thread::park_timeout(PAUSE);
        let consumer = self.consumer();
        consumer.inspect_err(|error| tracing::error!(group = %self.group, %error, "no new member")).ok()
    }

    /// Makes sure that the topics exist, however long the cluster is away.
    fn create_topics(&self) {
        let Some(admin) = &self.admin else { return };
        while !self.stopped() {
            match self.runtime.block_on(admin.create(&self.topics)) {
                Ok(()) => return,
                Err(error @ (LogError::Denied(_) | LogError::Refused(_))) => {
                    // They may exist all the same; a consumer says so when they do not.
                    tracing::warn!(group = %self.group, %error, "topics cannot be created");
                    return;
                }
                Err(error) => tracing::warn!(group = %self.group, %error, "topics cannot be created yet"),
            }
            std::thread::park_timeout(PAUSE);
        }
    }

    /// Serves librdkafka's calls until the stop; the reason when it cannot go on.
    fn serve(&self, consumer: &Arc<BaseConsumer<MemberEvents>>) -> Result<(), String> {
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(|error| error.to_string())?;
        while !self.stopped() {
            match consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    // Its feed would go on behind it. librdkafka does not do that once the partition's queue is
                    // taken (`RD_KAFKA_Q_F_FWD_APP`).
                    let (topic, partition) = (message.topic(), message.partition());
                    return Err(format!("a record of {topic}-{partition} came outside of its queue"));
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(error.to_string()),
                Some(Err(error)) => tracing::warn!(group = %self.group, %error, "the member has trouble"),
            }
        }
        Ok(())
    }

    /// Takes the partitions back from their readers, so that the last handle of the consumer is ours: closing it
    /// blocks.
    fn let_go(&self) {
        let held = self.holdings.all();
        for at in &held {
            let _ = self.changes.send(Assignment::Lost(at.clone()));
        }
        if !self.holdings.wait_until_free(&held, HAND_OVER) {
            tracing::warn!(group = %self.group, "partitions were still read when the group was left");
        }
    }
}

/// What librdkafka tells a member.
pub(super) struct MemberEvents {
    group: Arc<str>,
    changes: UnboundedSender<Assignment>,
    holdings: Arc<Holdings>,
    ends: Arc<Ends>,
    consumer: OnceLock<Weak<BaseConsumer<Self>>>,
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
