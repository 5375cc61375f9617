//! Statistics, and how far behind the system is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Tenants;
use crate::{
    service::Caller,
    store::{StatsAsk, StoreError},
};
use domain::{
    heartbeat::{Heartbeat, TopicLag},
    ids::WorkflowId,
    stats::{Bucket, HOUR_MS, RunStats},
    timestamp::Timestamp,
};

/// A worker that said nothing for so long is not counted on.
const ALIVE: Duration = Duration::from_secs(60);

/// Above it the series is by day.
const BY_HOUR: Duration = Duration::from_hours(72);

/// Of which time and of what statistics are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsWindow {
    /// Of this workflow alone.
    pub workflow: Option<WorkflowId>,
    /// The window's first moment: the hour that it is in is the first.
    pub from: Timestamp,
    /// The first moment after it: the hour that it is in, unless that begins with it, is the last.
    pub to: Timestamp,
    /// How long a point of the series is; `None`: an hour in windows of up to three days, else a day.
    pub bucket: Option<Bucket>,
}

/// Statistics, and how far behind the system is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Overview {
    /// What became of the runs.
    pub runs: RunStats,
    /// Of the runs that were not cancelled the part that succeeded, 0 to 1; missing without any.
    pub success_rate: Option<f64>,
    /// How far behind the system is.
    pub lag: Lag,
    /// Hosts that are not called for a while, since the last calls of your steps to them failed.
    pub breakers: Vec<OpenBreakerShown>,
}

/// How far behind the system is, as its workers said last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Lag {
    /// Workers that have given a sign of life within the last minute.
    pub workers: usize,
    /// When the last one did.
    pub seen_at: Option<Timestamp>,
    /// For how long the oldest result waits that the store does not have yet, in milliseconds: so old may be what lists and
    /// statistics show.
    pub recorder_ms: Option<u64>,
    /// How old the newest event of each topic was when it was handled, at the worker that was behind most.
    pub topics: Vec<TopicLag>,
}

/// An open circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OpenBreakerShown {
    /// Scheme, host and port.
    pub destination: String,
    /// When one call is tried again.
    pub until: Timestamp,
}

impl Tenants {
    /// Statistics of the caller's runs.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn overview(&self, caller: &Caller, window: StatsWindow) -> Result<Overview, StoreError> {
        let now = self.clock.now();
        let from = Bucket::Hour.start(window.from);
        let to = Bucket::Hour.start(Timestamp::from_millis(window.to.as_millis() + HOUR_MS - 1));
        let bucket =
            window.bucket.unwrap_or(if to.since(from) <= BY_HOUR { Bucket::Hour } else { Bucket::Day });
        let tenant = caller.tenant.clone();
        let ask = StatsAsk { tenant, workflow: window.workflow, from, to, bucket, now };
        let (runs, beats) =
            futures_util::try_join!(self.store.run_stats(&ask), self.store.heartbeats(now.minus(ALIVE)))?;
        let success_rate = runs.totals.success_rate();
        Ok(Overview { runs, success_rate, lag: lag(&beats), breakers: breakers(caller, &beats, now) })
    }
}

fn lag(beats: &[Heartbeat]) -> Lag {
    let mut topics: Vec<TopicLag> = Vec::new();
    for lag in beats.iter().flat_map(|beat| &beat.topics) {
        match topics.iter_mut().find(|known| known.topic == lag.topic) {
            None => topics.push(lag.clone()),
            Some(known) if known.lag_ms < lag.lag_ms => *known = lag.clone(),
            Some(_) => {}
        }
    }
    topics.sort_by(|a, b| a.topic.cmp(&b.topic));
    Lag {
        workers: beats.len(),
        seen_at: beats.iter().map(|beat| beat.at).max(),
        recorder_ms: beats.iter().map(|beat| beat.unrecorded_ms).max(),
        topics,
    }
}

/// Those of the caller alone: whom others call is not theirs to know.
fn breakers(caller: &Caller, beats: &[Heartbeat], now: Timestamp) -> Vec<OpenBreakerShown> {
    let own = beats.iter().flat_map(|beat| &beat.breakers).filter(|breaker| breaker.tenant == caller.tenant);
    let mut shown: Vec<OpenBreakerShown> = Vec::new();
    for breaker in own.filter(|breaker| breaker.until > now) {
        match shown.iter_mut().find(|known| known.destination == breaker.destination) {
            Some(known) => known.until = known.until.max(breaker.until),
            None => {
                let destination = breaker.destination.clone();
                shown.push(OpenBreakerShown { destination, until: breaker.until });
            }
        }
    }
    shown.sort_by(|a, b| a.destination.cmp(&b.destination));
    shown
}
