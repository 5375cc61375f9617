//! Old files go.

use std::{sync::Arc, time::Duration};

use metrics::counter;
use minireipaz::{clock::Clock, telemetry::names};
use tokio_util::sync::CancellationToken;

use super::Files;
use crate::crash_points::{CrashPoint, pass};

/// Between two sweeps.
const EVERY: Duration = Duration::from_secs(3600);

/// Deletes what is older than files are kept: now, and then once an hour.
pub(crate) async fn sweep(files: Files, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let forever = async {
        loop {
            match files.store.sweep(clock.now()).await {
                Ok(swept) => {
                    if swept.deleted > 0 {
                        pass(CrashPoint::FilesSwept);
                    }
                    counter!(names::WORKER_FILES_SWEPT).increment(swept.deleted as u64);
                    tracing::debug!(?swept, "old files were looked for");
                }
                Err(error) => {
                    tracing::warn!(?error, "old files cannot be deleted; the next try is in an hour");
                }
            }
            files.quota.forget();
            tokio::time::sleep(EVERY).await;
        }
    };
    stop.run_until_cancelled(forever).await;
}
