//! A bus that keeps what was published, for tests.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{BusError, EventBus};
use domain::event::{Event, Topic};

/// Keeps published events; can be told to fail.
#[derive(Debug, Default)]
pub struct MemoryBus {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    failure: Option<BusError>,
}

impl MemoryBus {
    /// An empty bus.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All events so far, the first first.
    #[must_use]
    pub fn published(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// The events of one topic so far.
    #[must_use]
    pub fn on(&self, topic: Topic) -> Vec<Event> {
        self.lock().events.iter().filter(|event| event.payload.topic() == topic).cloned().collect()
    }

    /// Takes all events out.
    #[must_use]
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock().events)
    }

    /// From now on every call fails with `failure`, or succeeds again when it is `None`.
    pub fn fail_with(&self, failure: Option<BusError>) {
        self.lock().failure = failure;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventBus for MemoryBus {
    async fn publish(&self, events: &[Event]) -> Result<(), BusError> {
        self.ping().await?;
        self.lock().events.extend_from_slice(events);
        Ok(())
    }

    async fn ping(&self) -> Result<(), BusError> {
        self.lock().failure.clone().map_or(Ok(()), Err)
    }
}
