//! What concerns a tenant as a whole: statistics, alerts, dead letters.

mod alerts;
mod letters;
mod stats;

use std::sync::Arc;

pub use alerts::AlertError;
pub use letters::LetterError;
pub use stats::{Lag, OpenBreakerShown, Overview, StatsWindow};

use crate::{bus::EventBus, clock::Clock, store::Store};

/// Use cases of a tenant as a whole.
pub struct Tenants {
    store: Arc<dyn Store>,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
}

impl Tenants {
    /// Use cases over these.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, bus: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> Self {
        Self { store, bus, clock }
    }
}
