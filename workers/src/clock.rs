//! The worker's clock: tells the bus now and then that time passes, so that what is due by schedules is started. Several
//! workers may: any number of ticks is as good as one.

use std::{sync::Arc, time::Duration};

use minireipaz::{
    bus::{BusConfig, EventBus},
    clock::Clock,
    ticks,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Where ticks go, and how often.
#[derive(Debug, Clone)]
pub struct ClockSettings {
    /// The event bus. `KAFKA_REST_URL` and what belongs to it, as for the functions; without it the worker does not tick.
    pub bus: BusConfig,
    /// How often. `WORKER_TICK`, default `5s`.
    pub every: Duration,
}

impl ClockSettings {
    /// How often when nobody says.
    pub const EVERY: Duration = Duration::from_secs(5);
    /// The shortest time between two ticks.
    pub const SHORTEST: Duration = Duration::from_millis(100);
}

/// Ticks until it is to stop. One that the bus does not take is told of and not sent again: the next one is as good.
pub(crate) async fn tick(
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    every: Duration,
    stop: CancellationToken,
) {
    let mut pace = interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ticking = async {
        loop {
            pace.tick().await;
            if let Err(error) = ticks::publish(&*bus, clock.now()).await {
                tracing::warn!(%error, "the bus does not take a tick: schedules wait for the next one");
            }
        }
    };
    let _ = stop.run_until_cancelled(ticking).await;
}

#[cfg(test)]
mod tests {
    use domain::event::Payload;
    use minireipaz::{bus::memory::MemoryBus, clock::SystemClock};
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_ticks_as_often_as_it_is_set_to_and_one_that_is_not_taken_ends_nothing() {
        let (bus, stop) = (Arc::new(MemoryBus::new()), CancellationToken::new());
        let every = Duration::from_secs(5);
        let mut clock = JoinSet::new();
        clock.spawn(tick(Arc::clone(&bus) as _, Arc::new(SystemClock), every, stop.clone()));
        let begin = tokio::time::Instant::now();
        // The first is at once, so that what became due while no worker was there is started.
        tokio::time::advance(Duration::from_millis(1)).await;
        tokio::time::sleep_until(begin + Duration::from_secs(11)).await;
        let told = bus.take();
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|event| matches!(event.payload, Payload::ClockTicked(_))));
        bus.fail_with(Some(minireipaz::bus::BusError::Unavailable {
            reason: "tested".into(),
            retry_after: None,
        }));
        tokio::time::sleep_until(begin + Duration::from_secs(16)).await;
        bus.fail_with(None);
        tokio::time::sleep_until(begin + Duration::from_secs(21)).await;
        assert_eq!(bus.take().len(), 1);
        stop.cancel();
        clock.join_next().await.unwrap().unwrap();
    }
}
