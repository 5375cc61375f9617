//! The log of one machine: one redb file, one writer thread.
//!
//! An append encodes its records where it is called and hands them to the writer. The writer takes everything that
//! waits, writes it with one commit (one fsync), then makes it readable and answers. A lone append pays one commit
//! and waits for nobody; appends that arrive meanwhile share the next commit. What was just written is read from
//! memory.

mod chunk;
mod commit;
mod feed;
mod jobs;
mod offsets;
mod plan;
mod retention;
mod settings;
mod shared;
mod tables;
mod topic;
mod writer;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc as std_mpsc,
    },
};

use async_trait::async_trait;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) use self::settings::EmbeddedSettings;
use self::{
    feed::EmbeddedFeed,
    jobs::{AppendJob, Job, Place, Segment},
    offsets::Offsets,
    shared::{OpenFile, Shared, Subscription},
    topic::Topic,
};
use super::{
    Appended, Assignment, Log, LogError, NewRecord, TopicInfo, TopicPartition, is_topic_name,
    reservation::Reservation,
};
use crate::{
    clock::Clock,
    lock::{lock, read_lock, write_lock},
};

/// The embedded log.
pub(crate) struct EmbeddedLog {
    shared: Arc<Shared>,
    jobs: std_mpsc::Sender<Job>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl EmbeddedLog {
    /// Opens or creates the log and starts its writer thread. Blocks while the file is opened, which takes longer
    /// after a crash. Fails among others when another process has the file open.
    pub(crate) fn open(settings: EmbeddedSettings, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        Self::open_with(settings, clock, Box::new(tables::open))
    }

    fn open_with(
        settings: EmbeddedSettings,
        clock: Arc<dyn Clock>,
        open: OpenFile,
    ) -> Result<Self, LogError> {
        let storage = |error: std::io::Error| LogError::Storage(error.to_string().into());
        if let Some(dir) = settings.path.parent() {
            let is_ours = |name: &std::ffi::OsStr| Some(name) == settings.path.file_name();
            if let Some(open) = private_files::folder(dir, is_ours).map_err(storage)? {
                tracing::warn!("{open}");
            }
        }
        let db = open(&settings.path)?;
        tables::prepare(&db)?;
        let topics: HashMap<_, _> = tables::topics(&db)?
            .into_iter()
            .map(|stored| (stored.name.clone(), Arc::new(Topic::new(stored))))
            .collect();
        let offsets = Offsets::new(tables::offsets(&db)?);
        let shared = Arc::new(Shared {
            settings,
            open,
            clock,
            db: RwLock::new(Some(db)),
            stored: AtomicU64::new(0),
            topics: RwLock::new(topics),
            offsets: Mutex::new(offsets),
            subscriptions: Mutex::default(),
            failure: Mutex::default(),
            queued: Arc::default(),
            commits: AtomicU64::new(0),
            closed: CancellationToken::new(),
        });
        shared.count_stored();
        let (jobs, inbox) = std_mpsc::channel();
        let writer = writer::Writer::new(shared.clone(), inbox);
        let thread =
            std::thread::Builder::new().name("bridge-log".into()).spawn(|| writer.run()).map_err(storage)?;
        Ok(Self { shared, jobs, writer: Mutex::new(Some(thread)) })
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, LogError>>) -> Job,
    ) -> Result<T, LogError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).map_err(|_| LogError::Closed)?;
        answer.await.map_err(|_| LogError::Closed)?
    }

    async fn topic_or_create(&self, name: &str) -> Result<Arc<Topic>, LogError> {
        if let Some(topic) = self.shared.topic(name) {
            return Ok(topic);
        }
        if !is_topic_name(name) {
            return Err(LogError::InvalidTopic(name.into()));
        }
        if !self.shared.settings.auto_create {
            return Err(LogError::UnknownTopic(name.into()));
        }
        let name: Arc<str> = name.into();
        self.ask(|reply| Job::CreateTopic { name, reply }).await
    }

    /// Takes room in the writer's queue.
    fn reserve(&self, bytes: usize) -> Result<Reservation, LogError> {
        let settings = &self.shared.settings;
        let stored = self.shared.stored.load(Ordering::Relaxed);
        if stored.saturating_add(bytes as u64) > settings.max_log_bytes {
            return Err(LogError::Full { stored, limit: settings.max_log_bytes });
        }
        Reservation::take(&self.shared.queued, bytes, settings.max_queued_bytes).ok_or_else(|| {
            LogError::Busy {
                queued: self.shared.queued.load(Ordering::Relaxed),
                limit: settings.max_queued_bytes,
            }
        })
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    async fn append(&self, topic: &str, records: Vec<NewRecord>) -> Vec<Result<Appended, LogError>> {
        let topic = match self.topic_or_create(topic).await {
            Ok(topic) => topic,
            Err(error) => return records.iter().map(|_| Err(error.clone())).collect(),
        };
        let (segments, placed) = jobs::encode(&topic, &records, self.shared.settings.max_record_bytes);
        let bases = match self.reserve(segments.iter().map(Segment::bytes).sum()) {
            // Every record was refused already.
            Ok(_) if segments.is_empty() => Ok(Vec::new()),
            Ok(room) => self.ask(|reply| Job::Append(AppendJob { topic, segments, room, reply })).await,
            Err(error) => Err(error),
        };
        let place = |(place, record): (Result<Place, LogError>, &NewRecord)| {
            let place = place?;
            let bases = bases.as_ref().map_err(Clone::clone)?;
            let base = bases.get(place.segment).copied().ok_or(LogError::Closed)?;
            Ok(Appended {
                partition: place.partition,
                offset: base + u64::from(place.index),
                timestamp: record.timestamp,
            })
        };
        placed.into_iter().zip(&records).map(place).collect()
    }

    fn end(&self, at: &TopicPartition) -> Option<u64> {
        let topic = self.shared.known(at).ok()?;
        topic.partition(at.partition).ok().map(|partition| *partition.end.borrow())
    }

    fn subscribe(&self, group: &str, topics: &[String]) -> Result<BoxStream<'static, Assignment>, LogError> {
        let (gained, mut announced) = mpsc::unbounded_channel();
        // The writer announces a new topic while it holds this lock: no topic is missed, none comes twice.
        let mut subscriptions = lock(&self.shared.subscriptions);
        let group: Arc<str> = group.into();
        let subscription = Subscription { group: group.clone(), topics: topics.to_vec(), gained };
        for topic in read_lock(&self.shared.topics).values() {
            Shared::announce(&subscription, topic);
        }
        subscriptions.push(subscription);
        let (shared, jobs) = (self.shared.clone(), self.jobs.clone());
        let feed = move |at| EmbeddedFeed::new(shared.clone(), jobs.clone(), group.clone(), at);
        let partitions = stream::poll_fn(move |context| announced.poll_recv(context));
        Ok(partitions.map(move |at| Assignment::Gained(Box::new(feed(at)))).boxed())
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>, LogError> {
        let topics = read_lock(&self.shared.topics);
        let mut infos: Vec<_> =
            topics.values().map(|t| TopicInfo { name: t.name.clone(), partitions: t.count() }).collect();
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(infos)
    }

    fn health(&self) -> Result<(), LogError> {
        if self.shared.closed.is_cancelled() {
            return Err(LogError::Closed);
        }
        lock(&self.shared.failure).clone().map_or(Ok(()), Err)
    }

    async fn close(&self) {
        let _ = self.ask(Job::Close).await;
        self.shared.closed.cancel();
        let thread = lock(&self.writer).take();
        if let Some(thread) = thread {
            // The writer ends right after its answer; joining makes sure that the file is closed.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        *write_lock(&self.shared.db) = None;
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
