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

#[cfg(test)]
mod tests {
    use domain::timestamp::Timestamp;
    use files::{FileStore, FilesSettings};
    use minireipaz::clock::{ManualClock, SystemClock};
    use tokio_util::task::TaskTracker;
    use url::Url;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    struct Place {
        url: Url,
        _folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { url: Url::from_directory_path(folder.path()).unwrap(), _folder: folder }
        }

        /// The files of a worker at this place.
        fn worker(&self) -> Files {
            let store = FileStore::open(&FilesSettings::new(self.url.clone())).unwrap();
            Files::new(Arc::new(store), 1 << 30, 3)
        }
    }

    async fn store(files: &Files, tenant: &str, bytes: &'static str) {
        let mut upload = files.store.upload(&tenant.parse().unwrap());
        upload.write(bytes.into()).await.unwrap();
        upload.finish().await.unwrap();
    }

    async fn count(files: &Files) -> u64 {
        let mut used = 0;
        for tenant in ["acme", "other"] {
            used += files.store.used(&tenant.parse().unwrap()).await.unwrap();
        }
        used / files::charge(1)
    }

    /// Time is tokio's and stands still but for waiting, so an hour is over as soon as nothing else is to be done.
    #[tokio::test(start_paused = true)]
    async fn any_worker_deletes_what_is_old_of_all_tenants_and_goes_on_doing_so() {
        let place = Place::new();
        let gone = place.worker();
        store(&gone, "acme", "one").await;
        store(&gone, "other", "two").await;
        drop(gone);

        let here = place.worker();
        let now: Timestamp = SystemClock.now();
        let clock = Arc::new(ManualClock::at(now.plus(29 * DAY)));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(sweep(here.clone(), Arc::clone(&clock) as Arc<dyn Clock>, stop.clone()));
        tokio::time::sleep(2 * EVERY).await;
        assert_eq!(count(&here).await, 2, "not old yet");
        clock.advance(2 * DAY);
        tokio::time::sleep(2 * EVERY).await;
        assert_eq!(count(&here).await, 0, "both are gone");
        // What is stored now has the system's time, which is 31 days before the clock's.
        store(&here, "acme", "three").await;
        tokio::time::sleep(2 * EVERY).await;
        assert_eq!(count(&here).await, 0, "and what comes later goes too");
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }

    /// Others store and sweep while this one is away, and where nobody sweeps, what is old is not given all the same.
    #[tokio::test(start_paused = true)]
    async fn what_is_old_is_not_given_while_no_worker_is_there() {
        let place = Place::new();
        let files = place.worker();
        store(&files, "acme", "one").await;
        let id = domain::file::FileId::of_hash(&<sha2::Sha256 as sha2::Digest>::digest(b"one"));
        let acme = "acme".parse().unwrap();
        assert_eq!(files.store.size(&acme, &id, SystemClock.now()).await.unwrap(), 3);
        let later = SystemClock.now().plus(31 * DAY);
        assert!(files.store.size(&acme, &id, later).await.is_err());
        assert_eq!(count(&files).await, 1, "though it is there");
    }
}
