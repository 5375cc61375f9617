//! A bus that keeps what it is given, and fails, refuses or halts on demand.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use domain::event::{Event, Topic};
use minireipaz::bus::{BusError, EventBus};
use tokio::sync::Semaphore;

/// The bus.
pub struct TestBus {
    events: Mutex<Vec<Event>>,
    delivered: AtomicUsize,
    pub calls: AtomicUsize,
    down: AtomicBool,
    /// Largest event that it takes, as JSON.
    largest: AtomicUsize,
    gate: Semaphore,
}

impl Default for TestBus {
    fn default() -> Self {
        Self {
            events: Mutex::default(),
            delivered: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            down: AtomicBool::new(false),
            largest: AtomicUsize::new(usize::MAX),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }
}

impl TestBus {
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub fn refuse_above(&self, bytes: usize) {
        self.largest.store(bytes, Ordering::SeqCst);
    }

    /// From now on nothing is published until [`TestBus::open`].
    pub fn halt(&self) {
        self.gate.forget_permits(usize::MAX);
    }

    pub fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// Takes out all that it was given.
    pub fn take(&self) -> Vec<Event> {
        self.delivered.store(0, Ordering::SeqCst);
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    pub fn of_topic(&self, topic: Topic) -> Vec<Event> {
        self.events().into_iter().filter(|event| event.payload.topic() == topic).collect()
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub fn take_for_scheduler(&self) -> Vec<Event> {
        let all = self.of_topic(Topic::Workflows);
        let from = self.delivered.swap(all.len(), Ordering::SeqCst);
        all[from..].to_vec()
    }
}

#[async_trait]
impl EventBus for TestBus {
    async fn publish(&self, events: &[Event]) -> Result<(), BusError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let _open = self.gate.acquire().await.unwrap();
        self.ping().await?;
        for event in events {
            let bytes = serde_json::to_string(event).unwrap().len();
            if bytes > self.largest.load(Ordering::SeqCst) {
                let message = format!("{bytes} bytes are above max.message.bytes");
                return Err(BusError::Refused { topic: event.payload.topic(), code: 40002, message });
            }
        }
        self.events.lock().unwrap().extend_from_slice(events);
        Ok(())
    }

    async fn ping(&self) -> Result<(), BusError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(BusError::Unavailable { reason: "tested".into(), retry_after: None });
        }
        Ok(())
    }
}
