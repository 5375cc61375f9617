//! Delivery: for every connector and partition one task that reads records in order and POSTs them, one request
//! in flight, and moves the offset after the receiver's 2xx.

mod attempt;
mod backoff;
mod body;
mod error_topic;
mod task;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{attempt::Receiver, task::Task};
use crate::{
    connector::ConnectorConfig,
    log::{Assignment, Log, LogError, TopicPartition},
    stats::Stats,
};

/// What delivery needs.
#[derive(Clone)]
pub(crate) struct Delivery {
    /// Where records come from.
    pub(crate) log: Arc<dyn Log>,
    /// Where is counted.
    pub(crate) stats: Arc<Stats>,
    /// How long a failed task rests.
    pub(crate) restart_pause: Duration,
    /// Tasks run here.
    pub(crate) tracker: TaskTracker,
    /// No new request is made after it.
    pub(crate) stop: CancellationToken,
    /// Requests in flight are given up with it: their records come again.
    pub(crate) abandon: CancellationToken,
}

/// Why a connector cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Its HTTP client cannot be built.
    #[error("the HTTP client of connector {connector} cannot be built")]
    Client {
        /// The connector's name.
        connector: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Its group cannot be joined.
    #[error("connector {connector} cannot read its topics")]
    Subscribe {
        /// The connector's name.
        connector: String,
        /// Why.
        #[source]
        source: LogError,
    },
}

impl Delivery {
    /// Delivers the topics of `connector` until the stop.
    pub(crate) fn start(&self, connector: ConnectorConfig) -> Result<(), DeliveryError> {
        let receiver = Receiver::new(&connector)
            .map_err(|source| DeliveryError::Client { connector: connector.name.clone(), source })?;
        let mut assignments = self
            .log
            .subscribe(&connector.name, &connector.topics)
            .map_err(|source| DeliveryError::Subscribe { connector: connector.name.clone(), source })?;
        let connector = Arc::new(connector);
        let (delivery, receiver) = (self.clone(), Arc::new(receiver));
        self.tracker.spawn(async move {
            let mut running: HashMap<TopicPartition, CancellationToken> = HashMap::new();
            loop {
                let assignment = tokio::select! {
                    () = delivery.stop.cancelled() => return,
                    assignment = assignments.next() => assignment,
                };
                match assignment {
                    None => return,
                    Some(Assignment::Lost(at)) => {
                        if let Some(stop) = running.remove(&at) {
                            stop.cancel();
                        }
                    }
                    Some(Assignment::Gained(feed)) => {
                        let stop = delivery.stop.child_token();
                        let at = feed.at().clone();
                        let task = Task::new(&delivery, &connector, &receiver, feed, stop.clone());
                        let abandon = delivery.abandon.clone();
                        delivery.tracker.spawn(async move { abandon.run_until_cancelled(task.run()).await });
                        running.insert(at, stop);
                    }
                }
            }
        });
        Ok(())
    }
}
