//! The quota over a real folder.

use std::time::Duration;

use files::FilesSettings;
use tempfile::TempDir;
use url::Url;

use super::*;

fn store() -> (TempDir, Arc<FileStore>) {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path()).unwrap();
    (folder, Arc::new(FileStore::open(&FilesSettings::new(url)).unwrap()))
}

fn worker(store: &Arc<FileStore>, most: u64, workers: u64) -> Arc<Quota> {
    Arc::new(Quota::new(Arc::clone(store), most, workers))
}

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

/// Stores a file of that size as a step does.
async fn stores(quota: &Arc<Quota>, name: u8, size: usize) -> Result<(), NotCounted> {
    let mut counted = quota.begin(&acme()).await?;
    counted.more(size).await?;
    let mut upload = quota.store.upload(&acme());
    upload.write(vec![name; size].into()).await?;
    if upload.finish().await?.is_new {
        counted.keep();
    }
    Ok(())
}

fn is_above(result: &Result<(), NotCounted>) -> bool {
    matches!(result, Err(NotCounted::AboveQuota { .. }))
}

#[tokio::test]
async fn what_is_not_kept_is_given_back_and_the_smallest_file_counts() {
    let (_folder, store) = store();
    let quota = worker(&store, 10_000, 1);
    let mut kept = quota.begin(&acme()).await.unwrap();
    kept.more(0).await.unwrap();
    kept.more(5_000).await.unwrap();
    kept.keep();
    let mut dropped = quota.begin(&acme()).await.unwrap();
    dropped.more(1).await.unwrap();
    let mut refused = quota.begin(&acme()).await.unwrap();
    // Nothing was really stored, so counting would find room: it is too early for that.
    quota.account(&acme()).tally().count(5_000, 5_000, (10_000, 1), Instant::now());
    let error = refused.more(1_000).await.unwrap_err().to_string();
    assert!(error.contains("10000 bytes together (WORKER_MAX_FILE_BYTES_PER_TENANT)"), "{error}");
    assert!(!error.contains("parts"), "{error}");
    drop(refused);
    drop(dropped);
    let mut last = quota.begin(&acme()).await.unwrap();
    last.more(5_000).await.unwrap();
    assert!(last.more(1).await.is_err());
}

#[tokio::test]
async fn two_workers_see_what_the_other_has_stored_when_they_count_again() {
    let (_folder, store) = store();
    let (one, other) = (worker(&store, 100_000, 2), worker(&store, 100_000, 2));
    stores(&one, 1, 40_000).await.unwrap();
    stores(&other, 2, 30_000).await.unwrap();
    // 70,000 are there. The first may store 10,000 more without asking, and 15,000 after it has asked.
    stores(&one, 3, 15_000).await.unwrap();
    let refused = stores(&other, 4, 15_000).await;
    assert!(is_above(&refused), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("one of 2 parts of what is left"));
    stores(&other, 5, 7_000).await.unwrap();
    assert!(store.used(&acme()).await.unwrap() <= 100_000);
}

#[tokio::test]
async fn many_workers_that_store_all_they_can_stay_below_the_bound() {
    let (_folder, store) = store();
    let workers: Vec<_> = (0..4).map(|_| worker(&store, 1_000_000, 4)).collect();
    for name in 0..=u8::MAX {
        let _ = stores(&workers[usize::from(name) % 4], name, 10_000).await;
    }
    let used = store.used(&acme()).await.unwrap();
    assert!((900_000..=1_000_000).contains(&used), "{used}");
}

#[tokio::test(start_paused = true)]
async fn room_that_others_have_made_is_found_after_a_while() {
    let (_folder, store) = store();
    let quota = worker(&store, 10_000, 1);
    stores(&quota, 1, 8_000).await.unwrap();
    assert!(is_above(&stores(&quota, 2, 8_000).await));
    let long = std::time::Duration::from_secs(40 * 24 * 3600);
    let now = minireipaz::clock::Clock::now(&minireipaz::clock::SystemClock);
    store.sweep(now.plus(long)).await.unwrap();
    assert!(is_above(&stores(&quota, 2, 8_000).await), "nobody is asked at once again");
    tokio::time::advance(Duration::from_secs(10)).await;
    stores(&quota, 2, 8_000).await.unwrap();
}
