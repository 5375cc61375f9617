//! Whether the parts that a request needs can be reached.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, time::Instant};

use super::problem::ApiError;
use crate::{bus::EventBus, store::Store};

/// How long a part may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long an answer is good for: anybody may ask, and nobody is to overload the parts by asking.
const FRESH: Duration = Duration::from_secs(1);

/// The parts, and which of them can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// The event bus.
    pub bus: bool,
    /// The store.
    pub store: bool,
}

impl Health {
    /// Itself, when all parts can be reached.
    ///
    /// # Errors
    /// 503 that says which cannot.
    pub fn all_up(self) -> Result<Self, ApiError> {
        let down: Vec<_> = [("the event bus", self.bus), ("the store", self.store)]
            .into_iter()
            .filter(|(_, up)| !up)
            .collect();
        if down.is_empty() {
            return Ok(self);
        }
        let names: Vec<_> = down.into_iter().map(|(name, _)| name).collect();
        let detail = format!("not reached: {}", names.join(", "));
        Err(ApiError::unavailable("part_down", detail, FRESH))
    }
}

/// Asks the parts, once a second at most.
pub struct Checkup {
    bus: Arc<dyn EventBus>,
    store: Arc<dyn Store>,
    last: Mutex<Option<(Instant, Health)>>,
}

impl Checkup {
    /// A checkup of these parts.
    #[must_use]
    pub fn new(bus: Arc<dyn EventBus>, store: Arc<dyn Store>) -> Self {
        Self { bus, store, last: Mutex::new(None) }
    }

    /// How the parts are.
    pub async fn check(&self) -> Health {
        let mut last = self.last.lock().await;
        if let Some((at, health)) = *last
            && at.elapsed() < FRESH
        {
            return health;
        }
        let (bus, store) = tokio::join!(
            tokio::time::timeout(PATIENCE, self.bus.ping()),
            tokio::time::timeout(PATIENCE, self.store.ping()),
        );
        if let Ok(Err(error)) = &bus {
            tracing::warn!(%error, "the event bus cannot be reached");
        }
        if let Ok(Err(error)) = &store {
            tracing::warn!(%error, "the store cannot be reached");
        }
        let health = Health { bus: matches!(bus, Ok(Ok(()))), store: matches!(store, Ok(Ok(()))) };
        *last = Some((Instant::now(), health));
        health
    }
}
