//! Calls in batches, with a pause between them.

use std::time::{Duration, Instant};

use domain::kinds::http_request::Batch;

use super::failure::CallFailure;

/// How many calls may begin before the next pause.
#[derive(Debug)]
pub(super) struct Batches {
    /// `None`: there are no pauses.
    batch: Option<Batch>,
    left: usize,
}

impl Batches {
    pub(super) fn of(batch: Option<&Batch>) -> Self {
        Self { batch: batch.cloned(), left: batch.map_or(0, |batch| batch.size.0) }
    }

    /// Whether a further call may begin; it is counted.
    pub(super) fn begin_one(&mut self) -> bool {
        if self.batch.is_none() {
            return true;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    /// The pause that the next call waits for; `None`: for none.
    pub(super) fn pause(&self) -> Option<Duration> {
        let batch = self.batch.as_ref().filter(|_| self.left == 0)?;
        Some(batch.pause.map_or(Duration::ZERO, |pause| pause.0))
    }

    /// The next batch begins.
    pub(super) fn begin_batch(&mut self) {
        self.left = self.batch.as_ref().map_or(0, |batch| batch.size.0);
    }
}

/// Waits between calls; no thread and no place at a host waits with it.
///
/// # Errors
/// At once, when the attempt's time is up before the pause is over.
pub(super) async fn rest(pause: Duration, deadline: Instant, limit: Duration) -> Result<(), CallFailure> {
    let left = deadline.saturating_duration_since(Instant::now());
    if pause.is_zero() {
        return Ok(());
    }
    if pause >= left {
        return Err(CallFailure::pause_too_long(pause, limit));
    }
    tokio::time::sleep(pause).await;
    Ok(())
}
