//! What is wanted of runs that go on, for the workers.

use super::CONSUMER;
use crate::bus::{BusError, EventBus};
use domain::{dead_letter::DeadLetter, event::Event, timestamp::Timestamp};

/// Publishes all of it in one request. What the bus will never take becomes a dead letter: no run ends or waits for ever
/// by that, and whoever asked for it can ask again.
///
/// # Errors
/// When it is not known whether the bus has it all.
pub(super) async fn publish(
    bus: &dyn EventBus,
    controls: &[Event],
    now: Timestamp,
) -> Result<Vec<DeadLetter>, BusError> {
    if controls.is_empty() {
        return Ok(Vec::new());
    }
    match bus.publish(controls).await {
        Ok(()) => return Ok(Vec::new()),
        Err(BusError::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    // One of them is refused for good, and which one is not said: each for itself, in their order.
    let mut lost = Vec::new();
    for event in controls {
        match bus.publish(std::slice::from_ref(event)).await {
            Ok(()) => {}
            Err(BusError::Refused { code, message, .. }) => lost.push(letter(event, code, &message, now)),
            Err(error) => return Err(error),
        }
    }
    Ok(lost)
}

fn letter(event: &Event, code: i64, message: &str, now: Timestamp) -> DeadLetter {
    let reason = format!("the event bus does not take it (code {code}): {message}");
    tracing::warn!(reason, "what is wanted of a run cannot be handed to its worker");
    let record = serde_json::to_vec(event).unwrap_or_default();
    DeadLetter::new(CONSUMER, &reason, &record, event.tenant.as_str(), now)
}
