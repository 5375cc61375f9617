//! The worker's sign of life: every few seconds it tells the store that it is there, and how far behind.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use domain::{
    heartbeat::{Heartbeat, MAX_BREAKERS, OpenBreaker},
    timestamp::Timestamp,
};
use futures_util::FutureExt as _;
use minireipaz::{clock::Clock, store::Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{recorder::Backlog, runner::Runner, vitals::Vitals};

/// Between two of them; one that takes longer is given up.
const EVERY: Duration = Duration::from_secs(10);

/// Beats.
pub(crate) struct Heart {
    /// Its address among its peers, or where it listens.
    pub(crate) worker: String,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) runner: Runner,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Heart {
    /// Beats until `stop`. While the store is away nobody hears it, and nothing else waits for it.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let started_at = self.clock.now();
        let beats = async {
            loop {
                let beat = self.beat(started_at);
                let told = AssertUnwindSafe(self.store.beat(&beat)).catch_unwind();
                match tokio::time::timeout(EVERY, told).await {
                    Ok(Ok(Ok(()))) => {}
                    Ok(Ok(Err(error))) => tracing::debug!(%error, "the heartbeat is not recorded"),
                    Ok(Err(_)) => tracing::error!("the store panicked over a heartbeat"),
                    Err(_) => tracing::debug!("the heartbeat is not recorded: the store does not answer"),
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        stop.run_until_cancelled(beats).await;
    }

    fn beat(&self, started_at: Timestamp) -> Heartbeat {
        let now = self.clock.now();
        let open = self.runner.open_breakers(Instant::now());
        let breakers = open.into_iter().take(MAX_BREAKERS).map(|(tenant, destination, remaining)| {
            OpenBreaker { tenant, destination, until: now.plus(remaining) }
        });
        let (rows, bytes, oldest) = self.backlog.waiting();
        let unrecorded = oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
        Heartbeat {
            worker: self.worker.clone(),
            at: now,
            started_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            active_runs: self.vitals.active_runs(),
            backlog_rows: rows as u64,
            backlog_bytes: bytes as u64,
            unrecorded_ms: u64::try_from(unrecorded.as_millis()).unwrap_or(u64::MAX),
            topics: self.vitals.topics(),
            breakers: breakers.collect(),
        }
    }
}
