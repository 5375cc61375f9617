//! The writer thread: takes all that waits, commits it at once, makes it readable, answers.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    Shared,
    commit::{commit, insert_topic, reopen},
    jobs::{AppendJob, Job, Reply, Segment},
    plan::plan,
    retention,
    tables::{Extent, StoredTopic},
    topic::Topic,
};
use crate::{
    lock::{lock, read_lock, write_lock},
    log::LogError,
};

/// One commit takes at most about this much: readers and callers get their turn.
const COMMIT_BYTES: usize = 8 << 20;
/// Pause between two attempts to reopen a file that failed.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// The thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    flush_due: Option<Instant>,
    trim_due: Instant,
    /// Set while the storage is failed.
    reopen_due: Option<Instant>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, jobs: Receiver<Job>) -> Self {
        let trim_due = Instant::now() + retention::pause(&shared.settings, false);
        Self { shared, jobs, flush_due: None, trim_due, reopen_due: None }
    }

    /// Works until it is closed or nobody can ask for anything any more.
    pub(super) fn run(mut self) {
        loop {
            let due =
                [self.flush_due, self.reopen_due].into_iter().flatten().fold(self.trim_due, Instant::min);
            match self.jobs.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(job) => {
                    if self.work_through(job) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let outcome = commit(&self.shared, &[], &[]);
                    self.note(outcome.as_ref().err());
                    return;
                }
            }
            self.do_what_is_due();
        }
    }

    /// Does `first` and all that waits behind it; `true`: it was closed.
    fn work_through(&mut self, first: Job) -> bool {
        let (mut appends, mut bytes) = (Vec::new(), 0);
        let (mut next, mut alone) = (Some(first), None);
        while let Some(job) = next.take() {
            match job {
                Job::Append(job) => {
                    bytes += job.segments.iter().map(Segment::bytes).sum::<usize>();
                    appends.push(job);
                }
                Job::OffsetsDirty => {
                    let due = Instant::now() + self.shared.settings.offset_flush;
                    self.flush_due.get_or_insert(due);
                }
                // Rare jobs: they don't share a commit.
                other => {
                    alone = Some(other);
                    break;
                }
            }
            if bytes < COMMIT_BYTES {
                next = self.jobs.try_recv().ok();
            }
        }
        if !appends.is_empty() {
            self.append(appends);
        }
        match alone {
            Some(Job::CreateTopic { name, reply }) => self.answer(reply, |w| w.create_topic(name)),
            Some(Job::Close(reply)) => {
                self.answer(reply, |w| commit(&w.shared, &[], &[]));
                return true;
            }
            _ => {}
        }
        false
    }

    fn answer<T>(&mut self, reply: Reply<T>, work: impl FnOnce(&Self) -> Result<T, LogError>) {
        let outcome = self.ready().and_then(|()| work(self));
        self.note(outcome.as_ref().err());
        // A caller that went away needs no answer.
        let _ = reply.send(outcome);
    }

    fn append(&mut self, appends: Vec<AppendJob>) {
        let outcome = self.ready().and_then(|()| {
            let (plan, bases) = plan(&appends, self.shared.clock.now_millis());
            commit(&self.shared, &plan, &[])?;
            for planned in plan {
                let bytes: usize = planned.chunks.iter().map(|chunk| chunk.stored().len()).sum();
                self.shared.stored.fetch_add(bytes as u64, Ordering::Relaxed);
                let partition = planned.topic.partition(planned.partition)?;
                partition.publish(planned.chunks, self.shared.settings.tail_bytes);
            }
            Ok(bases)
        });
        self.note(outcome.as_ref().err());
        match outcome {
            Ok(bases) => {
                for (AppendJob { room, reply, .. }, bases) in appends.into_iter().zip(bases) {
                    drop(room);
                    let _ = reply.send(Ok(bases));
                }
            }
            Err(error) => {
                for AppendJob { reply, .. } in appends {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        if self.reopen_due.is_some_and(|due| due <= now) && self.ready().is_err() {
            return;
        }
        if self.flush_due.is_some_and(|due| due <= now) {
            let dirty = lock(&self.shared.offsets).timer_fired();
            if dirty {
                let outcome = self.ready().and_then(|()| commit(&self.shared, &[], &[]));
                self.note(outcome.as_ref().err());
            }
            self.flush_due = dirty.then(|| Instant::now() + self.shared.settings.offset_flush);
        }
        if self.trim_due <= now {
            let outcome = self.ready().and_then(|()| retention::trim(&self.shared));
            self.note(outcome.as_ref().err());
            self.trim_due = Instant::now() + retention::pause(&self.shared.settings, outcome == Ok(true));
        }
    }

    /// Whether the storage works; reopens it when it failed and the pause is over.
    fn ready(&mut self) -> Result<(), LogError> {
        let Some(failure) = lock(&self.shared.failure).clone() else { return Ok(()) };
        if self.reopen_due.is_some_and(|due| due > Instant::now()) {
            return Err(failure);
        }
        match reopen(&self.shared) {
            Ok(()) => {
                tracing::info!("the log's storage works again");
                *lock(&self.shared.failure) = None;
                self.reopen_due = None;
                Ok(())
            }
            Err(error) => {
                self.note(Some(&error));
                Err(error)
            }
        }
    }

    /// Notes a storage failure: the file has to be opened again before it can be used.
    fn note(&mut self, error: Option<&LogError>) {
        let Some(error @ LogError::Storage(_)) = error else { return };
        let mut failure = lock(&self.shared.failure);
        if failure.replace(error.clone()).is_none() {
            tracing::error!(%error, "the log's storage failed; records are refused until it works again");
        }
        let now = Instant::now();
        if self.reopen_due.is_none_or(|due| due <= now) {
            self.reopen_due = Some(now + REOPEN_PAUSE);
        }
    }

    fn create_topic(&self, name: Arc<str>) -> Result<Arc<Topic>, LogError> {
        if let Some(topic) = self.shared.topic(&name) {
            return Ok(topic);
        }
        let (count, highest) = {
            let topics = read_lock(&self.shared.topics);
            (topics.len(), topics.values().map(|topic| topic.id).max().unwrap_or(0))
        };
        let limit = self.shared.settings.max_topics;
        if count >= limit {
            return Err(LogError::TooManyTopics { topic: name, limit });
        }
        let (id, partitions) = (highest + 1, self.shared.settings.partitions.max(1));
        insert_topic(&self.shared, &name, id, partitions)?;
        let partitions = vec![Extent::default(); partitions as usize];
        let topic = Arc::new(Topic::new(StoredTopic { name: name.clone(), id, partitions }));
        tracing::info!(topic = %name, partitions = topic.count(), "topic created");
        let subscriptions = lock(&self.shared.subscriptions);
        write_lock(&self.shared.topics).insert(name, topic.clone());
        for subscription in subscriptions.iter() {
            Shared::announce(subscription, &topic);
        }
        Ok(topic)
    }
}
