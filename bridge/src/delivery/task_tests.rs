use std::{collections::BTreeMap, collections::VecDeque, sync::Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::task::TaskTracker;

use super::*;
use crate::{log::stub::StubLog, stats::Stats};

/// A partition with one record that no JSON body can hold.
struct OneUnfit {
    at: TopicPartition,
    read: bool,
}

#[async_trait]
impl Feed for OneUnfit {
    fn at(&self) -> &TopicPartition {
        &self.at
    }

    async fn next(&mut self, _: ReadLimit) -> Result<Vec<Record>, LogError> {
        if std::mem::replace(&mut self.read, true) {
            return std::future::pending().await;
        }
        Ok(vec![Record {
            offset: 0,
            key: None,
            value: Some(Bytes::from_static(b"no json")),
            headers: Vec::new(),
            timestamp: 0,
            json: false,
        }])
    }

    fn commit(&self, _: u64) {}
}

/// What a task comes to within a minute whose error topic refuses so; and how many records it has skipped by then.
async fn with_error_topic(refusals: impl Into<VecDeque<LogError>>) -> (TaskState, u64) {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("sink.json");
    let file = serde_json::json!({ "name": "sink", "config": {
        "connector.class": crate::connector::CLASS, "topics": "t", "http.api.url": "http://127.0.0.1:1",
        "request.body.format": "json", "errors.tolerance": "all",
    }});
    std::fs::write(&path, file.to_string()).unwrap();
    let connector = Arc::new(crate::connector::read(&path, &BTreeMap::new()).unwrap());
    let receiver = Arc::new(Receiver::new(&connector).unwrap());
    let log = Arc::new(StubLog::Refusing(Mutex::new(refusals.into())));
    let delivery = Delivery {
        log: log.clone(),
        stats: Arc::new(Stats::new()),
        restart_pause: Duration::from_secs(3_600),
        tracker: TaskTracker::new(),
        stop: CancellationToken::new(),
        abandon: CancellationToken::new(),
    };
    let feed = OneUnfit { at: TopicPartition::new("t", 0), read: false };
    let task = Task::new(&delivery, &connector, &receiver, Box::new(feed), delivery.stop.clone());
    assert!(tokio::time::timeout(Duration::from_secs(60), task.run()).await.is_err());
    let text = delivery.stats.render(&*log);
    let line = text.lines().find(|line| line.starts_with("bridge_skipped_records_total{")).unwrap();
    let skipped = line.rsplit(' ').next().unwrap().parse().unwrap();
    (delivery.stats.tasks()[0].state(), skipped)
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_again_when_its_error_topic_has_taken_what_it_refused_at_first() {
    let busy = || LogError::Busy { queued: 1, limit: 1 };
    assert_eq!(with_error_topic([busy(), busy()]).await, (TaskState::Running, 1));
}

#[tokio::test(start_paused = true)]
async fn records_are_skipped_when_they_are_in_the_error_topic_and_not_before() {
    let (state, skipped) = with_error_topic([LogError::Denied("sink".into())]).await;
    assert!(
        matches!(&state, TaskState::Failed(reason) if reason.contains("error-sink refuses")),
        "{state:?}"
    );
    assert_eq!(skipped, 0);
}
