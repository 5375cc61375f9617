//! A log for tests of its callers.

use std::{collections::VecDeque, sync::Mutex};

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::{Appended, Assignment, Log, LogError, NewRecord, TopicInfo, TopicPartition};
use crate::lock::lock;

/// A log that keeps nothing.
pub(crate) enum StubLog {
    /// It never gets done with an append.
    Stuck,
    /// It refuses one append after the other so, and takes those that come after.
    Refusing(Mutex<VecDeque<LogError>>),
}

#[async_trait]
impl Log for StubLog {
    async fn append(&self, _: &str, records: Vec<NewRecord>) -> Vec<Result<Appended, LogError>> {
        let Self::Refusing(refusals) = self else { return std::future::pending().await };
        let refusal = lock(refusals).pop_front();
        let stored = Appended { partition: 0, offset: 0, timestamp: 0 };
        records.iter().map(|_| refusal.clone().map_or(Ok(stored), Err)).collect()
    }

    fn end(&self, _: &TopicPartition) -> Option<u64> {
        None
    }

    fn subscribe(&self, _: &str, _: &[String]) -> Result<BoxStream<'static, Assignment>, LogError> {
        Err(LogError::Closed)
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>, LogError> {
        Ok(Vec::new())
    }

    fn health(&self) -> Result<(), LogError> {
        Ok(())
    }

    async fn close(&self) {}
}
