//! Ticks: whoever has a clock tells the bus that time passes, and the scheduler looks at what is due.

use domain::{
    event::{ClockTicked, Event, Payload},
    timestamp::Timestamp,
};

use crate::bus::{BusError, EventBus};

/// Tells that time has passed: when this returns, the bus has it.
///
/// # Errors
/// When the bus does not take it. The next tick is as good.
pub async fn publish(bus: &dyn EventBus, at: Timestamp) -> Result<(), BusError> {
    let refused = |why: String| BusError::Unavailable { reason: why, retry_after: None };
    let tick = Event {
        id: uuid::Uuid::now_v7().to_string(),
        time: at,
        tenant: ClockTicked::tenant().map_err(|error| refused(error.to_string()))?,
        traceparent: None,
        payload: Payload::ClockTicked(ClockTicked { at }),
    };
    bus.publish(std::slice::from_ref(&tick)).await
}
