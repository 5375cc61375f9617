//! The task of one partition.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Delivery,
    attempt::{FailedAttempt, Receiver},
    backoff, body,
    error_topic::{Reason, error_record},
};
use crate::{
    connector::{ConnectorConfig, OnError, OnNull},
    log::{Feed, Log, LogError, NewRecord, ReadLimit, Record, TopicPartition},
    stats::{TaskState, TaskStats},
};

/// Most bytes of values in one request, unless a single record is larger. (Functions take bodies of at most
/// 4.5 MB.)
const BODY_BYTES: usize = 4_000_000;
/// Pause before the log is asked again when it did not answer.
const LOG_PAUSE: Duration = Duration::from_secs(1);

/// Delivers one partition for one connector.
pub(super) struct Task {
    log: Arc<dyn Log>,
    stats: Arc<TaskStats>,
    connector: Arc<ConnectorConfig>,
    receiver: Arc<Receiver>,
    feed: Box<dyn Feed>,
    at: TopicPartition,
    /// What was read and is not handled yet.
    batch: Vec<Record>,
    stop: CancellationToken,
    restart_pause: Duration,
}

/// Why the task does not go on.
enum End {
    Stopped,
    /// Nothing is skipped: the task goes on with the same batch.
    Failed(String),
}

impl Task {
    pub(super) fn new(
        delivery: &Delivery,
        connector: &Arc<ConnectorConfig>,
        receiver: &Arc<Receiver>,
        feed: Box<dyn Feed>,
        stop: CancellationToken,
    ) -> Self {
        let at = feed.at().clone();
        Self {
            log: delivery.log.clone(),
            stats: delivery.stats.task(&connector.name, &at),
            connector: connector.clone(),
            receiver: receiver.clone(),
            feed,
            at,
            batch: Vec::new(),
            stop,
            restart_pause: delivery.restart_pause,
        }
    }

    /// Delivers until the stop; a failed task is started again after a pause.
    pub(super) async fn run(mut self) {
        loop {
            self.stats.enter(TaskState::Running);
            match self.deliver().await {
                End::Stopped => break,
                End::Failed(reason) => {
                    tracing::error!(
                        connector = %self.connector.name, topic = %self.at.topic, partition = self.at.partition,
                        %reason, restart_in = ?self.restart_pause, "delivery task failed; nothing is skipped"
                    );
                    self.stats.enter(TaskState::Failed(reason));
                    if self.pause(self.restart_pause).await.is_err() {
                        break;
                    }
                }
            }
        }
        self.stats.enter(TaskState::Stopped);
    }

    async fn deliver(&mut self) -> End {
        let url = match self.connector.url_for(&self.at.topic) {
            Ok(url) => url,
            Err(error) => return End::Failed(format!("http.api.url: {error}")),
        };
        loop {
            if let Err(end) = self.step(&url).await {
                return end;
            }
        }
    }

    /// Waits for records and handles one batch of them.
    async fn step(&mut self, url: &Url) -> Result<(), End> {
        if self.batch.is_empty() {
            self.batch = self.next_batch().await?;
        }
        let Some(last) = self.batch.last().map(|record| record.offset) else { return Ok(()) };
        let fit = self.sort_out(&self.batch).await?;
        if !fit.is_empty() {
            self.hand_over(url, &fit).await?;
        }
        self.batch.clear();
        self.feed.commit(last + 1);
        self.stats.moved(last + 1);
        Ok(())
    }

    /// The next batch; empty when the log could not be read and has to be asked again.
    async fn next_batch(&mut self) -> Result<Vec<Record>, End> {
        let limit = ReadLimit { records: self.connector.batch_max, bytes: BODY_BYTES };
        let read = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(End::Stopped),
            read = self.feed.next(limit) => read,
        };
        match read {
            Ok(records) => {
                if let Some(first) = records.first() {
                    self.stats.moved(first.offset);
                }
                Ok(records)
            }
            Err(LogError::Closed) => Err(End::Stopped),
            Err(error) => {
                self.stats.enter(TaskState::Retrying(error.to_string()));
                self.pause(LOG_PAUSE).await?;
                self.stats.enter(TaskState::Running);
                Ok(Vec::new())
            }
        }
    }

    /// Takes out tombstones and records that no body can hold.
    async fn sort_out<'a>(&self, records: &'a [Record]) -> Result<Vec<&'a Record>, End> {
        let mut fit = Vec::with_capacity(records.len());
        let mut errors = Vec::new();
        for record in records {
            if record.value.is_none() {
                self.tombstone(record)?;
            } else if let Err(reason) = body::fits(&self.connector, record) {
                if !self.connector.tolerate_bad_records {
                    return Err(End::Failed(format!("record at offset {}: {reason}", record.offset)));
                }
                errors.push(error_record(&self.connector, &self.at, record, &Reason::Unfit(&reason)));
            } else {
                fit.push(record);
            }
        }
        self.set_aside(errors).await?;
        Ok(fit)
    }

    fn tombstone(&self, record: &Record) -> Result<(), End> {
        match self.connector.on_null {
            OnNull::Fail => {
                return Err(End::Failed(format!("record at offset {} has no value", record.offset)));
            }
            OnNull::Log => tracing::warn!(
                connector = %self.connector.name, topic = %self.at.topic, partition = self.at.partition,
                offset = record.offset, "record without a value skipped"
            ),
            OnNull::Ignore => {}
        }
        self.stats.skipped(1);
        Ok(())
    }

    /// Sends the records until they are taken, or until the connector's rules say what to do instead.
    async fn hand_over(&self, url: &Url, records: &[&Record]) -> Result<(), End> {
        let body = body::assemble(&self.connector, records);
        let mut delays = None;
        let mut attempt: u32 = 1;
        loop {
            // A request in flight is not cut off by the stop: its answer decides whether the offset moves.
            let failed = match self.receiver.send(url, body.clone()).await {
                Ok(()) => break,
                Err(failed) => failed,
            };
            let delays = delays.get_or_insert_with(|| backoff::delays(&self.connector));
            let Some(delay) = delays.next().filter(|_| failed.retry) else {
                self.give_up(records, &failed, attempt).await?;
                self.stats.enter(TaskState::Running);
                return Ok(());
            };
            let delay = backoff::at_least(delay, failed.retry_after);
            self.log_retry(records, &failed, attempt, delay);
            self.stats.retry();
            self.stats.enter(TaskState::Retrying(failed.reason));
            self.pause(delay).await?;
            attempt = attempt.saturating_add(1);
        }
        if attempt > 1 {
            self.stats.enter(TaskState::Running);
        }
        self.stats.delivered(records.len() as u64);
        Ok(())
    }

    async fn give_up(&self, records: &[&Record], failed: &FailedAttempt, attempts: u32) -> Result<(), End> {
        let reason = format!("{} after {attempts} attempts", failed.reason);
        match self.connector.on_error {
            OnError::Fail => return Err(End::Failed(reason)),
            OnError::Log => tracing::error!(
                connector = %self.connector.name, topic = %self.at.topic, partition = self.at.partition,
                offset = records.first().map(|record| record.offset), records = records.len(), %reason,
                error_topic = %self.connector.error_topic, "records could not be delivered"
            ),
            OnError::Ignore => {}
        }
        let reason = Reason::Refused(failed);
        let errors = records.iter().map(|record| error_record(&self.connector, &self.at, record, &reason));
        self.set_aside(errors.collect()).await
    }

    /// Stores records in the error topic. The offset moves on only when they are there.
    async fn set_aside(&self, mut errors: Vec<NewRecord>) -> Result<(), End> {
        let mut retried = false;
        while !errors.is_empty() {
            let count = errors.len();
            let results = self.log.append(&self.connector.error_topic, errors.clone()).await;
            let mut refusals = results.into_iter().map(Result::err);
            let mut why = None;
            errors.retain(|_| match refusals.next().unwrap_or(Some(LogError::Closed)) {
                None => false,
                Some(error) => {
                    why = Some(error);
                    true
                }
            });
            self.stats.skipped((count - errors.len()) as u64);
            let Some(error) = why else { continue };
            let reason = format!("the error topic {} refuses: {error}", self.connector.error_topic);
            if !error.passes() {
                return Err(End::Failed(reason));
            }
            self.stats.enter(TaskState::Retrying(reason));
            retried = true;
            self.pause(LOG_PAUSE).await?;
        }
        if retried {
            self.stats.enter(TaskState::Running);
        }
        Ok(())
    }

    fn log_retry(&self, records: &[&Record], failed: &FailedAttempt, attempt: u32, delay: Duration) {
        tracing::warn!(
            connector = %self.connector.name, topic = %self.at.topic, partition = self.at.partition,
            offset = records.first().map(|record| record.offset), records = records.len(), attempt,
            reason = %failed.reason, delay_ms = delay.as_millis(), "delivery will be tried again"
        );
    }

    async fn pause(&self, how_long: Duration) -> Result<(), End> {
        tokio::select! {
            () = self.stop.cancelled() => Err(End::Stopped),
            () = tokio::time::sleep(how_long) => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;
