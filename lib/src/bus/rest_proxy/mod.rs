//! The event bus over a Confluent REST Proxy: Confluent Cloud, a self-hosted proxy, or our bridge.
//!
//! Publishes of one process that meet are coalesced into one request a topic; a lone one goes at once.

mod batch;
mod producer;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;

use tokio::join;

use super::{BusConfig, BusError, EventBus};
use crate::batching::{BatchError, BatchLimits, Coalescer, Load, Whose, no_pacing, whose};
use domain::event::{Event, Topic};
use producer::Producer;

/// The largest request: the proxy streams it, so this only bounds what one lost connection makes uncertain.
const MAX_REQUEST: Load = Load { items: 500, bytes: 4_000_000 };
/// So much may wait for a request to end before publishers are turned away.
const MAX_QUEUE: Load = Load { items: 20_000, bytes: 64_000_000 };
/// Two, so that a batch that is being retried does not hold up all others; no more, so that batches grow under
/// load: Confluent counts requests (25/s on small clusters), not records.
const IN_FLIGHT: usize = 2;

/// Records of one publish, encoded.
type Records = Vec<Vec<u8>>;
type Lane = Coalescer<Records, Result<(), BusError>, BusError>;

/// A client of the REST Proxy's produce API.
#[derive(Debug)]
pub struct RestProxy {
    producer: Arc<Producer>,
    workflows: Lane,
    tasks: Lane,
}

impl RestProxy {
    /// A client with the given settings. Connects when it is first used.
    #[must_use]
    pub fn new(config: BusConfig) -> Self {
        let producer = Arc::new(Producer::new(config));
        let lane = |topic: Topic| {
            let producer = Arc::clone(&producer);
            let limits =
                BatchLimits { in_flight: IN_FLIGHT, batch: MAX_REQUEST, queue: MAX_QUEUE, pacing: no_pacing };
            Coalescer::new(limits, load, move |publishes| {
                let producer = Arc::clone(&producer);
                async move { Ok(producer.produce(topic, publishes).await) }
            })
        };
        Self { workflows: lane(Topic::Workflows), tasks: lane(Topic::Tasks), producer }
    }

    /// Publishes the records of one topic, in as many requests as their size needs, one after another so that their
    /// order is kept.
    async fn publish_to(&self, topic: Topic, whose: &Whose, records: Records) -> Result<(), BusError> {
        let lane = match topic {
            Topic::Workflows => &self.workflows,
            Topic::Tasks => &self.tasks,
        };
        for records in split(records) {
            lane.submit(whose.clone(), records).await.unwrap_or_else(|error| Err(not_sent(&error)))?;
        }
        Ok(())
    }
}

#[async_trait]
impl EventBus for RestProxy {
    async fn publish(&self, events: &[Event]) -> Result<(), BusError> {
        let (mut workflows, mut tasks) = (Records::new(), Records::new());
        for event in events {
            let records = match event.payload.topic() {
                Topic::Workflows => &mut workflows,
                Topic::Tasks => &mut tasks,
            };
            records.push(self.producer.encode(event)?);
        }
        let whose = whose(events.iter().map(|event| &event.tenant));
        // All topics are waited for, so that a failure of one does not withdraw what the other is about to send.
        let (first, second) = join!(
            self.publish_to(Topic::Workflows, &whose, workflows),
            self.publish_to(Topic::Tasks, &whose, tasks)
        );
        first.and(second)
    }

    async fn ping(&self) -> Result<(), BusError> {
        self.producer.ping().await
    }
}

fn load(records: &Records) -> Load {
    Load { items: records.len(), bytes: records.iter().map(Vec::len).sum() }
}

/// Cuts the records into requests that keep to [`MAX_REQUEST`]; a record that is larger goes alone.
fn split(records: Records) -> Vec<Records> {
    let mut requests: Vec<Records> = Vec::with_capacity(1);
    let mut size = Load::ZERO;
    for record in records {
        size = Load { items: size.items + 1, bytes: size.bytes + record.len() };
        match requests.last_mut() {
            Some(request) if size.items <= MAX_REQUEST.items && size.bytes <= MAX_REQUEST.bytes => {
                request.push(record);
            }
            _ => {
                size = Load { items: 1, bytes: record.len() };
                requests.push(vec![record]);
            }
        }
    }
    requests
}

fn not_sent(error: &BatchError<BusError>) -> BusError {
    match error {
        BatchError::Failed(error) => BusError::clone(error),
        BatchError::Full { .. } | BatchError::Stopped => {
            BusError::Unavailable { reason: error.to_string(), retry_after: None }
        }
    }
}

#[cfg(test)]
mod tests;
