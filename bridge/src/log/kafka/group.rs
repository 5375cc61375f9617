//! Membership in a consumer group: a thread that serves librdkafka's calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};
use tokio::{runtime::Handle, sync::mpsc::UnboundedSender};

use super::{
    KafkaSettings,
    admin::Admin,
    context::Ends,
    failure,
    holdings::{HAND_OVER, Holdings},
    member_events::MemberEvents,
};
use crate::log::{Assignment, LogError};

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
        let events = MemberEvents::new(
            self.group.clone(),
            self.changes.clone(),
            self.holdings.clone(),
            self.ends.clone(),
        );
        let consumer = BaseConsumer::from_config_and_context(&self.client, events)
            .map_err(|error| failure::of_settings(&error))?;
        let consumer = Arc::new(consumer);
        consumer.context().belong_to(&consumer);
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
